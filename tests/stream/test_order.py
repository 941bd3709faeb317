"""Rows of files that depend on their neighbours go into folds by stretches."""

import numpy as np
import pandas as pd
import pytest

import covey
from covey.errors import InputError
from covey.stream.dataset import ParquetTable
from covey.stream.first_pass import FirstPass
from covey.stream.hash_folds import HashFolds
from covey.stream.order import attempts
from covey.stream.rows import Roles, TrainingRows

N = 4000
QUICK = {"hidden_units": (8,), "members": 2, "max_steps": 40, "random_state": 0}


def frame():
    r = np.random.default_rng(0)
    noise = np.zeros(N)
    for i in range(1, N):
        noise[i] = 0.9 * noise[i - 1] + r.normal()
    x = r.normal(size=N)
    day = pd.date_range("2024-01-01", periods=N, freq="h")
    return pd.DataFrame({"x": x, "site": np.arange(N) % 50, "day": day, "y": x + noise})


def written(folder, table):
    """Three files of rows in order, in row groups of several sizes."""
    for number, size in enumerate((100, 1000, 5000)):
        part = table[number * N // 3 : (number + 1) * N // 3]
        part.to_parquet(folder / f"part-{number}.parquet", row_group_size=size, index=False)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return written(tmp_path_factory.mktemp("ordered"), frame())


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    table = frame().sample(frac=1, random_state=0)
    return written(tmp_path_factory.mktemp("mixed"), table)


def first_way(folder, members=5, cv=None, features=("x",), groups=None):
    table = ParquetTable.open(folder)
    roles = Roles.choose(table, ["y"], list(features), None, groups)
    folds, order = next(attempts(table, roles, members, 0, cv))
    parts = [
        TrainingRows.of(numbers, part, roles, folds) for numbers, part in table.scan(roles.columns)
    ]
    fold = np.empty(N, dtype=int)
    for rows in parts:
        fold[rows.numbers] = rows.fold
    return folds, order, fold


def test_stretches_of_rows(folder):
    folds, order, fold = first_way(folder)
    assert (order.by, order.because, order.target) == ("the table", "neighbours", "y")
    assert order.correlation == pytest.approx(0.9, abs=0.05)
    np.testing.assert_array_equal(fold, np.repeat(np.arange(5), N // 5))
    np.testing.assert_array_equal(folds.held_out, np.eye(5, dtype=bool))


@pytest.mark.parametrize("members", [1, 2, 3])
def test_few_members_hold_out_stretches_too(folder, members):
    folds, _, fold = first_way(folder, members)
    for held in folds.held_out:
        out = np.flatnonzero(held[fold])
        assert np.ptp(out) == len(out) - 1
        assert len(out) == pytest.approx(N / max(members, 5 if members == 1 else 1), abs=5)
        assert len(set(fold[~held[fold]])) >= 3  # to choose within
    if members == 1:
        assert out[-1] == N - 1  # the last rows


@pytest.mark.parametrize("where", ["folder", "mixed"])
def test_stretches_of_time(where, request):
    folds, order, fold = first_way(request.getfixturevalue(where), features=("x", "day"))
    assert order.by == folds.by == "day"
    table = frame() if where == "folder" else frame().sample(frac=1, random_state=0)
    in_time = fold[np.argsort(table["day"].to_numpy())]
    np.testing.assert_array_equal(in_time, np.sort(in_time))
    np.testing.assert_allclose(np.bincount(fold), N // 5, atol=2)


@pytest.mark.parametrize(
    ("where", "options"),
    [("mixed", {}), ("folder", {"cv": "shuffled"}), ("folder", {"groups": "site"})],
)
def test_all_else_goes_by_the_hash(where, options, request):
    folds, order, _ = first_way(request.getfixturevalue(where), **options)
    assert order is None
    assert folds == HashFolds(5, 0)


def test_whoever_asks_gets_stretches(mixed):
    _, order, fold = first_way(mixed, cv="blocks")
    assert (order.because, order.sentence) == ("asked", "")
    np.testing.assert_array_equal(fold, np.repeat(np.arange(5), N // 5))


def test_a_target_that_one_stretch_alone_holds(tmp_path):
    table = frame()
    table["z"] = np.where(np.arange(N) < N // 6, np.sin(3 * table["x"]), np.nan)
    path = written(tmp_path, table)
    model = covey.JointRegressor(**{**QUICK, "members": 5, "verbose": 0})
    model.fit_files(path, ["y", "z"], features=["x"])
    assert model.out_of_fold_evaluation_["order"]["because"] == "neighbours"


def test_a_fit_says_so_and_is_resumed_with_the_same_folds(folder, tmp_path, capsys):
    from tests.stream.test_fit_files import Stop

    names = {"targets": ["y"], "features": ["x", "day"]}
    whole = covey.JointRegressor(**QUICK).fit_files(folder, **names)
    assert capsys.readouterr().out.count("covey: Rows stand in the order of 'day'. So whole") == 1
    order = whole.out_of_fold_evaluation_["order"]
    path = tmp_path / "c"
    with pytest.raises(KeyboardInterrupt):
        covey.JointRegressor(**QUICK, callbacks=[Stop(1)]).fit_files(
            folder, **names, checkpoint=path
        )
    with pytest.raises(InputError, match="other cv"):
        covey.JointRegressor(**QUICK, cv="shuffled").fit_files(
            folder, **names, checkpoint=path, resume=True
        )
    again = covey.JointRegressor(**QUICK).fit_files(folder, **names, checkpoint=path, resume=True)
    assert again.out_of_fold_evaluation_["order"] == order
    assert again.out_of_fold_score_ == pytest.approx(whole.out_of_fold_score_, abs=1e-4)


def test_ranges_are_those_of_all_rows(folder):
    table = ParquetTable.open(folder)
    roles = Roles.choose(table, ["y"], ["x", "day"])
    from covey.members.plan import FullPlan

    found = FirstPass.of(table, roles, HashFolds(5, 0), plan=FullPlan(True), seed=0, most_rows=1000)
    assert len(found.Y) == 1000  # which hold neither end
    x, day = found.schema.columns
    known = frame()
    assert (x.low, x.high, x.seen) == (known["x"].min(), known["x"].max(), N)
    epoch = pd.Timestamp(0)
    assert day.high == pytest.approx((known["day"].max() - epoch) / pd.Timedelta(1, "D"))


def test_the_whole_table_tells_the_day_from_the_month(tmp_path, monkeypatch):
    minutes = pd.Series(pd.date_range("2024-12-27", periods=N, freq="10min"))
    table = frame().assign(day=minutes.dt.strftime("%d/%m/%Y %H:%M"))
    # what is looked at are 100 rows of 5 January, from a row group on that holds the middle
    assert set(minutes[N // 3 : N // 3 + 99].dt.strftime("%d/%m")) == {"05/01"}
    monkeypatch.setattr("covey.stream.order.MOST_ROWS", 100)
    folds, order, fold = first_way(written(tmp_path, table), cv="blocks", features=("x", "day"))
    assert (order.by, folds.first) == ("day", "day")
    # five stretches of the time that went by, of as many rows
    expected = (minutes.rank() - 1) * 5 // N
    assert np.mean(fold == expected) > 0.99
