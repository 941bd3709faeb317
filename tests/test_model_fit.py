"""`covey.fit` does what `model.fit` does."""

import doctest
import logging

import keras
import numpy as np
import pytest

import covey.model_fit
from covey import dispatch
from covey.errors import InputError
from covey.families import Normal
from covey.layers import DistributionHead
from covey.losses import NegativeLogLikelihood

FAMILY = Normal(2)
on_jax = pytest.mark.skipif(keras.backend.backend() != "jax", reason="many steps at a time: jax")


def table(n=150, seed=0):
    r = np.random.default_rng(seed)
    X = r.normal(size=(n, 3))
    return X, np.sin(X[:, :2]) + 0.3 * r.normal(size=(n, 2))


def build(loss=None, optimizer="adam", dropout=0.0, middle=None, **options):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(8, activation="tanh", kernel_regularizer="l2")(inputs)
    hidden = keras.layers.Dropout(dropout, seed=2)(hidden)
    hidden = hidden if middle is None else middle(hidden)
    head = DistributionHead(FAMILY) if loss is None else keras.layers.Dense(2)
    model = keras.Model(inputs, head(hidden))
    model.compile(optimizer, loss=loss or NegativeLogLikelihood(FAMILY), **options)
    return model


def same(one, two, tolerance=1e-4):
    for first, second in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(first, second, rtol=tolerance, atol=tolerance)


def huber(y, mean):
    return keras.losses.huber(y, mean, delta=0.5)


@pytest.mark.parametrize(
    ("loss", "weighted", "rows"),  # 160 rows fill their batches: none has a weight
    [
        (None, False, 150),
        (None, False, 160),
        (None, True, 160),
        ("mse", False, 160),
        ("mse", True, 150),
        (huber, False, 150),
    ],
)
def test_it_takes_the_steps_of_keras(loss, weighted, rows):
    X, Y = table(rows)
    if loss is None and rows == 150:
        Y[::7, 0] = np.nan
    weight = np.random.default_rng(1).uniform(0, 2, len(X)) if weighted else None
    options = {"sample_weight": weight, "epochs": 3, "batch_size": 32, "shuffle": False}
    ours, theirs = build(loss, dropout=0.2), build(loss, dropout=0.2)
    held_out = tuple(map(np.copy, table(seed=1)))
    found = covey.fit(ours, X, Y, validation_data=held_out, verbose=0, **options)
    expected = theirs.fit(X, Y, validation_data=held_out, verbose=0, **options)
    same(ours, theirs)
    assert int(ours.optimizer.iterations) == int(theirs.optimizer.iterations) == 15
    if not weighted:  # Keras' figure counts every batch alike, whatever its rows weigh
        np.testing.assert_allclose(found.history["loss"], expected.history["loss"], rtol=1e-4)
    np.testing.assert_allclose(found.history["val_loss"], expected.history["val_loss"], rtol=1e-4)


@on_jax
def test_rows_are_shuffled_by_a_seed():
    X, Y = table()
    models = []
    for seed in (0, 0, 1):
        models.append(build())
        covey.fit(models[-1], X, Y, epochs=2, seed=seed, verbose=0)
    same(models[0], models[1], 0)
    with pytest.raises(AssertionError):
        same(models[0], models[2])


def test_callbacks_take_part():
    X, Y = table()
    model = build()
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((logs["loss"], self.model.get_weights()[0], float(logs["val_loss"])))
            self.model.optimizer.learning_rate = 0.0
            self.model.stop_training = epoch == 2

    covey.fit(model, X, Y, epochs=5, callbacks=[Watch()], validation_data=table(), verbose=0)
    assert len(seen) == 3
    assert np.abs(seen[0][1] - build().get_weights()[0]).max() > 1e-3
    np.testing.assert_array_equal(seen[0][1], seen[2][1])  # the rate was 0 from there on


