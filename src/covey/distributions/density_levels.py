"""How much of a distribution is denser than a point: levels of density, by quasi-Monte Carlo.

With p the density of a row, the level of a value y is P(p(Y) > p(y)): that of the smallest region
that holds y, for of all regions that hold a probability the smallest is {y : p(y) >= c} (Hyndman
1996, Computing and graphing highest density regions, doi 10.1080/00031305.1996.10474359). It is
an average over points of all components, always the same ones; in between log-odds are interpolated
in log p, and continue with slope -1 beyond, so that all values can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import fdtri, gammaincinv, logit, ndtri

from covey.algebra.points import unit_points
from covey.types import Array

POINTS = 512  # of each row, shared by its components
LEAST_POINTS, MOST_POINTS = 16, 512  # of each component
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


def points_of(joint: Any, count: int) -> Iterator[tuple[slice, Array, Array, Array]]:
    """Points of all components of mixtures, some rows at a time.

    Each component has points at evenly spread probabilities of its distance, in directions that
    come with their opposites, others than those of the next component.

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
    levels, directions = _spread(d, each, k)
    size = max(MOST_NUMBERS // (each * k * max(d, 2)), 1)
    for start in range(0, len(joint), size):
        rows = slice(start, start + size)
        part = joint[rows]
        points = np.concatenate(
            [
                one.mean + one._scale.colour(_lengths(one, levels)[..., None] * way[:, None])
                for one, way in zip(part._components[0], directions, strict=True)
            ]
        )
        mass = np.repeat(weights[rows] / each, each, axis=1)
        yield rows, points, part._log_prob_at(points).T, mass


def _spread(d: int, each: int, k: int) -> tuple[Array, Array]:
    """Probabilities of distances, shape (S,), and directions for K components, (K, S, D)."""
    half = each // 2
    levels = np.repeat((np.arange(half) + 0.5) / half, 2)
    uniform = unit_points(d, 2 ** (half * k - 1).bit_length())[: half * k]
    normal = ndtri(uniform).reshape(k, half, d)
    ways = normal / np.linalg.norm(normal, axis=2, keepdims=True)
    return levels, np.stack([ways, -ways], axis=2).reshape(k, each, d)


def _lengths(component: Any, levels: Array) -> Array:
    """Distances |z| below which some probabilities lie, shape (S, N), between those of a table."""
    nu, d = component._radial.degrees_of_freedom, len(component.targets)
    distinct, place = np.unique(levels, return_inverse=True)
    if nu is None:
        return np.sqrt(2 * gammaincinv(d / 2, distinct))[place][:, None]
    with np.errstate(divide="ignore"):
        logs = np.log(d * np.stack([fdtri(d, 1 / one, distinct) for one in INVERSES[1:]], axis=1))
    logs = np.column_stack([np.log(2 * gammaincinv(d / 2, distinct)), logs])
    at = np.clip(1 / nu, 0.0, INVERSES[-1]) / INVERSES[1]
    below = np.minimum(at.astype(np.intp), len(INVERSES) - 2)
    share = at - below
    found: Array = np.exp(0.5 * ((1 - share) * logs[:, below] + share * logs[:, below + 1]))
    return found[place]


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
