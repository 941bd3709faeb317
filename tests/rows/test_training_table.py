"""What `fit` is passed, read: rows without any target are as if they were not there."""

import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import GroupKFold, KFold

from covey.errors import CoveyWarning, InputError
from covey.rows.training_table import TrainingTable
from covey.table.folds import Folds

N = 40
EMPTY = np.array([0, 5, 6, 39])
KEPT = np.setdiff1d(np.arange(N), EMPTY)


def table(seed=0):
    r = np.random.default_rng(seed)
    X = pd.DataFrame({"a": r.normal(size=N), "b": r.choice(["u", "v"], N)})
    Y = pd.DataFrame(r.normal(size=(N, 2)), columns=["p", "q"])
    Y.iloc[EMPTY] = np.nan
    Y.iloc[3, 0] = np.nan
    return X, Y


def read(X, Y, weight=None, groups=None, cv=None, members=3):
    return TrainingTable.read(X, Y, weight, groups, members=members, cv=cv, seed=0)


def test_rows_without_targets_are_left_out():
    X, Y = table()
    found = read(X, Y)
    assert_array_equal(found.rows, KEPT)
    assert_array_equal(found.data.Y, Y.to_numpy()[KEPT])
    alone = read(X.iloc[KEPT], Y.iloc[KEPT])
    assert_array_equal(found.data.inputs.matrix, alone.data.inputs.matrix)
    for pair, expected in zip(found.data.folds.pairs, alone.data.folds.pairs, strict=True):
        for rows, others in zip(pair, expected, strict=True):
            assert_array_equal(rows, others)


def test_a_feature_with_the_name_of_a_target_may_hold_something_else():
    X, Y = table()
    before = Y.shift(1)
    assert read(X.join(before), Y).schema.names == ("a", "b", "p", "q")
    same, named = Y.rename(columns={"p": "copy"}), X.assign(p="text")
    with pytest.warns(CoveyWarning, match=r"'copy' \(target 'p'\)"):
        found = read(named.assign(copy=same["copy"]), Y)
    assert found.schema.names == ("a", "b", "p", "copy")


def test_weights_and_groups_of_any_kind_are_taken():
    X, Y = table()
    weight, groups = np.arange(N) % 3 + 1.0, np.arange(N) // 4
    found = read(X, Y, weight, groups)
    for kind in (list, pd.Series, pa.array, lambda x: pa.chunked_array([x])):
        other = read(X, Y, kind(weight), kind(groups))
        assert_array_equal(other.data.weight, found.data.weight)
        assert_array_equal(other.data.folds.pairs[0][0], found.data.folds.pairs[0][0])
    with pytest.raises(InputError, match="Received no value in row 0"):
        read(X, Y, pd.Series(weight, dtype="Float64").where(Y["q"].notna()))


def test_their_weights_do_not_count():
    X, Y = table()
    weight = np.ones(N)
    weight[EMPTY] = 1000.0
    weight[KEPT[:4]] = 3.0
    found = read(X, Y, weight)
    assert found.data.weight.mean() == pytest.approx(1)
    assert found.data.weight[0] / found.data.weight[-1] == pytest.approx(3)


def test_groups_and_row_numbers_are_those_of_the_whole_table():
    X, Y = table()
    groups = np.arange(N) // 4
    found = read(X, Y, groups=groups, cv=GroupKFold(2))
    for train, test in found.data.folds.pairs:
        assert not set(groups[found.rows[train]]) & set(groups[found.rows[test]])
    first, second = np.arange(20), np.arange(20, N)
    mask = np.zeros(N, dtype=bool)
    mask[first] = True
    for pairs in ([(first, second), (second, first)], [(mask, ~mask), (~mask, mask)]):
        found = read(X, Y, cv=pairs)
        for (train, test), (asked, held) in zip(found.data.folds.pairs, pairs, strict=True):
            asked, held = np.arange(N)[asked], np.arange(N)[held]
            assert_array_equal(found.rows[train], np.intersect1d(asked, KEPT))
            assert_array_equal(found.rows[test], np.intersect1d(held, KEPT))
    assert len(read(X, Y, cv=KFold(4)).data.folds) == 4


