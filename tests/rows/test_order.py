"""Along which order rows depend on one another, and how it is said."""

import json

import numpy as np
import pandas as pd
import pytest

from covey.errors import CoveyWarning
from covey.rows.order import RowOrder
from covey.rows.training_table import TrainingTable
from covey.table import FeatureSchema, read_features

N = 400


def noise(n=N, rho=0.8, seed=0):
    r = np.random.default_rng(seed)
    found = np.zeros(n)
    for i in range(1, n):
        found[i] = rho * found[i - 1] + np.sqrt(1 - rho**2) * r.normal()
    return found


def table(seed=0):
    r = np.random.default_rng(seed)
    return pd.DataFrame({"a": r.normal(size=N), "b": r.choice(["u", "v"], N)})


def find(X, y, **options):
    frame, named = read_features(X)
    schema = FeatureSchema.fit(frame, named)
    inputs = schema.transform(frame, named)
    return RowOrder.find(frame, schema, inputs, y[:, None], ("NOx",), **options)


def test_rows_as_they_stand():
    order, rank = find(table(), noise())
    assert (order.by, order.because, order.target, order.lag) == (
        "the table",
        "neighbours",
        "NOx",
        1,
    )
    np.testing.assert_array_equal(rank, np.arange(N))
    assert order.sentence == (
        "Rows depend on their neighbours in the order of the table: residuals of 'NOx' correlate "
        f"by {order.correlation:.2f} with those of the row before. So whole blocks of rows are "
        "held out, since rows at random would be given away by their neighbours; "
        'cv="shuffled" says otherwise.'
    )
    manifest = json.loads(json.dumps(order.to_manifest()))
    assert manifest["folds"] == "blocks"
    assert manifest["said"] == order.sentence
    assert find(table(), np.random.default_rng(1).permutation(noise())) is None


DAYS = pd.date_range("2024-01-01", periods=N, freq="h")


@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize("place", ["column", "index", "level"])
def test_rows_in_the_order_of_dates_are_taken_to_be(place, falling):
    X = table()
    days = DAYS[::-1] if falling else DAYS
    if place == "column":
        X["day"] = days
    elif place == "index":
        X.index = pd.DatetimeIndex(days, name="day")
    else:
        X.index = pd.MultiIndex.from_arrays([["s"] * N, days], names=["site", "day"])
    order, rank = find(X, np.random.default_rng(2).normal(size=N))
    assert (order.by, order.because) == ("day", "dates")
    np.testing.assert_array_equal(rank, np.arange(N)[::-1] if falling else np.arange(N))
    assert order.sentence.startswith("Rows stand in the order of 'day'. So whole blocks")


@pytest.mark.parametrize("place", ["column", "index"])
def test_shuffled_rows_with_dates_are_looked_at_in_the_order_of_dates(place):
    shuffled = np.random.default_rng(3).permutation(N)
    X = table()
    if place == "column":
        X["day"] = DAYS
    else:
        X.index = DAYS
    y = noise()
    order, rank = find(X.iloc[shuffled], y[shuffled])
    assert (order.by, order.because) == ("day" if place == "column" else "the index", "neighbours")
    np.testing.assert_array_equal(rank, shuffled)
    assert find(X.iloc[shuffled], np.random.default_rng(4).permutation(y)) is None


