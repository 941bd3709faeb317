"""Whitening many rows at once gives what `Whitened.under` gives."""

import numpy as np
import pytest

from covey.members.plan import FullPlan, LowRankPlan
from covey.start.ridge import fit_ridge
from covey.start.whitening import Whitened
from covey.stream import whitener
from covey.stream.whitener import Whitener
from covey.table.folds import Folds
from tests.training import training_data


@pytest.mark.parametrize("plan", [FullPlan(True), LowRankPlan(1)])
@pytest.mark.parametrize("gaps", [False, True])
def test_it_is_that_of_a_table(gaps, plan, monkeypatch):
    monkeypatch.setattr(whitener, "CHUNK", 64)
    r = np.random.default_rng(0)
    X = r.normal(size=(500, 4)).astype(np.float32)
    Y = X[:, :1] + r.normal(size=(500, 3)) @ r.normal(size=(3, 3)) * [1, 1e3, 1e-3] + [0, 1e6, 5]
    if gaps:
        Y[100:][r.random((400, 3)) < 0.2] = np.nan
        Y[np.isnan(Y).all(axis=1), 0] = 0.0
    folds = Folds.split(500, 4)
    features = X.astype(np.float64)
    unbounded = np.array([0, 2])
    linear = [
        plan.start(fit_ridge(features[rows], Y[rows], unbounded=unbounded))
        for rows, _ in folds.pairs
    ]
    expected = Whitened.under(linear, training_data(X, Y, folds))
    found = Whitener(linear)(X, Y, expected.complete)
    assert found.dtype == np.float32
    assert np.array_equal(np.isnan(found), np.isnan(expected.y))
    assert np.nanmax(np.abs(found - expected.y)) < 1e-5
    assert found[expected.complete].std() == pytest.approx(1, abs=0.2)
