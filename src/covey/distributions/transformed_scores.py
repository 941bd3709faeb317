"""Scores of transformed distributions, which have no closed form: by integration, never by chance.

The CRPS of one target is integrated over z, since F is known there. Distances between draws are
averages over points that are spread evenly and always the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from covey.algebra.points import CHUNK, unit_points
from covey.types import Array

NODES = 64  # of the integral over each side of the observed value
TAIL = 1e-13  # probability beyond which nothing is integrated
POINTS = 1024  # pairs of draws
MOST_NUMBERS = 2**22  # in an array of points
_X, _W = np.polynomial.legendre.leggauss(NODES)


def crps(joint: Any, values: Array) -> Array:
    """The integral of (F(x) - 1{x >= y})^2 over x, for each target.

    Args:
        joint: a `Transformed` of N rows and D targets.
        values: shape (N, D), in target units; NaN where not observed.

    Returns:
        Array of shape (N, D), in target units; NaN where not observed.
    """
    found = np.full(values.shape, np.nan)
    for i in range(values.shape[1]):
        rows = np.flatnonzero(~np.isnan(values[:, i]))
        if len(rows):
            one = joint[rows]._marginal([i])
            found[rows, i] = _crps(one, np.maximum(values[rows][:, [i]], _least(one)))
            found[rows, i] += np.maximum(_least(one) - values[rows, i], 0.0)
    return found


def _least(one: Any) -> float:
    return 0.0 if one.transforms else -np.inf


def _crps(one: Any, y: Array) -> Array:
    """The CRPS of one target at values that it can have, both of shape (N, 1)."""
    latent, transforms = one.latent, one.transforms
    center, scale = latent.mean, latent.stddev
    with np.errstate(divide="ignore"):
        at_y = np.arcsinh((transforms.latent(y) - center) / scale)
    start = np.arcsinh((np.maximum(latent._quantiles(TAIL), transforms.at_zero) - center) / scale)
    end = np.arcsinh((latent._quantiles(1 - TAIL) - center) / scale)
    start = np.where(np.isfinite(at_y), np.minimum(start, at_y), start)
    end = np.maximum(end, np.maximum(at_y, start))
    at_y = np.maximum(at_y, start)
    total = np.zeros(len(y))
    for low, high, above in ((start, at_y, 0.0), (at_y, end, 1.0)):
        for x, weight in zip((_X + 1) / 2, _W / 2, strict=True):
            t = low + (high - low) * x
            z = center + scale * np.sinh(t)
            slope = np.exp(transforms.log_slope(z)) * (scale * np.cosh(t))[:, 0]
            gap = (latent._cdf(z) - above)[:, 0]
            total += weight * (high - low)[:, 0] * np.square(gap) * slope
    return total


def energy(joint: Any, values: Array) -> Array:
    """E|X - y| - E|X - X'| / 2 of the observed targets.

    Args:
        joint: a `Transformed` of N rows and D targets.
        values: shape (N, D), in target units; NaN where not observed.

    Returns:
        Array of shape (N,), in target units; NaN for a row without any observed target.
    """
    if values.shape[1] == 1:
        return crps(joint, values)[:, 0]
    found = np.full(len(values), np.nan)
    for rows, draws, others, weight in _pairs(joint):
        y = values[rows]
        seen = ~np.isnan(y)
        at_y = np.where(seen, y, 0.0)
        gaps = [
            np.linalg.norm(np.where(seen, one - two, 0.0), axis=2)
            for one, two in ((draws, at_y), (others, at_y), (draws, others))
        ]
        # of a draw far out nothing is left in this sum, however heavy the tails are
        score = np.einsum("sn,sn->n", weight, (gaps[0] + gaps[1] - gaps[2]) / 2)
        found[rows] = np.where(seen.any(axis=1), score, np.nan)
    return found


def mean_variogram(joint: Any, i: int, j: int, order: float) -> Array:
    """E|X_i - X_j|^p of two targets, shape (N,), in target units to the power p.

    Args:
        joint: a `Transformed` of N rows.
        i: position of one target.
        j: position of the other.
        order: p.
    """
    found = np.empty(len(joint))
    for rows, draws, _, weight in _pairs(joint._marginal([i, j])):
        gaps = np.abs(draws[:, :, 0] - draws[:, :, 1]) ** order
        found[rows] = np.einsum("sn,sn->n", weight, gaps)
    return found


def _pairs(joint: Any) -> Any:
    """Yield rows, two independent draws of them, (S, R, D) each, and the draws' weights, (S, R)."""
    parts, weights = joint.latent._components
    d, count = len(joint.targets), len(parts)
    each = 2 ** int(np.ceil(np.log2(max(POINTS // count, 64))))
    uniform = unit_points(2 * (d + 1), each)
    first, second = uniform[:, : d + 1], uniform[:, d + 1 :]
    size = max(min(CHUNK, MOST_NUMBERS // (each * count * d)), 1)
    for rows in (slice(start, start + size) for start in range(0, len(joint), size)):
        some = [part[rows]._labelled(None) for part in parts]
        share = np.repeat(weights[rows].T / each, each, axis=0)
        one = joint.transforms.reported(np.concatenate([part._at(first) for part in some]))
        two = [joint.transforms.reported(part._at(second)) for part in some]
        # the other draw comes from each component in proportion to its weight
        turns = np.arange(each) / each + 0.5 / each
        below = np.cumsum(weights[rows], axis=1)
        pick = (turns[:, None, None] >= below[None]).sum(axis=2).clip(max=count - 1)
        shuffled = pick[np.random.default_rng(0).permutation(each)]
        stacked = np.stack(two)
        other = np.take_along_axis(stacked, shuffled[None, :, :, None], axis=0)[0]
        yield rows, one, np.tile(other, (count, 1, 1)), share
