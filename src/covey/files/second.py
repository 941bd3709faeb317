"""A second table below the first one in the same file."""

from __future__ import annotations

import re

from covey.errors import InputError
from covey.files.advice import ONE_TABLE
from covey.files.cells import kind, kind_of_most
from covey.files.dialect import Dialect, records
from covey.files.foot import MEAN, NOTE, SUM
from covey.files.notes import quoted

__all__ = ["refuse_second_in_sheet", "refuse_second_table"]

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
        if not _may_be_names(cells, below, names):
            continue
        kinds = kinds or _kinds(body, dialect, len(names))
        if not {"number", "date"} & set(kinds[: len(cells)]):
            continue
        if body.count(dialect.quote, 0, gap.start()) % 2:
            continue  # within a quoted cell
        number = line + body.count("\n", 0, gap.end()) + 1
        raise _error(name, number, cells)


def refuse_second_in_sheet(name: str, rows: list[list[str]], line: int, names: list[str]) -> None:
    """Refuse a sheet in which an empty row, other names and their rows follow the rows.

    Args:
        name: What messages call the file.
        rows: The cells of the table below its names, as text.
        line: How many rows of the table are above them.
        names: Names of the columns of the first table.

    Raises:
        InputError: There is a second table; the message names its row.
    """
    kinds = [kind_of_most(list(cells)) for cells in zip(*rows[:BEFORE], strict=True)]
    for number in range(1, len(rows) - 1):
        if any(rows[number - 1]) or not any(rows[number]):
            continue
        used = [place for place, cell in enumerate(rows[number]) if cell]
        cells, below = ([row[place] for place in used] for row in rows[number : number + 2])
        known = {"number", "date"} & {kinds[place] for place in used}
        if known and _may_be_names(cells, below, names):
            raise _error(name, line + number + 1, cells)


def _may_be_names(cells: list[str], below: list[str], names: list[str]) -> bool:
    """Whether cells below an empty line are other names, with values below them."""
    return (
        1 < len(cells) == len(below)
        and cells != names
        and len(set(cells)) == len(cells)
        and all(kind(cell) == "text" for cell in cells)
        and any(kind(cell) in ("number", "date") for cell in below)
        and not any(each.match(below[0]) for each in (SUM, MEAN, NOTE))
    )


def _error(name: str, line: int, cells: list[str]) -> InputError:
    return InputError(
        f"Expected one table in each file. Received: {name}, where a second one with names of "
        f"its own seems to begin in line {line}, below an empty line ({quoted(cells)}). "
        f"{ONE_TABLE}; if it is a row, delete the empty line."
    )


def _cells(text: str, dialect: Dialect) -> list[str]:
    return [cell for each in records(text + "\n", dialect) for cell in each.cells]


def _kinds(body: str, dialect: Dialect, width: int) -> list[str]:
    """What the columns hold, as their first rows show."""
    top = "\n".join(body[:100_000].split("\n")[:BEFORE]) + "\n"
    rows = [each.cells for each in records(top, dialect) if len(each.cells) == width]
    return [kind_of_most([row[number] for row in rows]) for number in range(width)]
