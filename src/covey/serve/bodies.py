"""Bodies that hold tables: CSV, Arrow and Parquet, in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.errors import InputError
from covey.files.notes import Notes
from covey.files.source import Source
from covey.serve.refusal import Refusal
from covey.serve.typed_tables import MOST_COLUMNS, Bounds, check_columns, read_typed

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
SEPARATORS = (b",", b";", b"\t", b"|", b" ")


def media_type(header: str) -> str:
    """The type of a body, without its parameters, in small letters."""
    kind = header.partition(";")[0].strip().lower()
    return JSON if kind == UNSAID else kind


def read_table(body: bytes, kind: str, bounds: Bounds) -> pd.DataFrame:
    """The columns of the table in a body that a model reads.

    Args:
        body: its bytes.
        kind: a key of `TABLES`.
        bounds: how much is read.

    Returns:
        DataFrame of N rows.

    Raises:
        Refusal: 400 if it is no such table, 413 if there is too much of it.
    """
    from covey.files.text import TextOptions, read_text

    if not body:
        raise Refusal(400, "Expected a table. Received an empty body.")
    try:
        if TABLES[kind] != "csv":
            return read_typed(body, TABLES[kind], bounds)
        _check_lines(body, bounds)
        commas = bounds.with_commas
        options = TextOptions(usual=bounds.decimal, only=bounds.names, as_written=commas)
        return read_text(Source("the body", ".csv", body, "text"), options, Notes())
    except InputError as error:
        raise Refusal(400, str(error)) from None


def _check_lines(body: bytes, bounds: Bounds) -> None:
    """Count the lines of text, and what may separate cells in them, before they are looked at."""
    ends = body.count(b"\n"), body.count(b"\r")
    if max(ends) > 2 * bounds.rows + 1000:  # cells may have several lines
        bounds.check(max(ends), 0, 0)
    end = b"\n" if ends[0] else b"\r"
    for separator in SEPARATORS:
        if body.count(separator) >= MOST_COLUMNS:
            check_columns(1 + max(line.count(separator) for line in body.split(end)))


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
