"""Read numbers from arrays, lists, tables and columns; errors name the cell that is no number."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covey.arguments.frames import as_pandas, refuse_mapping
from covey.arguments.labels import labels_of, row_name
from covey.errors import InputError, shown
from covey.types import Array


def is_number(value: Any, *, whole: bool = False) -> bool:
    """Whether an option is a number, or a whole one: True and False are none."""
    return isinstance(value, Integral if whole else Real) and not isinstance(value, bool)


def read_numbers(values: Any, name: str) -> Array:
    """Return a float64 copy; NaN for what is missing or masked.

    Args:
        values: numbers, or an array, list, table or column of them; booleans are 0 and 1.
        name: of the argument or the column, for messages.

    Returns:
        Array of the shape of `values`, which shares no memory with them.

    Raises:
        InputError: a value is no number; the message names it and its place.
    """
    data = as_pandas(values, name)
    refuse_mapping(data, name)
    if isinstance(data, np.ma.MaskedArray):
        data = np.where(np.ma.getmaskarray(data), np.nan, data.data.astype(object))
    try:
        return _converted(data)
    except (TypeError, ValueError, OverflowError) as error:
        said = culprit(data) or uneven(data) or str(error)
    raise InputError(f"`{name}` must be an array of numbers. Received {said}.") from None


def _converted(data: Any) -> Array:
    if hasattr(data, "to_numpy"):  # of pandas: missing values have several names there
        found = data.to_numpy()
        if found.dtype.kind not in "mMc":
            return np.array(data.to_numpy(dtype=np.float64, na_value=np.nan))
    else:
        found = np.asarray(data)
    if found.dtype.kind in "mMc":  # NumPy would take dates for nanoseconds, and a half of a complex
        raise TypeError(f"cells of the type {found.dtype}")
    return np.array(found, dtype=np.float64)  # always a copy: the caller keeps his own


def read_lists(values: Any, what: str) -> NDArray[Any]:
    """Return nested lists as an array.

    Args:
        values: numbers in lists.
        what: the name of the argument, for messages.

    Returns:
        The array that NumPy makes of them.

    Raises:
        InputError: lists differ in length.
    """
    try:
        return np.asarray(values)
    except ValueError as error:
        said = uneven(values) or str(error)
    raise InputError(
        f"Expected {what} to be an array, or lists of one length. Received {said}. Cut or fill "
        "them up."
    )


def uneven(data: Any) -> str | None:
    """How the lengths of nested lists differ, for a message; None if they do not.

    Args:
        data: anything.

    Returns:
        Such as "rows of different lengths, 2 in row 0 and 1 in row 7".
    """
    if not isinstance(data, (list, tuple)):
        return None
    lengths = [np.shape(row)[:1] if hasattr(row, "shape") else _length(row) for row in data]
    for row, length in enumerate(lengths):
        if length != lengths[0]:
            first, other = (
                str(*size) if size else "a single cell" for size in (lengths[0], length)
            )
            return f"rows of different lengths, {first} in row 0 and {other} in row {row}"
    return next(filter(None, map(uneven, data)), None)


def _length(row: Any) -> tuple[int, ...]:
    return (len(row),) if isinstance(row, (list, tuple)) else ()


def culprit(data: Any) -> str | None:
    """The first cell that is no number, and where it is, for a message.

    Args:
        data: a pandas object, an array or a nested list.

    Returns:
        Such as "'?' in row 17, column 'CO'"; None if each cell alone is a number.
    """
    try:
        cells = np.asarray(data, dtype=object)
    except ValueError:  # rows of different lengths
        return None
    for place in np.ndindex(cells.shape):
        try:
            np.array(_known(cells[place]), dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            if not place:
                return shown(cells[place])
            column = f", column {place[1]}" if len(place) > 1 else ""
            if hasattr(data, "columns"):
                column = f", column {str(data.columns[place[1]])!r}"
            return f"{shown(cells[place])} in {row_name(labels_of(data), place[0])}{column}"
    return None


def _known(cell: Any) -> Any:
    import pandas as pd

    return None if cell is pd.NA or cell is pd.NaT else cell
