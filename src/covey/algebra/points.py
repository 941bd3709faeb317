"""Quasi-random points of the unit cube and directions of the sphere, the same in every call."""

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from covey.types import Array

CHUNK = 256  # rows whose points are held at a time


def unit_points(dimension: int, count: int) -> Array:
    """The first Sobol' points, scrambled with a fixed seed and inside the open unit cube.

    Args:
        dimension: D.
        count: how many, a power of 2 for balance.

    Returns:
        Array of shape (count, D), in (0, 1).
    """
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
