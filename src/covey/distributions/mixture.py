"""A mixture of distributions: the ensemble as it is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from covey.distributions.batch import frozen, row_index
from covey.distributions.check import read_weights
from covey.distributions.elliptical import Elliptical
from covey.distributions.joint import Joint
from covey.distributions.moments import mixture_aleatoric, mixture_epistemic, mixture_mean
from covey.distributions.patterns import by_pattern
from covey.distributions.points import CHUNK, unit_directions
from covey.distributions.repr import ROWS, describe
from covey.distributions.root import increasing_root
from covey.errors import InputError
from covey.labels import check_rows

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

MOST_NUMBERS = 2**22  # in arrays of directions, so that rows of many targets come in smaller parts
DIRECTIONS = 32  # and their opposites, from each component, to find how far a region must reach
ACCURACY = 1e-5  # of that reach, far below what the number of directions leaves open


class Mixture(Joint):
    """For each of N rows, a mixture of K distributions of one kind.

    With means mu_k, covariances Sigma_k and weights w_k, the law of total covariance splits the
    covariance of the mixture into two matrices:

        mean       = sum of w_k mu_k
        aleatoric  = sum of w_k Sigma_k            (what no further training row would remove)
        epistemic  = weighted covariance of the mu_k     (what the members do not agree on)
        covariance = aleatoric + epistemic

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

    components: tuple[Elliptical, ...]
    weights: Array  # shape (N, K)

    def __init__(self, components: Sequence[Elliptical], weights: ArrayLike | None = None) -> None:
        members = tuple(components)
        if not members:
            raise InputError("A mixture needs at least one component. Received none.")
        kinds = {(type(member).__name__, len(member), member.targets) for member in members}
        if len(kinds) > 1:
            raise InputError(
                "The components of a mixture must be of one kind, with the same targets and number "
                f"of rows. Received {sorted(kinds)}."
            )
        for member in members[1:]:
            check_rows(members[0].index, member.index, "components", of="the first component")
        if any(np.any(member.observed != members[0].observed) for member in members[1:]):
            raise InputError("The components of a mixture must know the same targets exactly.")
        self.__dict__["components"] = members
        self.__dict__["weights"] = frozen(read_weights(weights, len(members[0]), len(members)))

    @classmethod
    def _trusted(cls, components: Sequence[Elliptical], weights: Array) -> Self:
        """Build from what is right by construction, to the last bit of the weights."""
        self = cls.__new__(cls)
        self.__dict__.update(components=tuple(components), weights=frozen(weights))
        return self

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"A {type(self).__name__} is immutable: cannot set {name!r}.")

    def __len__(self) -> int:
        return len(self.components[0])

    def __getitem__(self, rows: Any) -> Self:
        """The mixtures of some rows; an integer gives a batch of length 1."""
        index = row_index(rows, len(self))
        parts = [component[index] for component in self.components]
        return self._trusted(parts, self.weights[index])

    def __repr__(self) -> str:
        kind = f"{type(self).__name__} of {len(self.components)}"
        return describe(kind, self[:ROWS].moment_matched(), len(self))

    @property
    def targets(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the D targets."""
        return self.components[0].targets

    @property
    def index(self) -> pd.Index | None:  # type: ignore[override]
        """Row labels of the N rows, or None."""
        return self.components[0].index

    def _labelled(self, index: pd.Index | None) -> Self:
        components = [component._labelled(index) for component in self.components]
        return self._trusted(components, self.weights)

    @property
    def observed(self) -> NDArray[np.bool_]:
        """Which targets are known exactly, shape (N, D): those `conditional` was given."""
        return self.components[0].observed

    @cached_property
    def mean(self) -> Array:
        """Means of the mixtures, shape (N, D), in target units."""
        return frozen(mixture_mean(self.components, self.weights))

    @cached_property
    def aleatoric(self) -> Array:
        """Average covariance of the components, shape (N, D, D), in products of target units."""
        return frozen(mixture_aleatoric(self.components, self.weights))

    @cached_property
    def epistemic(self) -> Array:
        """Covariance of the components' means, shape (N, D, D), in products of target units.

        Positive semidefinite: K components span at most K - 1 directions.
        """
        return frozen(mixture_epistemic(self.components, self.weights))

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

    def moment_matched(self) -> Any:
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
    def _moments(self) -> Any:
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
        return self._trusted([c._marginal(chosen) for c in self.components], self.weights)

    def _conditional(self, values: Array) -> Self:
        """Each component given the values, weighted by how well it had foreseen them."""
        terms = self._log_terms(values)
        total = logsumexp(terms, axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):  # where no component can tell how far off a value is
            weights = np.where(np.isfinite(total), np.exp(terms - total), self.weights)
        return self._trusted([c._conditional(values) for c in self.components], weights)

    def _mean_given_others(self, values: Array) -> Array:
        found = np.full(values.shape, np.nan)
        for i in np.flatnonzero(~np.isnan(values).all(axis=0)):
            others = values.copy()
            others[:, i] = np.nan
            found[:, i] = np.where(
                np.isnan(values[:, i]), np.nan, self._conditional(others).mean[:, i]
            )
        return found

    def _mapped(self, matrix: Array, shift: Array, targets: tuple[str, ...]) -> Self:
        mapped = [component._mapped(matrix, shift, targets) for component in self.components]
        return self._trusted(mapped, self.weights)

    def _stretched(self, scales: Array) -> Self:
        """Each target widened about the mean of the mixture, by scales of shape (D,)."""
        components = [
            c._stretched(scales)._with(c.targets, mean=self.mean + scales * (c.mean - self.mean))
            for c in self.components
        ]
        return self._trusted(components, self.weights)

    def _quantiles(self, probability: float) -> Array:
        ends = np.stack([component._quantiles(probability) for component in self.components])

        def excess(y: Array) -> Array:
            each = zip(self.weights.T, self.components, strict=True)
            return np.asarray(sum(w[:, None] * c._cdf(y) for w, c in each) - probability)

        return increasing_root(excess, ends.min(axis=0), ends.max(axis=0))

    def _matched(self) -> Any:
        return self._moments

    def _radius(self, level: float) -> Array:
        if len(self.components) == 1:
            return self.components[0]._radius(level)
        radius = np.zeros(len(self))
        for rows, known in by_pattern(self.observed):
            free = np.flatnonzero(~known).tolist()
            size = max(min(CHUNK, MOST_NUMBERS // (DIRECTIONS * max(len(free), 1))), 1)
            for start in range(0, len(rows) if free else 0, size):
                part = rows[start : start + size]
                radius[part] = self[part]._marginal(free)._radius_of_all(level)
        return radius

    def _radius_of_all(self, level: float) -> Array:
        """The radius R at which the weighted probabilities of the ellipsoid add up to the level.

        From the center of a component, and in units of its own scale, a ray leaves the ellipsoid at
        a distance that solves a quadratic equation, and what lies between is known exactly. So
        directions are all that is averaged over, the same ones every time, each with its opposite.
        """
        moments = self._moments
        directions = unit_directions(len(self.targets), DIRECTIONS)
        parts = []
        for component, weight in zip(self.components, self.weights.T, strict=True):
            start = moments._decoloured(component.mean - moments.mean)
            ray = moments._decoloured(component._coloured(directions[:, None]))
            squares = np.einsum("sni,sni->sn", ray, ray)
            slope = np.einsum("sni,ni->sn", ray, start)
            offset = np.einsum("ni,ni->n", start, start)
            below = component._radial(np.full(len(self), len(self.targets))).below
            parts.append((component, below, weight, squares, slope, offset))

        def excess(radius: Array) -> Array:
            total = np.full(len(self), -level)
            for _, below, weight, squares, slope, offset in parts:
                root = np.square(slope) - squares * (offset - np.square(radius))
                root = np.sqrt(np.maximum(root, 0.0))
                inside = below(np.square(np.maximum(root - slope, 0.0) / squares))
                near = np.maximum(-slope - root, 0.0) / squares
                if near.any():  # some ellipsoid does not hold the center
                    inside -= below(np.square(near))
                total += weight * inside.mean(axis=0)
            return total

        # a ball that holds the component's own ball of that level
        high = np.max(
            [
                np.sqrt(offset)
                + np.sqrt(squares.max(axis=0) * component._inflation) * component._radius(level)
                for component, _, _, squares, _, offset in parts
            ],
            axis=0,
        )
        radius = increasing_root(excess, np.zeros(len(self)), high, accuracy=ACCURACY)
        return radius / np.sqrt(moments._inflation)

    def _box(self, lower: Array, upper: Array) -> Array:
        each = [component._box(lower, upper) for component in self.components]
        return np.einsum("nk,kn->n", self.weights, np.stack(each))
