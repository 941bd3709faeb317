"""Members hold out later rows than those they train on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.errors import InputError
from covey.table.later import later_folds


@given(
    st.integers(1, 8),
    st.lists(st.integers(0, 40), min_size=2, max_size=120),
    st.integers(0, 1000),
)
def test_no_member_trains_on_a_row_as_late_as_those_it_holds_out(members, times, seed):
    time = np.random.default_rng(seed).permutation(np.array(times))
    rank = np.unique(time, return_inverse=True)[1]
    try:
        folds = later_folds(rank, members)
    except InputError:
        return
    held = [test for _, test in folds.pairs]
    assert len(folds) == members
    for train, test in folds.pairs:
        assert time[train].max() < time[test].min()
        # all rows before those held out are trained on
        assert set(train) == set(np.flatnonzero(time < time[test].min()))
    # what is held out are the last rows, each once
    together = np.sort(np.concatenate(held))
    np.testing.assert_array_equal(together, np.unique(together))
    assert set(together) == set(np.flatnonzero(time >= time[together].min()))


@pytest.mark.parametrize(("n", "members", "sizes"), [(100, 5, [4] * 5), (100, 1, [20])])
def test_the_last_fifth_is_held_out(n, members, sizes):
    rank = np.random.default_rng(0).permutation(n)
    folds = later_folds(rank, members)
    assert [len(test) for test in folds.tests] == sizes
    assert set(rank[folds.held_out]) == set(range(80, 100))


def test_rows_of_one_time_are_not_parted():
    rank = np.arange(100) // 7
    for train, test in later_folds(rank, 2).pairs:
        assert set(rank[train]) & set(rank[test]) == set()


def test_groups_stay_whole():
    rank, groups = np.arange(100), np.arange(100) // 4
    folds = later_folds(rank, 5, groups=groups)
    for train, test in folds.pairs:
        assert set(groups[train]) & set(groups[test]) == set()
    with pytest.raises(InputError, match="stand on both sides"):
        later_folds(rank, 5, groups=np.arange(100) % 10)


@pytest.mark.parametrize(("rank", "members"), [(np.zeros(50, int), 5), (np.arange(5), 5)])
def test_too_few_times_are_refused(rank, members):
    with pytest.raises(InputError, match="different times"):
        later_folds(rank, members)


@pytest.mark.parametrize(
    ("rank", "received"),
    [
        (np.arange(100) // 50, "1 time in"),  # the second begins with the later half
        (np.repeat([0, 1, 2], [20, 20, 60]), "0 different times in"),
        (np.minimum(np.arange(100), 70), "21 different times in"),
    ],
)
def test_the_times_of_the_later_half_are_counted(rank, received):
    with pytest.raises(InputError, match=f"at least 25 different.*Received {received} that half"):
        later_folds(rank, 25)


def test_choices_within_a_member_are_by_blocks():
    folds = later_folds(np.arange(100), 5)
    for member in range(5):
        block = folds.inner_blocks(member)
        assert len(np.unique(block)) > 4
        assert (np.diff(block) >= 0).all()
        for fit, held in folds.inner_pairs(member):
            assert set(fit) | set(held) == set(folds.trains[member])
