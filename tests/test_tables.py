"""Tables as they come, through the estimator: text, dates, codes, and what users say of them."""

import io
import json
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression

import covey
from covey.errors import CoveyWarning, InputError

pytestmark = pytest.mark.usefixtures("few_steps")

N = 120
QUICK = {"members": 2, "family": "student_t", "hidden_units": (8,), "random_state": 0, "verbose": 0}


def table():
    r = np.random.default_rng(0)
    days = pd.date_range("2024-01-03", periods=N, freq="11h")
    X = pd.DataFrame(
        {
            "x": r.normal(size=N),
            "when": days,
            "open": r.choice([True, False], N),
            "code": 10 + np.arange(N) % 4,
            "colour": r.choice(["red", "blue"], N),
        }
    )
    return X, pd.DataFrame({"y": X["x"] + r.normal(size=N), "z": 5 + r.normal(size=N)})


def as_text(frame):
    return pd.read_csv(io.StringIO(frame.to_csv(index=False)), dtype=str)


@pytest.fixture(scope="module")
def fitted(few_steps):
    X, Y = table()
    said = {"categorical": ["code"], "dates": ["when"], "cv": "shuffled"}
    return covey.JointRegressor(**QUICK, **said).fit(X, Y)


def test_a_table_of_text_gives_the_same_model(fitted):
    X, Y = table()
    again = clone(fitted).fit(as_text(X), as_text(Y))
    assert again.schema_ == fitted.schema_
    assert again.out_of_fold_score_ == fitted.out_of_fold_score_
    for rows in (X, as_text(X)):
        np.testing.assert_array_equal(again.predict(rows), fitted.predict(X))
    with pytest.warns(CoveyWarning, match="About 100% of the rows"):
        expected = fitted.evaluate(X, Y)
    with pytest.warns(CoveyWarning, match="About 100% of the rows"):
        assert again.evaluate(as_text(X), as_text(Y)) == expected


def test_what_is_declared_is_a_parameter_and_kept(fitted, tmp_path):
    assert clone(fitted).get_params()["categorical"] == ["code"]
    fitted.save(tmp_path / "m.covey")
    again = covey.load(tmp_path / "m.covey")
    assert (again.categorical, again.dates) == (["code"], {"when": ""})
    assert again.schema_ == fitted.schema_
    assert [name for name in again.schema_.output_names if name.startswith("code")] == [
        *("code=10", "code=11", "code=12", "code=13"),
    ]
    X, _ = table()
    np.testing.assert_array_equal(again.predict(as_text(X)), fitted.predict(X))


@pytest.mark.parametrize("said", [{"categorical": ["cod"]}, {"dates": {"wen": "%d.%m.%Y"}}])
def test_a_column_that_is_not_there_is_refused(said):
    with pytest.raises(InputError, match="must name columns of `X`"):
        covey.JointRegressor(**QUICK, **said).fit(*table())


def test_a_base_gets_numbers_for_text():
    X, Y = table()
    X = X[["x", "open"]]
    said = {"base": LinearRegression(), "cv": "shuffled"}
    model = covey.JointRegressor(**QUICK, **said).fit(X.astype(float), Y)
    again = covey.JointRegressor(**QUICK, **said).fit(as_text(X), Y)
    np.testing.assert_array_equal(again.predict(as_text(X)), model.predict(X.astype(float)))


def test_a_target_among_text_features_is_found():
    X, Y = table()
    with pytest.raises(InputError, match="with the name and the values of a target: 'y'"):
        covey.JointRegressor(**QUICK).fit(as_text(X[["x"]].assign(y=Y["y"])), as_text(Y))


def test_rows_in_the_order_of_written_dates_are_in_order():
    X, Y = table()
    X = X[["x"]].assign(day=table()[0]["when"].dt.strftime("%d/%m/%Y %H:%M"))
    model = covey.JointRegressor(**QUICK).fit(X, Y)
    assert model.out_of_fold_evaluation_["order"]["by"] == "day"


def test_streamed_rows_mean_the_same(tmp_path):
    X, Y = table()
    X["day"] = X["when"].dt.strftime("%d/%m/%Y %H:%M")
    X["price"] = [f"${x:,.2f}" for x in 2000 * X["x"].abs()]
    X["epoch"] = X["when"].astype("datetime64[s]").astype("int64")
    said = {"categorical": ["code"], "dates": {"epoch": "s"}}
    X.join(Y).to_parquet(tmp_path / "t.parquet", index=False)
    model = covey.JointRegressor(**QUICK, **said)
    model.fit_files(tmp_path / "t.parquet", ["y", "z"])
    plain = covey.JointRegressor(**QUICK, **said).fit(X, Y)
    assert model.schema_ == plain.schema_
    assert {c.name: c.kind for c in model.schema_.columns if hasattr(c, "kind")} == {
        **{"x": "number", "when": "date", "open": "number"},
        **{"day": "date", "price": "number", "epoch": "date"},
    }
    assert model.out_of_fold_evaluation_["order"]["by"] == "when"
    del X["when"]  # so that text alone tells the order
    X[["day", "x"]].join(Y).to_parquet(tmp_path / "t.parquet", index=False)
    model = covey.JointRegressor(**QUICK).fit_files(tmp_path / "t.parquet", ["y", "z"])
    assert model.out_of_fold_evaluation_["order"]["by"] == "day"


def test_a_bad_cell_is_said_once_by_a_fit_and_once_by_a_prediction():
    X, Y = table()
    X = as_text(X[["x", "colour"]])
    X.loc[7, "x"] = "?"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CoveyWarning)
        model = covey.JointRegressor(**QUICK).fit(X, Y)
        model.predict(X)
    said = [str(warning.message) for warning in caught]
    assert len([text for text in said if "'?' in row 7" in text]) == 1
    manifest = json.dumps(model.schema_.to_manifest())
    assert "'?'" not in manifest
