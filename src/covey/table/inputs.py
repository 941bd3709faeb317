"""What the members of an ensemble read of each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from covey.types import Array


@dataclass(frozen=True)
class Inputs:
    """Features as numbers, and the means that a regressor of the user's gives beside them.

    Attributes:
        matrix: features, the same for all members, shape (N, F), each of about unit scale.
        offsets: for each member, what is added to its mean of each row, shape (K, N, D), in target
            units; None without such a regressor.
    """

    matrix: NDArray[np.float32]
    offsets: Array | None = None

    def __len__(self) -> int:
        return len(self.matrix)

    def __getitem__(self, rows: Any) -> Self:
        """The inputs of some rows: their numbers, a slice, or a mask of shape (N,)."""
        offsets = None if self.offsets is None else self.offsets[:, rows]
        return type(self)(self.matrix[rows], offsets)

    @property
    def features(self) -> Array:
        """The matrix in double precision, as linear models take it, shape (N, F)."""
        return self.matrix.astype(np.float64)

    def offset(self, member: int) -> Array | float:
        """What is added to the means of one member.

        Args:
            member: its number.

        Returns:
            Array of shape (N, D), in target units; 0 without offsets.
        """
        return 0.0 if self.offsets is None else self.offsets[member]
