"""Bodies that hold tables: CSV, Arrow and Parquet, in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.errors import InputError, counted
from covey.files import advice
from covey.files.notes import Notes, quoted
from covey.files.source import Source
from covey.serve.refusal import Refusal
from covey.serve.typed_tables import Bounds, check_columns, read_typed

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

IN_REQUESTS = {  # which have no options
    advice.SEPARATOR_OR_ENCODING: "send UTF-8 with commas between the cells",
    advice.SEPARATOR: "send commas between the cells",
    advice.ENCODING: "Send UTF-8.",
    advice.ONE_TABLE: "Send each table in a request of its own",
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
        Refusal: 400 if it is no such table, 413 if there is too much of it, 422 if its last lines
            look like no rows.
    """
    if not body:
        raise Refusal(400, "Expected a table. Received an empty body.")
    try:
        if TABLES[kind] != "csv":
            return read_typed(body, TABLES[kind], bounds)
        return _read_csv(body, bounds)
    except InputError as error:
        said = str(error)
        for words, instead in IN_REQUESTS.items():
            said = said.replace(words, instead)
        raise Refusal(400, said) from None


def _read_csv(body: bytes, bounds: Bounds) -> pd.DataFrame:
    from covey.files.text import TextOptions, read_text

    most = 2 * bounds.rows + 1000  # cells may have several lines
    if (lines := max(body.count(b"\n"), body.count(b"\r"))) > most:
        raise Refusal(
            413,
            f"Expected at most {counted(most, 'line')} of text in a request. Received {lines:,}. "
            "Send the rows in several requests.",
        )
    first = body.lstrip().partition(b"\n")[0].partition(b"\r")[0]  # the names, most likely
    check_columns(1 + max(map(first.count, SEPARATORS)))  # before all of the text is looked at
    options = TextOptions(
        usual=bounds.decimal, check_width=check_columns, as_written=bounds.with_commas
    )
    notes = Notes()
    frame = read_text(Source("the body", ".csv", body, "text"), options, notes)
    if notes.below:  # as many rows come back as are sent
        raise Refusal(
            422,
            f"Expected rows alone. Received {quoted(notes.below[0])} below the last row, which "
            "looks like a total or a note. Leave it out.",
        )
    return frame[[name for name in frame.columns if name in bounds.names]]


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
