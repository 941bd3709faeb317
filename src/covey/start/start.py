"""Linear models from which networks start: a regression, and one covariance in some form."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from covey.table import unclipped
from covey.types import Array, Columns, Mask

PREFIX = "linear_"  # of the names of arrays in files


@dataclass(frozen=True)
class LinearStart(ABC):
    """y given x is normal with mean location + scale * (f(x) @ coef + intercept), one covariance.

    f(x) are the inputs of the network, and behind them some of them once more, as they were before
    they were bounded smoothly: so what is linear in a feature can be linear here. Each target goes
    by these inputs with their bound or without it, never by both: their difference would let a
    regression bend, without a bound where there are few rows.

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
        coef: shape (F + C, D), in standardised target units.
        intercept: shape (D,), in standardised target units.
        unbounded: numbers of the C inputs that enter once more without their bound, shape (C,).

    References:
        Golub, Heath, Wahba (1979), Generalized cross-validation as a method for choosing a good
        ridge parameter, Technometrics 21(2), doi 10.1080/00401706.1979.10489751.
    """

    names_in_files: ClassVar[Mapping[str, str]] = {}  # where they differ from the attributes'

    location: Array
    scale: Array
    coef: Array
    intercept: Array
    unbounded: Columns

    @final
    @classmethod
    def key(cls, name: str) -> str:
        """What files call an attribute."""
        return cls.names_in_files.get(name, name)

    @final
    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], count: int) -> tuple[Self, ...]:
        """Rebuild what `stacked` put together.

        Args:
            arrays: by the names of files; further ones are left alone.
            count: K, how many linear models.

        Returns:
            The K linear models.

        Raises:
            KeyError: an array is lacking.
            IndexError: one is of fewer linear models.
        """
        names = [part.name for part in fields(cls)]
        stacks = {name: arrays[PREFIX + cls.key(name)] for name in names}
        return tuple(cls(**{name: stacks[name][k] for name in names}) for k in range(count))

    @final
    @staticmethod
    def ridge_shapes(
        n_features: int, n_targets: int, n_unbounded: int
    ) -> dict[str, tuple[int, ...]]:
        """Shapes of the arrays of the regression, by the names of the attributes."""
        each = dict.fromkeys(("location", "scale", "intercept"), (n_targets,))
        return {**each, "coef": (n_features + n_unbounded, n_targets), "unbounded": (n_unbounded,)}

    @final
    @classmethod
    def covariance_names(cls) -> tuple[str, ...]:
        """Names of the attributes that hold the covariance."""
        regression = cls.ridge_shapes(0, 0, 0)
        return tuple(part.name for part in fields(cls) if part.name not in regression)

    @classmethod
    @abstractmethod
    def shapes(
        cls, n_features: int, n_targets: int, rank: int, n_unbounded: int
    ) -> dict[str, tuple[int, ...]]:
        """Shapes of all arrays, by the names of the attributes."""

    @property
    @abstractmethod
    def widths(self) -> Array:
        """What must be positive of the arrays of the covariance, shape (D,)."""

    @property
    @abstractmethod
    def whitening_factor(self) -> Array:
        """B, by which residuals are whitened, in standardised units, as families take it."""

    @property
    @abstractmethod
    def log_scale(self) -> float:
        """Logarithm of |d whitened / d y|, in nats: to add to a log-density of whitened values."""

    @property
    @abstractmethod
    def unwhitening(self) -> Array:
        """By what whitened residuals are multiplied, in target units, as `unwhitened` takes it."""

    @staticmethod
    @abstractmethod
    def unwhitened(whitened: Any, factor: Array, mean: Array) -> Any:
        """Distributions of residuals times a factor for each row, about a mean.

        Args:
            whitened: distributions of N rows and D targets.
            factor: of each row, or with an axis of length 1 of all, as `unwhitening` has it.
            mean: to be added, shape (N, D), in target units.
        """

    @final
    def restore(self, whitened: Any, X: Array, offset: Array | float = 0.0) -> Any:
        """Undo whitening: a distribution of whitened residuals becomes one of y.

        Args:
            whitened: distributions of N rows and D targets.
            X: array of shape (N, F).
            offset: what had been taken from y before, shape (N, D), in target units.

        Returns:
            Distributions in target units, with the names of `whitened`.
        """
        return self.unwhitened(whitened, self.unwhitening[None], self.mean(X, offset))

    @abstractmethod
    def standard(self, n_rows: int, targets: tuple[str, ...] | None = None) -> Any:
        """The linear model's own distribution of whitened residuals, for so many rows."""

    @final
    def residual_log_scale(self, observed: Mask) -> Array:
        """Logarithm of |d residual / d y| over the observed targets of each row.

        Args:
            observed: array of shape (N, D).

        Returns:
            Array of shape (N,), in nats: to add to a log-density of observed residuals.
        """
        return np.where(observed, -np.log(self.scale), 0.0).sum(axis=1)

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
    def of_offset_alone(self) -> Self:
        """The same without a regression: its mean is the offset, and nothing is learned of y."""
        names = ("location", "coef", "intercept")
        return replace(self, **{name: np.zeros_like(getattr(self, name)) for name in names})

    @final
    def mean(self, X: Array, offset: Array | float = 0.0) -> Array:
        """Means of shape (N, D), in target units; arguments as for `restore`."""
        return self.location + self.scale * self._standardised_mean(X) + offset

    def _standardised_mean(self, X: Array) -> Array:
        # row by row: a product of whole matrices rounds a row according to its neighbours
        return (with_unbounded(X, self.unbounded)[:, None, :] @ self.coef)[:, 0] + self.intercept


