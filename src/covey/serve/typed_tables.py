"""Bodies of Arrow and Parquet: what they unpack to is looked at before they are unpacked."""

from __future__ import annotations

import io
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from covey.errors import InputError, clipped, counted
from covey.files.names import named, refuse_repeated
from covey.serve.arrow_cells import BOOLEANS, PERIODS, extension_of, is_cell, is_text, unpacked
from covey.serve.arrow_messages import Sizes, sizes
from covey.serve.parquet_pages import DELTA_BYTE_ARRAY, pages
from covey.serve.refusal import Refusal
from covey.table.periods import know_periods

if TYPE_CHECKING:
    import pandas as pd

MOST_COLUMNS = 20_000
WHOLE = 2**53  # beyond which a float is no whole number any more
# what pyarrow and pandas raise for bytes that are not what they say
DAMAGED = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError),
    *(OSError, EOFError, RecursionError),
)
PADDING = 64  # bytes that may be between the parts of an Arrow file


@dataclass(frozen=True)
class Bounds:
    """How much of a table in a body is read.

    Attributes:
        rows: how many are allowed.
        unpacked: how many bytes the columns that are read may have, unpacked.
        names: of the columns that are read: features and targets.
        decimal: the mark of the files of training, for text that does not tell its own.
        with_commas: names of columns that had decimal commas as text in training.
    """

    rows: int
    unpacked: int
    names: Collection[str]
    decimal: str | None = None
    with_commas: Collection[str] = ()

    def check(self, rows: int, columns: int, size: int) -> None:
        """Refuse what is too much.

        Args:
            rows: how many there are.
            columns: likewise.
            size: bytes of what is read, unpacked.

        Raises:
            Refusal: 413.
        """
        if rows > self.rows:
            raise Refusal(
                413,
                f"Expected at most {counted(self.rows, 'row')} in a request. Received "
                f"{rows:,}. Send them in several requests.",
            )
        check_columns(columns)
        if size > self.unpacked:
            raise Refusal(
                413,
                f"Expected a table of at most {counted(self.unpacked, 'byte')}, unpacked. Received "
                f"one of {size:,}. Send fewer rows, and no columns that the model does not read.",
            )


def check_columns(columns: int) -> None:
    """Refuse too many columns.

    Raises:
        Refusal: 413.
    """
    if columns > MOST_COLUMNS:
        raise Refusal(
            413,
            f"Expected at most {counted(MOST_COLUMNS, 'column')} in a table. Received {columns:,}. "
            "Leave out those that the model does not read.",
        )


def read_typed(body: bytes, called: str, bounds: Bounds) -> pd.DataFrame:
    """The columns of a body of Arrow or Parquet that a model reads.

    Args:
        body: its bytes.
        called: "arrow" or "parquet".
        bounds: how much is read.

    Returns:
        DataFrame of N rows.

    Raises:
        Refusal: 400 if it is no such table, 413 if there is too much of it, 422 for a column of
            what cannot be a feature.
        InputError: several columns have one name.
    """
    import pyarrow as pa

    know_periods()
    try:
        table = _parquet(body, bounds) if called == "parquet" else _arrow(body, bounds)
        # all rows, also one that looks like a total: each is somebody's question
        return _to_pandas(unpacked(table, bounds.check))
    except InputError:
        raise
    except MemoryError:
        raise Refusal(
            413,
            "Expected a table that fits into memory. Received one that does not. Send fewer rows.",
        ) from None
    except (pa.ArrowException, NotImplementedError, *DAMAGED) as error:
        raise Refusal(
            400,
            f"Expected a body of {called.capitalize()}. Received one that cannot be read: "
            f"{clipped(str(error), 300)}.",
        ) from None


