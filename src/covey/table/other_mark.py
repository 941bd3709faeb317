"""Later text of numbers whose decimal mark may be another than that of training.

A cell that is a number by one mark alone is read by that. One that could be two, such as "1.540",
is what training tells, by its spelling or by the size of its numbers; else other cells decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covey.errors import shown
from covey.table.spelling import NUMBER, OTHER, OTHER_OF, NumberSpelling, readings
from covey.types import Array

NAMES = {".": "point", ",": "comma"}
FAR = 10.0  # times beyond the largest number of training, or below the smallest
UNKNOWN = (None, None)
Span = tuple[float | None, float | None]


@dataclass(frozen=True)
class OtherMark:
    """A text that is read by another decimal mark than that of training.

    Attributes:
        text: of a cell.
        value: what it is read as.
        instead: what it would be by the mark of training; None if nothing.
    """

    text: str
    value: float
    instead: float | None

    def of(self, name: str) -> str:
        """What a message says of a column of this name."""
        beside = "" if self.instead is None else f" and not as {self.instead:.15g}"
        return f"{name!r} (such as {self.text!r}, read as {self.value:.15g}{beside})"


@dataclass(frozen=True)
class LaterNumbers:
    """What was made of N texts.

    Attributes:
        values: shape (N,), NaN where there is none.
        states: shape (N,), as `NumberSpelling.read` has them.
        other: one that is read by the other mark; None if none is.
        doubt: one that could be so as well, and is read by the mark of training.
        unclear: numbers of texts that could be either, and are not read: they are `OTHER`.
    """

    values: Array
    states: NDArray[np.int8]
    other: OtherMark | None = None
    doubt: str | None = None
    unclear: tuple[int, ...] = ()


def read_later(
    spelling: NumberSpelling, texts: Sequence[str], span: Span = UNKNOWN
) -> LaterNumbers:
    """Read texts as numbers.

    Args:
        spelling: how training wrote them.
        texts: N different ones of a column.
        span: the smallest and the largest number of training, where known.

    Returns:
        The numbers. A point that may part thousands makes text `unclear`, since programs write
        decimals so; a comma only brings a `doubt`, since people write thousands so.
    """
    values, states = spelling.read(texts)
    own, other = spelling.decimal, OTHER_OF[spelling.decimal]
    with_other = [n for n, text in enumerate(texts) if other in text]
    if not with_other:
        return LaterNumbers(values, states)
    read: list[tuple[int, float, float | None]] = []  # by the other mark
    open_cases: list[tuple[int, float, float]] = []
    by_own, groups = False, spelling.groups
    for number in with_other:
        found = readings(texts[number], spelling)
        if found.get(own) == found.get(other):  # no number, or a mark beside it: "Rs. 50"
            continue
        if other not in found:
            by_own = groups = True  # "1,540.5": it parts thousands
        elif own not in found:
            read.append((number, found[other], None))
        elif (near := _near(found[own], span)) == _near(found[other], span):
            open_cases.append((number, found[other], found[own]))
        elif near:
            by_own = True
        else:
            read.append((number, found[other], found[own]))
    if groups:  # and then in each cell where it could
        open_cases += [(n, value, instead) for n, value, instead in read if instead is not None]
        read = [each for each in read if each[2] is None]
        by_own |= not read
    doubt: str | None = None
    unclear: tuple[int, ...] = ()
    if open_cases:
        by_own = by_own or any(
            set(readings(text, spelling)) == {own} for text in texts if other not in text
        )
        if read and not by_own:
            read += open_cases
        elif (read or not by_own) and own == ",":
            unclear = tuple(number for number, _, _ in open_cases)
        elif read or not by_own:
            doubt = texts[open_cases[0][0]]
    for number, value, _ in read:
        values[number], states[number] = value, NUMBER
    for number in unclear:
        values[number], states[number] = np.nan, OTHER
    told = next((each for each in read if each[2] is not None), read[0] if read else None)
    said = None if told is None else OtherMark(texts[told[0]], *told[1:])
    return LaterNumbers(values, states, said, doubt, unclear)


def alone(spelling: NumberSpelling, text: str, span: Span) -> str | None:
    """The same number in text that means it beside any other cell.

    Args:
        spelling: how training wrote numbers.
        text: of a cell.
        span: the smallest and the largest number of training, where known.

    Returns:
        The text; None if it could be two numbers.
    """
    own, other = spelling.decimal, OTHER_OF[spelling.decimal]
    found = readings(text, spelling) if other in text else {}
    if other not in found or found.get(own) == found[other]:
        return text
    near = own in found and (spelling.groups or _near(found[own], span))
    if own in found and not spelling.groups and near == _near(found[other], span):
        return None
    meant = found[own] if near else found[other]
    both = {ord(own): other, ord(other): own}
    new = text.replace(other, "") if near else text.translate(both)
    return new if readings(new, spelling).get(own) == meant else None


def two_numbers(spelling: NumberSpelling, text: str, name: str, where: str = "") -> str:
    """Why a text is refused that could be two numbers.

    Args:
        spelling: how training wrote numbers.
        text: of a cell.
        name: what the message calls the column.
        where: in which row, for the message.
    """
    found = readings(text, spelling)
    marks = (spelling.decimal, OTHER_OF[spelling.decimal])
    both = " or ".join(f"{found[mark]:.15g}" for mark in marks if mark in found)
    return (
        f"{name} had {spelling.decimal!r} for decimals in training. Received: {shown(text)}{where},"
        f" which may be {both}. Write it without thousands, or as a number."
    )


def _near(value: float, span: Span) -> bool:
    """Whether a number is about as large as those of training, or nothing is known of these."""
    low, high = span
    if low is None or high is None:
        return True
    ends = abs(low), abs(high)
    least = 0.0 if low <= 0.0 <= high else min(ends)
    return least / FAR <= abs(value) <= FAR * max(ends)
