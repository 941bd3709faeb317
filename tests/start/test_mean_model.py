"""A regressor of the user's own, cross-fitted: honest, and added to what Covey predicts."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LassoLars, LinearRegression, Ridge
from sklearn.model_selection import KFold, TimeSeriesSplit
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

import covey
from covey.archive import scikit_learn
from covey.errors import InputError
from covey.start.full import LinearModel
from covey.start.mean_model import MeanModel
from covey.start.ridge import fit_ridge
from covey.table.folds import Folds
from tests.training import training_data

QUICK = {"hidden_units": (8,), "max_steps": 20, "family": "student_t", "trees": False, "verbose": 0}


def cross_fit(base, table, Y, folds, weight=None, **options):
    """`MeanModel.fit` for rows of a table, whatever their features are as numbers."""
    data = training_data(np.zeros((len(Y), 1)), Y, folds, weight)
    return MeanModel.fit(base, table, data, **options)


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
    model, predictions = cross_fit(Recorder(), X, Y, folds)
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
    cross_fit(Recorder(), X, np.ones((60, 1)), Folds.split(60, 3), weight=weight)
    assert max(max(seen) for seen in Recorder.log[0]) < 30


def test_weights_reach_the_regressor():
    r = np.random.default_rng(0)
    X, weight = r.normal(size=(90, 2)), r.uniform(0.1, 3, 90)
    y = X[:, :1] ** 2 + r.normal(size=(90, 1))
    folds = Folds.split(90, 3)
    model, _ = cross_fit(LinearRegression(), X, y, folds, weight=weight)
    train = folds.pairs[0][0]
    expected = LinearRegression().fit(X[train], y[train], weight[train])
    np.testing.assert_allclose(model.estimators[0].coef_, expected.coef_)


def test_at_the_start_the_mean_is_the_base_and_a_line_through_its_residuals(table):
    X, Y = table
    base = KNeighborsRegressor(3)
    model = covey.JointRegressor(base=base, learning_rate=0, cv=KFold(5), **QUICK).fit(X, Y)
    folds = Folds.split(120, 5, cv=KFold(5))
    _, offsets = cross_fit(KNeighborsRegressor(3), X, Y, folds)
    matrix = model.schema_.transform(pd.DataFrame(X, columns=["x0", "x1", "x2"]), False)
    matrix = matrix.astype(float)
    expected = []
    for k, (train, _) in enumerate(folds.pairs):
        residuals = Y[train] - offsets[k, train]
        start = LinearModel.of(
            fit_ridge(
                matrix[train], residuals, blocks=folds.inner_blocks(k), unbounded=np.arange(3)
            ),
            8.0,
        )
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


def test_boosted_trees_beat_the_line_they_replace(table):
    X, Y = table
    trees = GradientBoostingRegressor(n_estimators=30, random_state=0)  # repeated for each target
    model = covey.JointRegressor(base=trees, random_state=0, learning_rate=0, **QUICK).fit(X, Y)
    plain = covey.JointRegressor(random_state=0, learning_rate=0, **QUICK).fit(X, Y)
    assert model.out_of_fold_score_ > plain.out_of_fold_score_ + 0.5
    assert isinstance(model.base_[0], MultiOutputRegressor)
    assert plain.base_ is None
    np.linalg.cholesky(model.predict_distribution(X).covariance)
    folds = Folds.split(120, 2)
    _, repeated = cross_fit(trees, X, Y, folds)
    _, several = cross_fit(MultiOutputRegressor(trees), X, Y, folds)
    np.testing.assert_array_equal(repeated, several)


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


@pytest.mark.parametrize("encoder", ["one-hot", "ordinal"])
def test_a_new_label_that_an_own_pipeline_does_not_take_is_told(table, encoder):
    X, Y = table
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame["colour"] = np.where(np.arange(len(X)) % 2, "red", "blue")
    encode = {"one-hot": OneHotEncoder(), "ordinal": OrdinalEncoder()}[encoder]
    base = make_pipeline(
        make_column_transformer((encode, ["colour"]), remainder="passthrough"), LinearRegression()
    )
    model = covey.JointRegressor(base=base, random_state=0, **QUICK).fit(frame, Y)
    new = frame.assign(colour=["red", "green", *frame["colour"][2:]])
    said = (
        r"`base` to predict.*Pipeline.* could not.*ValueError: Found unknown categories .*green.*"
        r"handle_unknown='ignore'.*1 in 'colour', the first 'green' in row 1\."
    )
    news = pytest.warns(covey.errors.CoveyWarning, match="labels that training did not have")
    with news, pytest.raises(InputError, match=said) as caught:
        model.predict(new)
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(InputError, match=said):  # each time, whatever was warned of before
        model.predict_distribution(new)
    assert np.isfinite(model.predict(frame)).all()


def test_a_label_of_one_row_that_an_own_pipeline_does_not_take_is_told_at_the_fit(table):
    X, Y = table
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame["colour"] = ["green", *np.where(np.arange(len(X) - 1) % 2, "red", "blue")]
    base = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["colour"]), remainder="passthrough"),
        LinearRegression(),
    )
    with pytest.raises(InputError, match=r"`base` to predict.*not fitted to.*unknown .*green"):
        covey.JointRegressor(base=base, random_state=0, **QUICK).fit(frame, Y)


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
    means, predictions = cross_fit(Stubborn(), X, Y, Folds.split(40, 2))
    np.testing.assert_allclose(predictions.mean(axis=(0, 1)), [1, 2], atol=0.5)
    assert isinstance(means.estimators[0], MultiOutputRegressor)
    with pytest.raises(Exception, match="only one target"):  # the first word on it
        cross_fit(Stubborn(), X, Y + 1e7, Folds.split(40, 2))


def test_a_part_of_a_fold_without_weight_is_named():
    X, Y = np.zeros((12, 1)), np.arange(24.0).reshape(12, 2)
    folds = Folds.split(12, 2)
    weight = np.zeros(12)
    for train, _ in folds.pairs:
        weight[train[:2]] = 1.0
    weight[folds.pairs[0][0]] = 0
    with pytest.raises(InputError, match="part of a fold without any"):
        cross_fit(LinearRegression(), X, Y, folds, weight=weight)


@pytest.mark.parametrize(
    ("base", "one_dimensional"),
    [(GradientBoostingRegressor(n_estimators=3), False), (LinearRegression(), True)],
)
def test_one_target(table, base, one_dimensional):
    X, Y = table
    y = Y[:, 0] if one_dimensional else Y[:, :1]
    model = covey.JointRegressor(base=base, **QUICK).fit(X, y)
    assert model.predict(X).shape == y.shape
    assert model.predict_distribution(X).covariance.shape == (120, 1, 1)
    for either in (True, False):
        _, predictions = cross_fit(base, X, Y[:, :1], Folds.split(120, 2), one_dimensional=either)
        assert predictions.shape == (2, 120, 1)


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


TREES = GradientBoostingRegressor(n_estimators=5, random_state=0)  # take one target only


def with_gaps(Y, share=0.3):
    return np.where(np.random.default_rng(9).random(Y.shape) < share, np.nan, Y)


@pytest.mark.parametrize(
    ("base", "inner"),
    [
        (TREES, TREES),
        (MultiOutputRegressor(TREES), TREES),
        (MultiOutputRegressor(TREES, n_jobs=1), TREES),
        (Ridge(0.5), Ridge(0.5)),  # takes several targets, without gaps
        (make_pipeline(StandardScaler(), Ridge()), make_pipeline(StandardScaler(), Ridge())),
    ],
)
@pytest.mark.parametrize("framed", [True, False])
def test_each_target_is_fitted_in_the_rows_that_hold_it(table, base, inner, framed):
    X, Y = table
    Y = with_gaps(Y)
    X = pd.DataFrame(X, columns=["a", "b", "c"]) if framed else X
    rows_of = (lambda rows: X.iloc[rows]) if framed else (lambda rows: X[rows])
    folds = Folds.split(120, 3)
    model, predictions = cross_fit(base, X, Y, folds)

    def alone(rows, target):
        seen = rows[~np.isnan(Y[rows, target])]
        return clone(inner).fit(rows_of(seen), Y[seen, target])

    for member, (train, test) in enumerate(folds.pairs):
        for target in range(2):
            whole = alone(train, target)
            np.testing.assert_array_equal(
                predictions[member, test, target], whole.predict(rows_of(test))
            )
            np.testing.assert_array_equal(model.predict(X)[member, :, target], whole.predict(X))
            for rows, held in folds.inner_pairs(member):
                np.testing.assert_array_equal(
                    predictions[member, held, target], alone(rows, target).predict(rows_of(held))
                )
    for estimator in model.estimators:
        check_is_fitted(estimator)
        assert type(estimator) is MultiOutputRegressor
        assert get_tags(estimator).target_tags.multi_output
        assert estimator.n_features_in_ == 3
        assert hasattr(estimator, "feature_names_in_") == framed
    again = MeanModel(tuple(scikit_learn.from_bytes(scikit_learn.to_bytes(model.estimators))), 2)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert not hasattr(base, "estimators_")
    assert not hasattr(inner, "n_features_in_")


def test_weights_reach_each_target_with_gaps(table):
    X, Y = table
    Y, weight = with_gaps(Y), np.random.default_rng(1).uniform(0.1, 3, 120)
    weight[:10] = 0
    folds = Folds.split(120, 3)
    for base in (LinearRegression(), MultiOutputRegressor(LinearRegression())):
        model, _ = cross_fit(base, X, Y, folds, weight=weight)
        train = folds.pairs[0][0]
        for target in range(2):
            seen = train[~np.isnan(Y[train, target]) & (weight[train] > 0)]
            alone = LinearRegression().fit(X[seen], Y[seen, target], weight[seen])
            np.testing.assert_allclose(model.estimators[0].estimators_[target].coef_, alone.coef_)
    with pytest.raises(InputError, match="takes it too"):
        cross_fit(MultiOutputRegressor(LassoLars()), X, Y, folds, weight=weight)
    even, without = np.full(120, 2.0), cross_fit(LassoLars(), X, Y, folds)[1]
    np.testing.assert_array_equal(cross_fit(LassoLars(), X, Y, folds, weight=even)[1], without)


def test_a_target_without_weight_in_some_part_is_left_to_the_rest(table):
    X, Y = table
    folds, weight = Folds.split(120, 3), np.ones(120)
    Y[1::2, 0] = np.nan
    weight[::2] = 0
    weight[folds.pairs[0][1]] = 1  # so one fold alone holds the first target
    _, predictions = cross_fit(LinearRegression(), X, Y, folds, weight=weight)
    np.testing.assert_array_equal((predictions == 0).all(axis=1), [[True, False]] * 3)


def test_members_share_fits_with_gaps():
    Recorder.log = ([], [])
    X, Y = np.arange(120.0).reshape(-1, 1), np.ones((120, 2))
    Y[::7, 0] = np.nan
    folds = Folds.split(120, 5)
    model, predictions = cross_fit(Recorder(), X, Y, folds)
    assert len(Recorder.log[0]) == 2 * (5 + 10)
    assert not any(Recorder.log[1])
    assert np.array_equal(predictions, np.zeros((5, 120, 2)))
    for estimator, (train, _) in zip(model.estimators, folds.pairs, strict=True):
        assert estimator.estimators_[0].seen_ == {row for row in train if row % 7}
        assert estimator.estimators_[1].seen_ == set(train)


@pytest.mark.parametrize("framed", [True, False])
def test_a_target_that_some_part_lacks_is_left_to_the_rest(table, framed):
    X, Y = table
    Y = np.column_stack([Y, Y + 100, Y[:, 0]])
    folds = Folds.split(120, 3)
    (train, test), (_, other), (_, third) = folds.pairs
    Y[np.setdiff1d(np.arange(120), test), 0] = np.nan  # only what the first member never sees
    Y[np.setdiff1d(np.arange(120), other), 2] = np.nan
    Y[:, 3] = np.where(np.isin(np.arange(120), [other[0], third[0]]), Y[:, 3], np.nan)
    table = pd.DataFrame(X, columns=["a", "b", "c"]) if framed else X
    model, predictions = cross_fit(Stubborn(), table, Y, folds)
    assert np.isfinite(predictions).all()
    zero = (predictions == 0).all(axis=1)
    # one of the parts of each member lacks a target that one fold alone holds
    np.testing.assert_array_equal(zero[:, [0, 2]], True)
    # the parts that the first member fits to hold row third[0] or row other[0]
    np.testing.assert_array_equal(zero[:, 3], [False, True, True])
    assert not zero[:, [1, 4]].any()
    np.testing.assert_array_equal((model.predict(table) == 0).all(axis=1), zero)
    assert len(train) == 80
    for estimator in model.estimators:
        assert estimator.n_features_in_ == 3
    again = MeanModel(
        tuple(scikit_learn.from_bytes(scikit_learn.to_bytes(model.estimators, NAMES), NAMES)), 5
    )
    np.testing.assert_array_equal(again.predict(table), model.predict(table))


NAMES = [f"{Stubborn.__module__}.Stubborn"]


@pytest.mark.parametrize(
    "base",
    [
        RegressorChain(LinearRegression()),
        make_pipeline(StandardScaler(), MultiOutputRegressor(LinearRegression())),
        MultiOutputRegressor(RegressorChain(LinearRegression())),
    ],
)
def test_a_base_of_several_targets_is_refused_with_gaps(table, base):
    X, Y = table
    folds = Folds.split(120, 3)
    if not isinstance(base, MultiOutputRegressor):
        cross_fit(base, X, Y, folds)
    with pytest.raises(InputError, match=r"one target at a time.*target number 0 in"):
        cross_fit(base, X, with_gaps(Y), folds)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("kind", ["day", "colour"])
def test_a_base_that_takes_numbers_alone_is_told_which_columns_are_none(table, kind, gaps):
    X, Y = table
    column = np.where(X[:, 2] > 0, "red", "blue")
    column = pd.date_range("2024-01-01", periods=len(X)) if kind == "day" else column
    frame = pd.DataFrame(X[:, :2], columns=["a", "b"]).assign(**{kind: column, "even": X[:, 0] > 0})
    model = covey.JointRegressor(base=LinearRegression(), **QUICK)
    with pytest.raises(InputError, match=rf"LinearRegression.*no numbers: '{kind}'\. Encode them"):
        model.fit(frame, with_gaps(Y) if gaps else Y)


def test_one_target_with_gaps(table):
    X, Y = table
    model, predictions = cross_fit(TREES, X, with_gaps(Y[:, :1]), Folds.split(120, 3))
    assert predictions.shape == model.predict(X).shape == (3, 120, 1)


def test_a_base_and_a_line_start_from_the_same_gaps(table):
    """A base of trees takes from the residuals of a rare target what it takes from a full one."""
    X, Y = table
    X, Y = np.tile(X, (5, 1)), np.tile(Y, (5, 1))
    r = np.random.default_rng(0)
    Y = with_gaps(Y + r.normal(size=Y.shape) * 0.1, 0.5)
    folds = Folds.split(600, 5)
    _, offsets = cross_fit(clone(TREES).set_params(n_estimators=30), X, Y, folds)
    train = folds.pairs[0][0]
    plain = LinearModel.of(fit_ridge(X[train], Y[train]))
    after = LinearModel.of(fit_ridge(X[train], Y[train], offset=offsets[0, train]))
    assert (np.diag(after.residual_scale_tril) < 0.8 * np.diag(plain.residual_scale_tril)).all()
