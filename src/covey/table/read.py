"""Whatever a user holds, as pandas and NumPy: tables of features and tables of targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from covey.errors import InputError, warn
from covey.table.columns import decode, kind_of, listed, refuse_infinity

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def read_features(X: Any) -> tuple[pd.DataFrame, bool]:
    """Take any table of features as a pandas DataFrame with unique column names.

    Args:
        X: DataFrame (pandas, or any that narwhals knows, such as polars and pyarrow), array or
            nested list of shape (N, F).

    Returns:
        The frame, of shape (N, F), and whether `X` had column names; if not, the columns are
        called x0, x1, and so on.

    Raises:
        InputError: `X` is sparse, complex, empty, not two-dimensional, or repeats a column name.
    """
    frame, named, flat = _frame(X, "X")
    if flat:
        raise InputError(
            "Expected 2D array, got 1D array instead: `X` must have the shape (rows, columns), all "
            "rows equally long. Reshape your data: X.reshape(-1, 1) if it is a single column, "
            "X.reshape(1, -1) if it is a single row."
        )
    return frame, named


def read_targets(Y: Any) -> tuple[NDArray[np.float64], tuple[str, ...] | None, bool]:
    """Take any table of targets as a float64 matrix.

    Args:
        Y: DataFrame or Series (pandas, or any that narwhals knows), array or nested list of shape
            (N, D) or (N,), in target units; booleans count as 0 and 1.

    Returns:
        The values, of shape (N, D), in target units, NaN where not observed; the names of the D
        columns, or None if `Y` had none; and whether `Y` had one dimension only.

    A `CoveyWarning` names targets that are constant or identical.

    Raises:
        InputError: `Y` is None, sparse, complex, empty, has over two dimensions, repeats a column
            name, or holds text, dates or infinity, or a column without any value.
    """
    if Y is None:
        raise InputError(
            "JointRegressor requires y to be passed, but the target y is None. Pass the targets."
        )
    frame, named, flat = _frame(Y, "Y")
    columns = []
    for name, column in frame.items():
        kind, values = decode(column)
        if kind not in ("number", "empty"):
            raise InputError(
                f"`Y` must hold numbers. Received {column.dropna().iloc[0]!r} in {name!r}. Convert "
                "the column to numbers, or leave it out."
            )
        columns.append(values)
    matrix = np.column_stack(columns)
    refuse_infinity("Y", frame.columns[np.isinf(matrix).any(axis=0)])
    missing = np.isnan(matrix).sum(axis=0)
    if (missing == len(matrix)).any():
        raise InputError(
            "Each column of `Y` must hold values. Received nothing but NaN in "
            f"{listed(frame.columns[missing == len(matrix)])}. Leave the column out."
        )
    _warn_of_degenerate(matrix, list(frame.columns))
    return matrix, tuple(frame.columns) if named else None, flat


def check_same_order(X: Any, Y: Any, role: str = "Y") -> None:
    """Refuse frames with the same row labels in another order: one of them was shuffled.

    Args:
        X: features, as the user gave them.
        Y: targets, as the user gave them.
        role: what the message calls them.

    Raises:
        InputError: both have an index, with equal labels in different orders.
    """
    import pandas as pd

    pandas = (pd.DataFrame, pd.Series)
    if not isinstance(X, pandas) or not isinstance(Y, pandas) or X.index.equals(Y.index):
        return
    if X.index.is_unique and Y.index.is_unique and X.index.symmetric_difference(Y.index).empty:
        raise InputError(
            f"Expected `X` and `{role}` to have their rows in the same order. Received the same "
            f"row labels in different orders; use {role}.loc[X.index], or reset_index if the "
            "labels mean nothing."
        )


def _warn_of_degenerate(matrix: NDArray[np.float64], names: Sequence[str]) -> None:
    spread = np.nanmax(matrix, axis=0) - np.nanmin(matrix, axis=0)
    constant = [name for name, width in zip(names, spread, strict=True) if width == 0]
    if constant and len(matrix) > 1:
        warn(
            f"These targets are constant: {constant}. Their predictions are that constant with a "
            "tiny variance; leave them out to model the others undisturbed."
        )
    first: dict[bytes, str] = {}
    for name, column in zip(names, matrix.T, strict=True):
        twin = first.setdefault(np.ascontiguousarray(column).tobytes(), name)
        if twin != name and name not in constant:
            warn(
                f"The targets {twin!r} and {name!r} are identical: their correlation will be close "
                "to 1 and their joint density very high. Leave one out."
            )


def _frame(data: Any, role: str) -> tuple[pd.DataFrame, bool, bool]:
    """Return a checked frame, whether it came with names, and whether it had one dimension."""
    import narwhals as nw
    import pandas as pd
    from scipy.sparse import issparse

    if issparse(data):
        raise InputError(f"`{role}` must be dense. Received: sparse. Use {role}.toarray().")
    if not isinstance(data, pd.DataFrame | pd.Series):
        try:
            native = nw.from_native(data, eager_only=True, allow_series=True, pass_through=True)
        except nw.exceptions.DuplicateError as error:
            raise InputError(f"Columns of `{role}` must be unique. Rename them. {error}") from error
        if isinstance(native, nw.DataFrame | nw.Series):
            data = native.to_pandas()
    flat = isinstance(data, pd.Series)
    named = not flat or data.name not in (None, "")
    if flat:
        data = data.to_frame()
    elif not isinstance(data, pd.DataFrame):
        array = _array(data)
        if array.ndim not in (1, 2):
            raise InputError(
                f"`{role}` must be a table of rows and columns, of two dimensions. Received: "
                f"{type(data).__name__} of {array.ndim} dimensions. Reshape your data, or pass a "
                "DataFrame that is in memory."
            )
        flat, named = array.ndim == 1, False
        data = pd.DataFrame(array)
    for count, what in ((data.shape[1], "feature(s)"), (data.shape[0], "sample(s)")):
        if count == 0:
            raise InputError(
                f"Found array with 0 {what} (shape={data.shape}) while a minimum of 1 is required. "
                f"Pass at least one row and one column in `{role}`."
            )
    names = [str(n) if named else f"{role.lower()}{i}" for i, n in enumerate(data.columns)]
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise InputError(
            f"Columns of `{role}` must have unique names. Received more than one "
            f"{listed(repeated)}. Rename or drop them."
        )
    frame = data.set_axis(names, axis=1)
    if imaginary := [name for name, column in frame.items() if kind_of(column) == "complex"]:
        raise InputError(
            f"Complex data not supported: `{role}` must be real. Received complex numbers in "
            f"{listed(imaginary)}. Pass real and imaginary parts as two columns."
        )
    return frame, named, flat


def _array(data: Any) -> NDArray[Any]:
    """Return an array; of objects if the rows mix types, so that numbers stay numbers."""
    if isinstance(data, np.ma.MaskedArray):
        data, mask = data.data.astype(object), np.ma.getmaskarray(data)
        data[mask] = None
    try:
        array = np.asarray(data)
    except (TypeError, ValueError):
        array = np.empty(0, dtype="U")
    if array.dtype.kind not in "SU" or isinstance(data, np.ndarray):
        return array
    return np.asarray(data, dtype=object)
