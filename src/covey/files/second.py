"""A second table below the first one in the same text file."""

from __future__ import annotations

import re

from covey.errors import InputError
from covey.files.cells import kind, kind_of_most
from covey.files.dialect import Dialect, records
from covey.files.foot import MEAN, NOTE, SUM
from covey.files.notes import quoted

__all__ = ["refuse_second_table"]

BEFORE = 200  # rows that show what the columns hold
GAPS = 1000  # empty lines that are looked behind


def refuse_second_table(
    name: str, body: str, line: int, names: list[str], dialect: Dialect
) -> None:
    """Refuse a text in which an empty line, other names and their rows follow the rows.

    Args:
        name: What messages call the file.
        body: The lines of the table below its names.
        line: How many lines are above them.
        names: Names of the columns of the first table.
        dialect: How cells are separated.

    Raises:
        InputError: There is a second table; the message names its line.
    """
    kinds: list[str] = []
    gaps = re.finditer(rf"\n[ \t{re.escape(dialect.sep)}]*\n(?=[^\n])", body)
    for _, gap in zip(range(GAPS), gaps, strict=False):
        following = [each for each in body[gap.end() : gap.end() + 20_000].split("\n") if each][:2]
        if len(following) < 2:
            continue
        cells, below = (_cells(each, dialect) for each in following)
        if len(cells) < 2 or len(cells) != len(below) or cells == names:
            continue
        if len(set(cells)) < len(cells) or any(kind(cell) != "text" for cell in cells):
            continue
        if not kinds:
            kinds = _kinds(body, dialect, len(names))
        known = [each for each in kinds[: len(cells)] if each in ("number", "date")]
        values = [cell for cell in below if kind(cell) in ("number", "date")]
        if not known or not values or any(each.match(below[0]) for each in (SUM, MEAN, NOTE)):
            continue
        if body.count(dialect.quote, 0, gap.start()) % 2:
            continue  # within a quoted cell
        number = line + body.count("\n", 0, gap.end()) + 1
        raise InputError(
            f"Expected one table in each file. Received: {name}, where a second one with names of "
            f"its own seems to begin in line {number}, below an empty line ({quoted(cells)}). "
            "Write each table to a file of its own; if it is a row, delete the empty line."
        )


def _cells(text: str, dialect: Dialect) -> list[str]:
    return [cell for each in records(text + "\n", dialect) for cell in each.cells]


def _kinds(body: str, dialect: Dialect, width: int) -> list[str]:
    """What the columns hold, as their first rows show."""
    top = "\n".join(body[:100_000].split("\n")[:BEFORE]) + "\n"
    rows = [each.cells for each in records(top, dialect) if len(each.cells) == width]
    return [kind_of_most([row[number] for row in rows]) for number in range(width)]
