"""Ridge regression with a constant residual covariance: where the network starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, TypeVar, final

import numpy as np

from covey.distributions import Elliptical, MultivariateNormal
from covey.distributions.internals import mapped
from covey.start.covariance import residual_factor
from covey.start.ridge import Ridge
from covey.start.start import LinearStart
from covey.types import Array

Joint = TypeVar("Joint", bound=Elliptical)


@final
@dataclass(frozen=True)
class LinearModel(LinearStart):
    """A linear start with any covariance: its correlation is shrunk towards the identity.

    Attributes:
        residual_scale_tril: lower Cholesky factor of the residual covariance, shape (D, D), in
            standardised target units.

    References:
        Ledoit, Wolf (2004), A well-conditioned estimator for large-dimensional covariance matrices,
        doi 10.1016/S0047-259X(03)00096-4.
    """

    residual_scale_tril: Array

    @classmethod
    def of(cls, ridge: Ridge, degrees_of_freedom: float | None = None) -> Self:
        """The start of regressions that are fitted.

        Args:
            ridge: the regressions, and the residuals of N rows.
            degrees_of_freedom: take the residuals for Student-t variables, and factor their scale
                matrix in place of their covariance; by default for normal ones.

        Returns:
            The linear start.
        """
        factor = residual_factor(ridge.residuals, ridge.weight, degrees_of_freedom)
        return cls(**vars(ridge.regression), residual_scale_tril=factor)

    @classmethod
    def shapes(
        cls, n_features: int, n_targets: int, rank: int, n_unbounded: int
    ) -> dict[str, tuple[int, ...]]:
        """See `LinearStart`."""
        regression = cls.ridge_shapes(n_features, n_targets, n_unbounded)
        return regression | {"residual_scale_tril": (n_targets, n_targets)}

    @property
    def widths(self) -> Array:
        """See `LinearStart`."""
        return np.diagonal(self.residual_scale_tril)

    @property
    def whitening_factor(self) -> Array:
        """B = `residual_scale_tril`."""
        return self.residual_scale_tril

    @property
    def log_scale(self) -> float:
        """Logarithm of |d whitened / d y|, in nats: to add to a log-density of whitened values."""
        return float(-np.log(self.scale).sum() - np.log(np.diag(self.residual_scale_tril)).sum())

    @property
    def unwhitening(self) -> Array:
        """`scale` B, shape (D, D)."""
        return self.scale[:, None] * self.residual_scale_tril

    @staticmethod
    def unwhitened(whitened: Joint, factor: Array, mean: Array) -> Joint:
        """See `LinearStart`; factors of shape (N or 1, D, D)."""
        return mapped(whitened, factor, mean)

    def standard(self, n_rows: int, targets: tuple[str, ...] | None = None) -> MultivariateNormal:
        """Standard normals."""
        d = len(self.location)
        return MultivariateNormal(np.zeros((n_rows, d)), covariance=np.eye(d), targets=targets)
