"""The end of a text file: which lines are rows, and which are notes and totals below them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from covey.files.cells import kind, kind_of_most
from covey.files.dialect import Dialect, records
from covey.files.foot import BEFORE, LAST, NOTE, SUM, footers
from covey.table.vocabulary import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from covey.errors import InputError

__all__ = ["Tail", "find_tail"]


@dataclass(frozen=True)
class Tail:
    """What stands below the rows of a table.

    Attributes:
        rows: How many of the last rows are none.
        lines: The first cells of all lines that are left out, of other widths too.
        kept: The first cell of a row that is kept although it begins like a total; else "".
        comments: How many lines between the rows are comments.
    """

    rows: int
    lines: list[list[str]]
    kept: str
    comments: int


def find_tail(
    columns: list[Any],
    others: list[str],
    body: str,
    dialect: Dialect,
    refuse: Callable[[str], InputError],
) -> Tail:
    """Tell the rows at the end from notes and totals.

    Args:
        columns: Arrays of text of pyarrow, the rows of full width.
        others: The text of the records of other widths.
        body: The lines of the table.
        dialect: How their cells are separated.
        refuse: Makes the error for a record of another width, from its text.

    Returns:
        What stands below the rows.

    Raises:
        InputError: A record has more or fewer cells than the names, and is no note.
    """
    comments = [text for text in others if _is_comment(text, dialect)]
    marked = set(comments)
    left = [text for text in others if text.strip(f"{dialect.sep} \t") and text not in marked]
    count = len(columns[0])
    last = _rows(columns, max(0, count - LAST), count)
    above = _rows(columns, max(0, count - LAST - BEFORE), max(0, count - LAST))
    ending = _last_lines(body)
    apart = _lines_apart(ending, dialect)
    odd = set(left)
    valid_apart = sum(1 for line in ending[len(ending) - apart :] if line not in odd)

    def column(number: int) -> Any:
        return columns[number].slice(0, max(0, count - LAST))

    dropped, kept = footers(last, above, valid_apart, column)
    lines = [row for row in last[len(last) - dropped :] if any(row)] if dropped else []
    if left:
        kinds = [
            kind_of_most([row[number] for row in [*above, *last][:BEFORE]])
            for number in range(len(columns))
        ]
        for text in left:
            cells = _cells(text, dialect)
            if not _is_below(text, cells, ending, odd, dropped) or not _is_note(
                cells, kinds, text in ending[len(ending) - apart :]
            ):
                raise refuse(text)
            lines.append(cells)
    return Tail(dropped, lines, kept, len(comments))


def _is_comment(text: str, dialect: Dialect) -> bool:
    # an error of a spreadsheet begins with '#' as well
    return text.lstrip().startswith("#") and text.split(dialect.sep)[0].strip() not in ABSENT


def _rows(columns: list[Any], start: int, end: int) -> list[list[str]]:
    parts = [column.slice(start, end - start).to_pylist() for column in columns]
    return [[cell or "" for cell in row] for row in zip(*parts, strict=True)]


def _cells(text: str, dialect: Dialect) -> list[str]:
    found = records(text + "\n", dialect)
    return [cell for each in found for cell in each.cells]


def _last_lines(body: str) -> list[str]:
    """The last lines of a text, empty ones too, but for those at its very end."""
    return body[-65536:].rstrip().split("\n")[-60:]


def _lines_apart(ending: list[str], dialect: Dialect) -> int:
    """How many lines follow the first empty line near the end; 0 if every other line is empty."""
    empty = [number for number, line in enumerate(ending) if not line.strip(f"{dialect.sep} \t")]
    near = [number for number in empty if number >= len(ending) - LAST]
    if not near or len(empty) > len(ending) / 3 + 1:
        return 0
    return len(ending) - near[0] - 1


def _is_below(text: str, cells: list[str], ending: list[str], odd: set[str], dropped: int) -> bool:
    """Whether no row of data follows a line."""
    if text not in ending or not cells:
        return False
    place = len(ending) - 1 - ending[::-1].index(text)
    after = [line for line in ending[place + 1 :] if line.strip() and line not in odd]
    return len(after) <= dropped


def _is_note(cells: list[str], kinds: list[str], apart: bool) -> bool:
    """Whether a line of another width is a note or a total, and no row that was cut short."""
    filled = [cell for cell in cells if cell]
    if not filled:
        return True
    first = filled[0]
    if NOTE.match(first) or SUM.match(first):
        return True
    alien = kinds[0] in ("number", "date") and kind(cells[0]) == "text"
    texts = all(kind(cell) == "text" for cell in filled)
    return (alien and (len(filled) == 1 or texts)) or (apart and texts)
