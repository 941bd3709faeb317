"""How much trees count: weights from rows that both networks and trees held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from covey import scores
from covey.distributions import Elliptical, Mixture
from covey.distributions.internals import cdf, location_slope, single, with_mean
from covey.types import Array

MOST_ROWS = 5000  # enough to learn a few weights from
MOST_LOGIT, STEEPEST = 6.0, 4.0  # of weights
START_LOGIT, START_SLOPE = -1.0, 0.5
SQUARED = 0.5  # how much squared errors count beside likelihood and CRPS
LEAST_GAIN = (
    0.01  # nats, and shares of the CRPS, of a target: less is not worth the time to predict
)


@dataclass(frozen=True, eq=False)
class Shares:
    """Weights of trees, and which targets are better with them.

    Attributes:
        logit: shape (D,).
        slope: 0 or more.
        center: shape (D,).
        worth: which targets gain by their trees, shape (D,).
    """

    logit: Array
    slope: float
    center: Array
    worth: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _HeldOut:
    """N rows that were held out, as networks and trees predict them.

    The loss is that of the likelihood, in nats per target, and the mean over targets of the CRPS as
    a share of what it is without trees. Likelihood alone trusts the network where its errors are
    small, and forgives it the rows that squared errors are made of. Weights are fitted by this loss
    and half the mean over targets of the squared error, as a share of the same kind. The CRPS of
    mixtures is that of one distribution with their means and covariances.
    """

    joint: Elliptical | Mixture
    single: Elliptical  # with the same means and covariances, of which the CRPS has a closed form
    trees: Array
    Y: Array
    weight: Array
    crps: Array  # of each target without trees, (D,)
    squares: Array  # the mean of its squared errors without them, (D,)
    per_row: float  # how many targets a row has in the mean

    @classmethod
    def of(cls, joint: Elliptical | Mixture, trees: Array, Y: Array, weight: Array) -> Self:
        weight = weight / weight.sum()
        observed = ~np.isnan(Y)
        counted = weight @ observed
        one = single(joint)
        found = np.where(observed, scores.crps(one, Y), 0.0)
        crps = (weight @ found) / np.maximum(counted, 1e-300)
        error = np.where(observed, joint.mean - Y, 0.0)
        squares = (weight @ np.square(error)) / np.maximum(counted, 1e-300)
        crps, squares = (np.where(mean > 0, mean, 1.0) for mean in (crps, squares))
        return cls(joint, one, trees, Y, weight, crps, squares, float(counted.sum()))

    def mean(self, weight: Array) -> Array:
        """The means, trees counting for so much of them, all of shape (N, D)."""
        own = self.joint.mean
        return np.asarray(own + weight * (self.trees - own))

    def losses(self, mean: Array) -> Array:
        """The loss of each row with these means, shape (N,)."""
        crps = np.nansum(scores.crps(with_mean(self.single, mean), self.Y) / self.crps, axis=1)
        density = with_mean(self.joint, mean).log_prob(self.Y)
        return np.asarray((crps - density) / self.per_row)

    def squared(self, mean: Array) -> Array:
        """Squared errors as a share of their mean without trees, shape (N, D); 0 where unknown."""
        error = np.where(np.isnan(self.Y), 0.0, mean - self.Y)
        return np.asarray(np.square(error) / self.squares)

    def objective(self, mean: Array) -> float:
        """What weights are fitted by."""
        squared = self.squared(mean).sum(axis=1) / self.per_row
        return float(self.weight @ (self.losses(mean) + SQUARED * squared))

    def slopes(self, mean: Array) -> Array:
        """Derivative of each row's part of the objective by its means, shape (N, D)."""
        observed = ~np.isnan(self.Y)
        below = cdf(with_mean(self.single, mean), self.Y, "model")
        slope = np.where(observed, 1 - 2 * below, 0.0) / self.crps
        error = np.where(observed, mean - self.Y, 0.0)
        slope += 2 * SQUARED * error / self.squares
        return (slope - location_slope(with_mean(self.joint, mean), self.Y)) / self.per_row


