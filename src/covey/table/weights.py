"""Sample weights: how much each row counts in every average."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from covey.arguments.frames import as_column
from covey.arguments.labels import labels_of, row_name
from covey.arguments.numbers import read_numbers
from covey.errors import InputError
from covey.table.cells import kind_of
from covey.table.said import say_doubtful_weights
from covey.table.target_text import TargetText
from covey.types import Array

LEAST_WEIGHT = 1e-100  # of the largest, that a row can count with


def read_sample_weight(sample_weight: ArrayLike | None, n_rows: int) -> Array | None:
    """Read and check sample weights, as they are.

    Args:
        sample_weight: array of shape (N,), or None.
        n_rows: N.

    Returns:
        Array of shape (N,), or None.

    Raises:
        InputError: the shape does not fit, or a weight is negative or not finite, or text that is
            no number.
    """
    if sample_weight is None:
        return None
    weight = _read(as_column(sample_weight, "sample_weight"))
    if weight.shape != (n_rows,):
        raise InputError(f"`sample_weight` must have shape ({n_rows},). Received {weight.shape}.")
    if len(bad := np.flatnonzero(~np.isfinite(weight) | (weight < 0))):
        what = "no value" if np.isnan(weight[bad[0]]) else f"{weight[bad[0]]:g}"
        raise InputError(
            f"`sample_weight` must be finite and non-negative. Received {what} in "
            f"{row_name(labels_of(sample_weight), int(bad[0]))}."
        )
    if weight.max() == 0:
        raise InputError("`sample_weight` must not be zero in every row. Received zeros alone.")
    if len(bad := np.flatnonzero((weight > 0) & (weight / weight.max() < LEAST_WEIGHT))):
        raise InputError(
            f"`sample_weight` must lie within a factor of {1 / LEAST_WEIGHT:g}, or be 0. Received "
            f"{weight[bad[0]]:g} in {row_name(labels_of(sample_weight), int(bad[0]))}, beside "
            f"{weight.max():g}."
        )
    return weight


def _read(weights: Any) -> Array:
    """The numbers of a column, of text too, as those of any column are read."""
    import pandas as pd

    cells = weights
    if isinstance(cells, list | tuple) and all(isinstance(each, str | Real) for each in cells):
        cells = np.array(cells, dtype=object)
    if isinstance(cells, np.ndarray) and cells.ndim == 1 and cells.dtype.kind in "OSU":
        cells = pd.Series(cells.astype(str) if cells.dtype.kind == "S" else cells)
    if not isinstance(cells, pd.Series) or kind_of(cells) != "text":
        return read_numbers(weights, "sample_weight")
    name = "sample_weight" if cells.name is None else str(cells.name)
    reading, _ = TargetText.learn(name, cells, "sample_weight")
    if reading.lost is not None:
        raise InputError(
            f"`sample_weight` must hold numbers. Received {reading.lost.of(name)}. Correct these "
            "cells, or leave out their rows."
        )
    say_doubtful_weights([(name, reading.doubt)] if reading.doubt else [])
    return reading.values


def of_mean_one(weight: Array | None) -> Array | None:
    """Weights scaled to mean 1; None if all rows count alike.

    Args:
        weight: array of shape (N,), or None.

    Returns:
        Array of shape (N,), or None.
    """
    if weight is None or (weight == weight[0]).all():
        return None
    weight = weight / weight.max()
    return np.asarray(weight / weight.mean())
