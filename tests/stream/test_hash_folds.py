"""Who holds out what: every fold once, and enough of them to choose within."""

import numpy as np
import pyarrow as pa
import pytest

from covey.errors import InputError
from covey.stream.hash_folds import HashFolds


@pytest.mark.parametrize("members", [1, 2, 3, 4, 5, 8])
def test_members_hold_out_equal_shares(members):
    folds = HashFolds(members, 0)
    held = folds.held_out
    assert held.shape == (members, len(folds))
    assert held.sum() == (1 if members == 1 else len(folds))
    assert held.any(axis=0).sum() == held.sum()  # no fold twice
    assert (~held).sum(axis=1).min() >= 3
    if members > 1:
        assert len(set(held.sum(axis=1))) == 1
    share = np.bincount(folds.of(np.arange(20_000)), minlength=len(folds)) / 20_000
    assert held @ share == pytest.approx(1 / max(members, 5 if members == 1 else 1), abs=0.02)


def test_rows_of_a_group_share_a_fold():
    labels = np.arange(1000) % 50
    fold = HashFolds(5, 1).of(np.arange(1000), pa.chunked_array([labels]))
    for label in range(50):
        assert len(set(fold[labels == label])) == 1
    assert len(set(fold)) == 5


@pytest.mark.parametrize("members", [0, -1, 2.5, True, None])
def test_bad_numbers_of_members(members):
    with pytest.raises(InputError, match="positive integer"):
        HashFolds(members, 0)
