"""Bodies that hold tables: CSV, Arrow and Parquet, in and out."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from covey.errors import InputError, counted
from covey.files.notes import Notes
from covey.files.source import Source
from covey.serve.refusal import Refusal

if TYPE_CHECKING:
    import pandas as pd

JSON, CSV = "application/json", "text/csv"
UNSAID = "application/x-www-form-urlencoded"  # what curl and urllib say where nobody said a type
ARROW = "application/vnd.apache.arrow.stream"
ARROW_FILE = "application/vnd.apache.arrow.file"
PARQUET = "application/vnd.apache.parquet"
TABLES = {
    CSV: "csv",
    ARROW: "arrow",
    ARROW_FILE: "arrow",
    PARQUET: "parquet",
    "application/x-parquet": "parquet",
}
MOST_COLUMNS = 20_000
MOST_CELLS = 50_000_000


def media_type(header: str) -> str:
    """The type of a body, without its parameters, in small letters."""
    kind = header.partition(";")[0].strip().lower()
    return JSON if kind == UNSAID else kind


def read_table(body: bytes, kind: str, most_rows: int, decimal: str | None = None) -> pd.DataFrame:
    """The table that a body holds.

    Args:
        body: its bytes.
        kind: a key of `TABLES`.
        most_rows: how many rows are allowed.
        decimal: the mark of the files of training, for text that does not tell its own.

    Returns:
        DataFrame of N rows.

    Raises:
        Refusal: 400 if it is no such table, 413 if it has too many rows or cells.
    """
    from covey.files.text import TextOptions, read_text
    from covey.files.typed import read_arrow

    if not body:
        raise Refusal(400, "Expected a table. Received an empty body.")
    called = TABLES[kind]
    try:
        if called == "csv":
            if body.count(b"\n") > 2 * most_rows + 1000:  # before they are all looked at
                raise Refusal(413, f"Expected at most {counted(most_rows, 'row')} in a request.")
            return read_text(
                Source("the body", ".csv", body, "text"), TextOptions(usual=decimal), Notes()
            )
        _check_size(body, called, most_rows)
        source = "feather" if called == "arrow" else "parquet"
        return read_arrow(Source("the body", "", body, source), Notes())
    except InputError as error:
        raise Refusal(400, str(error)) from None


def _check_size(body: bytes, kind: str, most_rows: int) -> None:
    """Look at what a body of Arrow or Parquet says of its size before it is unpacked."""
    import pyarrow as pa
    import pyarrow.parquet

    try:
        if kind == "parquet":
            about = pa.parquet.read_metadata(io.BytesIO(body))
            rows, columns = about.num_rows, about.num_columns
        else:
            stream = not body.startswith(b"ARROW1")
            reader = pa.ipc.open_stream(body) if stream else pa.ipc.open_file(body)
            columns, rows = len(reader.schema), 0
            batches = reader if stream else map(reader.get_batch, range(reader.num_record_batches))
            for batch in batches:
                rows += len(batch)
                if rows > most_rows:
                    break
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Refusal(
            400,
            f"Expected a body of {kind.capitalize()}. Received one that cannot be read: {error}.",
        ) from None
    if rows > most_rows:
        raise Refusal(
            413, f"Expected at most {counted(most_rows, 'row')} in a request. Received more."
        )
    if columns > MOST_COLUMNS or rows * columns > MOST_CELLS:
        raise Refusal(413, f"Expected at most {MOST_CELLS:,} cells. Leave out unused columns.")


def write_table(frame: pd.DataFrame, kind: str) -> bytes:
    """A table as a body.

    Args:
        frame: N rows; its index is left out.
        kind: a key of `TABLES`.
    """
    import pyarrow as pa
    import pyarrow.parquet

    if TABLES[kind] == "csv":
        return frame.to_csv(index=False, lineterminator="\n").encode()
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    sink = pa.BufferOutputStream()
    if TABLES[kind] == "parquet":
        pa.parquet.write_table(table, sink)
    else:
        new = pa.ipc.new_file if kind == ARROW_FILE else pa.ipc.new_stream
        with new(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue().to_pybytes()
