"""Boosted trees in a fit: where they help, what becomes of files, gaps, a base and the clock."""

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import covey
from covey.archive import container
from covey.errors import ArtifactError, CoveyWarning, EngineError, InputError
from covey.stacking import library

# Keras reads its own variables this way, on other backends; `pytest.warns` says it anew
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
QUICK = {"max_steps": 60, "members": 3, "hidden_units": (16,), "random_state": 0, "verbose": 0}


def table(n=400, seed=0):
    """A step that a small network cannot learn in a few steps, and a straight line."""
    generator = np.random.default_rng(seed)
    X = pd.DataFrame(generator.normal(size=(n, 4)), columns=list("abcd"))
    step = np.where(np.sin(6 * X.a) * np.sign(X.b) > 0, 5.0, -5.0)
    noise = generator.multivariate_normal([0, 0], [[0.25, 0.1], [0.1, 0.25]], size=n)
    Y = pd.DataFrame({"step": 100 + step, "line": 2 * X.c - X.d}) + noise
    return X, Y


@pytest.fixture(scope="module")
def model():
    return covey.JointRegressor(**QUICK).fit(*table())


def test_trees_help_the_mean_where_they_are_taken(model):
    X, Y = table(1000, seed=1)
    without = covey.JointRegressor(**QUICK, trees=False).fit(*table())
    assert without.ensemble_.stack is None
    assert without.out_of_fold_evaluation_["trees"] == {}

    def error(fitted):
        return np.sqrt(np.mean(np.square(fitted.predict(X) - Y), axis=0))

    assert error(model)["step"] < 0.8 * error(without)["step"]
    assert model.out_of_fold_evaluation_["trees"]["step"] > 0.5
    assert model.out_of_fold_score_ > without.out_of_fold_score_ + 0.1
    # what was claimed out of fold comes true
    joint = model.predict_distribution(X)
    assert joint.log_prob(Y).mean() == pytest.approx(model.out_of_fold_score_, abs=0.4)
    assert 0.85 < joint.region(0.9).contains(Y).mean() < 0.96


@pytest.mark.parametrize("cv", ["shuffled", "blocks"])
def test_a_line_goes_on_beyond_the_rows_of_training(cv):
    """Where held-out rows were drawn alike, they have shown that it does."""
    X, Y = table()
    found = covey.JointRegressor(**{**QUICK, "max_steps": 1}, trees=True, cv=cv).fit(X, Y)
    low, high = X.min(), X.max()
    ends = pd.concat([high + (high - low) * share for share in (0.0, 0.5, 3.0, 9.0)], axis=1).T
    ends[["a", "b", "d"]] = 0.0
    with pytest.warns(CoveyWarning, match="above"):
        mean = found.predict(ends)[:, 1]  # of 2 c - d
    joint = found.predict_distribution(ends)
    np.testing.assert_allclose(joint.mean[:, 1], mean)
    rise = 2 * (high - low)["c"]
    if cv == "blocks":
        np.testing.assert_allclose(mean, mean[0])
    else:
        np.testing.assert_allclose(mean - mean[0], rise * np.array([0, 0.5, 3, 3]), rtol=0.05)


