"""What is learned from the looks at the held-out rows: which weights of each member are best."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covey.types import Array

Weights = list[NDArray[np.float32]]  # each with the member axis in front

AVERAGED = 1 / 9  # share of the steps so far that the running average of weights spans


class Looks:
    """Averages the weights, and keeps each member's best average.

    Args:
        scorer: from weights to the held-out score of each member, shape (K,), in nats per row.
        share: each member's share of all held-out weight, shape (K,).
        weights: of the start, which is looked at first.

    Attributes:
        steps: gradient steps taken so far.
        number: looks so far, that at the start apart.
        average: the running average of the weights.
        weights: the best average of each member.
        scores: its score, shape (K,).
        best_steps: the step at which it was looked at, shape (K,).
        start: out-of-fold score at the start.
        diverged: members whose score once was infinite or NaN.
    """

    def __init__(self, scorer: Callable[[Weights], Array], share: Array, weights: Weights) -> None:
        self.scorer, self.share = scorer, share
        self.steps = self.number = 0
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
    def waiting(self) -> NDArray[np.int64]:
        """Steps since each member was best, shape (K,)."""
        return self.steps - self.best_steps

    def look(self, weights: Weights, taken: int) -> None:
        """Renew the average, and keep it where it is better.

        Args:
            weights: those now.
            taken: steps since the last look.
        """
        self.number += 1
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

    def snapshot(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """(what JSON can hold, arrays): all that `restore` needs."""
        arrays: dict[str, NDArray[Any]] = {
            "scores": self.scores.copy(),
            "best_steps": self.best_steps.copy(),
        }
        for number, (average, best) in enumerate(zip(self.average, self.weights, strict=True)):
            arrays[f"average_{number:03d}"] = average.copy()
            arrays[f"best_{number:03d}"] = best.copy()
        manifest = {
            "steps": self.steps,
            "looks": self.number,
            "start": self.start,
            "diverged": sorted(self.diverged),
        }
        return manifest, arrays

    def restore(self, snapshot: tuple[dict[str, Any], dict[str, NDArray[Any]]]) -> None:
        """Go on from there."""
        manifest, arrays = snapshot
        self.steps, self.number = manifest["steps"], manifest["looks"]
        self.start, self.diverged = manifest["start"], set(manifest["diverged"])
        self.scores, self.best_steps = arrays["scores"].copy(), arrays["best_steps"].copy()
        count = len(self.weights)
        self.average = [arrays[f"average_{number:03d}"].copy() for number in range(count)]
        self.weights = [arrays[f"best_{number:03d}"].copy() for number in range(count)]