def _parquet(body: bytes, bounds: Bounds) -> Any:
    """The columns that are read, text as numbers of a dictionary, as small as the file has it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(io.BytesIO(body))
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    rows = sum(group.num_rows for group in groups)
    bounds.check(max(rows, metadata.num_rows), metadata.num_columns, 0)
    schema = metadata.schema.to_arrow_schema()
    present = _present(schema, bounds)
    if not present:
        return pa.table({"": pa.nulls(rows)})
    names = [schema.names[number] for number in present]
    places = [
        place
        for place in range(metadata.num_columns)
        if _within(metadata.schema.column(place).path, names)
    ]
    leaves = [metadata.schema.column(place) for place in places]
    if any(leaf.max_repetition_level or leaf.max_definition_level > 1 for leaf in leaves):
        raise ValueError("columns within columns")
    size = 0
    for group in groups:
        for place, leaf in zip(places, leaves, strict=True):
            text = leaf.physical_type == "BYTE_ARRAY"
            size += _chunk(body, group.column(place), group.num_rows, text)
            bounds.check(rows, len(places), size)
    wide = sum(8 if leaf.length <= 0 else leaf.length for leaf in leaves)
    bounds.check(rows, len(places), rows * wide)
    texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
    file = pq.ParquetFile(
        io.BytesIO(body), metadata=metadata, read_dictionary=texts, pre_buffer=False
    )
    table = file.read(columns=names, use_threads=False).select(names)
    return table.rename_columns(list(present.values()))


def _within(path: str, names: list[str]) -> bool:
    """Whether a column, perhaps of others, is read with one of some names."""
    return any(path == name or path.startswith(f"{name}.") for name in names)


def _chunk(body: bytes, chunk: Any, rows: int, text: bool) -> int:
    """Bytes that one column has in one group of rows, unpacked, as each of its pages says."""
    if chunk.num_values != rows:
        raise ValueError(f"{chunk.path_in_schema!r} has other rows than the table")
    start = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset:  # 0 of old writers: none
        start = min(start, chunk.dictionary_page_offset)
    end = start + chunk.total_compressed_size
    if not 0 <= start <= end <= len(body):
        raise ValueError(f"{chunk.path_in_schema!r} lies beyond the end of the file")
    size = 0
    for length, encoding in pages(body, start, end):
        if text and encoding == DELTA_BYTE_ARRAY:
            raise Refusal(
                413,
                f"Expected text whose size a file tells. Received {chunk.path_in_schema!r} in the "
                "encoding DELTA_BYTE_ARRAY, which may unpack to any size. Write it with another.",
            )
        size += length
    return size


def _arrow(body: bytes, bounds: Bounds) -> Any:
    """The columns that are read of a stream, or of a file, which has a stream within."""
    import pyarrow as pa

    stream = pa.py_buffer(body)
    file = body.startswith(b"ARROW1")
    if file:
        stream = stream.slice(8)
    schema = pa.ipc.open_stream(stream).schema
    check_columns(len(schema))
    found = sizes(stream)
    _check_end(body, found, file)
    present = _present(schema, bounds)
    bounds.check(found.rows, len(schema), max(found.unpacked, found.rows * len(present) * 8))
    if not present:
        return pa.table({"": pa.nulls(found.rows)})
    options = pa.ipc.IpcReadOptions(included_fields=list(present), use_threads=False)
    table = pa.ipc.open_stream(stream, options=options).read_all()
    return table.rename_columns(list(present.values()))


def _check_end(body: bytes, found: Sizes, file: bool) -> None:
    """Refuse what comes after a stream, but for the end of a file."""
    import pyarrow as pa

    left = len(body) - found.end
    if file:
        length = int.from_bytes(body[-10:-6], "little")
        left -= 8 + length + 10  # what begins the file, its footer, and what says how long that is
        pieces = pa.ipc.open_file(pa.py_buffer(body)).num_record_batches
        if pieces != found.pieces:
            raise ValueError(
                f"{found.pieces:,} batches of rows, of which its footer has {pieces:,}"
            )
    if not 0 <= left <= (PADDING if file else 0):
        raise ValueError("bytes after its end, such as a second table; send each by itself")


def _present(schema: Any, bounds: Bounds) -> dict[int, str]:
    """The columns that are there and are read: their names by their numbers."""
    refuse_repeated("the body", schema.names)
    order, before = _order(schema)
    called = dict(zip(order, named([schema.names[n] for n in order], before), strict=True))
    present = {number: called[number] for number in sorted(order) if called[number] in bounds.names}
    for number, name in present.items():
        field = schema.field(number)
        extension = extension_of(field)
        if extension not in (None, BOOLEANS, PERIODS) or not is_cell(field.type):
            raise Refusal(
                422,
                f"Expected numbers, text, booleans or dates in column {name!r}. Received: "
                f"{clipped(str(extension or field.type), 100)}.",
            )
    return present


def _order(schema: Any) -> tuple[list[int], int]:
    """Columns in the order that they have in pandas, and how many it adds before them.

    What was the index of a table is last in the file, and first where files are read.
    """
    try:
        levels = (schema.pandas_metadata or {}).get("index_columns")
    except (ValueError, AttributeError, RecursionError):  # anybody may have written it
        levels = None
    levels = levels if isinstance(levels, list) else []
    places = {name: number for number, name in enumerate(schema.names) if name != ""}
    index = [places[level] for level in levels if isinstance(level, str) and level in places]
    index = list(dict.fromkeys(index))
    first = set(index)
    counted_rows = [level for level in levels if isinstance(level, dict)]
    before = sum(level.get("name") is not None for level in counted_rows)
    return [*index, *(n for n in range(len(schema)) if n not in first)], before


def _to_pandas(table: Any) -> pd.DataFrame:
    """The table with its text as text, and whole numbers as they are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    long = False
    for number, field in enumerate(table.schema):
        column, kind = table.column(number), field.type
        if is_text(kind):
            table = table.set_column(number, field.name, column.cast(pa.string()))
        elif pa.types.is_integer(kind) and column.null_count:
            ends = pc.min_max(column).as_py()
            long |= any(end is not None and abs(end) > WHOLE for end in ends.values())
    # what pandas wrote of its own types and labels is left alone: it need not be true
    return table.to_pandas(ignore_metadata=True, integer_object_nulls=long)
