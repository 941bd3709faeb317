"""Door 1: the Keras blocks in models of the user's own."""

import doctest
import json
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import covey.layers
import covey.members.keras_fit
from covey.distributions import MultivariateNormal
from covey.errors import CoveyWarning, InputError
from covey.families import Normal
from covey.layers import DistributionHead
from covey.losses import NegativeLogLikelihood

ops = keras.ops
ENGINE = keras.backend.backend()
FEATURES, TARGETS = 6, 5
FAMILY = Normal(TARGETS)


def simulate(n, seed):
    """Inputs, targets and the distribution they were drawn from: all of it moves with the input."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, FEATURES))
    weights = np.random.default_rng(0).normal(size=(FEATURES, TARGETS)) / 2
    L = np.zeros((n, TARGETS, TARGETS))
    L[:, *np.tril_indices(TARGETS, -1)] = 0.5 * X[:, 1:2]
    L[:, np.arange(TARGETS), np.arange(TARGETS)] = np.exp(0.8 * X[:, :1] - 1)
    truth = MultivariateNormal(X @ weights, scale_tril=L)
    return X.astype("float32"), truth.sample(1, seed)[0].astype("float32"), truth


def build(family=FAMILY, features=FEATURES):
    inputs = keras.Input((features,))
    hidden = keras.layers.Dense(24, activation="relu")(inputs)
    hidden = keras.layers.Dense(12, activation="relu")(hidden)
    return keras.Model(inputs, DistributionHead(family)(hidden))


def scores(model, X, y, family=FAMILY):
    """Mean negative log-density, by Keras and by NumPy."""
    by_keras = model.evaluate(X, y, batch_size=len(X), verbose=0)
    return by_keras, -family.distribution(model.predict(X, verbose=0)).log_prob(y).mean()


@pytest.fixture(scope="module")
def fitted():
    """The model of the product page, with its epochs=100 and batch_size=100."""
    keras.utils.set_random_seed(0)
    X, y, _ = simulate(1100, seed=1)
    model = build()
    model.compile("adam", loss=NegativeLogLikelihood(FAMILY))
    fit = model.fit(X, y, epochs=100, batch_size=100, validation_split=1 / 11, verbose=0)
    return model, fit.history


def test_a_mean_vector_and_a_covariance_matrix_for_each_row(fitted):
    model, history = fitted
    X, y, truth = simulate(500, seed=2)
    joint = FAMILY.distribution(model.predict(X, verbose=0))
    assert joint.mean.shape == (500, TARGETS)
    assert joint.covariance.shape == (500, TARGETS, TARGETS)
    assert_array_equal(joint.covariance, np.swapaxes(joint.covariance, 1, 2))
    assert np.all(np.linalg.eigvalsh(joint.covariance) > 0)
    # between the best constant distribution and the truth, and nearer to the truth
    _, y_train, _ = simulate(1100, seed=1)
    constant = MultivariateNormal(
        np.tile(y_train.mean(axis=0), (500, 1)), covariance=np.cov(y_train, rowvar=False)
    )
    worst, score, best = (d.log_prob(y).mean() for d in (constant, joint, truth))
    assert (worst + best) / 2 < score < best
    for losses in history.values():
        assert np.isfinite(losses).all()
        assert losses[-1] < losses[0]
    assert list(history) == ["loss", "val_loss"]


def test_the_loss_is_the_density(fitted):
    X, y, _ = simulate(100, seed=3)
    assert_allclose(*scores(fitted[0], X, y), rtol=1e-5)
    y[np.random.default_rng(0).random(y.shape) < 0.3] = np.nan
    y[7] = np.nan  # marginalised, and this row counts as 0
    assert_allclose(*scores(fitted[0], X, y), rtol=1e-5)


def test_the_saved_model_is_the_model_also_in_a_fresh_process(fitted, tmp_path):
    X, _, _ = simulate(50, seed=4)
    expected = fitted[0].predict(X, verbose=0)
    saved = tmp_path / "model.keras"
    fitted[0].save(saved)
    loaded = keras.saving.load_model(saved)
    assert_array_equal(loaded.predict(X, verbose=0), expected)
    assert loaded.loss.get_config() == fitted[0].loss.get_config()
    np.save(tmp_path / "X.npy", X)
    loss = json.dumps(keras.losses.serialize(fitted[0].loss))
    code = (
        "import json, sys, keras, numpy, covey.losses\n"
        "keras.losses.deserialize(json.loads(sys.argv[2]))\n"
        "import covey.layers\n"
        "model = keras.saving.load_model(sys.argv[1] + '/model.keras')\n"
        "packed = model.predict(numpy.load(sys.argv[1] + '/X.npy'), verbose=0)\n"
        "numpy.save(sys.argv[1] + '/packed.npy', packed)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path), loss]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert_allclose(np.load(tmp_path / "packed.npy"), expected, rtol=1e-6, atol=1e-6)


NO_COMPILER = "torch.compile needs a C++ toolchain, and minutes"
JIT = [  # "auto" is the default, and so everywhere else
    False,
    pytest.param(True, marks=pytest.mark.skipif(ENGINE == "torch", reason=NO_COMPILER)),
]


@pytest.mark.parametrize("jit_compile", JIT)
def test_training_with_and_without_jit(jit_compile):
    keras.utils.set_random_seed(0)
    X, y, _ = simulate(100, seed=1)
    model = keras.Sequential([DistributionHead(FAMILY)])
    loss = NegativeLogLikelihood(FAMILY, missing=False)
    model.compile(keras.optimizers.SGD(0.01), loss=loss, jit_compile=jit_compile)
    losses = model.fit(X, y, epochs=2, batch_size=50, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def test_missing_targets_in_batches_of_as_many_rows_as_targets_on_a_trunk_in_half_precision():
    X, y, _ = simulate(10 * TARGETS, seed=1)
    y[1::4, 0] = np.nan
    y[2] = np.nan
    inputs = keras.Input((FEATURES,))
    hidden = keras.layers.Dense(16, activation="relu", dtype="mixed_bfloat16")(inputs)
    assert keras.backend.standardize_dtype(hidden.dtype) == "bfloat16"
    head = DistributionHead(FAMILY, dtype="mixed_bfloat16")
    assert head.compute_dtype == "float32"
    model = keras.Model(inputs, head(hidden))
    model.compile(keras.optimizers.Adam(0.01), loss=NegativeLogLikelihood(FAMILY))
    history = model.fit(X, y, epochs=3, batch_size=TARGETS, verbose=0).history["loss"]
    assert np.isfinite(history).all()
    assert history[-1] < history[0]
    packed = model.predict(X, batch_size=TARGETS, verbose=0)
    assert packed.dtype == np.float32
    assert len(np.unique(packed[:, 0])) > 40  # the head itself does not round


def test_one_target_as_a_column_or_flat():
    X, y, _ = simulate(60, seed=1)
    model = build(Normal(1))
    model.compile("sgd", loss=NegativeLogLikelihood(Normal(1), missing=False))
    history = model.fit(X, y[:, 0], epochs=2, batch_size=20, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert_allclose(*scores(model, X, y[:, :1], Normal(1)), rtol=1e-5)


def test_a_weight_of_two_is_the_row_twice():
    X, y, _ = simulate(12, seed=1)
    weight = np.array([2.0, 1.0, 1.0] * 4)
    twice = np.repeat(np.arange(12), weight.astype(int))
    results = []
    for rows, weights in ((np.arange(12), weight), (twice, None)):
        keras.utils.set_random_seed(0)
        model = build()
        model.compile(keras.optimizers.SGD(0.1), loss=NegativeLogLikelihood(FAMILY, missing=False))
        fit = model.fit(X[rows], y[rows], sample_weight=weights, batch_size=16, verbose=0)
        results.append([*fit.history["loss"], *model.get_weights()])
    for weighted, repeated in zip(*results, strict=True):
        assert_allclose(weighted, repeated, rtol=1e-4, atol=1e-6)


def test_a_model_of_the_wrong_width_is_refused():
    X, y, _ = simulate(20, seed=1)
    model = build(Normal(3))
    model.compile("sgd", loss=NegativeLogLikelihood(FAMILY, missing=False))
    with pytest.raises(InputError, match=r"\(\.\.\., 5\).*same family"):
        model.fit(X, y, verbose=0)


def test_it_starts_at_the_standard_normal_whatever_comes_in():
    head = DistributionHead(FAMILY)
    packed = keras.ops.convert_to_numpy(head(1e6 * np.random.default_rng(0).normal(size=(7, 4))))
    assert packed.shape == head.compute_output_shape((7, 4)) == (7, FAMILY.packed_size)
    joint = FAMILY.distribution(packed)
    assert_array_equal(joint.mean, 0)
    assert_array_equal(joint.covariance, np.broadcast_to(np.eye(TARGETS), joint.covariance.shape))


@pytest.mark.parametrize("family", [5, "normal", Normal, None])
def test_what_is_no_family_is_refused(family):
    with pytest.raises(InputError, match=r"must be a family such as covey.families.Normal\(5\)"):
        DistributionHead(family)


def test_the_regularizer_acts_on_the_kernel():
    head = DistributionHead(Normal(2), kernel_regularizer=keras.regularizers.L2(3))
    head.build((None, 4))
    kernel, bias = head.get_weights()
    assert_array_equal(kernel, 0)
    head.set_weights([np.full(kernel.shape, 0.5), np.ones(bias.shape)])
    assert_allclose(keras.ops.convert_to_numpy(sum(head.losses)), 3 * 0.25 * kernel.size, rtol=1e-6)


def test_padded_steps_in_time_do_not_count():
    """Rows of 1 to 4 steps: the right loss is the mean over the steps that there are."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(6, 4, 3)), rng.normal(size=(6, 4, 2))
    there = np.arange(4) < rng.integers(1, 5, 6)[:, None]
    X[~there], Y[~there] = 0.0, 100.0
    inputs = keras.Input((4, 3))
    model = keras.Model(inputs, DistributionHead(Normal(2))(keras.layers.Masking()(inputs)))
    model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
    model.compile("sgd", loss=NegativeLogLikelihood(Normal(2)))
    packed = model.predict(X, verbose=0)[there]
    expected = -Normal(2).distribution(packed).log_prob(Y[there]).mean()
    assert_allclose(model.evaluate(X, Y, verbose=0), expected, rtol=1e-5)
    model.optimizer.learning_rate = 0.0
    for history in (
        model.fit(X, Y, verbose=0),
        covey.members.keras_fit.fit(model, X, Y, verbose=0),
    ):
        assert_allclose(history.history["loss"], [expected], rtol=1e-5)


