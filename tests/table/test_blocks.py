"""Which member holds out which blocks."""

import numpy as np
import pytest

from covey.table.blocks import count_of_blocks, held_out_blocks


@pytest.mark.parametrize("members", [2, 3, 4, 7])
@pytest.mark.parametrize("ordered", [False, True])
def test_each_block_is_held_out_once_and_each_member_trains_on_several(members, ordered):
    held_out = held_out_blocks(members, ordered=ordered)
    assert held_out.shape == (members, count_of_blocks(members))
    assert (held_out.sum(axis=0) == 1).all()
    assert ((~held_out).sum(axis=1) >= 3).all()
    assert len(set(held_out.sum(axis=1))) == 1


@pytest.mark.parametrize("members", [2, 3])
def test_blocks_that_stand_together_are_held_out_together(members):
    for held in held_out_blocks(members, ordered=True):
        assert np.diff(np.flatnonzero(held)).tolist() == [1] * (6 // members - 1)


def test_a_single_member_holds_out_the_last_block_or_a_fifth_at_random():
    assert held_out_blocks(1, ordered=True).tolist() == [[False] * 4 + [True]]
    assert held_out_blocks(1, ordered=False).tolist() == [[True] + [False] * 4]
