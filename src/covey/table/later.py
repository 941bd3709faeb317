"""Folds in which no member trains on a row that is later than those it is judged by."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from covey.errors import InputError
from covey.table.folds import HOLDOUT, INNER, Folds, cut
from covey.table.member_count import check_members
from covey.types import Rows

ROUNDING = 1e-9  # of shares of rows


def later_folds(rank: Rows, members: int, *, groups: Rows | None = None) -> Folds:
    """Split rows that stand in an order so that members hold out later rows than they train on.

    The last fifth is cut into K parts. Member k holds out the k-th and trains on all rows before
    it, so that only the last part teaches nobody.

    Args:
        rank: place of each row in the order, shape (N,). Rows of one rank are never parted.
        members: K; a single one holds out the last fifth.
        groups: a label per row, shape (N,): rows of one group stay on one side.

    Returns:
        The folds.

    Raises:
        InputError: there are too few rows or ranks, or a group stands on both sides.
    """
    check_members(members)
    order = np.argsort(rank, kind="stable")
    starts = np.flatnonzero(np.diff(rank[order], prepend=rank[order[0]] - 1))
    wanted = len(rank) * (1 - HOLDOUT * np.arange(members, 0, -1) / members)
    # parts begin where a rank does, and no two of them with the same
    step = np.arange(members)
    place = np.searchsorted(starts, np.ceil(wanted - ROUNDING))
    place = np.minimum(np.maximum.accumulate(place - step) + step, len(starts) - members + step)
    least = max(2, len(rank) // 2)
    if place[0] < 1 or starts[place[0]] < least:
        begin = int((starts >= least).sum())
        times = "1 time" if begin == 1 else f"{begin} different times"
        raise InputError(
            f"Expected at least {members} different times to begin in the later half of the rows, "
            f"for `members={members}` to hold out one part after the other. Received {times} in "
            f"that half of {len(rank)} rows (n_samples = {len(rank)}); use fewer members, or a "
            "finer time."
        )
    bounds = [*starts[place].tolist(), len(rank)]
    pairs = tuple(
        (np.sort(order[:start]), np.sort(order[start:end])) for start, end in pairwise(bounds)
    )
    if groups is not None and (shared := _on_both_sides(pairs, groups)):
        raise InputError(
            "Expected each of `groups` to end before the rows begin that are held out as later "
            f"ones. Received {shared} that stand on both sides. Leave `groups` out, or `time`."
        )
    # what a member chooses within its own rows, it chooses by whole blocks as well
    return Folds(pairs, cut(rank, 2 * INNER) if groups is None else groups)


def _on_both_sides(pairs: tuple[tuple[Rows, Rows], ...], groups: Rows) -> int:
    return max(len(np.intersect1d(groups[train], groups[test])) for train, test in pairs)
