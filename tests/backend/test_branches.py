"""What a compiled graph computes in some calls only: the marginals of rows with gaps."""

import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from covey.backend import branches, compilation
from covey.families import Normal

pytestmark = pytest.mark.skipif(not compilation.available(), reason="compiled by jax here")

D = 3
FAMILY = Normal(D)


def rows(n, seed=0):
    """Packed parameters that a network could give, and observations of which some are missing."""
    r = np.random.default_rng(seed)
    packed = np.asarray(FAMILY.constrain(0.5 * r.normal(size=(n, FAMILY.packed_size))))
    y = r.normal(size=(n, D))
    y[:, 0] = np.where(np.arange(n) % 3 == 1, np.nan, y[:, 0])
    y[n // 2, 1:] = np.nan
    y[0] = np.nan
    return packed.astype(np.float32), y.astype(np.float32)


def expected(packed, y):
    """SciPy's log-density of what is observed: W = A diag(w), covariance (W' W)^-1."""
    found = []
    for one, seen in zip(packed.astype(np.float64), y, strict=True):
        A = np.eye(D)
        A[np.tril_indices(D, -1)] = one[2 * D :]
        W = A * one[D : 2 * D]
        known = ~np.isnan(seen)
        covariance = np.linalg.inv(W.T @ W)[np.ix_(known, known)]
        mean = one[:D][known]
        found.append(multivariate_normal(mean, covariance).logpdf(seen[known]) if len(mean) else 0)
    return np.array(found)


def slopes(packed, y, step=1e-5):
    found = np.zeros(packed.shape)
    for i in range(packed.shape[1]):
        ends = [packed.astype(np.float64) for _ in range(2)]
        ends[0][:, i] -= step
        ends[1][:, i] += step
        found[:, i] = (expected(ends[1], y) - expected(ends[0], y)) / (2 * step)
    return found


def compiled():
    import jax

    def total(packed, y):
        values = FAMILY.log_prob(packed, y)
        return values.sum(), values

    return jax.jit(jax.value_and_grad(total, has_aux=True))


@pytest.mark.parametrize("large", [branches.LARGE, 30, 9])
def test_values_and_slopes_are_those_of_the_observed_targets(large, monkeypatch):
    monkeypatch.setattr(branches, "LARGE", large)
    packed, y = rows(12)
    (_, values), found = compiled()(packed, y)
    np.testing.assert_allclose(values, expected(packed, y), atol=1e-4)
    np.testing.assert_allclose(found, slopes(packed, y), atol=1e-3)


def test_one_graph_serves_rows_with_and_without_gaps():
    function = compiled()
    packed, y = rows(12)
    function(packed, y)
    whole = np.nan_to_num(y)
    (_, values), found = function(packed, whole)
    assert function._cache_size() == 1
    np.testing.assert_allclose(values, expected(packed, whole), atol=1e-4)
    np.testing.assert_allclose(found, slopes(packed, whole), atol=1e-3)


@pytest.mark.parametrize("n", [11, 13])  # which no part divides
def test_any_number_of_rows_comes_in_even_parts(n, monkeypatch):
    monkeypatch.setattr(branches, "LARGE", 4 * D**2)
    packed, y = rows(n)
    (_, values), found = compiled()(packed, y)
    np.testing.assert_allclose(values, expected(packed, y), atol=1e-4)
    np.testing.assert_allclose(found, slopes(packed, y), atol=1e-3)


def test_forward_mode_sees_the_same_slopes():
    import jax

    packed, y = rows(12)
    direction = np.random.default_rng(1).normal(size=packed.shape).astype(np.float32)
    function = lambda one: FAMILY.log_prob(one, y)  # noqa: E731
    _, moved = jax.jit(lambda: jax.jvp(function, (packed,), (direction,)))()
    np.testing.assert_allclose(moved, (slopes(packed, y) * direction).sum(axis=1), atol=5e-3)


def test_one_prediction_serves_many_observations_and_whole_numbers():
    import jax

    packed, y = rows(12)
    one = packed[:1]
    total = jax.jit(jax.value_and_grad(lambda p: FAMILY.log_prob(p, y).sum()))
    value, slope = total(one)
    many = np.repeat(one, 12, axis=0)
    np.testing.assert_allclose(value, expected(many, y).sum(), rtol=1e-4)
    np.testing.assert_allclose(slope[0], slopes(many, y).sum(axis=0), atol=1e-2)
    whole = np.zeros((12, D), dtype=np.int32)
    (_, values), _ = compiled()(packed, whole)
    np.testing.assert_allclose(values, expected(packed, whole.astype(float)), atol=1e-4)


def test_any_axes_may_stand_in_front_of_the_parameters():
    packed, y = rows(12)
    (_, flat), slope = compiled()(packed, y)
    (_, values), found = compiled()(packed.reshape(2, 6, -1), y.reshape(2, 6, D))
    np.testing.assert_allclose(np.ravel(values), flat, rtol=1e-6)
    np.testing.assert_allclose(np.reshape(found, slope.shape), slope, rtol=1e-5, atol=1e-6)


def test_the_slope_by_the_observation_is_that_of_the_density():
    import jax

    packed, y = rows(12)
    found = jax.jit(jax.grad(lambda y: FAMILY.log_prob(packed, y).sum()))(y)
    step = 1e-5
    for i in range(D):
        ends = [y.astype(np.float64) for _ in range(2)]
        ends[0][:, i] -= step
        ends[1][:, i] += step
        slope = (expected(packed, ends[1]) - expected(packed, ends[0])) / (2 * step)
        np.testing.assert_allclose(found[:, i], np.where(np.isnan(y[:, i]), 0, slope), atol=1e-3)


# Kernels of jaxlib that wait for the two threads in which they all run themselves.
FEW_CORES = """
import os
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
import numpy as np
import keras
import covey
from covey.families import Mixture, Normal

r = np.random.default_rng(0)
X, Y = r.normal(size=(512, 4)), r.normal(size=(512, 30))
Y[r.random(Y.shape) < 0.1] = np.nan
for family in (Normal(30), Mixture(30, components=2)):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, covey.layers.DistributionHead(family)(inputs))
    model.compile("adam", covey.losses.NegativeLogLikelihood(family))
    losses = model.fit(X, Y, batch_size=256, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
print("over")
"""


def test_many_targets_with_gaps_train_on_two_cores():
    done = subprocess.run(
        [sys.executable, "-c", FEW_CORES],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "KERAS_BACKEND": "jax"},
    )
    assert done.stdout.split() == ["over"], done.stderr
