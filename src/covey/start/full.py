"""Ridge regression with a constant residual covariance: where the network starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, TypeVar, final

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf

from covey.algebra.triangular import solve_lower
from covey.distributions import Elliptical, MultivariateNormal
from covey.start.covariance import LEAST_RESIDUAL, LEAST_SHRINKAGE, factor_with_gaps, prior_rows
from covey.start.ridge import Ridge, fit_ridge
from covey.start.start import Columns, LinearStart
from covey.types import Array

Joint = TypeVar("Joint", bound=Elliptical)

EM_STEPS = 30  # each brings the scale matrix of a Student-t closer by about half


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
    def fit(
        cls,
        X: Array,
        Y: Array,
        sample_weight: Array | None = None,
        blocks: NDArray[np.int64] | None = None,
        degrees_of_freedom: float | None = None,
        offset: Array | None = None,
        unbounded: Columns | None = None,
    ) -> Self:
        """Fit to rows of numbers.

        Args:
            X: array of shape (N, F), of about unit scale.
            Y: array of shape (N, D), in target units, NaN where not observed.
            sample_weight: as for `fit_ridge`.
            blocks: as for `fit_ridge`.
            degrees_of_freedom: take the residuals for Student-t variables, and factor their scale
                matrix in place of their covariance; by default for normal ones.
            offset: as for `fit_ridge`.
            unbounded: as for `fit_ridge`.

        Returns:
            The fitted model.

        Raises:
            InputError: fewer than two rows have a positive weight.
        """
        ridge = fit_ridge(X, Y, sample_weight, blocks, offset, unbounded)
        return cls.of(ridge, degrees_of_freedom)

    @classmethod
    def of(cls, ridge: Ridge, degrees_of_freedom: float | None = None) -> Self:
        """The start of regressions that are fitted; arguments as for `fit`."""
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
        """K = `residual_scale_tril`."""
        return self.residual_scale_tril

    @property
    def log_scale(self) -> float:
        """Logarithm of |d whitened / d y|, in nats: to add to a log-density of whitened values."""
        return float(-np.log(self.scale).sum() - np.log(np.diag(self.residual_scale_tril)).sum())

    def whiten(self, X: Array, Y: Array) -> Array:
        """Residuals in the units of their own covariance: about N(0, I) if the model were true.

        Args:
            X: array of shape (N, F).
            Y: array of shape (N, D), in target units.

        Returns:
            Array of shape (N, D), without unit. Each value mixes a target with those before it, so
            a row with a gap holds NaN from the gap on.
        """
        return solve_lower(self.residual_scale_tril, self.residual(X, Y))

    def restore(self, whitened: Joint, X: Array, offset: Array | float = 0.0) -> Joint:
        """See `LinearStart`."""
        matrix = self.scale[:, None] * self.residual_scale_tril
        return whitened.affine(matrix, self.mean(X, offset), targets=whitened.targets)

    def standard(self, n_rows: int, targets: tuple[str, ...] | None = None) -> MultivariateNormal:
        """Standard normals."""
        d = len(self.location)
        return MultivariateNormal(np.zeros((n_rows, d)), covariance=np.eye(d), targets=targets)


def residual_factor(
    residuals: Array, weight: Array, degrees_of_freedom: float | None = None
) -> Array:
    """Factor the scale matrix of residuals, their correlation shrunk towards the identity.

    Args:
        residuals: array of shape (N, D), of mean zero, NaN where not observed.
        weight: array of shape (N,), positive, of sum 1.
        degrees_of_freedom: of Student-t residuals, whose scale matrix has the highest likelihood,
            shrunk as Ledoit and Wolf have it; None for normal ones, whose covariance matrix is that
            of the residuals, shrunk by what chance alone explains of a normal's correlations.

    Returns:
        Lower Cholesky factor, shape (D, D), in the units of the residuals.
    """
    if np.isnan(residuals).any():
        return factor_with_gaps(residuals, weight, degrees_of_freedom)
    if degrees_of_freedom is not None:
        residuals = _drawn_in(residuals, weight, degrees_of_freedom)
    stddev = np.maximum(np.sqrt(weight @ np.square(residuals)), LEAST_RESIDUAL)
    unit = residuals / stddev * np.sqrt(weight * len(weight))[:, None]
    if degrees_of_freedom is None:
        prior = prior_rows(residuals / stddev, weight, normal=True)
        shrinkage = 1.0 if np.isinf(prior) else prior / (len(weight) + prior)
    else:
        shrinkage = max(float(ledoit_wolf(unit, assume_centered=True)[1]), LEAST_SHRINKAGE)
    correlation = (1 - shrinkage) * (unit.T @ unit) / len(unit)
    np.fill_diagonal(correlation, 1.0)
    return np.asarray(stddev[:, None] * np.linalg.cholesky(correlation))


def _drawn_in(residuals: Array, weight: Array, degrees_of_freedom: float) -> Array:
    """Residuals whose second moments are the likeliest scale matrix of a Student-t (by EM)."""
    d = residuals.shape[1]
    drawn = residuals
    for _ in range(EM_STEPS):
        stddev = np.maximum(np.sqrt(weight @ np.square(drawn)), LEAST_RESIDUAL)
        unit = drawn / stddev
        correlation = (unit * weight[:, None]).T @ unit + LEAST_SHRINKAGE * np.eye(d)
        z = solve_lower(np.asarray(np.linalg.cholesky(correlation)), residuals / stddev)
        squares = np.einsum("ni,ni->n", z, z)
        share = (degrees_of_freedom + d) / (degrees_of_freedom + squares)
        drawn = residuals * np.sqrt(share)[:, None]
    return drawn
