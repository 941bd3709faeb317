"""Stable random numbers for rows: the same in every pass, on every machine, in any order.

A row's fold and its place in a sample follow from a hash of its number, or of its group's label.
Nothing has to be remembered, and rows need not be visited in any order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from covey.errors import InputError
from covey.types import Groups, Rows

Keys = NDArray[np.uint64]

GOLDEN = 0x9E3779B97F4A7C15
PURPOSES = {"fold": 1, "sample": 2, "group": 3}  # independent of each other
LABEL_KEY = "covey: row group"  # 16 characters; another one would be another split


def row_keys(numbers: Rows, seed: int, purpose: str) -> Keys:
    """A random 64-bit number for each row.

    Args:
        numbers: of the rows, shape (N,).
        seed: another seed gives other numbers.
        purpose: a key of `PURPOSES`.

    Returns:
        Array of shape (N,), uniform over all 64-bit numbers.
    """
    salt = _mix(np.array([PURPOSES[purpose] * GOLDEN % 2**64], dtype=np.uint64) ^ np.uint64(seed))
    return _mix(_mix(numbers.astype(np.uint64)) ^ salt)


def group_keys(labels: Any, seed: int) -> Keys:
    """A random 64-bit number for each row, the same for all rows of one label.

    Args:
        labels: column of a Parquet table (a pyarrow array) of length N: numbers, text, dates or
            booleans.
        seed: another seed gives other numbers.

    Returns:
        Array of shape (N,).

    Raises:
        InputError: a label is missing.
    """
    import pandas as pd

    values = labels.to_pandas()
    if values.isna().any():
        raise InputError("`groups` must hold a label in every row. Received missing values.")
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if values.dtype.kind in "biuf":
        # one spelling for 3 and 3.0: a file may hold whole numbers, the next the same as floats
        numbers = values.to_numpy(dtype=np.float64)
        hashed = (numbers + 0.0).view(np.uint64)  # -0.0 is 0.0
    elif values.dtype.kind in "mM":
        hashed = values.to_numpy().astype(f"{values.dtype.kind}8[us]").view(np.uint64)
    else:
        texts = values.astype(str).to_numpy(dtype=object)
        hashed = pd.util.hash_array(texts, hash_key=LABEL_KEY, categorize=True)
    return row_keys(hashed.astype(np.uint64).view(np.int64), seed, "group")


def folds_of(keys: Keys, count: int) -> Groups:
    """Which of so many equally large folds each key falls into.

    Args:
        keys: array of shape (N,).
        count: number of folds, below 2^31.

    Returns:
        Array of shape (N,), from 0 to `count` - 1.
    """
    return ((keys >> np.uint64(32)) * np.uint64(count) >> np.uint64(32)).astype(np.int64)


def _mix(keys: Keys) -> Keys:
    """Mix all bits: the finaliser of SplitMix64.

    References:
        Steele, Lea, Flood (2014), Fast splittable pseudorandom number generators,
        doi 10.1145/2660193.2660195.
    """
    z = keys + np.uint64(GOLDEN)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