def restored(
    starts: Sequence[LinearStart], whitened: Any, X: Array, offsets: Sequence[Array | float]
) -> Any:
    """What K linear models make of whitened residuals of the same rows, by `restore` of each.

    Args:
        starts: K of them.
        whitened: distributions of K N rows: those of the first model, then those of the next.
        X: array of shape (N, F).
        offsets: K of them, as for `restore`.

    Returns:
        Distributions of K N rows in the same order, in target units.
    """
    factors = np.repeat(np.stack([one.unwhitening for one in starts]), len(X), axis=0)
    means = [one.mean(X, offset) for one, offset in zip(starts, offsets, strict=True)]
    return starts[0].unwhitened(whitened, factors, np.concatenate(means))


def stacked(starts: Sequence[LinearStart]) -> dict[str, NDArray[Any]]:
    """Arrays of K linear models for a file, each with an axis of length K in front."""
    kind = type(starts[0])
    names = [part.name for part in fields(kind)]
    return {PREFIX + kind.key(n): np.stack([getattr(one, n) for one in starts]) for n in names}


def unbounded_columns(X: NDArray[Any]) -> Columns:
    """Numbers of the inputs that are worth having without their bound: of more than two values."""
    inner = (X.min(axis=0) != X) & (X.max(axis=0) != X)
    return np.flatnonzero(inner.any(axis=0)).astype(np.int64)


def feature_sets(count: int, unbounded: Columns) -> tuple[Columns, ...]:
    """The sets of features that a target may go by.

    Args:
        count: F + C, how many features there are with those that come twice.
        unbounded: numbers of the C inputs that do.

    Returns:
        Numbers of features: all inputs; where some come twice, all with those without their bound.
    """
    bounded = np.arange(count - len(unbounded))
    if not len(unbounded):
        return (bounded,)
    without = bounded.copy()
    without[unbounded] = np.arange(count - len(unbounded), count)
    return bounded, without


def with_unbounded(X: NDArray[Any], columns: Columns) -> Array:
    """Inputs of the network, and some of them again without their bound.

    Args:
        X: array of shape (N, F).
        columns: numbers of C of the inputs.

    Returns:
        Array of shape (N, F + C).
    """
    features = np.asarray(X, dtype=np.float64)
    if not len(columns):
        return features
    return np.concatenate([features, unclipped(features[:, columns])], axis=1)
