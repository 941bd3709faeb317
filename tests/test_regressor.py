"""`JointRegressor`: tables in, distributions out, and what it refuses."""

import pickle
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import RepeatedKFold, TimeSeriesSplit

import covey
from covey.errors import ArtifactError, CoveyWarning, InputError

QUICK = {
    "family": "student_t",  # one training; tests/members/test_candidates.py has the choice
    "members": 3,
    "hidden_units": (16, 16),
    "max_steps": 60,
    "trees": False,  # tests/test_trees.py has them
    "random_state": 0,
    "verbose": 0,
}
SCALES = np.array([1e-9, 1.0, 1e9])


def table(n=300, seed=0):
    """Features of every kind; targets of very different scales, correlated, noise depends on x."""
    r = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "number": r.normal(size=n),
            "gaps": np.where(r.random(n) < 0.1, np.nan, r.normal(size=n)),
            "flag": r.random(n) < 0.5,
            "colour": r.choice(["red", "green", "blue"], n),
            "grade": pd.Categorical(r.choice(["a", "b"], n)),
            "constant": 1.0,
        }
    )
    noise = r.normal(size=(n, 3)) @ [[1.0, 0.8, 0.0], [0.0, 0.6, 0.5], [0.0, 0.0, 0.9]]
    signal = np.column_stack([X["number"], 2.0 * X["flag"], X["colour"] == "red"])
    Y = (signal + noise * np.exp(0.5 * X["number"].to_numpy())[:, None]) * SCALES
    return X, pd.DataFrame(Y, columns=["small", "middle", "big"])


def check_valid(joint):
    assert np.isfinite(joint.covariance).all()
    np.testing.assert_array_equal(joint.covariance, np.swapaxes(joint.covariance, 1, 2))
    np.linalg.cholesky(joint.correlation)


@pytest.fixture(scope="module")
def data():
    return table()


@pytest.fixture(scope="module")
def model(data):
    return covey.JointRegressor(**QUICK).fit(*data)


def fit(X, Y, **changes):
    return covey.JointRegressor(**{**QUICK, "max_steps": 3, **changes}).fit(X, Y)


def test_what_comes_out_has_the_targets_names_and_units(model, data):
    X, Y = data
    joint = model.predict_distribution(X)
    assert joint.targets == model.targets_ == ("small", "middle", "big")
    assert joint.mean.shape == (300, 3)
    assert joint.covariance.shape == (300, 3, 3)
    assert joint.mean.dtype == np.float64
    check_valid(joint)
    ratio = joint.stddev.mean(axis=0) / Y.std().to_numpy()
    assert ((ratio > 0.3) & (ratio < 1.5)).all()
    assert model.n_features_in_ == 6
    assert list(model.feature_names_in_) == list(X.columns)


def test_training_improves_on_the_linear_start_out_of_fold(data):
    X, Y = table(n=800)
    start = fit(X, Y, max_steps=1, learning_rate=0.0)
    trained = fit(X, Y, max_steps=300, hidden_units=(32, 32))
    assert trained.out_of_fold_score_ > start.out_of_fold_score_ + 0.1
    X_new, Y_new = table(n=800, seed=1)
    held_out = trained.predict_distribution(X_new).log_prob(Y_new).mean()
    assert abs(held_out - trained.out_of_fold_score_) < 0.25  # the score is honest


def test_without_steps_the_members_are_their_linear_models(data):
    X, Y = data
    model = fit(X, Y, learning_rate=0.0)
    matrix = model.schema_.transform(X, named=True).astype(float)
    for linear, component in zip(
        model.ensemble_.linear, model.predict_mixture(X).components, strict=True
    ):
        expected = linear.predict_distribution(matrix, model.targets_)
        scale = expected.stddev
        np.testing.assert_allclose(component.mean / scale, expected.mean / scale, atol=1e-9)
        np.testing.assert_allclose(component.correlation, expected.correlation, atol=1e-9)


