"""The loss as a function of targets and packed parameters."""

import doctest

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import covey.losses
from covey.errors import InputError
from covey.families import Normal
from covey.layers import DistributionHead
from covey.losses import NegativeLogLikelihood


def draw(d, rows):
    rng = np.random.default_rng(d)
    packed = rng.normal(size=(rows, Normal(d).packed_size))
    packed[:, d : 2 * d] = np.exp(packed[:, d : 2 * d])
    return packed.astype("float32"), rng.normal(size=(rows, d)).astype("float32")


@pytest.mark.parametrize(("d", "rows", "missing"), [(1, 4, True), (3, 3, False), (3, 3, True)])
def test_it_is_scipys_log_density(d, rows, missing):
    packed, y = draw(d, rows)
    joint = Normal(d).distribution(packed)
    expected = [
        -stats.multivariate_normal(m, c).logpdf(v)
        for m, c, v in zip(joint.mean, joint.covariance, y, strict=True)
    ]
    loss = NegativeLogLikelihood(Normal(d), missing=missing)
    tensors = keras.ops.convert_to_tensor(y), keras.ops.convert_to_tensor(packed)
    per_row = keras.ops.convert_to_numpy(loss.call(*tensors))
    assert_allclose(per_row, expected, rtol=1e-5, atol=1e-5)


def test_a_row_without_any_target_teaches_nothing():
    layer = keras.layers.Dense(9)
    model = keras.Sequential([keras.Input((1,)), layer, DistributionHead(Normal(3))])
    model.compile(keras.optimizers.SGD(1.0), loss=NegativeLogLikelihood(Normal(3)))
    before = [keras.ops.convert_to_numpy(weight) for weight in model.trainable_variables]
    model.train_on_batch(np.ones((4, 1), "float32"), np.full((4, 3), np.nan, "float32"))
    for old, new in zip(before, model.trainable_variables, strict=True):
        assert_allclose(keras.ops.convert_to_numpy(new), old, atol=1e-6)


@pytest.mark.parametrize("weight", [[2, 1, 1, 3], [0, 1, 0, 2], [0.5, 0.5, 0.5, 0.5]])
def test_the_mean_is_the_weighted_one(weight):
    packed, y = draw(2, 4)
    loss = NegativeLogLikelihood(Normal(2), missing=False)
    rows = keras.ops.convert_to_numpy(loss.call(*map(keras.ops.convert_to_tensor, (y, packed))))
    weighted = float(loss(y, packed, sample_weight=np.array(weight, dtype="float32")))
    assert_allclose(weighted, np.average(rows, weights=weight), rtol=1e-5)


def test_one_target_may_be_flat():
    packed, y = draw(1, 4)
    loss = NegativeLogLikelihood(Normal(1), missing=False)
    assert float(loss(y[:, 0], packed)) == float(loss(y, packed))
    members = np.stack([packed, packed], axis=1)
    assert_allclose(float(loss(y[:, [0, 0]], members)), float(loss(y, packed)), rtol=1e-6)


@pytest.mark.parametrize(
    ("y", "packed", "message"),
    [
        ((4, 3), (4, 5), r"targets of shape \(\.\.\., 2\).*Received \(4, 3\) and \(4, 5\)"),
        ((4, 1), (4, 5), r"Received \(4, 1\)"),
        ((4,), (4, 5), r"Received \(4,\)"),
        ((4, 2), (4, 2), r"outputs of shape \(\.\.\., 5\) for Normal\(2, floor=1e-06\).*Distrib"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(y, packed, message):
    loss = NegativeLogLikelihood(Normal(2))
    with pytest.raises(InputError, match=message):
        loss.call(*map(keras.ops.convert_to_tensor, (np.ones(y), np.ones(packed))))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"reduction": "sum", "name": "nll", "dtype": "float64", "missing": False},
    ],
)
def test_the_configuration_comes_back(options):
    loss = NegativeLogLikelihood(Normal(3, floor=1e-3), **options)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is NegativeLogLikelihood
    assert again.get_config() == loss.get_config()
    assert again.family == loss.family
    for name, value in options.items():
        assert np.all(getattr(again, name) == value)


def test_a_loss_of_an_older_covey_is_read_or_refused():
    loss = keras.losses.serialize(NegativeLogLikelihood(Normal(2)))
    loss["config"] |= {"complete": 0, "scale_tril": None}
    assert isinstance(keras.losses.deserialize(loss), NegativeLogLikelihood)
    loss["config"]["complete"] = 4
    with pytest.raises(InputError, match="compile it anew"):
        keras.losses.deserialize(loss)


def test_the_example_runs():
    failed, attempted = doctest.testmod(covey.losses, optionflags=doctest.ELLIPSIS)
    assert attempted
    assert not failed
