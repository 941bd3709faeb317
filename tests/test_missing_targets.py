"""Training on targets with gaps, and predictions given targets that have been observed."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge

import covey
from covey.errors import CoveyWarning, InputError

QUICK = {
    "family": "student_t",
    "members": 2,
    "hidden_units": (16,),
    "max_steps": 60,
    "random_state": 0,
    "verbose": 0,
}


def table(n=400, seed=0):
    """Three targets, the first two strongly correlated given x."""
    r = np.random.default_rng(seed)
    X = pd.DataFrame({"a": r.normal(size=n), "b": r.normal(size=n)})
    noise = r.normal(size=(n, 3)) @ [[1.0, 0.9, 0.0], [0.0, 0.4, 0.3], [0.0, 0.0, 1.0]]
    Y = np.column_stack([X["a"], X["b"], X["a"] - X["b"]]) + noise
    return X, pd.DataFrame(Y * [1.0, 1e3, 1e-3] + [0, 5e3, 0], columns=["p", "q", "r"])


def with_gaps(Y, share=0.3, seed=1):
    return Y.mask(np.random.default_rng(seed).random(Y.shape) < share)


def fit(X, Y, **changes):
    return covey.JointRegressor(**{**QUICK, **changes}).fit(X, Y)


@pytest.fixture(scope="module")
def data():
    X, Y = table()
    return X, with_gaps(Y)


@pytest.fixture(scope="module")
def model(data):
    return fit(*data)


def test_the_distributions_are_of_all_targets_and_valid(model, data):
    X, Y = data
    joint = model.predict_distribution(X)
    assert joint.targets == ("p", "q", "r")
    np.linalg.cholesky(joint.correlation)
    assert np.isfinite(joint.log_prob(Y)).all()
    stddev = joint.stddev.mean(axis=0) / [1, 1e3, 1e-3]
    assert ((stddev > 0.5) & (stddev < 2)).all()


def test_out_of_fold_scores_are_of_what_was_observed(model, data):
    _, Y = data
    held = Y.iloc[model.out_of_fold_rows_]
    score = model.out_of_fold_.log_prob(held).mean()
    assert model.out_of_fold_score_ == pytest.approx(score)


@pytest.mark.parametrize(
    "base", [Ridge(), pytest.param(None, marks=pytest.mark.slow)], ids=["base", "linear"]
)
def test_rows_without_any_target_have_no_influence(data, base):
    X, Y = data
    r = np.random.default_rng(3)
    where = np.sort(r.choice(len(X), 100, replace=False))
    X_more = pd.DataFrame(np.insert(X.to_numpy(), where, 1e6, axis=0), columns=X.columns)
    Y_more = pd.DataFrame(np.insert(Y.to_numpy(), where, np.nan, axis=0), columns=Y.columns)
    empty = Y.isna().all(axis=1).to_numpy()
    assert empty.any()
    few = {"max_steps": 5, "base": base}
    alone, more = fit(X[~empty], Y[~empty], **few), fit(X_more, Y_more, **few)
    assert_array_equal(
        more.predict_distribution(X).scale_tril, alone.predict_distribution(X).scale_tril
    )
    assert more.out_of_fold_score_ == alone.out_of_fold_score_
    rows = more.out_of_fold_rows_
    assert_array_equal(rows, np.flatnonzero(Y_more.notna().any(axis=1)))
    assert_array_equal(more.out_of_fold_.mean, alone.out_of_fold_.mean)


def test_a_target_that_is_observed_in_a_tenth_of_the_rows_is_learned():
    X, Y = table(2000)
    rare = Y.copy()
    rare.loc[np.random.default_rng(2).random(len(Y)) < 0.9, "q"] = np.nan
    model = fit(X, rare, max_steps=300)
    X_new, Y_new = table(1000, seed=9)
    joint = model.predict_distribution(X_new)
    truth = 0.9 / np.hypot(0.9, 0.4)
    assert np.median(joint.correlation[:, 0, 1]) == pytest.approx(truth, abs=0.1)
    residual = (Y_new["q"] - joint.mean[:, 1]) / 1e3
    assert np.sqrt(np.mean(residual**2)) < 1.15 * np.hypot(0.9, 0.4)
    told = model.predict_distribution(X_new, given=Y_new[["p"]])
    assert told.targets == ("q", "r")
    assert_allclose(told.stddev[:, 0].mean() / 1e3, 0.4, rtol=0.25)


def test_no_row_need_be_complete():
    X, Y = table()
    Y = Y.mask(np.arange(3) == (np.arange(len(Y)) % 3)[:, None])  # pairs only
    joint = fit(X, Y).predict_distribution(X)
    np.linalg.cholesky(joint.correlation)
    assert np.median(joint.correlation[:, 0, 1]) > 0.6


@pytest.mark.slow
def test_targets_that_are_never_observed_together():
    X, Y = table()
    even = (np.arange(len(Y)) % 2 == 0)[:, None]
    Y = Y.mask(np.where(even, [True, False, False], [False, True, False]))
    joint = fit(X, Y).predict_distribution(X)
    np.linalg.cholesky(joint.correlation)


@pytest.mark.parametrize("n_targets", [1, 2])
def test_few_values(n_targets):
    X, Y = table(60)
    Y = Y.iloc[:, :n_targets].copy()
    Y.iloc[8:, -1] = np.nan
    model = fit(X, Y, max_steps=5)
    # of one target eight rows are left, and the others lie around them
    said = pytest.warns(CoveyWarning, match="in training") if n_targets == 1 else nullcontext()
    with said:
        joint = model.predict_distribution(X)
    np.linalg.cholesky(joint.correlation)
    assert joint.stddev[:, -1].min() > 0


def test_the_normal_is_tried_too(data):
    model = fit(*data, family="auto", max_steps=20)
    assert set(model.family_scores_) == {"normal", "student_t"}
    assert np.isfinite(list(model.family_scores_.values())).all()


def test_a_base_weights_and_groups_with_gaps(data, tmp_path):
    X, Y = data
    weight = np.random.default_rng(0).uniform(0, 2, len(X))
    weight[:50] = 0
    base = RandomForestRegressor(5, random_state=0)
    model = covey.JointRegressor(**{**QUICK, "max_steps": 5, "base": base})
    model.fit(X, Y, sample_weight=weight, groups=np.arange(len(X)) // 20)
    np.linalg.cholesky(model.predict_distribution(X).correlation)
    model.save(tmp_path / "model.covey")
    loaded = covey.load(tmp_path / "model.covey")
    given = Y.iloc[:, [2, 0]]
    expected = model.predict_distribution(X, given=given)
    assert_array_equal(loaded.predict_distribution(X, given=given).mean, expected.mean)


def test_given_is_the_conditional_of_the_prediction(model, data):
    X, Y = data
    joint = model.predict_distribution(X)
    for given in (Y, Y[["q"]], {"q": Y["q"].to_numpy()}, {"q": 5e3, "p": 0.0}, Y.to_numpy()):
        told, expected = model.predict_distribution(X, given=given), joint.conditional(given)
        assert_array_equal(told.mean, expected.mean)
        assert_array_equal(told.scale_tril, expected.scale_tril)
    observed = Y.notna().to_numpy()
    told = model.predict_distribution(X, given=Y)
    assert_array_equal(told.mean[observed], Y.to_numpy()[observed])
    assert_array_equal(told.stddev[observed], 0)


def test_a_series_is_read_by_its_labels(model, data):
    X, Y = data
    row = Y[Y.notna().all(axis=1)].iloc[0]
    joint = model.predict_distribution(X.loc[[row.name]])
    for told in (row, row[::-1], row[["r", "p"]]):
        expected = joint.conditional(Y.loc[[row.name], list(told.index)])
        assert_array_equal(joint.conditional(told).mean, expected.mean)
    assert joint.log_prob(row[::-1]) == joint.log_prob(row.to_numpy())
    bound = Y.quantile(0.9)
    assert joint.probability(upper=bound[::-1]) == joint.probability(upper=bound.to_numpy())


def test_the_score_is_of_what_was_observed(model, data):
    X, Y = data
    mean = model.predict(X)
    parts = []
    for name, predicted in zip(Y, mean.T, strict=True):
        seen = Y[name].notna()
        error = (Y[name] - predicted)[seen]
        parts.append(1 - (error**2).sum() / ((Y[name][seen] - Y[name][seen].mean()) ** 2).sum())
    with pytest.warns(CoveyWarning, match="the model was trained on"):
        assert model.score(X, Y) == pytest.approx(np.mean(parts))
    assert model.score(X, Y[["r", "p", "q"]]) == pytest.approx(np.mean(parts))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda Y: Y[["q"]].rename(columns={"q": "z"}), "'z'"),
        (lambda Y: Y[:-1], "400"),
        (lambda Y: Y[:1], "must have 400 rows.* Received 1"),
        (
            lambda Y: {"q": Y["q"][::-1]},
            r"`X` and `given\['q'\]` to have their rows in the same order",
        ),
        (lambda Y: Y.rename(columns={"r": "q"}), "more than one column of \\['q'\\]"),
        (lambda Y: {"q": np.ones(3)}, "400"),
        (lambda Y: {"z": 1.0}, "'z'"),
        (lambda Y: {"q": np.inf}, "inf"),
        (lambda Y: Y.iloc[::-1], "`X` and `given` to have their rows in the same order"),
    ],
)
def test_what_cannot_be_given_is_refused(model, data, given, message):
    X, Y = data
    with pytest.raises(InputError, match=message):
        model.predict_distribution(X, given=given(Y))
