"""Steps taken many at a time are the steps that Keras' own loop takes."""

import logging
from dataclasses import replace

import numpy as np
import pytest

from covey.backend import compilation
from covey.backend.select import keras
from covey.members.architecture import Architecture, quantile_knots
from covey.members.batches import Batches
from covey.members.loop import Training
from covey.members.network import build, read_weights, write_weights
from covey.members.run import Run
from covey.members.steps import runner
from covey.members.validation import HeldOut
from covey.start.whitening import Whitened
from tests.training import RECIPE, training_data

on_jax = pytest.mark.skipif(keras.config.backend() != "jax", reason="many steps at a time: jax")


def problem(gaps=False, n=150, seed=0):
    r = np.random.default_rng(seed)
    inputs = r.normal(size=(n, 3)).astype(np.float32)
    targets = np.sin(2 * inputs[:, :2]) + r.normal(size=(n, 2))
    y = np.stack([targets, 1.2 * targets], axis=1).astype(np.float32)
    complete = np.ones(n, bool)
    if gaps:
        complete[::3] = False
        y[::3, :, 1] = np.nan
    factor = np.array([[[1.0, 0.0], [0.5, 2.0]], [[2.0, 0.0], [-0.5, 1.0]]])
    whitened = Whitened(y, complete, factor, np.zeros((n, 2)))
    rows = r.permutation(n)
    training = [np.sort(rows[: n // 2]), np.sort(rows[n // 2 :])]
    return inputs, whitened, training


def network_for(inputs, dropout=0.2):
    return Architecture(
        3, 2, members=2, hidden_units=(8,), activation="silu", dropout=dropout,
        family_name="student_t", knots=quantile_knots(inputs),
    )  # fmt: skip


def data_of(inputs, whitened, training, weight=None):
    """Each of two members holds out what the other trains on."""
    folds = zip(training, training[::-1], strict=True)
    return training_data(inputs, whitened.y[:, 0], folds, weight)


def source_of(inputs, whitened, training, weight=None):
    data = data_of(inputs, whitened, training, weight)
    return Batches(data, whitened, 16, np.random.default_rng(1))


def taken(inputs, whitened, training, weight=None):
    """The weights after 24 steps, and the losses on the way."""
    network = network_for(inputs)
    model = build(network, seed=3)
    write_weights(model, network.initial_weights(np.random.default_rng(0)))
    source = source_of(inputs, whitened, training, weight)
    steps = runner(network, model, source, RECIPE)
    losses = [steps.run(source.draw(count)) for count in (1, 16, 7)]
    steps.publish()
    for one, two in zip(steps.weights(), read_weights(model), strict=True):
        np.testing.assert_array_equal(one, two)
    assert int(model.optimizer.iterations) == 24
    return steps.weights(), losses


@on_jax
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_many_steps_in_a_dispatch_are_those_of_keras(gaps, weighted, monkeypatch):
    inputs, whitened, training = problem(gaps)
    weight = np.random.default_rng(2).uniform(0, 2, len(inputs)) if weighted else None
    weights, losses = taken(inputs, whitened, training, weight)
    monkeypatch.setattr(compilation, "available", lambda: False)
    expected, sums = taken(inputs, whitened, training, weight)
    np.testing.assert_allclose(losses, sums, rtol=1e-5)
    for one, two in zip(weights, expected, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-5)


class Store:
    """Snapshots of one training, the first of them to go on from if there is any."""

    def __init__(self, *snapshots):
        self.snapshots = list(snapshots)

    def resume(self, family):
        return self.snapshots[0] if self.snapshots else None

    def keep(self, family, snapshot):
        self.snapshots.append(snapshot)


def trained(store, gaps):
    inputs, whitened, training = problem(gaps)
    held_out = HeldOut.gather(data_of(inputs, whitened, training), whitened)
    source = source_of(inputs, whitened, training)
    return Training(network_for(inputs), source, held_out, RECIPE, Run()).run(store=store)


@pytest.mark.parametrize("gaps", [False, True])
def test_an_interrupted_training_goes_on_as_if_it_had_not_been(gaps):
    store = Store()
    whole = trained(store, gaps)
    assert len(store.snapshots) > 3
    resumed = Store(store.snapshots[1])
    again = trained(resumed, gaps)
    counts = [[one.manifest["looks"] for one in each.snapshots] for each in (store, resumed)]
    assert counts[0][1:] == counts[1]
    assert (again.steps, again.best_steps.tolist()) == (whole.steps, whole.best_steps.tolist())
    for one, two in zip(again.weights, whole.weights, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-7)


@on_jax
@pytest.mark.parametrize("gaps", [False, True])
def test_another_table_and_another_recipe_are_not_compiled_again(gaps, caplog):
    import jax

    others = {"max_steps": 77, "learning_rate": 0.02, "weight_decay": 0.1, "patience": (0.2, 0.2)}

    def fit(seed):
        inputs, whitened, training = problem(gaps, n=150 + 25 * seed, seed=seed)
        recipe = replace(RECIPE, **others) if seed == 2 else RECIPE
        held_out = HeldOut.gather(data_of(inputs, whitened, training), whitened)
        if seed == 2:
            whitened = replace(whitened, scale_tril=1.1 * whitened.scale_tril)
        source = source_of(inputs, whitened, training)
        network = network_for(inputs)
        Training(network, source, held_out, recipe, Run(seed)).run()

    def compiled(seed):
        caplog.clear()
        with jax.log_compiles(), caplog.at_level(logging.WARNING):
            fit(seed)
        return [line for line in caplog.messages if "Finished XLA compilation" in line]

    fit(0)
    jax.clear_caches()
    assert any("many" in line for line in compiled(1))
    assert compiled(2) == []
