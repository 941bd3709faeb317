"""Folds: every row held out once, groups together, nonsense refused."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold, RepeatedKFold, TimeSeriesSplit

from covey.errors import InputError
from covey.table.folds import HOLDOUT, Folds

GROUPS = np.repeat(np.arange(12), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 34])


@pytest.mark.parametrize("groups", [None, GROUPS, GROUPS.astype(str)])
@pytest.mark.parametrize("members", [2, 5])
def test_default_folds_partition_the_rows(members, groups):
    folds = Folds.split(100, members, groups=groups)
    assert len(folds) == members
    held = np.concatenate([test for _, test in folds.pairs])
    assert sorted(held) == list(range(100))
    for train, test in folds.pairs:
        assert sorted([*train, *test]) == list(range(100))
        if groups is not None:
            assert not set(groups[train]) & set(groups[test])


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_one_member_is_one_holdout_split(groups):
    folds = Folds.split(100, 1, groups=groups)
    ((train, test),) = folds.pairs
    assert sorted([*train, *test]) == list(range(100))
    np.testing.assert_array_equal(folds.held_out, np.sort(test))
    if groups is None:
        assert len(test) == 20
    else:
        assert not set(groups[train]) & set(groups[test])


def test_the_seed_decides():
    first, again, other = (Folds.split(50, 5, seed=seed).pairs[0][1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_splitter_gives_a_member_per_split_and_blocks():
    folds = Folds.split(60, 5, cv=TimeSeriesSplit(3))
    assert len(folds) == 3
    np.testing.assert_array_equal(folds.held_out, np.arange(15, 60))
    assert set(folds.inner_blocks(0)) == {0}  # the first stretch is never held out
    np.testing.assert_array_equal(np.unique(folds.inner_blocks(2)), [0, 1, 2])


def test_repeated_splits_hold_rows_out_more_than_once():
    folds = Folds.split(20, 5, cv=RepeatedKFold(n_splits=4, n_repeats=2, random_state=0))
    assert len(folds) == 8
    assert (np.bincount(np.concatenate([test for _, test in folds.pairs])) == 2).all()


def test_who_held_a_row_out():
    folds = Folds(((np.arange(2), np.array([5, 3])), (np.arange(2), np.array([2, 3]))), None)
    np.testing.assert_array_equal(folds.held_out, [2, 3, 5])
    np.testing.assert_array_equal(folds.holders, [1, 0, 0])


def test_inner_blocks_keep_groups_together_and_are_few():
    folds = Folds.split(100, 2, groups=GROUPS)
    for member, (train, _) in enumerate(folds.pairs):
        blocks = folds.inner_blocks(member, most=4)
        assert len(np.unique(blocks)) == min(4, len(np.unique(GROUPS[train])))
        for group in np.unique(GROUPS[train]):
            assert len(np.unique(blocks[GROUPS[train] == group])) == 1
    assert Folds.split(100, 2).inner_blocks(0) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_rows": 3, "members": 5}, "at least 5 rows, one for each fold. Received 3"),
        ({"n_rows": 1, "members": 1}, "at least 2 rows"),
        ({"n_rows": 9, "members": 5, "groups": [0, 1, 2] * 3}, "at least 5 groups.*Received 3"),
        ({"n_rows": 9, "members": 0}, "`members` must be a positive integer"),
        ({"n_rows": 9, "members": 2.0}, "`members` must be a positive integer"),
        ({"n_rows": 9, "members": 2, "groups": [0, 1]}, "one label per row"),
        ({"n_rows": 3, "members": 2, "groups": [0, 1, np.nan]}, "a label in every row"),
        ({"n_rows": 3, "members": 2, "groups": ["a", "b", None]}, "a label in every row"),
        ({"n_rows": 9, "members": 2, "cv": [([0, 1], [1, 2])]}, "shares 1 row"),
        ({"n_rows": 9, "members": 2, "cv": [([0, 1], [])]}, "hold out at least 1"),
        ({"n_rows": 9, "members": 2, "cv": [([0, 1], [9])]}, "outside 0 to 8"),
        ({"n_rows": 9, "members": 2, "cv": []}, "at least one split"),
        ({"n_rows": 3, "members": 2, "groups": pd.array(["a", None, "b"])}, "a label in every row"),
        (
            {"n_rows": 4, "members": 2, "cv": [([0, 1], [2, 3])], "groups": [0, 1, 1, 2]},
            "each of `groups` on one side",
        ),
        ({"n_rows": 3, "members": 2, "cv": TimeSeriesSplit(8)}, "could not split 3 rows"),
    ],
)
def test_what_cannot_be_split_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Folds.split(**arguments)


def test_a_row_named_twice_is_held_out_once():
    folds = Folds.split(4, 2, cv=[([0, 1], [3, 2, 3])])
    np.testing.assert_array_equal(folds.pairs[0][1], [2, 3])


@pytest.mark.parametrize("n", [100, 103])
@pytest.mark.parametrize("members", [4, 5, 8])
def test_blocks_are_the_folds_of_a_splitter_that_does_not_shuffle(n, members):
    rank = np.random.default_rng(0).permutation(n)
    folds = Folds.in_blocks(rank, members)
    expected = Folds.split(n, members, cv=KFold(members))
    for pair, other in zip(folds.pairs, expected.pairs, strict=True):
        for rows, places in zip(pair, other, strict=True):
            np.testing.assert_array_equal(np.sort(rank[rows]), places)
    np.testing.assert_array_equal(folds.blocks, expected.blocks[rank])


@pytest.mark.parametrize("members", [1, 2, 3])
def test_few_members_choose_within_blocks_of_their_own(members):
    folds = Folds.in_blocks(np.arange(60), members)
    for member, (train, test) in enumerate(folds.pairs):
        share = 60 // max(members, 1 / HOLDOUT if members == 1 else 1)
        first = 60 - share if members == 1 else member * share  # the last rows, if there is one
        np.testing.assert_array_equal(test, np.arange(first, first + share))
        blocks = folds.inner_blocks(member)
        assert len(np.unique(blocks)) >= 3
        assert np.count_nonzero(np.diff(blocks)) == len(np.unique(blocks)) - 1
        for fit, held in folds.inner_pairs(member):  # at most two of the rows left have a neighbour
            near = np.abs(held[:, None] - fit).min(axis=1) == 1
            assert near.sum() <= 2
        assert sorted(np.concatenate([held for _, held in folds.inner_pairs(member)])) == [*train]


def test_rows_of_one_date_stay_together():
    rank = np.repeat(np.arange(20), 7)
    for _, test in Folds.in_blocks(rank, 3).pairs:
        assert set(np.bincount(rank[test])) <= {0, 7}
    # where there are too few dates, blocks cut them
    assert len(Folds.in_blocks(np.repeat([0, 1], 70), 5)) == 5


def test_blocks_in_pieces_are_dealt_out():
    folds = Folds.in_blocks(np.arange(100), 5, pieces=4)
    for member, (_, test) in enumerate(folds.pairs):
        assert sorted(set(test // 5 % 5)) == [member]
    assert len(folds.inner_blocks(0)) == 80


def test_groups_in_blocks():
    folds = Folds.in_blocks(np.arange(100), 3, groups=np.repeat(np.arange(20), 5))
    for train, test in folds.pairs:
        assert not set(train // 5) & set(test // 5)
        assert np.ptp(test) == len(test) - 1
    with pytest.raises(InputError, match="one side of every split"):
        Folds.in_blocks(np.arange(100), 3, groups=np.arange(100) % 7)


def test_shuffled_by_name_is_the_default():
    for pair, other in zip(
        Folds.split(50, 5, cv="shuffled", seed=3).pairs,
        KFold(5, shuffle=True, random_state=3).split(np.zeros(50)),
        strict=True,
    ):
        for rows, expected in zip(pair, other, strict=True):
            np.testing.assert_array_equal(rows, expected)


def test_other_names_are_refused():
    with pytest.raises(InputError, match=r'"shuffled", "blocks", "later", a splitter.*cv=.time.'):
        Folds.split(50, 5, cv="time")
    with pytest.raises(InputError, match="at least 10 rows for `members=5` and folds of whole"):
        Folds.in_blocks(np.arange(9), 5)
