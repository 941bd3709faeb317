"""Radial laws: how the density of an elliptical distribution depends on the distance from its mean.

With S = B B' the scale matrix of m targets and z = B^-1 (y - mean),

    log p(y) = g(|z|^2, m) - log |B|,    z = sqrt(V) e,    e standard normal of m dimensions,

where the mixing variable V is 1 for a normal and nu / chi-square(nu) for a Student-t. A law holds
what depends on V alone; the matrix S is the business of `ScaleMatrix`.

References: Fang, Kotz, Ng (1990), Symmetric Multivariate and Related Distributions, chapter 2;
McNeil, Frey, Embrechts (2015), Quantitative Risk Management, section 6.2 (variance mixtures);
Kotz, Nadarajah (2004), Multivariate t Distributions and Their Applications, chapter 1.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import (
    betaln,
    chdtr,
    chdtrc,
    chdtri,
    digamma,
    fdtr,
    fdtrc,
    fdtri,
    gammaincinv,
    gammaln,
    ndtr,
    ndtri,
    stdtr,
    stdtrit,
)

from covey.types import Array, Counts

Function = Callable[[Array | float], Array]

LOG_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True)
class SquaredDistanceLaw:
    """The distribution of |z|^2 in each of N rows, precise in both tails; named as in SciPy.

    Attributes:
        cdf: P(|z|^2 < s) for squares s of shape (..., N).
        sf: P(|z|^2 > s).
        ppf: the inverse of `cdf`, for a probability or N of them.
        isf: the inverse of `sf`.
    """

    cdf: Function
    sf: Function
    ppf: Function
    isf: Function


class RadialLaw(ABC):
    """How densities of N rows depend on |z|^2. One class for each family of tails."""

    @property
    @abstractmethod
    def degrees_of_freedom(self) -> Array | None:
        """Degrees of freedom nu, shape (N,), without unit; None for normal distributions."""

    @property
    @abstractmethod
    def covariance_ratio(self) -> Array:
        """E[V]: what the scale matrix is multiplied by to give the covariance, shape (N,)."""

    @abstractmethod
    def log_density(self, squares: Array, count: Counts | int) -> Array:
        """g(|z|^2, m), the log-density at a scale matrix of determinant 1.

        Args:
            squares: |z|^2, shape (..., N), without unit.
            count: m >= 1, a number or shape (N,).

        Returns:
            Array of shape (..., N), in nats.
        """

    @abstractmethod
    def entropy(self, count: Counts) -> Array:
        """-E[g(|z|^2, m)], the differential entropy at a scale matrix of determinant 1.

        Args:
            count: m, shape (N,); no target has entropy 0.

        Returns:
            Array of shape (N,), in nats.
        """

    @abstractmethod
    def quantile(self, probability: float) -> Array:
        """Quantile of z of one target, shape (N,), without unit."""

    @abstractmethod
    def cdf(self, z: Array) -> Array:
        """P(Z < z) of each target on its own, for z of shape (N, D), of the same shape."""

    @abstractmethod
    def squared_distance(self, count: Counts) -> SquaredDistanceLaw:
        """The distribution of |z|^2 of m >= 1 targets, m of shape (N,)."""

    @abstractmethod
    def draw_mixing(self, size: int, generator: np.random.Generator) -> Array:
        """Samples of sqrt(V), of a shape that broadcasts to (size, N)."""

    @abstractmethod
    def mixing_at(self, uniform: Array) -> Array:
        """sqrt(V) at S points of the unit interval, of a shape that broadcasts to (S, N)."""

    @abstractmethod
    def given(self, squares: Array, count: Counts) -> tuple[Array, RadialLaw]:
        """The law of the other targets where m targets at the distance |z| are observed.

        Args:
            squares: |z|^2 of the observed targets, shape (N,).
            count: m, shape (N,); 0 changes nothing.

        Returns:
            What the root of the scale matrix of the others is multiplied by, shape (N,), and their
            law.
        """


@final
@dataclass(frozen=True, eq=False)
class NormalLaw(RadialLaw):
    """V = 1: |z|^2 is chi-square with m degrees of freedom.

        g(s, m) = -s / 2 - m / 2 log(2 pi)

    Attributes:
        n_rows: N.
    """

    n_rows: int

    @property
    def degrees_of_freedom(self) -> None:
        """None: a normal is the limit of infinitely many."""
        return None

    @property
    def covariance_ratio(self) -> Array:
        """1: the scale matrix is the covariance."""
        return np.ones(self.n_rows)

    def log_density(self, squares: Array, count: Counts | int) -> Array:
        """See `RadialLaw`."""
        return -squares / 2 - count * LOG_2PI / 2

    def entropy(self, count: Counts) -> Array:
        """See `RadialLaw`; it is m / 2 (1 + log(2 pi))."""
        return count * (1 + LOG_2PI) / 2

    def quantile(self, probability: float) -> Array:
        """See `RadialLaw`."""
        return np.full(self.n_rows, ndtri(probability))

    def cdf(self, z: Array) -> Array:
        """See `RadialLaw`."""
        return np.asarray(ndtr(z))

    def squared_distance(self, count: Counts) -> SquaredDistanceLaw:
        """Chi-square with m degrees of freedom."""
        return SquaredDistanceLaw(
            cdf=lambda squares: np.asarray(chdtr(count, squares)),
            sf=lambda squares: np.asarray(chdtrc(count, squares)),
            ppf=lambda p: _inverted_once(lambda m, q: 2 * gammaincinv(m / 2, q), count, p),
            isf=lambda p: _inverted_once(chdtri, count, p),
        )

    def draw_mixing(self, size: int, generator: np.random.Generator) -> Array:
        """Ones; nothing is drawn."""
        return np.ones((1, 1))

    def mixing_at(self, uniform: Array) -> Array:
        """Ones."""
        return np.ones((1, 1))

    def given(self, squares: Array, count: Counts) -> tuple[Array, RadialLaw]:
        """Nothing changes, however far the observed targets lie."""
        return np.ones(self.n_rows), self


@final
@dataclass(frozen=True, eq=False)
class StudentLaw(RadialLaw):
    """V = nu / chi-square(nu): |z|^2 / m follows the F distribution of m and nu.

        g(s, m) = log Gamma((nu + m) / 2) - log Gamma(nu / 2) - m / 2 log(nu pi)
                  - (nu + m) / 2 log(1 + s / nu)

    Attributes:
        nu: degrees of freedom, shape (N,), above 2.
    """

    nu: Array

    @property
    def degrees_of_freedom(self) -> Array:
        """Degrees of freedom nu, shape (N,)."""
        return self.nu

    @property
    def covariance_ratio(self) -> Array:
        """E[V] = nu / (nu - 2)."""
        return self.nu / (self.nu - 2)

    def log_density(self, squares: Array, count: Counts | int) -> Array:
        """See `RadialLaw`."""
        nu = self.nu
        power = (nu + count) / 2 * np.log1p(squares / nu)
        return _log_gamma_ratio(nu, count) - count / 2 * np.log(nu * np.pi) - power

    def entropy(self, count: Counts) -> Array:
        """(nu + m) / 2 (psi((nu + m) / 2) - psi(nu / 2)) - g(0, m), psi the digamma function."""
        nu, m = self.nu, np.maximum(count, 1)
        log_norm = _log_gamma_ratio(nu, m) - m / 2 * np.log(nu * np.pi)
        tail = (nu + m) / 2 * (digamma((nu + m) / 2) - digamma(nu / 2))
        return np.where(count > 0, tail - log_norm, 0.0)

    def quantile(self, probability: float) -> Array:
        """See `RadialLaw`."""
        return np.asarray(stdtrit(self.nu, probability))

    def cdf(self, z: Array) -> Array:
        """See `RadialLaw`."""
        return np.asarray(stdtr(self.nu[:, None], z))

    def squared_distance(self, count: Counts) -> SquaredDistanceLaw:
        """|z|^2 / m follows F(m, nu), its reciprocal F(nu, m)."""
        nu = self.nu
        return SquaredDistanceLaw(
            cdf=lambda squares: np.asarray(fdtr(count, nu, squares / count)),
            sf=lambda squares: np.asarray(fdtrc(count, nu, squares / count)),
            ppf=lambda probability: np.asarray(count * fdtri(count, nu, probability)),
            isf=lambda probability: np.asarray(count / fdtri(nu, count, probability)),
        )

    def draw_mixing(self, size: int, generator: np.random.Generator) -> Array:
        """See `RadialLaw`."""
        nu = self.nu
        return np.sqrt(nu / generator.chisquare(nu, size=(size, len(nu))))

    def mixing_at(self, uniform: Array) -> Array:
        """See `RadialLaw`."""
        nu = self.nu
        return np.sqrt(nu / chdtri(nu, uniform[:, None]))

    def given(self, squares: Array, count: Counts) -> tuple[Array, RadialLaw]:
        """The root is multiplied by sqrt((nu + |z|^2) / (nu + m)); nu + m degrees of freedom.

        References:
            Ding (2016), On the Conditional Distribution of the Multivariate t Distribution, doi
            10.1080/00031305.2016.1164756.
        """
        nu = self.nu
        return np.sqrt((nu + squares) / (nu + count)), StudentLaw(nu + count)


def _log_gamma_ratio(nu: Array, m: Counts | int) -> Array:
    """Log Gamma((nu + m) / 2) - log Gamma(nu / 2), without the difference of large numbers."""
    return np.asarray(gammaln(m / 2) - betaln(nu / 2, m / 2))


def _inverted_once(
    inverse: Callable[[Counts, Array], ArrayLike], count: Counts, probability: Array | float
) -> Array:
    """An inverse, which takes long, at each pair of numbers once: most rows share theirs.

    Args:
        inverse: of m and a probability.
        count: m, shape (N,).
        probability: a number, or of a shape that broadcasts with (N,).

    Returns:
        Array of the shape that the two broadcast to.
    """
    count, probability = np.broadcast_arrays(count, np.asarray(probability, dtype=np.float64))
    values, number = np.unique(probability, return_inverse=True)
    _, first, pair = np.unique(
        number.ravel() + len(values) * count.ravel(), return_index=True, return_inverse=True
    )
    found = np.asarray(inverse(count.ravel()[first], probability.ravel()[first]))
    return found[pair].reshape(count.shape)
