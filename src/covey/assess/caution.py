"""What few blocks of rows leave unknown: tails, and how targets err together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.optimize import minimize_scalar

from covey.arguments.numbers import is_number
from covey.distributions import Elliptical, Mixture
from covey.distributions.internals import heavier, shrunk
from covey.types import Array, Groups

LEAST_FREEDOM = 4.0  # degrees of freedom that predictions may keep, however few blocks there are
PRIOR = 0.5  # blocks in which targets err independently, to be added to those that there are
MOST_SHARE = 0.5  # of correlations, that is taken away


@dataclass(frozen=True)
class Caution:
    """How predictions are held back where rows depend on their neighbours.

    What rows of one block have in common, such as a season, counts once. K blocks tell of K such
    errors, however many rows they have: of their size as much as K degrees of freedom, and of
    their correlations little.

    Attributes:
        freedom: degrees of freedom that a Student-t has at most. Its scale matrix stays, so its
            covariance grows.
        shrinkage: share of each correlation that is taken away, in [0, 0.5].
    """

    freedom: float
    shrinkage: float

    @classmethod
    def for_blocks(cls, count: int) -> Self:
        """The tails that so many blocks allow; correlations as they are."""
        return cls(max(float(count), LEAST_FREEDOM), 0.0)

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> Self:
        """Rebuild what `dataclasses.asdict` gave.

        Raises:
            KeyError: an entry is lacking.
            ValueError: a number is out of place.
        """
        freedom, share = manifest["freedom"], manifest["shrinkage"]
        if not all(is_number(one) for one in (freedom, share)):
            raise ValueError("numbers of caution")
        freedom, share = float(freedom), float(share)
        if not (freedom >= LEAST_FREEDOM and 0 <= share <= MOST_SHARE and np.isfinite(freedom)):
            raise ValueError("numbers of caution")
        return cls(freedom, share)

    def of(self, joint: Any) -> Any:
        """Predictions with these tails and correlations.

        Args:
            joint: N distributions by one member, of D targets.

        Returns:
            N distributions of the same kind and the same means.
        """
        joint = heavier(joint, self.freedom)
        return shrunk(joint, self.shrinkage) if self.shrinkage > 0 else joint


def fit_shrinkage(
    joint: Elliptical | Mixture,
    Y: Array,
    blocks: Groups,
    weight: Array | None = None,
    seed: int = 0,
) -> float:
    """The share of correlations to take away: blocks that were held out tell.

    It is the likeliest for the blocks that there are, each counting as one, and half a block more
    in which targets err independently of each other: each comes from a draw of its own, out of the
    predictions themselves.

    Args:
        joint: predictions for N rows that had no part in them.
        Y: observed values, shape (N, D), in target units; NaN where not observed.
        blocks: a label for each row, shape (N,).
        weight: sample weights, shape (N,), or None.
        seed: of the draw.

    Returns:
        A number in [0, 0.5]; 0 for one target or no row.
    """
    weight = np.ones(len(Y)) if weight is None else weight
    rows = np.flatnonzero((weight > 0) & ~np.isnan(Y).all(axis=1))
    if Y.shape[1] == 1 or not len(rows):
        return 0.0
    joint, Y = joint[rows], Y[rows]
    _, label = np.unique(blocks[rows], return_inverse=True)
    counted = weight[rows] / np.bincount(label, weights=weight[rows])[label]
    generator = np.random.default_rng(seed)
    # each target from a draw of its own
    draws = joint.sample(Y.shape[1], generator)
    independent = np.einsum("ini->ni", draws)

    def loss(share: float) -> float:
        held_back = shrunk(joint, share)
        prior = PRIOR * float(held_back.log_prob(independent).mean())
        return -float(counted @ held_back.log_prob(Y)) - prior

    found = minimize_scalar(loss, bounds=(0.0, MOST_SHARE), method="bounded")
    return float(found.x) if found.fun < loss(0.0) else 0.0
