"""A table in, a float32 matrix out: columns, categories, missing values, and targets.

`read_features` and `read_targets` take whatever a user holds and return pandas and NumPy.
`FeatureSchema` remembers what training saw in each column, and turns any later table into the
matrix that the network reads.
"""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from covey.columns import (
    CategoricalColumn,
    NumericColumn,
    clean,
    column_from_manifest,
    decode,
    kind_of,
    label_counts,
    listed,
    refuse_infinity,
)
from covey.errors import ArtifactError, CoveyWarning, InputError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["CategoricalColumn", "FeatureSchema", "NumericColumn", "read_features", "read_targets"]


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
        The values, of shape (N, D), in target units; the names of the D columns, or None if `Y`
        had none; and whether `Y` had one dimension only.

    Raises:
        InputError: `Y` is None, sparse, complex, empty, has over two dimensions, repeats a column
            name, or holds text, dates, infinity or missing values.
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
    if missing.any():
        gaps = {n: int(count) for n, count in zip(frame.columns, missing, strict=True) if count}
        raise InputError(
            "`Y` must hold a value in every cell. Received NaN (missing values) in these columns, "
            f"and so many of {len(matrix)} rows: {gaps}. Rows with missing targets must be dropped "
            "for now, from `X` and `Y` alike."
        )
    return matrix, tuple(frame.columns) if named else None, flat


@dataclass(frozen=True)
class FeatureSchema:
    """What training saw in a table of features; turns tables into matrices.

    Attributes:
        columns: All F columns of the training table in their order, also those left out.
        named: Whether the training table had column names.
    """

    columns: tuple[NumericColumn | CategoricalColumn, ...]
    named: bool
    _told: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    @classmethod
    def fit(cls, frame: pd.DataFrame, named: bool) -> Self:
        """Learn the columns of a table; a `CoveyWarning` names those that can teach nothing.

        Args:
            frame: Table of shape (N, F) from `read_features`.
            named: Whether its names are the user's, from `read_features`.

        Raises:
            InputError: A column holds infinity.
        """
        columns: list[NumericColumn | CategoricalColumn] = []
        empty, unique, infinite = [], [], []
        for name, raw in frame.items():
            column = clean(raw)
            kind, values = decode(column)
            if kind in ("text", "empty"):
                counts = label_counts(column)
                columns.append(made := CategoricalColumn.fit(name, counts))
                labels = counts.keys() - {None}
                if not labels:
                    empty.append(name)
                elif len(labels) > 1 and not made.categories:
                    unique.append(name)
            elif np.isinf(values).any():
                infinite.append(name)
            else:
                columns.append(NumericColumn.fit(name, kind, values))
        refuse_infinity("X", infinite)
        for names, why in (
            (empty, "without any value"),
            (unique, "of text that never repeats (if it is numbers or dates, convert it)"),
        ):
            if names:
                message = f"Columns of `X` {why} are left out: {listed(names)}."
                warnings.warn(message, CoveyWarning, stacklevel=2)
        return cls(tuple(columns), named)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all F columns of the training table, also of those left out."""
        return tuple(column.name for column in self.columns)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the matrix columns, such as "T", "T is missing" and "colour=red"."""
        return tuple(name for column in self.columns for name in column.output_names)

    @property
    def width(self) -> int:
        """Number of matrix columns; 0 if no column of the training table varied."""
        return len(self.output_names)

    def transform(self, frame: pd.DataFrame, named: bool) -> NDArray[np.float32]:
        """Turn a table into the matrix that the network reads.

        Args:
            frame: Table of N rows from `read_features`. If both it and the training table have
                names, they find the columns in any order; otherwise the position does.
            named: Whether its names are the user's, from `read_features`.

        Returns:
            Matrix of shape (N, width), no unit, entries in [-3, 3]: 0 for a missing number, all 0
            for an unknown category. A `CoveyWarning` names, once, columns new since training.

        Raises:
            InputError: Columns are lacking, hold infinity, or hold text in place of numbers.
        """
        cells = self._aligned(frame, named)
        parts = [c.encode(clean(raw)) for c, raw in zip(self.columns, cells, strict=True)]
        return np.concatenate(parts, axis=1)

    def _aligned(self, frame: pd.DataFrame, named: bool) -> list[pd.Series]:
        if self.named and named:
            if lacking := [name for name in self.names if name not in frame.columns]:
                raise InputError(
                    "`X` must have every column that training had. Received a table without "
                    f"{listed(lacking)}. Add them; fill with NaN what is unknown."
                )
            if new := [n for n in frame.columns.difference(self.names) if n not in self._told]:
                self._told.update(new)
                message = f"Columns of `X` that training did not have are ignored: {listed(new)}."
                warnings.warn(message, CoveyWarning, stacklevel=4)
            return [frame[name] for name in self.names]
        if frame.shape[1] != len(self.columns):
            raise InputError(
                f"X has {frame.shape[1]} features, but JointRegressor is expecting "
                f"{len(self.columns)} features as input. Pass the columns of the training table."
            )
        if self.named:
            message = (
                "X does not have valid feature names, but JointRegressor was fitted with feature "
                "names. The columns are taken in the order of training."
            )
            warnings.warn(message, UserWarning, stacklevel=4)
        return [frame.iloc[:, i] for i in range(frame.shape[1])]

    def to_manifest(self) -> dict[str, Any]:
        """Return the schema as plain dicts, lists, strings and numbers, exact through JSON."""
        return {"named": self.named, "columns": [c.to_manifest() for c in self.columns]}

    @classmethod
    def from_manifest(cls, manifest: dict[str, Any]) -> Self:
        """Rebuild a schema from what `to_manifest` returned.

        Raises:
            ArtifactError: An entry is lacking, or of a kind unknown to this version.
        """
        try:
            columns = tuple(column_from_manifest(entry) for entry in manifest["columns"])
            return cls(columns, bool(manifest["named"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(
                "The model must describe the columns of its features. Received an entry that "
                f"cannot be read: {error!r}. Update Covey, or save the model again."
            ) from error


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
        return np.where(np.ma.getmaskarray(data), None, data.data)
    try:
        array = np.asarray(data)
    except (TypeError, ValueError):
        array = np.empty(0, dtype="U")
    if array.dtype.kind not in "SU" or isinstance(data, np.ndarray):
        return array
    return np.asarray(data, dtype=object)
