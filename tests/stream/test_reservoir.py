"""A sample that does not depend on how the rows came by."""

import numpy as np
import pyarrow as pa
import pytest

from covey.stream.hashes import row_keys
from covey.stream.reservoir import Reservoir


def sampled(pieces, capacity=100):
    reservoir = Reservoir(capacity)
    for numbers in pieces:
        reservoir.add(row_keys(numbers, 0, "sample"), numbers, pa.table({"n": numbers}))
    return reservoir.rows()


def test_the_smallest_keys_are_kept_whatever_the_order():
    rows = np.arange(5000)
    smallest = np.sort(np.argsort(row_keys(rows, 0, "sample"))[:100])
    orders = [
        np.array_split(rows, 7),
        np.array_split(rows[::-1], 300),
        [np.random.default_rng(0).permutation(rows)],
    ]
    for pieces in orders:
        numbers, table = sampled(pieces)
        assert np.array_equal(numbers, smallest)
        assert table["n"].to_pylist() == smallest.tolist()


def test_few_rows_are_all_kept():
    numbers, table = sampled([np.arange(60), np.arange(60, 100)])
    assert np.array_equal(numbers, np.arange(100))
    assert len(table) == 100


def test_it_is_uniform():
    counts = np.zeros(10)
    for seed in range(20):
        reservoir = Reservoir(200)
        rows = np.arange(2000)
        reservoir.add(row_keys(rows, seed, "sample"), rows, pa.table({"n": rows}))
        counts += np.bincount(reservoir.rows()[0] // 200, minlength=10)
    assert counts.sum() == 4000
    assert counts == pytest.approx(400, abs=60)
