"""The cells of a column of text: each text once, and what is made of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from covey.arguments.labels import row_name
from covey.table.cells import shown_cell
from covey.table.other_mark import OtherMark
from covey.table.spelling import MARK, NUMBER, OTHER, NumberSpelling, state
from covey.types import Array, Mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


@dataclass(frozen=True)
class Lost:
    """Cells that are not what their column is, and count as missing.

    Attributes:
        count: how many.
        cells: N, how many cells the column has.
        first: the first of them, for a message.
        row: its row, for a message.
        place: where it stands in the column, from 0.
    """

    count: int
    cells: int
    first: str
    row: str
    place: int = 0

    def of(self, name: str) -> str:
        """What a message says of a column of this name."""
        return f"{self.count:,} of {self.cells:,} in {name!r}, the first {self.first} in {self.row}"


@dataclass(frozen=True)
class Reading:
    """What was made of the cells of a column.

    Attributes:
        values: shape (N,), in the column's unit, NaN where missing.
        states: of each distinct text, as `NumberSpelling.read` has them; empty without text.
        lost: cells that are not what the column is; None if there are none.
        doubt: a text that could mean something else as well; None if none could.
        bare: cells without a percent sign in a column of percentages; None if there are none.
        other: a number that is read by another decimal mark than training had; None if none is.
        unclear: numbers of texts that may be two numbers, and of which nothing tells which.
    """

    values: Array
    states: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, dtype=np.int8))
    lost: Lost | None = None
    doubt: str | None = None
    bare: Lost | None = None
    other: OtherMark | None = None
    unclear: tuple[int, ...] = ()


@dataclass(frozen=True)
class Words:
    """A column that holds text, perhaps beside numbers.

    Attributes:
        column: N cells.
        texts: the distinct ones that are text, in the order of their first rows.
        codes: which of them each cell is, shape (N,); -1 for what is missing or a number.
        numbers: the cells that are numbers by their type, shape (N,); NaN elsewhere.
    """

    column: Any
    texts: tuple[str, ...]
    codes: NDArray[np.intp]
    numbers: Array

    @classmethod
    def of(cls, column: pd.Series) -> Self:
        """Look at the cells of a column.

        Args:
            column: N cells; what is neither a number nor text counts as its `str`.
        """
        import pandas as pd

        cells = column
        numbers = np.full(len(column), np.nan)
        if isinstance(cells.dtype, pd.CategoricalDtype):
            cells = cells.astype(object)
        if cells.dtype == object:
            held = np.array([isinstance(cell, Real | np.bool_) for cell in cells], dtype=bool)
            known = cells.notna().to_numpy(dtype=bool)
            numbers[held & known] = [float(cell) for cell in cells[held & known]]
            cells = cells.mask(held).map(str, na_action="ignore")
        codes, texts = pd.factorize(cells)
        return cls(column, tuple(texts.tolist()), codes, numbers)

    @property
    def counts(self) -> dict[str, int]:
        """How many cells hold each text."""
        found = np.bincount(self.codes[self.codes >= 0], minlength=len(self.texts))
        return dict(zip(self.texts, found.tolist(), strict=True))

    def reading(
        self,
        values: Array,
        states: NDArray[np.int8] | None = None,
        *,
        doubt: str | None = None,
        typed: Array | None = None,
    ) -> Reading:
        """What was made of each text, for each cell.

        Args:
            values: of the texts, NaN for what has none.
            states: of the texts; by default a text is `NUMBER` if it has a value.
            doubt: a text that could mean something else as well.
            typed: what cells are worth that are numbers by their type, shape (N,); by default
                themselves.
        """
        if states is None:
            known = np.isfinite(values)
            states = np.full(len(values), NUMBER, dtype=np.int8)
            states[~known] = [state(self.texts[i]) for i in np.flatnonzero(~known)]
        typed = self.numbers if typed is None else typed
        cells = np.append(values, np.nan)[self.codes]  # -1 is the last
        return Reading(np.where(np.isnan(typed), cells, typed), states, None, doubt)

    def cells(self, states: NDArray[np.int8], *which: int) -> int:
        """How many cells hold a text of some states; numbers by their type are `NUMBER`."""
        counts = np.bincount(self.codes[self.codes >= 0], minlength=len(self.texts))
        typed = int(np.isfinite(self.numbers).sum()) if NUMBER in which else 0
        return int(counts[np.isin(states, which)].sum()) + typed

    def share(self, states: NDArray[np.int8]) -> float:
        """Share of the cells that are what the column is, of those that say anything."""
        good, bad = self.cells(states, NUMBER), self.cells(states, OTHER)
        return good / (good + bad) if good + bad else 1.0

    def first(self, states: NDArray[np.int8], which: Sequence[int]) -> int:
        """The first row whose text is of some states."""
        return int(np.flatnonzero(np.append(np.isin(states, which), False)[self.codes])[0])

    def row(self, text: int) -> str:
        """Where a text stands first, for a message: " in row 3"."""
        first = int(np.flatnonzero(self.codes == text)[0])
        return f" in {row_name(self.column.index, first)}"

    def lost(self, states: NDArray[np.int8]) -> Lost | None:
        """The cells that hold something, and not what the column is."""
        return some(self.column, np.append(np.isin(states, (MARK, OTHER)), False)[self.codes])

    def bare(self, spelling: NumberSpelling) -> Lost | None:
        """The cells without a percent sign in a column of percentages, but for 0."""
        if not spelling.is_percentage:
            return None
        typed = np.isfinite(self.numbers) & (self.numbers != 0.0)
        return some(self.column, typed | np.append(spelling.bare(self.texts), False)[self.codes])


def some(column: pd.Series, which: Mask) -> Lost | None:
    """Some cells of a column: how many there are, and the first.

    Args:
        column: N cells.
        which: of them, shape (N,).

    Returns:
        None if there are none.
    """
    rows = np.flatnonzero(which)
    if not len(rows):
        return None
    first = int(rows[0])
    where = row_name(column.index, first)
    return Lost(len(rows), len(column), shown_cell(column, first), where, first)