def test_dates_with_gaps_and_ties():
    X = table()
    X["day"] = pd.Series(DAYS[np.arange(N) // 4]).mask(np.arange(N) % 40 == 7)
    order, rank = find(X, np.random.default_rng(5).normal(size=N))
    assert order.by == "day"
    np.testing.assert_array_equal(rank, np.arange(N) // 4)
    few = table().assign(day=DAYS[np.arange(N) // 50])  # eight dates do not make an order
    assert find(few, np.random.default_rng(5).normal(size=N)) is None
    lacking = table().assign(day=pd.Series(DAYS).mask(np.arange(N) % 5 == 0))
    assert find(lacking, np.random.default_rng(5).normal(size=N)) is None


def test_labels_that_stand_together_are_no_excuse_and_are_named():
    r = np.random.default_rng(6)
    patient = np.repeat(np.arange(40), 10)
    y = r.normal(size=40)[patient] + 0.5 * r.normal(size=N)
    X = table().assign(patient=[f"p{number:03d}" for number in patient])
    order, _ = find(X, y)  # each label has a column of its own, which explains the patient
    assert order.runs == "patient"
    assert "and rows with one 'patient' stand together. So" in order.sentence
    shuffled = r.permutation(N)
    assert find(X.iloc[shuffled], y[shuffled]) is None
    # a few labels are what new rows have too
    kind = np.repeat(np.arange(4), 100)
    X = table().assign(kind=[f"k{number}" for number in kind])
    assert find(X, r.normal(size=4)[kind] + 0.5 * r.normal(size=N)) is None


def test_whoever_asks_gets_an_order_and_no_sentence():
    y = np.random.default_rng(7).normal(size=N)
    order, rank = find(table(), y, asked=True)
    assert (order.by, order.because, order.sentence) == ("the table", "asked", "")
    np.testing.assert_array_equal(rank, np.arange(N))
    shuffled = np.random.default_rng(8).permutation(N)
    order, rank = find(table().assign(day=DAYS).iloc[shuffled], y, asked=True)
    assert order.by == "day"
    np.testing.assert_array_equal(rank, shuffled)


def dated_twice(seed=0):
    """Orders, and when each was shipped, up to 40 days later; no row stands in either order."""
    r = np.random.default_rng(seed)
    ordered = pd.Series(pd.date_range("2024-01-01", periods=N, freq="D"))[r.permutation(N)]
    ordered = ordered.reset_index(drop=True)
    shipped = ordered + pd.to_timedelta(r.integers(0, 40, N), "D")
    return table().assign(ordered=ordered, shipped=shipped)


def test_of_two_columns_of_dates_the_one_that_was_taken_is_said():
    frame = dated_twice()
    find_later = {"asked": True, "later": True}
    with pytest.warns(CoveyWarning, match=r"'ordered'.*'shipped' differs.*`time`") as said:
        order, rank = find(frame, noise(), **find_later)
    assert len(said) == 1
    assert order.by == "ordered"
    np.testing.assert_array_equal(rank, frame["ordered"].rank(method="dense") - 1)
    with pytest.warns(CoveyWarning, match=r"'ordered'.*sort the rows by 'shipped'"):
        find(frame, noise(), asked=True)
    # rows that stand in the order of one are held out in blocks of it; what comes later is said
    standing = frame.sort_values("shipped", ignore_index=True)
    assert find(standing, noise(), asked=True)[0].by == "shipped"
    with pytest.warns(CoveyWarning, match="order of 'shipped'.*'ordered'"):
        find(standing, noise(), **find_later)


def test_dates_that_agree_leave_nothing_to_say():
    frame = dated_twice()
    for same in (
        frame["ordered"].dt.to_period("M").dt.to_timestamp(),  # the month of each order
        frame["ordered"] + pd.Timedelta(3, "D"),
    ):
        find(frame.assign(shipped=same), noise(), asked=True, later=True)
    finer = frame.assign(ordered=frame["ordered"].dt.to_period("M").dt.to_timestamp())
    find(finer.assign(shipped=frame["ordered"]), noise(), asked=True, later=True)
    # blocks are the same from either end
    rising = frame.sort_values("ordered", ignore_index=True)
    find(rising.assign(shipped=rising["ordered"][::-1].to_numpy()), noise(), asked=True)
    # an index of dates says what the rows are
    order, _ = find(frame.set_index("ordered"), noise(), asked=True, later=True)
    assert order.by == "ordered"


def test_a_fit_with_later_rows_says_which_dates_it_goes_by():
    options = {"members": 2, "seed": 0}
    with pytest.warns(
        CoveyWarning, match="in the order of 'ordered', and that of 'shipped'.*`time`"
    ):
        found = TrainingTable.read(dated_twice(), noise(), None, None, cv="later", **options)
    assert found.order.by == "ordered"
    # times that are given leave nothing to guess
    frame = dated_twice()
    found = TrainingTable.read(
        frame, noise(), None, None, cv=None, time=frame["shipped"], **options
    )
    assert found.order.by == "shipped"
