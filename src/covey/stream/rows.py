"""The columns that are asked for, and the rows that can be learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from covey.arguments.targets import target_names
from covey.errors import InputError
from covey.stream.dataset import ParquetTable
from covey.stream.hash_folds import HashFolds
from covey.table import Declared
from covey.table.cells import refuse_infinity
from covey.types import Array, Groups, Rows

NOTHING_SAID = Declared()
USABLE = ("number", "date", "duration", "time", "text", "empty")


@dataclass(frozen=True)
class Roles:
    """Which columns are what.

    Attributes:
        targets: D names.
        features: F names.
        weight: name of the column of sample weights, or None.
        groups: name of the column of group labels, or None.
        declared: what the user says of features.
    """

    targets: tuple[str, ...]
    features: tuple[str, ...]
    weight: str | None = None
    groups: str | None = None
    declared: Declared = NOTHING_SAID

    @classmethod
    def choose(
        cls,
        table: ParquetTable,
        targets: Sequence[str],
        features: Sequence[str] | None = None,
        weight: str | None = None,
        groups: str | None = None,
        declared: Declared | None = None,
    ) -> Self:
        """Check the names that the user gives, and take all other columns for features.

        Args:
            table: the files.
            targets: names of the columns to predict.
            features: names of the columns to predict from; by default all others.
            weight: name of the column of sample weights, or None.
            groups: name of the column of group labels, or None.
            declared: what the user says of features, if anything.

        Returns:
            The roles.

        Raises:
            InputError: a column is lacking, has two roles, or cannot play the one it has.
        """
        targets = [targets] if isinstance(targets, str) else list(targets)
        if not targets:
            raise InputError("`targets` must name at least one column. Received none.")
        table.check_columns(targets, "targets")
        table.check_columns([weight] if weight is not None else [], "sample_weight")
        table.check_columns([groups] if groups is not None else [], "groups")
        taken = {*targets, weight, groups}
        if features is None:
            features = [name for name in table.kinds if name not in taken]
        else:
            features = [features] if isinstance(features, str) else list(features)
            table.check_columns(features, "features")
            if overlap := [name for name in features if name in targets]:
                raise InputError(
                    f"A column is either a target or a feature. Received as both: {overlap}."
                )
        if not features:
            raise InputError("Expected columns to predict from. Received none; see `features`.")
        for name in (*targets, *([weight] if weight is not None else [])):
            if table.kinds[name] not in ("number", "empty"):
                role = "targets" if name in targets else "sample_weight"
                raise InputError(
                    f"`{role}` must hold numbers. Received {table.kinds[name]} in {name!r}. "
                    "Convert the column to numbers, or leave it out."
                )
        odd = [n for n in (*features, groups) if n is not None and table.kinds[n] not in USABLE]
        if odd:
            raise InputError(
                "Expected columns of numbers, dates or text. Received "
                + ", ".join(f"{table.kinds[name]} in {name!r}" for name in odd)
                + ". Convert them, or leave them out: see `features`."
            )
        target_names(tuple(targets), len(targets))  # refuses what would be ambiguous
        declared = declared or Declared()
        declared.check(features)
        return cls(tuple(targets), tuple(features), weight, groups, declared)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read, each once."""
        special = [name for name in (self.weight, self.groups) if name is not None]
        return tuple(dict.fromkeys((*self.features, *self.targets, *special)))


@dataclass(frozen=True)
class TrainingRows:
    """Rows that hold a target and have a weight; the others teach nothing.

    Attributes:
        numbers: of the rows in the whole table, shape (N,).
        place: of the rows in what was read, shape (N,).
        table: a `pyarrow.Table` of all their columns.
        Y: targets, shape (N, D), in target units; NaN where not observed.
        weight: sample weights as they are in the files, shape (N,), or None.
        fold: of each row, shape (N,).
    """

    numbers: Rows
    place: Rows
    table: Any
    Y: Array
    weight: Array | None
    fold: Groups

    @classmethod
    def of(cls, numbers: Rows, table: Any, roles: Roles, folds: HashFolds) -> Self:
        """Select the rows to learn from, and read all that is not a feature.

        Args:
            numbers: of N rows.
            table: these rows, as `ParquetTable` gives them.
            roles: which columns are what.
            folds: which member holds out which rows.

        Returns:
            At most N rows.

        Raises:
            InputError: a target is infinite, a weight negative or not finite, or a label missing.
        """
        Y = np.column_stack([_numbers(table, name) for name in roles.targets])
        found = (
            (name, np.flatnonzero(np.isinf(y))) for name, y in zip(roles.targets, Y.T, strict=True)
        )
        refuse_infinity("Y", {name: f"row {numbers[r[0]]}" for name, r in found if len(r)})
        usable = ~np.isnan(Y).all(axis=1)
        weight = None
        if roles.weight is not None:
            weight = _numbers(table, roles.weight)
            if len(bad := np.flatnonzero(~(np.isfinite(weight) & (weight >= 0)))):
                raise InputError(
                    f"`sample_weight` must be finite and non-negative. Received {weight[bad[0]]} "
                    f"in {roles.weight!r} (row {numbers[bad[0]]})."
                )
            usable &= weight > 0
        labels = None if roles.groups is None else table[roles.groups]
        days = None if folds.by is None else folds.days(table[folds.by].to_pandas())
        fold = folds.of(numbers, labels, days)
        if usable.all():
            return cls(numbers, np.arange(len(numbers)), table, Y, weight, fold)
        kept = np.flatnonzero(usable)
        weight = None if weight is None else weight[kept]
        return cls(numbers[kept], kept, table.take(kept), Y[kept], weight, fold[kept])

    def __len__(self) -> int:
        return len(self.numbers)

    def frame(self, columns: Sequence[str]) -> Any:
        """Some columns as a pandas DataFrame, its rows labelled by their numbers in the files."""
        import pandas as pd

        frame = self.table.select(list(columns)).to_pandas()
        return frame.set_axis(pd.Index(self.numbers), axis=0)


def _numbers(table: Any, name: str) -> Array:
    """A column as float64, NaN where missing."""
    import pyarrow as pa

    column = table[name]
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    elif pa.types.is_float16(column.type):
        column = column.cast(pa.float32())
    return column.cast(pa.float64(), safe=False).to_numpy().astype(np.float64, copy=False)
