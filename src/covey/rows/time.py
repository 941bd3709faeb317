"""The times of rows, which say what is later."""

from __future__ import annotations

from typing import Any

import numpy as np

from covey.arguments.frames import as_pandas
from covey.arguments.labels import row_name
from covey.errors import InputError, shown
from covey.table.columns import decode
from covey.types import Mask, Rows


def time_rank(time: Any, kept: Mask) -> Rows:
    """The place of rows in time.

    Args:
        time: numbers or dates, or text that holds them, shape (N,).
        kept: which of the N rows count, shape (N,).

    Returns:
        Dense ranks of the M rows that count, from 0: equal for rows of one time.

    Raises:
        InputError: there are not N, one is missing, or they are neither numbers nor dates.
    """
    import pandas as pd

    given = as_pandas(time, "time")
    if isinstance(given, pd.DataFrame) and given.shape[1] == 1:
        given = given.iloc[:, 0]
    if np.shape(given) != kept.shape:
        raise InputError(
            f"`time` must hold one time for each row, shape {kept.shape}. Received an array of "
            f"shape {np.shape(given)}."
        )
    column = given if isinstance(given, pd.Series) else pd.Series(given, name="time")
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    column = column[kept]
    kind, values = decode(column)
    if kind == "text":
        values = _of_text(column)
    elif kind not in ("number", "date", "duration", "empty"):
        raise InputError(f"`time` must hold dates or numbers. Received: {column.dtype}.")
    if len(missing := np.flatnonzero(np.isnan(values))):
        row = int(missing[0])
        raise InputError(
            "`time` must hold a time in every row. Received "
            f"{len(missing)} without one, the first in {row_name(column.index, row)}: "
            f"{shown(column.iloc[row])}. Fill it, or drop these rows."
        )
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _of_text(column: Any) -> Any:
    """Numbers or dates that stand in text, NaN for what is neither."""
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().mean() > 0.5:
        return numbers.to_numpy(np.float64)
    dates = pd.to_datetime(column, format="ISO8601", errors="coerce", utc=True)
    return decode(dates.dt.tz_localize(None))[1]
