"""Last rows that are told by their numbers: totals and means under any name, or under none."""

from __future__ import annotations

import math
import re
import statistics
from typing import TYPE_CHECKING

from covey.files.cells import kind, kind_of_most
from covey.files.sums import number_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from covey.files.sums import Above, Sums

__all__ = ["is_spread", "sums_of_all"]

FEWEST = 3  # rows that sums are told by
DIGITS, MANY = 8, 10  # digits that fit by chance in no table, or half of them in so many rows
SPREADS: dict[str, Callable[[list[float]], float]] = {
    r"(std|sd|stdev|std\.? ?dev\.?|standard deviation)": statistics.stdev,
    r"variance": statistics.variance,
    r"min(imum)?": min,
    r"max(imum)?": max,
    r"(median|50 ?%)": statistics.median,
}


def sums_of_all(row: list[str], above: list[list[str]], sums: Above) -> bool | None:
    """Tell a row that holds nothing but sums or means of all rows above it.

    Args:
        row: Its cells.
        above: Some rows above it, in order.
        sums: Sums and counts of the columns above it.

    Returns:
        True if it is no row of data: its label is lacking, or its numbers fit in too many digits
        for a chance. None if they all fit, but a row of data might do so too. False if not.
    """
    found = [_fitting(row, above, sums, comma) for comma in _marks(row)]
    digits = max(found, key=lambda each: (len(each), sum(each)))
    if not digits:
        return False
    columns = list(zip(*above, strict=True))
    labels = [
        number
        for number, cells in enumerate(columns)
        if kind_of_most(list(cells[-200:])) in ("text", "date")
    ]
    first = next(iter(labels), 0)
    lacks = not row[first] and all(columns[first])
    if lacks and sum(digits) >= 2:
        return True
    enough = DIGITS if len(above) < MANY else DIGITS // 2
    named = bool(labels) and bool(row[first]) and row[first] not in columns[first]
    if named and kind(row[first]) != "date" and len(digits) > 1 and sum(digits) >= enough:
        return True
    return None if len(digits) > 1 else False


def is_spread(row: list[str], sums: Sums, block: int) -> bool:
    """Whether a row that is called like a statistic holds its values.

    Args:
        row: Its cells.
        sums: The numbers of the columns above it.
        block: How many of the last rows are not above it.

    Returns:
        Whether its numbers are those of the columns above, in two columns or to three digits.
    """
    place = next(number for number, cell in enumerate(row) if cell)
    named = (each for word, each in SPREADS.items() if re.fullmatch(word, row[place], re.I))
    if (statistic := next(named, None)) is None:
        return False
    for comma in _marks(row):
        digits = []
        for number in range(place + 1, len(row)):
            value = number_in(row[number], comma=comma)
            values = sums.values(number, block, comma=comma) if value is not None else []
            if value is None or len(values) < FEWEST:
                continue
            if abs(value - statistic(values)) > _rounding(row[number], comma, value):
                break
            digits.append(_digits(row[number]))
        else:
            if len(digits) > 1 or sum(digits) > 2:
                return True
    return False


def _marks(row: list[str]) -> tuple[bool, ...]:
    """Whether numbers may have decimal commas: no, and yes if there are commas."""
    return (False, True) if any("," in cell for cell in row) else (False,)


def _fitting(row: list[str], above: list[list[str]], sums: Above, comma: bool) -> list[int]:
    """Digits of each sum or mean in a row; empty if one of its numbers is neither."""
    digits = []
    for number, cell in enumerate(row):
        if (value := number_in(cell, comma=comma)) is None:
            continue
        some = {number_in(each[number], comma=comma) for each in above[-200:]} - {None}
        total, count = sums(number, comma)
        if count < FEWEST or len(some) < 2:
            return []  # a column of one value: its mean says nothing
        near = _rounding(cell, comma, value)
        largest = max(abs(each) for each in some if each is not None)
        if not any(
            abs(value - expected) <= near
            for expected in (total, total / count)
            if expected != total or abs(total) > largest
        ):
            return []
        digits.append(_digits(cell))
    return digits


def _rounding(cell: str, comma: bool, value: float) -> float:
    """How far a number may be from the exact one, as it is rounded where it is written."""
    mark = "," if comma else "."
    places = len(re.sub(r"\D", "", cell.rpartition(mark)[2])) if mark in cell else 0
    return max(0.51 * 10.0**-places if places else 1e-6, 1e-9 * math.fabs(value))


def _digits(cell: str) -> int:
    return len(re.sub(r"\D", "", cell).strip("0"))
