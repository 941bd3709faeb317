"""Graphs, run by onnxruntime, say what `predict_distribution` says."""

import dataclasses
import json

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from scipy import stats

import covey
from covey.distributions.internals import scale_matrix
from covey.export.file import model_of
from covey.members.activations import ACTIVATIONS
from covey.members.fitted_model import FittedModel
from tests.export.feeds import feeds, run
from tests.golden import CASES, file_of, new_rows, numbers

pytestmark = pytest.mark.filterwarnings("ignore::covey.errors.CoveyWarning")
NEAR = 1e-5
EXPORTED = [name for name in CASES if name != "transform"]


def session_of(fitted):
    content = model_of(fitted).SerializeToString()
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def assert_near(found, joint):
    stddev = joint.stddev
    scale = stddev[:, :, None] * stddev[:, None, :]
    assert found["mean"].shape == joint.mean.shape
    assert (np.abs(found["mean"] - joint.mean) / stddev).max() < NEAR
    assert (np.abs(found["covariance"] - joint.covariance) / scale).max() < NEAR


@pytest.fixture(scope="module", params=EXPORTED)
def case(request):
    model = covey.load(file_of(request.param))
    return request.param, model, session_of(model.fitted_), new_rows(request.param)


def test_mean_and_covariance(case):
    _, model, session, X = case
    assert_near(run(session, X), model.predict_distribution(X))


def test_a_graph_is_a_sound_model(case):
    _, model, _, _ = case
    found = model_of(model.fitted_)
    onnx.checker.check_model(found, full_check=True)
    assert {each.domain: each.version for each in found.opset_import} == {"": 17, "ai.onnx.ml": 3}
    assert found.ir_version == 8
    names = [node.name for node in found.graph.node]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_any_number_of_rows(case, count):
    _, _, session, X = case
    all_rows, some = run(session, X), run(session, X[:count])
    for name, array in some.items():
        scale = np.abs(all_rows[name]).max()
        np.testing.assert_allclose(array, all_rows[name][:count], rtol=1e-5, atol=1e-6 * scale)


def test_covariances_are_valid(case):
    covariance = run(case[2], case[3])["covariance"]
    np.testing.assert_array_equal(covariance, np.swapaxes(covariance, 1, 2))
    np.linalg.cholesky(covariance)


def test_degrees_of_freedom_of_a_student_t(case):
    _, model, session, X = case
    found = run(session, X)
    if model.family_ != "student_t":
        assert "degrees_of_freedom" not in found
        return
    expected = model.predict_distribution(X).degrees_of_freedom
    np.testing.assert_allclose(found["degrees_of_freedom"], expected, rtol=1e-5)


def test_components_of_a_mixture(case):
    _, model, session, X = case
    found = run(session, X)
    if model.family_ != "mixture":
        assert not any(name.startswith("component") for name in found)
        return
    joint = model.predict_distribution(X)
    np.testing.assert_allclose(found["component_weights"], joint.weights, atol=1e-5)
    for number, component in enumerate(joint.components):
        own = component.stddev
        away = np.abs(found["component_means"][:, number] - component.mean) / own
        assert away.max() < NEAR
        freedom = found["component_degrees_of_freedom"][:, number]
        np.testing.assert_allclose(freedom, component.degrees_of_freedom, rtol=1e-5)
        factor = found["component_factors"][:, number]
        scale = factor @ np.swapaxes(factor, 1, 2)
        assert (
            np.abs(scale - scale_matrix(component).matrices()) / (own[:, :, None] * own[:, None, :])
        ).max() < NEAR


def test_levels_are_those_of_calibrated_intervals(case):
    _, model, session, X = case
    metadata = session.get_modelmeta().custom_metadata_map
    levels = json.loads(metadata["covey.levels"])
    joint = model.predict_distribution(X)
    assert levels["method"] == joint.calibration
    for level in ("0.5", "0.8", "0.9"):
        for target, own in enumerate(levels[level]["interval"]):
            if own == 1:  # too few rows for a guarantee
                assert np.isinf(joint.interval(float(level))[1][:, target]).all()
                continue
            by_model = joint.interval(own, method="model")
            for mine, end in zip(by_model, joint.interval(float(level)), strict=True):
                away = np.abs(mine - end)[:, target] / joint.stddev[:, target]
                assert away.max() < 1e-6
    if model.family_ == "student_t" and levels["0.8"]["interval"][0] < 1:  # the recipe of the page
        found = run(session, X)
        nu, own = found["degrees_of_freedom"], levels["0.8"]["interval"][0]
        scale = np.sqrt(found["covariance"][:, 0, 0] * (nu - 2) / nu)
        upper = found["mean"][:, 0] + scale * stats.t.ppf((1 + own) / 2, nu)
        away = np.abs(upper - joint.interval(0.8)[1][:, 0]) / joint.stddev[:, 0]
        assert away.max() < NEAR


def test_the_file_says_what_it_is(case):
    _, model, session, _ = case
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["covey.family"] == model.family_
    assert metadata["covey.version"] == covey.__version__
    assert json.loads(metadata["covey.targets"]) == list(model.targets_)
    features = json.loads(metadata["covey.features"])
    assert [one["name"] for one in features] == list(model.schema_.names)
    for one, column in zip(features, model.schema_.columns, strict=True):
        if one["kind"] == "label":
            assert one["categories"] == list(column.categories)
        if one["kind"] == "date":
            assert one["unit"] == "seconds since 1970-01-01 UTC"
            assert one["low"] == column.low * 86400
    inputs = {one.name for one in session.get_inputs()}
    assert {one["input"] for one in features if one["input"]} == inputs


