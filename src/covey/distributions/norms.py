"""Expected distances: of a distribution from a point, and of two draws from each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from scipy.special import betaincinv, erf, gammaincinv, poch

from covey.distributions.elliptical import Elliptical
from covey.distributions.radial import RadialLaw
from covey.types import Array, Mask

STEP, FIRST, LAST = 0.5, -13.0, 22.0  # of log t in an integral over t; the rest in closed form
NODES, FEW = 12, 8  # of integrals over the tails of Student-t distributions


def nodes(count: int) -> tuple[Array, Array]:
    """Points in (0, 1) to take quantiles at, dense at the ends, and weights; 1/2 and 1 for one."""
    x, weights = np.polynomial.legendre.leggauss(count)
    x, weights = (x + 1) / 2, weights / 2
    weights *= 30 * x**2 * (1 - x) ** 2  # of x, as the derivative of what follows
    return x**3 * (10 - 15 * x + 6 * x**2), weights / weights.sum()


def mixing_moment(radial: RadialLaw, half: float) -> tuple[Array, Array]:
    """E[V^half] of the mixing variable V, and 1 / V at `nodes` of the measure that V^half weighs.

    Args:
        radial: the law of N rows.
        half: a power, below half of the least degrees of freedom.

    Returns:
        Arrays of shape (N,) and (N, J), without unit.
    """
    if radial.degrees_of_freedom is None:
        n = len(radial.covariance_ratio)
        return np.ones(n), np.ones((n, 1))
    shape = radial.degrees_of_freedom[:, None] / 2  # of the gamma distribution of 1 / V
    moment = shape[:, 0] ** half * poch(shape[:, 0], -half)
    return moment, gammaincinv(shape - half, nodes(NODES)[0]) / shape


def energy(parts: Sequence[Elliptical], weights: Array, y: Array) -> Array:
    """Energy scores of mixtures, by the expected distances that they are made of.

    Args:
        parts: K components, each an `Elliptical` of N rows and D targets.
        weights: shape (N, K).
        y: observed values, shape (N, D), in target units; NaN where not observed.

    Returns:
        Array of shape (N,), in target units; NaN for a row without any observed target.
    """
    seen = ~np.isnan(y)
    masked = [_Masked.of(part, seen) for part in parts]
    score = np.zeros(len(y))
    for k, part in enumerate(masked):
        factor, growth = mixing_moment(part.radial, 0.5)
        shift = np.where(seen, y, 0.0) - part.mean
        distance = factor * _mean_norm(shift, part.matrices(), growth)
        score += weights[:, k] * (distance - weights[:, k] * _mean_gap(part, part) / 2)
        for m in range(k):
            score -= weights[:, k] * weights[:, m] * _mean_gap(part, masked[m])
    return np.where(seen.any(axis=1), score, np.nan)


class _Masked(NamedTuple):
    """A component of which the targets that are not observed are put at 0, without spread."""

    mean: Array  # (N, D)
    diagonal: Array  # (N, D)
    columns: Array  # (N, D, M): the scale matrix is diag(diagonal) + columns columns'
    radial: RadialLaw

    @classmethod
    def of(cls, part: Elliptical, seen: Mask) -> Self:
        diagonal, columns = part._scale.parts
        return cls(part.mean * seen, diagonal * seen, columns * seen[:, :, None], part._radial)

    def matrices(self) -> Array:
        matrix: Array = self.columns @ np.swapaxes(self.columns, 1, 2)
        on_diagonal = np.arange(self.diagonal.shape[1])
        matrix[:, on_diagonal, on_diagonal] += self.diagonal
        return matrix


def _mean_gap(one: _Masked, two: _Masked) -> Array:
    """E|X - X'|: the sum of two chi-squares is chi-square, their shares of it a beta variable."""
    shift = one.mean - two.mean
    f, h = one.radial.degrees_of_freedom, two.radial.degrees_of_freedom
    first, second = one.matrices(), two.matrices()
    if f is None or h is None:
        return _mean_norm(shift, first + second, np.ones((len(shift), 1)))
    total = 2 * gammaincinv((f + h - 1)[:, None] / 2, nodes(NODES)[0])
    mean = np.zeros(len(shift))
    for u, weight in zip(*nodes(1 if one is two else FEW), strict=True):
        share = betaincinv((f - 1) / 2, (h - 1) / 2, u)[:, None]
        rest = (f[:, None] * (1 - share))[..., None], (h[:, None] * share)[..., None]
        matrix = rest[0] * first + rest[1] * second
        mean += weight * _mean_norm(shift, matrix, total * share * (1 - share))
    return np.prod([poch(x / 2, -0.5) for x in (f, h, f + h)], axis=0) * (f + h - 2) / 8**0.5 * mean


def _mean_norm(shift: Array, matrix: Array, growth: Array) -> Array:
    """Average of E|N(sqrt(g) shift, matrix)| over the growths g of each row, of shape (N, J).

    Of the squared norm Q, E sqrt(Q) is the integral of (1 - E exp(-t Q)) t^-1.5 / (2 sqrt(pi))
    over t (Mathai, Provost 1992): in log t the trapezoid rule converges exponentially.
    """
    weights = nodes(growth.shape[1])[1]
    if shift.shape[1] == 1:
        sigma = np.sqrt(np.where(matrix[:, 0] > 0, matrix[:, 0], 1.0))
        z = shift * np.sqrt(growth) / sigma
        mean = np.sqrt(2 / np.pi) * np.exp(-np.square(z) / 2) + z * erf(z / np.sqrt(2))
        return sigma[:, 0] * (mean @ weights)
    variance, axes = np.linalg.eigh(matrix)
    variance = np.maximum(variance, 0.0)  # rounding, where not observed
    offset = np.square(np.einsum("nij,ni->nj", axes, shift))
    size = variance.sum(axis=1) + offset.sum(axis=1) * growth.max(axis=1)
    size = np.where(size > 0, size, 1.0)[:, None]
    variance, offset = variance / size, offset / size
    square = variance.sum(axis=1)[:, None] + growth * offset.sum(axis=1)[:, None]
    mean = (square * np.exp(FIRST / 2) + np.exp(-LAST / 2)) / (np.exp(STEP / 2) - 1)
    for t in np.exp(np.arange(FIRST, LAST + STEP / 2, STEP)):
        spread = 1 + 2 * t * variance
        slope = t * (offset / spread).sum(axis=1, keepdims=True)
        decay = np.exp(-growth * slope - np.log(spread).sum(axis=1, keepdims=True) / 2)
        mean += (1 - decay) / np.sqrt(t)
    return np.sqrt(size[:, 0]) * (mean @ weights) * STEP / (2 * np.sqrt(np.pi))
