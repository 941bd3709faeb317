"""Scores of joint predictions as scikit-learn's searches take them."""

import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import scoringrules
import sklearn
from numpy.testing import assert_allclose
from scipy.stats import chi2, multivariate_normal, norm
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.inspection import permutation_importance
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import covey
from covey.distributions.internals import in_units
from covey.errors import InputError
from covey.scorers import get_scorer, get_scorer_names

COVARIANCE = np.array([[4.0, 3.0], [3.0, 9.0]])
NAMES = ["CO", "NOx"]


class Plane(RegressorMixin, BaseEstimator):
    """A plane and a covariance that is known: quick, and its scores have closed forms."""

    def __init__(self, alpha=1e-8, width=1.0):
        self.alpha, self.width = alpha, width

    def fit(self, X, y, sample_weight=None):
        self.plane_ = Ridge(alpha=self.alpha).fit(X, y, sample_weight)
        return self

    def predict(self, X):
        return self.plane_.predict(X)

    def predict_distribution(self, X):
        mean = self.predict(X)
        wide = np.stack([self.width**2 * COVARIANCE] * len(mean))
        joint = covey.MultivariateNormal(mean, covariance=wide, targets=NAMES)
        return joint._labelled(getattr(X, "index", None))


@pytest.fixture(scope="module")
def table():
    generator = np.random.default_rng(0)
    X = pd.DataFrame(generator.normal(size=(4000, 2)), columns=["a", "b"])
    noise = generator.multivariate_normal([0, 0], COVARIANCE, size=4000)
    Y = X.to_numpy() @ [[1.0, 2.0], [3.0, -1.0]] + noise
    return X, pd.DataFrame(Y, columns=NAMES)


@pytest.fixture(scope="module")
def plane(table):
    return Plane().fit(*table)


def test_the_log_density_is_that_of_scipy(plane, table):
    X, Y = table
    noise = Y.to_numpy() - plane.predict(X)
    densities = multivariate_normal([0, 0], COVARIANCE).logpdf(noise)
    score = get_scorer("log_density")
    assert_allclose(score(plane, X, Y), densities.mean())
    weight = np.arange(4000.0) % 3
    assert_allclose(score(plane, X, Y, weight), np.average(densities, weights=weight))
    assert_allclose(score(plane, X, Y, sample_weight=weight), score(plane, X, Y, weight))


def test_gaps_are_marginalised_and_rows_without_a_target_do_not_count(plane, table):
    X, Y = table[0][:4], table[1][:4].to_numpy(copy=True)
    Y[1, 0] = Y[2] = np.nan
    noise = Y - plane.predict(X)
    whole = multivariate_normal([0, 0], COVARIANCE).logpdf(noise[[0, 3]])
    part = norm(0, 3).logpdf(noise[1, 1])
    assert_allclose(get_scorer("log_density")(plane, X, Y), (whole.sum() + part) / 3)
    assert np.isnan(get_scorer("log_density")(plane, X, np.full((4, 2), np.nan)))
    for name in get_scorer_names():
        assert np.isfinite(get_scorer(name)(plane, X, Y))
        assert np.isnan(get_scorer(name)(plane, X, Y, [0.0, 0.0, 1.0, 0.0]))


class Exponential(Plane):
    """Targets whose logarithms are a plane and normal noise."""

    def fit(self, X, y, sample_weight=None):
        return super().fit(X, np.log(y))

    def predict_distribution(self, X):
        return covey.Transformed(super().predict_distribution(X), "log")


@pytest.mark.parametrize("kind", ["log", "mixture"])
def test_scores_of_what_is_no_ellipse_know_no_units(table, kind):
    X, Y = table[0][:300], np.exp(table[1][:300] / 3)
    model = Exponential(width=1 / 3).fit(X, Y)
    joint = model.predict_distribution(X)
    if kind == "mixture":
        joint = covey.Mixture([joint.moment_matched()] * 2)
    of = Constant(joint)
    scale = Y.std(ddof=0).to_numpy()
    if kind == "log":
        mean, sd = joint.latent.mean - np.log(scale), joint.latent.stddev
        each = scoringrules.crps_lognormal(Y / scale, mean, sd, backend="numpy")
        found = get_scorer("neg_crps")(of, X, Y)
        assert_allclose(found, -np.mean(each), rtol=1e-6)
        alone = Constant(joint.marginal("CO"))  # the energy score of one target is its CRPS
        found = get_scorer("neg_energy_score")(alone, X, Y[["CO"]])
        assert_allclose(found, -np.mean(each, axis=0)[0], rtol=0.03)
    else:
        mean, sd = joint.mean / scale, joint.stddev / scale
        each = scoringrules.crps_normal(Y / scale, mean, sd, backend="numpy")
        assert_allclose(get_scorer("neg_crps")(of, X, Y), -np.mean(each), rtol=1e-6)
    for name in ("neg_energy_score", "neg_variogram_score", "neg_crps"):
        score = get_scorer(name)
        wider = Constant(in_units(joint, np.array([0.01, 7.0])))
        assert_allclose(score(wider, X, Y / [0.01, 7.0]), score(of, X, Y), rtol=1e-6)


