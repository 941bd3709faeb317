"""Radii of the ellipsoids around the mean of a mixture that hold some probability."""

from __future__ import annotations

import numpy as np

from covey.algebra.points import unit_directions
from covey.algebra.root import increasing_root
from covey.distributions.components import Components
from covey.distributions.elliptical import Elliptical
from covey.types import Array

DIRECTIONS = 32  # and their opposites, from each component
ACCURACY = 1e-5  # of the radius, far below what the number of directions leaves open


def mixture_radius(mixture: Components, moments: Elliptical, level: float) -> Array:
    """The radius R at which the weighted probabilities of the ellipsoid add up to the level.

    From the center of a component, and whitened by its scale matrix, a ray leaves the ellipsoid at
    a distance that solves a quadratic equation, and the probability of less is known exactly. So
    only directions are averaged over: always the same, each with its opposite.

    Args:
        mixture: a mixture of N rows, no target of which is known.
        moments: the distribution that is matched to it.
        level: probability that the ellipsoid should hold.

    Returns:
        Mahalanobis distances from the mean, by the covariance, shape (N,).
    """
    if len(mixture.components) == 1:
        return mixture.components[0]._radius(level)
    directions = unit_directions(len(mixture.targets), DIRECTIONS)
    parts = []
    for component, weight in zip(mixture.components, mixture.weights.T, strict=True):
        start = moments._scale.whiten(component.mean - moments.mean)
        ray = moments._scale.whiten(component._scale.colour(directions[:, None]))
        squares = np.einsum("sni,sni->sn", ray, ray)
        slope = np.einsum("sni,ni->sn", ray, start)
        offset = np.einsum("ni,ni->n", start, start)
        every = np.full(len(mixture), len(mixture.targets))
        below = component._radial.squared_distance(every).cdf
        parts.append((component, below, weight, squares, slope, offset))

    def excess(radius: Array) -> Array:
        total = np.full(len(mixture), -level)
        for _, below, weight, squares, slope, offset in parts:
            root = np.square(slope) - squares * (offset - np.square(radius))
            root = np.sqrt(np.maximum(root, 0.0))
            inside = below(np.square(np.maximum(root - slope, 0.0) / squares))
            near = np.maximum(-slope - root, 0.0) / squares
            if near.any():  # some ellipsoid does not hold the center
                inside -= below(np.square(near))
            total += weight * inside.mean(axis=0)
        return total

    # a ball that holds the component's own ball of that level
    high = np.max(
        [
            np.sqrt(offset)
            + np.sqrt(squares.max(axis=0) * component._radial.covariance_ratio)
            * component._radius(level)
            for component, _, _, squares, _, offset in parts
        ],
        axis=0,
    )
    radius = increasing_root(excess, np.zeros(len(mixture)), high, accuracy=ACCURACY)
    return radius / np.sqrt(moments._radial.covariance_ratio)
