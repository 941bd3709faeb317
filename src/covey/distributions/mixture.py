"""A mixture of distributions: the ensemble as it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Self, final

import numpy as np
from scipy.special import expit, logsumexp

from covey.algebra.patterns import by_pattern
from covey.algebra.points import CHUNK
from covey.distributions.batch import frozen
from covey.distributions.components import Components
from covey.distributions.density_levels import DensityLevels, in_parts
from covey.distributions.density_region import ROUNDING
from covey.distributions.divergence import divergence, kl_divergence, mixture_entropy
from covey.distributions.elliptical import Elliptical
from covey.distributions.empirical import LARGEST_SCORE, LEAST_SCORE, LEAST_TAIL
from covey.distributions.joint import Joint
from covey.distributions.kind import Kind
from covey.distributions.mixture_quantiles import mixture_quantiles
from covey.distributions.moments import mixture_aleatoric, mixture_epistemic, mixture_mean
from covey.distributions.radius import DIRECTIONS, mixture_radius
from covey.distributions.steps import Conditioned, Marginalised, Transformed
from covey.types import Array, Mask

LEAST_SUM = 1e-280  # of exponentials, below which their logarithm loses digits
MOST_KEPT = 5000  # rows whose density levels are kept
MOST_NUMBERS = 2**22  # in arrays of directions, so that rows of many targets come in smaller parts


@final
class Mixture(Components):
    """For each of N rows, a mixture of K distributions of one kind.

    With means mu_k, covariances Sigma_k and weights w_k, the law of total covariance splits the
    covariance of the mixture into two matrices:

        mean       = sum of w_k mu_k
        aleatoric  = sum of w_k Sigma_k            (what no further training row would remove)
        epistemic  = weighted covariance of the mu_k     (what the members do not agree on)
        covariance = aleatoric + epistemic

    Predictions of `family="mixture"` are mixtures of the components of all members. There mu_k and
    Sigma_k above are the mean and the covariance of member k, and w_k the weight of its components:
    `epistemic` is what members do not agree on, and not how far apart their components lie.

    Args:
        components: K distributions of one kind (`MultivariateNormal`, for example) over the same
            targets, with the same number of rows.
        weights: non-negative, shape (K,), or (N, K) for each row its own; equal by default. They
            are scaled to sum to 1.

    Raises:
        InputError: there is no component, they differ in kind, targets, rows or in which targets
            they know exactly, or the weights do not fit.

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

    @property
    def _title(self) -> str:
        return f"{type(self).__name__} of {len(self.components)}"

    @cached_property
    def mean(self) -> Array:  # type: ignore[override]
        """Means of the mixtures, shape (N, D), in target units."""
        return frozen(mixture_mean(self.components, self.weights))

    @cached_property
    def aleatoric(self) -> Array:
        """Average covariance of the members, shape (N, D, D), in products of target units."""
        average = mixture_aleatoric(self.components, self.weights)
        if self._members == len(self.components):
            return frozen(average)
        within = [
            weight[:, None, None] * mixture_epistemic(own, shares)
            for weight, own, shares in self._by_member()
        ]
        return frozen(average + np.sum(within, axis=0))

    @cached_property
    def epistemic(self) -> Array:
        """Covariance of the members' means, shape (N, D, D), in products of target units.

        Positive semidefinite: K members span at most K - 1 directions.
        """
        if self._members == len(self.components):
            return frozen(mixture_epistemic(self.components, self.weights))
        away = np.stack(
            [mixture_mean(own, shares) - self.mean for _, own, shares in self._by_member()]
        )
        weight = np.stack([weight for weight, _, _ in self._by_member()])
        return frozen(np.einsum("kn,kni,knj->nij", weight, away, away))

    def _by_member(self) -> list[tuple[Array, tuple[Elliptical, ...], Array]]:
        """For each member its weight, shape (N,), its components and their shares in it, (N, J)."""
        each = len(self.components) // self._members
        found = []
        for start in range(0, len(self.components), each):
            part = slice(start, start + each)
            weight = self.weights[:, part].sum(axis=1)
            shares = self.weights[:, part] / np.where(weight > 0, weight, 1.0)[:, None]
            shares = np.where(weight[:, None] > 0, shares, 1 / each)
            found.append((weight, self.components[part], shares))
        return found

    @property
    def covariance(self) -> Array:
        """Covariance of the mixtures, shape (N, D, D), in products of target units."""
        return self.aleatoric + self.epistemic

    @property
    def stddev(self) -> Array:
        """Standard deviations of the mixtures, shape (N, D), in target units."""
        variance = sum(
            w[:, None] * (np.square(c.stddev) + np.square(c.mean - self.mean))
            for w, c in zip(self.weights.T, self.components, strict=True)
        )
        return np.sqrt(variance)

    @property
    def correlation(self) -> Array:
        """Correlation matrices of the mixtures, shape (N, D, D), without unit; the diagonal is 1.

        A target known exactly has correlation 0 with the others.
        """
        scale = np.where(self.observed, 1.0, self.stddev)
        found = self.covariance / scale[:, :, None] / scale[:, None, :]
        own = np.arange(self._shape[1])
        found = np.clip(found, -1.0, 1.0)
        found[:, own, own] = 1.0
        return found

    def entropy(self) -> Array:
        """Differential entropy of each row, shape (N,), in nats, of the targets not known.

        The average entropy of the components, and their divergence from the mixture: an average
        over at least 4,096 points in all, always the same, good to 0.01 nats and mostly to 0.001.
        There is no error where components agree or lie far apart.
        """
        found = np.zeros(len(self))
        for rows, known in by_pattern(self.observed):
            free = np.flatnonzero(~known).tolist()
            if free:
                found[rows] = mixture_entropy(self[rows]._marginal(free))
        return found

    def kl_divergence(self, other: Joint) -> Array:
        """Kullback-Leibler divergence KL(self || other), row by row.

        Averages over at least 4,096 points, always the same ones: good to about 2% of the
        divergence or 0.01 nats, whichever is more. To a normal all but the entropy is exact.

        Args:
            other: a distribution over the same targets, a `Mixture` or any other, with as many
                rows, or one row for all.

        Returns:
            Array of shape (N,), in nats.

        Raises:
            InputError: the targets differ, the numbers of rows do not fit, or the two do not know
                the same targets exactly.
        """
        return kl_divergence(self, other)

    def moment_matched(self) -> Elliptical:
        """The one distribution that stands for each mixture: it has its mean and covariance.

        Returns:
            A distribution of the components' kind. The Student-t takes the average of their 1 /
            `degrees_of_freedom`. Of K low-rank normals of rank R it is one of rank K (R + 1).
        """
        if len(self.components) == 1:
            return self.components[0]
        matched = type(self.components[0])._matching(self.components, self.weights)
        return matched._labelled(self.index)

    @cached_property
    def _moments(self) -> Elliptical:
        return self.moment_matched()

    @property
    def _log_weights(self) -> Array:
        with np.errstate(divide="ignore"):  # a weight may be 0
            return np.log(self.weights)

    def _log_prob(self, values: Array) -> Array:
        density = logsumexp(self._log_terms(values), axis=1)
        return np.where(np.isnan(values).all(axis=1), 0.0, density)

    def _log_terms(self, values: Array) -> Array:
        """Log of weight times density of each component, shape (N, K)."""
        densities = [component._log_prob(values) for component in self.components]
        return np.stack(densities, axis=1) + self._log_weights

    def _log_prob_at(self, points: Array) -> Array:
        each = list(zip(self.components, self._log_weights.T, strict=True))
        # no density is above the sum of all peaks: one exponential per component will do
        peaks = [component._log_prob_at(component.mean[None])[0] + w for component, w in each]
        top, total = np.max(peaks, axis=0), np.zeros(points.shape[:2])
        for component, weight in each:
            total += np.exp(component._log_prob_at(points) + (weight - top))
        with np.errstate(divide="ignore"):
            found = np.log(total) + top
        far, row = np.nonzero(total < LEAST_SUM)  # what exponentials cannot tell
        if len(far):
            part = self._uncalibrated()[row]
            found[far, row] = part._log_prob(points[far, row])
        return found

    def _divergence_from(self, other: Kind) -> Array:
        return divergence(other, self)

    def _mahalanobis(self, values: Array) -> Array:
        distance: Array = self._moments._mahalanobis(values)
        return distance

    def _sample(self, size: int, generator: np.random.Generator) -> Array:
        n, d = self.mean.shape
        samples = np.empty((size, n, d))
        below = np.cumsum(self.weights, axis=1)[:, :-1]
        member = np.sum(generator.random((size, n, 1)) >= below, axis=2)
        for number, component in enumerate(self.components):
            chosen, row = np.nonzero(member == number)
            samples[chosen, row] = component._labelled(None)[row].sample(1, generator)[0]
        return samples

    def _marginal(self, chosen: list[int]) -> Self:
        joint = self._of([c._marginal(chosen) for c in self.components], self.weights)
        return self._after(Marginalised(chosen), joint)

    def _conditional(self, values: Array) -> Self:
        """Each component given the values, its weight times its density of them."""
        terms = self._log_terms(values)
        total = logsumexp(terms, axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):  # where all densities are 0, weights stay
            weights = np.where(np.isfinite(total), np.exp(terms - total), self.weights)
        joint = self._of([c._conditional(values) for c in self.components], weights)
        return self._after(Conditioned(~np.isnan(values)), joint)

    def _moments_given_others(self, values: Array) -> tuple[Array, Array]:
        mean, stddev = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
        for i in np.flatnonzero(~np.isnan(values).all(axis=0)).tolist():
            others = values.copy()
            others[:, i] = np.nan
            alone = self._uncalibrated()._conditional(others)._marginal([i])
            known = ~np.isnan(values[:, i])
            mean[known, i], stddev[known, i] = alone.mean[known, 0], alone.stddev[known, 0]
        return mean, stddev

    def _mapped(self, matrix: Array, shift: Array, targets: tuple[str, ...]) -> Self:
        mapped = [component._mapped(matrix, shift, targets) for component in self.components]
        return self._after(Transformed.by(matrix), self._of(mapped, self.weights))

    def _rescaled(self, scales: Array) -> Self:
        components = [
            c._rescaled(scales)._with(c.targets, mean=self.mean + scales * (c.mean - self.mean))
            for c in self.components
        ]
        return self._of(components, self.weights)

    def _about(self, mean: Array) -> Self:
        """The same mixtures about other means, shape (N, D): all components move alike."""
        move = mean - self.mean
        moved = [c._with(c.targets, mean=c.mean + move) for c in self.components]
        return self._of(moved, self.weights)

    def _quantiles(self, probability: float) -> Array:
        return mixture_quantiles(self.components, self.weights, probability)

    def _cdf(self, values: Array) -> Array:
        each = zip(self.weights.T, self.components, strict=True)
        return np.asarray(sum(w[:, None] * c._cdf(values) for w, c in each))

    def _sf(self, values: Array) -> Array:
        """P(Y > y) of each target on its own, shape (N, D): 1 - `_cdf`, to all digits."""
        each = zip(self.weights.T, self.components, strict=True)
        return np.asarray(sum(w[:, None] * c._sf(values) for w, c in each))

    def _matched(self) -> Elliptical:
        return self._moments

    # nonconformity

    @property
    def _fitting_shape(self) -> str:
        return "ellipsoid" if self._members == len(self.components) else "density"

    def _region_scores(self, values: Array, shape: str, *, inward: bool = False) -> Array:
        if shape == "ellipsoid":
            found: Array = self._moments._region_scores(values, shape, inward=inward)
            return found
        scores = np.full(len(self), -np.inf)
        for rows, present in by_pattern(~np.isnan(values)):
            free = np.flatnonzero(present).tolist()
            if free:
                whole = len(rows) == len(self) and len(free) == values.shape[1]
                part = self if whole else self._uncalibrated()[rows]._marginal(free)
                density = part._log_prob(values[rows][:, free])
                scores[rows] = part._of_levels(DensityLevels.scores, density)
        return scores - ROUNDING * (1 + np.abs(scores)) if inward else scores

    def _log_density_of(self, scores: Array) -> Array:
        """The least log-density of regions of these scores, shape (N,), of what is not known."""
        found = np.zeros(len(self))
        for rows, known in by_pattern(self.observed):
            free = np.flatnonzero(~known).tolist()
            if free:
                whole = len(rows) == len(self) and len(free) == len(self.targets)
                part = self if whole else self._uncalibrated()[rows]._marginal(free)
                found[rows] = part._of_levels(DensityLevels.log_density_at, scores[rows])
        return found

    def _of_levels(self, what: Callable[[DensityLevels, Array], Array], values: Array) -> Array:
        """What the density levels say of one value per row, no target being known: shape (N,)."""
        if len(self) > MOST_KEPT:
            return in_parts(self._uncalibrated(), what, values, MOST_KEPT)
        if "_density_levels" not in self.__dict__:
            self.__dict__["_density_levels"] = DensityLevels.of(self._uncalibrated())
        return what(self.__dict__["_density_levels"], values)

    def _interval_scores(self, values: Array, *, inward: bool = False) -> Array:
        present = ~np.isnan(values)
        below = self._cdf(np.where(present, values, self.mean))
        above = self._sf(np.where(present, values, self.mean))
        tail = np.minimum(below, above)
        inner = np.clip(tail, LEAST_TAIL / 2, 0.5)
        with np.errstate(divide="ignore"):
            scores = np.log1p(-2 * inner) - np.log(2 * inner)
        scores = np.maximum(scores, LEAST_SCORE)
        far = present & (tail < LEAST_TAIL / 2)
        if far.any():  # so that they stay in order
            away = np.abs(values - self.mean) / np.where(self.observed, 1.0, self.stddev)
            scores = np.where(far, scores + np.log1p(away), scores)
        scores = scores - ROUNDING * (1 + np.abs(scores)) if inward else scores
        return np.where(present, scores, np.nan)

    def _radius_of(self, scores: Array, present: Mask) -> Array:
        found: Array = self._moments._radius_of(scores, present)
        return found

    def _ends_of(self, scores: Array) -> tuple[Array, Array]:
        scores = scores + ROUNDING * (1 + np.abs(scores))
        return self._ends_at(scores, -1), self._ends_at(scores, 1)

    def _ends_at(self, scores: Array, side: int) -> Array:
        found = np.array(np.broadcast_to(self.mean, scores.shape))
        for target in range(scores.shape[1]):
            for score in np.unique(scores[~self.observed[:, target], target]).tolist():
                rows = np.flatnonzero((scores[:, target] == score) & ~self.observed[:, target])
                part = self._uncalibrated()[rows]._marginal([target])
                tail = float(expit(-min(score, LARGEST_SCORE))) / 2
                ends = mixture_quantiles(part.components, part.weights, tail, upper=side > 0)[:, 0]
                with np.errstate(over="ignore"):  # a region may be infinite
                    away = np.expm1(max(score - LARGEST_SCORE, 0.0)) * part.stddev[:, 0]
                if score > LARGEST_SCORE:  # no less than there, however heavy the tails are
                    ends = side * np.maximum(side * part.mean[:, 0] + away, side * ends)
                found[rows, target] = ends
        return found

    def _radius(self, level: float, present: Mask | None = None) -> Array:
        unknown = ~self.observed if present is None else present & ~self.observed
        radius = np.zeros(len(self))
        for rows, asked in by_pattern(unknown):
            free = np.flatnonzero(asked).tolist()
            size = max(min(CHUNK, MOST_NUMBERS // (DIRECTIONS * max(len(free), 1))), 1)
            for start in range(0, len(rows) if free else 0, size):
                chunk = rows[start : start + size]
                part = self[chunk]._marginal(free)
                radius[chunk] = mixture_radius(part, part._moments, level)
        return radius

    def _box(self, lower: Array, upper: Array) -> Array:
        each = [component._box(lower, upper) for component in self.components]
        return np.einsum("nk,kn->n", self.weights, np.stack(each))
