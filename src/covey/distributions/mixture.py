"""An equal-weight mixture of multivariate normal distributions: the ensemble as it is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from covey.distributions.check import check_size
from covey.distributions.normal import MultivariateNormal, frozen
from covey.distributions.repr import describe
from covey.distributions.triangular import conditioned, lower_factor
from covey.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


class NormalMixture:
    """For each of N rows, the equal-weight mixture of K multivariate normal distributions.

    With means mu_k and covariances Sigma_k, the law of total covariance splits the covariance of
    the mixture into two matrices:

        mean       = average of the mu_k
        aleatoric  = average of the Sigma_k        (what no further training row would remove)
        epistemic  = covariance of the mu_k        (what the members do not agree on)
        covariance = aleatoric + epistemic

    Args:
        components: K distributions over the same targets, with the same number of rows.

    Raises:
        InputError: there is no component, or they differ in targets or rows.

    References:
        Lakshminarayanan, Pritzel, Blundell (2017), Simple and Scalable Predictive Uncertainty
        Estimation using Deep Ensembles, arXiv 1612.01474.

    Example:
        >>> import covey
        >>> a = covey.MultivariateNormal([[0.0, 0.0]], covariance=[[1.0, 0.0], [0.0, 1.0]])
        >>> b = covey.MultivariateNormal([[2.0, 0.0]], covariance=[[1.0, 0.0], [0.0, 1.0]])
        >>> covey.NormalMixture([a, b]).covariance
        array([[[2., 0.],
                [0., 1.]]])
    """

    components: tuple[MultivariateNormal, ...]

    def __init__(self, components: Sequence[MultivariateNormal]) -> None:
        members = tuple(components)
        if not members:
            raise InputError("A mixture needs at least one component. Received none.")
        kinds = {(len(member), member.targets) for member in members}
        if len(kinds) > 1:
            raise InputError(
                "The components of a mixture must have the same targets and number of rows. "
                f"Received {sorted(kinds)}."
            )
        self.__dict__["components"] = members

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"A {type(self).__name__} is immutable: cannot set {name!r}.")

    def __len__(self) -> int:
        return len(self.components[0])

    def __getitem__(self, rows: Any) -> Self:
        """The mixtures of some rows; an integer gives a batch of length 1."""
        return type(self)([component[rows] for component in self.components])

    def __repr__(self) -> str:
        moments = self.moment_matched()
        kind = f"{type(self).__name__} of {len(self.components)}"
        return describe(kind, self.targets, moments.mean, moments.stddev, moments.correlation)

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the D targets."""
        return self.components[0].targets

    @cached_property
    def mean(self) -> Array:
        """Means of the mixtures, shape (N, D), in target units."""
        return frozen(np.mean([component.mean for component in self.components], axis=0))

    @cached_property
    def aleatoric(self) -> Array:
        """Average covariance of the components, shape (N, D, D), in products of target units."""
        return frozen(np.mean([component.covariance for component in self.components], axis=0))

    @cached_property
    def epistemic(self) -> Array:
        """Covariance of the components' means, shape (N, D, D), in products of target units.

        Positive semidefinite: K components span at most K - 1 directions.
        """
        spread = np.stack([component.mean for component in self.components]) - self.mean
        return frozen(np.einsum("kni,knj->nij", spread, spread) / len(self.components))

    @property
    def covariance(self) -> Array:
        """Covariance of the mixtures, shape (N, D, D), in products of target units."""
        return self.aleatoric + self.epistemic

    @property
    def stddev(self) -> Array:
        """Standard deviations of the mixtures, shape (N, D), in target units."""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))

    def moment_matched(self) -> MultivariateNormal:
        """The normal distributions with the mean and covariance of the mixtures."""
        if len(self.components) == 1:
            return self.components[0]
        try:
            return MultivariateNormal(self.mean, covariance=self.covariance, targets=self.targets)
        except InputError:  # nearly singular: keep the digits that squaring loses
            factors = [component.scale_tril for component in self.components]
            spread = [component.mean - self.mean for component in self.components]
            rows = np.concatenate([*factors, np.stack(spread, axis=2)], axis=2)
            factor = lower_factor(rows / np.sqrt(len(self.components)))
            return MultivariateNormal(
                self.mean, scale_tril=conditioned(factor), targets=self.targets
            )

    def log_prob(self, y: ArrayLike | pd.DataFrame) -> Array:
        """Log-density of one observation per row.

        Args:
            y: array of shape (N, D) in target units, or a frame with the targets as columns; NaN
                entries are marginalised exactly.

        Returns:
            Array of shape (N,), in nats.

        Raises:
            InputError: the shape or the columns do not fit, or a value is infinite.
        """
        densities = np.stack([component.log_prob(y) for component in self.components])
        return np.asarray(logsumexp(densities, axis=0) - np.log(len(self.components)))

    def sample(self, size: int, seed: int | np.random.Generator | None = None) -> Array:
        """Draw `size` samples of every row.

        Args:
            size: how many samples, at least 1.
            seed: an integer or a NumPy Generator for repeatable samples.

        Returns:
            Array of shape (size, N, D), in target units.

        Raises:
            InputError: `size` is not a positive integer.
        """
        generator = np.random.default_rng(seed)
        n, d = self.mean.shape
        samples = np.empty((check_size(size), n, d))
        member = generator.integers(len(self.components), size=(size, n))
        for number, component in enumerate(self.components):
            chosen, row = np.nonzero(member == number)
            noise = generator.standard_normal((len(row), d))
            samples[chosen, row] = component.mean[row] + np.einsum(
                "mij,mj->mi", component.scale_tril[row], noise
            )
        return samples

    def affine(
        self,
        A: ArrayLike,
        b: ArrayLike | None = None,
        targets: Sequence[str] | None = None,
    ) -> NormalMixture:
        """The mixture of `A y + b`; arguments as for `MultivariateNormal.affine`."""
        return type(self)([component.affine(A, b, targets) for component in self.components])
