"""Which member holds out which rows, where rows go by: by a hash, so nothing is remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covey.errors import InputError
from covey.numbers import is_number
from covey.stream.keys import group_keys, row_keys, slots_of

HOLDOUT = 5  # slots, if a single member is stopped on one of them: a fifth of the rows
LEAST = 3  # slots that a member trains on, to choose something within its own rows


@dataclass(frozen=True)
class Slots:
    """Equally likely slots, each held out by one member (or none, if there is one member).

    Rows of one group share a slot. There are as many slots as members, or more where that would
    leave a member too few to hold some of its own training rows out.

    Attributes:
        members: K.
        seed: another one is another split.

    Raises:
        InputError: `members` is no positive whole number.
    """

    members: int
    seed: int

    def __post_init__(self) -> None:
        if not is_number(self.members, whole=True) or self.members < 1:
            raise InputError(f"`members` must be a positive integer. Received: {self.members!r}.")

    def __len__(self) -> int:
        return {1: HOLDOUT, 2: 2 * LEAST, 3: 2 * LEAST}.get(self.members, self.members)

    @property
    def held_out(self) -> NDArray[np.bool_]:
        """Which slots each member holds out, shape (K, len(self)); it trains on the others."""
        slots = np.arange(len(self))
        home = np.where(slots == 0, 0, -1) if self.members == 1 else slots % self.members
        return home == np.arange(self.members)[:, None]

    def of(self, numbers: NDArray[np.int64], labels: Any = None) -> NDArray[np.int64]:
        """The slot of each row.

        Args:
            numbers: of the rows, shape (N,).
            labels: of their groups, a pyarrow array of length N; None if each row stands alone.

        Returns:
            Array of shape (N,).

        Raises:
            InputError: a label is missing.
        """
        alone = labels is None
        keys = row_keys(numbers, self.seed, "slot") if alone else group_keys(labels, self.seed)
        return slots_of(keys, len(self))
