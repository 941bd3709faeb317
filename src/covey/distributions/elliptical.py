"""What all distributions with a mean, a scale matrix and one radial law have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from covey.arguments.frames import as_pandas
from covey.arguments.labels import labels_of
from covey.distributions.batch import frozen
from covey.distributions.calibrated import Calibrated
from covey.distributions.conditioning import told_by_the_others
from covey.distributions.divergence import divergence, kl_divergence
from covey.distributions.frame import chosen_labels, moments_from_frame, moments_to_frame
from covey.distributions.joint import Joint
from covey.distributions.repr import describe
from covey.types import Array, Mask

if TYPE_CHECKING:
    import pandas as pd

Counts = NDArray[np.intp]


class Elliptical(Calibrated):
    """N distributions over the same D named targets, whose contours are ellipsoids.

    With z = B^-1 (y - mean), B any square root of the scale matrix, the density depends on |z|
    alone. Two things are left open, and each is said by a class of its own: how it depends on |z|
    (the radial law: `Gaussian`, `MultivariateT`), and in what form the scale matrix is held (its
    structure: `Full`, `LowRankMultivariateNormal`). The objects are immutable: their arrays are
    float64, read-only and their own.

    Attributes:
        mean: shape (N, D), in target units.
        targets: D names.
    """

    mean: Array
    _further: ClassVar[tuple[str, ...]] = ()  # names of parameters of the radial law

    def __repr__(self) -> str:
        return describe(type(self).__name__, self, len(self))

    # the radial law

    @property
    @abstractmethod
    def _freedom(self) -> Array | None:
        """Degrees of freedom, shape (N,), or None for normal distributions."""

    @abstractmethod
    def _log_density(self, squares: Array, count: Any) -> Array:
        """Log p up to -log|B|, for |z|^2 of shape (..., N) of so many targets, at least one."""

    @abstractmethod
    def _entropy(self, count: Array) -> Array:
        """Entropy of so many targets at a scale matrix of I, shape (N,)."""

    @abstractmethod
    def _unit_quantile(self, probability: float) -> Array:
        """Quantile of one target in units of its scale, shape (N,)."""

    @abstractmethod
    def _unit_cdf(self, z: Array) -> Array:
        """Distribution function of one target in units of its scale: (N, D) gives (N, D)."""

    @abstractmethod
    def _stretch(self, size: int, generator: np.random.Generator) -> Array:
        """What normal noise is multiplied by in `size` samples: broadcasts to (size, N)."""

    @abstractmethod
    def _stretch_at(self, uniform: Array) -> Array:
        """The same as quantiles: uniform of shape (S,) gives what broadcasts to (S, N)."""

    # the structure of the scale matrix

    @property
    @abstractmethod
    def covariance(self) -> Array:
        """Covariance matrices, shape (N, D, D), in products of target units."""

    @cached_property
    def correlation(self) -> Array:
        """Correlation matrices, shape (N, D, D), without unit; the diagonal is exactly 1.

        A target known exactly has correlation 0 with the others.
        """
        _, columns = self._parts
        unit = columns / np.where(self.observed, 1.0, self._scale)[:, :, None]
        product = unit @ np.swapaxes(unit, 1, 2)
        product = (product + np.swapaxes(product, 1, 2)) / 2
        own = np.arange(self._shape[1])
        product[:, own, own] = 1.0
        return frozen(product)

    @property
    @abstractmethod
    def _parts(self) -> tuple[Array, Array]:
        """(diagonal, columns): the scale matrix is diag(diagonal) + columns columns'.

        Their shapes are (N, D) and (N, D, M).
        """

    @property
    @abstractmethod
    def _log_root(self) -> Array:
        """Logarithm of |B| over the targets not known, shape (N,)."""

    @abstractmethod
    def _distance(self, values: Array) -> tuple[Array, Array, Counts]:
        """What is observed: (log |B| of its marginal, |z|^2, number of targets), each (N,)."""

    @abstractmethod
    def _weighted(self, values: Array) -> Array:
        """P (y - mean), P the precision of what is observed, shape (N, D); NaN where it is not."""

    @abstractmethod
    def _own_precision(self, values: Array) -> Array:
        """Diagonal of P, the precision of what is observed, shape (N, D); NaN where it is not."""

    @abstractmethod
    def _coloured(self, noise: Array) -> Array:
        """B z for z of shape (..., N or 1, D), no target being known."""

    @abstractmethod
    def _decoloured(self, shift: Array) -> Array:
        """B^-1 x for x of shape (..., N, D), no target being known."""

    @abstractmethod
    def _trace_of(self, other: Elliptical) -> Array:
        """Trace of the inverse of the scale matrix times that of another one, shape (N,)."""

    @abstractmethod
    def _stretched(self, scales: Array) -> Self:
        """Each target widened about its mean, by scales of shape (D,) or (N, D); by 0 for known."""

    @abstractmethod
    def _uncorrelated(self) -> Self:
        """The same means, standard deviations and tails, all correlations zero."""

    @classmethod
    @abstractmethod
    def _matching(cls, components: Sequence[Any], weights: Array) -> Self:
        """The one distribution that stands for the mixture of several; weights of shape (N, K)."""

    @classmethod
    @abstractmethod
    def _with_covariance(
        cls, mean: Array, covariance: Array, targets: Sequence[str], further: Mapping[str, Array]
    ) -> Self:
        """From moments and the parameters of the radial law, checked."""

    # all else

    @cached_property
    def stddev(self) -> Array:
        """Standard deviations, shape (N, D), in target units."""
        return frozen(self._scale * np.sqrt(self._inflation)[:, None])

    def _log_prob(self, values: Array) -> Array:
        log_root, squares, count = self._distance(values)
        density = self._log_density(squares, np.maximum(count, 1)) - log_root
        return np.where(count > 0, density, 0.0)

    def _mahalanobis(self, values: Array) -> Array:
        return np.sqrt(self._squares(values)[0] / self._inflation)

    def _squares(self, values: Array) -> tuple[Array, Counts]:
        """|z|^2 of what is observed, and of how many targets that is, each of shape (N,)."""
        _, squares, count = self._distance(values)
        return squares, count

    def entropy(self) -> Array:
        """Differential entropy of each row, shape (N,), in nats, of the targets not known."""
        return self._log_root + self._entropy((~self.observed).sum(axis=1))

    def kl_divergence(self, other: Joint) -> Array:
        """Kullback-Leibler divergence KL(self || other), row by row.

        Closed form where there is one: from any of these distributions to a normal. Else a
        quasi-Monte Carlo average over 4,096 points, always the same, good to about 1% of the
        divergence or 0.001 nats, whichever is more.

        Args:
            other: a distribution over the same targets, with as many rows, or one row for all; a
                `Mixture`, too.

        Returns:
            Array of shape (N,), in nats.

        Raises:
            InputError: the targets differ, the numbers or labels of rows do not fit, or the two do
                not know the same targets exactly.
        """
        return kl_divergence(self, other)

    def _divergence_from(self, other: Any) -> Array:
        """KL(other || self) of as many rows, no target of which is known."""
        return divergence(other, self)

    @property
    def _components(self) -> tuple[tuple[Self, ...], Array]:
        """Itself as a mixture of one: components, and weights of shape (N, K)."""
        return (self,), np.ones((len(self), 1))

    def _at(self, uniform: Array) -> Array:
        """The points of the unit cube as samples: (S, D + 1) gives (S, N, D)."""
        noise = ndtri(uniform[:, None, :-1]) * self._stretch_at(uniform[:, -1])[..., None]
        return self.mean + self._coloured(noise)

    def _log_prob_at(self, points: Array) -> Array:
        """Log-densities of S complete points per row, shape (S, N)."""
        z = self._decoloured(points - self.mean)
        squares = np.einsum("sni,sni->sn", z, z)
        return self._log_density(squares, z.shape[-1]) - self._log_root

    def _mean_given_others(self, values: Array) -> Array:
        return told_by_the_others(self, values)[0]

    def _quantiles(self, probability: float) -> Array:
        return self.mean + self._unit_quantile(probability)[:, None] * self._scale

    def _cdf(self, y: Array) -> Array:
        """Distribution function of each target on its own, for y of shape (N, D)."""
        scale = np.where(self.observed, 1.0, self._scale)
        below = self._unit_cdf((y - self.mean) / scale)
        return np.where(self.observed, (y >= self.mean).astype(np.float64), below)

    def _matched(self) -> Self:
        return self

    def _radius(self, level: float, present: Mask | None = None) -> Array:
        count = self._unknown(present).sum(axis=1)
        squares = self._radial(np.maximum(count, 1)).from_below(level)
        return np.where(count > 0, np.sqrt(squares / self._inflation), 0.0)

    def to_frame(self, index: Any = None) -> pd.DataFrame:
        """A labelled table: `mean_<t>`, then `cov_<t>_<u>` (upper triangle with the diagonal).

        Args:
            index: N row labels, or False for the numbers from 0. By default those of the table that
                was predicted, so that `X.join(joint.to_frame())` puts rows side by side.

        Returns:
            DataFrame of N rows and D + D (D + 1) / 2 columns, in target units and their products;
            a distribution with a further parameter has one more column, named after it.
        """
        further = {name: getattr(self, name) for name in self._further}
        labels = chosen_labels(index, self.index, len(self))
        return moments_to_frame(self.targets, self.mean, self.covariance, further, labels)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Self:
        """Read back what `to_frame` wrote; other columns are ignored.

        Args:
            frame: a table with the columns that `to_frame` describes.

        Returns:
            The distributions, one for each row. A target whose variance and covariances are zero is
            known exactly.

        Raises:
            InputError: columns are missing, or their values are no valid distribution.
        """
        frame = as_pandas(frame, "frame")
        targets, mean, covariance, further = moments_from_frame(frame, cls._further)
        known = ~np.any(covariance, axis=2)
        row, target = np.nonzero(known)
        covariance[row, target, target] = 1.0
        joint = cls._with_covariance(mean, covariance, targets, further)
        joint = joint._stretched(np.where(known, 0.0, 1.0)) if known.any() else joint
        return joint._labelled(labels_of(frame))
