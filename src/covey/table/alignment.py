"""The columns of a later table in the order of training, found by their names or their places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from unicodedata import normalize

import numpy as np

from covey.errors import InputError, warn
from covey.table.cells import listed
from covey.types import Columns

if TYPE_CHECKING:
    import pandas as pd


def aligned(
    frame: pd.DataFrame, named: bool, names: Sequence[str], *, names_known: bool, told: set[str]
) -> Columns:
    """Where a later table has the columns of training.

    Args:
        frame: Table of N rows from `read_features`.
        named: Whether its names are the user's.
        names: Of the F columns of training.
        names_known: Whether these are the user's. If both tables have names, they find the columns
            in any order, up to blanks around them and their form of Unicode; else the place does.
        told: What was said already; what is said now is added.

    Returns:
        Numbers of F of its columns, in the order of training.

    Raises:
        InputError: Columns are lacking, or are not as many as in training.
    """
    if names_known and named:
        if list(frame.columns) == list(names):
            return np.arange(len(names))
        frame = _with_names_of_training(frame, names)
        if lacking := [name for name in names if name not in frame.columns]:
            raise InputError(
                "`X` must have every column that training had. Received a table without "
                f"{listed(lacking)}. Add them; fill with NaN what is unknown."
            )
        if new := [n for n in frame.columns.difference(names) if n not in told]:
            told.update(new)
            warn(f"Columns of `X` that training did not have are ignored: {listed(new)}.")
        return np.asarray(frame.columns.get_indexer(list(names)), dtype=np.int64)
    if frame.shape[1] != len(names):
        raise InputError(
            f"X has {frame.shape[1]} features, but JointRegressor is expecting "
            f"{len(names)} features as input. Pass the columns of the training table."
        )
    if names_known:
        message = (
            "X does not have valid feature names, but JointRegressor was fitted with feature "
            "names. The columns are taken in the order of training."
        )
        if message not in told:
            told.add(message)
            warn(message, UserWarning)
    return np.arange(len(names))


def _with_names_of_training(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """A table whose names may differ by blanks around them or their form of Unicode."""
    others: dict[str, list[str]] = {}
    for name in frame.columns.difference(names):
        others.setdefault(_bare(name), []).append(name)
    lacking = [name for name in names if name not in frame.columns]
    found = {name: others.get(_bare(name), []) for name in lacking}
    return frame.rename(columns={each[0]: n for n, each in found.items() if len(each) == 1})


def _bare(name: str) -> str:
    return normalize("NFC", name).strip()
