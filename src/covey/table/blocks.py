"""Which member holds out which blocks of rows, where whole blocks are held out."""

from __future__ import annotations

import numpy as np

from covey.types import Mask

# blocks, if each member is to train on several: it holds some of them out to choose within its own
COUNTS = {1: 5, 2: 6, 3: 6}


def count_of_blocks(members: int) -> int:
    """How many blocks there are: one for each member, or more if that leaves it too few."""
    return COUNTS.get(members, members)


def held_out_blocks(members: int, *, ordered: bool) -> Mask:
    """Which blocks each member holds out; it trains on the others.

    Args:
        members: K; a single one holds out one block.
        ordered: whether blocks that stand together are alike. A member then holds out neighbours,
            and a single one the last: it is most like what comes next.

    Returns:
        Array of shape (K, number of blocks).
    """
    count = count_of_blocks(members)
    blocks = np.arange(count)
    if members == 1:
        return (blocks == (count - 1 if ordered else 0))[None]
    home = blocks * members // count if ordered else blocks % members
    return np.asarray(home == np.arange(members)[:, None])
