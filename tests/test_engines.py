"""What one backend wrote, every backend reads. `python tests/test_engines.py` writes it anew.

The files hold a small regressor, a small Keras model and what they predicted under jax.
"""

from pathlib import Path

import numpy as np
import pytest

import covey
from covey.backend.select import keras
from covey.layers import DistributionHead
from covey.losses import NegativeLogLikelihood
from tests.small_table import ROWS, table

FOLDER = Path(__file__).parent / "data"


def fitted():
    X, Y = table()
    model = covey.JointRegressor(
        members=2, hidden_units=(6,), max_steps=30, learning_rate=0.03, random_state=0, verbose=0
    )
    return model.fit(X, Y)


def network():
    r = np.random.default_rng(1)
    inputs = r.normal(size=(ROWS, 4)).astype("float32")
    family = covey.families.Normal(3)
    model = keras.Sequential(
        [keras.layers.Dense(5, activation="tanh"), DistributionHead(family)], name="small"
    )
    model.compile("adam", loss=NegativeLogLikelihood(family))
    model.fit(inputs, inputs[:, :3] + inputs[:, 1:], epochs=20, verbose=0)
    return model, inputs


def check_same(joint, expected, name):
    stddev = np.sqrt(np.einsum("nii->ni", expected[f"{name}_covariance"]))
    scale = stddev[:, :, None] * stddev[:, None, :]
    assert (np.abs(joint.mean - expected[f"{name}_mean"]) / stddev).max() < 1e-5
    assert (np.abs(joint.covariance - expected[f"{name}_covariance"]) / scale).max() < 1e-5


@pytest.fixture(scope="module")
def expected():
    with np.load(FOLDER / "small.npz") as arrays:
        return dict(arrays)


def test_a_regressor_from_another_engine_predicts_the_same(expected):
    model = covey.load(FOLDER / "small.covey")
    check_same(model.predict_distribution(table()[0]), expected, "regressor")


def test_a_keras_model_from_another_engine_predicts_the_same(expected):
    model = keras.models.load_model(FOLDER / "small.keras")
    family = model.loss.family
    joint = family.distribution(model.predict(expected["inputs"], verbose=0))
    check_same(joint, expected, "keras")


def test_a_regressor_fits_and_comes_back(tmp_path):
    X, Y = table()
    model = fitted()
    joint = model.predict_distribution(X)
    assert np.isfinite(joint.log_prob(Y)).all()
    np.linalg.cholesky(joint.correlation)
    model.save(tmp_path / "model.covey")
    again = covey.load(tmp_path / "model.covey").predict_distribution(X)
    np.testing.assert_allclose(again.mean / joint.stddev, joint.mean / joint.stddev, atol=1e-6)
    np.testing.assert_array_equal(fitted().predict(X), joint.mean)  # the same seed


if __name__ == "__main__":
    regressor, (model, inputs) = fitted(), network()
    regressor.save(FOLDER / "small.covey")
    model.save(FOLDER / "small.keras")
    first = regressor.predict_distribution(table()[0])
    second = covey.families.Normal(3).distribution(model.predict(inputs, verbose=0))
    np.savez(
        FOLDER / "small.npz",
        inputs=inputs,
        regressor_mean=first.mean,
        regressor_covariance=first.covariance,
        keras_mean=second.mean,
        keras_covariance=second.covariance,
    )
