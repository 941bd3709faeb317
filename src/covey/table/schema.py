"""What training saw in a table of features, and the matrix it makes of any later table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from covey.errors import ArtifactError, InputError, warn
from covey.table.columns import (
    CategoricalColumn,
    NumericColumn,
    clean,
    column_from_manifest,
    decode,
    first_infinity,
    label_counts,
    listed,
    refuse_infinity,
)

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["FeatureSchema"]

MOST_SAID = 4  # ends of ranges that a warning names


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
    _told_beyond: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

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
        empty, unique = [], []
        infinite: dict[str, str | None] = {}
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
            elif row := first_infinity(column, values):
                infinite[name] = row
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

    def widened(self, seen: Mapping[str, tuple[float, float, int]]) -> Self:
        """The same schema for a table of more rows than those it was fitted to.

        Args:
            seen: for columns of numbers the smallest and the largest value of all rows, as `decode`
                has them, and how many there are.
        """
        columns = []
        for column in self.columns:
            if isinstance(column, NumericColumn) and column.name in seen:
                low, high, count = seen[column.name]
                column = replace(column, low=low, high=high, seen=count)
            columns.append(column)
        return type(self)(tuple(columns), self.named)

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
            for an unknown category; numbers beyond those of training count as the nearest of
            these. A `CoveyWarning` names, once, columns new since training, and columns with more
            numbers beyond those of training than chance explains.

        Raises:
            InputError: Columns are lacking, hold infinity, or hold text in place of numbers.
        """
        parts, far = [], []
        for column, raw in zip(self.columns, self._aligned(frame, named), strict=True):
            if isinstance(column, CategoricalColumn):
                parts.append(column.encode(clean(raw)))
                continue
            values = column.read(clean(raw))
            parts.append(column.scaled(values))
            far += [(column.name, said) for said in column.beyond_in_words(values)]
        if {name for name, _ in far} - self._told_beyond:
            self._told_beyond.update(name for name, _ in far)
            rows = "1 row" if len(frame) == 1 else f"{len(frame):,} rows"
            more = f"; and {len(far) - MOST_SAID} more such ends" if len(far) > MOST_SAID else ""
            message = (
                f"Of {rows}, {'; '.join(said for _, said in far[:MOST_SAID])}{more}. Each such "
                "number is taken for the nearest that training saw."
            )
            warn(message)
        return np.concatenate(parts, axis=1)

    def beyond_range(self, frame: pd.DataFrame, named: bool) -> dict[str, Any]:
        """Count the rows with a number beyond those of training.

        Args:
            frame: Table of N rows from `read_features`.
            named: Whether its names are the user's, from `read_features`.

        Returns:
            Plain numbers: `rows` that have such a number anywhere, and `columns`, for each with
            one, how many rows are `below` and how many `above`.
        """
        anywhere = np.zeros(len(frame), dtype=bool)
        columns = {}
        for column, raw in zip(self.columns, self._aligned(frame, named), strict=True):
            if isinstance(column, CategoricalColumn):
                continue
            beyond = column.beyond(column.read(clean(raw)))
            if beyond.any():
                below, above = beyond.sum(axis=1).tolist()
                columns[column.name] = {"below": below, "above": above}
                anywhere |= beyond.any(axis=0)
        return {"rows": int(anywhere.sum()), "columns": columns}

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
