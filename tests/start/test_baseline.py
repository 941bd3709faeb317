"""The baseline against ridge regressions and covariances by hand; laws over simulated tables."""

import numpy as np
import pytest
from scipy import stats
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, Ridge

import covey
from covey.assess.evaluation import CONSTANT
from covey.assess.verdict import verdict
from covey.members.plan import FullPlan, LowRankPlan
from covey.start.baseline import Baseline, regressor_name
from covey.start.full import LinearModel
from covey.start.low_rank import LowRankLinearModel, residual_factors
from covey.start.ridge import fit_ridge
from covey.table.folds import Folds
from covey.table.inputs import Inputs
from tests.test_regressor import QUICK
from tests.training import training_data

NOISE = np.array([[1.0, 0.0], [0.8, 0.6]])


def linear_table(n, seed=0, degrees_of_freedom=None):
    """(X, Y): two targets linear in three features, normal or Student-t noise."""
    r = np.random.default_rng(seed)
    X = r.normal(size=(n, 3))
    noise = r.normal(size=(n, 2))
    if degrees_of_freedom:
        noise /= np.sqrt(r.chisquare(degrees_of_freedom, n) / degrees_of_freedom)[:, None]
    return X, X @ [[1.0, 0.0], [0.5, -1.0], [0.0, 2.0]] + noise @ NOISE.T


def fitted_baseline(X, Y, plan=None, members=5, offsets=None, base=None):
    """(baseline, folds), as a fit makes them."""
    plan, folds = plan or FullPlan(True), Folds.split(len(X), members, seed=0)
    ridges = [
        fit_ridge(X[rows], Y[rows], offset=None if offsets is None else offsets[k, rows])
        for k, (rows, _) in enumerate(folds.pairs)
    ]
    starts = [plan.start(ridge) for ridge in ridges]
    return Baseline.of(starts, [plan.constant_covariance(ridge) for ridge in ridges], base), folds


@pytest.mark.parametrize("degrees_of_freedom", [None, 3.0])
def test_it_is_ridge_with_the_covariance_of_held_out_residuals(degrees_of_freedom):
    X, Y = linear_table(2000, degrees_of_freedom=degrees_of_freedom)
    joint = fitted_baseline(X, Y)[0].distribution(Inputs(X.astype(np.float32)), ("a", "b"))
    by_hand = LinearRegression().fit(X, Y)  # of 2,000 rows: as good as ridge
    np.testing.assert_allclose(joint.mean, by_hand.predict(X), atol=0.02)
    covariance = np.cov(Y - by_hand.predict(X), rowvar=False)
    np.testing.assert_allclose(joint.covariance[7], covariance, rtol=0.02)
    np.testing.assert_array_equal(
        joint.covariance, np.broadcast_to(joint.covariance[:1], (2000, 2, 2))
    )
    assert joint.targets == ("a", "b")
    assert type(joint) is covey.MultivariateNormal


def test_its_regions_hold_what_they_say_of_normal_rows():
    X, Y = linear_table(1000)
    new_X, new_Y = linear_table(20_000, seed=1)
    joint = fitted_baseline(X, Y)[0].distribution(Inputs(new_X.astype(np.float32)), ("a", "b"))
    assert joint.region(0.9).contains(new_Y).mean() == pytest.approx(0.9, abs=0.01)


def test_out_of_fold_each_row_has_the_ridge_that_did_not_see_it():
    X, Y = linear_table(60)
    baseline, folds = fitted_baseline(X, Y, members=3)
    tests = folds.tests
    joint = baseline.held_out(training_data(X, Y, folds))
    for train, test in folds.pairs:
        start = LinearModel.of(fit_ridge(X[train], Y[train]))
        found = start.predict_distribution(X[test].astype(np.float32).astype(float))
        np.testing.assert_allclose(joint[test].mean, found.mean, rtol=1e-6)
        np.testing.assert_allclose(joint[test].covariance, found.covariance, rtol=1e-6)
    changed = Y.copy()
    changed[tests[1]] += 100
    again, _ = fitted_baseline(X, changed, members=3)
    moved = again.held_out(training_data(X, changed, folds))
    np.testing.assert_array_equal(moved[tests[1]].mean, joint[tests[1]].mean)


