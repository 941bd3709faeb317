"""A batch of multivariate normal distributions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import ClassVar, Self, final

from numpy.typing import ArrayLike

from covey.arguments.check import read_factor, read_mean
from covey.arguments.targets import target_names
from covey.distributions.cholesky_scale import CholeskyScale
from covey.distributions.elliptical import Elliptical
from covey.distributions.moments import mixture_factor, mixture_mean
from covey.distributions.radial import NormalLaw, RadialLaw
from covey.distributions.scale_matrix import ScaleMatrix
from covey.types import Array


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

    scale_tril: Array  # zero rows and columns at targets known exactly
    _arrays: ClassVar[tuple[str, ...]] = ("mean", "scale_tril")

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

    @cached_property
    def _scale(self) -> CholeskyScale:
        return CholeskyScale(self.scale_tril)

    @cached_property
    def _radial(self) -> NormalLaw:
        return NormalLaw(len(self))

    def _of_parts(
        self, targets: tuple[str, ...], mean: Array, scale: ScaleMatrix, radial: RadialLaw
    ) -> Self:
        return self._trusted(targets, mean=mean, **scale.arrays)._labelled(self.index)

    @classmethod
    def _matching(cls, components: Sequence[Self], weights: Array) -> Self:
        """The normal with the mean and the covariance of the mixture."""
        return cls._trusted(
            components[0].targets,
            mean=mixture_mean(components, weights),
            scale_tril=mixture_factor(components, weights),
        )

    @classmethod
    def _with_covariance(
        cls, mean: Array, covariance: Array, targets: Sequence[str], further: Mapping[str, Array]
    ) -> Self:
        return cls(mean, covariance=covariance, targets=targets)