def fit_shares(
    joint: Elliptical | Mixture,
    trees: Array,
    Y: Array,
    weight: Array,
    some: NDArray[np.bool_],
    seed: int = 0,
) -> Shares:
    """The weights of least loss for rows that were held out.

    Args:
        joint: predictions for N rows by networks that did not train on them.
        trees: the same by trees, shape (N, D), in target units.
        Y: observed values, shape (N, D), in target units; NaN where not observed.
        weight: sample weights, shape (N,).
        some: which targets have trees, shape (D,).
        seed: of the choice of 5,000 rows, where there are more.

    Returns:
        The weights. A target is worth its trees if leaving them out costs more likelihood and CRPS
        than the standard error of that, more than what a weight gains by chance, and more than
        0.01.
    """
    rows = np.flatnonzero((weight > 0) & ~np.isnan(Y[:, some]).all(axis=1))
    if len(rows) > MOST_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False))
    spread = np.log(joint.stddev)
    center = np.median(spread, axis=0) if len(spread) else np.zeros(len(some))
    if not len(rows) or not some.any():
        return Shares(np.zeros(len(some)), 0.0, center, np.zeros_like(some))
    held = _HeldOut.of(joint[rows], trees[rows], Y[rows], weight[rows])
    logit, slope = _least_loss(held, center, some)
    worth = some & _worth(held, logit, slope, center)
    if 0 < worth.sum() < some.sum():
        logit, slope = _least_loss(held, center, worth)
    return Shares(logit, slope, center, worth)


def _least_loss(held: _HeldOut, center: Array, some: NDArray[np.bool_]) -> tuple[Array, float]:
    """Logits and slope of least loss; the other targets have a weight of 0 meanwhile."""
    places = np.flatnonzero(some)
    away = np.log(held.joint.stddev) - center
    step = np.where(np.isnan(held.Y), 0.0, held.trees - held.joint.mean)

    def loss(theta: Array) -> tuple[float, Array]:
        logit = np.zeros(len(some))
        logit[places] = theta[:-1]
        share = np.where(some, weights(logit, theta[-1], center, held.joint.stddev), 0.0)
        mean = held.mean(share)
        slope = held.slopes(mean) * step * share * (1 - share) * held.weight[:, None]
        by_target = slope.sum(axis=0)[places]
        return held.objective(mean), np.append(by_target, (slope * away).sum())

    bounds = [(-MOST_LOGIT, MOST_LOGIT)] * len(places) + [(0.0, STEEPEST)]
    start = np.append(np.full(len(places), START_LOGIT), START_SLOPE)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    logit = np.full(len(some), -MOST_LOGIT)
    logit[places] = found.x[:-1]
    return logit, float(found.x[-1])


def _worth(held: _HeldOut, logit: Array, slope: float, center: Array) -> NDArray[np.bool_]:
    """Which targets lose by more than chance if their trees are left out."""
    share = weights(logit, slope, center, held.joint.stddev)
    best = held.losses(held.mean(share))
    count = 1 / np.square(held.weight).sum()  # rows of equal weight that would say as much
    found = np.zeros(len(logit), dtype=bool)
    for target in range(len(logit)):
        without = share.copy()
        without[:, target] = 0.0
        gain = held.losses(held.mean(without)) - best
        mean = held.weight @ gain
        error = np.sqrt(held.weight @ np.square(gain - mean) / count)
        found[target] = mean > max(error, LEAST_GAIN / held.per_row, 1 / held.per_row / count)
    return found


def weights(logit: Array, slope: Array | float, center: Array, stddev: Array) -> Array:
    """Weights of trees: they grow with the network's own standard deviation.

    Args:
        logit: shape (D,).
        slope: 0 or more.
        center: log of a typical standard deviation, shape (D,).
        stddev: shape (N, D), in target units.

    Returns:
        Array of shape (N, D), in (0, 1).
    """
    found: Array = expit(logit + slope * (np.log(stddev) - center))
    return found
