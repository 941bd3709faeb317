"""A batch of multivariate normal distributions of many targets, correlated by a few factors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import ArrayLike

from covey.algebra.triangular import lower_factor
from covey.arguments.check import factor_covariance, read_low_rank, read_mean
from covey.arguments.targets import target_names
from covey.distributions.batch import frozen
from covey.distributions.elliptical import Elliptical
from covey.distributions.low_rank_scale import LEAST_SPECIFIC, LowRankScale
from covey.distributions.moments import mixture_mean
from covey.distributions.normal import MultivariateNormal
from covey.distributions.radial import NormalLaw, RadialLaw
from covey.distributions.scale_matrix import ScaleMatrix
from covey.types import Array


@final
class LowRankMultivariateNormal(Elliptical):
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
        variances, factors = read_low_rank(diagonal, factor, means.shape, LEAST_SPECIFIC)
        arrays = {"mean": means, "diagonal": variances, "factor": factors}
        self._set(target_names(targets, means.shape[1]), arrays)

    @classmethod
    def _matching(cls, components: Sequence[Self], weights: Array) -> Self:
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
        least = LEAST_SPECIFIC * np.square(factor).sum(axis=2)
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
        own = np.maximum(np.linalg.eigvalsh(correlation)[:, 0] / 2, LEAST_SPECIFIC)[:, None]
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
                part._calibration_set
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
    def scale_tril(self) -> Array:
        """Lower Cholesky factors of the covariance matrices, shape (N, D, D), in target units."""
        return frozen(self._scale.cholesky())

    @cached_property
    def _scale(self) -> LowRankScale:
        return LowRankScale(self.diagonal, self.factor)

    @cached_property
    def _radial(self) -> NormalLaw:
        return NormalLaw(len(self))

    def _of_parts(
        self, targets: tuple[str, ...], mean: Array, scale: ScaleMatrix, radial: RadialLaw
    ) -> Any:
        kind = type(self) if isinstance(scale, LowRankScale) else MultivariateNormal
        return kind._trusted(targets, mean=mean, **scale.arrays)._labelled(self.index)


def _widened(factor: Array, rank: int) -> Array:
    return np.pad(factor, ((0, 0), (0, 0), (0, rank - factor.shape[2])))
