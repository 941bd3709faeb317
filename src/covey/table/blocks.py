"""Which member holds out which blocks of rows, where whole blocks are held out."""

from __future__ import annotations

from typing import Any

import numpy as np

from covey.arguments.numbers import is_number
from covey.errors import InputError, shown
from covey.types import Mask

# blocks, if each member is to train on several: it holds some of them out to choose within its own
COUNTS = {1: 5, 2: 6, 3: 6}


def check_members(members: Any) -> None:
    """Check the number of members.

    Raises:
        InputError: it is no positive whole number.
    """
    if not is_number(members, whole=True) or members < 1:
        raise InputError(f"`members` must be a positive integer. Received: {shown(members)}.")


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
