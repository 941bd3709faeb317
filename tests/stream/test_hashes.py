"""Hashes of rows: stable, uniform, independent."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from covey.errors import InputError
from covey.stream.hashes import folds_of, group_keys, row_keys


def test_keys_do_not_change():
    # another machine, or another version, must not split the same rows in another way
    keys = row_keys(np.array([0, 1, 10**12]), 7, "fold")
    assert keys.tolist() == [11493112992691683820, 6100104047733043590, 7947527113902920100]
    labels = pa.chunked_array([["north", "south"]])
    assert group_keys(labels, 7).tolist() == [2033854985852950419, 9083419885099090882]


def test_a_key_follows_from_the_number_alone():
    keys = row_keys(np.arange(1000), 3, "sample")
    assert np.array_equal(row_keys(np.arange(500, 600), 3, "sample"), keys[500:600])
    assert len(np.unique(keys)) == 1000


def test_folds_are_equal_and_purposes_independent():
    n = 50_000
    fold = folds_of(row_keys(np.arange(n), 0, "fold"), 5)
    assert np.abs(np.bincount(fold, minlength=5) / n - 0.2).max() < 0.01
    for other in (row_keys(np.arange(n), 0, "sample"), row_keys(np.arange(n), 1, "fold")):
        table = np.zeros((5, 5))
        np.add.at(table, (fold, folds_of(other, 5)), 1 / n)
        assert np.abs(table - 0.04).max() < 0.005


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["a", "b", "a"], ["b", "a"]),
        ([1, 2, 1], [2.0, 1.0]),
        ([True, False, True], [False, True]),
        (pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-01"]), None),
        (pd.Categorical(["a", "b", "a"]), ["b", "a"]),
        ([0.0, 1.5, -0.0], [1.5, 0.0]),
    ],
)
def test_one_label_has_one_key(one, other):
    first = group_keys(pa.chunked_array([pa.array(one)]), 5)
    assert first[0] == first[2] != first[1]
    if other is not None:
        again = group_keys(pa.chunked_array([pa.array(other)]), 5)
        assert np.array_equal(again, first[[1, 0]])


def test_a_missing_label_is_refused():
    for labels in (["a", None], [1, None], [1.0, float("nan")]):
        with pytest.raises(InputError, match="label in every row"):
            group_keys(pa.chunked_array([pa.array(labels)]), 0)
