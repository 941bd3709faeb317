"""What a training leaves, and where it is kept so that an interrupted fit can go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from covey.types import Array, Counts, Snapshot


@dataclass(frozen=True)
class Trained:
    """What training leaves.

    Attributes:
        weights: the best average weights of each member, as `read_weights` gives them.
        best_steps: step at which each member was best, shape (K,); 0 is the linear start.
        scores: held-out score of each member at its best step, shape (K,), in nats per row.
        steps: gradient steps taken.
        setup: seconds until the first step was done: mostly compilation.
    """

    weights: list[NDArray[np.float32]]
    best_steps: Counts
    scores: Array
    steps: int
    setup: float


class CheckpointStore(Protocol):
    """Where trainings, one for each family, leave what they have reached."""

    def finished(self, family: str) -> tuple[Trained, Snapshot] | None:
        """What a training left, and its source of rows at the end; None if it is not over."""

    def resume(self, family: str) -> Snapshot | None:
        """The last snapshot of a training, or None."""

    def keep(self, family: str, snapshot: Snapshot) -> None:
        """Store a snapshot of a training that goes on."""

    def finish(self, family: str, trained: Trained, source: Snapshot) -> None:
        """Store what a training left, and its source of rows as it is then."""
