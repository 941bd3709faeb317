"""Means and products of features and targets: all that ridge regressions need of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from covey.types import Array, Groups, Mask


@dataclass
class Moments:
    """Means, and sums of products of deviations from them, added up without losing digits.

    Attributes:
        rows: how many there are.
        weight: the sum of their weights.
        feature_mean: weighted means, shape (F,).
        target_mean: likewise, shape (T,).
        gram: weighted sums of products of two features' deviations, shape (F, F).
        cross: of a feature's and a target's, shape (F, T).
        squares: of each target's with itself, shape (T,).

    References:
        Chan, Golub, LeVeque (1983), Algorithms for Computing the Sample Variance: Analysis and
        Recommendations, doi 10.1080/00031305.1983.10483115.
    """

    rows: int
    weight: float
    feature_mean: Array
    target_mean: Array
    gram: Array
    cross: Array
    squares: Array

    @classmethod
    def empty(cls, n_features: int, n_targets: int) -> Self:
        """The moments of no rows, with F features and T targets."""
        f, t = n_features, n_targets
        return cls(
            0, 0.0, np.zeros(f), np.zeros(t), np.zeros((f, f)), np.zeros((f, t)), np.zeros(t)
        )

    @classmethod
    def of(cls, X: Array, Y: Array, weight: Array | None) -> Self:
        """Compute the moments of some rows.

        Args:
            X: features, shape (N, F).
            Y: targets, shape (N, T), in any units.
            weight: array of shape (N,), positive; None for ones.

        Returns:
            The moments, in the units of X and Y.
        """
        if not len(X):
            return cls.empty(X.shape[1], Y.shape[1])
        weight = np.ones(len(X)) if weight is None else weight
        total = float(weight.sum())
        feature_mean, target_mean = weight @ X / total, weight @ Y / total
        features, targets = X - feature_mean, Y - target_mean
        weighted = features * weight[:, None]
        return cls(
            len(X),
            total,
            feature_mean,
            target_mean,
            features.T @ weighted,
            weighted.T @ targets,
            weight @ np.square(targets),
        )

    @classmethod
    def merged(cls, parts: Iterable[Moments]) -> Moments:
        """The moments of all rows together, from those of at least one part of them."""
        first, *others = parts
        total = cls.empty(*first.cross.shape)
        for part in (first, *others):
            total.add(part)
        return total

    def add(self, other: Moments) -> None:
        """Add the rows that other moments are of."""
        if other.weight == 0:
            return
        weight = self.weight + other.weight
        features = other.feature_mean - self.feature_mean
        targets = other.target_mean - self.target_mean
        between = self.weight * other.weight / weight
        self.gram += other.gram
        self.gram += np.outer(features, features) * between
        self.cross += other.cross
        self.cross += np.outer(features, targets) * between
        self.squares += other.squares + np.square(targets) * between
        self.feature_mean = self.feature_mean + features * (other.weight / weight)
        self.target_mean = self.target_mean + targets * (other.weight / weight)
        self.rows += other.rows
        self.weight = weight

    def part(
        self, *, features: Any = slice(None), targets: Sequence[int] | slice = slice(None)
    ) -> Moments:
        """The moments of some features and targets, by their numbers; of all by default."""
        return Moments(
            self.rows,
            self.weight,
            self.feature_mean[features],
            self.target_mean[targets].copy(),
            self.gram[features][:, features].copy(),
            self.cross[features][:, targets].copy(),
            self.squares[targets].copy(),
        )

    def standardised(self, location: Array, scale: Array) -> Moments:
        """The moments with (Y - location) / scale in place of Y; arguments of shape (T,)."""
        return Moments(
            self.rows,
            self.weight,
            self.feature_mean,
            (self.target_mean - location) / scale,
            self.gram,
            self.cross / scale,
            self.squares / np.square(scale),
        )

    @property
    def size(self) -> int:
        """How many numbers are stored, but for the means."""
        return self.gram.size + self.cross.size + self.squares.size


class FoldMoments:
    """Moments of the rows of each fold.

    Complete rows are summed up with all their targets at once. Rows with gaps count for each target
    that they hold, so that each has the moments of all rows that hold it.

    Args:
        folds: number of folds.
        n_features: F.
        n_targets: D.
    """

    def __init__(self, folds: int, n_features: int, n_targets: int) -> None:
        self.n_features, self.n_targets = n_features, n_targets
        self.complete = [Moments.empty(n_features, n_targets) for _ in range(folds)]
        self.gaps: dict[tuple[int, int], Moments] = {}  # by fold and target

    def add(self, X: NDArray[Any], Y: Array, weight: Array | None, fold: Groups) -> None:
        """Add rows.

        Args:
            X: features, shape (N, F).
            Y: targets, shape (N, D), in target units; NaN where not observed.
            weight: array of shape (N,), positive; None for ones.
            fold: of each row, shape (N,).
        """
        X = np.asarray(X, dtype=np.float64)
        observed = ~np.isnan(Y)
        complete = np.asarray(observed.all(axis=1))
        for number in np.unique(fold):
            here = fold == number
            self.complete[number].add(_of(X, Y, weight, here & complete))
            for target in range(self.n_targets) if not complete[here].all() else ():
                rows = here & ~complete & observed[:, target]
                if rows.any():
                    empty = Moments.empty(self.n_features, 1)
                    known = self.gaps.setdefault((int(number), target), empty)
                    known.add(_of(X, Y[:, [target]], weight, rows))

    @property
    def size(self) -> int:
        """How many numbers are stored, but for the means."""
        return sum(part.size for part in (*self.complete, *self.gaps.values()))

    def observed_alike(self) -> list[list[int]]:
        """Targets in groups that the same rows hold: all together if there are no gaps."""
        if not self.gaps:
            return [list(range(self.n_targets))]
        return [[target] for target in range(self.n_targets)]

    def of(self, fold: int, targets: Sequence[int]) -> Moments:
        """Moments of the features and of targets that `observed_alike` gives together.

        Args:
            fold: which one.
            targets: T numbers of targets.

        Returns:
            Those of each row of the fold that holds the targets.
        """
        moments = self.complete[fold].part(targets=targets)
        if (fold, targets[0]) in self.gaps:
            moments.add(self.gaps[fold, targets[0]])
        return moments


def _of(X: Array, Y: Array, weight: Array | None, rows: Mask) -> Moments:
    if rows.all():
        return Moments.of(X, Y, weight)
    return Moments.of(X[rows], Y[rows], None if weight is None else weight[rows])
