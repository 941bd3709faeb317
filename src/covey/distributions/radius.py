"""Radii of the ellipsoids around the mean of a mixture that hold some probability."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from covey.algebra.points import unit_directions
from covey.algebra.root import newton_root
from covey.distributions.components import Components
from covey.distributions.elliptical import Elliptical
from covey.distributions.radial import RadialLaw
from covey.types import Array, Rows

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
    count = len(mixture.targets)
    parts = []
    for component, weight in zip(mixture.components, mixture.weights.T, strict=True):
        start = moments._scale.whiten(component.mean - moments.mean)
        ray = moments._scale.whiten(component._scale.colour(directions[:, None]))
        squares = np.einsum("sni,sni->sn", ray, ray)
        slope = np.einsum("sni,ni->sn", ray, start)
        offset = np.einsum("ni,ni->n", start, start)
        parts.append((component, weight, squares, slope, offset))

    def excess(radius: Array, rows: Rows) -> tuple[Array, Array]:
        r = radius[:, 0]
        total, growth = np.full(len(rows), -level), np.zeros(len(rows))
        for component, weight, *rays in parts:
            law = component._radial if len(rows) == len(mixture) else component[rows]._radial
            squares, slope, offset = (values[..., rows] for values in rays)
            root = np.square(slope) - squares * (offset - np.square(r))
            root = np.sqrt(np.maximum(root, 0.0))
            below = law.squared_distance(np.full(len(rows), count)).cdf
            far = np.maximum(root - slope, 0.0) / squares
            inside, density = below(np.square(far)), _density(law, far, count)
            near = np.maximum(-slope - root, 0.0) / squares
            if near.any():  # some ellipsoid does not hold the center
                inside -= below(np.square(near))
                density += np.where(near > 0, _density(law, near, count), 0.0)
            density *= np.where(root > 0, r / np.where(root > 0, root, 1.0), 0.0)
            total += weight[rows] * inside.mean(axis=0)
            growth += weight[rows] * density.mean(axis=0)
        return total[:, None], growth[:, None]

    # a ball that holds the component's own ball of that level
    high = np.max(
        [
            np.sqrt(offset)
            + np.sqrt(squares.max(axis=0) * component._radial.covariance_ratio)
            * component._radius(level)
            for component, _, squares, _, offset in parts
        ],
        axis=0,
    )
    high = np.maximum(high, np.finfo(float).tiny)
    first = np.minimum(moments._radius(level) * np.sqrt(moments._radial.covariance_ratio), high)
    ends = np.zeros((len(high), 1)), high[:, None]
    radius = newton_root(excess, *ends, first[:, None], accuracy=ACCURACY)[:, 0]
    return radius / np.sqrt(moments._radial.covariance_ratio)


def _density(law: RadialLaw, distance: Array, count: int) -> Array:
    """The density of |z| of some number of targets, at distances of shape (S, N)."""
    log_area = np.log(2) + count / 2 * np.log(np.pi) - gammaln(count / 2)
    with np.errstate(divide="ignore"):
        log_power = (count - 1) * np.log(distance) if count > 1 else 0.0
    density: Array = np.exp(log_area + log_power + law.log_density(np.square(distance), count))
    return density
