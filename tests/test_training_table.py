"""What `fit` is passed, read: rows without any target are as if they were not there."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import GroupKFold, KFold

from covey.errors import InputError
from covey.training_table import TrainingTable

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
    assert_array_equal(found.Y, Y.to_numpy()[KEPT])
    alone = read(X.iloc[KEPT], Y.iloc[KEPT])
    assert_array_equal(found.inputs, alone.inputs)
    for pair, expected in zip(found.folds.pairs, alone.folds.pairs, strict=True):
        for rows, others in zip(pair, expected, strict=True):
            assert_array_equal(rows, others)


def test_a_feature_with_the_name_of_a_target_may_hold_something_else():
    X, Y = table()
    before = Y.shift(1)
    assert read(X.join(before), Y).schema.names == ("a", "b", "p", "q")
    same, named = Y.rename(columns={"p": "copy"}), X.assign(p="text")
    assert read(named.assign(copy=same["copy"]), Y).schema.names == ("a", "b", "p", "copy")


def test_weights_and_groups_of_any_kind_are_taken():
    X, Y = table()
    weight, groups = np.arange(N) % 3 + 1.0, np.arange(N) // 4
    found = read(X, Y, weight, groups)
    for kind in (list, pd.Series, pa.array, lambda x: pa.chunked_array([x])):
        other = read(X, Y, kind(weight), kind(groups))
        assert_array_equal(other.weight, found.weight)
        assert_array_equal(other.folds.pairs[0][0], found.folds.pairs[0][0])
    with pytest.raises(InputError, match="Received nan in row 0"):
        read(X, Y, pd.Series(weight, dtype="Float64").where(Y["q"].notna()))


def test_their_weights_do_not_count():
    X, Y = table()
    weight = np.ones(N)
    weight[EMPTY] = 1000.0
    weight[KEPT[:4]] = 3.0
    found = read(X, Y, weight)
    assert found.weight.mean() == pytest.approx(1)
    assert found.weight[0] / found.weight[-1] == pytest.approx(3)


def test_groups_and_row_numbers_are_those_of_the_whole_table():
    X, Y = table()
    groups = np.arange(N) // 4
    found = read(X, Y, groups=groups, cv=GroupKFold(2))
    for train, test in found.folds.pairs:
        assert not set(groups[found.rows[train]]) & set(groups[found.rows[test]])
    first, second = np.arange(20), np.arange(20, N)
    mask = np.zeros(N, dtype=bool)
    mask[first] = True
    for pairs in ([(first, second), (second, first)], [(mask, ~mask), (~mask, mask)]):
        found = read(X, Y, cv=pairs)
        for (train, test), (asked, held) in zip(found.folds.pairs, pairs, strict=True):
            asked, held = np.arange(N)[asked], np.arange(N)[held]
            assert_array_equal(found.rows[train], np.intersect1d(asked, KEPT))
            assert_array_equal(found.rows[test], np.intersect1d(held, KEPT))
    assert len(read(X, Y, cv=KFold(4)).folds) == 4


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
        (lambda X, Y: (X, Y), {"weight": ["1"] * 39 + ["?"]}, r"Received '\?' in row 39"),
        (lambda X, Y: (X, Y), {"groups": [1.0] * 38 + [np.nan] * 2}, "the first in row 38"),
    ],
)
def test_what_cannot_be_read_is_refused(spoil, arguments, message):
    with pytest.raises(InputError, match=message):
        read(*spoil(*table()), **arguments)