def test_predict_follows_the_gaussian_process_convention(model, data):
    X, _ = data
    joint = model.predict_distribution(X)
    np.testing.assert_array_equal(model.predict(X), joint.mean)
    for extra, expected in (("return_std", joint.stddev), ("return_cov", joint.covariance)):
        mean, second = model.predict(X, **{extra: True})
        np.testing.assert_array_equal(mean, joint.mean)
        np.testing.assert_array_equal(second, expected)
    with pytest.raises(InputError, match="At most one"):
        model.predict(X, return_std=True, return_cov=True)


def test_the_distribution_is_the_first_two_moments_of_the_mixture(model, data):
    mixture = model.predict_mixture(data[0])
    joint = model.predict_distribution(data[0])
    assert len(mixture.components) == 3
    scale = joint.stddev[:, :, None] * joint.stddev[:, None, :]
    np.testing.assert_allclose(joint.covariance / scale, mixture.covariance / scale, atol=1e-10)
    check_valid(joint)
    for component in mixture.components:
        check_valid(component)


def test_a_row_does_not_depend_on_its_neighbours(model, data):
    X, _ = table(n=600)
    whole = model.predict(X)
    np.testing.assert_array_equal(model.predict(X.iloc[[7]]), whole[[7]])
    np.testing.assert_array_equal(model.predict(X.iloc[5:400]), whole[5:400])


def test_columns_are_found_by_name_and_unknown_categories_are_taken(model, data):
    X = data[0].head(20)
    expected = model.predict(X)
    np.testing.assert_array_equal(model.predict(X[X.columns[::-1]]), expected)
    again = pickle.loads(pickle.dumps(model))
    with pytest.warns(CoveyWarning, match="ignored: 'extra'"):
        np.testing.assert_array_equal(again.predict(X.assign(extra=1)), expected)
    np.testing.assert_array_equal(again.predict(X.assign(extra=1)), expected)  # said once
    with pytest.warns(CoveyWarning, match="20 in 'colour', the first 'never seen' in row 0"):
        check_valid(model.predict_distribution(X.assign(colour="never seen", gaps=np.nan)))
    with pytest.raises(InputError, match=r"without.*'flag'.*'colour'"):
        model.predict(X.drop(columns=["flag", "colour"]))


def test_out_of_fold_predictions_are_by_members_that_did_not_see_the_row(model, data):
    X, Y = data
    assert len(model.out_of_fold_) == 300
    np.testing.assert_array_equal(model.out_of_fold_rows_, np.arange(300))
    assert model.out_of_fold_score_ == pytest.approx(model.out_of_fold_.log_prob(Y).mean())
    components = model.predict_mixture(X).components
    means = np.stack([component.mean for component in components])
    matches = (np.abs(means - model.out_of_fold_.mean) / SCALES < 1e-4).all(axis=2)
    assert (matches.sum(axis=0) >= 1).all()
    counts = matches.sum(axis=1)
    assert ((counts >= 95) & (counts <= 105)).all()  # a third of the rows each
    check_valid(model.out_of_fold_)


def test_a_leak_would_show(data):
    """A target that is noise cannot be predicted out of fold, however long one trains."""
    r = np.random.default_rng(0)
    X, Y = r.normal(size=(150, 5)), r.normal(size=(150, 2))
    model = fit(X, Y, max_steps=300, hidden_units=(64, 64), dropout=0.0)
    entropy = np.log(2 * np.pi * np.e)
    assert model.out_of_fold_score_ < -entropy + 0.15


@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        ({"members": 1}, 60),
        ({"cv": TimeSeriesSplit(3)}, 225),
        ({"cv": RepeatedKFold(n_splits=2, n_repeats=2, random_state=0)}, 300),
    ],
)
def test_splitters(data, changes, rows):
    X, Y = data
    model = fit(X, Y, **changes)
    assert len(model.out_of_fold_) == len(model.out_of_fold_rows_) == rows
    expected = model.out_of_fold_.log_prob(Y.iloc[model.out_of_fold_rows_]).mean()
    assert model.out_of_fold_score_ == pytest.approx(expected)
    check_valid(model.out_of_fold_)


