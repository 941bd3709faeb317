"""What training saw in a table of features, and the matrix it makes of any later table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from covey.errors import ArtifactError, InputError, warn
from covey.table.columns import (
    CategoricalColumn,
    NumericColumn,
    clean,
    column_from_manifest,
    decode,
    label_counts,
    listed,
    refuse_infinity,
)

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["FeatureSchema"]


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
                warn(message)
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

    def align(self, frame: pd.DataFrame, named: bool) -> pd.DataFrame:
        """The columns of the training table, in its order and with their own values.

        Args:
            frame: Table of N rows from `read_features`.
            named: Whether its names are the user's, from `read_features`.

        Returns:
            A frame with the names of the training table.

        Raises:
            InputError: Columns are lacking.
        """
        import pandas as pd

        return pd.concat(self._aligned(frame, named), axis=1).set_axis(list(self.names), axis=1)

    def as_given(self, frame: pd.DataFrame) -> Any:
        """A table for somebody else's regressor: a frame if the user gave names, else an array."""
        return frame if self.named else frame.to_numpy()

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
                warn(message)
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
            if message not in self._told:
                self._told.add(message)
                warn(message, UserWarning)
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
