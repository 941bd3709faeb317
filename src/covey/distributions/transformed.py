"""Joint distributions of targets that are never below 0, as transforms of unbounded ones."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Self, final

import numpy as np
from numpy.typing import ArrayLike

from covey.algebra.patterns import by_pattern
from covey.algebra.triangular import embedded
from covey.arguments.check import check_level, check_probability, factor_covariance
from covey.arguments.labels import row_name
from covey.distributions.divergence import divergence, kl_divergence
from covey.distributions.joint import Joint, check_shape
from covey.distributions.normal import MultivariateNormal
from covey.distributions.of_latent import OfLatent
from covey.distributions.transform import Transform
from covey.distributions.transformed_moments import mean_log_slope
from covey.distributions.transformed_region import TransformedRegion
from covey.distributions.transforms import Transforms
from covey.errors import InputError
from covey.types import Array, Mask

JITTER = 1e-12  # of a correlation matrix that rounding made singular


@final
class Transformed(OfLatent):
    """N joint distributions over D targets, some of which are never below 0.

    Such a target is y = max(h(z), 0), z being one of the variables of another distribution,
    `latent`, and h an increasing function: docs/explanation/transformed.md. Means, covariances,
    samples, quantiles, intervals, regions and probabilities of boxes are those of y. Densities are
    those of h(z), before it is cut at 0: what lies below 0 there is the probability of 0. A value
    0 is read as h(z) = 0, to condition on, too.

    Args:
        latent: N distributions of z, with the names of the targets: normals, mixtures of normals,
            and where all transforms are straight lines in the end also Student-t distributions.
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

    def _latent_values(self, values: Array) -> tuple[Array, Mask]:
        """The latent values of what was observed.

        Args:
            values: shape (N, D), in target units; NaN where not observed.

        Returns:
            z, NaN where not observed or impossible; and which entries are impossible, both of shape
            (N, D).
        """
        impossible = self.transforms.impossible(values)
        z = self.transforms.latent(np.where(impossible, np.nan, values))
        return z, impossible

    def _log_prob(self, values: Array) -> Array:
        z, impossible = self._latent_values(values)
        density = self.latent._log_prob(z) - self.transforms.log_slope(z)
        return np.where(impossible.any(axis=1), -np.inf, density)

    def _log_prob_at(self, points: Array) -> Array:
        z = self.transforms.latent(points)
        outside = np.isinf(z).any(axis=-1) | np.isnan(z).any(axis=-1)
        z = np.where(np.expand_dims(outside, -1), 0.0, z)
        density = self.latent._log_prob_at(z) - self.transforms.log_slope(z)
        return np.where(outside, -np.inf, density)

    def _mahalanobis(self, values: Array) -> Array:
        return self._normal._mahalanobis(values)

    def _moments_given_others(self, values: Array) -> tuple[Array, Array]:
        mean, stddev = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
        for i in np.flatnonzero(~np.isnan(values).all(axis=0)).tolist():
            rows = np.flatnonzero(~np.isnan(values[:, i]))
            others = values[rows].copy()
            others[:, i] = np.nan
            z, _ = self[rows]._latent_values(others)
            alone = self._alone(self.latent[rows]._conditional(z), i)
            mean[rows, i], stddev[rows, i] = alone.mean[:, 0], alone.stddev[:, 0]
        return mean, stddev

    def _alone(self, latent: Any, i: int) -> Self:
        return self._trusted(latent._marginal([i]), self.transforms.chosen([i]))

    def _cdf(self, values: Array) -> Array:
        z, impossible = self._latent_values(values)
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

    def _region_scores(self, values: Array, shape: str, *, inward: bool = False) -> Array:
        z, impossible = self._latent_values(values)
        scores = self.latent._region_scores(z, shape, inward=inward)
        return np.where(impossible.any(axis=1), np.inf, scores)

    def _interval_scores(self, values: Array, *, inward: bool = False) -> Array:
        z, impossible = self._latent_values(values)
        scores = self.latent._interval_scores(z, inward=inward)
        return np.where(impossible, np.inf, scores)

    def _calibrated_cdf(self, values: Array) -> Array | None:
        z, impossible = self._latent_values(values)
        found = self.latent._calibrated_cdf(z)
        return None if found is None else np.where(impossible, 0.0, found)

    def _calibrated_level(self, values: Array, shape: str) -> Array | None:
        z, impossible = self._latent_values(values)
        found = self.latent._calibrated_level(z, shape)
        return None if found is None else np.where(impossible.any(axis=1), 1.0, found)

    # quantiles, intervals and regions are those of z, transformed

    def quantile(self, q: ArrayLike, *, method: str = "auto") -> Array:
        """Quantiles of each target on its own: those of z, transformed; see `Joint.quantile`."""
        check_probability(q)
        return self.transforms.reported(self.latent.quantile(q, method=method))

    def interval(self, level: float = 0.9, *, method: str = "auto") -> tuple[Array, Array]:
        """Central intervals: those of z, transformed, never below 0; see `Joint.interval`."""
        lower, upper = self.latent.interval(check_level(level), method=method)
        return self._end(lower), self._end(upper)

    def _end(self, z: Array) -> Array:
        """Ends of intervals in target units; infinite ones stay, but for 0 from below."""
        finite = np.isfinite(z)
        found = self.transforms.reported(np.where(finite, z, 0.0))
        least = np.where(self.transforms.bounded, 0.0, -np.inf)
        return np.where(finite, found, np.maximum(z, least))

    def region(  # type: ignore[override]
        self, level: float = 0.9, *, method: str = "auto", shape: str | None = None
    ) -> TransformedRegion:
        """The ellipsoid of z that `Joint.region` describes, transformed, and cut at 0.

        Args:
            level: probability that the region holds, in (0, 1).
            method: "auto" uses the calibration set that the distributions carry, if any; "model"
                the distributions alone.
            shape: "ellipsoid", of z; there is no other.

        Returns:
            A region of N rows.

        Raises:
            InputError: `level` lies outside (0, 1), or `method` or `shape` is unknown.
        """
        if shape is not None and check_shape(shape) == "density":
            raise InputError(
                "Regions of targets with a transform are ellipsoids of their latent variables, "
                "transformed. Received shape='density': use shape='ellipsoid', or fit without "
                "`transform`."
            )
        latent = self.latent.region(level, method=method, shape="ellipsoid")
        return TransformedRegion(latent, self.transforms)

    # other distributions

    def _sample(self, size: int, generator: np.random.Generator) -> Array:
        return self.transforms.reported(self.latent._sample(size, generator))

    def _marginal(self, chosen: list[int]) -> Self:
        return self._trusted(self.latent._marginal(chosen), self.transforms.chosen(chosen))

    def _conditional(self, values: Array) -> Self:
        z, impossible = self._latent_values(values)
        if impossible.any():
            row, target = np.argwhere(impossible)[0].tolist()
            zero = np.isinf(self.transforms.at_zero[target])
            raise InputError(
                f"{self.targets[target]} is {'always above' if zero else 'never below'} 0 here. "
                f"Received {values[row, target]:.6g} in {row_name(self.index, row)} to condition "
                f"on. Give {'a value above 0' if zero else '0 or more'}, or NaN."
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
