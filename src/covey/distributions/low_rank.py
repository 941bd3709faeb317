"""A batch of multivariate normal distributions of many targets, correlated by a few factors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import ArrayLike

from covey.algebra.box import box_probability
from covey.algebra.triangular import dependent, inverse_lower, lower_factor
from covey.arguments.check import factor_covariance, read_low_rank, read_mean
from covey.arguments.targets import target_names
from covey.distributions.batch import frozen
from covey.distributions.conditioning import mapped_factor, settled_combinations
from covey.distributions.elliptical import Counts, Elliptical
from covey.distributions.gaussian import Gaussian
from covey.distributions.moments import mixture_mean
from covey.distributions.normal import MultivariateNormal
from covey.distributions.steps import Combined, Kept, Told
from covey.types import Array, Mask

LEAST_OWN = 1e-10  # share of each target's variance that no factor explains, at least


@final
class LowRankMultivariateNormal(Gaussian):
    """N multivariate normal distributions over the same D named targets, of low-rank correlation.

    The targets have noise of their own and share R factors: y = mean + sqrt(diagonal) e + F f, with
    e and f standard normal, so that

        covariance = diag(diagonal) + F F'

    By the identities of Woodbury and Sylvester densities, marginals and conditionals need matrices
    of R rows and columns only. What is as large as D times D is formed when it is asked for, by
    `covariance`, `correlation`, `scale_tril`, `to_frame`, and the `axes` of a region.

    Marginals, conditionals, and maps in which each target enters at most one new variable (changes
    of units, sums) are of the same kind; other maps give a `MultivariateNormal`. The object is
    immutable: its arrays are float64, read-only and its own.

    Args:
        mean: array of shape (N, D), in target units; (D,) is one row.
        diagonal: variances that the factors do not explain, shape (N, D), in squared target units,
            positive; (D,) is used for every row.
        factor: F, shape (N, D, R), in target units; (D, R) is used for every row. With R = 0 the
            targets are independent.
        targets: D names; `y0, y1, ...` by default.

    Raises:
        InputError: a shape does not fit, a value is not finite or not positive, the factors explain
            a target to ten digits (no covariance could be told from a singular one), or the names
            are not usable.

    References:
        Woodbury (1950), Inverting Modified Matrices, Memorandum Report 42, Princeton.
        Anderson (2003), An Introduction to Multivariate Statistical Analysis, chapter 14.

    Example:
        >>> import covey
        >>> joint = covey.LowRankMultivariateNormal(
        ...     [[1.0, 2.0, 3.0]], diagonal=[3.0, 5.0, 1.0], factor=[[1.0], [2.0], [0.0]]
        ... )
        >>> joint.stddev
        array([[2., 3., 1.]])
        >>> joint.covariance
        array([[[4., 2., 0.],
                [2., 9., 0.],
                [0., 0., 1.]]])
    """

    diagonal: Array  # zero at targets known exactly, as is their row of the factor
    factor: Array
    _arrays: ClassVar[tuple[str, ...]] = ("mean", "diagonal", "factor")

    def __init__(
        self,
        mean: ArrayLike,
        *,
        diagonal: ArrayLike,
        factor: ArrayLike,
        targets: Iterable[str] | None = None,
    ) -> None:
        means = read_mean(mean)
        variances, factors = read_low_rank(diagonal, factor, means.shape, LEAST_OWN)
        arrays = {"mean": means, "diagonal": variances, "factor": factors}
        self._set(target_names(targets, means.shape[1]), arrays)

    @classmethod
    def _matching(cls, components: Sequence[Any], weights: Array) -> Self:
        """The low-rank normal with the mean and the covariance of the mixture.

        Of the covariance, the average of K diagonals is the diagonal; K factors and K means about
        their own mean, each times the root of its weight, stand side by side in the factor.
        """
        first = components[0]
        mean = mixture_mean(components, weights)
        free = ~first.observed[:, :, None]
        root = np.sqrt(weights)
        spread = np.stack([c.mean - mean for c in components], axis=2) * root[:, None, :] * free
        alike = all(c.factor is first.factor and c.diagonal is first.diagonal for c in components)
        if alike:  # they differ in their means alone
            diagonal, factors = first.diagonal, [first.factor]
        else:
            diagonal = sum(
                w[:, None] * c.diagonal for w, c in zip(weights.T, components, strict=True)
            )
            factors = [r[:, None, None] * c.factor for r, c in zip(root.T, components, strict=True)]
        factor = np.concatenate([*factors, spread], axis=2)
        if factor.shape[2] > factor.shape[1]:
            factor = lower_factor(factor)
        least = LEAST_OWN * np.square(factor).sum(axis=2)
        return cls._trusted(
            first.targets, mean=mean, diagonal=np.maximum(diagonal, least), factor=factor
        )

    @classmethod
    def _with_covariance(
        cls, mean: Array, covariance: Array, targets: Sequence[str], further: Mapping[str, Array]
    ) -> Self:
        """Of rank D: a covariance does not say how few factors would do."""
        scale = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
        factor_covariance(covariance, mean.shape)  # or say what is wrong with it
        correlation = covariance / scale[:, :, None] / scale[:, None, :]
        own = np.maximum(np.linalg.eigvalsh(correlation)[:, 0] / 2, LEAST_OWN)[:, None]
        shared = correlation - own[:, :, None] * np.eye(mean.shape[1])
        factor = scale[:, :, None] * np.linalg.cholesky(shared)
        return cls(mean, diagonal=own * np.square(scale), factor=factor, targets=targets)

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """One batch out of several over the same targets, in order: see `MultivariateNormal`.

        Parts of lower rank than others get columns of zeros.
        """
        most = max((part.rank for part in parts if type(part) is cls), default=0)
        padded: Any = [
            part._with(part.targets, factor=_widened(part.factor, most)).calibrated_by(
                part._reference
            )
            if type(part) is cls and part.rank < most
            else part
            for part in parts
        ]
        return super().concatenate(padded)

    @property
    def rank(self) -> int:
        """R, the number of factors."""
        return int(self.factor.shape[2])

    @cached_property
    def observed(self) -> Mask:
        """Which targets are known exactly, shape (N, D): those `conditional` was given."""
        known = self.diagonal == 0
        known.flags.writeable = False
        return known

    @cached_property
    def covariance(self) -> Array:
        """Covariance matrices, shape (N, D, D), in products of target units."""
        product = self.factor @ np.swapaxes(self.factor, 1, 2)
        product = (product + np.swapaxes(product, 1, 2)) / 2
        own = np.arange(self._shape[1])
        product[:, own, own] = np.square(self._scale)
        return frozen(product)

    @cached_property
    def scale_tril(self) -> Array:
        """Lower Cholesky factors of the covariance matrices, shape (N, D, D), in target units."""
        return frozen(self._scale[:, :, None] * np.linalg.cholesky(self.correlation))

    @property
    def _scale(self) -> Array:
        return np.sqrt(self.diagonal + np.einsum("nir,nir->ni", self.factor, self.factor))

    @property
    def _parts(self) -> tuple[Array, Array]:
        return self.diagonal, self.factor

    @cached_property
    def _own(self) -> Array:
        """Standard deviations that the factors leave, shape (N, D); 1 at targets known exactly."""
        return np.sqrt(np.where(self.observed, 1.0, self.diagonal))

    @cached_property
    def _loadings(self) -> Array:
        """G = F over these, shape (N, D, R): in such units the covariance is I + G G'."""
        return self.factor / self._own[:, :, None]

    @property
    def _log_root(self) -> Array:
        return self._distance(np.where(self.observed, np.nan, self.mean))[0]

    def _solved(self, values: Array) -> tuple[Mask, Array, Array, Array, Array]:
        """What the observed targets say of the factors.

        Returns:
            Which are observed, (N, D); their loadings, zero elsewhere, (N, D, R); Cholesky factors
            of I + G'G, (N, R, R); expected factors, (N, R), and the residuals that these leave,
            zero where not observed, in units of each target's own noise, (N, D).
        """
        present: Mask = ~np.isnan(values)
        loadings = self._loadings * present[:, :, None]
        transposed = np.swapaxes(loadings, 1, 2)
        inner = transposed @ loadings + np.eye(self.rank)
        z = (np.where(present, values, self.mean) - self.mean) / self._own
        expected = np.asarray(np.linalg.solve(inner, transposed @ z[:, :, None]))
        left = z - (loadings @ expected)[:, :, 0]
        lower = np.asarray(np.linalg.cholesky(inner))
        return present, loadings, lower, expected[:, :, 0], left

    def _distance(self, values: Array) -> tuple[Array, Array, Counts]:
        present, _, lower, expected, left = self._solved(values)
        log_root = np.where(present, np.log(self._own), 0.0).sum(axis=1)
        log_root += np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)
        # a sum of squares, where z'z - |..|^2 would lose the digits of what is well explained
        squares = sum(np.einsum("ni,ni->n", part, part) for part in (left, expected))
        return log_root, squares, present.sum(axis=1)

    def _weighted(self, values: Array) -> Array:
        present, *_, left = self._solved(values)
        return np.where(present, left / self._own, np.nan)

    def _own_precision(self, values: Array) -> Array:
        present, loadings, lower, *_ = self._solved(values)
        half = loadings @ np.swapaxes(inverse_lower(lower), 1, 2)
        rest = np.maximum(1.0 - np.square(half).sum(axis=2), LEAST_OWN)
        return np.where(present, rest / np.square(self._own), np.nan)

    @cached_property
    def _spectrum(self) -> tuple[Array, Array]:
        """Eigenvalues of G'G, (N, R), and G times its eigenvectors, (N, D, R)."""
        values, vectors = np.linalg.eigh(np.swapaxes(self._loadings, 1, 2) @ self._loadings)
        return np.maximum(values, 0.0), self._loadings @ vectors

    def _coloured(self, noise: Array) -> Array:
        # the symmetric root: with G'G = V L V' it is I + G V (sqrt(1 + L) - 1) / L V'G'
        values, axes = self._spectrum
        weight = 1 / (1 + np.sqrt(1 + values))
        return self._own * (noise + _along(axes, weight * _onto(axes, noise)))

    def _decoloured(self, shift: Array) -> Array:
        values, axes = self._spectrum
        root = np.sqrt(1 + values)
        z = shift / self._own
        return z - _along(axes, _onto(axes, z) / (root * (1 + root)))

    def _trace_of(self, other: Elliptical) -> Array:
        diagonal, columns = other._parts
        z = self._decoloured(np.moveaxis(columns, 2, 0))
        own = (self._own_precision(self.mean) * diagonal).sum(axis=1)
        return own + np.einsum("mni,mni->n", z, z)

    def _stretched(self, scales: Array) -> Self:
        return self._with(
            self.targets,
            diagonal=np.square(scales) * self.diagonal,
            factor=scales[..., None] * self.factor,
        )

    def _uncorrelated(self) -> Self:
        nothing = np.zeros((*self._shape, 0))
        return self._with(self.targets, diagonal=np.square(self._scale), factor=nothing)

    def _sample(self, size: int, generator: np.random.Generator) -> Array:
        own = generator.standard_normal((size, *self._shape))
        shared = generator.standard_normal((size, len(self), self.rank))
        return self.mean + np.sqrt(self.diagonal) * own + _along(self.factor, shared)

    def _marginal(self, chosen: list[int]) -> Self:
        joint = self._with(
            tuple(self.targets[position] for position in chosen),
            mean=self.mean[:, chosen],
            diagonal=self.diagonal[:, chosen],
            factor=self.factor[:, chosen],
        )
        return self._asked(joint, Kept(chosen))

    def _conditional(self, values: Array) -> Self:
        # the factors given what is observed are N(expected, (I + G'G)^-1); nothing else changes
        given, _, lower, expected, _ = self._solved(values)
        mean = self.mean + _along(self.factor, expected)
        factor = self.factor @ np.swapaxes(inverse_lower(lower), 1, 2)
        joint = self._with(
            self.targets,
            mean=np.where(given, values, np.where(self.observed, self.mean, mean)),
            diagonal=np.where(given, 0.0, self.diagonal),
            factor=np.where(given[:, :, None], 0.0, factor),
        )
        return self._asked(joint, Told(given))

    def _mapped(self, matrix: Array, shift: Array, targets: tuple[str, ...]) -> Any:
        mean = (matrix @ self.mean[:, :, None])[:, :, 0] + shift
        joint: Any
        if np.all(np.count_nonzero(matrix, axis=1) <= 1):
            diagonal = (np.square(matrix) @ self.diagonal[:, :, None])[:, :, 0]
            lost = (diagonal == 0) & ~settled_combinations(matrix, self.observed)
            if lost.any():
                raise dependent(int(np.flatnonzero(lost.any(axis=1))[0]))
            arrays = {"mean": mean, "diagonal": diagonal, "factor": matrix @ self.factor}
            joint = self._trusted(targets, **arrays)
        else:
            root = np.sqrt(self.diagonal)[:, None, :]
            product = np.concatenate([matrix * root, matrix @ self.factor], axis=2)
            factor = mapped_factor(matrix, product, self.observed)
            joint = MultivariateNormal._trusted(targets, mean=mean, scale_tril=factor)
        return self._asked(joint, Combined.by(matrix))

    def _box(self, lower: Array, upper: Array) -> Array:
        bounded = np.flatnonzero(np.any((lower > -np.inf) | (upper < np.inf), axis=0))
        if len(bounded) == 0:
            return np.ones(len(self))
        part = self._marginal(bounded.tolist())
        low, high = (bound[:, bounded] - part.mean for bound in (lower, upper))
        return box_probability(low, high, part.scale_tril, None)


def _along(columns: Array, weights: Array) -> Array:
    """Combinations of the columns, (N, D, R), by weights of shape (..., N, R): (..., N, D)."""
    return (columns @ weights[..., None])[..., 0]


def _onto(columns: Array, vectors: Array) -> Array:
    """Products of the columns, (N, D, R), with vectors of shape (..., N or 1, D): (..., N, R)."""
    return (np.swapaxes(columns, 1, 2) @ vectors[..., None])[..., 0]


def _widened(factor: Array, rank: int) -> Array:
    return np.pad(factor, ((0, 0), (0, 0), (0, rank - factor.shape[2])))
