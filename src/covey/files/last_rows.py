"""The last rows of tables whose columns have types, which may be totals as in text files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from covey.files.foot import BEFORE, LAST, footers, tell_subtotals

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from covey.files.notes import Notes

__all__ = ["without_totals"]


def without_totals(
    columns: Sequence[tuple[Any, pd.Series[Any]]], notes: Notes
) -> list[tuple[Any, pd.Series[Any]]]:
    """Leave out the last rows that are totals or notes.

    Args:
        columns: Name and N cells of each column.
        notes: What is left out is added to them.

    Returns:
        Name and cells of each column, without these rows.
    """
    count = len(columns[0][1]) if columns else 0
    before = max(0, count - LAST)
    last = _rows(columns, before, count)
    above = _rows(columns, max(0, before - BEFORE), before)
    dropped, kept = footers(last, above, 0, lambda number: _column(columns[number][1][:before]))
    notes.leave_out_below([row for row in last[len(last) - dropped :] if any(row)])
    notes.keep(kept)
    found = [(name, cells.iloc[: count - dropped]) for name, cells in columns]
    if found and not _is_number(found[0][1]):
        tell_subtotals(_column(found[0][1]), notes)
    return found


def _rows(columns: Sequence[tuple[Any, pd.Series[Any]]], start: int, end: int) -> list[list[str]]:
    parts = [_texts(cells.iloc[start:end]) for _, cells in columns]
    return [list(row) for row in zip(*parts, strict=True)]


def _column(cells: pd.Series[Any]) -> Any:
    """A column as `footers` takes it."""
    import pyarrow as pa

    if _is_number(cells):
        return pa.array(cells.astype("float64").to_numpy(), from_pandas=True)
    try:
        return pa.array(cells, type=pa.large_string(), from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):
        return pa.array(_texts(cells), type=pa.large_string())


def _is_number(cells: pd.Series[Any]) -> bool:
    from pandas.api.types import is_bool_dtype, is_complex_dtype, is_numeric_dtype

    dtype = cells.dtype
    return is_numeric_dtype(dtype) and not is_bool_dtype(dtype) and not is_complex_dtype(dtype)


def _texts(cells: pd.Series[Any]) -> list[str]:
    missing = cells.isna()
    return ["" if gap else _text(cell) for cell, gap in zip(cells, missing, strict=True)]


def _text(cell: Any) -> str:
    """A cell as a text file would have it."""
    if isinstance(cell, float):
        return f"{cell:.15g}"
    return str(cell).strip()
