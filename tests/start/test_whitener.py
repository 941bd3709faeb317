"""Whitening for all members at once gives what each linear start gives."""

import numpy as np
import pytest

from covey.members.plan import FullPlan, LowRankPlan
from covey.start import whitener
from covey.start.ridge import fit_ridge
from covey.start.whitener import Whitener
from covey.table.folds import Folds
from tests.start.whitening import residuals, whitened


@pytest.mark.parametrize("plan", [FullPlan(True), LowRankPlan(1)])
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("with_offsets", [False, True])
def test_it_is_that_of_each_start(gaps, plan, with_offsets, monkeypatch):
    monkeypatch.setattr(whitener, "CHUNK", 64)
    r = np.random.default_rng(0)
    X = r.normal(size=(500, 4)).astype(np.float32)
    Y = X[:, :1] + r.normal(size=(500, 3)) @ r.normal(size=(3, 3)) * [1, 1e3, 1e-3] + [0, 1e6, 5]
    offsets = r.normal(size=(4, 500, 3)) * [1, 1e3, 1e-3] if with_offsets else None
    if gaps:
        Y[100:][r.random((400, 3)) < 0.2] = np.nan
        Y[np.isnan(Y).all(axis=1), 0] = 0.0
    complete = ~np.isnan(Y).any(axis=1)
    complete[:5] = False  # rows may be left as they are
    linear = [
        plan.start(fit_ridge(X[rows], Y[rows], unbounded=np.array([0, 2])))
        for rows, _ in Folds.split(500, 4).pairs
    ]
    found = Whitener(linear)(X, Y, complete, offsets)
    assert found.dtype == np.float32
    for member, start in enumerate(linear):
        taken = Y if offsets is None else Y - offsets[member]
        expected = residuals(start, X, taken)
        expected[complete] = whitened(start, X[complete], taken[complete])
        assert found[:, member] == pytest.approx(expected, abs=1e-5, nan_ok=True)
    assert found[complete].std() == pytest.approx(1, abs=0.2) or with_offsets
