"""First two moments of equal-weight mixtures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covey.distributions.check import factor_covariance
from covey.distributions.triangular import conditioned, lower_factor
from covey.errors import InputError

Array = NDArray[np.float64]


def mixture_mean(components: Sequence[Any]) -> Array:
    """Mean of the mixtures of K distributions of N rows, shape (N, D), in target units."""
    return np.mean([component.mean for component in components], axis=0)


def mixture_epistemic(components: Sequence[Any]) -> Array:
    """Covariance of the components' means, shape (N, D, D); positive semidefinite."""
    spread = np.stack([component.mean for component in components]) - mixture_mean(components)
    return np.einsum("kni,knj->nij", spread, spread) / len(components)


def mixture_factor(components: Sequence[Any]) -> Array:
    """Lower Cholesky factor of the covariance of the mixtures, shape (N, D, D)."""
    aleatoric = np.mean([component.covariance for component in components], axis=0)
    mean = mixture_mean(components)
    try:
        return factor_covariance(aleatoric + mixture_epistemic(components), mean.shape)
    except InputError:  # nearly singular: keep the digits that squaring loses
        factors = [
            component.scale_tril * np.sqrt(component._inflation)[:, None, None]
            for component in components
        ]
        spread = [component.mean - mean for component in components]
        rows = np.concatenate([*factors, np.stack(spread, axis=2)], axis=2)
        return conditioned(lower_factor(rows / np.sqrt(len(components))))
