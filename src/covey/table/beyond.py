"""Cells beyond what training saw: they are used, each as the nearest of what training had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from covey.table.alignment import aligned
from covey.table.category_column import CategoricalColumn
from covey.table.columns import Column
from covey.table.number_column import is_plain
from covey.table.schema import FeatureSchema
from covey.types import Array, Rows

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

BELOW, ABOVE, MISSING, NEW = "below", "above", "missing", "new label"
RARE = "rare or new label"  # of a column whose rarer labels are not told apart


@dataclass(frozen=True)
class Beyond:
    """The n cells of a column that are beyond what training saw.

    Attributes:
        column: what training saw.
        cells: as they were given.
        rows: numbers of their rows in the table, in ascending order.
        what: of each whether it is "below" or "above" the range of training, a "new label" or a
            "rare or new label", or "missing" where training had no gaps.
        values: of numbers and dates, in the column's unit, NaN where missing; of labels all NaN.
    """

    column: Column
    cells: pd.Series
    rows: Rows
    what: NDArray[Any]
    values: Array

    def only(self, which: slice) -> Self:
        """Some of the cells."""
        cells, rows = self.cells.iloc[which], self.rows[which]
        return replace(
            self, cells=cells, rows=rows, what=self.what[which], values=self.values[which]
        )

    @property
    def taken_for(self) -> list[Any]:
        """What the networks read in place of each cell: numbers as they are, dates in words.

        None for labels, of which nothing else is read.
        """
        column = self.column
        if isinstance(column, CategoricalColumn):
            return [None] * len(self.rows)
        ends = {BELOW: column.low, ABOVE: column.high, MISSING: column.center}
        if column.kind != "number":
            return [column.text(ends[what] or 0.0) for what in self.what]
        return [ends[what] for what in self.what]

    @property
    def ranges(self) -> Array:
        """How far each is from what it is taken for, in ranges of training; NaN for others."""
        column, found = self.column, np.full(len(self.rows), np.nan)
        if isinstance(column, CategoricalColumn) or column.low is None or column.high is None:
            return found
        width = column.high / 2 - column.low / 2  # halves, since a difference may be infinite
        for what, end in ((BELOW, column.low), (ABOVE, column.high)):
            which = self.what == what
            found[which] = np.abs(self.values[which] / 2 - end / 2) / width
        return found


def beyond(schema: FeatureSchema, frame: pd.DataFrame, named: bool) -> Iterator[Beyond]:
    """Find cells beyond what training saw, in the columns that the networks read.

    Args:
        schema: what training saw.
        frame: table of N rows from `read_features`.
        named: whether its names are the user's, from `read_features`.

    Yields:
        For each column that has some, which they are.

    Raises:
        InputError: columns are lacking, or cannot be read.
    """
    places = aligned(frame, named, schema.names, names_known=schema.named, told=set())
    usual = schema.plain.held_by(frame, places).usual(frame, places)
    for number, (column, place) in enumerate(zip(schema.columns, places.tolist(), strict=True)):
        if number in usual or not column.output_names:
            continue
        cells = frame.iloc[:, place]
        what, values = _kinds(column, cells)
        rows = np.flatnonzero(what != "")
        if len(rows):
            yield Beyond(column, cells.iloc[rows], rows, what[rows], values[rows])


def beyond_table(schema: FeatureSchema, frame: pd.DataFrame, named: bool) -> pd.DataFrame:
    """What `beyond` finds, as one table; arguments as there.

    Returns:
        One row for each cell, row by row: `column`; `value`, as it was given; `what`; `taken_for`;
        and `ranges`. The index holds the numbers of the rows.
    """
    import pandas as pd

    words, anything = pd.Series(dtype="str"), pd.Series(dtype=object)
    kinds = {"column": words, "value": anything, "what": words, "taken_for": anything}
    empty = pd.DataFrame({**kinds, "ranges": pd.Series(dtype=float)}, index=pd.Index([], dtype=int))
    parts = [
        pd.DataFrame(
            {
                "column": pd.Series(found.column.name, found.rows, dtype="str"),
                "value": pd.Series(list(found.cells), found.rows, dtype=object),
                "what": pd.Series(found.what, found.rows, dtype="str"),
                "taken_for": pd.Series(found.taken_for, found.rows, dtype=object),
                "ranges": found.ranges,
            }
        )
        for found in beyond(schema, frame, named)
    ]
    return pd.concat(parts).sort_index(kind="stable") if parts else empty


def _kinds(column: Column, cells: pd.Series) -> tuple[NDArray[Any], Array]:
    """What each of N cells is, "" if training saw its like; and the values of numbers."""
    what = np.full(len(cells), "", dtype=f"<U{len(RARE)}")
    if isinstance(column, CategoricalColumn):
        if column.categories:
            matrix, new = column.encoded(cells)
            if not column.missing:
                what[~matrix.any(axis=1)] = MISSING
            what[new] = RARE if column.others else NEW
        return what, np.full(len(cells), np.nan)
    known = is_plain(column) and cells.dtype.kind == "f" and not np.isinf(cells).any()
    values = cells.to_numpy() if known else column.read(cells).values
    if not column.missing:
        what[np.isnan(values)] = MISSING
    for end, which in zip((BELOW, ABOVE), column.beyond(values), strict=True):
        what[which] = end
    return what, values