class Constant:
    """An estimator that predicts what it was given."""

    def __init__(self, joint):
        self.joint = joint

    def predict_distribution(self, X):
        return self.joint


def test_coverages_are_shares_of_rows_and_cells(plane, table):
    X, Y = table
    noise = Y.to_numpy() - plane.predict(X)
    squared = np.einsum("ni,ij,nj->n", noise, np.linalg.inv(COVARIANCE), noise)
    cells = np.abs(noise) <= norm.ppf(0.9) * np.sqrt(np.diag(COVARIANCE))
    joint, alone = (
        get_scorer("joint_coverage", level=0.8),
        get_scorer("marginal_coverage", level=0.8),
    )
    assert joint(plane, X, Y) == pytest.approx((squared <= chi2(2).ppf(0.8)).mean())
    assert alone(plane, X, Y) == pytest.approx(cells.mean())
    weight = np.arange(4000.0) % 3
    held = squared <= chi2(2).ppf(0.8)
    assert joint(plane, X, Y, weight) == pytest.approx(np.average(held, weights=weight))
    each = np.average(cells, axis=0, weights=weight)
    assert alone(plane, X, Y, weight) == pytest.approx(each.mean())
    first = np.arange(4000) < 50
    assert joint(plane, X, Y, first) == pytest.approx((squared[:50] <= chi2(2).ppf(0.8)).mean())
    assert alone(plane, X, Y, first) == pytest.approx(cells[:50].mean())


def test_crps_is_that_of_normals_in_spreads_of_the_targets(plane, table):
    X, Y = table
    z = (Y.to_numpy() - plane.predict(X)) / np.sqrt(np.diag(COVARIANCE))
    each = z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi)
    expected = each.mean(axis=0) * np.sqrt(np.diag(COVARIANCE)) / Y.to_numpy().std(axis=0)
    assert_allclose(get_scorer("neg_crps")(plane, X, Y), -expected.mean())


@pytest.mark.parametrize("name", [n for n in get_scorer_names() if n.startswith("neg_")])
def test_units_do_not_matter_to_averages_over_targets(name, plane, table):
    class Scaled(Plane):
        def predict_distribution(self, X):
            return super().predict_distribution(X).affine(np.diag([1000.0, 0.1]), targets=NAMES)

    X, Y = table[0][:200], table[1][:200]
    scaled = Scaled().fit(*table)
    score = get_scorer(name)
    there = score(scaled, X, Y * [1000.0, 0.1])
    assert there == pytest.approx(score(plane, X, Y), rel=1e-9)


@pytest.mark.parametrize("name", [n for n in get_scorer_names() if "coverage" not in n])
def test_the_truth_scores_best(name, table):
    X, Y = table[0][:1000], table[1][:1000]
    scores = [get_scorer(name)(Plane(width=width).fit(*table), X, Y) for width in (1.0, 2.0, 4.0)]
    assert all(better > worse for better, worse in pairwise(scores))


