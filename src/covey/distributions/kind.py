"""What each kind of distribution computes, once arguments were read: the interface of the room."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from covey.types import Array, Mask, Selection

if TYPE_CHECKING:
    import pandas as pd


class Kind(ABC):
    """N joint distributions over D targets, before any argument of a user is read.

    `Joint` has the methods that users call: they read what is given and call the ones below.
    "Values" are observed values of shape (N, D), in target units, NaN where a target is not
    observed, and at targets known exactly. By the model means that rows to calibrate on do not
    enter; the `_calibrated` methods return None where there are no such rows.

    Attributes:
        mean: shape (N, D), in target units.
        targets: D names.
        index: row labels, a pandas Index of N, or None.
    """

    targets: tuple[str, ...]
    index: pd.Index | None
    mean: Array

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, rows: Selection) -> Self: ...

    @property
    def _title(self) -> str:
        """What it is called where it is shown."""
        return type(self).__name__

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self), len(self.targets)

    # moments

    @property
    @abstractmethod
    def observed(self) -> Mask:
        """Which targets are known exactly, shape (N, D): those `conditional` was given."""

    @property
    @abstractmethod
    def stddev(self) -> Array:
        """Standard deviations, shape (N, D), in target units."""

    @property
    @abstractmethod
    def covariance(self) -> Array:
        """Covariance matrices, shape (N, D, D), in products of target units."""

    @property
    @abstractmethod
    def correlation(self) -> Array:
        """Correlation matrices, shape (N, D, D), without unit; the diagonal is 1.

        A target known exactly has correlation 0 with the others.
        """

    @property
    def _parameters(self) -> dict[str, Array]:
        """What a table holds of a distribution beside its moments: arrays of shape (N,)."""
        return {}

    @abstractmethod
    def entropy(self) -> Array:
        """Differential entropy of each row, shape (N,), in nats, of the targets not known."""

    # densities and distances of values

    @abstractmethod
    def _log_prob(self, values: Array) -> Array:
        """Log-density of the observed targets, shape (N,), in nats; 0 where none is observed."""

    @abstractmethod
    def _log_prob_at(self, points: Array) -> Array:
        """Log-density of S complete points per row, no target being known: (S, N, D) to (S, N)."""

    @abstractmethod
    def _mahalanobis(self, values: Array) -> Array:
        """Mahalanobis distance by the covariance of the observed targets, shape (N,)."""

    @abstractmethod
    def _moments_given_others(self, values: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of each observed target, given the other observed ones.

        Both of shape (N, D), in target units, NaN where not observed; `values` also hold what is
        known exactly.
        """

    # probabilities by the model, and the distances and values that have them

    @abstractmethod
    def _cdf(self, values: Array) -> Array:
        """P(Y < y) of each target on its own, shape (N, D), without unit."""

    @abstractmethod
    def _quantiles(self, probability: float) -> Array:
        """The values whose `_cdf` is this probability, shape (N, D), in target units."""

    @abstractmethod
    def _radius(self, level: float, present: Mask | None = None) -> Array:
        """Mahalanobis distance within which `level` of each row lies, shape (N,), without unit.

        It is that of the targets `present`, shape (N, D), that are not known; of all by default.
        """

    @abstractmethod
    def _box(self, lower: Array, upper: Array) -> Array:
        """P(lower < Y < upper) for bounds of shape (N, D), in target units: shape (N,)."""

    # nonconformity of values, see `conformal`: 0 is the middle, however many targets there are

    @property
    def _fitting_shape(self) -> str:
        """The shape of regions that fits these distributions, "ellipsoid" or "density"."""
        return "ellipsoid"

    @abstractmethod
    def _region_scores(self, values: Array, shape: str, *, inward: bool = False) -> Array:
        """Log-odds of a smaller region of this shape than one that values are on the boundary of.

        Shape (N,), minus infinity where nothing is observed; `inward` takes off what regions hold
        beyond their boundary for the sake of rounding.
        """

    @abstractmethod
    def _interval_scores(self, values: Array, *, inward: bool = False) -> Array:
        """The same of the interval of each target, shape (N, D); NaN where not observed."""

    # what rows to calibrate on say

    def _calibrated_limit(
        self, level: float, shape: str, present: Mask | None = None
    ) -> Array | None:
        """The score up to which a region of this level holds values, shape (N,)."""
        return None

    def _calibrated_radius(self, level: float, present: Mask | None = None) -> Array | None:
        """The radius of the ellipsoid of this level, see `_radius`, shape (N,)."""
        return None

    def _calibrated_ends(self, level: float, tail: float) -> tuple[Array, Array] | None:
        """The ends of the intervals, each of shape (N, D), in target units; `tail` is 1 - level."""
        return None

    def _calibrated_cdf(self, values: Array) -> Array | None:
        """The probability whose quantile each value is, shape (N, D)."""
        return None

    def _calibrated_level(self, values: Array, shape: str) -> Array | None:
        """The level of the region whose boundary the values lie on, shape (N,)."""
        return None

    # other distributions

    @abstractmethod
    def _sample(self, size: int, generator: np.random.Generator) -> Array:
        """Samples of shape (size, N, D), in target units."""

    @abstractmethod
    def _labelled(self, index: pd.Index | None) -> Self:
        """The same with other row labels."""

    @abstractmethod
    def _marginal(self, chosen: list[int]) -> Self:
        """The distributions of the targets at M positions, in this order."""

    @abstractmethod
    def _conditional(self, values: Array) -> Self:
        """The distributions given values: these become means without variance."""

    @abstractmethod
    def _mapped(self, matrix: Array, shift: Array, targets: tuple[str, ...]) -> Any:
        """The distributions of A y + b: A of shape (N or 1, M, D), b of shape (N or 1, M)."""

    @abstractmethod
    def _rescaled(self, scales: Array) -> Self:
        """Each target widened about its mean by scales of shape (D,), 0 making it known."""

    @abstractmethod
    def _matched(self) -> Any:
        """The one `Elliptical` distribution that has the mean and the covariance of each row."""

    @property
    @abstractmethod
    def _components(self) -> tuple[tuple[Any, ...], Array]:
        """The `Elliptical` components, itself if it is no mixture, and weights, shape (N, K)."""

    @abstractmethod
    def _divergence_from(self, other: Kind) -> Array:
        """KL(other || self) of as many rows, no target being known, shape (N,), in nats."""