@pytest.mark.parametrize(
    ("spoil", "arguments", "message"),
    [
        (lambda X, Y: (X, Y[:-1]), {}, "same number of rows.* 40 and 39"),
        (lambda X, Y: (X, Y * np.nan), {}, r"nothing but NaN in 'p'"),
        (
            lambda X, Y: (X, Y.assign(q=Y["q"].where(Y.index >= 20))),
            {"cv": [(np.arange(20, N), np.arange(20)), (np.arange(20), np.arange(20, N))]},
            r"Fold 1 has no value of 'q' to learn from \(rows that hold one: \[19\]\)",
        ),
        (lambda X, Y: (X, Y), {"groups": np.arange(36)}, r"shape \(40,\)"),
        (lambda X, Y: (X, Y), {"weight": np.ones(36)}, "36"),
        (lambda X, Y: (X, Y), {"cv": [([1, 2, 3], [4, 40])]}, "outside 0 to 39"),
        (lambda X, Y: (X.assign(p=Y["p"]), Y), {}, r"name and the values of a target: 'p'. Drop"),
        (lambda X, Y: (X.join(Y), Y), {}, r"target: 'p', 'q'.*X.drop\(columns=\['p', 'q'\]\)"),
        (lambda X, Y: (X, Y), {"weight": pd.Series([*range(39), -1])}, "Received -1 in row 39"),
        (lambda X, Y: (X, Y), {"weight": ["1"] * 39 + ["?"]}, r"'\?' in row 39"),
        (lambda X, Y: (X, Y), {"groups": [1.0] * 38 + [np.nan] * 2}, "the first in row 38"),
    ],
)
def test_what_cannot_be_read_is_refused(spoil, arguments, message):
    with pytest.raises(InputError, match=message):
        read(*spoil(*table()), **arguments)


