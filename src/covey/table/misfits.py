"""Cells that cannot be read as what their column was in training, each judged by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.table.alignment import aligned
from covey.table.category_column import CategoricalColumn
from covey.table.number_column import NumericColumn
from covey.table.schema import FeatureSchema
from covey.types import Mask

if TYPE_CHECKING:
    import pandas as pd


def misfits(
    schema: FeatureSchema, frame: pd.DataFrame, named: bool
) -> list[tuple[NumericColumn, pd.Series, Mask]]:
    """Find cells of numbers and dates that cannot be read, whatever stands in other rows.

    Args:
        schema: what training saw.
        frame: Table of N rows from `read_features`.
        named: Whether its names are the user's, from `read_features`.

    Returns:
        Columns that have some, with their N cells, and which of these cannot be read.
    """
    places = aligned(frame, named, schema.names, names_known=schema.named, told=set())
    found = []
    for column, place in zip(schema.columns, places.tolist(), strict=True):
        if isinstance(column, CategoricalColumn):
            continue
        cells = frame.iloc[:, place]
        if (which := column.misfits(cells)).any():
            found.append((column, cells, which))
    return found
