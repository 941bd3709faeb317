"""Quotes that do not end where their cell does, so that they swallow the rows that follow."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from covey.errors import InputError, clipped, counted
from covey.files.cells import kind, kind_of_most
from covey.files.dialect import Dialect, long_cells, records

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Swallowed", "find_swallowed", "unended", "unended_error"]

KNOWN = ("number", "date")
RARE = 0.02  # share of the records, up to which swallowed rows are a slip
MOST_LINES = 200  # of a cell that are looked at


@dataclass(frozen=True)
class Swallowed:
    """Lines that a quote makes part of one cell, and that were meant to be rows.

    Attributes:
        line: Number of the line in which the quote stands, from 0.
        text: That line.
        more: How many lines below it belong to the cell.
    """

    line: int
    text: str
    more: int


def find_swallowed(body: str, dialect: Dialect, columns: list[Any]) -> Swallowed | None:
    """Find the first quote that does not end where its cell does.

    A cell may hold several lines. It is taken for swallowed rows where its quote never ends, or
    ends in the middle of another cell, and where its lines look like rows of the table.

    Args:
        body: The lines of the table, without the names.
        dialect: How their cells are separated.
        columns: Arrays of text of pyarrow, as the lines were read.

    Returns:
        Where the quote stands; None if there is none.
    """
    if dialect.quote not in body or not _may_span(body, dialect, columns):
        return None
    kinds = [kind_of_most([cell or "" for cell in c[:500].to_pylist()]) for c in columns]
    lines = body.split("\n")
    spanning = list(_spanning(body, dialect))
    habit = len(spanning) > max(3, RARE * len(columns[0]))  # to write cells of several lines
    for start, end, cells in spanning:
        found = Swallowed(start, lines[start], end - start - 1)
        if error := unended(lines[start:end], dialect):
            if found.more or "end of data" in error:
                return found
            continue
        rows = [_is_row(line, dialect, kinds) for line in lines[start + 1 : end][:MOST_LINES]]
        if not habit and len(rows) > 2 and sum(rows[:-1]) >= max(2, 0.8 * len(rows[:-1])):
            return found
        alien = [
            each in KNOWN and "\n" in cell.strip() and kind(cell) == "text"
            for cell, each in zip(cells, kinds, strict=False)
        ]
        if any(alien) and any(rows):
            return found
    return None


def unended_error(name: str, line: int, found: Swallowed) -> InputError:
    """The error for a quote that swallows rows.

    Args:
        name: What messages call the file.
        line: Number of the line in the file, from 1.
        found: The quote.

    Returns:
        The error.
    """
    lines = counted(found.more, "line")
    swallowed = f", so that {lines} below it would be part of one cell" if found.more else ""
    return InputError(
        f"Expected each quote in {name} to end where its cell ends. Received one in line {line} "
        f"that does not{swallowed}: {clipped(found.text, 60)!r}. Delete this quote, or close it; "
        "a quote within a quoted cell is written twice."
    )


def _may_span(body: str, dialect: Dialect, columns: list[Any]) -> bool:
    """Whether a record may hold several lines: quickly seen, and seldom so."""
    import pyarrow.compute as pc

    last = body.rstrip("\n").rpartition("\n")[2]
    return (
        last.count(dialect.quote) % 2 == 1
        or dialect.escape is not None
        or any(pc.any(pc.match_substring(column, "\n")).as_py() for column in columns)
    )


def _spanning(body: str, dialect: Dialect) -> Iterator[tuple[int, int, list[str]]]:
    """Records of several lines, and the last one: first line, line after the last, and cells."""
    with long_cells():
        found = records(body, dialect)
    for number, each in enumerate(found):
        if each.end > each.line + 1 or number == len(found) - 1:
            yield each.line, each.end, each.cells


def unended(lines: list[str], dialect: Dialect) -> str:
    """Say why the quotes of a record do not end where their cells do.

    Args:
        lines: Those of one record.
        dialect: How its cells are separated.

    Returns:
        What the reader of CSV says of it; "" if there is nothing to say.
    """
    quote, sep = re.escape(dialect.quote), re.escape(dialect.sep)
    text = "\n".join(lines)
    if dialect.escape is not None:  # the reader is strict with doubled quotes alone
        doubled = {dialect.quote: 2 * dialect.quote}
        escaped = rf"{re.escape(dialect.escape)}(.)"
        text = re.sub(escaped, lambda found: doubled.get(found[1], found[1]), text)
    text = re.sub(rf"{quote} +(?={sep}|$)", lambda _: dialect.quote, text)
    reader = csv.reader(
        [f"{line}\n" for line in text.split("\n")],
        delimiter=dialect.sep,
        quotechar=dialect.quote,
        skipinitialspace=dialect.blank_before_quote,
        strict=True,
    )
    try:
        with long_cells():
            for _ in reader:
                pass
    except csv.Error as error:
        return str(error)
    return ""


def _is_row(line: str, dialect: Dialect, kinds: list[str]) -> bool:
    """Whether one line by itself looks like a row of the table."""
    found = records(line.replace(dialect.quote, "") + "\n", dialect)
    cells = found[0].cells if found else []
    if len(cells) != len(kinds):
        return False
    known = [kind(cell) for cell, each in zip(cells, kinds, strict=True) if each in KNOWN]
    if known:
        return "text" not in known and any(each in KNOWN for each in known)
    return len(kinds) > 2 and f"{dialect.sep} " not in line
