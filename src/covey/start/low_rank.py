"""Ridge regression with a constant low-rank covariance: where a network of many targets starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, final

import numpy as np

from covey.distributions import LowRankMultivariateNormal
from covey.distributions.internals import rescaled, with_mean
from covey.start.factors import factor_analysis
from covey.start.ridge import Ridge
from covey.start.start import LinearStart
from covey.types import Array


@final
@dataclass(frozen=True)
class LowRankLinearModel(LinearStart):
    """A linear start whose residuals have specific variances and a few factors in common.

    Residuals are whitened one by one, so that nothing has D rows and columns, and gaps stay gaps.
    What they have in common is the whitened distribution that a network starts from.

    Attributes:
        residual_scale: standard deviations of the residuals, shape (D,), in standardised target
            units.
        residual_specific: specific standard deviations, which the factors leave, shape (D,), in
            units of `residual_scale`.
        residual_loadings: factors, shape (D, R), in units of both.
    """

    names_in_files: ClassVar[Mapping[str, str]] = {"residual_specific": "residual_own"}

    residual_scale: Array
    residual_specific: Array
    residual_loadings: Array

    @classmethod
    def of(cls, ridge: Ridge, rank: int) -> Self:
        """The start of regressions that are fitted.

        Args:
            ridge: the regressions, and the residuals of N rows.
            rank: R, at most D.

        Returns:
            The linear start.
        """
        covariance: dict[str, Any] = residual_factors(ridge.residuals, ridge.weight, rank)
        return cls(**vars(ridge.regression), **covariance)

    @classmethod
    def shapes(
        cls, n_features: int, n_targets: int, rank: int, n_unbounded: int
    ) -> dict[str, tuple[int, ...]]:
        """See `LinearStart`."""
        each = dict.fromkeys(("residual_scale", "residual_specific"), (n_targets,))
        return {
            **cls.ridge_shapes(n_features, n_targets, n_unbounded),
            **each,
            "residual_loadings": (n_targets, rank),
        }

    @property
    def widths(self) -> Array:
        """See `LinearStart`."""
        return np.minimum(self.residual_scale, self.residual_specific)

    @property
    def whitening_factor(self) -> Array:
        """B = diag(`residual_scale`), as its diagonal."""
        return self.residual_scale

    @property
    def log_scale(self) -> float:
        """See `LinearStart`."""
        return float(-np.log(self.scale).sum() - np.log(self.residual_scale).sum())

    @property
    def unwhitening(self) -> Array:
        """`scale` B, shape (D,)."""
        return self.scale * self.residual_scale

    @staticmethod
    def unwhitened(whitened: Any, factor: Array, mean: Array) -> Any:
        """See `LinearStart`; factors of shape (N or 1, D)."""
        about = mean + factor * whitened.mean
        return with_mean(rescaled(whitened, factor), about)

    def standard(
        self, n_rows: int, targets: tuple[str, ...] | None = None
    ) -> LowRankMultivariateNormal:
        """Normals of mean zero with the factors of the residuals."""
        return LowRankMultivariateNormal(
            np.zeros((n_rows, len(self.location))),
            diagonal=np.square(self.residual_specific),
            factor=self.residual_specific[:, None] * self.residual_loadings,
            targets=targets,
        )


def residual_factors(residuals: Array, weight: Array, rank: int) -> dict[str, Array]:
    """The covariance of residuals as specific variances and a few factors.

    Args:
        residuals: array of shape (N, D), of mean zero, NaN where not observed.
        weight: array of shape (N,), positive.
        rank: R, at most D.

    Returns:
        The arrays that make up a `LowRankLinearModel`, its regression apart, by name.
    """
    scale, factor = factor_analysis(residuals, weight, rank)
    specific = np.sqrt(1 - np.square(factor).sum(axis=1))
    loadings = factor / specific[:, None]
    return {"residual_scale": scale, "residual_specific": specific, "residual_loadings": loadings}
