"""How many members a fit has: as many as the user says, or by the number of rows."""

from __future__ import annotations

from typing import Any

from covey.arguments.numbers import is_number
from covey.errors import InputError, shown

USUAL = 5
MORE = 10  # of which each trains on nine tenths of the rows, where there are few:
FEW_ROWS = range(50, 1000)
FEW_TARGETS = 16  # more cost more than they gain


def check_members(members: Any) -> None:
    """Check the number of members.

    Raises:
        InputError: it is no positive whole number.
    """
    if not is_number(members, whole=True) or members < 1:
        raise InputError(f"`members` must be a positive integer. Received: {shown(members)}.")


def count_of_members(members: int | None, n_rows: int, n_targets: int, *, alone: bool) -> int:
    """How many members there are.

    Args:
        members: K, if the user says it, or None.
        n_rows: N, the rows that they learn from.
        n_targets: D.
        alone: whether each row is held out on its own, in shuffled folds.

    Returns:
        K; 10 for few rows that stand alone, each with few targets, and 5 otherwise.

    Raises:
        InputError: what the user says is no positive whole number.
    """
    if members is not None:
        check_members(members)
        return members
    few = alone and n_rows in FEW_ROWS and n_targets <= FEW_TARGETS
    return MORE if few else USUAL
