"""Tables in text files: CSV and its kin."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from covey.errors import InputError, clipped, counted
from covey.files.advice import SEPARATOR
from covey.files.bulk import parse, without_missing
from covey.files.cells import kind
from covey.files.dialect import BLANKS, NONE, Dialect, records, tabbed
from covey.files.encoding import decode, zero_bytes
from covey.files.foot import tell_subtotals
from covey.files.head import SEPARATORS_IN_WORDS, Head, find_head, no_table
from covey.files.names import finish, tidy
from covey.files.numerals import canonical, find_decimal
from covey.files.quotes import find_swallowed, unended_error
from covey.files.second import refuse_second_table
from covey.files.tail import find_tail
from covey.files.wrapped import unwrapped
from covey.table.vocabulary import ABSENT, DECIMAL

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import pandas as pd

    from covey.files.notes import Notes
    from covey.files.source import Source

__all__ = [
    *("TextOptions", "behind_marks", "have_comments", "read_text", "tell"),
    *("without_comments", "without_repeated_names"),
]

# Separators that surprise nobody, by the end of the file's name.
USUAL = {".tsv": "\t", ".tab": "\t", ".txt": "\t,", "": "\t,"}


@dataclass(frozen=True)
class TextOptions:
    """What a user says about a text file; None for what is to be recognised.

    Attributes:
        sep: What separates the cells.
        decimal: The decimal mark.
        encoding: The encoding.
        na: What means "missing" besides the usual.
        usual: The decimal mark of earlier files, for one that does not tell its own.
        check_width: Called with the number of columns before their cells are read; may raise.
        as_written: Names of columns whose numbers keep their decimal comma.
    """

    sep: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    na: Sequence[str] = ()
    usual: str | None = None
    check_width: Callable[[int], None] | None = None
    as_written: Collection[str] = ()


def read_text(source: Source, options: TextOptions, notes: Notes) -> pd.DataFrame:
    """Read a table from text.

    Args:
        source: The file.
        options: What the user says of it.
        notes: What is recognised beyond the plain is added to them.

    Returns:
        The table, of shape (N, F), its cells as text; NaN where a cell is missing.

    Raises:
        InputError: The text is no table; the message names the line.
    """
    text, encoding = decode(source.name, source.content, options.encoding)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        raise zero_bytes(source.name, text.count("\n", 0, text.index("\0")) + 1)
    text = unwrapped(text, notes)
    head = find_head(source.name, text, options.sep, notes)
    if options.check_width is not None:
        options.check_width(len(head.names))
    columns = _columns(source.name, head, notes)
    decimal, doubtful = options.decimal, ""
    if decimal is None:
        decimal, doubtful = _decimal(head, columns, options.usual)
    tell(source, head.dialect, encoding, decimal, options, notes)
    if doubtful:
        taken = re.sub(r"(\.\d*?[1-9])0+|\.0+", r"\1", doubtful.replace(",", "."))
        other = re.sub(r"[.,](?=\d{3})", "", doubtful)
        notes.add(f"{doubtful!r} is read as {taken}, not as {other}", "decimal")
    names = [tidy(name) for name in head.names]
    if decimal == ",":
        columns = [
            column if name in options.as_written else canonical(column)
            for name, column in zip(names, columns, strict=True)
        ]
    columns = [without_missing(column, options.na) for column in columns]
    series = [column.to_pandas() for column in columns]
    frame = finish(source.name, list(zip(names, series, strict=True)), notes)
    frame.attrs[DECIMAL] = decimal
    return frame


def _decimal(head: Head, columns: list[Any], usual: str | None) -> tuple[str, str]:
    sep = head.dialect.sep
    if sep == "," and head.dialect.quote not in head.body:
        return ".", ""  # no cell holds a comma
    return find_decimal(columns, sep, usual)


def tell(
    source: Source,
    dialect: Dialect,
    encoding: str,
    decimal: str,
    options: TextOptions,
    notes: Notes,
) -> None:
    """Note what was recognised beyond comma, point and UTF-8, first of all.

    Args:
        source: The file.
        dialect: How its cells are separated.
        encoding: The encoding that was recognised; "" for UTF-8.
        decimal: Its decimal mark.
        options: What the user says of it.
        notes: What to say is added to them.
    """
    how = []
    if options.sep is None and dialect.sep not in USUAL.get(source.suffix, ",") + NONE:
        how.append(f"separator {SEPARATORS_IN_WORDS.get(dialect.sep, repr(dialect.sep))}")
        notes.options.append("sep")
    if dialect.quote == "'":
        how.append("single quotes")
    if options.decimal is None and decimal == ",":
        how.append("decimal ','")
        notes.options.append("decimal")
    if encoding:
        how.append(f"encoding {encoding}")
        notes.options.append("encoding")
    if how:
        notes.facts.insert(0, f"read with {', '.join(how)}")


def _columns(name: str, head: Head, notes: Notes) -> list[Any]:
    """The rows of the table, without comments, notes and totals, as columns of text."""
    import pyarrow as pa

    width = len(head.names)
    body, dialect = head.body.rstrip("\n") + "\n", head.dialect
    if dialect.sep == BLANKS:
        body, dialect = tabbed(body), replace(dialect, sep="\t")

    def refuse(text: str) -> InputError:
        place = re.search(rf"(?m)^{re.escape(text)}$", body)
        line = head.line + body.count("\n", 0, place.start() if place else 0) + 1
        cells = len([c for each in records(text + "\n", dialect) for c in each.cells])
        advice = "Put a cell that holds the separator into quotes, or complete the line"
        if "\n" in text:
            advice = "A quote that begins there may not end: close it"
        return InputError(
            f"Expected {counted(width, 'cell')} in each line of {name}. Received {cells} in line "
            f"{line}: {clipped(text, 60)!r}. {advice}; or {SEPARATOR}."
        )

    refuse_second_table(name, body, head.line, head.names, dialect)
    try:
        columns, others = parse(body, dialect, width)
    except (ValueError, pa.ArrowInvalid) as error:
        raise no_table(name, str(error)) from None
    if swallowed := find_swallowed(body, dialect, columns):
        raise unended_error(name, head.line + swallowed.line + 1, swallowed)
    columns, comments = without_comments(columns)
    tail = find_tail(columns, others, body, dialect, refuse)
    columns = [column.slice(0, len(column) - tail.rows) for column in columns]
    if comments := comments + tail.comments:
        notes.add(f"{counted(comments, 'line')} of comments between the rows left out")
    notes.leave_out_below(tail.lines)
    notes.keep(tail.kept)
    tell_subtotals(columns[0], notes)
    return without_repeated_names(columns, head.names, head.has_names, notes)


def without_comments(columns: list[Any], are_comments: bool | None = None) -> tuple[list[Any], int]:
    """Leave out rows behind a '#', if rows of this table do not begin with one.

    Args:
        columns: Arrays of text of pyarrow, as many as the table has columns.
        are_comments: Whether they do not; None to find out.

    Returns:
        The same without these rows, and how many there were.
    """
    import pyarrow.compute as pc

    marked = behind_marks(columns[0])
    count = pc.sum(marked).as_py() or 0
    if are_comments is None:
        are_comments = have_comments(columns[0])
    if not count or not are_comments:
        return columns, 0
    return [pc.filter(column, pc.invert(marked)) for column in columns], count


def have_comments(first: Any) -> bool:
    """Whether what begins with '#' is no row: most rows do not, and hold numbers there, or dates.

    Args:
        first: The first column, an array of text of pyarrow.
    """
    import pyarrow.compute as pc

    marked = behind_marks(first)
    if (pc.sum(marked).as_py() or 0) > len(marked) / 2:
        return False
    others = pc.filter(first, pc.invert(marked))[:200].to_pylist()
    return not any(kind(cell) == "text" for cell in others if cell)


def behind_marks(first: Any) -> Any:
    """Which of N rows begin with '#', and not with an error of a spreadsheet.

    Args:
        first: The first column, an array of text of pyarrow.

    Returns:
        Array of N booleans of pyarrow.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    errors = pa.array([mark for mark in ABSENT if mark.startswith("#")])
    marked = pc.and_not(pc.starts_with(first, "#"), pc.is_in(first, errors))
    return pc.fill_null(marked, False)


def without_repeated_names(
    columns: list[Any], names: Sequence[str], has_names: bool, notes: Notes
) -> list[Any]:
    """Leave out the line of names where it comes again, as in files put together.

    Args:
        columns: Arrays of text of pyarrow.
        names: One for each.
        has_names: Whether a line of the file holds them.
        notes: That lines are left out is added to them.

    Returns:
        The columns without these rows.
    """
    import pyarrow.compute as pc

    if not has_names or not len(columns[0]) or len(columns) < 2:
        return columns
    same = pc.equal(pc.fill_null(columns[0], ""), names[0])
    if not pc.any(same).as_py():
        return columns
    for column, name in zip(columns[1:], names[1:], strict=True):
        same = pc.and_(same, pc.equal(pc.fill_null(column, ""), name))
    if not (count := pc.sum(same).as_py()) or not any(names):
        return columns
    notes.add(f"the line of names comes {count + 1} times, and is no row")
    return [pc.filter(column, pc.invert(same)) for column in columns]
