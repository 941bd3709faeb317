"""Targets in the units of the members' linear starts, against the linear models' own densities."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from covey.start.full import LinearModel
from covey.start.ridge import fit_ridge
from covey.start.whitening import LEAST_COMPLETE, Whitened
from covey.table.folds import Folds
from tests.training import training_data


def problem(share=0.3, n=200, seed=0):
    r = np.random.default_rng(seed)
    X = r.normal(size=(n, 3)).astype(np.float32).astype(np.float64)
    Y = (X + r.normal(size=(n, 3)) @ [[1, 0.9, 0], [0, 0.5, 0.4], [0, 0, 1]]) * [1, 1e3, 1e-3]
    Y[r.random(n) < share, 1] = np.nan
    Y[::7, 2] = np.nan if share else Y[::7, 2]
    folds = Folds.split(n, 2)
    linear = [LinearModel.of(fit_ridge(X[rows], Y[rows])) for rows, _ in folds.pairs]
    return X, Y, folds, linear


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("with_offsets", [False, True])
def test_a_standard_normal_under_it_is_the_linear_model(share, with_offsets):
    X, Y, folds, linear = problem(share if share < 1 else 0.95)
    offsets = np.random.default_rng(1).normal(size=(2, *Y.shape)) if with_offsets else None
    found = Whitened.under(linear, training_data(X, Y, folds, offsets=offsets))
    for k, start in enumerate(linear):
        whole = found.complete
        squares = np.square(found.y[:, k].astype(np.float64))
        taken = Y if offsets is None else Y - offsets[k]
        expected = start.predict_distribution(X).log_prob(taken)
        density = -0.5 * (squares + np.log(2 * np.pi)).sum(axis=1) + found.log_scale[:, k]
        assert_allclose(density[whole], expected[whole], rtol=1e-5, atol=1e-4)
        # a row with gaps is a residual with the covariance B B'
        scale = found.scale_tril[k] @ found.scale_tril[k].T
        for row in np.flatnonzero(~whole)[:20]:
            seen = ~np.isnan(Y[row])
            r, block = found.y[row, k, seen].astype(np.float64), scale[np.ix_(seen, seen)]
            value = -0.5 * (r @ np.linalg.solve(block, r) + seen.sum() * np.log(2 * np.pi))
            value += found.log_scale[row, k] - 0.5 * np.linalg.slogdet(block)[1]
            assert value == pytest.approx(expected[row], rel=1e-5, abs=1e-4)
            assert np.isnan(found.y[row, k, ~seen]).all()


def test_complete_rows_are_whitened_unless_they_are_few():
    X, Y, folds, linear = problem(0.3)
    assert_array_equal(
        Whitened.under(linear, training_data(X, Y, folds)).complete, ~np.isnan(Y).any(axis=1)
    )
    X, Y, folds, linear = problem(0.97)
    assert (~np.isnan(Y).any(axis=1)).mean() < LEAST_COMPLETE
    assert not Whitened.under(linear, training_data(X, Y, folds)).complete.any()


def test_a_member_without_complete_rows_has_none_whitened():
    X, Y, folds, linear = problem(0.0)
    Y[folds.pairs[0][0], 0] = np.nan  # half of all rows stay complete: those member 0 holds out
    assert not Whitened.under(linear, training_data(X, Y, folds)).complete.any()
