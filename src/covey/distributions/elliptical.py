"""Distributions with a mean, a scale matrix and a radial law: densities, moments, conditionals."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import ndtri

from covey.distributions.batch import Batch, frozen, names_targets, row_index
from covey.distributions.calibrated import Calibrated
from covey.distributions.conformal import ROUNDING, nonconformity_score, squares_of_score
from covey.distributions.dataset import holds_moments, moments_from_dataset
from covey.distributions.divergence import divergence, divergence_from_normal, kl_divergence
from covey.distributions.frame import moments_from_frame
from covey.distributions.joint import Joint
from covey.distributions.kind import Kind
from covey.distributions.radial import RadialLaw
from covey.distributions.scale_matrix import ScaleMatrix
from covey.distributions.steps import Conditioned, Marginalised, Transformed
from covey.types import Array, Counts, Mask, Selection


class Elliptical(Batch, Calibrated):
    """N distributions over the same D named targets, whose contours are ellipsoids.

    With z = B^-1 (y - mean), B any square root of the scale matrix, the density depends on |z|
    alone. Two objects say the rest: a `RadialLaw` how it depends on |z|, and a `ScaleMatrix` how
    the targets spread and move together. A class of distributions chooses one of each, and holds
    their arrays: docs/explanation/elliptical.md has the formulas. The objects are immutable: their
    arrays are float64, read-only and their own.

    Attributes:
        mean: shape (N, D), in target units.
        targets: D names.
    """

    mean: Array
    _radial_parameters: ClassVar[tuple[str, ...]] = ()  # arrays that belong to the radial law

    @property
    @abstractmethod
    def _scale(self) -> ScaleMatrix:
        """The scale matrices of the N rows."""

    @property
    @abstractmethod
    def _radial(self) -> RadialLaw:
        """The radial law of the N rows."""

    @abstractmethod
    def _of_parts(
        self, targets: tuple[str, ...], mean: Array, scale: ScaleMatrix, radial: RadialLaw
    ) -> Any:
        """The distributions of as many rows that have another mean, scale matrix and law."""

    @classmethod
    @abstractmethod
    def _matching(cls, components: Sequence[Self], weights: Array) -> Self:
        """The one distribution that stands for the mixture of several; weights of shape (N, K)."""

    @classmethod
    @abstractmethod
    def _with_covariance(
        cls, mean: Array, covariance: Array, targets: Sequence[str], further: Mapping[str, Array]
    ) -> Self:
        """From moments and the parameters of the radial law, checked."""

    # rows

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """One batch out of several over the same targets, in order.

        Where all parts are calibrated on the same rows, after the same operations, so is the whole.
        Else it is not calibrated, and a warning says so.

        Args:
            parts: at least one batch of this kind.

        Returns:
            A batch of all their rows.

        Raises:
            InputError: there is no part, or they differ in kind or targets.
        """
        parts = list(parts)
        return cls._calibrated_as(cls._joined(parts), parts)

    def __getitem__(self, rows: Selection) -> Self:
        """The distributions of some rows; an integer gives a batch of length 1.

        A name, or a list of names, gives the `marginal` of these targets.
        """
        if names_targets(rows):
            return self.marginal(rows)
        joint = super().__getitem__(rows)
        if self._calibration_set is not None:
            index = row_index(rows, len(self))
            joint.__dict__["_calibration_set"] = self._calibration_set.of_rows(index)
        return joint

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_calibration_set" in state:
            self.__dict__["_calibration_set"] = state["_calibration_set"]

    def _uncalibrated(self) -> Self:
        return self._with(self.targets)

    # moments

    @property
    def observed(self) -> Mask:
        """Which targets are known exactly, shape (N, D): those `conditional` was given."""
        return self._scale.observed

    @cached_property
    def covariance(self) -> Array:
        """Covariance matrices, shape (N, D, D), in products of target units."""
        return frozen(self._scale.matrices(self._radial.covariance_ratio))

    @cached_property
    def correlation(self) -> Array:
        """Correlation matrices, shape (N, D, D), without unit; the diagonal is exactly 1.

        A target known exactly has correlation 0 with the others.
        """
        return frozen(self._scale.correlation())

    @cached_property
    def stddev(self) -> Array:
        """Standard deviations, shape (N, D), in target units."""
        return frozen(self._scale.root_diagonal * np.sqrt(self._radial.covariance_ratio)[:, None])

    # densities and distances

    def _log_prob(self, values: Array) -> Array:
        log_root, squares, count = self._scale.distance(values - self.mean)
        density = self._radial.log_density(squares, np.maximum(count, 1)) - log_root
        return np.where(count > 0, density, 0.0)

    def _squares(self, values: Array) -> tuple[Array, Counts]:
        """|z|^2 of what is observed, and of how many targets that is, each of shape (N,)."""
        _, squares, count = self._scale.distance(values - self.mean)
        return squares, count

    def _mahalanobis(self, values: Array) -> Array:
        return np.sqrt(self._squares(values)[0] / self._radial.covariance_ratio)

    def _region_scores(self, values: Array, shape: str, *, inward: bool = False) -> Array:
        # of either shape: the density falls with the distance
        squares, count = self._squares(values)
        law = self._radial.squared_distance(np.maximum(count, 1))
        return nonconformity_score(squares / (1 + ROUNDING) if inward else squares, law)

    def _interval_scores(self, values: Array, *, inward: bool = False) -> Array:
        scale = np.where(self.observed, 1.0, self._scale.root_diagonal)
        present = ~np.isnan(values)
        squares = np.square((np.where(present, values, self.mean) - self.mean) / scale)
        if inward:
            squares = squares / (1 + ROUNDING)
        law = self._radial.squared_distance(np.ones(len(self), dtype=np.intp))
        scores = np.full(values.shape, np.nan)
        for column in np.flatnonzero(present.any(axis=0)):
            scores[:, column] = nonconformity_score(squares[:, column], law)
        return np.where(present, scores, np.nan)

    def _radius_of(self, scores: Array, present: Mask) -> Array:
        count = present.sum(axis=1)
        squares = squares_of_score(scores, self._radial.squared_distance(np.maximum(count, 1)))
        return np.where(count > 0, np.sqrt(squares / self._radial.covariance_ratio), 0.0)

    def _ends_of(self, scores: Array) -> tuple[Array, Array]:
        law = self._radial.squared_distance(np.ones(len(self), dtype=np.intp))
        half = np.sqrt([squares_of_score(column, law) for column in scores.T]).T
        half *= self._scale.root_diagonal
        half = np.where(self.observed, 0.0, half)
        return self.mean - half, self.mean + half

    def entropy(self) -> Array:
        """Differential entropy of each row, shape (N,), in nats, of the targets not known."""
        return self._scale.log_root + self._radial.entropy((~self.observed).sum(axis=1))

    def kl_divergence(self, other: Joint) -> Array:
        """Kullback-Leibler divergence KL(self || other), row by row.

        Closed form where there is one: from any of these distributions to a normal. Else a
        quasi-Monte Carlo average over 4,096 points, always the same, good to about 1% of the
        divergence or 0.001 nats, whichever is more.

        Args:
            other: a distribution over the same targets, with as many rows, or one row for all; a
                `Mixture`, too.

        Returns:
            Array of shape (N,), in nats.

        Raises:
            InputError: the targets differ, the numbers or labels of rows do not fit, or the two do
                not know the same targets exactly.
        """
        return kl_divergence(self, other)

    def _divergence_from(self, other: Kind) -> Array:
        alike = all(isinstance(part, Elliptical) for part in other._components[0])
        if alike and self._radial.degrees_of_freedom is None:
            return divergence_from_normal(other, self)
        return divergence(other, self)

    @property
    def _components(self) -> tuple[tuple[Self, ...], Array]:
        return (self,), np.ones((len(self), 1))

    def _at(self, uniform: Array) -> Array:
        """The points of the unit cube as samples: (S, D + 1) gives (S, N, D)."""
        normal = ndtri(uniform[:, None, :-1])
        noise = normal * self._radial.mixing_at(uniform[:, -1])[..., None]
        return self.mean + self._scale.colour(noise)

    def _log_prob_at(self, points: Array) -> Array:
        z = self._scale.whiten(points - self.mean)
        squares = np.einsum("sni,sni->sn", z, z)
        return self._radial.log_density(squares, z.shape[-1]) - self._scale.log_root

    def _quantiles(self, probability: float) -> Array:
        return self.mean + self._radial.quantile(probability)[:, None] * self._scale.root_diagonal

    def _cdf(self, values: Array) -> Array:
        scale = np.where(self.observed, 1.0, self._scale.root_diagonal)
        below = self._radial.cdf((values - self.mean) / scale)
        return np.where(self.observed, (values >= self.mean).astype(np.float64), below)

    def _sf(self, values: Array) -> Array:
        """P(Y > y) of each target on its own, shape (N, D): 1 - `_cdf`, to all digits."""
        scale = np.where(self.observed, 1.0, self._scale.root_diagonal)
        above = self._radial.cdf((self.mean - values) / scale)
        return np.where(self.observed, (values < self.mean).astype(np.float64), above)

    def _matched(self) -> Self:
        return self

    def _radius(self, level: float, present: Mask | None = None) -> Array:
        count = self._unknown(present).sum(axis=1)
        squares = self._radial.squared_distance(np.maximum(count, 1)).ppf(level)
        return np.where(count > 0, np.sqrt(squares / self._radial.covariance_ratio), 0.0)

    def _box(self, lower: Array, upper: Array) -> Array:
        nu = self._radial.degrees_of_freedom
        return self._scale.box(lower - self.mean, upper - self.mean, nu)

    def _sample(self, size: int, generator: np.random.Generator) -> Array:
        noise = self._scale.draw(size, generator)
        noise *= self._radial.draw_mixing(size, generator)[..., None]
        return self.mean + noise

    # other distributions

    def _marginal(self, chosen: list[int]) -> Self:
        targets = tuple(self.targets[position] for position in chosen)
        scale = self._scale.marginal(chosen)
        joint = self._of_parts(targets, self.mean[:, chosen], scale, self._radial)
        return self._after(Marginalised(chosen), joint)

    def _conditional(self, values: Array) -> Self:
        given = ~np.isnan(values)
        found = self._scale.conditional(values - self.mean)
        widening, radial = self._radial.given(found.squares, found.n_observed)
        mean = np.where(given, values, self.mean + found.shift)
        scale = found.scale.scaled(widening[:, None])
        joint = self._of_parts(self.targets, mean, scale, radial)
        return self._after(Conditioned(given), joint)

    def _mapped(self, matrix: Array, shift: Array, targets: tuple[str, ...]) -> Any:
        mean = (matrix @ self.mean[:, :, None])[:, :, 0] + shift
        joint = self._of_parts(targets, mean, self._scale.mapped(matrix), self._radial)
        return self._after(Transformed.by(matrix), joint)

    def _rescaled(self, scales: Array) -> Self:
        return self._of_parts(self.targets, self.mean, self._scale.scaled(scales), self._radial)

    def _about(self, mean: Array) -> Self:
        """The same distributions about other means, shape (N, D)."""
        return self._with(self.targets, mean=mean)

    def _uncorrelated(self) -> Self:
        """The same means, standard deviations and tails, all correlations zero."""
        return self._of_parts(self.targets, self.mean, self._scale.uncorrelated(), self._radial)

    def _shrunk(self, share: float) -> Self:
        """The same means, standard deviations and tails, correlations times 1 - share."""
        return self._of_parts(self.targets, self.mean, self._scale.shrunk(share), self._radial)

    def _moments_given_others(self, values: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of each observed target, given the other observed ones.

        With the precision P of the observed targets and x = y - mean they are y_i - (P x)_i / P_ii
        and 1 / sqrt(P_ii) (Anderson 2003, section 2.5); a Student-t's scale grows with the distance
        of the others, as in `conditional`.

        Args:
            values: shape (N, D), NaN where not observed, also at targets known exactly.

        Returns:
            (mean, stddev), of shape (N, D), in target units, NaN where not observed.
        """
        x = values - self.mean
        precision = self._scale.precision_diagonal(~np.isnan(values))
        residual = self._scale.precision_times(x) / precision
        variance = 1 / precision
        if self._radial.degrees_of_freedom is not None:
            nu = self._radial.degrees_of_freedom[:, None]
            squares, count = self._squares(values)
            of_others = squares[:, None] - np.square(residual) * precision
            variance *= (nu + of_others) / (nu + count[:, None] - 3)
        return values - residual, np.sqrt(variance)

    # tables

    @property
    def _parameters(self) -> dict[str, Array]:
        return {name: getattr(self, name) for name in self._radial_parameters}

    @classmethod
    def from_frame(cls, frame: Any) -> Self:
        """Read back what `to_frame` or `to_xarray` wrote; other columns are ignored.

        Args:
            frame: a table of any library with the columns that `to_frame` describes, or a Dataset
                that `to_xarray` made.

        Returns:
            The distributions, one for each row, with the row labels of the table. A target whose
            variance and covariances are zero is known exactly.

        Raises:
            InputError: columns are missing, or their values are no valid distribution.
        """
        read = moments_from_dataset if holds_moments(frame) else moments_from_frame
        targets, mean, covariance, further, labels = read(frame, cls._radial_parameters)
        known = ~np.any(covariance, axis=2)
        row, target = np.nonzero(known)
        covariance[row, target, target] = 1.0
        joint = cls._with_covariance(mean, covariance, targets, further)
        joint = joint._rescaled(np.where(known, 0.0, 1.0)) if known.any() else joint
        return joint._labelled(labels)
