"""The score of each member on the rows it does not train on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from covey.backend import processes
from covey.families.internals import scaling
from covey.members.architecture import Architecture
from covey.members.forward import Networks
from covey.start.whitening import Whitened
from covey.table.training_data import TrainingData
from covey.types import Array, Rows

MOST_SCORED = 4096  # held-out rows of a member that a validation scores; the final score is of all


@dataclass(frozen=True)
class HeldOut:
    """Held-out rows of all members: the complete ones, and those with gaps.

    Attributes:
        parts: side by side, as networks take them.
        weight: held-out weight of each member in this process, shape (K,).
        total: the same in all processes that train together, shape (K,).
    """

    parts: tuple[_Part, ...]
    weight: Array
    total: Array

    @property
    def share(self) -> Array:
        """Each member's share of all held-out weight, shape (K,)."""
        return self.total / self.total.sum()

    @classmethod
    def gather(cls, data: TrainingData, whitened: Whitened) -> Self:
        """Gather the rows.

        Args:
            data: N rows for K members.
            whitened: their targets, in the units of each member's linear start.

        Returns:
            What a validation scores: at most `MOST_SCORED` of the rows that each member holds out.
        """
        weight, tests, matrix = data.weight, data.folds.tests, data.inputs.matrix
        all_weight = np.array([weight[rows].sum() for rows in tests])
        scored = [_spread(rows[weight[rows] > 0], MOST_SCORED) for rows in tests]
        total = np.array([weight[rows].sum() for rows in scored])
        parts = []
        for whole in (True, False):
            kind = [rows[whitened.complete[rows] == whole] for rows in scored]
            if any(map(len, kind)):
                parts.append(_Part.gather(matrix, whitened, kind, weight, total, gaps=not whole))
        return cls(tuple(parts), all_weight, processes.summed(all_weight))

    @property
    def size(self) -> int:
        """Number of rows that a validation scores, over all members."""
        return sum(int(np.count_nonzero(part.weight)) for part in self.parts)

    def scorer(self, architecture: Architecture) -> Callable[[list[NDArray[np.float32]]], Array]:
        """A function that scores weights of a network.

        Args:
            architecture: what the weights are of.

        Returns:
            A function from weights, as `read_weights` gives them, to the mean log-density of each
            member's held-out rows, shape (K,), in nats per row.
        """

        def score(weights: list[NDArray[np.float32]]) -> Array:
            networks = Networks(architecture, weights)
            scores = np.sum([part.mean(networks) for part in self.parts], axis=0)
            return processes.summed(scores * self.weight) / self.total

        return score


@dataclass(frozen=True)
class _Part:
    """Held-out rows, all complete or all with gaps, padded to as many for each member."""

    inputs: NDArray[np.float32]  # (R, K, F)
    targets: NDArray[np.float32]  # (R, K, D)
    weight: Array  # (R, K), over all parts summing to 1 for each member; 0 for padding
    log_scale: Array  # (K,): what turns the score into one in target units
    scale_tril: Array | None  # (K, D, D), for rows with gaps

    @classmethod
    def gather(
        cls,
        inputs: NDArray[np.float32],
        whitened: Whitened,
        kind: Sequence[Rows],
        weight: Array,
        total: Array,
        *,
        gaps: bool,
    ) -> Self:
        size = max(map(len, kind))
        k, d = whitened.y.shape[1:]
        held_inputs = np.zeros((size, k, inputs.shape[1]), dtype=np.float32)
        targets = np.zeros((size, k, d), dtype=np.float32)
        held_weight = np.zeros((size, k))
        log_scale = np.zeros(k)
        for member, rows in enumerate(kind):
            held_inputs[: len(rows), member] = inputs[rows]
            targets[: len(rows), member] = whitened.y[rows, member]
            held_weight[: len(rows), member] = weight[rows] / total[member]
            log_scale[member] = held_weight[: len(rows), member] @ whitened.log_scale[rows, member]
        scale_tril = whitened.scale_tril if gaps else None
        return cls(held_inputs, targets, held_weight, log_scale, scale_tril)

    def mean(self, networks: Networks) -> Array:
        """Weighted means of log-densities, (K,), in nats per row, of targets in their own units."""
        parts: tuple[NDArray[np.float32], ...] = ()
        if self.scale_tril is not None:
            parts = scaling(networks.architecture.family, self.scale_tril)
        missing = self.scale_tril is not None
        densities = networks.log_density(self.inputs, self.targets, scaling=parts, missing=missing)
        used = np.where(self.weight > 0, densities.astype(np.float64), 0.0)
        return np.einsum("rk,rk->k", self.weight, used) + self.log_scale


def _spread(rows: Rows, most: int) -> Rows:
    """The rows; if there are more than `most`, so many of them, evenly spread."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
