"""Joint distributions of targets that are never below 0, as transforms of unbounded ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np
from numpy.typing import ArrayLike

from covey.algebra.patterns import by_pattern
from covey.algebra.triangular import embedded
from covey.arguments.check import check_level, check_probability, factor_covariance
from covey.arguments.targets import target_positions
from covey.distributions.batch import frozen, names_targets
from covey.distributions.divergence import divergence, kl_divergence
from covey.distributions.elliptical import Elliptical
from covey.distributions.frame import chosen_labels, moments_to_frame
from covey.distributions.joint import Joint
from covey.distributions.mixture import Mixture
from covey.distributions.normal import MultivariateNormal
from covey.distributions.text import ROWS, describe
from covey.distributions.transformed_moments import covariance, mean_and_stddev, mean_log_slope
from covey.distributions.transformed_region import TransformedRegion
from covey.distributions.transforms import Transform, Transforms, read_transform
from covey.errors import InputError, shown
from covey.types import Array, Mask

if TYPE_CHECKING:
    import pandas as pd

JITTER = 1e-12  # of a correlation matrix that rounding made singular


@final
class Transformed(Joint):
    """N joint distributions over D targets, some of which are never below 0.

    Such a target is y = max(h(z), 0), z being one of the variables of another distribution,
    `latent`, and h an increasing function: docs/explanation/transformed.md. Means, covariances,
    samples, quantiles, intervals, regions and probabilities of boxes are those of y. Densities are
    those of h(z), before it is cut at 0: what lies below 0 there is the probability of 0. A value
    0 is read as h(z) = 0, to condition on, too.

    Args:
        latent: N distributions of z, with the names of the targets: normals, mixtures of normals,
            and for `clip` alone also Student-t distributions.
        transform: a mapping of targets to "clip", "log", "log1p", "sqrt" or None, or one for all.

    Raises:
        InputError: `latent` is no such distribution, or a target or a transform is unknown.

    Example:
        >>> import covey
        >>> z = covey.MultivariateNormal([[0.0]], covariance=[[1.0]], targets=["price"])
        >>> covey.Transformed(z, {"price": "log"}).mean.round(4)  # exp(1 / 2)
        array([[1.6487]])
    """

    latent: Any
    transforms: Transforms

    def __init__(self, latent: Joint, transform: Mapping[str, Any] | str | Transform) -> None:
        if not isinstance(latent, (Elliptical, Mixture)):
            raise InputError(
                "Expected distributions to transform, such as a MultivariateNormal. Received "
                f"{type(latent).__name__}."
            )
        given: Any = transform
        if not isinstance(given, Mapping):
            given = dict.fromkeys(latent.targets, given)
        each: list[Transform | None] = [None] * len(latent.targets)
        for target, one in given.items():
            position = target_positions(target, latent.targets)[0]
            each[position] = read_transform(one, latent.targets[position])
        transforms = Transforms(tuple(each))
        check_tails(latent, transforms)
        self.__dict__.update(latent=latent, transforms=transforms)

    @classmethod
    def _trusted(cls, latent: Any, transforms: Transforms) -> Self:
        """Build from what fits, without checks."""
        self = cls.__new__(cls)
        self.__dict__.update(latent=latent, transforms=transforms)
        return self

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"A {type(self).__name__} is immutable: cannot set {name!r}.")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"A {type(self).__name__} is immutable: cannot delete {name!r}.")

    def __getstate__(self) -> dict[str, Any]:
        return {"latent": self.latent, "transforms": self.transforms}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """One batch out of several over the same targets with the same transforms, in order.

        Args:
            parts: at least one batch.

        Returns:
            A batch of all their rows, calibrated as their latent distributions are together.

        Raises:
            InputError: there is no part, or they differ in kind, targets or transforms.
        """
        parts = list(parts)
        alike = all(isinstance(p, Transformed) for p in parts) and (
            len({p.transforms for p in parts}) == 1
        )
        if not alike:
            raise InputError(
                "Expected one or more transformed distributions with the same transforms. Received "
                f"{shown([type(part).__name__ for part in parts])}."
            )
        kind = type(parts[0].latent)
        return cls._trusted(kind.concatenate([p.latent for p in parts]), parts[0].transforms)

    def __len__(self) -> int:
        return len(self.latent)

    def __getitem__(self, rows: Any) -> Self:
        """The distributions of some rows; an integer gives a batch of length 1.

        A name, or a list of names, gives the `marginal` of these targets.
        """
        if names_targets(rows):
            return self.marginal(rows)
        return self._trusted(self.latent[rows], self.transforms)

    def __repr__(self) -> str:
        few = self[:ROWS]
        return describe(type(self).__name__, few, len(self))

    @property
    def targets(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the D targets."""
        names: tuple[str, ...] = self.latent.targets
        return names

    @property
    def index(self) -> pd.Index | None:  # type: ignore[override]
        """Row labels of the N rows, or None."""
        return self.latent.index

    def _labelled(self, index: pd.Index | None) -> Self:
        return self._trusted(self.latent._labelled(index), self.transforms)

    def to_arrays(self) -> dict[str, Array]:
        """The arrays of the latent distributions, by the names of their attributes."""
        arrays: dict[str, Array] = self.latent.to_arrays()
        return arrays

    # calibration, of the latent distributions

    def calibrated_by(self, calibration_set: Any) -> Self:
        """The same distributions, with regions and intervals that are calibrated on other rows.

        Args:
            calibration_set: latent predictions and values of other rows; None for none.

        Returns:
            A new batch.
        """
        return self._trusted(self.latent.calibrated_by(calibration_set), self.transforms)

    @property
    def calibration(self) -> str:
        """What `region` and `interval` are calibrated on: "model", "out_of_fold" or "conformal"."""
        found: str = self.latent.calibration
        return found

    # moments

    @property
    def observed(self) -> Mask:
        """Which targets are known exactly, shape (N, D): those `conditional` was given."""
        known: Mask = self.latent.observed
        return known

    @cached_property
    def _moments(self) -> tuple[Array, Array, list[tuple[Array, Array]]]:
        """Means and standard deviations, each of shape (N, D), and those of each component."""
        parts, weights = self.latent._components
        each = [mean_and_stddev(part, self.transforms) for part in parts]
        if len(each) == 1:
            return (*each[0], each)
        mean = sum(w[:, None] * m for w, (m, _) in zip(weights.T, each, strict=True))
        mean = np.where(self.observed, each[0][0], mean)
        variance = sum(
            w[:, None] * (np.square(s) + np.square(m - mean))
            for w, (m, s) in zip(weights.T, each, strict=True)
        )
        return mean, np.sqrt(variance), each

    @property
    def mean(self) -> Array:  # type: ignore[override]
        """Means, shape (N, D), in target units."""
        return frozen(self._moments[0])

    @property
    def stddev(self) -> Array:
        """Standard deviations, shape (N, D), in target units."""
        return frozen(self._moments[1])

    @cached_property
    def aleatoric(self) -> Array:
        """Average covariance of the components, shape (N, D, D), in products of target units."""
        parts, weights = self.latent._components
        each = zip(weights.T, parts, self._moments[2], strict=True)
        found = sum(w[:, None, None] * covariance(p, self.transforms, *m) for w, p, m in each)
        return frozen(np.asarray(found))

    @cached_property
    def epistemic(self) -> Array:
        """Covariance of the components' means, shape (N, D, D); zero where there is one."""
        weights = self.latent._components[1]
        spread = np.stack([mean for mean, _ in self._moments[2]]) - self.mean
        return frozen(np.einsum("nk,kni,knj->nij", weights, spread, spread))

    @cached_property
    def covariance(self) -> Array:
        """Covariance matrices, shape (N, D, D), in products of target units."""
        return frozen(self.aleatoric + self.epistemic)

    @property
    def correlation(self) -> Array:
        """Correlation matrices, shape (N, D, D), without unit; the diagonal is 1.

        A target known exactly has correlation 0 with the others.
        """
        scale = np.where(self.observed, 1.0, self.stddev)
        found = np.clip(self.covariance / scale[:, :, None] / scale[:, None, :], -1.0, 1.0)
        own = np.arange(self._shape[1])
        found[:, own, own] = 1.0
        return found

    def entropy(self) -> Array:
        """Differential entropy of h(z), shape (N,), in nats, of the targets not known."""
        parts, weights = self.latent._components
        slopes = [mean_log_slope(part, self.transforms) for part in parts]
        found = self.latent.entropy() + np.einsum("nk,kn->n", weights, np.stack(slopes))
        return np.asarray(found)

    def kl_divergence(self, other: Joint) -> Array:
        """Kullback-Leibler divergence KL(self || other) of h(z), row by row.

        Between distributions with the same transforms it is that of the latent ones; else an
        average over at least 4,096 points, always the same ones.

        Args:
            other: a distribution over the same targets, with as many rows, or one row for all.

        Returns:
            Array of shape (N,), in nats; infinite where `other` excludes what may happen.

        Raises:
            InputError: the targets differ, the numbers of rows do not fit, or the two do not know
                the same targets exactly.
        """
        return kl_divergence(self, other)

    def _divergence_from(self, other: Any) -> Array:
        if isinstance(other, Transformed) and other.transforms == self.transforms:
            found: Array = self.latent._divergence_from(other.latent)
            return found
        return divergence(other, self)

    @property
    def _components(self) -> tuple[tuple[Self, ...], Array]:
        parts, weights = self.latent._components
        return tuple(self._trusted(part, self.transforms) for part in parts), weights

    def _at(self, uniform: Array) -> Array:
        """The points of the unit cube as samples of h(z): (S, D + 1) gives (S, N, D)."""
        return self.transforms.restored(self.latent._at(uniform))

    def moment_matched(self) -> MultivariateNormal:
        """The normal that has the mean and the covariance of each row; it may go below 0."""
        scale = np.where(self.observed, 0.0, self.stddev)
        correlation, factor = self.correlation, np.zeros_like(self.covariance)
        for rows, known in by_pattern(self.observed):
            free = np.flatnonzero(~known)
            if len(free):
                part = correlation[np.ix_(rows, free, free)]
                try:
                    part = factor_covariance(part, part.shape[:2])
                except InputError:  # singular to all digits
                    part = (part + JITTER * np.eye(len(free))) / (1 + JITTER)
                    part = factor_covariance(part, part.shape[:2])
                factor[rows] = embedded(part, free, len(known))
        joint = MultivariateNormal._trusted(
            self.targets, mean=np.array(self.mean), scale_tril=scale[:, :, None] * factor
        )
        return joint._labelled(self.index)

    @cached_property
    def _normal(self) -> MultivariateNormal:
        return self.moment_matched()

    def _matched(self) -> Any:
        return self._normal

    # densities, distances, probabilities

    def latent_values(self, values: Array) -> tuple[Array, Mask]:
        """The latent values of what was observed.

        Args:
            values: shape (N, D), in target units; NaN where not observed.

        Returns:
            z, NaN where not observed or impossible; and which entries are impossible, both of shape
            (N, D).
        """
        impossible = self.transforms.impossible(values)
        return self.transforms.latent(np.where(impossible, np.nan, values)), impossible

    def _log_prob(self, values: Array) -> Array:
        z, impossible = self.latent_values(values)
        density = self.latent._log_prob(z) - self.transforms.log_slope(z)
        return np.where(impossible.any(axis=1), -np.inf, density)

    def _log_prob_at(self, points: Array) -> Array:
        z = self.transforms.latent(points)
        outside = ~np.isfinite(z).all(axis=-1)
        z = np.where(outside[..., None], 0.0, z)
        density = self.latent._log_prob_at(z) - self.transforms.log_slope(z)
        return np.where(outside, -np.inf, density)

    def _mahalanobis(self, values: Array) -> Array:
        return self._normal._mahalanobis(values)

    def _mean_given_others(self, values: Array) -> Array:
        found = np.full(values.shape, np.nan)
        for i in np.flatnonzero(~np.isnan(values).all(axis=0)).tolist():
            rows = np.flatnonzero(~np.isnan(values[:, i]))
            others = values[rows].copy()
            others[:, i] = np.nan
            z, _ = self[rows].latent_values(others)
            found[rows, i] = self._alone(self.latent[rows]._conditional(z), i).mean[:, 0]
        return found

    def _alone(self, latent: Any, i: int) -> Self:
        return self._trusted(latent._marginal([i]), self.transforms.chosen([i]))

    def _cdf(self, values: Array) -> Array:
        z, impossible = self.latent_values(values)
        return np.where(impossible, 0.0, self.latent._cdf(z))

    def _quantiles(self, probability: float) -> Array:
        return self.transforms.reported(self.latent._quantiles(probability))

    def _radius(self, level: float, present: Mask | None = None) -> Array:
        found: Array = self.latent._radius(level, present)
        return found

    def _box(self, lower: Array, upper: Array) -> Array:
        bounded = self.transforms.bounded
        never = (upper < 0) & bounded | self.transforms.impossible(upper)
        low = self._bound(np.where(bounded & (lower <= 0), -np.inf, lower))
        found: Array = self.latent._box(low, self._bound(np.where(never, np.inf, upper)))
        return np.where(never.any(axis=1), 0.0, found)

    def _bound(self, values: Array) -> Array:
        finite = np.isfinite(values)
        return np.where(finite, self.transforms.latent(np.where(finite, values, 1.0)), values)

    def _calibrated_cdf(self, values: Array) -> Array | None:
        z, impossible = self.latent_values(values)
        found = self.latent._calibrated_cdf(z)
        return None if found is None else np.where(impossible, 0.0, found)

    def _calibrated_level(self, values: Array) -> Array | None:
        z, impossible = self.latent_values(values)
        found = self.latent._calibrated_level(z)
        return None if found is None else np.where(impossible.any(axis=1), 1.0, found)

    # quantiles, intervals and regions are those of z, transformed

    def quantile(self, q: ArrayLike, *, method: str = "auto") -> Array:
        """Quantiles of each target on its own: those of z, transformed; see `Joint.quantile`."""
        check_probability(q)
        return self.transforms.reported(self.latent.quantile(q, method=method))

    def interval(self, level: float = 0.9, *, method: str = "auto") -> tuple[Array, Array]:
        """Central interval of each target on its own: that of z, transformed, never below 0.

        Args:
            level: probability that each interval holds, in (0, 1).
            method: as for `region`.

        Returns:
            (lower, upper), two arrays of shape (N, D) in target units.

        Raises:
            InputError: `level` lies outside (0, 1), or `method` is unknown.
        """
        lower, upper = self.latent.interval(check_level(level), method=method)
        return self._end(lower), self._end(upper)

    def _end(self, z: Array) -> Array:
        """Ends of intervals in target units; infinite ones stay, but for 0 from below."""
        finite = np.isfinite(z)
        found = self.transforms.reported(np.where(finite, z, 0.0))
        least = np.where(self.transforms.bounded, 0.0, -np.inf)
        return np.where(finite, found, np.maximum(z, least))

    def region(self, level: float = 0.9, *, method: str = "auto") -> TransformedRegion:  # type: ignore[override]
        """The ellipsoid of z that `Joint.region` describes, transformed, and cut at 0.

        Args:
            level: probability that the region holds, in (0, 1).
            method: "auto" uses the calibration set that the distributions carry, if any; "model"
                the distributions alone.

        Returns:
            A region of N rows.

        Raises:
            InputError: `level` lies outside (0, 1), or `method` is unknown.
        """
        return TransformedRegion(self.latent.region(level, method=method), self.transforms)

    # other distributions

    def _sample(self, size: int, generator: np.random.Generator) -> Array:
        return self.transforms.reported(self.latent._sample(size, generator))

    def _marginal(self, chosen: list[int]) -> Self:
        return self._trusted(self.latent._marginal(chosen), self.transforms.chosen(chosen))

    def _conditional(self, values: Array) -> Self:
        z, impossible = self.latent_values(values)
        if impossible.any():
            row, target = np.argwhere(impossible)[0]
            raise InputError(
                f"{self.targets[target]} is never below 0 here, so that it cannot be given as "
                f"{values[row, target]:.6g} (row {row}). Give a value above 0, or NaN."
            )
        return self._trusted(self.latent._conditional(z), self.transforms)

    def _rescaled(self, scales: Array) -> Self:
        return self._trusted(self.latent._rescaled(scales), self.transforms)

    def _uncorrelated(self) -> Self:
        return self._trusted(self.latent._uncorrelated(), self.transforms)

    def _mapped(self, matrix: Array, shift: Array, targets: tuple[str, ...]) -> Self:
        each: list[Transform | None] = []
        shape = np.broadcast_shapes(matrix.shape[:2], np.shape(shift))
        factors, shifts = np.array(matrix), np.array(np.broadcast_to(shift, shape))
        for row in range(matrix.shape[1]):
            entries = matrix[:, row]
            used = np.flatnonzero((entries != 0).any(axis=0))
            curved = [i for i in used if self.transforms.each[i] is not None]
            if not curved:
                each.append(None)
                continue
            i, factor = curved[0], float(entries[0, curved[0]])
            same = (entries[:, i] == factor).all()
            if len(used) > 1 or not same or factor <= 0 or shifts[:, row].any():
                raise InputError(
                    "Sums, shifts and negatives of targets that are never below 0 have no density "
                    f"in closed form. Received one with {self.targets[i]!r}. Use samples, "
                    "`joint.sample(1000) @ A.T`, or the normal of the same mean and covariance, "
                    "`joint.moment_matched().affine(A)`. Positive factors, the same for all rows, "
                    "are fine."
                )
            transform, a, b = self.transforms.each[i].scaled(factor)  # type: ignore[union-attr]
            factors[:, row, i], shifts[:, row] = a, b
            each.append(transform)
        latent = self.latent._mapped(factors, shifts, targets)
        return self._trusted(latent, Transforms(tuple(each)))

    def to_frame(self, index: Any = None) -> pd.DataFrame:
        """A labelled table of the first two moments, in target units, not all that there is.

        `joint.latent.to_frame()` holds the latent distributions, to be read back and transformed.

        Args:
            index: N row labels, or False for the numbers from 0; by default those it carries.

        Returns:
            DataFrame of N rows and D + D (D + 1) / 2 columns: `mean_<t>`, then `cov_<t>_<u>` (upper
            triangle with the diagonal). `MultivariateNormal.from_frame` reads it as the normal of
            the same moments.
        """
        labels = chosen_labels(index, self.index, len(self))
        return moments_to_frame(self.targets, self.mean, self.covariance, {}, labels)


def check_tails(latent: Any, transforms: Transforms) -> None:
    """Refuse transforms that have no mean or no variance.

    Args:
        latent: an `Elliptical`, or a mixture.
        transforms: of its targets.

    Raises:
        InputError: tails are a Student-t's, and a transform grows faster than its variable.
    """
    if transforms.light_tails and latent._components[0][0]._radial_parameters:
        raise InputError(
            "A Student-t has tails too heavy for 'log', 'log1p' and 'sqrt': the mean or the "
            "variance of the target would be infinite. Use normal distributions, or 'clip'."
        )
