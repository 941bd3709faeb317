"""Tables in workbooks of Excel."""

from __future__ import annotations

import io
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from covey.errors import InputError, clipped
from covey.files.foot import BEFORE, LAST, footers, tell_subtotals
from covey.files.layout import find_layout, units_row
from covey.files.names import finish, tidy
from covey.files.notes import quoted
from covey.files.second import refuse_second_in_sheet
from covey.table.vocabulary import ABSENT

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pandas as pd

    from covey.files.notes import Notes
    from covey.files.source import Source

__all__ = ["need_openpyxl", "read_workbook"]


def need_openpyxl() -> Any:
    """Import openpyxl, which reads and writes workbooks.

    Returns:
        The package.

    Raises:
        InputError: It is not installed.
    """
    try:
        import openpyxl
    except ImportError:
        raise InputError(
            "Expected openpyxl to be installed, which reads and writes .xlsx. Received: no such "
            'package. Install it: pip install "covey[excel]"; or save the table as .csv.'
        ) from None
    return openpyxl


class _Percent(float):
    """A cell that shows a percentage: 0.05 as 5%."""


def read_workbook(
    source: Source, sheet: str | None, percentages: Collection[str], notes: Notes
) -> pd.DataFrame:
    """Read the table of a workbook: of one sheet.

    Args:
        source: The file.
        sheet: Name of the sheet; None for the first that holds anything and is not hidden.
        percentages: Names of columns that earlier files had as text such as "5%": what shows as 5%
            comes as this text, and not as 0.05.
        notes: What is recognised beyond the plain is added to them.

    Returns:
        The table, of shape (N, F), with numbers, dates and text as the workbook has them.

    Raises:
        InputError: openpyxl is lacking, or there is no such sheet, or no table in it.
    """
    import pyarrow as pa

    rows = _rows(source, sheet, bool(percentages), notes)
    texts = [[_text(cell) for cell in row] for row in rows]
    width = max((sum(1 for cell in row if cell) and len(row) for row in texts), default=0)
    layout = find_layout(texts[:400], width)
    header = layout.header
    names = notes.call_columns(width) if header is None else texts[header]
    notes.leave_out(layout.above, "before the table")
    first = layout.first
    if first < len(texts) and layout.header is not None:
        below = [row for row in texts[first + 1 : first + BEFORE] if any(row)]
        if units_row(texts[first], below):
            notes.add(f"the line below the names left out ({quoted(texts[first])})")
            first += 1
    rows, texts = rows[first:], texts[first:]
    while texts and not any(texts[-1]):
        rows, texts = rows[:-1], texts[:-1]
    refuse_second_in_sheet(source.name, texts, first, names)
    rows = rows[: len(rows) - _footers(texts, notes)]
    tell_subtotals(pa.array([row[0] for row in texts[: len(rows)]], type=pa.string()), notes)
    columns = []
    for number, name in enumerate(map(tidy, names)):
        cells = [row[number] for row in rows]
        columns.append((name, _column(cells, shown=name in percentages)))
    return finish(source.name, columns, notes)


def _rows(source: Source, wanted: str | None, percentages: bool, notes: Notes) -> list[list[Any]]:
    """The cells of one sheet, without empty columns around."""
    openpyxl = need_openpyxl()
    try:
        book = openpyxl.load_workbook(io.BytesIO(source.content), read_only=True, data_only=True)
        sheets, hidden = {}, set()
        for sheet in book.worksheets:
            if hasattr(sheet, "reset_dimensions"):
                sheet.reset_dimensions()  # some programs write wrong ones
            every = sheet.iter_rows(values_only=not percentages)
            sheets[sheet.title] = [
                list(map(_value, row)) if percentages else list(row) for row in every
            ]
            if sheet.sheet_state != "visible":
                hidden.add(sheet.title)
        book.close()
    except Exception as error:  # openpyxl raises whatever its parts do
        raise InputError(
            f"Expected a table. Received: {source.name}, a workbook that cannot be read: {error}. "
            "Save it again, or as .csv."
        ) from None
    full = {title: rows for title, rows in sheets.items() if any(map(_is_filled, rows))}
    if not full:
        raise InputError(
            f"Expected a table. Received: {source.name}, whose sheets are empty. Formulas have "
            "values only after a program computed them: open and save it there."
        )
    rows = full[_chosen(source.name, list(sheets), list(full), hidden, wanted, notes)]
    width = max(map(len, rows))
    rows = [row + [None] * (width - len(row)) for row in rows]
    used = [number for number in range(width) if any(_text(row[number]) for row in rows)]
    return [row[used[0] : used[-1] + 1] for row in rows]


