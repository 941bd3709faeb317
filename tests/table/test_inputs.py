"""What members read of rows: a part of it is that of the rows alone."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from covey.table.inputs import Inputs

MATRIX = np.arange(12, dtype=np.float32).reshape(6, 2)
OFFSETS = np.random.default_rng(0).normal(size=(3, 6, 4))


@pytest.mark.parametrize(
    "rows", [np.array([4, 0, 4]), slice(1, 5), np.arange(6) % 2 == 0, np.zeros(0, dtype=np.int64)]
)
def test_some_rows_have_their_own_offsets(rows):
    some = Inputs(MATRIX, OFFSETS)[rows]
    assert_array_equal(some.matrix, MATRIX[rows])
    assert len(some) == len(MATRIX[rows])
    for member in range(3):
        assert_array_equal(some.offset(member), OFFSETS[member][rows])
    assert Inputs(MATRIX)[rows].offsets is None


def test_without_offsets_nothing_is_added():
    inputs = Inputs(MATRIX)
    assert [inputs.offset(member) for member in range(3)] == [0, 0, 0]


def test_linear_models_take_them_in_double_precision():
    features = Inputs(MATRIX).features
    assert features.dtype == np.float64
    assert_array_equal(features, MATRIX)
