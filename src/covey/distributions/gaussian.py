"""The radial law of normal distributions, whatever the structure of their covariance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import chdtr, chdtrc, chdtri, gammaincinv, ndtr, ndtri

from covey.distributions.elliptical import Counts, Elliptical
from covey.distributions.reference import Radial
from covey.types import Array

LOG_2PI = float(np.log(2 * np.pi))


class Gaussian(Elliptical):
    """N normal distributions: the scale matrix is the covariance, |z|^2 is chi-square."""

    @property
    def _inflation(self) -> Array:
        return np.ones(len(self))

    @property
    def _freedom(self) -> None:
        return None

    def _log_density(self, squares: Array, count: Any) -> Array:
        return -squares / 2 - count * LOG_2PI / 2

    def _entropy(self, count: Array) -> Array:
        return count * (1 + LOG_2PI) / 2

    def _unit_quantile(self, probability: float) -> Array:
        return np.full(len(self), ndtri(probability))

    def _unit_cdf(self, z: Array) -> Array:
        return np.asarray(ndtr(z))

    def _radial(self, count: Counts) -> Radial:
        return Radial(
            below=lambda squares: np.asarray(chdtr(count, squares)),
            above=lambda squares: np.asarray(chdtrc(count, squares)),
            from_below=lambda p: _once(lambda m, q: 2 * gammaincinv(m / 2, q), count, p),
            from_above=lambda p: _once(chdtri, count, p),
        )

    def _stretch(self, size: int, generator: np.random.Generator) -> Array:
        return np.ones((1, 1))

    def _stretch_at(self, uniform: Array) -> Array:
        return np.ones((1, 1))

    def _divergence_from(self, other: Any) -> Array:
        """KL(other || self): other enters by its entropy and its first two moments alone."""
        components, weights = other._components
        total = self._log_root - other.entropy() + len(self.targets) * LOG_2PI / 2
        for component, weight in zip(components, weights.T, strict=True):
            shift = self._decoloured(self.mean - component.mean)
            squares = np.einsum("ni,ni->n", shift, shift)
            squares += self._trace_of(component) * component._inflation
            total += weight * squares / 2
        return total


def _once(inverse: Callable[[Any, Any], Any], count: Counts, probability: Any) -> Array:
    """An inverse, which takes long, at each pair of numbers once: most rows share theirs."""
    count, probability = np.broadcast_arrays(count, np.asarray(probability, dtype=np.float64))
    values, number = np.unique(probability, return_inverse=True)
    _, first, pair = np.unique(
        number.ravel() + len(values) * count.ravel(), return_index=True, return_inverse=True
    )
    found = np.asarray(inverse(count.ravel()[first], probability.ravel()[first]))
    return found[pair].reshape(count.shape)
