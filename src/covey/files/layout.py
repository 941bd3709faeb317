"""Where the table is in what a file holds: names, first row, and what stands above and below."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from covey.files.cells import kind, kind_of_most

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NOTE", "Layout", "find_layout", "footers", "has_names", "units_row"]

SUM = re.compile(
    r"(grand |sub)?-?(totals?|sum|summe|gesamt|insgesamt|gesamtsumme|somme|totale|suma|totaal"
    r"|summa)\b.{0,20}",
    re.IGNORECASE,
)
MEAN = re.compile(
    r"(average|avg|mean|mittelwert|durchschnitt|moyenne|media|promedio)\b.{0,20}", re.IGNORECASE
)
NOTE = re.compile(
    r"(sources?|quellen?|fuente|notes?|remarks?|hinweis|anmerkung(en)?|nota|stand|legend|disclaimer"
    r"|licen[cs]e|as of|updated|last updated?|generated|created|exported|printed)\b.{0,30}?:"
    r"|data from\b|last updated?\b|copyright\b|©|\(c\)|end of\b|eof\b|\(?\d+ rows?\b"
    r"|\*{1,3} ?\w",
    re.IGNORECASE,
)
COMMA = re.compile(r"[-+]?(\d{1,3}(\.\d{3})+|\d+)(,\d{1,2}|,\d{4,})?")
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
    """Whether the first row below the names holds units.

    Args:
        row: Its cells, as text.
        below: The rows below it.

    Returns:
        Whether each of its cells above numbers is a unit in brackets, or an empty cell.
    """
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


def footers(
    rows: list[list[str]], above: list[list[str]], apart: int, column: Callable[[int], list[str]]
) -> tuple[int, str]:
    """Count the rows at the end of a table that are no rows of data.

    Args:
        rows: The last rows, as text, in order.
        above: Some rows above them, to compare with.
        apart: How many of the last rows follow an empty line.
        column: The text of all cells of a column, by its number.

    Returns:
        How many of the last rows are notes or totals; and the first cell of a row that is kept
        although it begins like one, else "".
    """
    count = 0
    for back, row in enumerate(reversed(rows)):
        if not any(row):
            continue  # counts if there is a footer above it
        number = len(rows) - back - 1
        before = above + rows[:number]
        if not before or not _is_footer(row, before, back < apart, _cells_above(column, back)):
            break
        count = back + 1
    if count:  # what is empty between the table and its footers is none of its rows
        while count < len(rows) and not any(rows[-count - 1]):
            count += 1
    kept = next(filter(None, rows[-count - 1]), "") if count < len(rows) else ""
    looks = SUM.fullmatch(kept) or MEAN.fullmatch(kept) or (NOTE.match(kept) and ":" in kept)
    return count, kept if looks and (above or len(rows) > count + 1) else ""


def _cells_above(column: Callable[[int], list[str]], back: int) -> Callable[[int], list[str]]:
    return lambda number: column(number)[: -back - 1]


def _is_footer(
    row: list[str], above: list[list[str]], apart: bool, column: Callable[[int], list[str]]
) -> bool:
    place = next(number for number, cell in enumerate(row) if cell)
    first, others = row[place], [cell for cell in row[place + 1 :] if cell]
    kinds = [kind_of_most([other[number] for other in above[-200:]]) for number in range(len(row))]
    known = ("number", "date")
    alien = kinds[place] in known and kind(first) == "text"
    strange = [
        kind(cell) == "text"
        for cell, most in zip(row, kinds, strict=True)
        if cell and most in known
    ]
    if SUM.fullmatch(first) or MEAN.fullmatch(first):
        alone = len(row) > 1 and not others and bool(strange or len(row) > place + 1)
        return alien or alone or _sums_up(row, column, bool(SUM.fullmatch(first)))
    if NOTE.match(first) and kind(first) == "text":
        return alien if len(row) < 2 else not others or bool(strange and all(strange))
    if len(row) < 2:
        return False
    if apart and strange and all(strange):
        return True
    return alien and not others and " " in first


def _sums_up(row: list[str], column: Callable[[int], list[str]], by_sum: bool) -> bool:
    """Whether most numbers of a row are the sum, or the mean, of the numbers above them."""
    right = wrong = 0
    for number, cell in enumerate(row):
        value = _value(cell)
        if value is None:
            continue
        above = [each for each in map(_value, column(number)) if each is not None]
        if len(above) < 2:
            continue
        expected = sum(above) if by_sum else sum(above) / len(above)
        fits = abs(value - expected) <= 1e-3 * abs(expected)
        right, wrong = right + fits, wrong + (not fits)
    return right > 0 and right >= wrong


def _value(cell: str) -> float | None:
    text = cell.strip().replace(" ", "")
    text = text.replace(".", "").replace(",", ".") if COMMA.fullmatch(text) else text
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None
