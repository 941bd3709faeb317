"""Ridge regressions of rows in memory and of moments are the same, and those of scikit-learn."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge

from covey.start import held_out
from covey.start.moments import FoldMoments
from covey.start.ridge import fit_ridge, ridge_of_folds
from covey.start.ridge_path import PENALTIES
from covey.start.start import with_unbounded
from covey.stream.hash_folds import HashFolds


def left_out(X, Y, weight, blocks, penalty):
    """What scikit-learn's regressions without each block are off by on it."""
    residuals = np.empty_like(Y)
    for block in np.unique(blocks):
        held = blocks == block
        alpha = penalty * (weight[~held].sum() if len(np.unique(blocks)) < len(Y) else weight.sum())
        ridge = Ridge(alpha, solver="svd").fit(X[~held], Y[~held], weight[~held])
        residuals[held] = Y[held] - ridge.predict(X[held]).reshape(-1, Y.shape[1])
    return residuals


@pytest.mark.parametrize("blocked", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("center", [0.0, 1e6])
@pytest.mark.parametrize("f", [3, 60])  # 60: more features than rows
def test_scikit_learn_refitted_without_each_row_or_block_agrees(
    blocked, weighted, center, f, monkeypatch
):
    monkeypatch.setattr(held_out, "CHUNK", 1)
    monkeypatch.setattr(held_out, "LEAST_ROWS", 7)  # several chunks
    r = np.random.default_rng(f)
    X = r.normal(size=(40, f))
    Y = X[:, :3] @ r.normal(size=(3, 2)) + r.normal(size=(40, 2)) * [0.5, 2.0]
    weight = r.uniform(0.5, 2, 40) if weighted else np.ones(40)
    blocks = r.permutation(40) % 5 if blocked else np.arange(40)
    found = fit_ridge(X + center, Y, weight, blocks if blocked else None)
    regression = found.regression
    standardised = (Y - regression.location) / regression.scale
    every = np.stack([left_out(X, standardised, weight, blocks, each) for each in PENALTIES])
    chosen = np.einsum("n,pnd->pd", weight, np.square(every)).argmin(axis=0)
    # of features at 1e6, rounding leaves 10 digits before anybody sees them
    close = {"rtol": 1e-8, "atol": 1e-8} if center == 0 else {"rtol": 1e-5, "atol": 1e-7}
    for target, number in enumerate(chosen):
        assert_allclose(found.residuals[:, target], every[number, :, target], **close)
        alpha = PENALTIES[number] * weight.sum()
        ridge = Ridge(alpha, solver="svd").fit(X, standardised[:, target], weight)
        assert_allclose(regression.coef[:, target], ridge.coef_, **close)
        intercept = ridge.intercept_ - center * ridge.coef_.sum()
        assert_allclose(
            regression.intercept[target], intercept, rtol=1e-6, atol=1e-8 + center * 1e-9
        )


def drawn(gaps, seed=0, n=600, f=5, d=3):
    r = np.random.default_rng(seed)
    X = np.clip(r.normal(size=(n, f)), -3, 3).astype(np.float32)
    Y = X[:, :1] * 3 + r.normal(size=(n, d)) * [1, 10, 0.01] + [0, 1e5, -3]
    if gaps:
        Y[r.random(Y.shape) < 0.25] = np.nan
        Y = Y[~np.isnan(Y).all(axis=1)]
    return X[: len(Y)], Y, r.uniform(0.5, 2, len(Y))


def _arrays(regression):
    """What moments tell of it."""
    return {name: array for name, array in vars(regression).items() if name != "unbounded"}


NONE = np.zeros(0, dtype=np.int64)  # inputs that enter a second time


def both(X, Y, weight, members, unbounded=NONE):
    folds = HashFolds(members, 0)
    fold = folds.of(np.arange(len(Y)))
    features = with_unbounded(X, unbounded)
    moments = FoldMoments(len(folds), features.shape[1], Y.shape[1])
    for piece in np.array_split(np.arange(len(Y)), 7):
        own = None if weight is None else weight[piece]
        moments.add(features[piece], Y[piece], own, fold[piece])
    for held in folds.held_out:
        rows = ~held[fold]
        own = None if weight is None else weight[rows]
        yield (
            _arrays(ridge_of_folds(moments, held, unbounded)),
            _arrays(
                fit_ridge(
                    X[rows].astype(float), Y[rows], own, fold[rows], unbounded=unbounded
                ).regression
            ),
        )


@pytest.mark.parametrize("members", [1, 2, 5])
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("unbounded", [NONE, np.array([0, 3])])
def test_they_are_those_of_all_rows(members, gaps, weighted, unbounded):
    X, Y, weight = drawn(gaps)
    for found, expected in both(X, Y, weight if weighted else None, members, unbounded):
        assert set(found) == set(expected)
        for part, theirs in expected.items():
            close = {"rel": 1e-6, "abs": 1e-6 * np.abs(theirs).max()}
            assert found[part] == pytest.approx(theirs, **close), part


def test_penalties_follow_the_noise():
    r = np.random.default_rng(2)
    X = r.normal(size=(60, 20)).astype(np.float32)
    Y = np.column_stack([X[:, 0] + 0.01 * r.normal(size=60), r.normal(size=60)])
    for found, expected in both(X, Y, None, 5):
        assert found["coef"] == pytest.approx(expected["coef"], abs=1e-7)
        assert np.abs(found["coef"][:, 1]).max() < 0.2


def test_constant_and_rare_targets():
    X, Y, _ = drawn(False, n=300)
    Y[:, 1] = 7.3
    Y[2:, 2] = np.nan
    for found, expected in both(X, Y, None, 5):
        assert found["location"][1] == pytest.approx(7.3)
        assert found["scale"][1] == pytest.approx(7.3)
        assert np.abs(found["coef"][:, 1:]).max() < 1e-9
        assert found["scale"][0] == pytest.approx(expected["scale"][0])


def test_a_fold_alone_is_careful():
    X, Y, _ = drawn(False, n=100)
    moments = FoldMoments(5, 5, 3)
    moments.add(X, Y, None, np.full(100, 3))
    found = ridge_of_folds(moments, HashFolds(1, 0).held_out[0], NONE)
    assert np.abs(found.coef).max() < 0.01


def test_a_target_without_rows():
    X, Y, _ = drawn(False, n=50)
    Y[:, 2] = np.nan
    for found, expected in both(X, Y, None, 4):
        for part, theirs in expected.items():
            assert found[part] == pytest.approx(theirs, rel=1e-6, abs=1e-9), part