def test_a_row_held_out_twice_gets_the_moments_of_both(data):
    X, Y = data
    half = np.arange(300) < 150
    once = (np.flatnonzero(half), np.flatnonzero(~half))
    model = fit(X, Y, cv=[once, (once[0][:100], once[1])])
    mixture = model.predict_mixture(X.iloc[once[1]])
    np.testing.assert_allclose(model.out_of_fold_.mean / SCALES, mixture.mean / SCALES, rtol=1e-5)
    scale = SCALES[:, None] * SCALES
    np.testing.assert_allclose(
        model.out_of_fold_.covariance / scale, mixture.covariance / scale, rtol=1e-4, atol=1e-6
    )


def test_groups_stay_together(data):
    X, Y = data
    groups = np.arange(300) // 30
    model = covey.JointRegressor(**{**QUICK, "max_steps": 3}).fit(X, Y, groups=groups)
    means = np.stack([c.mean for c in model.predict_mixture(X).components])
    holder = np.abs((means - model.out_of_fold_.mean) / SCALES).max(axis=2).argmin(axis=0)
    for group in range(10):
        assert len(set(holder[groups == group])) == 1


def test_sample_weight_moves_the_fit(data):
    X, Y = data
    weight = np.where(np.arange(300) < 150, 1.0, 1e-6)
    changed = Y.copy()
    changed.iloc[150:] *= 100
    model = covey.JointRegressor(**QUICK).fit(X, changed, sample_weight=weight)
    assert (model.predict_distribution(X).stddev.mean(axis=0) < 3 * Y.std().to_numpy()).all()
    # and it is judged by the rows that count
    figures = model.out_of_fold_evaluation_
    assert figures["effective_rows"] == pytest.approx(150, rel=0.01)