def test_all_answers_are_of_the_same_means(model):
    X, _ = table(50, seed=1)
    joint = model.predict_distribution(X)
    np.testing.assert_allclose(model.predict(X), joint.mean)
    np.testing.assert_allclose(model.predict_mixture(X).mean, joint.mean)
    alone = np.concatenate([model.predict(X[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(alone, joint.mean[:5], rtol=1e-6)
    assert "boosted trees share in the means" in model.summary()


def test_files_keep_the_trees(model, tmp_path):
    X, _ = table(50, seed=1)
    model.save(tmp_path / "m.covey")
    again = covey.load(tmp_path / "m.covey")
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert container.read(tmp_path / "m.covey")[0]["layout"] == 4  # no earlier Covey reads it
    assert (tmp_path / "m.covey").stat().st_size < 2_000_000


def test_a_file_with_forged_trees_is_refused(model, tmp_path):
    model.save(tmp_path / "m.covey")
    manifest, arrays = container.read(tmp_path / "m.covey")
    for name, value in (("trees_left", 10**6), ("trees_feature", 99), ("trees_leaves", -1)):
        forged = {**arrays, name: arrays[name].copy()}
        forged[name][0] = value
        container.write(tmp_path / "f.covey", manifest, forged)
        with pytest.raises(ArtifactError, match="save the model again"):
            covey.load(tmp_path / "f.covey")
    lacking = {name: array for name, array in arrays.items() if name != "trees_value"}
    container.write(tmp_path / "f.covey", manifest, lacking)
    with pytest.raises(ArtifactError, match="value"):
        covey.load(tmp_path / "f.covey")


@pytest.mark.parametrize("case", ["gaps", "weights", "base", "transform", "holdout", "overlap"])
def test_trees_go_with_whatever_else_a_fit_takes(case):
    X, Y = table()
    more, weight = {}, None
    if case == "gaps":
        Y = Y.mask(np.random.default_rng(3).random(Y.shape) < 0.3)
    elif case == "weights":
        weight = np.random.default_rng(3).exponential(size=len(X))
    elif case == "base":
        more = {"base": LinearRegression()}
    elif case == "transform":
        Y, more = np.exp(Y / 50), {"transform": "log"}
    elif case == "holdout":
        more = {"members": 1}
    else:
        rows = np.arange(len(X))
        parts = [rows[:150], rows[100:250], rows[300:]]  # some rows twice, some never
        more = {"cv": [(np.setdiff1d(rows, part), part) for part in parts]}
    found = covey.JointRegressor(**{**QUICK, **more}, trees=True).fit(X, Y, sample_weight=weight)
    assert set(found.out_of_fold_evaluation_["trees"]) == {"step", "line"}
    X, Y = table(300, seed=1)
    Y = np.exp(Y / 50) if case == "transform" else Y
    mean = found.predict(X)
    left = np.mean(np.square(mean[:, 0] - Y["step"])) / np.var(Y["step"])
    assert left < 0.9  # without trees it is 1
    assert np.isfinite(found.predict_distribution(X).log_prob(Y)).all()
    assert np.isfinite(found.out_of_fold_.mean).all()


def test_pure_noise_gets_no_trees():
    generator = np.random.default_rng(0)
    X, Y = generator.normal(size=(300, 3)), generator.normal(size=(300, 2))
    assert covey.JointRegressor(**QUICK).fit(X, Y).ensemble_.stack is None


def test_very_many_rows_have_none_unless_asked(monkeypatch):
    monkeypatch.setattr("covey.members.trees.MOST_ROWS", 399)
    assert covey.JointRegressor(**QUICK).fit(*table()).ensemble_.stack is None
    assert covey.JointRegressor(**QUICK, trees=True).fit(*table()).ensemble_.stack is not None


def test_no_time_means_no_trees():
    with pytest.warns(CoveyWarning, match="`max_time` was over before boosted trees were grown"):
        found = covey.JointRegressor(**QUICK, max_time=1e-3, trees=True).fit(*table())
    assert found.ensemble_.stack is None


@pytest.mark.parametrize("trees", ["always", 2, None, "true"])
def test_other_words_for_trees_are_refused(trees):
    with pytest.raises(InputError, match='`trees` must be True, False or "auto"'):
        covey.JointRegressor(**QUICK, trees=trees).fit(*table())


def test_without_the_library_there_are_none_and_that_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(EngineError, match="trees=False"):
        library.lightgbm()
    with pytest.raises(EngineError, match="Boosted trees need LightGBM"):
        covey.JointRegressor(**QUICK, trees=True).fit(*table())
    with pytest.warns(CoveyWarning, match="no share of boosted trees"):
        found = covey.JointRegressor(**QUICK).fit(*table())
    assert found.ensemble_.stack is None


def test_streamed_rows_have_none_and_refuse_them(tmp_path):
    X, Y = table()
    pd.concat([X, Y], axis=1).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="tables in memory"):
        covey.JointRegressor(**QUICK, trees=True).fit_files(
            tmp_path / "t.parquet", ["step", "line"]
        )
