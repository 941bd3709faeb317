"""Means of network and trees together."""

import numpy as np
import pytest

from covey import MultivariateNormal
from covey.stacking.forest import Forest
from covey.stacking.stack import PREFIX, Stack

EMPTY = np.zeros(0, dtype=np.int32)


def stack(slope=2.0):
    """Constants instead of trees: 1 for target 0, 3 for target 2; none for target 1."""
    arrays = {
        "output": np.array([0, 2], dtype=np.int32),
        "leaves": np.array([1, 1], dtype=np.int32),
        **dict.fromkeys(("feature", "left", "right"), EMPTY),
        "threshold": np.zeros(0, dtype=np.float32),
        "value": np.array([1.0, 3.0], dtype=np.float32),
    }
    return Stack(
        Forest.from_arrays(arrays, 2, 3),
        location=np.array([10.0, 0.0, -10.0]),
        scale=np.array([2.0, 1.0, 1.0]),
        logit=np.zeros(3),
        center=np.log([1.0, 1.0, 4.0]),
        slope=np.array(slope),
    )


def test_means_are_in_target_units():
    means = stack().means(np.zeros((4, 2), dtype=np.float32))
    np.testing.assert_allclose(means, np.tile([12.0, 0.0, -7.0], (4, 1)))


def test_the_mean_moves_by_the_weight_and_nothing_else_does():
    generator = np.random.default_rng(0)
    half = generator.normal(size=(6, 3, 3))
    covariance = half @ half.transpose(0, 2, 1) + np.eye(3)
    joint = MultivariateNormal(generator.normal(size=(6, 3)), covariance=covariance)
    means = np.tile([12.0, 0.0, -7.0], (6, 1))
    moved = stack().moved(joint, means)
    np.testing.assert_allclose(moved.covariance, covariance)
    # 1 / (1 + exp(-2 log(s / c))) = s^2 / (s^2 + c^2)
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    weight = variance / (variance + np.array([1.0, 1.0, 16.0]))
    weight[:, 1] = 0.0  # there are no trees of it
    np.testing.assert_allclose(moved.mean, (1 - weight) * joint.mean + weight * means)
    assert stack().typical_weights.tolist() == [0.5, 0.0, 0.5]


def test_files_bring_it_back_and_what_does_not_fit_is_refused():
    arrays = stack().to_arrays()
    again = Stack.from_arrays(arrays, 2, 3)
    for name, array in again.to_arrays().items():
        np.testing.assert_array_equal(array, arrays[name])
    for name in ("location", "scale", "logit", "center", "slope"):
        for forged in (np.full(5, 1.0), np.full_like(arrays[PREFIX + name], np.nan)):
            with pytest.raises(ValueError, match=name):
                Stack.from_arrays({**arrays, PREFIX + name: forged}, 2, 3)
    with pytest.raises(ValueError, match="outputs"):
        Stack.from_arrays(arrays, 2, 2)
