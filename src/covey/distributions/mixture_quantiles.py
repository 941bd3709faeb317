"""Quantiles of each target of a mixture, by Newton's method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from covey.algebra.root import newton_root
from covey.distributions.elliptical import Elliptical
from covey.types import Array, Rows


def mixture_quantiles(
    parts: Sequence[Elliptical], weights: Array, probability: float, *, upper: bool = False
) -> Array:
    """Where the distribution function F of each target reaches a probability.

    Newton's method on the normal quantile of F, which is near to a line; above 1/2 on that of
    1 - F, so that no digit is lost.

    Args:
        parts: K components, each of N rows and D targets.
        weights: shape (N, K).
        probability: in (0, 1).
        upper: whether it is that of larger values, to all digits, and not that of smaller ones.

    Returns:
        Array of shape (N, D), in target units.
    """
    ends = np.stack([part._quantiles(probability) for part in parts])
    if upper:  # as far on the other side of their means
        ends = 2 * np.stack([part.mean for part in parts]) - ends
    sign = 1.0 if (probability <= 0.5) != upper else -1.0
    aim = ndtri(min(probability, 1 - probability))

    def gap(x: Array, rows: Rows) -> tuple[Array, Array]:
        some = parts if len(rows) == len(weights) else [part[rows] for part in parts]
        share, density = np.zeros_like(x), np.zeros_like(x)
        for part, weight in zip(some, weights[rows].T, strict=True):
            scale = np.where(part.observed, 1.0, part._scale.root_diagonal)
            z = (x - part.mean) / scale
            share += weight[:, None] * part._radial.cdf(sign * z)
            log_density = part._radial.log_density(np.square(z).T, 1).T
            density += weight[:, None] * np.exp(log_density) / scale
        normal = ndtri(share)
        slope = density * np.sqrt(2 * np.pi) * np.exp(np.square(normal) / 2)
        return sign * (normal - aim), slope

    start = np.einsum("nk,knd->nd", weights, ends)
    low, high = ends.min(axis=0), ends.max(axis=0)
    return newton_root(gap, low, high, np.clip(start, low, high))
