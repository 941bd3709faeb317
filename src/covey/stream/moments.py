"""Sums from which ridge regressions follow, of each slot of rows, gathered in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from covey.types import Array


@dataclass
class Moments:
    """Mean and scatter of rows of M numbers, added up without losing digits.

    Attributes:
        rows: how many there are.
        weight: the sum of their weights.
        mean: weighted mean, shape (M,).
        scatter: weighted sum of products of deviations from the mean, shape (M, M).

    References:
        Chan, Golub, LeVeque (1983), Algorithms for Computing the Sample Variance: Analysis and
        Recommendations, doi 10.1080/00031305.1983.10483115.
    """

    rows: int
    weight: float
    mean: Array
    scatter: Array

    @classmethod
    def empty(cls, width: int) -> Self:
        """Those of no rows of `width` numbers."""
        return cls(0, 0.0, np.zeros(width), np.zeros((width, width)))

    @classmethod
    def of(cls, values: Array, weight: Array | None) -> Self:
        """Those of some rows.

        Args:
            values: array of shape (N, M).
            weight: array of shape (N,), positive; None for ones.
        """
        if not len(values):
            return cls.empty(values.shape[1])
        total = float(len(values)) if weight is None else float(weight.sum())
        mean = values.mean(axis=0) if weight is None else weight @ values / total
        centred = values - mean
        weighted = centred if weight is None else centred * weight[:, None]
        return cls(len(values), total, mean, centred.T @ weighted)

    @classmethod
    def merged(cls, parts: Iterable[Moments]) -> Moments:
        """Those of all rows of some parts, at least one."""
        first, *others = parts
        total = cls(first.rows, first.weight, first.mean.copy(), first.scatter.copy())
        for part in others:
            total.add(part)
        return total

    def add(self, other: Moments) -> None:
        """Add the rows of another."""
        if other.weight == 0:
            return
        weight = self.weight + other.weight
        shift = other.mean - self.mean
        self.scatter += other.scatter
        self.scatter += np.outer(shift, shift) * (self.weight * other.weight / weight)
        self.mean = self.mean + shift * (other.weight / weight)
        self.rows += other.rows
        self.weight = weight

    def part(self, kept: Sequence[int] | NDArray[np.intp]) -> Moments:
        """Those of some of the numbers."""
        places = np.asarray(kept)
        scatter = self.scatter[np.ix_(places, places)]
        return Moments(self.rows, self.weight, self.mean[places], scatter)


class SlotMoments:
    """Moments of features and targets, for each slot.

    Complete rows are summed up with all their targets at once. Rows with gaps count for each target
    that they hold, so that each has the moments of all rows that hold it.

    Args:
        slots: number of slots.
        n_features: F.
        n_targets: D.
    """

    def __init__(self, slots: int, n_features: int, n_targets: int) -> None:
        self.n_features, self.n_targets = n_features, n_targets
        self.whole = [Moments.empty(n_features + n_targets) for _ in range(slots)]
        self.gaps: dict[tuple[int, int], Moments] = {}  # by slot and target

    def add(self, X: NDArray[Any], Y: Array, weight: Array | None, slot: NDArray[np.int64]) -> None:
        """Add rows.

        Args:
            X: features, shape (N, F).
            Y: targets, shape (N, D), in target units; NaN where not observed.
            weight: array of shape (N,), positive; None for ones.
            slot: of each row, shape (N,).
        """
        values = np.concatenate([X, Y], axis=1, dtype=np.float64)
        observed = ~np.isnan(Y)
        complete = np.asarray(observed.all(axis=1))
        for number in np.unique(slot):
            here = slot == number
            self.whole[number].add(_of(values, weight, here & complete))
            for target in range(self.n_targets) if not complete[here].all() else ():
                rows = here & ~complete & observed[:, target]
                if rows.any():
                    kept = [*range(self.n_features), self.n_features + target]
                    own = (int(number), target)
                    known = self.gaps.setdefault(own, Moments.empty(len(kept)))
                    known.add(_of(values[:, kept], weight, rows))

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        parts = (*self.whole, *self.gaps.values())
        return sum(part.scatter.size for part in parts)

    def alike(self) -> list[list[int]]:
        """Targets in groups that the same rows hold: all together if there are no gaps."""
        if not self.gaps:
            return [list(range(self.n_targets))]
        return [[target] for target in range(self.n_targets)]

    def of(self, slot: int, targets: Sequence[int]) -> Moments:
        """Moments of the features and of targets that `alike` gives together.

        Args:
            slot: which one.
            targets: T numbers of targets.

        Returns:
            Those of F + T numbers in each row that holds the targets.
        """
        kept = [*range(self.n_features), *(self.n_features + target for target in targets)]
        own = self.whole[slot].part(kept)
        if (slot, targets[0]) in self.gaps:
            own.add(self.gaps[slot, targets[0]])
        return own


def _of(values: Array, weight: Array | None, rows: NDArray[np.bool_]) -> Moments:
    if rows.all():
        return Moments.of(values, weight)
    return Moments.of(values[rows], None if weight is None else weight[rows])
