"""How much of a distribution is denser than a point: levels of density, by quasi-Monte Carlo.

With p the density of a row, the level of a value y is P(p(Y) > p(y)): that of the smallest region
that holds y, for of all regions that hold a probability the smallest is {y : p(y) >= c} (Hyndman
1996, Computing and graphing highest density regions, doi 10.1080/00031305.1996.10474359). It is
an average over points of all components, always the same ones; in between log-odds are interpolated
in log p, and continue with slope -1 beyond, so that all values can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np
from scipy.special import fdtri, gammaincinv, logit, ndtri

from covey.algebra.points import unit_points
from covey.types import Array

POINTS = 512  # of each row, shared by its components
LEAST_POINTS, MOST_POINTS = 16, 512  # of each component
GOLDEN = (np.sqrt(5) - 1) / 2  # whose multiples are spread evenly between whole numbers
INVERSES = np.linspace(0.0, 0.49, 50)  # of degrees of freedom, in a table
MOST_NUMBERS = 2**21  # in an array of points of rows, 16 MB


@dataclass(frozen=True, eq=False)
class DensityLevels:
    """Log-densities of points of N rows, and how much of each row is denser.

    Attributes:
        log_density: of S points of each row, descending, shape (N, S), in nats.
        odds: log-odds of the probability of what is denser, ascending, shape (N, S).
    """

    log_density: Array
    odds: Array

    @classmethod
    def of(cls, joint: Any) -> Self:
        """Of N mixtures, no target of which is known."""
        densities, odds = [], []
        for _, _, density, mass in points_of(joint, POINTS):
            order = np.argsort(-density, axis=1, kind="stable")
            ordered = np.take_along_axis(mass, order, axis=1)
            total = ordered.sum(axis=1, keepdims=True)
            level = (np.cumsum(ordered, axis=1) - ordered / 2) / total
            densities.append(np.take_along_axis(density, order, axis=1))
            odds.append(logit(np.clip(level, 1e-15, 1 - 1e-15)))
        return cls(np.concatenate(densities), np.concatenate(odds))

    def scores(self, log_density: Array) -> Array:
        """Log-odds of the level of values with these log-densities, both of shape (N,)."""
        return _interpolated(-log_density, -self.log_density, self.odds)

    def log_density_at(self, scores: Array) -> Array:
        """The inverse of `scores`: the least log-density of the regions of these log-odds, (N,)."""
        return -_interpolated(scores, self.odds, -self.log_density)


def in_parts(
    joint: Any, what: Callable[[DensityLevels, Array], Array], values: Array, size: int
) -> Array:
    """What density levels say of one value per row, of so many rows at a time that they fit.

    Args:
        joint: a `Mixture` of N rows, no target of which is known.
        what: `DensityLevels.scores` or `DensityLevels.log_density_at`.
        values: shape (N,).
        size: how many rows at a time; levels of all would take 10 to 20 kB for each.

    Returns:
        Array of shape (N,).
    """
    found = np.empty(len(joint))
    for start in range(0, len(joint), size):
        rows = slice(start, start + size)
        found[rows] = what(DensityLevels.of(joint[rows]), values[rows])
    return found


def points_of(joint: Any, count: int) -> Iterator[tuple[slice, Array, Array, Array]]:
    """Points of all components of mixtures, some rows at a time.

    Each component has points at distances that cells of its probability have in the middle, cells
    that grow smaller further out and lie elsewhere in each component, so that components that agree
    do not have all points at the same few densities. Directions come with their opposites, others
    than those of the next component.

    Args:
        joint: a `Mixture` of N rows, no target of which is known.
        count: about how many points each row gets.

    Yields:
        (rows, points, log-densities, masses) of R rows, of shapes (S, R, D), (R, S), in nats, and
        (R, S): what probability a point stands for, of sum 1 in each row.
    """
    components, weights = joint._components
    d, k = len(joint.targets), len(components)
    each = int(np.clip(2 ** np.ceil(np.log2(count / k)), LEAST_POINTS, MOST_POINTS))
    cells, directions = _cells(each, k), _directions(d, each, k)
    size = max(MOST_NUMBERS // (each * k * max(d, 2)), 1)
    for start in range(0, len(joint), size):
        rows = slice(start, start + size)
        part = joint[rows]
        points = np.concatenate(
            [
                one.mean + one._scale.colour(_lengths(one, each, k, i)[..., None] * way[:, None])
                for i, (one, way) in enumerate(zip(part._components[0], directions, strict=True))
            ]
        )
        mass = (weights[rows, :, None] * np.diff(cells)).reshape(len(part), -1)
        yield rows, points, part._log_prob_at(points).T, mass


def _cells(each: int, k: int) -> Array:
    """Ends of cells of probability for each of K components, shape (K, S + 1), from 0 to 1."""
    turn = (np.arange(k)[:, None] * GOLDEN + 0.5) % 1 - 0.5
    inner = (np.arange(1, each) + turn) / each
    even = np.concatenate([np.zeros((k, 1)), inner, np.ones((k, 1))], axis=1)
    return 1 - np.square(1 - even)


def _directions(d: int, each: int, k: int) -> Array:
    """Unit vectors for K components, shape (K, S, D), each followed by its opposite."""
    half = each // 2
    uniform = unit_points(d, 2 ** (half * k - 1).bit_length())[: half * k]
    normal = ndtri(uniform).reshape(k, half, d)
    ways = normal / np.linalg.norm(normal, axis=2, keepdims=True)
    return np.stack([ways, -ways], axis=2).reshape(k, each, d)


def _lengths(component: Any, each: int, k: int, place: int) -> Array:
    """Distances |z| of the points of one of K components, shape (S, N), by a table."""
    nu, logs = component._radial.degrees_of_freedom, _logs(len(component.targets), each, k)[place]
    if nu is None:
        return np.exp(0.5 * logs[:, :1])
    at = np.clip(1 / nu, 0.0, INVERSES[-1]) / INVERSES[1]
    below = np.minimum(at.astype(np.intp), len(INVERSES) - 2)
    share = at - below
    found: Array = np.exp(0.5 * ((1 - share) * logs[:, below] + share * logs[:, below + 1]))
    return found


@lru_cache(maxsize=8)
def _logs(d: int, each: int, k: int) -> Array:
    """Log |z|^2 in the middle of the cells, for each of `INVERSES`, shape (K, S, 50)."""
    cells = _cells(each, k)
    middle = (cells[:, 1:] + cells[:, :-1]) / 2
    normal = np.log(2 * gammaincinv(d / 2, middle))
    heavier = [np.log(d * fdtri(d, 1 / one, middle)) for one in INVERSES[1:]]
    return np.stack([normal, *heavier], axis=2)


def _interpolated(x: Array, at: Array, values: Array) -> Array:
    """Piecewise linear functions of N rows through points in ascending order, slope 1 beyond.

    Args:
        x: where, shape (N,).
        at: shape (N, S), ascending.
        values: there, shape (N, S).

    Returns:
        Array of shape (N,).
    """
    rows = np.arange(len(x))
    inner = np.clip(x, at[:, 0], at[:, -1])
    above = np.clip((at < inner[:, None]).sum(axis=1), 1, at.shape[1] - 1)
    low, high = at[rows, above - 1], at[rows, above]
    width = np.where(high > low, high - low, 1.0)
    share = np.where(high > low, (inner - low) / width, 1.0)
    first, last = values[rows, above - 1], values[rows, above]
    with np.errstate(invalid="ignore"):
        beyond = np.where(np.isfinite(x), x - inner, x)
    return first + share * (last - first) + beyond
