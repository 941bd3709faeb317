"""The head of a text file: how cells are separated, and where names and rows are."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from covey.errors import InputError, counted
from covey.files.advice import SEPARATOR, SEPARATOR_OR_ENCODING
from covey.files.cells import kind, kind_of_most
from covey.files.dialect import (
    BLANKS,
    Dialect,
    Record,
    find_dialect,
    given_dialect,
    records,
    width_of,
)
from covey.files.layout import find_layout, has_names, units_row
from covey.files.notes import quoted
from covey.files.quotes import Swallowed, unended, unended_error

if TYPE_CHECKING:
    from covey.files.notes import Notes

__all__ = ["SEPARATORS_IN_WORDS", "Head", "find_head", "no_table"]

SAMPLE = 1 << 16  # letters from which the separator and the names are recognised
SEPARATORS_IN_WORDS = {"\t": "tab", BLANKS: "blanks"}


@dataclass(frozen=True)
class Head:
    """What the head of a text file says.

    Attributes:
        dialect: How its cells are separated.
        names: One for each column; "" for one without.
        body: The lines below the names.
        line: How many lines are above them.
        has_names: Whether the file has a line of names.
    """

    dialect: Dialect
    names: list[str]
    body: str
    line: int
    has_names: bool


def find_head(name: str, text: str, sep: str | None, notes: Notes) -> Head:
    """Find out how cells are separated, and where names and rows are.

    Args:
        name: What messages call the file.
        text: All of it, lines ended by line feeds.
        sep: What the user says of the separator; None to recognise it.
        notes: What is left out is added to them.

    Returns:
        What the head says.

    Raises:
        InputError: There is no table; the message names the line.
    """
    line = 0
    if told := re.match(r'\ufeff?"?sep=(.)"?[ \t]*\n', text, re.IGNORECASE):
        text, line, sep = text[told.end() :], 1, sep or told[1]
    comments, start = _comments(text)
    line += len(comments)
    text = text[start:]
    sample = _beginning(text)
    dialect = find_dialect(sample) if sep is None else given_dialect(sep)
    found = _records(name, sample, dialect)
    if len(sample) < len(text) and len(found) > 1:
        found = found[:-1]  # a quote may go on in what follows
    if sep is not None:
        _check_separator(sample, dialect, found, sep)
    width = width_of(found)
    rows = [each.cells for each in found]
    layout = find_layout(rows, width)
    if layout.first > len(rows) or not width:
        raise no_table(name, "no rows")
    names, above = _names(name, rows, layout.header, width), list(layout.above)
    remarks = [each for each in comments if each.strip()]
    begin = layout.first if layout.header is None else layout.header
    if names is None or {"number", "date"} & {kind(cell) for cell in names}:
        in_comment = _names_in_comment(remarks, dialect, rows[begin:], width)
        if in_comment:
            names, remarks, layout = in_comment, remarks[:-1], replace(layout, first=begin)
    top = layout.first if layout.header is None else layout.header
    _check_quotes(name, sample, dialect, found[top : top + 1], line)
    close = top > 0 and bool(above) and rows[top - 1] == above[-1]
    if (names is None and (close or (above and len(above[-1]) > 1))) or (
        close and any(above[-1][width:])
    ):
        raise _uneven(name, found, above[-1], width, line)
    notes.leave_out([*above, *([each.strip()] for each in remarks)], "before the table")
    if names is None:
        names = notes.call_columns(width)
        has_names = False
    else:
        has_names = True
    first = found[layout.first].line if layout.first < len(found) else found[-1].end
    below = rows[layout.first + 1 :]
    if layout.first < len(rows) and len(rows[layout.first]) == width and has_names:
        same = [row for row in below if len(row) == width]
        if units_row(rows[layout.first], same):
            notes.add(f"the line below the names left out ({quoted(rows[layout.first])})")
            first = found[layout.first].end
    return Head(dialect, names, _from_line(text, first), line + first, has_names)


def _beginning(text: str) -> str:
    """Whole lines from the beginning of a text: so many letters, and twenty lines at least."""
    end = text.rfind("\n", 0, SAMPLE) + 1 if len(text) > SAMPLE else len(text)
    for _ in range(20 - text.count("\n", 0, end)):
        end = (text.find("\n", end) + 1) or len(text)
    return text[:end]


def _comments(text: str) -> tuple[list[str], int]:
    """The lines of comments (#) and empty lines above a table, and where they end."""
    sample = text[:SAMPLE].split("\n")
    marked = sum(1 for each in sample if each.startswith("#"))
    lines: list[str] = []
    start = 0
    if marked > len(sample) / 2:
        # not remarks: '#' is how each row begins
        return [], 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        line = text[start:end]
        if line.strip() and not line.lstrip().startswith("#"):
            break
        lines.append(line)
        start = end + 1
    return lines, min(start, len(text))


def _records(name: str, sample: str, dialect: Dialect) -> list[Record]:
    try:
        return records(sample, dialect)
    except csv.Error as error:
        raise no_table(name, str(error)) from None


def _check_quotes(name: str, sample: str, dialect: Dialect, names: list[Record], line: int) -> None:
    """Refuse names whose quote does not end where a name ends: all rows may be in one of them."""
    for each in names:
        lines = sample.split("\n")[each.line : each.end]
        if len(lines) > 1 and unended(lines, dialect):
            found = Swallowed(each.line, lines[0], len(lines) - 1)
            raise unended_error(name, line + each.line + 1, found)


def _check_separator(sample: str, dialect: Dialect, found: list[Record], sep: str) -> None:
    """Refuse a separator that leaves each line in one piece where another takes all apart."""
    if width_of(found) > 1:
        return
    better = find_dialect(sample)
    width = width_of(records(sample, better))
    if width > 1 and better.sep != dialect.sep:
        raise InputError(
            f"`sep` must be what separates the cells. Received {sep!r}, which no line holds; "
            f"{SEPARATORS_IN_WORDS.get(better.sep, repr(better.sep))} would give {width} columns."
        )


def _names(name: str, rows: list[list[str]], header: int | None, width: int) -> list[str] | None:
    """The names of the columns, if a line holds them."""
    if header is None:
        return None
    names = rows[header]
    if len(names) >= width:
        return names[:width]
    wide = [row for row in rows[header + 1 :] if len(row) == width]
    if all(not row[-1] for row in wide):
        return [*names, ""]
    first = [row[0] for row in wide]
    counted = first == [str(number) for number in range(1, len(first) + 1)]
    if len(set(first)) == len(first) and (counted or kind_of_most(first) == "text"):
        return ["", *names]  # as R writes row names
    raise InputError(
        f"Expected as many names as columns. Received: {name}, whose line of names has "
        f"{len(names)} ({quoted(names)}) where the rows have {width} cells ({quoted(wide[0])}). "
        f"Add what is lacking, or {SEPARATOR}."
    )


def _names_in_comment(
    remarks: list[str], dialect: Dialect, rows: list[list[str]], width: int
) -> list[str] | None:
    """Names in the last comment above the table, as numpy.savetxt writes them."""
    if not remarks:
        return None
    last = remarks[-1].lstrip().lstrip("#").strip()
    cells = [cell for each in records(last + "\n", dialect) for cell in each.cells]
    same = [row for row in rows if len(row) == width]
    return cells if len(cells) == width and all(cells) and has_names(cells, same) else None


def _uneven(name: str, found: list[Record], names: list[str], width: int, line: int) -> InputError:
    """The error for a line of names that has fewer or more cells than the rows."""
    number = next(each for each in found if each.cells == names).line + line + 1
    return InputError(
        f"Expected as many names as columns. Received: {name}, whose line {number} has "
        f"{counted(len(names), 'cell')} ({quoted(names)}) where the rows below have "
        f"{width}. Write each name and each cell, in quotes if it holds the "
        f"separator; or {SEPARATOR}."
    )


def _from_line(text: str, number: int) -> str:
    start = 0
    for _ in range(number):
        end = text.find("\n", start)
        if end < 0:
            return ""
        start = end + 1
    return text[start:]


def no_table(name: str, reason: str) -> InputError:
    """The error for a text that is no table.

    Args:
        name: What messages call the file.
        reason: Why it is none.

    Returns:
        The error.
    """
    return InputError(
        f"Expected a table. Received: {name}, which cannot be read as one: {reason}. Check its "
        f"content, or {SEPARATOR_OR_ENCODING}."
    )