@on_jax
def test_several_calls_go_on_and_compile_once(caplog):
    import jax

    X, Y = table()
    model, whole = build(), build()
    covey.fit(whole, X, Y, epochs=4, batch_size=40, shuffle=False, verbose=0)
    covey.fit(model, X, Y, epochs=2, batch_size=40, shuffle=False, verbose=0)
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        covey.fit(model, X, Y, epochs=2, batch_size=40, shuffle=False, verbose=0)
    assert not [line for line in caplog.messages if "Finished XLA compilation" in line]
    same(model, whole)


@on_jax
@pytest.mark.parametrize(
    ("options", "fast"),
    [
        ({}, True),
        ({"metrics": ["mae"], "loss": "mse"}, False),
        ({"middle": keras.layers.BatchNormalization()}, False),
        ({"loss": keras.losses.MeanSquaredError(reduction="sum")}, False),
        ({"run_eagerly": True}, False),
    ],
)
def test_what_needs_more_is_left_to_keras(options, fast, monkeypatch):
    model = build(**options)
    asked = []
    monkeypatch.setattr(dispatch, "Steps", lambda *_: asked.append(1) or pytest.skip("fast"))
    X, Y = table(20)
    if fast:
        with pytest.raises(pytest.skip.Exception):
            covey.fit(model, X, Y, verbose=0)
        return
    history = covey.fit(model, X, Y, epochs=2, verbose=0).history
    assert not asked
    assert len(history["loss"]) == 2


class Subclass(keras.Model):
    def __init__(self):
        super().__init__()
        self.head = DistributionHead(FAMILY)

    def call(self, inputs):
        return self.head(inputs)


@pytest.mark.parametrize(
    "model", [Subclass, lambda: keras.Sequential([DistributionHead(FAMILY)])], ids=["own", "late"]
)
def test_models_that_are_not_built_yet_learn_too(model):
    model = model()
    model.compile("adam", loss=NegativeLogLikelihood(FAMILY))
    first = covey.fit(model, *table(), epochs=2, verbose=0).history["loss"]
    again = covey.fit(model, *table(), epochs=2, verbose=0).history["loss"]
    assert again[-1] < first[0]


@on_jax
def test_an_interrupted_fit_keeps_what_it_has_learned(monkeypatch):
    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    X, Y = table()
    model, two = build(), build()
    with pytest.raises(KeyboardInterrupt):
        covey.fit(model, X, Y, epochs=5, shuffle=False, callbacks=[Interrupt()], verbose=0)
    covey.fit(two, X, Y, epochs=2, shuffle=False, verbose=0)
    same(model, two)


def test_several_inputs():
    keras.utils.set_random_seed(0)
    first, second = keras.Input((2,), name="a"), keras.Input((1,), name="b")
    joined = keras.layers.Concatenate()([first, second])
    model = keras.Model([first, second], DistributionHead(FAMILY)(joined))
    model.compile("adam", loss=NegativeLogLikelihood(FAMILY))
    X, Y = table()
    data = [X[:, :2], X[:, 2:]]
    history = covey.fit(model, data, Y, epochs=3, validation_data=(data, Y), verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert history["val_loss"][-1] < history["val_loss"][0]


def test_progress_is_shown_on_request(capsys):
    X, Y = table()
    covey.fit(build(), X, Y, epochs=2, verbose=2)
    assert "loss" in capsys.readouterr().out
    covey.fit(build(), X, Y, epochs=2, verbose=0)
    assert capsys.readouterr().out == ""


def test_what_cannot_be_used_is_refused():
    X, Y = table()
    with pytest.raises(InputError, match=r"model\.compile"):
        covey.fit(keras.Sequential([keras.layers.Dense(2)]), X, Y)
    with pytest.raises(InputError, match="same number of rows"):
        covey.fit(build(), X, Y[1:])
    with pytest.raises(InputError, match="`epochs` must be"):
        covey.fit(build(), X, Y, epochs=0)
    with pytest.raises(InputError, match="`batch_size` must be"):
        covey.fit(build(), X, Y, batch_size=1.5)


def test_the_example_holds():
    assert doctest.testmod(covey.model_fit).failed == 0
