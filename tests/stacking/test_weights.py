"""Weights of trees, against closed forms and simulation."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import norm

from covey import MultivariateNormal, MultivariateT
from covey.distributions.internals import location_slope, with_mean
from covey.stacking.weights import fit_shares, weights

N = 4000
ALL = np.ones(2, dtype=bool)


def simulated(network, trees, stddev=1.0, seed=0):
    """Two targets, predicted by two means with independent normal errors."""
    generator = np.random.default_rng(seed)
    truth = generator.normal(size=(N, 2))
    mean = truth + network * generator.normal(size=(N, 2))
    other = truth + trees * generator.normal(size=(N, 2))
    spread = np.broadcast_to(stddev, (N, 2))
    joint = MultivariateNormal(mean, covariance=np.square(spread)[:, :, None] * np.eye(2))
    return joint, other, truth


def shares_of(joint, trees, truth, weight=None, some=ALL):
    return fit_shares(joint, trees, truth, np.ones(N) if weight is None else weight, some)


@pytest.mark.parametrize(("network", "trees"), [(1.0, 1.0), (1.0, 0.5), (0.5, 1.0)])
def test_weights_are_those_of_independent_errors(network, trees):
    # the mean of least variance has weights in the inverse proportion of the variances
    joint, other, truth = simulated(network, trees)
    found = shares_of(joint, other, truth)
    typical = weights(found.logit, found.slope, found.center, joint.stddev)
    np.testing.assert_allclose(typical, network**2 / (network**2 + trees**2), atol=0.04)
    assert found.worth.all()


def test_trees_that_know_nothing_more_are_worth_nothing():
    joint, _, truth = simulated(0.5, 1.0)
    noise = joint.mean + np.random.default_rng(4).normal(size=(N, 2))
    assert not shares_of(joint, noise, truth).worth.any()
    assert not shares_of(joint, joint.mean, truth).worth.any()


def test_one_target_can_be_worth_its_trees_alone():
    joint, other, truth = simulated(1.0, 0.5)
    other[:, 1] = joint.mean[:, 1] + np.random.default_rng(4).normal(size=N)
    found = shares_of(joint, other, truth)
    assert found.worth.tolist() == [True, False]
    assert not shares_of(joint, other, truth, some=np.array([False, True])).worth.any()


def test_the_weight_of_least_objective_is_found():
    """One target, one weight: by trial of all, with SciPy's densities."""
    generator = np.random.default_rng(1)
    truth = generator.normal(size=(N, 1))
    mean, trees = (truth + generator.standard_t(4, size=(N, 1)) * s for s in (1.0, 0.7))
    joint = MultivariateNormal(mean, covariance=np.ones((N, 1, 1)))
    found = fit_shares(joint, trees, truth, np.ones(N), np.ones(1, dtype=bool))

    def crps(z):
        return np.mean(z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))

    def objective(w):
        z = (truth - (1 - w) * mean - w * trees)[:, 0]
        squares = np.mean(z**2) / np.mean((truth - mean) ** 2)
        return -norm.logpdf(z).mean() + crps(z) / crps((truth - mean)[:, 0]) + 0.5 * squares

    tried = np.linspace(0, 1, 401)
    best = tried[np.argmin([objective(w) for w in tried])]
    typical = weights(found.logit, found.slope, found.center, joint.stddev)
    np.testing.assert_allclose(typical, best, atol=0.005)


def test_trees_count_more_where_the_network_is_less_sure():
    sure = np.arange(N)[:, None] % 2 == 0
    error = np.where(sure, 0.2, 2.0)
    joint, other, truth = simulated(error, 1.0, stddev=error)
    found = shares_of(joint, other, truth)
    assert found.slope > 0.5
    share = weights(found.logit, found.slope, found.center, joint.stddev)
    # a^2 / (a^2 + b^2) again, for both kinds of rows
    np.testing.assert_allclose(share[0], 0.04 / 1.04, atol=0.05)
    np.testing.assert_allclose(share[1], 4 / 5, atol=0.1)


def test_rows_without_weight_and_cells_without_value_do_not_count():
    joint, other, truth = simulated(1.0, 1.0)
    expected = shares_of(joint[: N // 2], other[: N // 2], truth[: N // 2], np.ones(N // 2))
    late = np.arange(N) >= N // 2
    other[late] = 50.0
    off = shares_of(joint, other, truth, np.where(late, 0.0, 1.0))
    gone = shares_of(joint, other, np.where(late[:, None], np.nan, truth))
    for found in (off, gone):
        np.testing.assert_allclose(found.logit, expected.logit, atol=0.15)


def test_without_rows_or_trees_nothing_is_worth_it():
    joint, other, truth = simulated(1.0, 0.1)
    assert not shares_of(joint, other, np.full_like(truth, np.nan)).worth.any()
    assert not shares_of(joint, other, truth, some=~ALL).worth.any()


@pytest.mark.parametrize("nu", [None, 4.0])
def test_the_slope_of_the_density_is_that_of_differences(nu):
    generator = np.random.default_rng(0)
    half = generator.normal(size=(5, 3, 3))
    scale = half @ half.transpose(0, 2, 1) + np.eye(3)
    mean, y = generator.normal(size=(2, 5, 3))
    y[1, 2] = np.nan
    if nu is None:
        joint = MultivariateNormal(mean, covariance=scale)
    else:
        tril = np.linalg.cholesky(scale)
        joint = MultivariateT(mean, degrees_of_freedom=np.full(5, nu), scale_tril=tril)

    def total(flat):
        return with_mean(joint, flat.reshape(5, 3)).log_prob(y).sum()

    expected = approx_fprime(mean.ravel(), total, 1e-6).reshape(5, 3)
    np.testing.assert_allclose(location_slope(joint, y), expected, atol=1e-4)