def test_searches_pipelines_and_importances_take_them(table):
    X, Y = table[0][:400], table[1][:400]
    pipe = make_pipeline(StandardScaler(), Plane())
    grid = {"plane__width": [0.3, 1.0, 3.0]}
    search = GridSearchCV(pipe, grid, scoring=get_scorer("log_density"), cv=2).fit(X, Y)
    assert search.best_params_ == {"plane__width": 1.0}
    direct = get_scorer("log_density")(search.best_estimator_, X, Y)
    assert search.score(X, Y) == direct == get_scorer("log_density")(search, X, Y)
    both = {name: get_scorer(name) for name in get_scorer_names()}
    folds = {"cv": GroupKFold(2), "groups": np.arange(400) // 10}
    found = cross_validate(Plane(), X, Y, scoring=both, **folds)
    assert {f"test_{name}" for name in both} <= set(found)
    assert 0.8 < found["test_joint_coverage"].mean() < 0.97
    lost = permutation_importance(
        search, X.assign(c=0.0)[["a", "b"]], Y, scoring=get_scorer("log_density"), n_repeats=2
    )
    assert (lost["importances_mean"] > 0.1).all()


def test_weights_are_handed_on_where_they_were_asked_for(table):
    X, Y = table[0][:60], table[1][:60]
    weight = np.r_[np.ones(30), np.full(30, 3.0)]
    with sklearn.config_context(enable_metadata_routing=True):
        model = Plane().set_fit_request(sample_weight=True)  # of 1 in the rows it is fitted to
        asked = get_scorer("log_density").set_score_request(sample_weight=True)
        plain = get_scorer("log_density").set_score_request(sample_weight=False)
        params = {"params": {"sample_weight": weight}, "cv": [(np.arange(30), np.arange(60))]}
        weighted = cross_validate(model, X, Y, scoring=asked, **params)["test_score"]
        counted = cross_validate(model, X, Y, scoring=plain, **params)["test_score"]
        with pytest.raises(UnsetMetadataPassedError):
            cross_validate(model, X, Y, scoring=get_scorer("log_density"), **params)
        model.set_fit_request(sample_weight="w")
        renamed = get_scorer("log_density").set_score_request(sample_weight="w")
        other = {"params": {"w": weight}, "cv": params["cv"]}
        assert cross_validate(model, X, Y, scoring=renamed, **other)["test_score"] == weighted
    fitted = clone(model).fit(X[:30], Y[:30])
    assert weighted == get_scorer("log_density")(fitted, X, Y, weight)
    assert counted == get_scorer("log_density")(fitted, X, Y) != weighted


def test_a_scorer_can_be_copied_and_named():
    score = get_scorer("joint_coverage", level=0.5)
    for again in (pickle.loads(pickle.dumps(score)), clone(score, safe=False)):
        assert repr(again) == repr(score) == "get_scorer('joint_coverage', level=0.5)"
    assert repr(get_scorer("neg_crps")) == "get_scorer('neg_crps')"
    assert score.__name__ == "joint_coverage"


def test_bad_input_is_refused(plane, table):
    X, Y = table[0][:20], table[1][:20]
    score = get_scorer("log_density")
    through = TransformedTargetRegressor(Plane(), transformer=StandardScaler()).fit(X, Y)
    for wrong, says in (
        (lambda: get_scorer("r2"), "must be one of log_density"),
        (lambda: get_scorer("joint_coverage", level=90), "Did you mean 0.9"),
        (lambda: score(Ridge().fit(X, Y), X, Y), "Received a Ridge"),
        (lambda: score(through, X, Y), "TransformedTargetRegressor turns means back"),
        (lambda: score(plane, X, Y[:10]), "10"),
        (lambda: score(plane, X, Y[::-1]), "label"),
        (lambda: score(plane, X, Y, -np.ones(20)), "non-negative"),
    ):
        with pytest.raises(InputError, match=says):
            wrong()


def test_joint_regressor_is_scored_and_its_weights_and_groups_are_routed(table):
    X, Y = table[0][:80], table[1][:80]
    model = covey.JointRegressor(
        members=2, hidden_units=(4,), max_steps=10, family="student_t", random_state=0, verbose=0
    )
    groups, weight = np.arange(80) // 4, np.arange(80.0) % 3
    with sklearn.config_context(enable_metadata_routing=True):
        model.set_fit_request(sample_weight=True, groups=True)
        score = get_scorer("log_density").set_score_request(sample_weight=True)
        found = cross_validate(
            model,
            X,
            Y,
            cv=GroupKFold(2),
            params={"groups": groups, "sample_weight": weight},
            scoring=score,
            return_estimator=True,
            return_indices=True,
        )
        test, fitted = found["indices"]["test"][0], found["estimator"][0]
    joint = fitted.predict_distribution(X.iloc[test])
    expected = np.average(joint.log_prob(Y.iloc[test]), weights=weight[test])
    assert found["test_score"][0] == pytest.approx(expected)
    kept = fitted.out_of_fold_rows_
    assert len(kept) == (weight[found["indices"]["train"][0]] > 0).sum()
