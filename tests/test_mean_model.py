"""A regressor of the user's own, cross-fitted: honest, and added to what Covey predicts."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LassoLars, LinearRegression
from sklearn.model_selection import KFold, TimeSeriesSplit
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import covey
from covey.errors import InputError
from covey.folds import Folds
from covey.linear import LinearModel
from covey.mean_model import MeanModel

QUICK = {"hidden_units": (8,), "max_steps": 20, "family": "student_t", "verbose": 0}


class Recorder(RegressorMixin, BaseEstimator):
    """Predicts 0 and remembers who was where; the first column of X is the number of the row."""

    log = ()

    def fit(self, X, Y):
        self.seen_, self.shape_ = set(X[:, 0]), Y.shape[1:]
        Recorder.log[0].append(self.seen_)
        return self

    def predict(self, X):
        Recorder.log[1].append(set(X[:, 0]) & self.seen_)
        return np.zeros((len(X), *self.shape_))


@pytest.fixture
def table():
    r = np.random.default_rng(0)
    X = r.normal(size=(120, 3))
    Y = np.column_stack([X[:, 0] ** 2, 5 * np.abs(X[:, 1])]) + r.normal(size=(120, 2)) * [0.1, 1]
    return X, Y


@pytest.mark.parametrize(
    ("arguments", "fits"),
    [
        ({"members": 5}, 5 + 10),  # each pair of members shares a fit
        ({"members": 2}, 2 + 2 * 5),
        ({"members": 1}, 1 + 5),
        ({"members": 3, "groups": np.repeat(np.arange(20), 6)}, 3 + 3),
        ({"members": 1, "groups": np.repeat(np.arange(20), 6)}, 1 + 5),
        ({"members": 1, "cv": TimeSeriesSplit(3)}, None),
        ({"members": 1, "cv": KFold(4)}, 4 + 6),
    ],
)
def test_no_prediction_is_of_a_row_the_fit_has_seen(arguments, fits):
    Recorder.log = ([], [])
    X, Y = np.arange(120.0).reshape(-1, 1), np.ones((120, 2))
    folds = Folds.split(120, **arguments)
    model, predictions = MeanModel.fit(Recorder(), X, Y, folds)
    assert fits is None or len(Recorder.log[0]) == fits
    assert not any(Recorder.log[1])
    assert np.array_equal(predictions, np.zeros((len(folds), 120, 2)))  # no row was left out
    for estimator, (train, _) in zip(model.estimators, folds.pairs, strict=True):
        assert estimator.seen_ == set(train)
    if (groups := arguments.get("groups")) is not None:
        for seen in Recorder.log[0]:
            whole = np.isin(np.arange(120), list(seen))
            assert all(len(set(whole[groups == g])) == 1 for g in range(20))


def test_rows_without_weight_do_not_count():
    Recorder.log = ([], [])
    X, weight = np.arange(60.0).reshape(-1, 1), np.repeat([1.0, 0.0], 30)
    MeanModel.fit(Recorder(), X, np.ones((60, 1)), Folds.split(60, 3), sample_weight=weight)
    assert max(max(seen) for seen in Recorder.log[0]) < 30


def test_weights_reach_the_regressor():
    r = np.random.default_rng(0)
    X, weight = r.normal(size=(90, 2)), r.uniform(0.1, 3, 90)
    y = X[:, :1] ** 2 + r.normal(size=(90, 1))
    folds = Folds.split(90, 3)
    model, _ = MeanModel.fit(LinearRegression(), X, y, folds, sample_weight=weight)
    train = folds.pairs[0][0]
    expected = LinearRegression().fit(X[train], y[train], weight[train])
    np.testing.assert_allclose(model.estimators[0].coef_, expected.coef_)


def test_at_the_start_the_mean_is_the_base_and_a_line_through_its_residuals(table):
    X, Y = table
    base = KNeighborsRegressor(3)
    model = covey.JointRegressor(base=base, learning_rate=0, cv=KFold(5), **QUICK).fit(X, Y)
    folds = Folds.split(120, 5, cv=KFold(5))
    _, offsets = MeanModel.fit(KNeighborsRegressor(3), X, Y, folds)
    matrix = model._schema.transform(pd.DataFrame(X, columns=["x0", "x1", "x2"]), False)
    matrix = matrix.astype(float)
    expected = []
    for k, (train, _) in enumerate(folds.pairs):
        residuals = Y[train] - offsets[k, train]
        start = LinearModel.fit(matrix[train], residuals, None, folds.inner_blocks(k), 8.0)
        knows = clone(base).fit(X[train], Y[train])
        expected.append(knows.predict(X) + start.predict_distribution(matrix).mean)
    np.testing.assert_allclose(model.predict(X), np.mean(expected, axis=0), rtol=1e-6)


def test_the_covariance_is_that_of_new_rows_whatever_the_base_remembers():
    r = np.random.default_rng(0)
    X, Y = r.normal(size=(400, 2)), r.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 400)
    base = KNeighborsRegressor(1)  # knows each training row by heart
    model = covey.JointRegressor(base=base, random_state=0, **QUICK).fit(X, Y)
    fresh = r.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 400)
    joint = model.predict_distribution(r.normal(size=(400, 2)))
    # five neighbours together are off by less than each of them
    assert 0.5 < np.square(joint.mahalanobis(fresh)).mean() / 2 < 1.3
    assert abs(model.out_of_fold_score_ - joint.log_prob(fresh).mean()) < 0.4


@pytest.mark.parametrize("several", [True, False])
def test_boosted_trees_beat_the_line_they_replace(table, several):
    X, Y = table
    trees = HistGradientBoostingRegressor(max_iter=30, min_samples_leaf=5, random_state=0)
    base = MultiOutputRegressor(trees) if several else trees  # a single target is repeated
    model = covey.JointRegressor(base=base, random_state=0, learning_rate=0, **QUICK).fit(X, Y)
    plain = covey.JointRegressor(random_state=0, learning_rate=0, **QUICK).fit(X, Y)
    assert model.out_of_fold_score_ > plain.out_of_fold_score_ + 0.5
    assert isinstance(model.base_[0], MultiOutputRegressor)
    assert plain.base_ is None
    np.linalg.cholesky(model.predict_distribution(X).covariance)


def test_an_own_pipeline_sees_the_own_table(table):
    X, Y = table
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame["colour"] = np.where(X[:, 2] > 0, "red", "blue")
    frame["gap"] = frame["a"].where(frame["a"] < 1)
    base = make_pipeline(
        make_column_transformer(
            (StandardScaler(), ["a", "b"]), (OneHotEncoder(), ["colour"]), remainder="drop"
        ),
        KNeighborsRegressor(),
    )
    model = covey.JointRegressor(base=base, random_state=0, **QUICK).fit(frame, Y)
    mean = model.predict(frame)
    shuffled = frame[["gap", "c", "colour", "b", "a"]].assign(new=1.0)
    with pytest.warns(covey.errors.CoveyWarning, match="new"):
        np.testing.assert_array_equal(model.predict(shuffled), mean)


class Stubborn(BaseEstimator, RegressorMixin):
    """Takes one target, and says of another number what no ValueError says."""

    def fit(self, X, y):
        if np.ndim(y) > 1:
            raise Exception("currently only one target")
        self.mean_ = np.mean(y)
        if self.mean_ > 1e6:
            raise Exception("out of range")
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


def test_any_refusal_of_several_targets_makes_it_one_fit_for_each():
    r = np.random.default_rng(0)
    X, Y = r.normal(size=(40, 2)), r.normal([1.0, 2.0], size=(40, 2))
    means, predictions = MeanModel.fit(Stubborn(), X, Y, Folds.split(40, 2))
    np.testing.assert_allclose(predictions.mean(axis=(0, 1)), [1, 2], atol=0.5)
    assert isinstance(means.estimators[0], MultiOutputRegressor)
    with pytest.raises(Exception, match="only one target"):  # the first word on it
        MeanModel.fit(Stubborn(), X, Y + 1e7, Folds.split(40, 2))


def test_a_part_of_a_fold_without_weight_is_named():
    X, Y = np.zeros((12, 1)), np.arange(24.0).reshape(12, 2)
    folds = Folds.split(12, 2)
    weight = np.zeros(12)
    for train, _ in folds.pairs:
        weight[train[:2]] = 1.0
    weight[folds.pairs[0][0]] = 0
    with pytest.raises(InputError, match="part of a fold without any"):
        MeanModel.fit(LinearRegression(), X, Y, folds, sample_weight=weight)


@pytest.mark.parametrize("base", [HistGradientBoostingRegressor(max_iter=3), LinearRegression()])
@pytest.mark.parametrize("flat", [True, False])
def test_one_target(table, base, flat):
    X, Y = table
    y = Y[:, 0] if flat else Y[:, :1]
    model = covey.JointRegressor(base=base, **QUICK).fit(X, y)
    assert model.predict(X).shape == y.shape
    assert model.predict_distribution(X).covariance.shape == (120, 1, 1)


def test_parameters_reach_into_the_base():
    model = covey.JointRegressor(base=HistGradientBoostingRegressor())
    assert clone(model.set_params(base__max_iter=7)).base.max_iter == 7


class Odd(RegressorMixin, BaseEstimator):
    def __init__(self, answer=None):
        self.answer = answer

    def fit(self, X, Y):
        self.shape_ = Y.shape
        return self

    def predict(self, X):
        return np.full((len(X), 2), np.nan) if self.answer == "nan" else np.zeros((len(X), 3))


@pytest.mark.parametrize(
    ("base", "weighted", "says"),
    [
        (HistGradientBoostingRegressor, False, "a class; make an object"),
        (DummyClassifier(), False, "a classifier"),
        (StandardScaler(), False, "must be a regressor"),
        ("ridge", False, "must be a regressor"),
        (Odd(), False, r"shape \(24, 2\). Received one of shape \(24, 3\) from"),
        (Odd("nan"), False, "finite numbers. Received NaN"),
        (LassoLars(), True, "takes it too"),
        (GaussianProcessRegressor(), True, "takes it too"),
    ],
)
def test_what_cannot_be_a_base_is_refused_by_name(table, base, weighted, says):
    X, Y = table
    if isinstance(base, Odd):
        base = make_pipeline(StandardScaler(), base)
    with pytest.raises(InputError, match=says):
        covey.JointRegressor(base=base, **QUICK).fit(
            X, Y, sample_weight=np.linspace(1, 2, 120) if weighted else None
        )
