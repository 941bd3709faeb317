"""Predictions in NumPy: those of the Keras model, row by row, without a backend."""

from threading import Thread

import numpy as np
import pytest

from covey.algebra import threads
from covey.backend.select import keras
from covey.errors import InputError
from covey.members.activations import ACTIVATIONS, OTHERS, activation, is_activation
from covey.members.architecture import Architecture, quantile_knots
from covey.members.forward import BLOCK, Networks
from covey.members.network import build, write_weights

KNOTS = quantile_knots(np.random.default_rng(5).normal(size=(200, 4)).astype(np.float32), 6)
NETWORKS = {
    "normal": Architecture(4, 3, 3, (8, 5), "silu"),
    "one-target": Architecture(4, 1, 2, (8,), "silu", knots=KNOTS),
    "student_t": Architecture(4, 3, 3, (16, 9), "silu", family_name="student_t", knots=KNOTS),
    "mixture": Architecture(4, 2, 3, (7,), "silu", family_name="student_t").as_mixture(),
    "low_rank": Architecture(4, 6, 2, (8,), "silu", family_name="low_rank", rank=2, knots=KNOTS),
    "rank-0": Architecture(4, 6, 2, (8,), "silu", family_name="low_rank", rank=0),
    "few-knots": Architecture(
        4, 2, 1, (8,), "silu", knots=((), (0.0, 1.0, 2.0), (), (-1.0, 0.0, 0.25, 1.0))
    ),
    "no-layers": Architecture(4, 2, 2, (), "silu"),
}


def weights_of(network, seed=0):
    r = np.random.default_rng(seed)
    return [(0.4 * r.normal(size=shape)).astype(np.float32) for shape in network.weight_shapes]


def inputs_of(n, seed=1):
    return np.random.default_rng(seed).normal(size=(n, 3, 4)).astype(np.float32) * 2


@pytest.mark.parametrize("name", NETWORKS)
def test_it_says_what_the_keras_model_says(name):
    network = NETWORKS[name]
    weights, inputs = weights_of(network), inputs_of(70)[:, : network.members]
    model = build(network)
    write_weights(model, weights)
    packed = Networks(network, weights).packed(inputs)
    assert Networks(network, weights)._part(inputs).dtype == np.float32
    np.testing.assert_allclose(packed, model.predict(inputs, verbose=0), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_row_depends_neither_on_its_neighbours_nor_on_its_place(name):
    network = NETWORKS[name]
    networks, n = Networks(network, weights_of(network)), 5000
    inputs = inputs_of(n)[:, : network.members]
    whole = networks.packed(inputs)
    assert whole.shape == (n, network.members, network.family.packed_size)
    order = np.random.default_rng(0).permutation(n)
    np.testing.assert_array_equal(networks.packed(inputs[order]), whole[order])
    for some in (slice(0, 1), slice(17, 20), slice(n - BLOCK - 1, n), slice(0, 0)):
        np.testing.assert_array_equal(networks.packed(inputs[some]), whole[some])
    alike = networks.packed(inputs[:, 0])
    np.testing.assert_array_equal(alike[:, 0], whole[:, 0])
    copies = np.repeat(inputs[:, :1], network.members, axis=1)
    np.testing.assert_array_equal(alike, networks.packed(copies))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_those_of_keras(name):
    x = np.linspace(-30, 30, 603, dtype=np.float32).reshape(-1, 3)[np.r_[0:201:2, 1:201:2]]
    ours = activation(name)(x.copy())
    theirs = keras.ops.convert_to_numpy(keras.activations.get(name)(x))
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_no_activation_of_keras_is_forgotten():
    theirs = set(keras.src.activations.ALL_OBJECTS_DICT) - {None}
    assert {*ACTIVATIONS, *OTHERS} == theirs | {"swish", "hard_swish"}
    for name in OTHERS:
        with pytest.raises(InputError, match="must name a Keras activation"):
            Architecture(1, 1, 1, (1,), name)


def test_an_activation_that_a_later_keras_has_is_computed_by_it(monkeypatch):
    x = np.linspace(-3, 3, 7, dtype=np.float32)
    ours = activation("softsign")(x)
    monkeypatch.delitem(ACTIVATIONS, "softsign")
    assert is_activation("softsign")
    assert not is_activation("magic")
    np.testing.assert_allclose(activation("softsign")(x), ours, rtol=1e-6)


def test_threads_are_given_back_whoever_leaves_last():
    def limits():
        return [one["num_threads"] for one in threads._controller().info()]

    before = limits()

    def many():
        for _ in range(50):
            with threads.one_thread():
                assert set(limits()) == {1}

    runners = [Thread(target=many) for _ in range(4)]
    for each in runners:
        each.start()
    for each in runners:
        each.join()
    assert limits() == before
