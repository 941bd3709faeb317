"""First two moments of mixtures; weights have shape (N, K) and sum to 1 in each row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from covey.algebra.patterns import by_pattern
from covey.algebra.triangular import embedded, lower_factor, well_conditioned
from covey.arguments.check import factor_covariance
from covey.distributions.elliptical import Elliptical
from covey.errors import InputError
from covey.types import Array, Columns, Rows


def mixture_mean(components: Sequence[Elliptical], weights: Array) -> Array:
    """Mean of the mixtures of K distributions of N rows, shape (N, D), in target units."""
    mean = sum(w[:, None] * c.mean for w, c in zip(weights.T, components, strict=True))
    return np.where(components[0].observed, components[0].mean, mean)  # not what rounding leaves


def mixture_aleatoric(components: Sequence[Elliptical], weights: Array) -> Array:
    """Average covariance of the components, shape (N, D, D)."""
    return sum(w[:, None, None] * c.covariance for w, c in zip(weights.T, components, strict=True))


def mixture_epistemic(components: Sequence[Elliptical], weights: Array) -> Array:
    """Covariance of the components' means, shape (N, D, D); positive semidefinite."""
    spread = np.stack([component.mean for component in components])
    spread -= mixture_mean(components, weights)
    return np.einsum("nk,kni,knj->nij", weights, spread, spread)


def mixture_factor(components: Sequence[Elliptical], weights: Array) -> Array:
    """Lower Cholesky factor of the covariance of the mixtures, zero where a target is known."""
    known = components[0].observed
    covariance = mixture_aleatoric(components, weights) + mixture_epistemic(components, weights)
    factor = np.zeros_like(covariance)
    for rows, pattern in by_pattern(known):
        free = np.flatnonzero(~pattern)
        if len(free) == 0:
            continue
        at = np.ix_(rows, free, free)
        try:
            part = factor_covariance(covariance[at], (len(rows), len(free)))
        except InputError:  # nearly singular: keep the digits that squaring loses
            part = _factor_of_parts(components, weights, rows, free)
        factor[rows] = embedded(part, free, len(pattern))
    return factor


def _factor_of_parts(
    components: Sequence[Elliptical], weights: Array, rows: Rows, free: Columns
) -> Array:
    mean = mixture_mean(components, weights)
    roots = np.sqrt(weights[rows]).T[:, :, None]
    factors = [
        root[:, :, None]
        * component._scale.cholesky()[np.ix_(rows, free, free)]
        * np.sqrt(component._radial.covariance_ratio[rows])[:, None, None]
        for root, component in zip(roots, components, strict=True)
    ]
    at = rows[:, None], free
    spread = [
        root * (component.mean[at] - mean[at])
        for root, component in zip(roots, components, strict=True)
    ]
    return well_conditioned(
        lower_factor(np.concatenate([*factors, np.stack(spread, axis=2)], axis=2))
    )
