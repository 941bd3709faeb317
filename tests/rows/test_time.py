"""A time for each row: `fit(time=)`, and the folds that follow."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import covey
from covey.errors import InputError
from covey.rows.time import time_rank
from covey.table import Declared

QUICK = {
    "family": "student_t",
    "members": 3,
    "hidden_units": (8,),
    "max_steps": 10,
    "random_state": 0,
    "verbose": 0,
}
DAYS = pd.date_range("2024-01-30", periods=60, freq="D")


def table(n=60):
    r = np.random.default_rng(0)
    X = pd.DataFrame({"a": r.normal(size=n), "b": r.normal(size=n)})
    return X, pd.DataFrame({"p": X["a"] + r.normal(size=n), "q": r.normal(size=n)})


@pytest.mark.parametrize(
    "time",
    [
        DAYS,
        pd.Series(DAYS),
        DAYS.to_period("D").to_series(),
        DAYS.tz_localize("Europe/Berlin").to_series(),
        DAYS.strftime("%Y-%m-%d").to_series(),
        DAYS.strftime("%d/%m/%Y").to_series(),
        pd.Series(np.arange(60)),
        np.arange(60) * 0.25,
        [float(i) for i in range(60)],
        pd.Series(np.arange(60).astype(str)),
        pd.DataFrame({"t": np.arange(60)}),
    ],
    ids=lambda time: type(time).__name__,
)
def test_any_time_gives_its_order(time):
    place = np.random.default_rng(1).permutation(60)
    shuffled = time.iloc[place] if hasattr(time, "iloc") else np.asarray(time, dtype=object)[place]
    if isinstance(time, pd.DatetimeIndex):
        shuffled = time[place]
    np.testing.assert_array_equal(time_rank(shuffled, np.ones(60, bool)), place)


def test_rows_that_do_not_count_have_no_place():
    kept = np.arange(60) % 2 == 0
    np.testing.assert_array_equal(time_rank(DAYS, kept), np.arange(30))


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (np.arange(59), "one time for each row"),
        (["monday", "tuesday"] * 30, "dates or numbers"),
        ([*range(59), np.nan], "row 59"),
        (pd.Series([None, *DAYS[1:]]), "row 0"),
        ([np.nan] * 60, "60 without one, the first in row 0"),
        ([*range(59), np.inf], r"`time` must hold finite times\. Received infinity in row 59\."),
        ([*map(str, range(59)), "inf"], r"`time` must .* row 59"),
        (pd.Series([{1: 2}, *range(59)]), "cell of `time` must be"),
    ],
)
def test_what_is_no_time_is_refused(time, said):
    with pytest.raises(InputError, match=said):
        time_rank(time, np.ones(60, bool))


def test_the_held_out_rows_are_later_than_all_that_their_network_saw():
    X, Y = table()
    place = np.random.default_rng(1).permutation(60)
    model = covey.JointRegressor(**QUICK).fit(X, Y, time=pd.Series(place, name="when"))
    order = model.out_of_fold_evaluation_["order"]
    assert (order["folds"], order["by"], order["because"]) == ("later", "when", "asked")
    assert set(place[model.out_of_fold_rows_]) == set(range(48, 60))
    # the seed being the same, sorted rows are the same fit
    sorted_rows = np.argsort(place)
    again = covey.JointRegressor(**QUICK, cv="later").fit(
        X.iloc[sorted_rows].reset_index(drop=True), Y.iloc[sorted_rows].reset_index(drop=True)
    )
    assert again.out_of_fold_rows_.tolist() == list(range(48, 60))


def test_a_base_knows_nothing_of_later_rows():
    X, Y = table()
    options = {**QUICK, "members": 1, "cv": "later", "base": LinearRegression()}
    one = covey.JointRegressor(**options).fit(X, Y)
    np.testing.assert_allclose(
        one.base_[0].coef_, LinearRegression().fit(X[:48].to_numpy(), Y[:48]).coef_
    )


def test_labels_are_checked_as_everywhere():
    X, Y = table()
    time = pd.Series(np.arange(60), index=np.random.default_rng(0).permutation(60))
    with pytest.raises(InputError, match="`time` to have their rows in the same order"):
        covey.JointRegressor(**QUICK).fit(X, Y, time=time)


@pytest.mark.parametrize("cv", ["shuffled", "blocks"])
def test_time_and_another_split_exclude_each_other(cv):
    with pytest.raises(InputError, match="beside it; leave one out"):
        covey.JointRegressor(**QUICK, cv=cv).fit(*table(), time=np.arange(60))


def test_the_verdict_says_what_was_held_out():
    from covey.assess.verdict import verdict

    model = covey.JointRegressor(**QUICK).fit(*table(), time=np.arange(60))
    said = verdict(model.out_of_fold_evaluation_, held_out=True)[-1]
    assert "trained on earlier rows alone" in said
    assert "whole blocks" not in said


@pytest.mark.filterwarnings("ignore::covey.errors.CoveyWarning")
def test_it_is_kept_in_files(tmp_path):
    model = covey.JointRegressor(**QUICK, cv="later").fit(*table())
    model.save(tmp_path / "m.covey")
    again = covey.load(tmp_path / "m.covey")
    assert again.cv == "later"
    assert again.out_of_fold_evaluation_ == model.out_of_fold_evaluation_


def test_the_format_of_the_column_is_that_of_its_times():
    days = [f"{month:02}/{day:02}/2024" for month in range(1, 7) for day in range(1, 11)]
    X, Y = table()
    X = X.assign(day=days)
    kept = np.ones(60, bool)
    order = time_rank(X["day"], kept, Declared.of(None, {"day": "%m/%d/%Y"}))
    np.testing.assert_array_equal(order, np.arange(60))
    assert time_rank(X["day"], kept, Declared.of(None, {"day": "%d/%m/%Y"})).tolist()[1] == 6
    model = covey.JointRegressor(**QUICK, dates={"day": "%d/%m/%Y"}).fit(X, Y, time=X["day"])
    # the first ten days of each month, read as months of the first six days
    last = pd.to_datetime(X["day"], format="%d/%m/%Y").sort_values(kind="stable").index[48:]
    assert set(model.out_of_fold_rows_) == set(last)