def test_of_a_base_it_is_the_base_alone():
    X, Y = linear_table(300)
    r = np.random.default_rng(5)
    offsets = np.stack([Y + 0.5 + 2.0 * r.normal(size=Y.shape) for _ in range(3)])
    baseline, folds = fitted_baseline(X, Y, members=3, offsets=offsets, base="Ridge")
    assert baseline.description == "the base alone (Ridge) with one covariance for all rows"
    joint = baseline.distribution(Inputs(X.astype(np.float32), offsets), ("a", "b"))
    np.testing.assert_allclose(joint.mean, offsets.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(joint.covariance[0], 4.0 * np.eye(2) + 0.25, atol=0.8)
    second = np.mean([e.T @ e / 300 for e in Y - offsets], axis=0)
    np.testing.assert_allclose(joint.covariance[0], second, rtol=0.1, atol=0.1)
    held_out = baseline.held_out(training_data(X, Y, folds, offsets=offsets))
    for k, test in enumerate(folds.tests):
        np.testing.assert_allclose(held_out.mean[test], offsets[k, test], rtol=1e-12)


def test_heavy_tails_and_gaps_leave_the_correlation_of_a_normal():
    X, Y = linear_table(4000, degrees_of_freedom=3.0)
    Y = Y - X @ [[1.0, 0.0], [0.5, -1.0], [0.0, 2.0]]
    gaps = np.random.default_rng(1).random(Y.shape) < 0.2
    Y[gaps & ~gaps.all(axis=1, keepdims=True)] = np.nan
    found = LinearModel.of(fit_ridge(np.zeros((4000, 1)), Y)).predict_distribution(np.zeros((1, 1)))
    both = ~np.isnan(Y).any(axis=1)
    assert found.correlation[0, 0, 1] == pytest.approx(np.corrcoef(Y[both].T)[0, 1], abs=0.05)


def test_of_low_rank_it_has_the_mean_of_the_covariances():
    r = np.random.default_rng(0)
    X, Y = r.normal(size=(400, 2)), r.normal(size=(400, 6)) @ r.normal(size=(6, 6))
    baseline, folds = fitted_baseline(X, Y, LowRankPlan(2))
    joint = baseline.distribution(Inputs(X.astype(np.float32)), tuple("abcdef"))
    each = []
    for train, _ in folds.pairs:
        start = LowRankLinearModel.of(fit_ridge(X[train], Y[train]), 2)
        each.append(start.predict_distribution(X[:1]).covariance[0])
    np.testing.assert_allclose(joint.covariance[3], np.mean(each, axis=0), rtol=1e-9)
    factors = residual_factors(Y, np.full(400, 1 / 400), 2)
    assert set(factors) == set(baseline.starts[0].covariance_names())


@pytest.mark.parametrize("base", [None, "Ridge"])
def test_arrays_and_linear_starts_are_all_of_it(base):
    X, Y = linear_table(80)
    offsets = np.zeros((2, 80, 2)) if base else None
    baseline, folds = fitted_baseline(X, Y, members=2, offsets=offsets, base=base)
    linear = [LinearModel.of(fit_ridge(X[train], Y[train])) for train, _ in folds.pairs]
    again = Baseline.from_arrays(linear, baseline.to_arrays(), base)
    one, two = (
        each.distribution(Inputs(X.astype(np.float32), offsets), ("a", "b"))
        for each in (baseline, again)
    )
    np.testing.assert_allclose(one.mean, two.mean)
    np.testing.assert_allclose(one.covariance, two.covariance)
    with pytest.raises(KeyError):
        Baseline.from_arrays(linear, {}, base)
    for bad in (np.full((2, 2, 2), np.nan), np.ones((2, 3, 3))):
        with pytest.raises(ValueError, match="residual_scale_tril"):
            Baseline.from_arrays(linear, {"residual_scale_tril": bad}, base)


def test_a_regressor_of_several_targets_is_called_by_the_one_inside():
    from sklearn.multioutput import MultiOutputRegressor

    assert regressor_name(MultiOutputRegressor(Ridge())) == "Ridge"
    assert regressor_name(RandomForestRegressor()) == "RandomForestRegressor"


def test_nothing_is_gained_where_nothing_can_be():
    """Linear data with normal noise: ridge is the truth, and a fit says so."""
    X, Y = linear_table(500)
    model = covey.JointRegressor(**{**QUICK, "max_steps": 30}).fit(X, Y)
    new_X, new_Y = linear_table(4000, seed=1)
    figures = model.evaluate(new_X, new_Y)
    found = figures["baselines"][CONSTANT]
    assert found["coverage"] == pytest.approx(0.9, abs=0.03)
    assert found["gain"] < 0.004
    assert verdict(figures)[0].startswith("Good? No")
    assert verdict(model.out_of_fold_evaluation_, held_out=True)[0].startswith("Good? No")
    truth = stats.multivariate_normal([0, 0], NOISE @ NOISE.T)
    oracle = truth.logpdf(new_Y - new_X @ [[1.0, 0.0], [0.5, -1.0], [0.0, 2.0]]).mean()
    assert found["negative_log_likelihood"] == pytest.approx(-oracle, abs=0.02)


def test_the_gain_over_a_normal_is_that_by_hand_in_heavy_tails():
    X, Y = linear_table(1000, degrees_of_freedom=3.0)
    model = covey.JointRegressor(**{**QUICK, "max_steps": 30}).fit(X, Y)
    new_X, new_Y = linear_table(4000, seed=1, degrees_of_freedom=3.0)
    by_hand = LinearRegression().fit(X, Y)
    law = stats.multivariate_normal([0, 0], np.cov(Y - by_hand.predict(X), rowvar=False))
    gains = model.predict_distribution(new_X).log_prob(new_Y) - law.logpdf(
        new_Y - by_hand.predict(new_X)
    )
    found = model.evaluate(new_X, new_Y)["baselines"][CONSTANT]
    assert abs(found["gain"] - gains.mean() / 2) < found["standard_error"]