def _chosen(
    name: str,
    sheets: list[str],
    full: list[str],
    hidden: set[str],
    wanted: str | None,
    notes: Notes,
) -> str:
    """The name of the sheet to read, of those that hold something."""
    if wanted is None:
        shown = [title for title in full if title not in hidden] or full
        if len(shown) > 1:
            others = ", ".join(map(repr, shown[1:4])) + (", ..." if len(shown) > 4 else "")
            first = f"sheet {shown[0]!r} read, the first of {len(shown)} that hold something"
            notes.add(f"{first}, and not {others}", "sheet")
        return shown[0]
    # as Excel has it, names that differ but in capitals are one
    found = [title for title in sheets if title == wanted] or [
        title for title in sheets if title.strip().lower() == wanted.strip().lower()
    ]
    if not found:
        raise InputError(
            f"`sheet` must name a sheet of each workbook. Received {wanted!r}; {name} has "
            f"{clipped(', '.join(map(repr, sheets)), 300)}. Name one of these."
        )
    if found[0] not in full:
        raise InputError(
            f"`sheet` must name a sheet that holds a table. Received {wanted!r}, which is empty in "
            f"{name}. These hold something: {clipped(', '.join(map(repr, full)), 300)}."
        )
    return found[0]


def _value(cell: Any) -> Any:
    """What a cell of openpyxl holds, a percentage as such."""
    value = cell.value
    if isinstance(value, int | float) and not isinstance(value, bool) and "%" in cell.number_format:
        return _Percent(value)
    return value


def _is_filled(row: Sequence[Any]) -> bool:
    return any(map(_text, row))


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat(" ")
    return str(cell).strip()


def _footers(texts: list[list[str]], notes: Notes) -> int:
    last, above = texts[-LAST:], texts[:-LAST][-BEFORE:]
    empty = [number for number, row in enumerate(last) if not any(row)]
    apart = len(last) - empty[0] - 1 if empty else 0
    count, kept = footers(last, above, apart, lambda number: _cells(texts, number))
    notes.leave_out_below([row for row in last[len(last) - count :] if any(row)])
    notes.keep(kept)
    return count


def _cells(texts: list[list[str]], number: int) -> Any:
    """A column above the last rows, as `footers` takes it."""
    import pyarrow as pa

    return pa.chunked_array([pa.array([row[number] for row in texts[:-LAST]], type=pa.string())])


def _column(cells: list[Any], *, shown: bool) -> pd.Series[Any]:
    """A column of what a workbook holds: numbers, dates or text; percentages perhaps as shown."""
    import pandas as pd

    cells = [
        (f"{100 * cell:.15g}%" if shown else float(cell)) if isinstance(cell, _Percent) else cell
        for cell in cells
    ]
    values = [None if isinstance(cell, str) and cell.strip() in ABSENT else cell for cell in cells]
    values = [cell.strip() if isinstance(cell, str) else cell for cell in values]
    kinds = {type(cell) for cell in values if cell is not None}
    if kinds and kinds <= {datetime, date}:
        return pd.Series(pd.to_datetime(pd.Series(values, dtype=object)))
    if kinds and kinds <= {time, timedelta}:
        return pd.Series([None if cell is None else str(cell) for cell in values])
    return (
        pd.Series(values, dtype=object).infer_objects() if values else pd.Series(values, dtype=str)
    )
