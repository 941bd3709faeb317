"""The score of each member on the rows it does not train on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from covey.backend import compilation
from covey.backend.select import keras
from covey.members.layers import LogDensity
from covey.members.network import BLOCK, Network, write_weights
from covey.start.whitening import Whitened
from covey.types import Array, Rows

MOST_SCORED = 4096  # held-out rows of a member that a look scores; the final score is of all


@dataclass(frozen=True)
class HeldOut:
    """Held-out rows of all members: the complete ones, and those with gaps.

    Attributes:
        parts: side by side, as networks take them.
        own: held-out weight of each member in this process, shape (K,).
        share: each member's share of all held-out weight, shape (K,).
    """

    parts: tuple[_Part, ...]
    own: Array
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
        everywhere = compilation.summed(all_weight)
        return cls(tuple(parts), all_weight, everywhere / everywhere.sum())

    @property
    def size(self) -> int:
        """Rows that a look scores, over all members."""
        return sum(int(np.count_nonzero(part.weight)) for part in self.parts)

    def scorer(self, network: Network) -> Callable[[list[NDArray[np.float32]]], Array]:
        """What scores weights of a network.

        Args:
            network: what the weights are of.

        Returns:
            From weights, as `read_weights` gives them, to the mean log-density of each member's
            held-out rows, shape (K,), in nats per row.
        """
        model = network.build()
        densities = [part.densities(network, model) for part in self.parts]
        weight = compilation.summed(self.own)

        def score(weights: list[NDArray[np.float32]]) -> Array:
            every = zip(self.parts, densities, strict=True)
            scores = np.sum([part.mean(found(weights)) for part, found in every], axis=0)
            return compilation.summed(scores * self.own) / weight

        return score


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

    def densities(
        self, network: Network, model: Any
    ) -> Callable[[list[NDArray[np.float32]]], NDArray[np.float32]]:
        """From weights to the log-density of every row, shape (R, K); the model is for that."""
        scorer, arrays = _scorer(network, model, self.scale_tril), (self.inputs, self.targets)
        if compilation.available():
            shape = None if self.scale_tril is None else self.scale_tril.shape
            compiled, other = _compiled(network.skeleton, shape), compilation.values(scorer)[1]
            placed = compilation.placed(arrays)
            return lambda weights: compiled.exactly(weights, other, *placed)

        def predicted(weights: list[NDArray[np.float32]]) -> NDArray[np.float32]:
            write_weights(model, weights)
            return scorer.predict(list(arrays), batch_size=BLOCK, verbose=0)

        return predicted

    def mean(self, densities: NDArray[np.float32]) -> Array:
        """Their weighted mean, in nats per row of target units, shape (K,)."""
        used = np.where(self.weight > 0, np.asarray(densities, dtype=np.float64), 0.0)
        return np.einsum("rk,rk->k", self.weight, used) + self.log_scale


def _scorer(network: Network, model: Any, scale_tril: Any) -> Any:
    """A model from inputs and observations to log-densities."""
    observed = keras.Input((network.members, network.n_targets))
    density = LogDensity(network.family, missing=scale_tril is not None, scale_tril=scale_tril)
    return keras.Model([model.input, observed], density(model.output, observed))


@lru_cache(maxsize=8)
def _compiled(skeleton: Network, shape: tuple[int, ...] | None) -> compilation.Forward:
    unit = None
    if shape is not None:  # of the shape alone: what is in there comes as a weight
        unit = np.broadcast_to(np.eye(shape[-1]) if len(shape) == 3 else 1.0, shape)
    return compilation.Forward(_scorer(skeleton, skeleton.build(), unit), BLOCK)


def _spread(rows: Rows, most: int) -> Rows:
    """Up to so many of the rows, evenly spread over them."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
