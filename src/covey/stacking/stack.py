"""What trees add to the means of members, and how much of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from covey.distributions.internals import with_mean
from covey.stacking.forest import Forest
from covey.stacking.growth import GrownTrees
from covey.stacking.weights import Shares, weights
from covey.types import Array

PREFIX = "trees_"  # of the names of arrays in files


@dataclass(frozen=True, eq=False, repr=False)  # of arrays, neither is of use
class Stack:
    """The mean of a member becomes (1 - w) that of its network + w that of its trees.

    w = 1 / (1 + exp(-(logit + slope (log(stddev) - center)))), for each target: trees count more
    where the network is less sure. A likelihood weighs rows by 1 / variance, so it teaches the
    network little of those.

    Attributes:
        forest: D outputs, the targets, standardised; it was fitted to all rows.
        location: of the standardised targets, shape (D,), in target units.
        scale: the same.
        logit: of the weight of the trees, shape (D,).
        center: log of a typical standard deviation of each target, shape (D,).
        slope: of the weight, shape (), 0 or more.

    References:
        Breiman (1996), Stacked regressions, Machine Learning 24, doi 10.1007/BF00117832.
    """

    forest: Forest
    location: Array
    scale: Array
    logit: Array
    center: Array
    slope: Array

    @classmethod
    def of(cls, grown: GrownTrees, shares: Shares, kept: NDArray[np.bool_]) -> Self:
        """Trees with their weights; `kept` says for which of the D targets."""
        forest = grown.forest.only(kept)
        by_target = shares.logit, shares.center, np.array(shares.slope)
        return cls(forest, grown.location, grown.scale, *by_target)

    @property
    def shared(self) -> NDArray[np.bool_]:
        """Which targets have trees, shape (D,)."""
        return np.isin(np.arange(len(self.logit)), self.forest.output)

    @property
    def typical_weights(self) -> Array:
        """Weights of the trees where standard deviations are typical, shape (D,), in [0, 1]."""
        return np.where(self.shared, expit(self.logit), 0.0)

    def means(self, matrix: NDArray[np.float32]) -> Array:
        """What the trees say of rows.

        Args:
            matrix: inputs of the networks, shape (N, F).

        Returns:
            Array of shape (N, D), in target units, less the mean of the user's regressor.
        """
        return self.location + self.scale * self.forest.predict(matrix)

    def moved(self, joint: Any, means: Array) -> Any:
        """Predictions of a network, with the mean of network and trees.

        Args:
            joint: N distributions, `Elliptical` or a `Mixture`, by one member.
            means: what trees say of these rows, shape (N, D), in target units.

        Returns:
            N distributions about other means.
        """
        weight = weights(self.logit, self.slope, self.center, joint.stddev)
        move = np.where(self.shared, weight * (means - joint.mean), 0.0)
        return with_mean(joint, joint.mean + move)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All that `from_arrays` needs, by the names of files."""
        own = {part.name: getattr(self, part.name) for part in fields(self)[1:]}
        return {PREFIX + name: array for name, array in (own | self.forest.to_arrays()).items()}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], n_features: int, n_targets: int
    ) -> Self:
        """Rebuild what `to_arrays` gave; further arrays are left alone.

        Raises:
            KeyError: an array is lacking.
            ValueError: one does not fit the others, or has numbers out of place.
        """
        found = {
            name.removeprefix(PREFIX): array
            for name, array in arrays.items()
            if name.startswith(PREFIX)
        }
        forest = Forest.from_arrays(found, n_features, n_targets)
        own = {part.name: found[part.name] for part in fields(cls)[1:]}
        for name, array in own.items():
            if (
                array.shape != (() if name == "slope" else (n_targets,))
                or array.dtype != np.float64
            ):
                raise ValueError(f"the {name} of trees")
            if not np.isfinite(array).all():
                raise ValueError(f"a {name} of trees that is not finite")
        return cls(forest, **own)