def test_a_row_with_infinity_which_covey_refuses_is_nan():
    model = covey.load(file_of("student_t"))
    X = new_rows("student_t")
    X.loc[1, "a"] = np.inf
    with pytest.raises(covey.errors.InputError, match="infinity"):
        model.predict(X)
    found = run(session_of(model.fitted_), X)
    for array in found.values():
        assert np.isnan(array[1]).all()
        assert np.isfinite(np.delete(array, 1, axis=0)).all()


@pytest.mark.parametrize("text", ["NA", "#N/A", "", "red", "Zürich", "Zu\u0308rich", "new", "7.0"])
def test_labels_in_other_spellings(text):
    model = covey.load(file_of("categories"))
    X = new_rows("categories")
    X["colour"] = text
    assert_near(run(session_of(model.fitted_), X), model.predict_distribution(X))


def test_whole_seconds_of_dates_are_exact():
    """At midnight and on the hour, where days and parts of them begin."""
    model = covey.load(file_of("dates"))
    X = new_rows("dates")
    X["when"] = pd.date_range("1968-12-28", periods=len(X), freq="h")
    assert_near(run(session_of(model.fitted_), X), model.predict_distribution(X))


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_each_activation(name):
    model = covey.load(file_of("normal"))
    ensemble = model.fitted_.ensemble
    architecture = dataclasses.replace(ensemble.architecture, activation=name)
    fitted: FittedModel = dataclasses.replace(
        model.fitted_, ensemble=dataclasses.replace(ensemble, architecture=architecture)
    )
    X = new_rows("normal")
    if name == "sparsemax":
        with pytest.raises(covey.errors.InputError, match="activation='sparsemax'"):
            model_of(fitted)
        return
    assert_near(run(session_of(fitted), X), fitted.distribution(fitted.inputs(X)))


def test_names_that_a_graph_cannot_have():
    model = covey.load(file_of("normal"))
    schema = model.schema_
    columns = tuple(
        dataclasses.replace(column, name=name)
        for column, name in zip(schema.columns, ("mean", "/Add/3"), strict=True)
    )
    fitted = dataclasses.replace(model.fitted_, schema=dataclasses.replace(schema, columns=columns))
    X = new_rows("normal").set_axis(["mean", "/Add/3"], axis=1)
    session = session_of(fitted)
    assert [one.name for one in session.get_inputs()] == ["X:mean", "X:/Add/3"]
    assert_near(run(session, X), fitted.distribution(fitted.inputs(X)))


def test_a_column_that_taught_nothing_is_no_input():
    model = covey.load(file_of("normal"))
    schema = model.schema_
    constant = dataclasses.replace(schema.columns[0], name="same", scale=0.0, missing=False)
    longer = dataclasses.replace(schema, columns=(constant, *schema.columns))
    fitted = dataclasses.replace(model.fitted_, schema=longer)
    session, X = session_of(fitted), new_rows("normal")
    assert [one.name for one in session.get_inputs()] == ["a", "b"]
    assert_near(run(session, X), model.predict_distribution(X))


def test_a_model_without_anything_to_go_by():
    X = pd.DataFrame({"same": np.ones(60)})
    Y = np.stack([numbers(60)["b"], numbers(60)["a"]], axis=1)
    parameters = {"hidden_units": 4, "max_steps": 3, "members": 2, "random_state": 0}
    model = covey.JointRegressor(family="normal", trees=False, verbose=0, **parameters).fit(X, Y)
    assert_near(run(session_of(model.fitted_), X), model.predict_distribution(X))


def test_kinds_of_cells_that_a_graph_does_not_take():
    model = covey.load(file_of("categories"))
    session, X = session_of(model.fitted_), new_rows("categories")
    given = feeds(session, X)
    for name, wrong in [("a", given["colour"]), ("colour", given["a"])]:
        with pytest.raises(Exception, match=f"(?i){name}.*expected|expected"):
            session.run(None, given | {name: wrong})
    with pytest.raises(ValueError, match=r"(?i)missing|required"):
        session.run(None, {"a": given["a"]})


def test_a_full_hour_goes_the_same_way_through_trees():
    """The sine of noon is 0 but for rounding, which is another one in a graph."""
    r = np.random.default_rng(0)
    when = pd.date_range("2024-01-01", periods=400, freq="6h")
    X = pd.DataFrame({"when": when, "x": r.normal(size=400)})
    step = np.where(when.hour == 12, 3.0, 0.0) + np.where(when.hour == 18, -2.0, 0.0)
    Y = np.column_stack([step + 0.1 * r.normal(size=400), X.x + 0.1 * r.normal(size=400)])
    model = covey.JointRegressor(
        members=2,
        max_steps=30,
        hidden_units=(8,),
        cv="shuffled",
        trees=True,
        random_state=0,
        verbose=0,
    ).fit(X, Y)
    assert model.ensemble_.tree_weights
    assert_near(run(session_of(model.fitted_), X), model.predict_distribution(X))