@pytest.mark.parametrize(
    ("rows", "arguments", "count"),
    [
        (100, {}, 10),
        (100, {"cv": "shuffled"}, 10),
        (100, {"cv": "blocks"}, 5),
        (100, {"cv": "later"}, 5),
        (100, {"cv": KFold(4)}, 4),
        (100, {"groups": np.arange(100) // 4}, 5),
        (54, {}, 10),
        (53, {}, 5),  # four of them hold no target
    ],
)
def test_few_rows_have_more_members_unless_they_are_held_out_together(rows, arguments, count):
    r = np.random.default_rng(0)
    X = pd.DataFrame({"a": r.normal(size=rows)})
    Y = pd.DataFrame(r.normal(size=(rows, 2)), columns=["p", "q"])
    Y.iloc[:4] = np.nan
    assert len(read(X, Y, members=None, **arguments).data.folds) == count
    X, Y = drifting(200)
    assert len(read(X, Y, members=None).data.folds) == 5


def drifting(n=400, seed=0):
    """A table whose noise depends on that of the rows before."""
    r = np.random.default_rng(seed)
    noise = np.zeros((n, 2))
    for i in range(1, n):
        noise[i] = 0.9 * noise[i - 1] + r.normal(size=2)
    X = pd.DataFrame(r.normal(size=(n, 2)), columns=["a", "b"])
    return X, pd.DataFrame(noise, columns=["p", "q"])


def same_folds(one, other):
    for pair, expected in zip(one.pairs, other.pairs, strict=True):
        for rows, others in zip(pair, expected, strict=True):
            assert_array_equal(rows, others)


def test_rows_that_depend_on_their_neighbours_are_held_out_in_blocks():
    X, Y = drifting()
    found = read(X, Y, members=5)
    assert found.order.because == "neighbours"
    same_folds(found.data.folds, Folds.split(400, 5, cv=KFold(5)))
    assert_array_equal(found.data.folds.inner_blocks(0), np.repeat([0, 1, 2, 3], 80))
    # a holdout split is of the last rows
    ((_, test),) = read(X, Y, members=1).data.folds.pairs
    assert_array_equal(test, np.arange(320, 400))
    # blocks are of the rows that count
    Y.iloc[100:150] = np.nan
    found = read(X, Y, members=5)
    assert_array_equal(found.data.folds.pairs[0][1], np.arange(70))
    assert_array_equal(found.rows[70:], [*range(70, 100), *range(150, 400)])


def test_shuffled_rows_keep_their_folds():
    X, Y = drifting()
    shuffled = np.random.default_rng(1).permutation(400)
    for members in (1, 5):
        found = read(X.iloc[shuffled], Y.iloc[shuffled], members=members)
        assert found.order is None
        assert found.data.folds.blocks is None
        same_folds(found.data.folds, Folds.split(400, members))


def test_the_user_has_the_last_word():
    X, Y = drifting()
    found = read(X, Y, cv="shuffled")
    assert found.order is None
    same_folds(found.data.folds, Folds.split(400, 3))
    groups = np.arange(400) % 10
    assert read(X, Y, groups=groups).order is None
    assert read(X, Y, cv=KFold(3, shuffle=True, random_state=0)).order is None
    r = np.random.default_rng(0)
    found = read(X, pd.DataFrame(r.normal(size=(400, 1))), cv="blocks", members=4)
    assert found.order.because == "asked"
    same_folds(found.data.folds, Folds.split(400, 4, cv=KFold(4)))
    with pytest.raises(InputError, match="at least 12 rows"):
        read(X[:5], Y[:5], cv="blocks")
    with pytest.raises(InputError, match="one side of every split"):
        read(X, Y, cv="blocks", groups=groups)


def test_a_target_that_one_stretch_alone_holds_is_known_to_every_member():
    X, Y = drifting()
    Y.loc[60:, "q"] = np.nan  # all of it in the first of five blocks
    for cv in (None, "blocks"):
        found = read(X, Y, members=5, cv=cv)
        assert found.order is not None
        for train, test in found.data.folds.pairs:
            assert (train < 60).sum() >= 30
            assert np.count_nonzero(np.diff(test) > 1) < 8  # in few pieces
    Y["q"] = np.nan
    Y.loc[1:8, "q"] = np.arange(8.0)  # whoever holds these rows out, in blocks, knows nothing of it
    weight = np.ones(400)
    weight[1:3] = 0
    found = read(X, Y, weight, members=5)
    assert found.order is None  # at random each member learns some
    with pytest.raises(InputError, match=r"Fold 0 has no value of 'q'"):
        read(X, Y, weight, members=5, cv="blocks")


def test_weights_of_zero_do_not_hide_what_depends():
    X, Y = drifting(800)
    r = np.random.default_rng(2)
    Y.iloc[::2] = r.normal(size=(400, 2))
    weight = np.tile([0.0, 1.0], 400)
    assert read(X, Y, weight).order is not None
    assert read(X, Y, 1 - weight).order is None


def test_a_feature_that_holds_a_target_is_refused_or_said():
    r = np.random.default_rng(0)
    X = pd.DataFrame(r.normal(size=(60, 2)), columns=["a", "b"])
    Y = pd.DataFrame(r.normal(size=(60, 2)), columns=["p", "q"])
    few = X.assign(p=(Y["p"] > 0).astype(float))
    read(X, Y)
    read(few, Y.assign(p=few["p"]).rename(columns={"p": "z"}))  # of two values: chance
    read(X.assign(p=Y["p"].shift(1)), Y)  # what is known of the row before
    slow = Y.assign(p=1.7e9 + np.arange(60.0))
    read(X.assign(p=slow["p"].shift(1)), slow)
    with pytest.raises(InputError, match="name and the values of a target: 'p'"):
        read(few, Y.assign(p=few["p"]))
    for same in (Y["p"], Y["p"].astype("float32"), Y["p"].where(np.arange(60) > 5)):
        with pytest.raises(InputError, match="name and the values of a target: 'p'"):
            read(X.assign(p=same), Y)
        with pytest.warns(CoveyWarning, match=r"'z' \(target 'p'\)"):
            read(X.assign(z=same), Y)
        with pytest.warns(CoveyWarning, match=r"'p' \(target 'y0'\)"):
            read(X.assign(p=same), Y.to_numpy())


@pytest.mark.parametrize("kind", ["text", "periods", "labels of the targets"])
def test_dates_of_any_kind_order_the_rows(kind):
    X, Y = drifting(400)
    days = pd.date_range("2020-01-30", periods=400, freq="D")
    if kind == "labels of the targets":
        X, Y = X.to_numpy(), Y.set_index(days)
    else:
        X = X.assign(d=days.strftime("%Y-%m-%d") if kind == "text" else days.to_period("D"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CoveyWarning)  # such a column is no feature
        order = read(X, Y, members=5).order
        codes = read(drifting(400)[0].assign(d=[f"{i:04}" for i in range(400)]), drifting(400)[1])
    assert order.because == "dates"
    assert order.by == ("the index" if kind == "labels of the targets" else "d")
    assert codes.order.because == "neighbours"


@pytest.mark.parametrize("members", [1, 5])
@pytest.mark.parametrize("size", [1, 4])
def test_groups_that_depend_on_their_neighbours_are_held_out_in_blocks(size, members):
    X, Y = drifting(800)
    groups = np.arange(800) // size
    found = read(X, Y, groups=groups, members=members)
    assert (found.order.because, found.order.groups) == ("neighbours", True)
    assert "of another group. So whole blocks of groups are held out" in found.order.sentence
    for train, test in found.data.folds.pairs:
        assert not set(groups[train]) & set(groups[test])
        assert np.ptp(test) == len(test) - 1 == 159
    # along dates, too
    days = pd.date_range("2024-01-01", periods=800, freq="h")
    dated = read(X.set_index(days), Y.set_index(days), groups=groups, members=members)
    assert dated.order.by == "the index"


@pytest.mark.parametrize("members", [1, 5])
def test_groups_decide_where_they_explain_what_rows_share(members):
    X, Y = drifting(800)
    r = np.random.default_rng(1)
    shared = pd.DataFrame(r.normal(size=(20, 1))[np.arange(800) // 40] + r.normal(size=(800, 1)))
    days = pd.date_range("2024-01-01", periods=800, freq="h")
    shuffled = r.permutation(800)
    for features, targets, groups in (
        (X, shared, np.arange(800) // 40),
        (X.set_index(days), shared, np.arange(800) // 40),
        (X.iloc[shuffled], Y.iloc[shuffled], shuffled // 4),  # no rows as they were written down
        (X.iloc[shuffled], Y.iloc[shuffled], np.arange(800)),
        (X, Y, np.arange(800) % 10),  # no block holds one of them whole
    ):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Rows of")
            found = read(features, targets, groups=groups, members=members)
        assert found.order is None
        same_folds(found.data.folds, Folds.split(800, members, groups=groups))
    assert read(X, Y, groups=np.arange(800), cv="shuffled").order is None
