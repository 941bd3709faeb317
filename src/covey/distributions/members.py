"""What the members of an ensemble predict, as one distribution: for Covey's own modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from covey.distributions.mixture import Mixture
from covey.distributions.moments import mixture_mean
from covey.types import Array


def of_members(members: Sequence[Any]) -> Mixture:
    """The mixture of what K members predict, each counting alike.

    Args:
        members: of each an `Elliptical` distribution of N rows, or a `Mixture` of as many
            components as the others have.

    Returns:
        Mixtures of all their components, which know which member these are of.
    """
    if not isinstance(members[0], Mixture):
        return Mixture(members)
    components = [component for member in members for component in member.components]
    weights = np.concatenate([member.weights for member in members], axis=1) / len(members)
    return Mixture._trusted(components, weights, len(members))


def as_predicted(mixture: Mixture) -> Any:
    """What stands for the members: one distribution of their kind, or their components together."""
    return mixture if mixture._fitting_shape == "density" else mixture.moment_matched()


def member_means(mixture: Mixture) -> list[Array]:
    """The mean of each of the K members, shape (N, D), in target units."""
    return [mixture_mean(own, shares) for _, own, shares in mixture._by_member()]
