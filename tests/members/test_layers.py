"""Layers of networks side by side: each is, for each member, the layer that a single one has."""

import doctest

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import covey.members.layers
from covey.errors import InputError
from covey.families import Normal
from covey.layers import DistributionHead
from covey.members.layers import (
    MemberDense,
    MemberHead,
    PiecewiseLinear,
    members_first,
)

ops = keras.ops
TARGETS = 5
FAMILY = Normal(TARGETS)


def test_heads_start_at_the_standard_normal_whatever_comes_in():
    head = MemberHead(FAMILY)
    inputs = 1e6 * np.random.default_rng(0).normal(size=(3, 7, 4))
    packed = ops.convert_to_numpy(head(inputs))
    assert packed.shape == head.compute_output_shape((3, 7, 4)) == (7, 3, FAMILY.packed_size)
    joint = FAMILY.distribution(packed.reshape(-1, FAMILY.packed_size))
    assert_array_equal(joint.mean, 0)
    assert_array_equal(joint.covariance, np.broadcast_to(np.eye(TARGETS), joint.covariance.shape))


def test_a_head_of_members_is_one_head_for_each():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(3, 3, 4)).astype("float32")  # as many rows as members
    head = MemberHead(FAMILY)
    head.build(inputs.shape)
    kernel, bias = (rng.normal(size=w.shape) for w in head.get_weights())
    head.set_weights([kernel, bias])
    together = keras.ops.convert_to_numpy(head(inputs))
    for k in range(3):
        alone = DistributionHead(FAMILY)
        alone.build((None, 4))
        alone.set_weights([kernel[k], bias[k]])
        one = keras.ops.convert_to_numpy(alone(inputs[k]))
        assert_allclose(together[:, k], one, rtol=1e-5, atol=1e-5)


def test_the_regularizer_acts_on_the_kernels():
    head = MemberHead(Normal(2), kernel_regularizer=keras.regularizers.L2(3))
    head.build((2, None, 4))
    kernel, bias = head.get_weights()
    head.set_weights([np.full(kernel.shape, 0.5), np.ones(bias.shape)])
    assert_allclose(ops.convert_to_numpy(sum(head.losses)), 3 * 0.25 * kernel.size, rtol=1e-6)


@pytest.mark.parametrize("activation", [None, "relu", "silu"])
def test_member_dense_is_a_dense_layer_for_each_member(activation):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(3, 3, 4)).astype("float32")
    layer = MemberDense(5, activation=activation)
    layer.build(inputs.shape)
    kernel, bias = rng.normal(size=(3, 4, 5)), rng.normal(size=(3, 5))
    layer.set_weights([kernel, bias])
    together = keras.ops.convert_to_numpy(layer(inputs))
    assert together.shape == layer.compute_output_shape(inputs.shape) == (3, 3, 5)
    for k in range(3):
        alone = keras.layers.Dense(5, activation=activation)
        alone.build((None, 4))
        alone.set_weights([kernel[k], bias[k]])
        one = keras.ops.convert_to_numpy(alone(inputs[k]))
        assert_allclose(together[k], one, rtol=1e-5, atol=1e-5)


def test_members_must_be_known():
    with pytest.raises(InputError, match=r"\(K, rows, width\).*members_first"):
        MemberDense(2)(keras.Input((5, 3)))


def test_members_start_apart_and_by_their_own_fan_in():
    layer = MemberDense(64, kernel_initializer=keras.initializers.LecunNormal(seed=0))
    layer.build((4, None, 100))
    kernel, bias = layer.get_weights()
    assert kernel.shape == (4, 100, 64)
    assert_array_equal(bias, 0)
    assert_allclose(kernel.std(axis=(1, 2)), 0.1, rtol=0.05)
    assert np.all(np.abs(np.corrcoef(kernel.reshape(4, -1)) - np.eye(4)) < 0.05)
    layer = MemberDense(2, kernel_initializer=keras.initializers.Orthogonal(seed=0))
    layer.build((3, None, 6))  # the columns of a member are columns of what was drawn
    kernel = layer.get_weights()[0]
    assert_allclose(np.swapaxes(kernel, 1, 2) @ kernel, [np.eye(2)] * 3, atol=1e-6)


