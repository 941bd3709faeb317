"""The numbers that an ensemble learns from."""

from __future__ import annotations

from dataclasses import dataclass

from covey.table.folds import Folds
from covey.table.inputs import Inputs
from covey.types import Array


@dataclass(frozen=True)
class TrainingData:
    """N rows for K members: inputs, targets, weights, and which member trains on which rows.

    Attributes:
        inputs: what the members read of the rows.
        Y: targets, shape (N, D), in target units; NaN where not observed.
        weight: sample weights, shape (N,), of mean 1; all 1 if rows count alike.
        folds: which rows each of the K members trains on, and which it holds out.
        targets: D names.
    """

    inputs: Inputs
    Y: Array
    weight: Array
    folds: Folds
    targets: tuple[str, ...]

    @property
    def uneven_weight(self) -> Array | None:
        """The weights, or None if they are all equal, for code that is faster without.

        Returns:
            Array of shape (N,), or None.
        """
        return None if (self.weight == 1).all() else self.weight
