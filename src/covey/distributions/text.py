"""How a distribution is printed."""

from covey.distributions.kind import Kind

ROWS, COLUMNS = 5, 8


def describe(kind: str, joint: Kind, n_rows: int) -> str:
    """A few rows as `mean ± stddev`, and the correlations when there is only one row.

    Args:
        kind: what the distribution is called.
        joint: an `Elliptical`; of a batch of more than five rows the first five at least.
        n_rows: N, how many rows there are.

    Returns:
        Several lines of text.
    """
    n, d, targets = n_rows, len(joint.targets), joint.targets
    few = joint[:ROWS]._marginal(list(range(min(d, COLUMNS))))
    mean, stddev = few.mean, few.stddev
    head = f"{kind}: {n} {'row' if n == 1 else 'rows'}, {d} {'target' if d == 1 else 'targets'}"
    shown = targets[:COLUMNS]
    cells = [["", *shown]]
    cells += [
        [str(i), *(f"{m:.4g} ± {s:.2g}" for m, s in zip(mean[i], stddev[i], strict=True))]
        for i in range(min(n, ROWS))
    ]
    lines = [head, *_aligned(cells, more=d > COLUMNS)]
    if n > ROWS:
        lines.append(f"... {n - ROWS} more rows")
    if n == 1 and d > 1:
        table = [["", *shown]]
        table += [
            [name, *(f"{value:.2f}" for value in few.correlation[0, i])]
            for i, name in enumerate(shown)
        ]
        lines += ["correlation", *_aligned(table, more=d > COLUMNS)]
    return "\n".join(lines)


def _aligned(cells: list[list[str]], *, more: bool) -> list[str]:
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    tail = "  ..." if more else ""
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + tail
        for row in cells
    ]
