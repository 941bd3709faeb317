"""Text files that are larger than memory: their rows, a stretch of lines at a time.

Encoding, dialect, names and decimal mark are found once for each file, from its beginning and end,
so that every stretch is read alike.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from covey.errors import InputError, clipped, counted
from covey.files.bulk import parse, without_missing
from covey.files.dialect import BLANKS, Dialect, records, tabbed
from covey.files.encoding import decode, zero_bytes
from covey.files.head import find_head, no_table
from covey.files.names import refuse_repeated, tidy
from covey.files.notes import Notes
from covey.files.numerals import evidence, find_decimal
from covey.files.quotes import find_swallowed, unended_error
from covey.files.tail import find_tail
from covey.files.text import TextOptions, tell, without_repeated_names
from covey.files.verdicts import FOOT, Verdicts, footer_in
from covey.files.wrapped import unwrapped

if TYPE_CHECKING:
    from covey.files.source import Source

__all__ = ["Chunk", "ChunkedText", "is_plain"]

SAMPLE = 1 << 20  # bytes at either end of a file that tell how it is written
LONGEST = 1 << 20  # bytes of a record, beyond which a quote is taken for a part of a cell
PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"PK\x03\x04", codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

Read = Callable[[int, int], bytes]  # the bytes of a file from one place to another


@dataclass(frozen=True)
class Chunk:
    """Some rows of a text file.

    Attributes:
        columns: their cells by the name of the column, arrays of text of pyarrow, null where
            missing; all as long, without the rows that are not whole.
        places: for each of these rows its number among all rows of the chunk, those that are not
            whole among them; None if all are whole.
        broken: for each row that is not whole, its number and what is wrong with it.
        rows: how many there are, whole or not.
    """

    columns: dict[str, Any]
    places: list[int] | None
    broken: list[tuple[int, str]]
    rows: int


@dataclass(frozen=True)
class ChunkedText:
    """How a text file is written, and where its rows are.

    Attributes:
        name: What messages call the file.
        encoding: That of its bytes.
        dialect: How its cells are separated.
        names: One for each column.
        has_names: Whether a line of the file holds them.
        verdicts: How its cells are taken; None before that is found out.
        na: What means "missing" besides the usual.
        start: The first byte below the names.
        size: Bytes of the file.
        line: How many lines are above the first row.
    """

    name: str
    encoding: str
    dialect: Dialect
    names: tuple[str, ...]
    has_names: bool
    verdicts: Verdicts | None
    na: Sequence[str]
    start: int
    size: int
    line: int

    @classmethod
    def open(
        cls, source: Source, size: int, read: Read, options: TextOptions, notes: Notes
    ) -> ChunkedText:
        """Find out how a file is written.

        Args:
            source: The file; its content is not looked at.
            size: Of the file, in bytes.
            read: Gives its bytes.
            options: What the user says of it.
            notes: What is recognised beyond the plain is added to them.

        Returns:
            The file; `chunk` reads its rows.

        Raises:
            InputError: It is no table; the message names the line.
        """
        name = source.name
        content = read(0, min(size, SAMPLE))
        whole = len(content) == size
        if not whole:
            content = content[: content.rfind(b"\n") + 1]
        mark = len(codecs.BOM_UTF8) if content.startswith(codecs.BOM_UTF8) else 0
        # letters beyond ASCII may come late in a file
        end = b"" if whole else read(max(size - SAMPLE, len(content)), size)
        end = end[end.find(b"\n") + 1 :]
        text, told = decode(name, content + end, options.encoding)
        encoding = options.encoding or told or "utf-8"
        text = text[: len(content.decode(encoding)) - bool(mark)] if end else text
        text = _lines(name, text)
        head = find_head(name, text, options.sep, notes)
        names = tuple(tidy(each) for each in head.names)
        refuse_repeated(name, names)
        names = tuple(each or f"Unnamed: {number}" for number, each in enumerate(names))
        start = _after_lines(content, head.line)
        found = cls(
            name, encoding, head.dialect, names, head.has_names, None, tuple(options.na),
            start, size, head.line,
        )  # fmt: skip
        decimal, sure = options.decimal, True
        parts = [found._cells(head.body)[0]]
        if end and (last := found._cells(_lines(name, end.decode(encoding)))[0]):
            parts.append(last)
        joined = [_joined([part[number] for part in parts]) for number in range(len(names))]
        if decimal is None:
            quoted = head.dialect.quote in head.body + end.decode(encoding)
            if head.dialect.sep == "," and not quoted:
                decimal, sure = ".", whole
            else:
                decimal, doubtful = find_decimal(joined, head.dialect.sep, options.usual)
                sure = any(evidence(joined)) or whole
                if doubtful:
                    notes.add(f"{doubtful!r} is read with {decimal!r} for decimals", "decimal")
        tell(source, head.dialect, told, decimal, options, notes)
        verdicts = Verdicts.of(name, names, joined, decimal, sure, options.as_written)
        return replace(found, verdicts=verdicts)

    def cut(self, read: Read, start: int, length: int) -> int:
        """Where a stretch of lines ends that begins with a row.

        Args:
            read: Gives the bytes of the file.
            start: The first byte of the stretch.
            length: About how many bytes it shall have.

        Returns:
            The byte behind it: the first of another row, or the size of the file.
        """
        end = start + length
        if end >= self.size:
            return self.size
        content = read(start, min(end + LONGEST, self.size))
        cut = content.find(b"\n", length) + 1
        if not cut:
            rest = read(start, self.size)
            return start + (rest.find(b"\n", length) + 1 or len(rest))
        first, quotes = cut, self._quotes(content[:cut])
        while quotes % 2:  # within a quoted cell
            further = content.find(b"\n", cut) + 1
            if not further:  # no cell is as long: the quote is a part of one
                return start + first
            quotes, cut = quotes + self._quotes(content[cut:further]), further
        return start + cut

    def _quotes(self, content: bytes) -> int:
        quote = self.dialect.quote.encode()
        count = content.count(quote)
        if self.dialect.escape is not None:
            count -= content.count(self.dialect.escape.encode() + quote)
        return count

    def chunk(self, read: Read, start: int, end: int, wanted: Sequence[str]) -> Chunk:
        """Read a stretch of lines.

        Args:
            read: Gives the bytes of the file.
            start: Its first byte.
            end: The byte behind it.
            wanted: Names of columns.

        Returns:
            Their cells.

        Raises:
            InputError: A quote does not end, or the decimal mark is another one than before.
        """
        content = read(start, end)
        try:
            text = _lines(self.name, content.decode(self.encoding))
        except UnicodeDecodeError as error:
            raise InputError(
                f"Expected text in {self.encoding}. Received: {self.name}, which is not "
                f"({content[error.start : error.start + 4]!r} at byte {start + error.start:,}). "
                "Pass the right `encoding`, for example cp1252, or write the file again."
            ) from None
        columns, others = self._cells(text)
        body = text.rstrip("\n") + "\n"
        if swallowed := find_swallowed(body, self.dialect, columns):
            raise unended_error(
                f"{self.name} from byte {start:,} on", swallowed.line + 1, swallowed
            )
        assert self.verdicts is not None
        whole = start == self.start and end >= self.size
        columns = self.verdicts.without_comments(columns, whole)
        broken = [t for t in others if t.strip(f"{self.dialect.sep} \t") and not self._remark(t)]
        foot: list[str] = []
        if end >= self.size:
            columns, broken, foot = self._without_tail(columns, broken, body)
        columns = without_repeated_names(columns, self.names, self.has_names, Notes())
        self.verdicts.check_decimal(columns, wanted)
        rows = len(columns[0]) + len(broken)
        places, said = self._places(body, broken, rows)
        said += [(rows + number, reason) for number, reason in enumerate(foot)]
        cells = {}
        for place, name in enumerate(self.names):
            if name in wanted:
                column = self.verdicts.numbers(place, columns[place], whole)
                cells[name] = without_missing(column, self.na)
        return Chunk(cells, places, said, rows + len(foot))

    def _remark(self, line: str) -> bool:
        return self.verdicts is not None and self.verdicts.is_comment(line)

    def _cells(self, text: str) -> tuple[list[Any], list[str]]:
        import pyarrow as pa

        dialect, body = self.dialect, text.rstrip("\n") + "\n"
        if dialect.sep == BLANKS:
            body, dialect = tabbed(body), replace(dialect, sep="\t")
        try:
            return parse(body, dialect, len(self.names))
        except (ValueError, pa.ArrowInvalid) as error:
            raise no_table(self.name, str(error)) from None

    def _without_tail(
        self, columns: list[Any], broken: list[str], body: str
    ) -> tuple[list[Any], list[str], list[str]]:
        """Take away the notes and totals below the last row, and say why of those as wide as rows.

        How the numbers of a total were made only the whole file tells: a last row that begins like
        a total is none that can be scored.
        """
        last = set(body[-65536:].rstrip().split("\n")[-60:])
        may_be_notes = [text for text in broken if text in last]
        while True:
            try:
                tail = find_tail(columns, may_be_notes, body, self.dialect, _NoNoteError)
                break
            except _NoNoteError as error:
                may_be_notes.remove(error.text)
        rows = len(columns[0]) - tail.rows
        below = [[c[n].as_py() or "" for c in columns] for n in range(rows, len(columns[0]))]
        foot = [next(filter(None, row)) for row in below if any(row)]
        while rows and (cell := footer_in([c.slice(0, rows) for c in columns], rows - 1)):
            rows, foot = rows - 1, [cell, *foot]
        said = [FOOT.format(clipped(cell, 60)) for cell in foot]
        notes = set(may_be_notes)
        return [c.slice(0, rows) for c in columns], [t for t in broken if t not in notes], said

    def _places(
        self, body: str, broken: list[str], rows: int
    ) -> tuple[list[int] | None, list[tuple[int, str]]]:
        """Where the rows of full width are among all, and where the others."""
        if not broken:
            return None, []
        left = list(broken)
        places: list[int] = []
        said: list[tuple[int, str]] = []
        lines = body.split("\n")
        row = 0
        for each in records(body, self.dialect):
            if row == rows:
                break
            text = "\n".join(lines[each.line : each.end])
            if not any(each.cells) and (not each.cells or len(self.names) > 1):
                if len(each.cells) == len(self.names):
                    places.append(row)
                    row += 1
                continue
            if left and text == left[0]:
                width = counted(len(self.names), "cell")
                expected = f"Expected {width}. Received {len(each.cells)}"
                said.append((row, f"{expected}: {clipped(text, 60)!r}."))
                left.pop(0)
            elif self._remark(text) or (self.has_names and tuple(each.cells) == self.names):
                continue
            else:
                places.append(row)
            row += 1
        return places, said


class _NoNoteError(InputError):
    """A record that is neither a row nor a note."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def is_plain(beginning: bytes) -> bool:
    """Whether the lines of a text file can be read a stretch at a time.

    Args:
        beginning: The first bytes of the file.

    Returns:
        False for what is packed, of two bytes a letter, of lines that end with carriage returns or
        that are quoted whole.
    """
    if beginning.startswith(PACKED) or b"\0" in beginning:
        return False
    if b"\n" not in beginning and b"\r" in beginning:
        return False
    text = beginning[: beginning.rfind(b"\n") + 1].decode("latin-1").replace("\r\n", "\n")
    return unwrapped(text, Notes()) == text


def _lines(name: str, text: str) -> str:
    if "\0" in text:
        raise zero_bytes(name, text.count("\n", 0, text.index("\0")) + 1)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _after_lines(content: bytes, count: int) -> int:
    """The byte behind so many lines."""
    ends: Iterator[re.Match[bytes]] = re.finditer(b"\n", content)
    place = 0
    for _ in range(count):
        found = next(ends, None)
        if found is None:
            return len(content)
        place = found.end()
    return place


def _joined(parts: Sequence[Any]) -> Any:
    import pyarrow as pa

    return pa.chunked_array([chunk for part in parts for chunk in part.chunks], type=pa.string())