@pytest.mark.parametrize("base", [None, LinearRegression()])
@pytest.mark.parametrize("weighted", [False, True])
def test_rows_of_weight_zero_are_as_if_they_were_not_there(data, tmp_path, weighted, base):
    X, Y = data
    X = X[["number", "gaps", "colour"]] if base is None else X[["number"]]
    X, Y = X.copy(), Y.copy()
    bad = np.arange(300) % 10 == 3
    weight = np.where(bad, 0.0, np.random.default_rng(2).uniform(0.2, 3, 300) if weighted else 1.0)
    kept_X, kept_Y, kept = X[~bad], Y[~bad], weight[~bad] if weighted else None
    X.loc[bad, "number"] *= 1000.0
    if base is None:
        X.loc[bad, "colour"] = "never seen elsewhere"
        X.loc[bad, "gaps"] = np.inf
    Y.loc[bad] = 1e25
    Y.iloc[3] = np.inf
    groups = np.where(bad, np.nan, np.arange(300) // 3)
    some = {**QUICK, "max_steps": 20, "base": base}
    one = covey.JointRegressor(**some).fit(X, Y, sample_weight=weight, groups=groups)
    two = covey.JointRegressor(**some).fit(kept_X, kept_Y, sample_weight=kept, groups=groups[~bad])
    np.testing.assert_array_equal(one.predict(kept_X), two.predict(kept_X))
    assert one.out_of_fold_score_ == two.out_of_fold_score_
    assert one.out_of_fold_evaluation_ == two.out_of_fold_evaluation_
    np.testing.assert_array_equal(one.out_of_fold_.covariance, two.out_of_fold_.covariance)
    np.testing.assert_array_equal(one.out_of_fold_rows_, np.flatnonzero(~bad))
    for model in (one, two):
        model.save(tmp_path / "model.covey")


@pytest.mark.parametrize("bad", [[1.0], -np.ones(300), np.full(300, np.nan), np.zeros(300), ["a"]])
def test_weights_are_checked_wherever_they_are_taken(data, model, bad):
    X, Y = data
    for question in (model.score, model.evaluate, covey.JointRegressor(**QUICK).fit):
        with pytest.raises(InputError, match="`sample_weight` must"):
            question(X, Y, sample_weight=bad)


def test_the_same_seed_gives_the_same_model(data):
    X, Y = data
    first, again = (fit(X, Y, max_steps=20) for _ in range(2))
    np.testing.assert_array_equal(first.predict(X), again.predict(X))
    other = fit(X, Y, max_steps=20, random_state=1)
    assert not np.array_equal(first.predict(X), other.predict(X))


def test_nothing_global_is_seeded_or_configured(data):
    code = (
        "import random, numpy as np, pandas as pd, covey, keras\n"
        "random.seed(1); np.random.seed(1); keras.utils.set_random_seed(1)\n"
        "before = random.getstate(), np.random.get_state()[1].tolist(), keras.config.floatx()\n"
        "X = np.linspace(0, 1, 40)[:, None]\n"
        "covey.JointRegressor(members=2, hidden_units=(4,), max_steps=2, verbose=0).fit(X, X)\n"
        "after = random.getstate(), np.random.get_state()[1].tolist(), keras.config.floatx()\n"
        "print(*[one == two for one, two in zip(before, after)])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "True"]


def test_one_target_given_as_a_vector(data):
    X, Y = data
    model = fit(X, Y["middle"])
    assert model.targets_ == ("middle",)
    mean, stddev = model.predict(X, return_std=True)
    assert mean.shape == stddev.shape == (300,)
    assert model.predict_distribution(X).covariance.shape == (300, 1, 1)
    with pytest.warns(CoveyWarning, match="the model was trained on"):
        assert 0 < model.score(X, Y["middle"]) < 1


def test_arrays(data):
    r = np.random.default_rng(0)
    X, Y = r.normal(size=(50, 4)), r.normal(size=(50, 2))
    model = fit(X, Y)
    assert model.targets_ == ("y0", "y1")
    assert not hasattr(model, "feature_names_in_")
    assert model.predict(X.tolist()).shape == (50, 2)
    with pytest.raises(InputError, match="X has 5 features, but JointRegressor is expecting 4"):
        model.predict(np.zeros((2, 5)))


def test_only_constant_features_still_give_a_distribution():
    r = np.random.default_rng(0)
    X, Y = np.ones((60, 2)), r.normal(size=(60, 2)) + 7
    joint = fit(X, Y).predict_distribution(X)
    np.testing.assert_allclose(joint.mean, Y.mean(axis=0) * np.ones((60, 1)), atol=0.5)
    check_valid(joint)


@pytest.mark.parametrize("n_targets", [1, 2, 3, 5, 12])
def test_every_fitted_covariance_is_valid(n_targets):
    r = np.random.default_rng(n_targets)
    X = r.normal(size=(120, 3))
    Y = X @ r.normal(size=(3, n_targets)) + r.standard_t(2, size=(120, n_targets))
    Y[:, -1] += 50 * Y[:, 0]  # strongly correlated
    model = fit(X, Y, max_steps=100, learning_rate=0.03)
    with pytest.warns(CoveyWarning, match=r"the largest in training;.* and 2 more such ends\."):
        check_valid(model.predict_distribution(np.vstack([X, X * 1e6])))
    check_valid(model.out_of_fold_)


def test_identical_and_constant_targets_are_said_and_valid(data):
    X, Y = data
    Y = pd.DataFrame({"a": Y["middle"], "b": Y["middle"], "c": 3.0})
    with pytest.warns(CoveyWarning) as caught:
        model = fit(X, Y, max_steps=200, learning_rate=0.01)
    said = " ".join(str(warning.message) for warning in caught)
    assert "'a' and 'b' are identical" in said
    assert "constant: ['c']" in said
    joint = model.predict_distribution(X)
    check_valid(joint)
    check_valid(model.out_of_fold_)
    assert joint.correlation[:, 0, 1].min() > 0.9
    np.testing.assert_allclose(joint.mean[:, 2], 3.0, atol=1e-3)


def test_max_time_stops(data, clock):
    X, Y = data
    model = fit(X, Y, max_steps=10**6, max_time=5.0)
    assert 5 <= clock.now < 7
    assert model.predict(X).shape == (300, 3)


def test_callbacks_take_part(data):
    from covey.backend.select import keras

    class Count(keras.callbacks.Callback):
        epochs = 0

        def on_epoch_end(self, epoch, logs=None):
            self.epochs += 1
            self.score = logs["out_of_fold_score"]
            self.model.stop_training = self.epochs == 2

    count = Count()
    model = fit(*data, max_steps=500, callbacks=count)
    assert count.epochs == 2
    assert count.score == pytest.approx(model.out_of_fold_score_, abs=1e-3)
    with pytest.raises(InputError, match="BackupAndRestore"):
        fit(*data, callbacks=keras.callbacks.BackupAndRestore("backup"))


def test_the_progress_bar_shows_the_score_and_can_be_silenced(data, capsys):
    fit(*data, verbose=1)
    shown = capsys.readouterr()
    assert "score" in shown.err
    fit(*data, verbose=0)
    shown = capsys.readouterr()
    assert shown.err == shown.out == ""


def test_save_and_load(model, data, tmp_path):
    X, _ = data
    model.save(tmp_path / "model.covey")
    loaded = covey.load(tmp_path / "model.covey")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.get_params() == model.get_params()
    assert loaded.out_of_fold_score_ == model.out_of_fold_score_
    for name in ("mean", "scale_tril"):
        np.testing.assert_array_equal(
            getattr(loaded.out_of_fold_, name), getattr(model.out_of_fold_, name)
        )
    loaded.save(tmp_path / "again.covey")
    assert (tmp_path / "again.covey").read_bytes() == (tmp_path / "model.covey").read_bytes()


def test_a_fresh_process_predicts_the_same(model, data, tmp_path):
    X, _ = data
    model.save(tmp_path / "model.covey")
    X.to_parquet(tmp_path / "X.parquet")
    code = (
        "import sys, covey, numpy, pandas\n"
        "X = pandas.read_parquet('X.parquet')\n"
        "numpy.save('mean.npy', covey.load('model.covey').predict(X))\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    spread = model.predict_distribution(X).stddev
    difference = np.abs(np.load(tmp_path / "mean.npy") - model.predict(X)) / spread
    assert difference.max() < 1e-5


def test_load_refuses_what_is_no_regressor(tmp_path):
    path = tmp_path / "model.covey"
    path.write_text("no model")
    with pytest.raises(ArtifactError, match="Expected"):
        covey.load(path)
    covey.archive.container.write(path, {"kind": "something else"}, {})
    with pytest.raises(ArtifactError, match="something else"):
        covey.load(path)
    for layout in ({}, {"layout": 1, "written_by": "0.0.1"}, {"layout": 99}):
        covey.archive.container.write(path, {"kind": "JointRegressor", **layout}, {})
        with pytest.raises(ArtifactError, match=r"in layout 2.*fit the model again"):
            covey.load(path)
    covey.archive.container.write(path, {"kind": "JointRegressor", "layout": 2}, {})
    with pytest.raises(ArtifactError, match="lacks or garbles"):
        covey.load(path)
    with pytest.raises(FileNotFoundError):
        covey.load(tmp_path / "none.covey")


def test_numpy_numbers_as_parameters_are_saved(data, tmp_path):
    model = fit(*data, members=np.int64(2), learning_rate=np.float32(0.01))
    model.save(tmp_path / "model.covey")
    loaded = covey.load(tmp_path / "model.covey")
    assert loaded.members == 2
    assert loaded.learning_rate == pytest.approx(0.01)


def test_threads_may_predict_at_once(model, data):
    again = pickle.loads(pickle.dumps(model))
    expected = model.predict(data[0])
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: again.predict(data[0]), range(24)):
            np.testing.assert_array_equal(found, expected)


def test_the_global_policy_does_not_matter(data):
    from covey.backend.select import keras

    expected = fit(*data, max_steps=20).predict(data[0])
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        np.testing.assert_array_equal(fit(*data, max_steps=20).predict(data[0]), expected)
    finally:
        keras.config.set_dtype_policy(policy)


def test_frames_with_numbers_for_names(data):
    r = np.random.default_rng(0)
    X, Y = pd.DataFrame(r.normal(size=(40, 2))), pd.DataFrame(r.normal(size=(40, 2)))
    assert np.isfinite(fit(X, Y).predict_distribution(X).log_prob(Y)).all()


def test_scikit_learn_can_clone_and_pickle(model, data):
    assert clone(model).get_params() == model.get_params()
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(data[0]), model.predict(data[0]))


def test_an_unfitted_estimator_says_so(data, tmp_path):
    for call in (lambda m: m.predict(data[0]), lambda m: m.save(tmp_path / "x.covey")):
        with pytest.raises(NotFittedError):
            call(covey.JointRegressor())


X_GOOD, Y_GOOD = table(n=12)


@pytest.mark.parametrize(
    ("X", "Y", "arguments", "message"),
    [
        (
            X_GOOD,
            Y_GOOD.assign(big="text"),
            {},
            "`Y` must hold numbers.*'text' in row 0, column 'big'",
        ),
        (X_GOOD, Y_GOOD.assign(big=np.nan), {}, "nothing but NaN in 'big'"),
        (X_GOOD, Y_GOOD.assign(big=np.inf), {}, "infinity.*'big'"),
        (X_GOOD.assign(number=np.inf), Y_GOOD, {}, "infinity.*'number'"),
        (X_GOOD, Y_GOOD.head(11), {}, "same number of rows.*12 and 11"),
        (X_GOOD.head(4), Y_GOOD.head(4), {"members": 5}, "at least 5 rows, one for each fold"),
        (X_GOOD.set_axis(["a"] * 6, axis=1), Y_GOOD, {}, "more than one 'a'"),
        (X_GOOD, Y_GOOD.set_axis(["a", "a", "b"], axis=1), {}, "more than one 'a'"),
        (X_GOOD, Y_GOOD.set_axis(["a", "a_a", "a_a_a"], axis=1), {}, "both give 'cov_a_a_a_a'"),
        (X_GOOD, Y_GOOD, {"family": "gamma"}, "`family` must be"),
        (X_GOOD, Y_GOOD, {"dropout": 1.0}, "`dropout` must be a number in"),
        (X_GOOD, Y_GOOD, {"hidden_units": (0,)}, "`hidden_units` must be positive"),
        (X_GOOD, Y_GOOD, {"activation": "magic"}, "`activation` must name"),
        (X_GOOD, Y_GOOD, {"max_steps": 0}, "`max_steps` must be a number of at least 1"),
        (
            X_GOOD,
            Y_GOOD,
            {"max_steps": 2.7},
            "`max_steps` must be a number of at least 1, finite and whole",
        ),
        (
            X_GOOD,
            Y_GOOD,
            {"learning_rate": np.nan},
            "`learning_rate` must be a number of at least 0",
        ),
        (
            X_GOOD,
            Y_GOOD,
            {"learning_rate": "fast"},
            "`learning_rate` must be a number of at least 0",
        ),
        (X_GOOD, Y_GOOD, {"activation": {"class_name": "Sequential"}}, "`activation` must name"),
        (X_GOOD, Y_GOOD, {"random_state": "a"}, "`random_state` must be"),
        (X_GOOD, Y_GOOD, {"cv": "a"}, "`cv` must be"),
        (X_GOOD, Y_GOOD.iloc[::-1], {}, "rows in the same order"),
    ],
)
def test_bad_input_is_refused(X, Y, arguments, message):
    estimator = covey.JointRegressor(**{**QUICK, **arguments})
    with pytest.raises(InputError, match=message):
        estimator.fit(X, Y)
    assert not [name for name in vars(estimator) if name.endswith("_")]


OPTIONS = ["members", "rank", "dropout", "learning_rate", "weight_decay", "batch_size", "max_steps"]


@pytest.mark.parametrize("value", [True, False, np.True_])
@pytest.mark.parametrize("name", [*OPTIONS, "max_time", "hidden_units", "random_state"])
def test_true_and_false_are_no_numbers(name, value):
    family = {"family": "low_rank"} if name == "rank" else {}
    given = (16, value) if name == "hidden_units" else value
    with pytest.raises(InputError, match=rf"`{name}` must be.*{value!r}"):
        fit(X_GOOD, Y_GOOD, **family, **{name: given})


@pytest.mark.parametrize("value", [2.5, 1.0, -1, "no", None, np.float64(1), [1]])
@pytest.mark.parametrize("name", ["members", "rank", "hidden_units", "batch_size", "verbose"])
def test_whole_numbers_are_whole(name, value):
    """None stands for the default of some; a list of one width is one layer of it."""
    if value is None and name in ("members", "rank", "batch_size"):
        pytest.skip("the default")
    family = {"family": "low_rank"} if name == "rank" else {}
    given = (16, value) if name == "hidden_units" else value
    estimator = covey.JointRegressor(**{**QUICK, **family, name: given})
    with pytest.raises(InputError, match=f"`{name}` must"):
        estimator.fit(X_GOOD, Y_GOOD)


@pytest.mark.parametrize("value", [0, False, np.False_, np.int64(0)])
def test_verbose_may_be_false(value, capsys):
    covey.JointRegressor(**{**QUICK, "max_steps": 2, "verbose": value}).fit(X_GOOD, Y_GOOD)
    assert capsys.readouterr() == ("", "")


def test_a_refused_fit_leaves_the_fitted_estimator_as_it_was(model, data):
    again = pickle.loads(pickle.dumps(model))
    with pytest.raises(InputError):
        again.fit(X_GOOD, Y_GOOD.assign(big="text"))
    np.testing.assert_array_equal(again.predict(data[0]), model.predict(data[0]))


def test_an_empty_column_is_dropped_with_a_warning(data):
    X, Y = data
    with pytest.warns(CoveyWarning, match="without any value.*'empty'"):
        model = fit(X.assign(empty=np.nan), Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.predict(X.assign(empty=np.nan)).shape == (300, 3)


def test_level_must_be_a_probability(model, data):
    with pytest.raises(InputError, match=r"Did you mean 0\.9"):
        model.predict_distribution(data[0]).interval(90)


def test_how_many_members_there_are_unless_one_says_it(data, tmp_path):
    X, Y = data
    options = {"members": None, "max_steps": 2, "family": "student_t"}
    model = covey.JointRegressor(**{**QUICK, **options}).fit(X[:90], Y[:90])
    assert model.members_ == 10
    assert "10 members" in model.summary()
    model.save(tmp_path / "m.covey")
    loaded = covey.load(tmp_path / "m.covey")
    assert (loaded.members, loaded.members_) == (None, 10)
    based = covey.JointRegressor(**{**QUICK, **options}, base=LinearRegression())
    assert based.fit(X[["number"]][:90], Y[:90]).members_ == 5
    X.join(Y)[:90].to_parquet(tmp_path / "t.parquet")
    files = covey.JointRegressor(**{**QUICK, **options})
    assert files.fit_files(tmp_path / "t.parquet", list(Y)).members_ == 5
