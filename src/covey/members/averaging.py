"""The running average of the weights, and the best average that each member has had so far."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from covey.types import Array, Counts, Snapshot

Weights = list[NDArray[np.float32]]  # each with the member axis in front

AVERAGED = 1 / 9  # share of the steps so far that the running average of weights spans


class BestWeights:
    """Averages the weights of a training, and keeps the average of each member that scored best.

    Args:
        scorer: from weights to the held-out score of each member, shape (K,), in nats per row.
        share: each member's share of all held-out weight, shape (K,).
        weights: of the start, which is scored first.

    Attributes:
        steps: gradient steps taken so far.
        validations: how often averages were scored so far, the start apart.
        average: the running average of the weights.
        weights: the best average of each member.
        scores: its score, shape (K,), in nats per row.
        best_steps: the step at which it was scored, shape (K,).
        start: out-of-fold score at the start, in nats per row.
        diverged: members whose score once was infinite or NaN.
    """

    def __init__(self, scorer: Callable[[Weights], Array], share: Array, weights: Weights) -> None:
        self.scorer, self.share = scorer, share
        self.steps = self.validations = 0
        self.average = weights
        self.weights = [weight.copy() for weight in weights]
        self.scores = scorer(weights)
        self.start = self.score
        self.best_steps = np.zeros(len(share), dtype=np.int64)
        self.diverged: set[int] = set()

    @property
    def score(self) -> float:
        """Out-of-fold score of the best weights so far, in nats per row."""
        return float(self.share @ self.scores)

    @property
    def waiting(self) -> Counts:
        """Steps since each member was best, shape (K,)."""
        return self.steps - self.best_steps

    def validate(self, weights: Weights, taken: int) -> None:
        """Renew the average, score it, and keep it for the members whose best it is.

        Args:
            weights: those now.
            taken: gradient steps since the last validation.
        """
        self.validations += 1
        self.steps += taken
        renewed = min(taken / (AVERAGED * self.steps), 1.0)
        for average, now in zip(self.average, weights, strict=True):
            average += renewed * (now - average)
        scores = self.scorer(self.average)
        self.diverged |= set(np.flatnonzero(~np.isfinite(scores)).tolist())
        better = np.flatnonzero(scores > self.scores)  # never true for NaN
        for best, average in zip(self.weights, self.average, strict=True):
            best[better] = average[better]
        self.scores[better] = scores[better]
        self.best_steps[better] = self.steps

    def snapshot(self) -> Snapshot:
        """All that `restore` needs."""
        arrays: dict[str, NDArray[np.generic]] = {
            "scores": self.scores.copy(),
            "best_steps": self.best_steps.copy(),
        }
        for number, (average, best) in enumerate(zip(self.average, self.weights, strict=True)):
            arrays[f"average_{number:03d}"] = average.copy()
            arrays[f"best_{number:03d}"] = best.copy()
        manifest = {
            "steps": self.steps,
            "looks": self.validations,
            "start": self.start,
            "diverged": sorted(self.diverged),
        }
        return Snapshot(manifest, arrays)

    def restore(self, snapshot: Snapshot) -> None:
        """Set everything to what it was when a snapshot was taken."""
        manifest, arrays = snapshot
        self.steps, self.validations = manifest["steps"], manifest["looks"]
        self.start, self.diverged = manifest["start"], set(manifest["diverged"])
        self.scores, self.best_steps = arrays["scores"].copy(), arrays["best_steps"].copy()
        count = len(self.weights)
        self.average = [arrays[f"average_{number:03d}"].copy() for number in range(count)]
        self.weights = [arrays[f"best_{number:03d}"].copy() for number in range(count)]
