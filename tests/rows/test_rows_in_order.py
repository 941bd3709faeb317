"""A fit to rows that depend on their neighbours: what is said, kept, and held within the range."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import covey
from covey.archive import container
from covey.archive.describe import describe
from covey.assess.verdict import verdict
from covey.errors import CoveyWarning, InputError
from covey.report.facts import settings_of

QUICK = {
    "family": "student_t",
    "members": 2,
    "hidden_units": (8,),
    "max_steps": 30,
    "random_state": 0,
}
SAID = "covey: Rows depend on their neighbours in the order of the table: residuals of '"


def table(n=400):
    r = np.random.default_rng(0)
    noise = np.zeros((n, 2))
    for i in range(1, n):
        noise[i] = 0.9 * noise[i - 1] + r.normal(size=2)
    X = pd.DataFrame({"a": r.uniform(0, 1, n), "b": r.choice(["u", "v"], n)})
    return X, pd.DataFrame(noise + X[["a"]].to_numpy(), columns=["p", "q"])


@pytest.fixture(scope="module")
def fitted():
    X, Y = table()
    return covey.JointRegressor(**QUICK, verbose=0).fit(X, Y)


def test_it_is_said_once_and_kept(fitted, capsys, tmp_path):
    X, Y = table()
    model = covey.JointRegressor(**QUICK).fit(X, Y)
    printed = capsys.readouterr().out
    assert printed.count(SAID) == 1
    order = model.out_of_fold_evaluation_["order"]
    assert f"covey: {order['said']}\n" in printed
    assert "whole blocks" in printed.splitlines()[-1]  # of the verdict
    assert (order["folds"], order["by"], order["because"]) == ("blocks", "the table", "neighbours")
    fitted.save(tmp_path / "m.covey")
    loaded = covey.load(tmp_path / "m.covey")
    assert loaded.out_of_fold_evaluation_["order"] == order
    with pytest.warns(CoveyWarning, match=r"1 has 'a' above 0\.988466, the largest in training"):
        loaded.predict(X[:1].assign(a=99.0))


def test_few_blocks_hold_predictions_back(fitted, tmp_path):
    X, Y = table()
    caution = fitted.out_of_fold_evaluation_["caution"]
    assert caution["freedom"] == 4
    assert 0 <= caution["shrinkage"] <= 0.5
    line = "few blocks tell little of rows to come: tails have at most 4 degrees of freedom"
    assert line in fitted.summary()
    joint = fitted.predict_distribution(X[:5])
    assert (joint.degrees_of_freedom <= 4).all()
    assert (fitted.out_of_fold_.degrees_of_freedom <= 4).all()
    found = fitted.out_of_fold_.log_prob(Y).mean()
    assert found == pytest.approx(fitted.out_of_fold_score_)
    np.testing.assert_allclose(
        fitted.predict_mixture(X[:5]).moment_matched().covariance, joint.covariance
    )
    fitted.save(tmp_path / "m.covey")
    said = describe(tmp_path / "m.covey")["few blocks"]
    assert said.startswith("tails have at most 4 degrees of freedom")
    assert dict(settings_of(fitted, "out_of_fold"))["Few blocks of rows"] == said
    again = covey.load(tmp_path / "m.covey").predict_distribution(X[:5])
    np.testing.assert_allclose(again.covariance, joint.covariance, rtol=1e-6)
    np.testing.assert_allclose(again.region(0.9).radius, joint.region(0.9).radius, rtol=1e-6)
    assert container.read(tmp_path / "m.covey")[0]["layout"] == 5  # which earlier ones refuse
    known = fitted.fitted_.calibration_set
    # six blocks of 67 or 66 rows, of which the first member held out three
    np.testing.assert_array_equal(known.blocks, np.arange(400) >= 3 * 67)
    plain = dataclasses.replace(known, blocks=None)
    radius = joint.calibrated_by(plain).region(0.9).radius
    assert (joint.region(0.9).radius >= radius * (1 - 1e-9)).all()
    by_chance = covey.JointRegressor(**QUICK, cv="shuffled", verbose=0).fit(X, Y)
    assert by_chance.out_of_fold_evaluation_["caution"] is None
    assert "few blocks" not in by_chance.summary()
    assert by_chance.fitted_.calibration_set.blocks is None


@pytest.mark.parametrize("cv", ["shuffled", "blocks"])
def test_the_user_may_say_which(cv, capsys, tmp_path):
    X, Y = table()
    model = covey.JointRegressor(**QUICK, cv=cv).fit(X, Y)
    assert "neighbours in the order" not in capsys.readouterr().out
    order = model.out_of_fold_evaluation_["order"]
    assert order is None if cv == "shuffled" else order["because"] == "asked"
    model.save(tmp_path / "m.covey")
    assert covey.load(tmp_path / "m.covey").cv == cv


def test_shuffled_rows_are_fitted_without_a_word(capsys):
    X, Y = table()
    shuffled = np.random.default_rng(1).permutation(len(X))
    model = covey.JointRegressor(**QUICK).fit(X.iloc[shuffled], Y.iloc[shuffled])
    assert model.out_of_fold_evaluation_["order"] is None
    printed = capsys.readouterr().out
    assert "block" not in printed
    assert "order" not in printed


def test_a_base_and_a_single_member_are_held_out_alike():
    X, Y = table()
    X = X[["a"]]
    model = covey.JointRegressor(**{**QUICK, "members": 1}, base=LinearRegression(), verbose=0).fit(
        X, Y
    )
    np.testing.assert_array_equal(model.out_of_fold_rows_, np.arange(320, 400))
    # the base of the only member is fitted to what comes before
    expected = LinearRegression().fit(X[:320], Y[:320])
    np.testing.assert_allclose(model.base_[0].coef_, expected.coef_)


def test_numbers_beyond_the_range_end_where_it_does():
    X, Y = table()
    fitted = covey.JointRegressor(**QUICK, verbose=0).fit(X, Y)
    top, low = X["a"].max(), X["a"].min()
    new = X[:4].assign(a=[top, low, 17.0, -17.0], b="u")
    with pytest.warns(CoveyWarning, match="Of 4 rows, 1 has 'a' below .*; 1 has 'a' above"):
        joint = fitted.predict_distribution(new)
    np.testing.assert_array_equal(joint.mean[2:], joint.mean[:2])
    np.testing.assert_array_equal(joint.covariance[2:], joint.covariance[:2])
    # so does the linear start
    inputs = fitted.fitted_.inputs(new)
    start = fitted.fitted_.baseline.distribution(inputs, fitted.targets_).mean
    np.testing.assert_array_equal(start[2:], start[:2])
    figures = fitted.evaluate(new, Y[:4])
    assert figures["beyond_range"] == {"rows": 2, "columns": {"a": {"below": 1, "above": 1}}}
    assert "2 rows are beyond the range that training saw, in a (2)" in verdict(figures)[-1]
    with pytest.warns(CoveyWarning, match="the model was trained on"):
        assert fitted.evaluate(X, Y)["beyond_range"] == {"rows": 0, "columns": {}}


@pytest.mark.parametrize("cv", ["time", "block", "Shuffled"])
def test_other_names_are_refused(cv):
    with pytest.raises(InputError, match=f'"shuffled", "blocks", "later", .*{cv}'):
        covey.JointRegressor(**QUICK, cv=cv).fit(*table())
