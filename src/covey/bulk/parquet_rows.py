"""The rows of Parquet files, one part after the other, in little memory."""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise
from typing import Any

from covey.bulk.inputs import Input
from covey.bulk.parts import Part
from covey.errors import InputError, clipped
from covey.files.verdicts import footer_in
from covey.table.periods import know_periods

READ = 2**14  # rows that are decoded at once
BUFFER = 2**20  # bytes of a column that are read at once


class ParquetRows:
    """Rows of a file from some part on; those of parts that are not asked for are passed over.

    Args:
        part: the first.
        columns: names of those to read.
    """

    def __init__(self, part: Part, columns: list[str]) -> None:
        self.input = part.input
        self.batches = _batches(part.input, part.first, columns)
        self.place = part.first
        self.left: Any = None
        with parquet(part.input) as file:
            self.begins = _begins(file.metadata)

    def reaches(self, part: Part) -> bool:
        """Whether a part comes next, or later and before another group of rows begins.

        Args:
            part: any.
        """
        if part.input.number != self.input.number or part.first < self.place:
            return False
        return not any(self.place < begin <= part.first for begin in self.begins) or (
            part.first == self.place
        )

    def read(self, part: Part, size: int) -> list[Any]:
        """The rows of a part.

        Args:
            part: that `reaches` is true of.
            size: rows of a table at most.

        Returns:
            Tables of pyarrow.
        """
        import pyarrow as pa

        assert part.rows is not None
        self._take(part.first - self.place)
        tables, left = [], part.rows
        while left:
            tables.append(pa.concat_tables(self._take(min(left, size))))
            left -= len(tables[-1])
        return tables

    def close(self) -> None:
        """Let go of the file."""
        self.batches.close()
        self.left = None

    def _take(self, count: int) -> list[Any]:
        """The next rows, as tables one after the other."""
        import pyarrow as pa

        self.place += count
        parts = []
        while count:
            try:
                self.left = next(self.batches, None) if self.left is None else self.left
            except (pa.ArrowException, OSError) as error:
                raise _damaged(self.input, error) from error
            if self.left is None:
                raise InputError(
                    f"Expected more rows in {self.input.place.name}: it lost some since it "
                    "was opened. Leave files as they are while they are scored."
                )
            part = self.left.slice(0, count)
            parts.append(part)
            count -= len(part)
            self.left = self.left.slice(len(part)) if len(part) < len(self.left) else None
        return parts


def parquet(each: Input) -> Any:
    """A Parquet file, opened so that little of it is in memory.

    Args:
        each: the file.

    Raises:
        InputError: it is damaged.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    know_periods()
    try:
        source = each.place.files.open_input_file(each.place.path)
        return ParquetFile(source, buffer_size=BUFFER, pre_buffer=False)
    except (ArrowException, OSError) as error:
        raise _damaged(each, error) from error


def foot_of(each: Input, file: Any) -> tuple[str, ...]:
    """First cells of the last rows of a file that begin like totals or notes, in order.

    Args:
        each: the file.
        file: the same, from `parquet`.

    Returns:
        One for each of these rows; empty for most files, and for all without text.
    """
    import pyarrow as pa

    schema = file.schema_arrow
    groups = [n for n in range(file.num_row_groups) if file.metadata.row_group(n).num_rows]
    texts = [field.name for field in schema if _is_text(field.type)]
    if not groups or not texts:
        return ()
    try:
        last = None
        for last in file.iter_batches(READ, row_groups=groups[-1:], columns=texts):  # noqa: B007
            pass
        if last is None or not _foot([column.cast(pa.string()) for column in last.columns]):
            return ()
        columns = [field.name for field in schema][: schema.get_field_index(texts[-1]) + 1]
        table = file.read_row_group(groups[-1], columns=columns)
        return _foot([_as_text(table.column(name)) for name in columns])
    except (pa.ArrowException, OSError) as error:
        raise _damaged(each, error) from error


def _foot(columns: list[Any]) -> tuple[str, ...]:
    found: list[str] = []
    rows = len(columns[0])
    while rows > 0 and (cell := footer_in([column.slice(0, rows) for column in columns], rows - 1)):
        found.insert(0, cell)
        rows -= 1
    return tuple(found)


def _as_text(column: Any) -> Any:
    """A column as text; of what has none, whether there is something."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if _is_text(column.type):
        return column.cast(pa.string())
    return pc.if_else(pc.is_valid(column), "0", None)


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _begins(metadata: Any) -> list[int]:
    """The numbers of the first rows of all groups of rows, and the number of all rows."""
    begins = [0]
    for group in range(metadata.num_row_groups):
        begins.append(begins[-1] + metadata.row_group(group).num_rows)
    return begins


def _batches(each: Input, first: int, columns: list[str]) -> Generator[Any, None, None]:
    """The rows from one on to the end of the file, some at a time."""
    import pyarrow as pa

    with parquet(each) as file:
        for group, (begin, end) in enumerate(pairwise(_begins(file.metadata))):
            if end <= first:
                continue
            for batch in file.iter_batches(READ, row_groups=[group], columns=columns):
                if begin + len(batch) > first:
                    table = pa.Table.from_batches([batch]).select(columns)
                    yield table.slice(max(first - begin, 0))
                begin += len(batch)


def _damaged(each: Input, error: Exception) -> InputError:
    return InputError(
        f"Expected a Parquet file. Received: {each.place.name}, which cannot be read as one: "
        f"{clipped(' '.join(str(error).split()))}. Write the file again, or leave it out."
    )