LAYERS = {
    "head": lambda: MemberHead(Normal(2, floor=1e-3), kernel_regularizer="l2", trainable=False),
    "dense": lambda: MemberDense(
        7, activation="relu", kernel_initializer="zeros", kernel_regularizer="l1", name="first"
    ),
}


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_the_configuration_comes_back(make):
    layer = make()
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()
    for name in ("family", "missing", "units", "name", "trainable"):
        assert getattr(again, name, None) == getattr(layer, name, None)


MASKED = {
    "dense": (lambda: MemberDense(2), (2, 4, 3), (2, 4)),
    "piecewise linear": (lambda: PiecewiseLinear([0], [[0.0, 1.0]], 2), (2, 4, 3), (2, 4)),
    "head of one": (lambda: DistributionHead(Normal(1)), (4, 3, 2), (4, 3)),
    "head": (lambda: MemberHead(Normal(1)), (2, 4, 3), (4, 2)),
}


@pytest.mark.parametrize(("make", "shape", "left"), MASKED.values(), ids=MASKED)
def test_masks_go_through(make, shape, left):
    layer = make()
    mask = np.random.default_rng(0).random(shape[:2]) < 0.5
    given = ops.convert_to_tensor(np.ones(shape, "float32"))
    assert layer.supports_masking
    outputs = layer(given)
    found = np.asarray(layer.compute_mask(given, ops.convert_to_tensor(mask)))
    assert found.shape == left == tuple(outputs.shape)[:2]
    assert_array_equal(found, mask if left == shape[:2] else mask.T)


def test_the_examples_run():
    failed, attempted = doctest.testmod(covey.members.layers)
    assert attempted
    assert not failed


KNOTS = [[0.0, 1.0, 3.0], [-1.0, -1.0, 2.0]]  # the second begins with an empty bin


def piecewise(units=2, members=2):
    layer = PiecewiseLinear([0, 2], KNOTS, units)
    layer.build((members, None, 3))
    kernel = np.random.default_rng(0).normal(size=(members, 2, 2, units)).astype("f4")
    layer.kernel.assign(kernel)
    return layer, kernel


def test_piecewise_linear_functions_bend_at_their_knots_and_nowhere_else():
    layer, kernel = piecewise()
    x = np.linspace(-2, 4, 61)
    inputs = np.tile(x[:, None], (2, 1, 3))
    outputs = ops.convert_to_numpy(layer(ops.convert_to_tensor(inputs.astype("f4"))))
    assert outputs.shape == (2, 61, 7)
    np.testing.assert_allclose(outputs[:, :, :3], inputs, rtol=1e-6)
    first = outputs[:, :, 3:5]
    for member in range(2):
        for unit in range(2):
            weights = kernel[member, 0, :, unit].astype(float)
            heights = np.cumsum([-weights.sum() / 2, *weights])
            expected = np.interp(x, KNOTS[0], heights)  # constant beyond the ends
            np.testing.assert_allclose(first[member, :, unit], expected, atol=1e-5)
    second = outputs[:, :, 5:]
    bends = np.abs(np.diff(second, 2, axis=1)).max(axis=(0, 2)) > 1e-4
    np.testing.assert_allclose(x[1:-1][bends], [-1.0, 2.0], atol=1e-9)


def test_a_piecewise_linear_layer_survives_its_config():
    layer, kernel = piecewise()
    again = PiecewiseLinear.from_config(layer.get_config())
    again.build((2, None, 3))
    again.kernel.assign(kernel)
    x = np.random.default_rng(1).normal(size=(2, 5, 3)).astype("f4")
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(x)), ops.convert_to_numpy(again(x)))
    assert layer(members_first(keras.Input((2, 3)))).shape == (2, None, 7)


@pytest.mark.parametrize("knots", [[[1.0, 0.0]], [0.0, 1.0], [[0.0, 1.0], [0.0, 1.0]]])
def test_knots_that_do_not_fit_are_refused(knots):
    with pytest.raises(InputError, match="ascending knots"):
        PiecewiseLinear([0], knots, 2)