@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_a_quantised_model_is_saved_and_loaded(fitted, mode, tmp_path):
    X, _, _ = simulate(50, seed=4)
    exact = fitted[0].predict(X, verbose=0)
    model = keras.models.clone_model(fitted[0])
    model.set_weights(fitted[0].get_weights())
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model.quantize(mode)
    assert any("DistributionHead stays in float32" in str(each.message) for each in said)
    assert [layer.quantization_mode for layer in model.layers[1:3]] == [mode, mode]
    expected = model.predict(X, verbose=0)
    assert 0 < np.abs(expected - exact).mean() < 0.5 * exact.std()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert_array_equal(loaded.predict(X, verbose=0), expected)


def test_a_head_whose_parameters_are_packed_otherwise_is_refused():
    config = DistributionHead(FAMILY).get_config()
    with pytest.raises(InputError, match=r"by 'rows'. Received one packed by 'columns'"):
        DistributionHead.from_config({**config, "packing": "columns"})
    del config["packing"]
    with pytest.warns(CoveyWarning, match="older Covey"):
        DistributionHead.from_config(config)


LAYERS = {
    "plain": lambda: DistributionHead(FAMILY, name="head"),
    "all options": lambda: DistributionHead(
        Normal(2, floor=1e-3), kernel_regularizer="l2", trainable=False
    ),
}


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_the_configuration_comes_back(make):
    layer = make()
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()
    for name in ("family", "name", "trainable"):
        assert getattr(again, name, None) == getattr(layer, name, None)


def test_the_examples_run():
    failed, attempted = doctest.testmod(covey.layers)
    assert attempted
    assert not failed
