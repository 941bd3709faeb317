"""The score of each member on the rows it does not train on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from covey.engine import keras
from covey.layers import LogDensity
from covey.network import BLOCK
from covey.whitened import Whitened

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

MOST_SCORED = 4096  # held-out rows of a member that a look scores; the final score is of all


@dataclass(frozen=True)
class HeldOut:
    """Held-out rows of all members: the complete ones, and those with gaps.

    Attributes:
        parts: side by side, as networks take them.
        share: each member's share of all held-out weight, shape (K,).
    """

    parts: tuple[_Part, ...]
    share: Array

    @classmethod
    def gather(
        cls,
        inputs: NDArray[np.float32],
        whitened: Whitened,
        tests: Sequence[Rows],
        sample_weight: Array | None,
    ) -> Self:
        """Gather the rows.

        Args:
            inputs: array of shape (N, F).
            whitened: targets of N rows for K members.
            tests: for each member, the rows held out.
            sample_weight: array of shape (N,), or None.

        Returns:
            What a look at the held-out rows scores: at most `MOST_SCORED` rows of each member.
        """
        weight = np.ones(len(inputs)) if sample_weight is None else sample_weight
        all_weight = np.array([weight[rows].sum() for rows in tests])
        scored = [_spread(rows[weight[rows] > 0], MOST_SCORED) for rows in tests]
        total = np.array([weight[rows].sum() for rows in scored])
        parts = []
        for whole in (True, False):
            kind = [rows[whitened.complete[rows] == whole] for rows in scored]
            if any(map(len, kind)):
                parts.append(_Part.gather(inputs, whitened, kind, weight, total, gaps=not whole))
        return cls(tuple(parts), all_weight / all_weight.sum())

    def scorers(self, model: Any, family: Any) -> list[Any]:
        """Models that score what `model` puts out, one for each part."""
        return [part.scorer(model, family) for part in self.parts]

    def score(self, scorers: Sequence[Any]) -> Array:
        """Mean log-density of each member's held-out rows, shape (K,), in nats per row."""
        return np.sum(
            [part.score(scorer) for part, scorer in zip(self.parts, scorers, strict=True)], axis=0
        )


@dataclass(frozen=True)
class _Part:
    """Rows of one kind, padded to whole blocks."""

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
        size = -(-max(map(len, kind)) // BLOCK) * BLOCK
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

    def scorer(self, model: Any, family: Any) -> Any:
        observed = keras.Input(self.targets.shape[1:])
        missing = self.scale_tril is not None
        density = LogDensity(family, missing=missing, scale_tril=self.scale_tril)
        return keras.Model([model.input, observed], density(model.output, observed))

    def score(self, scorer: Any) -> Array:
        densities = scorer.predict([self.inputs, self.targets], batch_size=BLOCK, verbose=0)
        used = np.where(self.weight > 0, np.asarray(densities, dtype=np.float64), 0.0)
        return np.einsum("rk,rk->k", self.weight, used) + self.log_scale


def _spread(rows: Rows, most: int) -> Rows:
    """Up to so many of the rows, evenly spread over them."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
