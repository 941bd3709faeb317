"""How files are cut into parts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from covey.bulk.inputs import Input
from covey.bulk.parquet_rows import foot_of, parquet
from covey.bulk.parts import Part
from covey.errors import InputError
from covey.files.chunks import ChunkedText
from covey.files.notes import Notes
from covey.files.source import Source
from covey.files.text import TextOptions


@dataclass
class Layout:
    """How a file is cut into parts.

    Attributes:
        input: the file.
        columns: their names and, in a Parquet file, types of pyarrow; else None.
        rows: how many it has; of text, about.
        text: how a text file is written; None for others.
        frame: the table of a file that is read as a whole; None for others.
        length: for text, how many bytes a part has, about.
        notes: what is recognised of it beyond the plain.
        foot: of a Parquet file, first cells of its last rows that begin like totals or notes.
    """

    input: Input
    columns: dict[str, Any]
    rows: int
    text: ChunkedText | None = None
    frame: Any = None
    length: int = 0
    notes: Notes = field(default_factory=Notes)
    foot: tuple[str, ...] = ()

    def parts(self, size: int, counted: Callable[[Part], int]) -> Iterator[Part]:
        """Cut the file.

        Args:
            size: rows of a part at most; of text about.
            counted: says how many rows a part of text had, when it is done with.

        Yields:
            Parts, in order.
        """
        if self.text is None:
            count = max(math.ceil(self.rows / size), 1)
            for number in range(count):
                first = number * size
                rows = min(size, self.rows - first)
                yield Part(self.input, number, first, rows, last=number == count - 1)
            return
        first, start, number = 0, self.text.start, 0
        read = self.input.place.bytes_of
        while start < self.text.size or not number:
            end = self.text.cut(read, start, self.length)
            part = Part(self.input, number, first, None, start, end, end >= self.text.size)
            yield part
            first, start, number = first + counted(part), end, number + 1


def layout_of(each: Input, options: TextOptions, size: int, percentages: tuple[str, ...]) -> Layout:
    """Read what a file says of itself, and no row yet unless all of it has to be read at once.

    Args:
        each: the file.
        options: what the user says of text.
        size: rows of a part at most.
        percentages: see `read_table`.

    Returns:
        Its layout.

    Raises:
        InputError: it is damaged, or no table.
    """
    if each.kind == "parquet":
        return _of_parquet(each)
    if each.kind == "text":
        notes = Notes()
        source = Source(each.place.name, _suffix(each.place.path), b"", "text")
        read = each.place.bytes_of
        text = ChunkedText.open(source, each.size, read, options, notes)
        sample = read(text.start, min(each.size, text.start + (1 << 20)))
        lines = max(sample.count(b"\n"), 1)
        width = max(len(sample) / lines, 1.0)
        rows = math.ceil((each.size - text.start) / width)
        return Layout(
            each, dict.fromkeys(text.names), rows, text, None, math.ceil(size * width), notes
        )
    from covey.files.read import read_source

    with each.place.opened() as file:
        frame = read_source(each.place.name, bytes(file.read()), options, percentages)
    return Layout(each, dict.fromkeys(map(str, frame.columns)), len(frame), None, frame)


def _of_parquet(each: Input) -> Layout:
    with parquet(each) as file:
        schema = file.schema_arrow
        names = [name for name in schema.names if not name.startswith("__index_level_")]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(
                f"Expected columns of different names in {each.place.name}. Received more than one "
                f"{', '.join(map(repr, repeated))}. Rename them."
            )
        types = {name: schema.field(name).type for name in names}
        return Layout(each, types, file.metadata.num_rows, foot=foot_of(each, file))


def _suffix(path: str) -> str:
    name = path.rpartition("/")[2]
    return f".{name.rpartition('.')[2].lower()}" if "." in name else ""
