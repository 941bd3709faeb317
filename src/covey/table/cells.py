"""What kind of cells a column has by their types, and the values of those that are no text."""

from __future__ import annotations

from numbers import Complex, Number, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from covey.arguments.labels import row_name
from covey.arguments.numbers import culprit
from covey.errors import InputError, shown
from covey.table.periods import starts
from covey.types import Array

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

# What pandas' `infer_dtype` calls a column -> what it is here; anything else is "text".
_KINDS = (
    dict.fromkeys(("integer", "floating", "mixed-integer-float", "decimal", "boolean"), "number")
    | dict.fromkeys(("datetime64", "datetime", "date", "period"), "date")
    | dict.fromkeys(("timedelta64", "timedelta"), "duration")
    | {"time": "time", "empty": "empty", "complex": "complex"}
)
_PLAIN = ("string", "categorical", "interval")
_HOLDERS = (list, tuple, dict, set, frozenset, bytes, bytearray, memoryview, np.ndarray)
DAY = np.timedelta64(1, "D")
SECONDS = 86400.0  # of a day
_OF_A_DAY = {"ms": 864e5, "us": 864e8}


def kind_of(column: pd.Series) -> str:
    """Return what the cells of a column are, by their types.

    Args:
        column: N cells.

    Returns:
        "number", "date", "duration", "time" (of day), "complex", "text", or "empty" if all cells
        are missing.
    """
    from pandas.api.types import infer_dtype

    inferred = infer_dtype(column, skipna=True)
    if inferred in ("mixed", "mixed-integer"):
        cells = column.dropna()
        if all(isinstance(cell, Number | np.bool_) for cell in cells):
            imaginary = any(isinstance(c, Complex) and not isinstance(c, Real) for c in cells)
            return "complex" if imaginary else "number"
    return _KINDS.get(inferred, "text")


def decode(column: pd.Series) -> tuple[str, Array]:
    """Return the kind of cells by their types, and their values.

    Args:
        column: N cells.

    Returns:
        The kind, as `kind_of` has it, and values of shape (N,), NaN where missing or text: numbers
        as they are; dates in days since 1970, in UTC; durations and times of day in days.

    Raises:
        InputError: A value is beyond float64, or beyond what dates can be.
    """
    import pandas as pd

    kind = kind_of(column)
    values: Array = np.full(len(column), np.nan)
    try:
        if kind == "number":
            values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        elif kind == "date":
            held = isinstance(column.dtype, pd.PeriodDtype) or column.dtype == object
            values = days_of(pd.to_datetime(starts(column) if held else column, utc=True))
        elif kind == "duration":
            values = pd.to_timedelta(column).to_numpy(dtype="timedelta64[us]") / DAY
        elif kind == "time":
            values = np.array([_share_of_day(cell) for cell in column], dtype=np.float64)
    except InputError:
        raise
    except (OverflowError, ValueError) as error:
        raise InputError(
            f"Cells of {column.name!r} must fit into float64. Received: "
            f"{culprit(column) or error}. Clip or drop them."
        ) from error
    return "empty" if kind != "text" and np.isnan(values).all() else kind, values


def days_of(dates: Any) -> Array:
    """Days since 1970 of N dates in UTC, shape (N,), NaN where missing."""
    stamps = dates.to_numpy(dtype="datetime64[us]")
    return np.asarray((stamps - np.datetime64(0, "us")) / DAY)


def stamps_of(days: Array, unit: str) -> NDArray[Any]:
    """Dates of N days since 1970, rounded to "us" or "ms", shape (N,), NaT where NaN.

    NumPy holds years in which pandas, which counts nanoseconds, has no dates.
    """
    known = np.isfinite(days)
    parts = np.round(np.where(known, days, 0.0) * _OF_A_DAY[unit])
    return np.where(
        known, parts.astype(np.int64).astype(f"datetime64[{unit}]"), np.datetime64("NaT")
    )


def _share_of_day(cell: Any) -> float:
    if not hasattr(cell, "hour"):
        return float("nan")
    seconds = 3600 * cell.hour + 60 * cell.minute + cell.second + cell.microsecond / 1e6
    return float(seconds / SECONDS)


def refuse_holders(column: pd.Series, role: str = "X") -> None:
    """Refuse cells that hold other values, or that mean nothing here, in a column of text.

    Args:
        column: N cells.
        role: "X" or "Y", for the message.

    Raises:
        InputError: a cell is a list, a dictionary, an array, bytes, or an object of another kind.
    """
    import pandas as pd
    from pandas.api.types import infer_dtype, is_scalar

    if isinstance(column.dtype, pd.CategoricalDtype) or infer_dtype(column) in _PLAIN:
        return
    for row, cell in enumerate(column):
        if isinstance(cell, _HOLDERS) or not is_scalar(cell):
            what = type(cell).__name__
            article = "an" if what[0].lower() in "aeiou" else "a"
            raise InputError(
                f"Each cell of `{role}` must be one number, date, boolean or text. Received "
                f"{article} {what} in column {column.name!r}, {row_name(column.index, row)}: "
                f"{shown_cell(column, row)}. Make columns of what it holds, one "
                "for each value that matters, or leave the column out."
            )


def shown_cell(column: pd.Series, row: int) -> str:
    """What a message shows of one cell, a number as Python writes it."""
    return shown(column.iloc[[row]].tolist()[0])


def first_infinity(column: pd.Series, values: Array) -> str | None:
    """The first row of a column whose value is infinite, for a message; None if there is none."""
    rows = np.flatnonzero(np.isinf(values))
    return row_name(column.index, int(rows[0])) if len(rows) else None


def refuse_infinity(role: str, rows: Mapping[str, str | None]) -> None:
    """Raise an InputError if any column holds infinity.

    Args:
        role: "X" or "Y".
        rows: for each column the first row with infinity, as `first_infinity` gives it, or None.

    Raises:
        InputError: some row is named.
    """
    if found := [f"{name!r} ({row})" for name, row in rows.items() if row]:
        raise InputError(
            f"`{role}` must hold finite numbers. Received infinity in {', '.join(found)}. Take the "
            "logarithm, clip the values, or mark the cells as missing, whichever they mean."
        )


def listed(names: Iterable[str]) -> str:
    """Return names for a message: 'a', 'b'."""
    return ", ".join(repr(name) for name in names)
