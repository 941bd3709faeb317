"""Where the table is in what a file holds: names, first row, and what stands above."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from covey.files.cells import kind, kind_of_most

__all__ = ["Layout", "find_layout", "has_names", "units_row"]

ABOVE = 30  # lines above a table that are looked at


@dataclass(frozen=True)
class Layout:
    """Where a table is among records.

    Attributes:
        header: Number of the record that holds the names; None if there is none.
        first: Number of the first record of the rows.
        above: Records above that are no part of the table.
    """

    header: int | None
    first: int
    above: list[list[str]]


def find_layout(rows: list[list[str]], width: int) -> Layout:
    """Find the names and the first row.

    Args:
        rows: The cells of the first records, as text; empty records have none.
        width: How many cells the rows of the table have.

    Returns:
        Where they are.
    """
    wide = [number for number, row in enumerate(rows) if len(row) == width and any(row)]
    if not wide:
        return Layout(None, len(rows), [row for row in rows if any(row)])
    start = _below_titles(rows, wide[: ABOVE + 1], width)
    above = [row for row in rows[:start] if any(row)]
    # a header without a name for the row names, or without the blank cell that ends each row
    if above and len(above[-1]) > width and not any(above[-1][width:]) and all(above[-1][:width]):
        # names that end with a separator, as the rows do not
        header = max(number for number in range(start) if any(rows[number]))
        return Layout(header, start, above[:-1])
    values = {"number", "date"} & {kind(cell) for cell in rows[start]}
    if (
        above
        and values
        and len(above[-1]) == width - 1 > 0
        and all(kind(cell) == "text" for cell in above[-1])
    ):
        header = max(number for number in range(start) if any(rows[number]))
        return Layout(header, start, above[:-1])
    if has_names(rows[start], _below(rows, start)):
        return Layout(start, start + 1, above)
    return Layout(None, start, above)


def _below(rows: list[list[str]], start: int) -> list[list[str]]:
    width = len(rows[start])
    return [row for row in rows[start + 1 :] if len(row) == width and any(row)]


def _below_titles(rows: list[list[str]], wide: list[int], width: int) -> int:
    """The first record of full width that is no title filled up with empty cells."""
    first = wide[0]
    filled = {number: sum(map(bool, rows[number])) for number in wide}
    most = max(filled.values())
    if width < 2 or (not rows[first][0] and filled[first] == width - 1):
        return first
    full = next(number for number in wide if filled[number] >= 0.8 * most)
    is_title = all(filled[number] <= most / 2 for number in wide if number < full)
    if full > first and is_title and has_names(rows[full], _below(rows, full)):
        return full
    return first


def has_names(row: list[str], below: list[list[str]]) -> bool:
    """Whether a row holds names and not values like those below.

    Args:
        row: Cells, as text.
        below: The rows below it, of the same width.

    Returns:
        False only if it holds a number or date, and nothing that tells it from the rows below.
    """
    kinds = [kind(cell) for cell in row]
    if not {"number", "date"} & set(kinds):
        return any(each == "text" for each in kinds) or not below
    if not below:
        return "text" in kinds
    columns = [kind_of_most([other[number] for other in below[:200]]) for number in range(len(row))]
    if any(
        column in ("number", "date") and own not in (column, "missing")
        for own, column in zip(kinds, columns, strict=True)
    ):
        return True
    numbers = [number for number, each in enumerate(kinds) if each == "number"]
    return _are_counted(numbers, row) or _are_years(numbers, row, below)


def _are_counted(numbers: list[int], row: list[str]) -> bool:
    """Whether numbers are names: 0, 1, 2, as pandas counts columns."""
    others = [cell for number, cell in enumerate(row) if number not in numbers]
    return not any(others) and [row[number] for number in numbers] == [
        str(number) for number in range(len(numbers))
    ]


def _are_years(numbers: list[int], row: list[str], below: list[list[str]]) -> bool:
    """Whether numbers are names: years that go up, above values that are none."""
    years = [_year(row[number]) for number in numbers]
    if None in years or any(after <= before for before, after in pairwise(filter(None, years))):
        return False
    return not all(_year(other[number]) for other in below[:200] for number in numbers)


def _year(cell: str) -> int | None:
    return int(cell) if re.fullmatch(r"(18|19|20|21)\d\d", cell) else None


def units_row(row: list[str], below: list[list[str]]) -> bool:
    """Whether the line below the names holds units, or nothing but a rule.

    Args:
        row: Its cells, as text.
        below: The rows below it.

    Returns:
        Whether each of its cells above numbers is a unit in brackets, or an empty cell; or all are
        dashes, as in tables of Markdown.
    """
    filled = [cell for cell in row if cell]
    if filled and all(re.fullmatch(r":?-{2,}:?|={2,}", cell) for cell in filled):
        return True
    if len(below) < 2:
        return False
    columns = [kind_of_most([other[number] for other in below[:200]]) for number in range(len(row))]
    above = [cell for cell, each in zip(row, columns, strict=True) if each == "number"]
    units = [cell for cell in above if re.fullmatch(r"[\[(].{0,15}[\])]", cell)]
    return (
        bool(units)
        and all(not cell or cell in units for cell in above)
        and not any(map(_is_value, units))
    )


def _is_value(cell: str) -> bool:
    return kind(cell) == "number"
