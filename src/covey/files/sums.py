"""Sums of the numbers in columns of text or of numbers, however long the columns are."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from covey.files.cells import NUMBER, kind

__all__ = ["Above", "Sums", "number_in"]

# Number of a column, and whether it has decimal commas -> sum and count of its numbers.
Above = Callable[[int, bool], tuple[float, int]]
FLOAT = r"^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$"
# as the engine of pyarrow writes letters by their number
_NUMBER = re.sub(r"\\u([0-9a-f]{4})", r"\\x{\1}", f"^(?:{NUMBER})$")


class Sums:
    """Sums and counts of the numbers above some of the last rows of a table.

    Args:
        column: All cells of a column above the last rows, by its number: an array of text or of
            numbers of pyarrow.
        rows: The last rows, as text.
    """

    def __init__(self, column: Callable[[int], Any], rows: list[list[str]]) -> None:
        self._column = column
        self._rows = rows
        self._known: dict[tuple[int, bool], tuple[float, int]] = {}
        self._numbers: dict[tuple[int, bool], list[float]] = {}

    def above(self, block: int) -> Above:
        """Sums and counts of what is above the last rows.

        Args:
            block: How many of the last rows are left out.

        Returns:
            A function of the number of a column, and of whether it has decimal commas.
        """
        rows = self._rows[: len(self._rows) - block]

        def found(number: int, comma: bool) -> tuple[float, int]:
            total, count = self._whole(number, comma)
            values = [number_in(row[number], comma=comma) for row in rows]
            known = [value for value in values if value is not None]
            return total + sum(known), count + len(known)

        return found

    def values(self, number: int, block: int, *, comma: bool) -> list[float]:
        """The numbers themselves above the last rows.

        Args:
            number: Number of the column.
            block: How many of the last rows are left out.
            comma: Whether numbers have decimal commas.

        Returns:
            The numbers, in order.
        """
        key = number, comma
        if key not in self._numbers:
            self._numbers[key] = _numbers(self._column(number).to_pylist(), comma=comma)
        rows = self._rows[: len(self._rows) - block]
        return self._numbers[key] + _numbers([row[number] for row in rows], comma=comma)

    def _whole(self, number: int, comma: bool) -> tuple[float, int]:
        """Of a whole column above the last rows, which is looked at once."""
        key = number, comma
        if key not in self._known:
            self._known[key] = _sum(self._column(number), comma=comma)
        return self._known[key]


def _numbers(cells: list[Any], *, comma: bool) -> list[float]:
    found = [
        float(cell) if isinstance(cell, int | float) else number_in(cell or "", comma=comma)
        for cell in cells
    ]
    return [value for value in found if value is not None]


def number_in(cell: str, *, comma: bool) -> float | None:
    """The number that a cell holds.

    Args:
        cell: Its text.
        comma: Whether numbers have decimal commas.

    Returns:
        The number; None if it holds none.
    """
    if comma:
        cell = cell.replace(".", "").replace(",", ".")
    if kind(cell) != "number":
        return None
    try:
        return float(re.sub(r"[^\d.eE+-]", "", cell))
    except ValueError:
        return None


def _sum(column: Any, *, comma: bool) -> tuple[float, int]:
    """Sum and count of the numbers of a column, by the rules of `number_in`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = column.drop_null()
    if not (pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)):
        return float(pc.sum(cells).as_py() or 0), len(cells)
    if comma:
        cells = pc.replace_substring(pc.replace_substring(cells, ".", ""), ",", ".")
    cells = pc.filter(cells, pc.match_substring_regex(cells, r"\d"))
    short = pc.less(pc.utf8_length(cells), 60)
    cells = pc.filter(cells, pc.and_(short, pc.match_substring_regex(cells, _NUMBER)))
    cells = pc.replace_substring_regex(cells, r"[^\d.eE+-]", "")
    values = pc.filter(cells, pc.match_substring_regex(cells, FLOAT)).cast(pa.float64())
    return pc.sum(values).as_py() or 0.0, len(values)
