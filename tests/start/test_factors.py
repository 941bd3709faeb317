"""Factor analysis of residuals against scikit-learn, the truth, and its own laws."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import FactorAnalysis

from covey.start.factors import LEAST_RESIDUAL, LEAST_SPECIFIC, factor_analysis


def draw(n, d, rank, seed=0):
    """(rows, covariance)."""
    r = np.random.default_rng([seed, n, d, rank])
    factor, specific = r.normal(size=(d, rank)), r.uniform(0.3, 2, d)
    rows = r.normal(size=(n, rank)) @ factor.T + r.normal(size=(n, d)) * np.sqrt(specific)
    return rows, factor @ factor.T + np.diag(specific)


def covariance(stddev, factor):
    correlation = factor @ factor.T
    np.fill_diagonal(correlation, 1.0)
    return correlation * np.outer(stddev, stddev)


def log_likelihood(rows, covariance):
    found = np.linalg.solve(covariance, rows.T)
    return -0.5 * (np.linalg.slogdet(covariance)[1] + np.mean(np.sum(rows.T * found, axis=0)))


@pytest.mark.parametrize(("n", "d", "rank"), [(500, 8, 2), (3000, 20, 3)])
def test_the_likelihood_is_that_of_scikit_learn(n, d, rank):
    rows, _ = draw(n, d, rank)
    rows -= rows.mean(axis=0)
    ours = log_likelihood(rows, covariance(*factor_analysis(rows, np.ones(n), rank)))
    peer = FactorAnalysis(rank, tol=1e-4, svd_method="lapack").fit(rows)
    assert ours == pytest.approx(log_likelihood(rows, peer.get_covariance()), abs=0.02)


@pytest.mark.parametrize("gaps", [0.0, 0.3])
def test_the_truth_is_found_whatever_the_units(gaps):
    rows, truth = draw(4000, 12, 2)
    rows[np.random.default_rng(0).random(rows.shape) < gaps] = np.nan
    units = 10.0 ** np.random.default_rng(1).uniform(-6, 6, 12)
    stddev, factor = factor_analysis(rows * units, np.ones(4000), 2)
    assert_allclose(stddev / units, np.sqrt(np.diag(truth)), rtol=0.06)
    expected = truth / np.sqrt(np.outer(np.diag(truth), np.diag(truth)))
    assert_allclose(covariance(np.ones(12), factor), expected, atol=0.1)
    again = factor_analysis(rows, np.ones(4000), 2)[1]
    assert_allclose(factor @ factor.T, again @ again.T, atol=1e-8)


def test_a_row_of_weight_two_counts_as_two():
    rows, _ = draw(300, 6, 2)
    weight = np.where(np.arange(300) < 100, 2.0, 1.0)
    twice = np.concatenate([rows[:100], rows])
    one, two = factor_analysis(rows, weight, 2), factor_analysis(twice, np.ones(400), 2)
    assert_allclose(one[0], two[0])
    assert_allclose(one[1] @ one[1].T, two[1] @ two[1].T, atol=0.03)


def test_more_targets_than_rows_and_more_factors_than_either():
    rows, _ = draw(20, 50, 3)
    for rank in (3, 30, 50):
        _, factor = factor_analysis(rows, np.ones(20), rank)
        assert factor.shape == (50, rank)
        assert np.square(factor).sum(axis=1).max() < 1


def test_no_factors_and_unusual_residuals():
    rows, _ = draw(50, 4, 1)
    stddev, factor = factor_analysis(rows, np.ones(50), 0)
    assert factor.shape == (4, 0)
    assert_allclose(stddev, np.sqrt(np.mean(rows**2, axis=0)))
    rows[:, 1], rows[:, 2] = np.nan, 0.0
    stddev, factor = factor_analysis(rows, np.ones(50), 3)
    assert stddev[1] == 1
    assert stddev[2] == LEAST_RESIDUAL
    assert_array_equal(factor[1], 0)
    assert_allclose(factor[2], 0, atol=1e-6)
    same = np.repeat(rows[:, :1], 5, axis=1)
    _, factor = factor_analysis(same, np.ones(50), 2)
    specific = 1 - np.square(factor).sum(axis=1)
    assert specific.min() > 0.99 * LEAST_SPECIFIC
    assert specific.max() < 0.1
