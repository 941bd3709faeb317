"""A batch of multivariate Student-t distributions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import ArrayLike

from covey.arguments.check import read_degrees_of_freedom, read_factor, read_mean
from covey.arguments.targets import target_names
from covey.distributions.cholesky_scale import CholeskyScale
from covey.distributions.elliptical import Elliptical
from covey.distributions.moments import mixture_factor, mixture_mean
from covey.distributions.radial import RadialLaw, StudentLaw
from covey.distributions.scale_matrix import ScaleMatrix
from covey.types import Array


@final
class MultivariateT(Elliptical):
    """N multivariate Student-t distributions over the same D named targets.

    With nu = `degrees_of_freedom` and L = `scale_tril`, the factor of the *scale matrix*,

        log p(y) = log Gamma((nu + D) / 2) - log Gamma(nu / 2) - D/2 log(nu pi)
                   - sum_i log L_ii - (nu + D) / 2 log(1 + |L^-1 (y - mean)|^2 / nu)

    The covariance is `L @ L.T * nu / (nu - 2)`. Outliers cost the logarithm of their distance where
    they cost its square under a normal, which is the limit for large nu. Affine maps and marginals
    are Student-t distributions with the same nu. A conditional given m targets has nu + m degrees
    of freedom, and is the wider the further these are from what was expected.

    The object is immutable: its arrays are float64, read-only and its own.

    Args:
        mean: array of shape (N, D), in target units; (D,) is one row.
        degrees_of_freedom: number or array of shape (N,), above 2, so that there is a covariance.
        covariance: array of shape (N, D, D) in products of target units, symmetric positive
            definite; (D, D) is used for every row. The scale matrix is (nu - 2) / nu times it.
        scale_tril: instead of `covariance`, the lower Cholesky factor of the scale matrix, of the
            same shape.
        targets: D names; `y0, y1, ...` by default.

    Raises:
        InputError: a shape does not fit, a value is not finite or lies outside its range, a
            covariance is not symmetric positive definite, or the names are not usable.

    References:
        Kotz, Nadarajah (2004), Multivariate t Distributions and Their Applications, chapter 1.

    Example:
        >>> import covey
        >>> joint = covey.MultivariateT(
        ...     [[1.0, 2.0]], degrees_of_freedom=4.0, covariance=[[[4.0, 1.0], [1.0, 9.0]]]
        ... )
        >>> joint.stddev
        array([[2., 3.]])
        >>> joint.log_prob([[1.0, 2.0]]).round(4)
        array([-2.9224])
    """

    scale_tril: Array  # zero rows and columns at targets known exactly
    degrees_of_freedom: Array
    _arrays: ClassVar[tuple[str, ...]] = ("mean", "scale_tril", "degrees_of_freedom")
    _radial_parameters: ClassVar[tuple[str, ...]] = ("degrees_of_freedom",)

    def __init__(
        self,
        mean: ArrayLike,
        *,
        degrees_of_freedom: ArrayLike,
        covariance: ArrayLike | None = None,
        scale_tril: ArrayLike | None = None,
        targets: Iterable[str] | None = None,
    ) -> None:
        means = read_mean(mean)
        nu = read_degrees_of_freedom(degrees_of_freedom, len(means))
        factors, of_covariance = read_factor(covariance, scale_tril, means.shape)
        if of_covariance:
            factors *= np.sqrt((nu - 2) / nu)[:, None, None]
        arrays = {"mean": means, "scale_tril": factors, "degrees_of_freedom": nu}
        self._set(target_names(targets, means.shape[1]), arrays)

    @cached_property
    def _scale(self) -> CholeskyScale:
        return CholeskyScale(self.scale_tril)

    @cached_property
    def _radial(self) -> StudentLaw:
        return StudentLaw(self.degrees_of_freedom)

    def _of_parts(
        self, targets: tuple[str, ...], mean: Array, scale: ScaleMatrix, radial: RadialLaw
    ) -> Self:
        nu: Any = radial.degrees_of_freedom
        arrays = {"mean": mean, "degrees_of_freedom": nu, **scale.arrays}
        return self._trusted(targets, **arrays)._labelled(self.index)

    @classmethod
    def _matching(cls, components: Sequence[Self], weights: Array) -> Self:
        """The Student-t with the mean and the covariance of the mixture, and the average 1/nu."""
        inverse = np.stack([1 / component.degrees_of_freedom for component in components], axis=1)
        nu = 1 / np.einsum("nk,nk->n", weights, inverse)
        factor = mixture_factor(components, weights)
        return cls._trusted(
            components[0].targets,
            mean=mixture_mean(components, weights),
            scale_tril=factor * np.sqrt((nu - 2) / nu)[:, None, None],
            degrees_of_freedom=nu,
        )

    @classmethod
    def _with_covariance(
        cls, mean: Array, covariance: Array, targets: Sequence[str], further: Mapping[str, Array]
    ) -> Self:
        nu = further["degrees_of_freedom"]
        return cls(mean, degrees_of_freedom=nu, covariance=covariance, targets=targets)
