"""The rows of a text file as JSON has them, each cell as its whole column says that it is meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from covey.errors import InputError, counted
from covey.serve.bodies import CSV, read_table
from covey.serve.json_bodies import write_json
from covey.serve.model import Model
from covey.serve.questions import plain
from covey.serve.reader import Reader
from covey.serve.refusal import Refusal
from covey.serve.rows import check_count
from covey.table import NumericColumn
from covey.table.cells import stamps_of
from covey.table.number_column import is_plain
from covey.types import Array

if TYPE_CHECKING:
    import pandas as pd

NEAR = 1e-11  # days, about a microsecond, within which two times are one


def rows_of_file(body: bytes, reader: Reader) -> bytes:
    """Read a text file as `/predict` does, and write its rows so that each means the same alone.

    A date such as 03/04/2025 has the month first or the day, as other rows tell, and a number with
    a comma likewise: here dates become those of ISO 8601, and numbers those of JSON.

    Args:
        body: of CSV.
        reader: of the model that reads it.

    Returns:
        JSON with `rows`, features by name; `observed`, targets by name; and `lacking`, the names of
        features that the file does not have. A cell that cannot be used stays as it is.

    Raises:
        Refusal: 400 if it is no table; 413 for too much of it; 422 for none, or if what a column
            means cannot be told.
    """
    model, limits = reader.model, reader.limits
    frame = read_table(body, CSV, reader.bounds)
    check_count(len(frame), limits.max_rows)
    names = [*model.schema_.names, *model.targets_]
    if len(frame) * len(names) > limits.max_numbers:
        raise Refusal(
            413,
            f"Expected a file of at most {counted(limits.max_numbers, 'cell')}. Received "
            f"{counted(len(frame), 'row')}, of which {counted(len(names), 'column')} are read. "
            "Send its rows in several files.",
        )
    targets = {n: _numbers(frame[n], reader) for n in model.targets_ if n in frame}
    lacking = [name for name in model.schema_.names if name not in frame]
    return write_json(
        {"rows": records(columns_of(frame, model), len(frame))}
        | {"observed": records(targets, len(frame))}
        | {"lacking": lacking}
    )


def columns_of(frame: pd.DataFrame, model: Model) -> dict[str, list[Any]]:
    """The features of a table as JSON has them, each cell of which means the same alone.

    Args:
        frame: N rows; features that it lacks are missing in all of them.
        model: that reads it.

    Returns:
        For each feature its N cells.

    Raises:
        Refusal: 422 if what a column means cannot be told.
    """
    missing = [None] * len(frame)
    return {
        column.name: _meant(column, frame[column.name]) if column.name in frame else missing
        for column in model.schema_.columns
    }


def records(columns: Mapping[str, Sequence[Any]], count: int) -> list[dict[str, Any]]:
    """Columns of `count` cells, by name, as rows."""
    if not columns:
        return [{} for _ in range(count)]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _meant(column: Any, cells: pd.Series) -> list[Any]:
    """The cells of a column, as numbers and text that mean the same without the others."""
    import pandas as pd

    text = cells.astype(object).where(cells.notna(), None).tolist()
    if not isinstance(column, NumericColumn):
        return text
    try:
        values = column.read(cells).values
    except InputError as error:
        raise Refusal(422, str(error)) from None
    if is_plain(column):
        alone = plain(values)
    else:
        written = _written(column, values)
        again = column.read(pd.Series(written, dtype=object)).values
        same = np.isclose(again, values, rtol=1e-12, atol=NEAR, equal_nan=True)
        alone = [one if fits else cell for one, fits, cell in zip(written, same, text, strict=True)]
    unread = np.isnan(values)
    # what is no number is said by /predict, which is asked for it with the row
    return [cell if gap else one for one, gap, cell in zip(alone, unread, text, strict=True)]


def _written(column: NumericColumn, values: Array) -> list[str | None]:
    """Dates, times, durations and percentages in the one way that every column of them takes."""
    import pandas as pd

    if column.kind == "date":
        stamps = np.datetime_as_string(stamps_of(values, "us"))
        texts = [str(stamp).replace("T", " ").removesuffix(".000000") for stamp in stamps]
        texts = [text.removesuffix(" 00:00:00") for text in texts]
    elif column.kind == "number":
        bare = [repr(value).removesuffix(".0") for value in values.tolist()]
        texts = [f"{text}%".replace(".", column.spelling.decimal) for text in bare]
    else:
        spans = [pd.Timedelta(0 if np.isnan(v) else round(v * 864e8), "us") for v in values]
        if column.kind == "time":
            texts = [str((pd.Timestamp(0) + span).time()) for span in spans]
        else:
            texts = [str(span) for span in spans]
    return [None if np.isnan(v) else text for v, text in zip(values, texts, strict=True)]


def _numbers(cells: pd.Series, reader: Reader) -> list[Any]:
    """A target as numbers, None where it is none: it is shown beside its prediction."""
    import pandas as pd

    frame = cells.to_frame()
    try:
        found = reader.model.fitted_.observed(frame, "observed")[cells.name]
    except InputError:
        found = cells
    values = pd.to_numeric(found, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    numbers: list[Any] = plain(values)
    return numbers
