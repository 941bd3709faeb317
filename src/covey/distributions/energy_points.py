"""Energy scores of mixtures of many Student-t distributions, by points that are always the same.

The expected distances of many components from each other cost the square of their number in closed
form. Here two sets of points stand for the mixture, and the score is an average over them,

    (|a - y| + |b - y| - |a - b|) / 2,

in which little is left of a point far out, however heavy the tails are. Points come in groups. In
each, every component has points in proportion to its weight times its size, at least two, each with
its opposite: so that the mean of each component is exact. In the next group, a component has other
points of the same Sobol' sequence.

Reference: Owen (2013), Monte Carlo theory, methods and examples, chapters 8 and 17.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.polynomial.chebyshev import chebpts1, chebvander
from scipy.special import fdtri, ndtri

from covey.algebra.points import unit_points
from covey.distributions.elliptical import Elliptical
from covey.types import Array, Counts, Mask

SLOTS = 1024  # of points with their opposites, for a row; for two targets 2,048
LEAST_SLOTS = 64  # of these in a group
TURNS = 16  # orders of the slots of a group
LIMIT = 1e8  # degrees of freedom from which on a Student-t is taken as this one
DEGREE = 16  # of polynomials of 1 / nu that give the radii
NUMBERS = 2**21  # in an array of factors or points
DISTANCES = 2**19  # in an array of distances, so that it stays in the cache of a core


def energy(parts: Sequence[Elliptical], weights: Array, y: Array) -> Array:
    """Energy scores of mixtures of Student-t distributions.

    Args:
        parts: K components, each of N rows and D targets.
        weights: shape (N, K).
        y: observed values, shape (N, D), in target units; NaN where not observed.

    Returns:
        Array of shape (N,), in target units; NaN for a row without any observed target.
    """
    seen = ~np.isnan(y)
    some = np.flatnonzero(seen.any(axis=1))
    found = np.full(len(y), np.nan)
    d = y.shape[1]
    slots = max(LEAST_SLOTS, -(-2 * len(parts) // TURNS) * TURNS)
    groups = -(-(SLOTS if d > 2 else 2 * SLOTS) // slots)
    size = max(NUMBERS // (slots * d * d), 1)
    for rows in (some[start : start + size] for start in range(0, len(some), size)):
        mixture = _Rows([part[rows] for part in parts], weights[rows], seen[rows], slots, groups)
        values = np.where(seen[rows], y[rows], 0.0) - mixture.center
        total = np.zeros(len(rows))
        for group in range(groups):
            a, b = (mixture.points(group, number) for number in range(2))
            total += mixture.average(_norm(a - values[:, None]) + _norm(b - values[:, None]))
            total -= mixture.distance(a, b)
        found[rows] = total / (2 * groups)
    return found


def degrees_of_freedom(part: Elliptical) -> Array:
    """Degrees of freedom of N distributions, shape (N,), `LIMIT` at most, as of a normal."""
    nu = part._radial.degrees_of_freedom
    return np.full(len(part), LIMIT) if nu is None else np.minimum(nu, LIMIT)


class _Rows:
    """Some rows of a mixture, and which component each slot for two points is of."""

    def __init__(
        self, parts: Sequence[Elliptical], weights: Array, seen: Mask, slots: int, groups: int
    ) -> None:
        mean = np.stack([part.mean for part in parts], axis=1)
        mean = np.where(seen[:, None], mean, 0.0)
        self.center = np.einsum("nk,nki->ni", weights, mean)
        mean -= self.center[:, None]
        # a Student-t has no variance of one target alone beside these factors
        factor = np.stack([part._scale.parts[1] for part in parts], axis=1)
        factor *= seen[:, None, :, None]
        nu = np.stack([degrees_of_freedom(part) for part in parts], axis=1)
        extent = np.sqrt(np.einsum("nkij,nkij->nk", factor, factor))
        count = _slots_of_components(weights, extent, slots)
        row = np.arange(len(seen))[:, None]
        number = np.tile(np.arange(len(parts)), len(seen))
        of = np.repeat(number, count.ravel()).reshape(len(seen), slots)
        self.mean, self.factor = mean[row, of], factor[row, of]
        self.weight = (weights / count)[row, of]
        self.directions, self.radii = _sphere(factor.shape[3], slots, groups)
        self.polynomial = chebvander(4 / nu - 1, DEGREE)[row, of]

    def points(self, group: int, number: int) -> Array:
        """Points about the center, shape (R, 2 S, D): S of them and then their opposites."""
        radius = np.exp(np.einsum("nsp,ps->ns", self.polynomial, self.radii[number, group]))
        way = np.einsum("nsij,sj->nsi", self.factor, self.directions[number, group])
        way *= radius[:, :, None]
        return np.concatenate([self.mean + way, self.mean - way], axis=1)

    def average(self, values: Array) -> Array:
        """The average over points, of shape (R, 2 S), by the components' weights."""
        half = values.shape[1] // 2
        return np.einsum("ns,ns->n", self.weight, values[:, :half] + values[:, half:]) / 2

    def distance(self, a: Array, b: Array) -> Array:
        """The average distance of points of one set from those of another, shape (R,).

        In single precision, by |a|^2 + |b|^2 - 2 a b: far below what the number of points leaves.
        """
        size = np.sqrt(np.maximum(np.square(a).sum(axis=2).max(axis=1), np.finfo(float).tiny))
        a, b = ((points / size[:, None, None]).astype(np.float32) for points in (a, b))
        one = np.ones((*a.shape[:2], 1), dtype=np.float32)
        first = np.concatenate([-2 * a, np.square(a).sum(axis=2, keepdims=True), one], axis=2)
        second = np.concatenate([b, one, np.square(b).sum(axis=2, keepdims=True)], axis=2)
        weight = np.concatenate([self.weight, self.weight], axis=1).astype(np.float32) / 2
        found = np.empty(len(a))
        step = max(DISTANCES // a.shape[1] ** 2, 1)
        for rows in (slice(start, start + step) for start in range(0, len(a), step)):
            apart = first[rows] @ np.swapaxes(second[rows], 1, 2)
            np.maximum(apart, 0.0, out=apart)
            np.sqrt(apart, out=apart)
            near = (apart @ weight[rows, :, None])[:, :, 0]
            found[rows] = np.einsum("ns,ns->n", weight[rows], near)
        return found * size


def _norm(x: Array) -> Array:
    return np.sqrt(np.einsum("nsi,nsi->ns", x, x))


def _slots_of_components(weights: Array, extent: Array, slots: int) -> Counts:
    """How many slots each component has, at least one: shape (N, K), of sum `slots`."""
    share = weights * extent
    total = share.sum(axis=1, keepdims=True)
    share = np.where(total > 0, share / np.where(total > 0, total, 1.0), weights)
    ends = np.round(np.cumsum(share, axis=1) * (slots - weights.shape[1])).astype(int)
    ends[:, -1] = slots - weights.shape[1]
    return np.diff(ends, axis=1, prepend=0) + 1


@lru_cache(maxsize=8)
def _sphere(dimension: int, slots: int, groups: int) -> tuple[Array, Array]:
    """Directions of two sets in groups, and polynomials of 4 / nu - 1 of the logarithms of radii.

    Returns:
        Unit vectors, shape (2, G, S, D), and coefficients, shape (2, G, `DEGREE` + 1, S).
    """
    count = 2 ** int(np.ceil(np.log2(groups * slots)))
    uniform = unit_points(2 * (dimension + 1), count)
    # another order in each group, so that a slot does not always have points of the same corner
    slot = np.arange(slots)
    order = np.concatenate([group * slots + (slot ^ group % TURNS) for group in range(groups)])
    cube = uniform[order].reshape(groups, slots, 2, dimension + 1)
    cube = np.moveaxis(cube, 2, 0)
    directions = ndtri(cube[..., :-1])
    directions /= np.linalg.norm(directions, axis=3, keepdims=True)
    at = chebpts1(DEGREE + 1)
    nu = 4 / (at + 1)
    squares = dimension * fdtri(dimension, nu[:, None], cube[:, :, None, :, -1])
    return directions, np.linalg.solve(chebvander(at, DEGREE), np.log(squares) / 2)
