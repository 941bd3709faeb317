"""A batch of multivariate normal distributions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtr, chdtrc, chdtri, gammaincinv, ndtr, ndtri

from covey.distributions.check import read_factor, read_mean
from covey.distributions.elliptical import Elliptical, log_diagonal
from covey.distributions.moments import mixture_factor, mixture_mean
from covey.distributions.patterns import Rows
from covey.distributions.reference import Radial
from covey.distributions.targets import target_names
from covey.distributions.triangular import solve_lower

Array = NDArray[np.float64]
LOG_2PI = float(np.log(2 * np.pi))


@final
class MultivariateNormal(Elliptical):
    """N multivariate normal distributions over the same D named targets.

    The density of row n is that of N(mean[n], covariance[n]) with `covariance = L @ L.T` and
    L = `scale_tril` lower triangular with a positive diagonal:

        log p(y) = -sum_i log L_ii - 1/2 |L^-1 (y - mean)|^2 - D/2 log(2 pi)

    The object is immutable: its arrays are float64, read-only and its own.

    Args:
        mean: array of shape (N, D), in target units; (D,) is one row.
        covariance: array of shape (N, D, D) in products of target units, symmetric positive
            definite; (D, D) is used for every row.
        scale_tril: instead of `covariance`, its lower Cholesky factor, of the same shape.
        targets: D names; `y0, y1, ...` by default.

    Raises:
        InputError: a shape does not fit, a value is not finite, a covariance is not symmetric
            positive definite, or the names are not usable.

    References:
        Anderson (2003), An Introduction to Multivariate Statistical Analysis, chapter 2.

    Example:
        >>> import covey
        >>> joint = covey.MultivariateNormal(
        ...     [[1.0, 2.0]], covariance=[[[4.0, 1.0], [1.0, 9.0]]], targets=["CO", "NOx"]
        ... )
        >>> joint.stddev
        array([[2., 3.]])
        >>> joint.log_prob([[1.0, 2.0]]).round(4)
        array([-3.6156])
    """

    def __init__(
        self,
        mean: ArrayLike,
        *,
        covariance: ArrayLike | None = None,
        scale_tril: ArrayLike | None = None,
        targets: Iterable[str] | None = None,
    ) -> None:
        means = read_mean(mean)
        factors, _ = read_factor(covariance, scale_tril, means.shape)
        self._set(target_names(targets, means.shape[1]), {"mean": means, "scale_tril": factors})

    @classmethod
    def _matching(cls, components: Sequence[Any], weights: Array) -> Self:
        """The normal with the mean and the covariance of the mixture."""
        return cls._trusted(
            components[0].targets,
            mean=mixture_mean(components, weights),
            scale_tril=mixture_factor(components, weights),
        )

    @property
    def _inflation(self) -> Array:
        return np.ones(len(self))

    @property
    def _freedom(self) -> None:
        return None

    def _log_density(self, rows: Rows, squares: Array, observed: int) -> Array:
        return -squares / 2 - observed * LOG_2PI / 2

    def _entropy(self, count: Array) -> Array:
        return count * (1 + LOG_2PI) / 2

    def _unit_quantile(self, probability: float) -> Array:
        return np.full(len(self), ndtri(probability))

    def _unit_cdf(self, z: Array) -> Array:
        return np.asarray(ndtr(z))

    def _radial(self, count: NDArray[np.intp]) -> Radial:
        return Radial(
            below=lambda squares: np.asarray(chdtr(count, squares)),
            above=lambda squares: np.asarray(chdtrc(count, squares)),
            from_below=lambda probability: np.asarray(2 * gammaincinv(count / 2, probability)),
            from_above=lambda probability: np.asarray(chdtri(count, probability)),
        )

    def _stretch(self, size: int, generator: np.random.Generator) -> Array:
        return np.ones((1, 1))

    def _stretch_at(self, uniform: Array) -> Array:
        return np.ones((1, 1))

    def _given(self, squares: Array, count: NDArray[np.intp]) -> tuple[Array, dict[str, Array]]:
        return np.ones(len(self)), {}

    def _divergence_from(self, other: Elliptical) -> Array:
        """KL(other || self): other enters by its entropy and its first two moments alone."""
        d = self.mean.shape[1]
        shift = solve_lower(self.scale_tril, self.mean - other.mean)
        columns = np.swapaxes(other.scale_tril, 1, 2)  # solve for each column of the factor
        ratio = solve_lower(self.scale_tril[:, None], columns)
        trace = np.einsum("nij,nij->n", ratio, ratio) * other._inflation
        squares = np.einsum("ni,ni->n", shift, shift)
        return log_diagonal(self.scale_tril) + (d * LOG_2PI + trace + squares) / 2 - other.entropy()
