"""Numbers to learn from: when weights say anything."""

import numpy as np
import pytest

from tests.training import training_data


@pytest.mark.parametrize(
    ("weight", "differ"), [(None, False), ([1.0, 1.0, 1.0], False), ([0.5, 1.0, 1.5], True)]
)
def test_weights_that_are_all_alike_are_none(weight, differ):
    folds = [(np.array([0, 1]), np.array([2]))]
    data = training_data(np.zeros((3, 1)), np.zeros((3, 2)), folds, weight)
    assert data.weight.tolist() == (weight or [1.0, 1.0, 1.0])
    assert (data.uneven_weight is not None) == differ
    if differ:
        assert data.uneven_weight.tolist() == weight
