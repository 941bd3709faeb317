"""How numbers with an uncertainty are written, and how a distribution is shown, as text or HTML."""

from __future__ import annotations

from html import escape
from math import floor, isfinite, log10

from covey.distributions.kind import Kind
from covey.errors import counted

ROWS, COLUMNS = 5, 8
LONGEST = 24  # letters of a name that are shown above a column
EXACT = 15  # digits that a float64 holds
# Notebooks are light or dark: all colours are that of the text around.
STYLE = (
    "<style>.covey{overflow-x:auto;font-variant-numeric:tabular-nums;line-height:1.45}"
    ".covey table{border-collapse:collapse;margin:.4em 0;background:none;color:inherit}"
    ".covey th,.covey td{padding:.2em .8em .2em 0;text-align:right;white-space:nowrap;"
    "background:none;color:inherit;border:0}"
    ".covey th{font-weight:600;white-space:normal;overflow-wrap:break-word;max-width:18em}"
    ".covey tr:first-child>*{border-bottom:1px solid currentColor}"
    ".covey :is(th,td):first-child{text-align:left}"
    ".covey p{margin:.2em 0;max-width:50em}.covey small{opacity:.7}"
    "</style>"
)


def measured(value: float, error: float) -> str:
    """A value with its standard deviation: two digits of that, and the value to the same place.

    Args:
        value: in any unit.
        error: its standard deviation, in the same unit, not negative; 0 is exact.

    Returns:
        Text such as "-122.335 ± 0.026"; "(1.234 ± 0.012)e+15" for huge and tiny numbers.

    References:
        Particle Data Group (2024), Review of Particle Physics, section 5.3, on rounding.
    """
    value, error = float(value), float(error)
    if not (isfinite(value) and isfinite(error)):
        return f"{value:.4g} ± {error:.2g}"
    size, last = max(_place(value), _place(error)), _place(error)
    if not error or last < size - EXACT + 2 or size < -300:
        return f"{rounded(value, error)} ± {error:.2g}"
    if _plain(value, error):
        return f"{_short(value, error)} ± {_short(error, error)}"
    value, error = value / 10.0**size, error / 10.0**size
    return f"({_short(value, error)} ± {_short(error, error)})e{size:+03d}"


def rounded(value: float, error: float) -> str:
    """A value to the place of the second digit of its standard deviation.

    Args:
        value: in any unit.
        error: its standard deviation, in the same unit, not negative; with 0 six digits are kept.

    Returns:
        Text, such as "-122.335" for an error of 0.026.
    """
    value, error = float(value), float(error)
    if not (isfinite(value) and isfinite(error)):
        return f"{value:.4g}"
    if not error:
        return f"{value:.6g}"
    if _plain(value, error):
        return _short(value, error)
    digits = _place(value) - _place(float(f"{error:.1e}")) + 2
    return f"{value:.{min(max(digits, 1), EXACT)}g}"


def _plain(value: float, error: float) -> bool:
    """Whether the digits need no power of ten to be read."""
    size, last = max(_place(value), _place(error)), _place(error)
    return -4 <= size < 9 and last >= -8


def _short(value: float, error: float) -> str:
    # of 0.0996 two digits are 0.10: where the error rounds up, its place moves
    decimals = 1 - _place(float(f"{error:.1e}"))
    return f"{round(value, decimals) + 0.0:.{max(decimals, 0)}f}"


def _place(value: float) -> int:
    """The power of ten of the first digit."""
    return floor(log10(abs(value))) if value else -(10**3)


def describe(kind: str, few: Kind, n_rows: int) -> str:
    """A few rows as `mean ± stddev`, and the correlations when there is only one row.

    Args:
        kind: what the distribution is called.
        few: the first five rows at least, of one kind that has mean, stddev and correlation.
        n_rows: N, how many rows there are.

    Returns:
        Several lines of text.
    """
    head, tables, more = _content(kind, few, n_rows)
    lines = [head]
    for title, cells in tables:
        shown = [[_clipped(name) for name in cells[0]]]
        shown += [[_clipped(row[0]), *row[1:]] for row in cells[1:]]
        lines += [title] if title else []
        lines += _aligned(shown, more=len(few.targets) > COLUMNS)
        if not title and more:
            lines.append(f"... {counted(more, 'more row')}")
    return "\n".join(lines)


def describe_html(kind: str, few: Kind, n_rows: int) -> str:
    """The same as HTML for notebooks: nothing to fetch, names escaped, light or dark.

    Args:
        kind: as for `describe`.
        few: as for `describe`.
        n_rows: as for `describe`.

    Returns:
        A `<div>`.
    """
    head, tables, more = _content(kind, few, n_rows)
    hidden = len(few.targets) - COLUMNS
    parts = [f"<p><strong>{escape(head)}</strong></p>"]
    for title, cells in tables:
        parts += [f"<p>{escape(title)}</p>"] if title else []
        parts.append(html_table(cells))
        notes = [counted(more, "more row")] if more and not title else []
        notes += [counted(hidden, "more target")] if hidden > 0 else []
        parts += [f"<p><small>... {', '.join(notes)}</small></p>"] if notes else []
    return html_block("".join(parts))


def html_block(content: str) -> str:
    """HTML with the style that all of Covey's displays in notebooks share.

    Args:
        content: HTML, of escaped text.

    Returns:
        A `<div>`.
    """
    return f'{STYLE}<div class="covey">{content}</div>'


def html_table(cells: list[list[str]]) -> str:
    """A table as HTML.

    Args:
        cells: rows of plain text, which is escaped here; the first row and column are headings.

    Returns:
        A `<table>`.
    """
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in cells[0])
    rows = [
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in cells[1:]
    ]
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _content(
    kind: str, joint: Kind, n_rows: int
) -> tuple[str, list[tuple[str, list[list[str]]]], int]:
    """The headline, tables with their titles, and how many rows are not in them."""
    n, d, targets = n_rows, len(joint.targets), joint.targets
    few = joint[:ROWS]._marginal(list(range(min(d, COLUMNS))))
    mean, stddev = few.mean, few.stddev
    head = f"{kind}: {n} {'row' if n == 1 else 'rows'}, {d} {'target' if d == 1 else 'targets'}"
    shown = targets[:COLUMNS]
    labels = range(len(mean)) if few.index is None else few.index
    cells = [["", *shown]]
    cells += [
        [str(label), *(measured(m, s) for m, s in zip(means, errors, strict=True))]
        for label, means, errors in zip(labels, mean, stddev, strict=True)
    ]
    tables = [("", cells)]
    if n == 1 and d > 1:
        table = [["", *shown]]
        table += [
            [name, *(f"{value:.2f}" for value in few.correlation[0, i])]
            for i, name in enumerate(shown)
        ]
        tables.append(("correlation", table))
    return head, tables, max(n - ROWS, 0)


def _clipped(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 11]}...{name[-8:]}"


def _aligned(cells: list[list[str]], *, more: bool) -> list[str]:
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    tail = "  ..." if more else ""
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + tail
        for row in cells
    ]
