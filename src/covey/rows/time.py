"""The times of rows, which say what is later."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from covey.arguments.frames import as_pandas
from covey.arguments.labels import row_name
from covey.errors import CoveyWarning, InputError, shown
from covey.table import CategoricalColumn, Declared, FeatureSchema
from covey.table.cells import decode, first_infinity, refuse_holders, shown_cell
from covey.table.columns import read_numbers_in_text
from covey.types import Mask, Rows

if TYPE_CHECKING:
    import pandas as pd

NAME = "time"


def time_rank(time: Any, kept: Mask, declared: Declared | None = None) -> Rows:
    """The place of rows in time.

    Args:
        time: numbers or dates, or text that holds them, shape (N,).
        kept: which of the N rows count, shape (N,).
        declared: what the user says of columns, such as the format of dates.

    Returns:
        Dense ranks of the M rows that count, from 0: equal for rows of one time.

    Raises:
        InputError: there are not N, one is missing or infinite, or they are neither numbers nor
            dates.
    """
    import pandas as pd

    given = as_pandas(time, "time")
    if isinstance(given, pd.DataFrame) and given.shape[1] == 1:
        given = given.iloc[:, 0]
    if np.shape(given) != kept.shape:
        raise InputError(
            f"`time` must hold one time for each row, shape {kept.shape}. Received an array of "
            f"shape {np.shape(given)}."
        )
    column = given.to_series() if isinstance(given, pd.Index) else pd.Series(given)
    name = str(column.name or NAME)
    column = column[kept]
    _check(column)
    form = {} if declared is None or name not in declared.dates else {name: declared.dates[name]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CoveyWarning)  # said of the column where it is a feature
        (read,) = FeatureSchema.fit(column.to_frame(name), True, Declared(dates=form)).columns
        if isinstance(read, CategoricalColumn):
            first = next((cell for cell in column if not pd.isna(cell)), None)
            raise InputError(
                f"`time` must hold dates or numbers. Received text, such as {shown(first)}. Name "
                "its format in `dates`, or number the rows in their order."
            )
        values = read.read(column).values
    _refuse_missing(column, np.isnan(values))
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _check(column: pd.Series) -> None:
    """Refuse cells that are no time whatever the others are."""
    missing = column.isna().to_numpy(dtype=bool)
    if missing.all():
        _refuse_missing(column, missing)
    kind, values = decode(column)
    if kind == "text":
        refuse_holders(column, NAME)
        values = read_numbers_in_text(column)[0].values
    if (row := first_infinity(column, values)) is not None:
        raise InputError(
            f"`time` must hold finite times. Received infinity in {row}. Say when that row was, or "
            "drop it."
        )


def _refuse_missing(column: pd.Series, missing: Mask) -> None:
    if len(rows := np.flatnonzero(missing)):
        row = int(rows[0])
        raise InputError(
            "`time` must hold a time in every row. Received "
            f"{len(rows)} without one, the first in {row_name(column.index, row)}: "
            f"{shown_cell(column, row)}. Fill it, or drop these rows."
        )
