"""skore evaluates a `JointRegressor` like any other regressor: `make test-skore`."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import covey
from covey.scorers import get_scorer

skore = pytest.importorskip("skore", reason="it has an environment of its own: make test-skore")

# skore's own, and those about rows of training that it scores on purpose
pytestmark = pytest.mark.filterwarnings("ignore")
NAMES = ["CO", "NOx"]


@pytest.fixture(scope="module")
def table():
    generator = np.random.default_rng(0)
    X = pd.DataFrame(generator.normal(size=(200, 3)), columns=["a", "b", "c"])
    X["kind"] = generator.choice(["u", "v"], 200)
    Y = X[["a", "b"]].to_numpy() @ [[2.0, 1.0], [0.0, 3.0]] + generator.normal(size=(200, 2))
    return X, pd.DataFrame(Y, columns=NAMES)


def regressor():
    return covey.JointRegressor(
        family="student_t", members=2, hidden_units=(8,), max_steps=40, random_state=0, verbose=0
    )


@pytest.fixture(scope="module")
def report(table):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return skore.evaluate(regressor(), *table)


def test_a_split_is_fitted_and_its_test_rows_are_scored(report, table):
    assert isinstance(report, skore.EstimatorReport)
    assert report.ml_task == "multioutput-regression"
    mean = report.estimator_.predict(report.X_test)
    assert len(mean) == 40
    np.testing.assert_allclose(
        report.metrics.r2(), r2_score(report.y_test, mean, multioutput="raw_values")
    )
    np.testing.assert_allclose(
        report.metrics.mae(), mean_absolute_error(report.y_test, mean, multioutput="raw_values")
    )
    assert min(report.metrics.r2()) > 0.5


def test_scores_of_whole_distributions_join_its_metrics(report):
    report.metrics.add(get_scorer("log_density"))
    text = str(report.metrics.summarize().frame())
    joint = report.estimator_.predict_distribution(report.X_test)
    expected = joint.log_prob(report.y_test).mean()
    assert "log_density" in text
    assert f"{expected:.4f}" in text


def test_its_pictures_importances_and_checks_work(report):
    assert len(report.metrics.prediction_error().frame()) == 2 * 40
    found = report.inspection.permutation_importance(n_repeats=2).frame()
    assert set(found["feature"]) == {"a", "b", "c", "kind"}
    assert "passed" in str(report.checks.summarize())
    assert report._repr_html_()


def test_cross_validation_and_comparison(table):
    folds = skore.evaluate(regressor(), *table, splitter=2)
    assert isinstance(folds, skore.CrossValidationReport)
    means = folds.metrics.summarize().frame()
    assert means.filter(like="r2", axis=0).to_numpy().size
    X, Y = table
    linear = make_pipeline(StandardScaler(), LinearRegression())
    both = skore.evaluate({"covey": regressor(), "linear": linear}, X[["a", "b", "c"]], Y)
    assert "linear" in str(both.metrics.summarize().frame())
