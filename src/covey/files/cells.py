"""What one cell of a text file looks like: a number, a date, a missing value, or text."""

from __future__ import annotations

import re

from covey.table.vocabulary import (
    ABSENT,
    MARKS,
    MONEY_PREFIXES,
    MONEY_SIGNS,
    MONEY_WORDS,
    PERCENT,
)

__all__ = ["MONEY", "NUMBER", "kind", "kind_of_most"]

# Marks that mean "missing" among numbers alone: the cell stays as it is, for its column to judge.
PLACEHOLDERS = {mark for mark in MARKS if not any(map(str.isalnum, mark))} | {"None"}
_WORDS = "|".join((*MONEY_WORDS, *MONEY_PREFIXES))
# any three letters may be a currency
MONEY = rf"(?:[A-Z]{{0,3}}[{MONEY_SIGNS}]|[A-Z]{{3}}|(?:{_WORDS})\.?)"
NUMBER = (
    rf"[<>~≈]?\s?[-+−(]?\s?{MONEY}?\s?[-+−]?"  # noqa: RUF001
    r"(?:\d{1,3}(?:[,.'’ \u00a0\u202f]\d{3})+|\d+)?(?:[.,]\d*)?(?:[eE][-+]?\d+)?"  # noqa: RUF001
    rf"\s?(?:[{PERCENT}]|{MONEY})?\)?"
)
_NUMBER = re.compile(rf"(?=.*\d){NUMBER}|[-+]?(?:inf|Inf|INF|infinity|Infinity)")
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s?(?:[AaPp]\.?[Mm]\.?)?"
_ZONE = r"\s?(?:Z|UTC|[-+]\d{2}:?\d{2})?"
_DATE = re.compile(
    rf"\d{{1,4}}([-/.])\d{{1,2}}\1\d{{1,4}}(?:[ T,]+{_CLOCK}{_ZONE})?|{_CLOCK}"
    rf"|\d{{1,2}}[-. ]+[^\W\d_]{{3,9}}[-. ,]+\d{{2,4}}(?:[ T,]+{_CLOCK}{_ZONE})?"
    rf"|[^\W\d_]{{3,9}}[-. ]+\d{{1,2}},?[-. ]+\d{{4}}(?:[ T,]+{_CLOCK}{_ZONE})?"
    r"|\d{4}-\d{2}|\d{4}-?Q[1-4]"
)


def kind(cell: str) -> str:
    """What a cell looks like.

    Args:
        cell: its text.

    Returns:
        "missing", "number", "date" or "text".
    """
    text = cell.strip()
    if text in ABSENT or text in PLACEHOLDERS:
        return "missing"
    if _DATE.fullmatch(text):
        return "date"
    return "number" if len(text) < 60 and _NUMBER.fullmatch(text) else "text"


def kind_of_most(cells: list[str]) -> str:
    """What four in five of the cells of a column look like.

    Args:
        cells: their text.

    Returns:
        "number", "date" or "text"; "missing" if no cell holds anything.
    """
    kinds = [each for each in map(kind, cells) if each != "missing"]
    for each in ("number", "date"):
        if kinds and kinds.count(each) >= 0.8 * len(kinds):
            return each
    return "text" if kinds else "missing"
