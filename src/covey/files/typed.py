"""Tables in files that know the types of their columns: Parquet, Feather and JSON."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from covey.errors import InputError, clipped
from covey.files.encoding import decode
from covey.files.last_rows import without_totals
from covey.files.names import finish, refuse_repeated
from covey.table.periods import know_periods

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from covey.files.notes import Notes
    from covey.files.source import Source

__all__ = ["read_arrow", "read_json", "without_marks"]


def read_arrow(source: Source, notes: Notes) -> pd.DataFrame:
    """Read a Parquet or Feather file; columns keep their types.

    Args:
        source: The file.
        notes: What is left out is added to them.

    Returns:
        The table, of shape (N, F). An index with a name is a column, one without is left out.

    Raises:
        InputError: The file is damaged.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet

    know_periods()
    called = {"parquet": "Parquet", "feather": "Feather"}[source.kind]
    try:
        if source.kind == "parquet":
            # pandas finds no words for it
            refuse_repeated(source.name, pa.parquet.read_schema(io.BytesIO(source.content)).names)
            frame = pd.read_parquet(io.BytesIO(source.content))
        elif source.content.startswith(b"\xff\xff\xff\xff"):
            frame = pa.ipc.open_stream(source.content).read_all().to_pandas()
        else:
            frame = pd.read_feather(io.BytesIO(source.content))
    except InputError:
        raise
    except (ValueError, OSError, EOFError, pa.ArrowException) as error:
        raise InputError(
            f"Expected a {called} table. Received: {source.name}, which cannot be read as one: "
            f"{clipped(str(error))}. Write or fetch it again."
        ) from error
    columns = []
    if not isinstance(frame.index, pd.RangeIndex) or frame.index.name is not None:
        # pandas hides columns of the file in the index, where no other program would
        for number, name in enumerate(frame.index.names):
            values = frame.index.get_level_values(number)
            called = f"__index_level_{number}__" if name is None else name
            columns.append((called, pd.Series(values.to_numpy() if name is None else values)))
    columns += [(name, frame.iloc[:, number]) for number, name in enumerate(frame.columns)]
    return finish(source.name, without_totals(columns, notes), notes)


def read_json(source: Source, encoding: str | None, notes: Notes) -> pd.DataFrame:
    """Read records: one JSON object in each line, or a list of objects.

    Args:
        source: The file.
        encoding: What the user says of it.
        notes: What is left out is added to them.

    Returns:
        The table, of shape (N, F); a value that a record lacks is missing.

    Raises:
        InputError: The file holds something else; the message names the line.
    """
    import pandas as pd

    text, found = decode(source.name, source.content, encoding)
    if found:
        notes.add(f"read with encoding {found}", "encoding")
    records = (
        _in_list(source.name, text) if text.lstrip()[:1] == "[" else _in_lines(source.name, text)
    )
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = [
        (name, pd.Series([record.get(name) for record in records], dtype=object).infer_objects())
        for name in names
    ]
    columns = without_totals([(n, _floats(c)) for n, c in columns], notes)
    # without a total, a column may be of one type
    return finish(source.name, [(n, _floats(c.infer_objects())) for n, c in columns], notes)


def _floats(column: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers with gaps as numbers: None makes objects of them."""
    import pandas as pd

    held = column.dropna()
    numbers = all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in held)
    if column.dtype == object and len(held) and numbers:
        try:
            return pd.Series(pd.to_numeric(column))
        except (ValueError, TypeError, OverflowError):
            return column
    if column.dtype == object and len(held) and all(isinstance(cell, str) for cell in held):
        return column.astype(held.infer_objects().dtype)
    return column


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a record holds a name twice")
    return record


def _in_list(name: str, text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except ValueError as error:
        raise _refusal(name, str(error)) from None
    if not isinstance(found, list) or not found or not all(isinstance(r, dict) for r in found):
        raise _refusal(name, "it is no list of records")
    return found


def _in_lines(name: str, text: str) -> list[dict[str, Any]]:
    records = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, object_pairs_hook=_once)
        except ValueError as error:
            raise _refusal(
                name, f"line {number} is no record ({clipped(str(error), 80)})"
            ) from None
        if not isinstance(record, dict):
            raise _refusal(name, f"line {number} is no record ({clipped(line, 40)})")
        records.append(record)
    if len(records) == 1 and any(isinstance(cell, dict | list) for cell in records[0].values()):
        raise _refusal(name, "it is one object that holds others")
    return records


def _refusal(name: str, reason: str) -> InputError:
    return InputError(
        f"Expected JSON with one record per line, or a list of records. Received: {name}: "
        f"{reason}. Write it again, by pandas: df.to_json(path, orient='records', lines=True)."
    )


def without_marks(frame: pd.DataFrame, na: Sequence[str]) -> pd.DataFrame:
    """Take out the values that mean "missing" to the user.

    Args:
        frame: Table of shape (N, F).
        na: What means "missing"; a number counts however it is written.

    Returns:
        The table.
    """
    import pandas as pd

    numbers = []
    for mark in na:
        try:
            numbers.append(float(mark))
        except ValueError:
            continue
    for name in frame.columns if na else ():
        column = frame[name]
        if pd.api.types.is_bool_dtype(column):
            continue
        if pd.api.types.is_numeric_dtype(column):
            missing = column.isin(numbers)
        else:
            missing = column.map(lambda cell: isinstance(cell, str) and cell.strip() in na)
        if missing.any():
            frame[name] = column.mask(missing.to_numpy(bool))
    return frame
