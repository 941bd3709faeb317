"""The architecture of an ensemble: its networks against plain NumPy, and what it refuses."""

import json

import numpy as np
import pytest

from covey.backend.select import keras
from covey.errors import InputError
from covey.members.architecture import Architecture, quantile_knots
from covey.members.network import build, read_weights, write_weights

NETWORK = Architecture(4, 2, members=3, hidden_units=(8, 5), activation="silu", dropout=0.2)


def built(network=NETWORK, seed=0):
    generator = np.random.default_rng(seed)
    model = build(network)
    weights = [0.3 * generator.normal(size=w.shape) for w in network.initial_weights(generator)]
    write_weights(model, [w.astype(np.float32) for w in weights])
    return model


def silu(x):
    return x / (1 + np.exp(-x))


def test_each_member_is_a_network_of_its_own():
    model = built()
    inputs = np.random.default_rng(1).normal(size=(10, 3, 4)).astype(np.float32)
    *hidden, head_kernel, head_bias = [w.astype(np.float64) for w in read_weights(model)]
    expected = []
    for k in range(3):
        x = inputs[:, k].astype(np.float64)
        for kernel, bias in zip(hidden[::2], hidden[1::2], strict=True):
            x = silu(x @ kernel[k] + bias[k])
        raw = keras.ops.convert_to_tensor(x @ head_kernel[k] + head_bias[k], dtype="float32")
        expected.append(keras.ops.convert_to_numpy(NETWORK.family.constrain(raw)))
    packed = model.predict(inputs, verbose=0)
    np.testing.assert_allclose(packed, np.stack(expected, 1), atol=1e-5)


def test_it_starts_at_the_standard_normal_with_hidden_units_of_unit_scale():
    model = build(NETWORK)
    weights = NETWORK.initial_weights(np.random.default_rng(0))
    write_weights(model, weights)
    packed = model.predict(np.ones((1, 3, 4), np.float32), verbose=0)
    joint = NETWORK.family.distribution(packed[:, 0])
    np.testing.assert_array_equal(joint.mean, np.zeros((1, 2)))
    np.testing.assert_array_equal(joint.covariance[0], np.eye(2))
    wide = Architecture(400, 2, members=2, hidden_units=(300,), activation="silu")
    kernel = wide.initial_weights(np.random.default_rng(0))[0]
    assert kernel.shape == (2, 400, 300)
    np.testing.assert_allclose(kernel.std(), 1 / 20, rtol=0.02)


def test_weights_go_out_and_in():
    model, other = built(seed=0), built(seed=1)
    weights = read_weights(model)
    assert all(len(w) == 3 for w in weights)
    write_weights(other, weights)
    for ours, theirs in zip(weights, read_weights(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    weights[0][:] = 7  # a copy
    assert not (read_weights(model)[0] == 7).any()


def test_the_manifest_describes_it():
    assert Architecture.from_manifest(NETWORK.to_manifest()) == NETWORK


def test_dropout_grows_with_the_number_of_features():
    rates = [Architecture(f, 1, 2, (4,), "silu").dropout for f in (1, 2, 10, 1000)]
    assert rates[0] == 0
    assert rates == sorted(rates)
    assert rates[-1] < 0.1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_units": (8, 0)}, "`hidden_units` must be positive"),
        ({"hidden_units": (8.5,)}, "`hidden_units` must be positive"),
        ({"dropout": 1.0}, "`dropout` must be a number in"),
        ({"dropout": -0.1}, "`dropout` must be a number in"),
        ({"activation": "magic"}, "`activation` must name"),
    ],
)
def test_what_cannot_be_built_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        Architecture.from_manifest({**NETWORK.to_manifest(), **changes})


def test_knots_are_quantiles_and_straight_lines_have_none():
    r = np.random.default_rng(0)
    inputs = np.column_stack([r.normal(size=999), r.integers(0, 2, 999), r.integers(0, 4, 999)])
    knots = quantile_knots(inputs.astype(np.float32), 8)
    assert len(knots[0]) == 9
    shares = np.histogram(inputs[:, 0], knots[0])[0] / 999
    np.testing.assert_allclose(shares, 1 / 8, atol=0.01)
    assert knots[1] == ()
    assert knots[2] == (0.0, 1.0, 2.0, 3.0)


def test_a_network_with_knots_is_what_its_manifest_says():
    knots = ((), (0.0, 0.5, 1.0), (), (-1.0, 0.0, 0.25, 1.0))
    network = Architecture(
        4, 2, members=3, hidden_units=(8,), activation="silu", knots=knots, functions=2
    )
    assert Architecture.from_manifest(json.loads(json.dumps(network.to_manifest()))) == network
    model = built(network)
    assert [w.shape for w in read_weights(model)] == network.weight_shapes
    assert network.weight_shapes[:2] == [(3, 2, 3, 2), (3, 8, 8)]
    inputs = np.zeros((3, 3, 4), np.float32)
    inputs[1, :, 3], inputs[2, :, 3] = 0.25, 0.25 + 1e-3
    rise = np.diff(model.predict(inputs, verbose=0), axis=0)
    assert (np.abs(rise) > 0).any(axis=(1, 2)).all()
    with pytest.raises(InputError, match="knots of 4 features"):
        Architecture(4, 2, members=3, hidden_units=(8,), activation="silu", knots=knots[:3])


def test_a_student_t_becomes_a_normal_with_its_mean_and_a_wider_scale():
    student = Architecture(
        4, 2, members=3, hidden_units=(8,), activation="silu", family_name="student_t"
    )
    model = built(student)
    inputs = np.random.default_rng(1).normal(size=(10, 3, 4)).astype(np.float32)
    nearly = student.nearly_normal(read_weights(model), np.array([0.0, 0.1, 0.5]))
    normal, weights = student.as_normal(nearly)
    other = build(normal)
    write_weights(other, weights)
    before, after = model.predict(inputs, verbose=0), other.predict(inputs, verbose=0)
    for member, stretch in enumerate([0.0, 0.1, 0.5]):
        t = student.family.distribution(before[:, member])
        n = normal.family.distribution(after[:, member])
        np.testing.assert_allclose(n.mean, t.mean, atol=1e-6)
        scale = np.exp(stretch) * t.scale_tril
        np.testing.assert_allclose(n.scale_tril, scale, rtol=0.02, atol=0.02)
