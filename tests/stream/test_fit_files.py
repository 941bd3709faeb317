"""Fits to files: an ordinary fitted estimator, and interruptions that cost nothing."""

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold

import covey
from covey.assess.verdict import verdict
from covey.errors import CoveyWarning, InputError
from covey.stream import first_pass

QUICK = {"hidden_units": (8,), "members": 2, "max_steps": 120, "random_state": 0, "verbose": 0}
NAMES = {"targets": ["y", "z"], "features": ["a", "b", "colour", "day"]}


@pytest.fixture(scope="module")
def fitted(folder):
    return covey.JointRegressor(**QUICK).fit_files(folder, **NAMES)


class Stop(keras.callbacks.Callback):
    """Ctrl-C at one of the looks."""

    def __init__(self, at):
        super().__init__()
        self.left = at

    def on_epoch_end(self, epoch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_the_result_is_an_ordinary_model(fitted, frame, tmp_path):
    X, Y = frame[NAMES["features"]], frame[NAMES["targets"]]
    assert fitted.targets_ == ("y", "z")
    assert list(fitted.feature_names_in_) == NAMES["features"]
    assert fitted.n_features_in_ == 4
    mean, covariance = fitted.predict(X[:50], return_cov=True)
    assert mean.shape == (50, 2)
    assert np.linalg.eigvalsh(covariance).min() > 0
    with pytest.warns(CoveyWarning, match="are rows the model was trained on"):
        figures = fitted.evaluate(X[:500], Y[:500])
    assert figures["per_target"]["y"]["r2"] > 0.5
    assert "2 targets from 4 columns, 2 members" in fitted.summary()
    fitted.save(tmp_path / "m.covey")
    again = covey.load(tmp_path / "m.covey")
    assert np.array_equal(again.predict(X[:50]), mean)
    assert again.summary() == fitted.summary()
    assert again.out_of_fold_evaluation_ == fitted.out_of_fold_evaluation_
    with pytest.warns(CoveyWarning, match="are rows the model was trained on"):
        again.calibrate(X[:300], Y[:300])
    assert again.predict_distribution(X[:5]).calibration == "conformal"


def test_out_of_fold_figures_are_of_the_sample(fitted, frame):
    rows = frame[NAMES["targets"]].notna().any(axis=1).sum()
    assert fitted.out_of_fold_evaluation_["of_rows"] == rows
    assert fitted.out_of_fold_score_ == fitted.family_scores_[fitted.family_]
    assert len(verdict(fitted.out_of_fold_evaluation_, held_out=True)) == 5
    for name in ("out_of_fold_", "out_of_fold_rows_"):
        assert not hasattr(fitted, name)
        with pytest.raises(AttributeError, match=rf"`{name}` is not kept by `fit_files`"):
            getattr(fitted, name)
    with pytest.raises(AttributeError, match="is not fitted yet"):
        _ = covey.JointRegressor().out_of_fold_
    with pytest.raises(AttributeError, match="no attribute 'elsewhere'"):
        _ = fitted.elsewhere


@pytest.mark.slow
def test_it_is_about_as_good_as_a_fit_in_memory(folder, frame):
    options = {**QUICK, "members": 3, "max_steps": 300}
    streamed = covey.JointRegressor(**options).fit_files(folder, **NAMES)
    table = covey.JointRegressor(**options).fit(frame[NAMES["features"]], frame[NAMES["targets"]])
    assert streamed.out_of_fold_score_ == pytest.approx(table.out_of_fold_score_, abs=0.05)


def test_covariances_may_be_of_low_rank(folder, frame):
    options = {**QUICK, "family": "low_rank", "rank": 1, "max_steps": 100}
    streamed = covey.JointRegressor(**options).fit_files(folder, **NAMES)
    table = covey.JointRegressor(**options).fit(frame[NAMES["features"]], frame[NAMES["targets"]])
    assert streamed.family_ == "low_rank"
    assert streamed.out_of_fold_score_ == pytest.approx(table.out_of_fold_score_, abs=0.15)


def test_what_a_fit_left_is_gone_after_the_next(fitted, folder, frame):
    model = clone(fitted).set_params(max_steps=2, family="student_t", members=1)
    X, Y = frame[NAMES["features"]][:60], frame[NAMES["targets"]][:60]
    for from_files, named in ((False, True), (True, True), (False, False)):
        if from_files:
            model.fit_files(folder, **NAMES)
        else:
            model.fit(X if named else X[["a", "b"]].to_numpy(), Y)
        assert model.n_features_in_ == (4 if named else 2)
        assert hasattr(model, "feature_names_in_") == named
        assert hasattr(model, "out_of_fold_") == hasattr(model, "out_of_fold_rows_")
        assert hasattr(model, "out_of_fold_") != from_files


def test_one_target_weights_and_groups(folder, frame):
    model = covey.JointRegressor(**{**QUICK, "members": 1, "family": "student_t"})
    model.fit_files(folder, "y", features=["a", "b"], sample_weight="w", groups="site")
    assert model.predict(frame[["a", "b"]][:7]).shape == (7,)
    assert model.n_features_in_ == 2


def test_a_seed_gives_the_same_model(folder, fitted, frame):
    again = covey.JointRegressor(**QUICK).fit_files(folder / "*.parquet", **NAMES)
    X = frame[NAMES["features"]][:20]
    assert np.array_equal(again.predict(X), fitted.predict(X))


@pytest.mark.parametrize("at", [2, 4, 5])
def test_an_interrupted_fit_ends_where_the_unbroken_one_does(
    folder, fitted, frame, tmp_path, at, monkeypatch
):
    path = tmp_path / "c"
    stopped = covey.JointRegressor(**QUICK, callbacks=[Stop(at)])
    with pytest.raises(KeyboardInterrupt):
        stopped.fit_files(folder, **NAMES, checkpoint=path)
    assert path.exists()
    # what the passes before training told is kept
    monkeypatch.setattr(first_pass.FirstPass, "of", None)
    model = covey.JointRegressor(**QUICK).fit_files(folder, **NAMES, checkpoint=path, resume=True)
    assert not path.exists()
    assert model.family_scores_ == pytest.approx(fitted.family_scores_, abs=1e-5)
    X = frame[NAMES["features"]][:50]
    assert model.predict(X) == pytest.approx(fitted.predict(X), abs=1e-3)


def test_only_the_same_fit_is_resumed(folder, tmp_path):
    path = tmp_path / "c"
    stopped = covey.JointRegressor(**QUICK, callbacks=[Stop(1)])
    with pytest.raises(KeyboardInterrupt):
        stopped.fit_files(folder, **NAMES, checkpoint=path)
    again = covey.JointRegressor(**QUICK)
    with pytest.raises(InputError, match="interrupted"):
        again.fit_files(folder, **NAMES, checkpoint=path)
    for change, names, message in (
        ({"max_steps": 121}, NAMES, "other max_steps"),
        ({"hidden_units": (9,)}, NAMES, "other hidden_units"),
        ({"random_state": 1}, NAMES, "other random_state"),
        ({}, {**NAMES, "targets": ["z", "y"]}, "other columns"),
    ):
        with pytest.raises(InputError, match=message):
            covey.JointRegressor(**{**QUICK, **change}).fit_files(
                folder, **names, checkpoint=path, resume=True
            )
    with pytest.raises(InputError, match="other files"):
        again.fit_files(folder / "part-1.parquet", **NAMES, checkpoint=path, resume=True)


@pytest.mark.parametrize(
    ("change", "names", "message"),
    [
        ({"base": LinearRegression()}, {}, "`base` is fitted to tables in memory"),
        ({"cv": KFold(3)}, {}, "a splitter splits tables in memory"),
        ({"family": "gamma"}, {}, "`family` must be one of"),
        ({"members": 0}, {}, "`members`"),
        ({"activation": "none such"}, {}, "`activation`"),
        ({"max_steps": 0}, {}, "`max_steps`"),
        ({"batch_size": "many"}, {}, "`batch_size`"),
        ({}, {"targets": ["q"]}, "`targets`"),
        ({"verbose": 2.5}, {}, "`verbose` must be 0"),
        ({}, {"resume": True}, "`resume` needs"),
        ({}, {"resume": "no"}, "`resume` must be True or False"),
    ],
)
def test_errors_come_before_the_work(folder, monkeypatch, change, names, message):
    monkeypatch.setattr(first_pass.FirstPass, "of", None)
    model = covey.JointRegressor(**{**QUICK, **change})
    with pytest.raises(InputError, match=message):
        model.fit_files(folder, **{**NAMES, **names})
    assert not hasattr(model, "ensemble_")


def test_a_file_that_is_named_twice_is_read_once_and_said(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=200), "y": rng.normal(size=200)})
    frame.to_parquet(tmp_path / "t.parquet")
    model = covey.JointRegressor("normal", members=2, max_steps=2, random_state=0, verbose=0)
    twice = (path for path in [tmp_path / "t.parquet", tmp_path / "." / "t.parquet"])
    with pytest.warns(covey.errors.CoveyWarning, match=r"read once: .*t\.parquet\.$"):
        model.fit_files(twice, ["y"])
    assert model.out_of_fold_evaluation_["rows"] == 200
