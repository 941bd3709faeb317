"""Columns that hold plain numbers, encoded together: one row of many costs little more than of one.

They come to the same as `NumericColumn.encode` of each: every number goes the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from covey.table.number_column import NumericColumn, is_plain
from covey.table.soft_bound import clipped
from covey.types import Array, Columns, Mask

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

CACHED = 2**16  # numbers that are worked on together


def matrix_parts(columns: Sequence[Any]) -> list[slice]:
    """For each of the F columns of a schema, the matrix columns that it becomes."""
    ends = np.cumsum([0, *(len(column.output_names) for column in columns)]).tolist()
    return [slice(*pair) for pair in pairwise(ends)]


@dataclass(frozen=True, eq=False)
class PlainNumbers:
    """Columns of numbers that are written as numbers, and nothing else.

    Attributes:
        columns: C of them.
        places: numbers of these among all columns of the training table.
        starts: for each the number of its first matrix column.
    """

    columns: tuple[NumericColumn, ...]
    places: Columns
    starts: Columns

    @classmethod
    def among(cls, columns: Sequence[Any]) -> Self:
        """Those among all F columns of a schema."""
        places = np.array([place for place, c in enumerate(columns) if is_plain(c)], dtype=np.int64)
        starts = np.array([part.start for part in matrix_parts(columns)], dtype=np.int64)
        return cls(tuple(columns[place] for place in places), places, starts[places])

    def held_by(self, frame: pd.DataFrame, at: Columns) -> Self:
        """Those whose cells are of one of NumPy's types of numbers in a table.

        Args:
            frame: table.
            at: for each of the F columns of training, which of the table's it is.
        """
        types = frame.dtypes.to_numpy()[at[self.places]]
        held = [isinstance(one, np.dtype) and one.kind in "biuf" for one in types]
        return self if all(held) else self._only(np.array(held, dtype=bool))

    def _only(self, chosen: Mask) -> Self:
        columns = tuple(c for c, one in zip(self.columns, chosen, strict=True) if one)
        return type(self)(columns, self.places[chosen], self.starts[chosen])

    def usual(self, frame: pd.DataFrame, at: Columns) -> set[int]:
        """The places of columns whose cells are all within what training saw.

        Args:
            frame: table of N rows, in which all C are `held_by`.
            at: for each of the F columns of training, which of the table's it is.
        """
        found = np.ones(len(self.columns), dtype=bool)
        if self.columns:
            missing, (under, over) = self._numbers[0], self._limits
            for _, values in self._blocks(frame, at):
                inside = (values >= under) & (values <= over) & np.isfinite(values)
                found &= (inside | (missing & np.isnan(values))).all(axis=0)
        return set(self.places[found].tolist())

    def encode(
        self, frame: pd.DataFrame, at: Columns, matrix: NDArray[np.float32]
    ) -> tuple[Columns, Columns]:
        """Write the matrix columns of all C.

        Args:
            frame: table of N rows.
            at: for each of the F columns of training, which of the table's it is.
            matrix: shape (N, width); what other columns become is left alone.

        Returns:
            The places of columns that hold infinity, which is for others to refuse, and of those
            that have numbers beyond those of training.
        """
        infinite = np.zeros(len(self.columns), dtype=bool)
        beyond = infinite.copy()
        for rows, values in self._blocks(frame, at):
            infinite |= np.isinf(values).any(axis=0)
            under, over = self._limits
            beyond |= ((values < under) | (values > over)).any(axis=0)
            self._write(values, matrix[rows])
        return self.places[infinite], self.places[beyond]

    def _blocks(self, frame: pd.DataFrame, at: Columns) -> Iterator[tuple[slice, Array]]:
        """Some rows at a time, and their numbers, shape (rows, C)."""
        own, size = at[self.places], max(CACHED // max(len(self.columns), 1), 1)
        for start in range(0, len(frame), size) if self.columns else ():
            part = frame.iloc[start : start + size] if len(frame) > size else frame
            if len(own) < frame.shape[1] or np.any(np.diff(own) != 1):
                part = part.iloc[:, own]
            yield slice(start, start + size), part.to_numpy(dtype=np.float64)

    def _write(self, values: NDArray[np.float64], matrix: NDArray[np.float32]) -> None:
        missing, scaled, center, scale, low, high = self._numbers
        absent = np.isnan(values)
        matrix[:, self.starts[missing] + scaled[missing]] = absent[:, missing]
        held = clipped(np.clip(values, low, high)[:, scaled], center, scale)
        matrix[:, self.starts[scaled]] = np.where(absent[:, scaled], 0.0, held)

    @cached_property
    def _numbers(self) -> tuple[Any, ...]:
        """What the columns are, side by side; centres and scales of those that vary."""
        scaled = np.array([c.scale != 0 for c in self.columns], dtype=bool)
        center, scale = (
            np.array([getattr(c, name) for c in self.columns if c.scale])
            for name in ("center", "scale")
        )
        ends = ((c.low, c.high) for c in self.columns)
        known = [(-np.inf, np.inf) if None in pair else pair for pair in ends]
        low, high = np.array(known).T
        missing = np.array([c.missing for c in self.columns], dtype=bool)
        return missing, scaled, center, scale, low, high

    @cached_property
    def _limits(self) -> NDArray[np.float64]:
        """What is below the first, or above the second, is beyond those of training: (2, C)."""
        return np.array([column.limits for column in self.columns]).T
