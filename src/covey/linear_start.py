"""Linear models from which networks start: a regression, and one covariance in some form."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LinearStart(ABC):
    """y given x is normal with mean location + scale * (x @ coef + intercept), and one covariance.

    One penalty per target is chosen by leave-one-out (or leave-block-out) squared error, in closed
    form. The covariance is that of the same held-out residuals, so it is honest about new rows; its
    form is what subclasses differ in.

    A target may be observed in some rows only: its mean, its scale and its regression are those of
    the rows that hold it, and the covariance is the likeliest for the residuals that there are. One
    value says nothing about its spread, so a target with a single row is taken for uncorrelated,
    with a residual standard deviation of 1 scale. The same holds for a target without any row. Two
    values say nothing about slopes, so a target with two rows is taken for constant but for noise.

    Attributes:
        location: means of the targets, shape (D,), in target units; 0 for one never observed.
        scale: standard deviations of the targets, shape (D,), in target units; the magnitude of its
            value (or 1) for a constant target; 1 for one never observed.
        coef: shape (F, D), in standardised target units.
        intercept: shape (D,), in standardised target units.

    References:
        Golub, Heath, Wahba (1979), Generalized cross-validation as a method for choosing a good
        ridge parameter, Technometrics 21(2), doi 10.1080/00401706.1979.10489751.
    """

    location: Array
    scale: Array
    coef: Array
    intercept: Array

    @final
    @staticmethod
    def ridge_shapes(n_features: int, n_targets: int) -> dict[str, tuple[int, ...]]:
        """Shapes of the arrays of the regression, by the names of the attributes."""
        each = dict.fromkeys(("location", "scale", "intercept"), (n_targets,))
        return {**each, "coef": (n_features, n_targets)}

    @classmethod
    @abstractmethod
    def shapes(cls, n_features: int, n_targets: int, rank: int) -> dict[str, tuple[int, ...]]:
        """Shapes of all arrays, by the names of the attributes."""

    @property
    @abstractmethod
    def widths(self) -> Array:
        """What must be positive of the arrays of the covariance, shape (D,)."""

    @property
    @abstractmethod
    def unit(self) -> Array:
        """K, by which residuals are whitened, in standardised units, as families take it."""

    @property
    @abstractmethod
    def log_scale(self) -> float:
        """Logarithm of |d whitened / d y|, in nats: to add to a log-density of whitened values."""

    @abstractmethod
    def whiten(self, X: Array, Y: Array) -> Array:
        """Residuals in units of their own covariance, or of what stands for it.

        Args:
            X: array of shape (N, F).
            Y: array of shape (N, D), in target units.

        Returns:
            Array of shape (N, D), without unit.
        """

    @abstractmethod
    def restore(self, whitened: Any, X: Array, offset: Array | float = 0.0) -> Any:
        """Undo `whiten`: a distribution of whitened residuals becomes one of y.

        Args:
            whitened: distributions of N rows and D targets.
            X: array of shape (N, F).
            offset: what had been taken from y before, shape (N, D), in target units.

        Returns:
            Distributions in target units, with the names of `whitened`.
        """

    @abstractmethod
    def standard(self, n_rows: int, targets: tuple[str, ...] | None = None) -> Any:
        """The linear model's own distribution of whitened residuals, for so many rows."""

    @final
    def residual_log_scale(self, observed: NDArray[np.bool_]) -> Array:
        """Logarithm of |d residual / d y| over the observed targets of each row.

        Args:
            observed: array of shape (N, D).

        Returns:
            Array of shape (N,), in nats: to add to a log-density of observed values of `residual`.
        """
        return np.where(observed, -np.log(self.scale), 0.0).sum(axis=1)

    @final
    def residual(self, X: Array, Y: Array) -> Array:
        """How far the targets are from their means.

        Args:
            X: array of shape (N, F).
            Y: array of shape (N, D), in target units, NaN where not observed.

        Returns:
            Array of shape (N, D), in standardised target units, NaN where not observed.
        """
        return np.asarray((Y - self.location) / self.scale - self._standardised_mean(X))

    @final
    def predict_distribution(
        self, X: Array, targets: tuple[str, ...] | None = None, offset: Array | float = 0.0
    ) -> Any:
        """The linear model's own prediction.

        Args:
            X: array of shape (N, F).
            targets: D names.
            offset: as for `restore`.

        Returns:
            Distributions of N rows, all with the same covariance, in target units.
        """
        standard = self.standard(len(X), targets)
        return self.restore(standard, np.asarray(X, dtype=np.float64), offset)

    @final
    def _mean(self, X: Array, offset: Array | float) -> Array:
        return self.location + self.scale * self._standardised_mean(X) + offset

    def _standardised_mean(self, X: Array) -> Array:
        # row by row: a product of whole matrices rounds a row according to its neighbours
        return (X[:, None, :] @ self.coef)[:, 0] + self.intercept
