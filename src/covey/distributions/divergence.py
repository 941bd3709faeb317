"""Kullback-Leibler divergences without a closed form, by quasi-Monte Carlo."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import qmc

Array = NDArray[np.float64]
POINTS = 4096
CHUNK = 256  # rows whose points are held at a time


def unit_points(dimension: int, count: int = POINTS) -> Array:
    """Low-discrepancy points inside the unit cube, always the same; (count, dimension)."""
    points = qmc.Sobol(dimension, seed=0).random(count)
    return np.clip(points, 2**-53, 1 - 2**-53)


def unit_directions(dimension: int, count: int) -> Array:
    """Directions spread evenly over the sphere, always the same, each followed by its opposite.

    Args:
        dimension: D; the two directions of a line for 1.
        count: how many, without their opposites.

    Returns:
        Unit vectors, shape (2 count, D).
    """
    points = ndtri(unit_points(dimension, count)) if dimension > 1 else np.ones((1, 1))
    directions = points / np.linalg.norm(points, axis=1, keepdims=True)
    return np.concatenate([directions, -directions])


def divergence(first: Any, second: Any) -> Array:
    """KL(first || second), row by row.

    Args:
        first: distributions of N rows.
        second: distributions of N rows over the same targets.

    Returns:
        Array of shape (N,), in nats: averages over `POINTS` points.
    """
    uniform = unit_points(len(first.targets) + 1)
    found = np.empty(len(first))
    for start in range(0, len(first), CHUNK):
        part = slice(start, start + CHUNK)
        points = first[part]._at(uniform)
        gap = first[part]._log_prob_at(points) - second[part]._log_prob_at(points)
        found[part] = gap.mean(axis=0)
    return found
