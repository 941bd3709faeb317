"""What training saw in a table of features, and the matrix it makes of any later table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from covey.errors import ArtifactError, counted
from covey.table.alignment import aligned
from covey.table.category_column import CategoricalColumn
from covey.table.cells import first_infinity, kind_of, refuse_infinity, stamps_of
from covey.table.columns import Column, column_from_manifest, learn
from covey.table.declared import Declared
from covey.table.number_column import NumericColumn
from covey.table.plain_numbers import PlainNumbers, matrix_parts
from covey.table.said import say_doubts, say_lost, say_of_training
from covey.table.said_later import say_far, say_new, say_of_reading
from covey.table.vocabulary import DECIMAL
from covey.table.words import Lost
from covey.types import Array, Columns

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["FeatureSchema"]


@dataclass(frozen=True, repr=False)
class FeatureSchema:
    """What training saw in a table of features; turns tables into matrices.

    Attributes:
        columns: All F columns of the training table in their order, also those left out.
        named: Whether the training table had column names.
        decimal: Decimal mark of the text file that the table came from, "." if from none.
        reach: How far linear models follow numbers beyond those of training, in ranges of training.
    """

    columns: tuple[Column, ...]
    named: bool
    decimal: str = "."
    reach: float = 0.0
    _told: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    _told_beyond: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    _told_lost: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    _told_new: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    @classmethod
    def fit(cls, frame: pd.DataFrame, named: bool, declared: Declared | None = None) -> Self:
        """Learn the columns of a table.

        A `CoveyWarning` names columns that can teach nothing, and what was guessed of the others:
        see `covey.table.said`.

        Args:
            frame: Table of shape (N, F) from `read_features`.
            named: Whether its names are the user's, from `read_features`.
            declared: what the user says of columns, if anything.

        Raises:
            InputError: A column holds infinity, or cells that mean nothing here, or is not there or
                not what the user says of it.
        """
        declared = declared or Declared()
        declared.check(frame.columns)
        learned = [
            learn(
                name,
                cells,
                categorical=name in declared.categorical,
                dates=declared.dates.get(name),
            )
            for name, cells in frame.items()
        ]
        infinite = {
            found.column.name: first_infinity(frame[found.column.name], found.values)
            for found in learned
            if found.values is not None
        }
        refuse_infinity("X", infinite)
        say_of_training(learned)
        decimal = str(frame.attrs.get(DECIMAL, "."))
        schema = cls(tuple(found.column for found in learned), named, decimal)
        schema._told_lost.update(f.column.name for f in learned if f.lost or f.doubt or f.bare)
        return schema

    def widened(
        self,
        seen: Mapping[str, tuple[float, float, int]],
        lost: Mapping[str, Lost] | None = None,
        doubts: Mapping[str, str] | None = None,
    ) -> Self:
        """The same schema for a table of more rows than those it was fitted to.

        A `CoveyWarning` names what is lost of columns of which `fit` had nothing to say.

        Args:
            seen: for columns of numbers the smallest and the largest value of all rows, as `decode`
                has them, and how many there are.
            lost: what of the cells of all rows was lost, for columns of which some were.
            doubts: a text that could mean something else as well, for columns that have one.
        """
        fresh = [column for column in self.columns if column.name not in self._told_lost]
        say_lost([(column, (lost or {}).get(column.name)) for column in fresh])
        say_doubts([(column, (doubts or {}).get(column.name)) for column in fresh])
        columns = []
        for column in self.columns:
            if isinstance(column, NumericColumn) and column.name in seen:
                low, high, count = seen[column.name]
                column = replace(column, low=low, high=high, seen=count)
            columns.append(column)
        widened = replace(self, columns=tuple(columns))
        widened._told_lost.update(self._told_lost, lost or (), doubts or ())
        return widened

    def reaching(self, reach: float) -> Self:
        """The same schema, by which linear models follow numbers beyond those of training."""
        found = replace(self, reach=reach)
        found._told_lost.update(self._told_lost)
        return found

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all F columns of the training table, also of those left out."""
        return tuple(column.name for column in self.columns)

    @property
    def percentages(self) -> tuple[str, ...]:
        """Names of the columns that training had as text such as "5%"."""
        numbers = (c for c in self.columns if isinstance(c, NumericColumn))
        return tuple(column.name for column in numbers if column.spelling.is_percentage)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the matrix columns, such as "T", "T is missing" and "colour=red"."""
        return tuple(name for column in self.columns for name in column.output_names)

    @cached_property
    def width(self) -> int:
        """Number of matrix columns; 0 if no column of the training table varied."""
        return len(self.output_names)

    def transform(
        self, frame: pd.DataFrame, named: bool, *, training: bool = False
    ) -> NDArray[np.float32]:
        """Turn a table into the matrix that the network reads: the first of `matrices`."""
        return self.matrices(frame, named, training=training)[0]

    def matrices(
        self, frame: pd.DataFrame, named: bool, *, training: bool = False
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Turn a table into the matrix that the network reads, and the one that linear models read.

        Args:
            frame: Table of N rows from `read_features`. If both it and the training table have
                names, they find the columns in any order; otherwise the position does.
            named: Whether its names are the user's, from `read_features`.
            training: whether the rows are of training, and labels that the schema lacks no news,
                nor cells that are not what their column is.

        Returns:
            Matrix of shape (N, width), no unit, entries in [-3, 3]: 0 for a missing number, all 0
            for an unknown category; numbers beyond those of training count as the nearest of
            these. The other matrix has such numbers as far as `reach` goes, and is None if there
            are none. A `CoveyWarning` names, once, columns new since training, columns with labels
            or cells that training did not have, and those with more numbers beyond those of
            training than chance explains.

        Raises:
            InputError: Columns are lacking, hold infinity, or hold text in place of numbers.
        """
        at = self._aligned(frame, named)
        matrix = np.empty((len(frame), self.width), dtype=np.float32)
        plain = self.plain.held_by(frame, at)
        infinite, beyond = plain.encode(frame, at, matrix)
        written = np.setdiff1d(plain.places, infinite)
        further, far, new = {}, [], []
        for place in np.setdiff1d(np.arange(len(at)), np.setdiff1d(written, beyond)).tolist():
            column, cells = self.columns[place], frame.iloc[:, at[place]]
            if isinstance(column, CategoricalColumn):
                matrix[:, self._parts[place]], fresh = column.encoded(cells)
                said = column.news(cells, fresh)
                new += [(column.name, said)] if said else []
                continue
            if place in written:
                values = cells.to_numpy(dtype=np.float64)
            else:
                values = self._values(column, cells, training=training)
                matrix[:, self._parts[place]] = column.scaled(values)
            if self.reach and not training and column.beyond(values).any():
                further[place] = column.scaled(values, self.reach)
            far += [(column.name, said) for said in column.beyond_in_words(values)]
        if not training and {name for name, _ in new} - self._told_new:
            self._told_new.update(name for name, _ in new)
            say_new([said for _, said in new], len(frame))
        if {name for name, _ in far} - self._told_beyond:
            self._told_beyond.update(name for name, _ in far)
            say_far([said for _, said in far], len(frame), followed=self.reach > 0)
        if not further:
            return matrix, None
        followed = matrix.copy()
        for place, part in further.items():
            followed[:, self._parts[place]] = part
        return matrix, followed

    def new_labels(self, frame: pd.DataFrame, named: bool) -> list[str]:
        """The labels that training did not have, each time they are asked for.

        Args:
            frame: Table of N rows from `read_features`.
            named: Whether its names are the user's, from `read_features`.

        Returns:
            For each column with some how many there are, and the first, in words.
        """
        pairs = self._pairs(frame, named)
        labels = [(c, cells) for c, cells in pairs if isinstance(c, CategoricalColumn)]
        found = (column.news(cells, column.encoded(cells)[1]) for column, cells in labels)
        return [said for said in found if said]

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
        for column, cells in self._pairs(frame, named):
            if isinstance(column, CategoricalColumn):
                continue
            beyond = column.beyond(self._values(column, cells))
            if beyond.any():
                below, above = beyond.sum(axis=1).tolist()
                columns[column.name] = {"below": below, "above": above}
                anywhere |= beyond.any(axis=0)
        return {"rows": int(anywhere.sum()), "columns": columns}

    def align(self, frame: pd.DataFrame, named: bool) -> pd.DataFrame:
        """The columns of the training table, in its order, and what their text means.

        Args:
            frame: Table of N rows from `read_features`.
            named: Whether its names are the user's, from `read_features`.

        Returns:
            A frame with the names of the training table. Columns of text that were read as numbers,
            dates or durations are of these types now; all others have their own values.

        Raises:
            InputError: Columns are lacking, or cannot be read.
        """
        import pandas as pd

        columns = [self._typed(column, cells) for column, cells in self._pairs(frame, named)]
        return pd.concat(columns, axis=1).set_axis(list(self.names), axis=1)

    def typed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The training table, and what its text means, as `align` has it.

        Args:
            frame: Table of N rows with the columns of training, in their order.

        Returns:
            The frame itself if there is nothing to change.
        """
        changed = {}
        for place, column in enumerate(self.columns):
            cells = frame.iloc[:, place]
            if (found := self._typed(column, cells)) is not cells:
                changed[cells.name] = found
        return frame.assign(**changed) if changed else frame

    def as_given(self, frame: pd.DataFrame) -> Any:
        """A table for somebody else's regressor: a frame if the user gave names, else an array."""
        return frame if self.named else frame.to_numpy()

    def describe(self) -> pd.DataFrame:
        """How each column of a table is read.

        Returns:
            One row for each of the F columns of the training table: `column`, its name; `read_as`,
            such as "numbers", "dates" or "labels"; `details`, what training saw in it; `missing`,
            whether values were missing; `inputs`, the names of the matrix columns it becomes.
        """
        import pandas as pd

        rows = [
            (
                column.name,
                column.read_as,
                column.details,
                column.missing,
                column.output_names,
            )
            for column in self.columns
        ]
        return pd.DataFrame(rows, columns=["column", "read_as", "details", "missing", "inputs"])

    @property
    def described(self) -> dict[str, str]:
        """How each column is read, in a few words for each name."""
        found = {}
        for column in self.columns:
            gaps = "; some missing" if column.missing else ""
            unused = "" if column.output_names else "; not used"
            found[column.name] = f"{column.read_as}: {column.details}{gaps}{unused}"
        return found

    def __repr__(self) -> str:
        columns, width = counted(len(self.columns), "column"), max(map(len, self.names))
        lines = [f"FeatureSchema: {columns}, {counted(self.width, 'input')} of the network"]
        lines += [f"  {name:<{width}}  {how}" for name, how in self.described.items()]
        return "\n".join(lines)

    def _values(self, column: NumericColumn, cells: pd.Series, *, training: bool = False) -> Array:
        """The values of a column of numbers; what of its cells is lost is said once."""
        reading = column.read(cells, training=training)
        told = training or column.name in self._told_lost
        some = reading.lost or reading.doubt or reading.bare or reading.other
        if some and not told:
            self._told_lost.add(column.name)
            say_of_reading(column, reading)
        return reading.values

    def _typed(self, column: Column, cells: pd.Series) -> pd.Series:
        import pandas as pd

        if isinstance(column, CategoricalColumn) or kind_of(cells) in (column.kind, "empty"):
            return cells
        values = self._values(column, cells)
        found = pd.Series(values, index=cells.index, name=cells.name)
        if column.kind == "date":
            return pd.Series(stamps_of(values, "us"), index=cells.index, name=cells.name)
        if column.kind in ("duration", "time"):
            lengths = stamps_of(values, "us") - np.datetime64(0, "us")
            found = pd.Series(lengths, index=cells.index, name=cells.name)
        if column.kind == "time":
            stamps = pd.Timestamp(0) + found
            return stamps.dt.time.where(stamps.notna(), None)
        return found

    def _aligned(self, frame: pd.DataFrame, named: bool) -> Columns:
        return aligned(frame, named, self.names, names_known=self.named, told=self._told)

    def _pairs(self, frame: pd.DataFrame, named: bool) -> list[tuple[Column, pd.Series]]:
        """Each of the F columns, and its cells in a later table."""
        at = self._aligned(frame, named)
        return [(c, frame.iloc[:, place]) for c, place in zip(self.columns, at, strict=True)]

    @cached_property
    def plain(self) -> PlainNumbers:
        """The columns of numbers that are written as numbers."""
        return PlainNumbers.among(self.columns)

    @cached_property
    def _parts(self) -> list[slice]:
        return matrix_parts(self.columns)

    def to_manifest(self) -> dict[str, Any]:
        """Return the schema as plain dicts, lists, strings and numbers, exact through JSON."""
        columns = [column.to_manifest() for column in self.columns]
        unusual: dict[str, Any] = {} if self.decimal == "." else {"decimal": self.decimal}
        unusual |= {"reach": self.reach} if self.reach else {}
        return {"named": self.named, **unusual, "columns": columns}

    @classmethod
    def from_manifest(cls, manifest: dict[str, Any]) -> Self:
        """Rebuild a schema from what `to_manifest` returned.

        Raises:
            ArtifactError: An entry is lacking, or of a kind unknown to this version.
        """
        try:
            columns = tuple(column_from_manifest(entry) for entry in manifest["columns"])
            decimal, reach = str(manifest.get("decimal", ".")), float(manifest.get("reach", 0.0))
            if not 0.0 <= reach < np.inf:
                raise ValueError(f"a reach of {reach}")
            return cls(columns, bool(manifest["named"]), decimal, reach)
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(
                "The model must describe the columns of its features. Received an entry that "
                f"cannot be read: {error!r}. Update Covey, or save the model again."
            ) from error
