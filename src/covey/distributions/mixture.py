"""An equal-weight mixture of distributions: the ensemble as it is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from covey.distributions.check import check_size
from covey.distributions.elliptical import Elliptical, frozen
from covey.distributions.moments import mixture_epistemic, mixture_mean
from covey.distributions.repr import describe
from covey.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


class Mixture:
    """For each of N rows, the equal-weight mixture of K distributions of one kind.

    With means mu_k and covariances Sigma_k, the law of total covariance splits the covariance of
    the mixture into two matrices:

        mean       = average of the mu_k
        aleatoric  = average of the Sigma_k        (what no further training row would remove)
        epistemic  = covariance of the mu_k        (what the members do not agree on)
        covariance = aleatoric + epistemic

    Args:
        components: K distributions, all normal or all Student-t, over the same targets, with the
            same number of rows.

    Raises:
        InputError: there is no component, or they differ in kind, targets or rows.

    References:
        Lakshminarayanan, Pritzel, Blundell (2017), Simple and Scalable Predictive Uncertainty
        Estimation using Deep Ensembles, arXiv 1612.01474.

    Example:
        >>> import covey
        >>> a = covey.MultivariateNormal([[0.0, 0.0]], covariance=[[1.0, 0.0], [0.0, 1.0]])
        >>> b = covey.MultivariateNormal([[2.0, 0.0]], covariance=[[1.0, 0.0], [0.0, 1.0]])
        >>> covey.Mixture([a, b]).covariance
        array([[[2., 0.],
                [0., 1.]]])
    """

    components: tuple[Elliptical, ...]

    def __init__(self, components: Sequence[Elliptical]) -> None:
        members = tuple(components)
        if not members:
            raise InputError("A mixture needs at least one component. Received none.")
        kinds = {(type(member).__name__, len(member), member.targets) for member in members}
        if len(kinds) > 1:
            raise InputError(
                "The components of a mixture must be of one kind, with the same targets and number "
                f"of rows. Received {sorted(kinds)}."
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
        return frozen(mixture_mean(self.components))

    @cached_property
    def aleatoric(self) -> Array:
        """Average covariance of the components, shape (N, D, D), in products of target units."""
        return frozen(np.mean([component.covariance for component in self.components], axis=0))

    @cached_property
    def epistemic(self) -> Array:
        """Covariance of the components' means, shape (N, D, D), in products of target units.

        Positive semidefinite: K components span at most K - 1 directions.
        """
        return frozen(mixture_epistemic(self.components))

    @property
    def covariance(self) -> Array:
        """Covariance of the mixtures, shape (N, D, D), in products of target units."""
        return self.aleatoric + self.epistemic

    @property
    def stddev(self) -> Array:
        """Standard deviations of the mixtures, shape (N, D), in target units."""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))

    def moment_matched(self) -> Any:
        """The one distribution that stands for each mixture: it has its mean and covariance.

        Returns:
            `MultivariateNormal` or `MultivariateT`, as the components are. The Student-t takes the
            average of the components' 1 / `degrees_of_freedom`.
        """
        if len(self.components) == 1:
            return self.components[0]
        return type(self.components[0])._matched(self.components)

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
            samples[chosen, row] = component[row].sample(1, generator)[0]
        return samples

    def affine(
        self,
        A: ArrayLike,
        b: ArrayLike | None = None,
        targets: Sequence[str] | None = None,
    ) -> Mixture:
        """The mixture of `A y + b`; arguments as for `MultivariateNormal.affine`."""
        return type(self)([component.affine(A, b, targets) for component in self.components])
