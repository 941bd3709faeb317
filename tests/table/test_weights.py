"""Sample weights: what cannot be one is refused, and only their ratios count."""

import numpy as np
import pytest

from covey.errors import InputError
from covey.table.weights import of_mean_one, read_sample_weight


def test_weights_have_mean_one():
    np.testing.assert_allclose(of_mean_one(read_sample_weight([1, 3], 2)), [0.5, 1.5])
    np.testing.assert_allclose(of_mean_one(np.array([1e308, 5e307])), [4 / 3, 2 / 3])
    assert read_sample_weight(None, 2) is of_mean_one(None) is None


@pytest.mark.parametrize(
    "weight", [[1.0], ["a", "b"], [1, -1], [np.nan, 1], [np.inf, 1], [0, 0], [1e300, 1e-300]]
)
def test_bad_weights_are_refused(weight):
    with pytest.raises(InputError, match="`sample_weight` must"):
        read_sample_weight(weight, 2)


def test_weights_that_are_all_alike_are_none():
    assert of_mean_one(np.full(3, 2.5)) is None
