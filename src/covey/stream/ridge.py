"""Ridge regressions of all members from moments alone: `fit_ridge` without the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from covey.start.full import PENALTIES
from covey.start.start import Columns, feature_sets
from covey.stream.moments import Moments, SlotMoments
from covey.types import Array


def regression(
    moments: SlotMoments, held_out: NDArray[np.bool_], unbounded: Columns
) -> dict[str, Array]:
    """The regressions of a member's linear start.

    Means, scales and coefficients are those of all rows of the slots that it trains on; penalties
    those of least squared error on these slots, left out in turn.

    Args:
        moments: of each of S slots.
        held_out: which of them the member holds out, shape (S,).
        unbounded: numbers of the features that come twice, the second time without their bound.

    Returns:
        The attributes of a `LinearStart`, by name: location, scale, coef, intercept.
    """
    f, d = moments.n_features, moments.n_targets
    location, scale, intercept = np.zeros(d), np.ones(d), np.zeros(d)
    coef = np.zeros((f, d))
    for targets in moments.alike():
        parts = [moments.of(int(slot), targets) for slot in np.flatnonzero(~held_out)]
        parts = [part for part in parts if part.rows]
        if not parts:
            continue
        total = Moments.merged(parts)
        location[targets], scale[targets] = _units(total, f)
        if total.rows < 3:  # as good as nothing about slopes
            continue
        blocks = [_standardised(part, location[targets], scale[targets], f) for part in parts]
        least = np.full(len(targets), np.inf)
        for columns in feature_sets(f, unbounded):
            kept = np.r_[columns, f : f + len(targets)]
            some = [block.part(kept) for block in blocks]
            penalties, error = _penalties(some, len(columns), len(targets))
            path = _Path.of(Moments.merged(some), len(columns))
            better = error < least
            found = path.coef(penalties)
            own = np.asarray(targets)[better]
            least[better] = error[better]
            coef[:, own] = 0.0
            coef[np.ix_(columns, own)] = found[:, better]
            intercept[own] = (path.target_mean - path.feature_mean @ found)[better]
    return {"location": location, "scale": scale, "coef": coef, "intercept": intercept}


def _units(total: Moments, f: int) -> tuple[Array, Array]:
    """Location and scale of targets, as `LinearModel.fit` has them."""
    location = total.mean[f:]
    spread = np.sqrt(np.diag(total.scatter)[f:] / total.weight)
    magnitude = np.where(location == 0, 1.0, np.abs(location))
    # what rounding leaves of a constant target is no spread
    constant = spread <= 16 * np.finfo(float).eps * np.abs(location)
    return location, np.where(constant, magnitude, spread)


def _standardised(block: Moments, location: Array, scale: Array, f: int) -> Moments:
    """The moments of rows whose targets are in other units."""
    unit = np.concatenate([np.ones(f), scale])
    mean = block.mean.copy()
    mean[f:] = (mean[f:] - location) / scale
    return Moments(block.rows, block.weight, mean, block.scatter / np.outer(unit, unit))


def _penalties(blocks: list[Moments], f: int, count: int) -> tuple[Array, Array]:
    """For each target the penalty that is best on the blocks left out, and the error there."""
    if len(blocks) == 1:  # it tells nothing of others: nearly constant is safest
        return np.full(count, PENALTIES[-1]), np.zeros(count)
    errors = np.zeros((len(PENALTIES), count))
    for number, block in enumerate(blocks):
        path = _Path.of(Moments.merged(blocks[:number] + blocks[number + 1 :]), f)
        errors += [path.squares(block, penalty, f) for penalty in PENALTIES]
    return PENALTIES[errors.argmin(axis=0)], errors.min(axis=0)


@dataclass(frozen=True)
class _Path:
    """Ridge regressions for all penalties, from one eigendecomposition."""

    feature_mean: Array  # (F,)
    target_mean: Array  # (T,)
    eigenvalues: Array  # (F,)
    eigenvectors: Array  # (F, F)
    rotated: Array  # (F, T)

    @classmethod
    def of(cls, moments: Moments, f: int) -> Self:
        share = moments.scatter / moments.weight
        eigenvalues, eigenvectors = np.linalg.eigh(share[:f, :f])
        rotated = eigenvectors.T @ share[:f, f:]
        mean = moments.mean
        return cls(mean[:f], mean[f:], np.maximum(eigenvalues, 0.0), eigenvectors, rotated)

    def coef(self, penalty: Array | float) -> Array:
        """Coefficients, shape (F, T), for a penalty or one for each target."""
        shrunk = self.rotated / (self.eigenvalues[:, None] + penalty)
        return np.asarray(self.eigenvectors @ shrunk)

    def squares(self, block: Moments, penalty: float, f: int) -> Array:
        """Weighted sum of the squared residuals of a block, shape (T,)."""
        coef = self.coef(penalty)
        bias = block.mean[f:] - self.target_mean - (block.mean[:f] - self.feature_mean) @ coef
        cross, own = block.scatter[:f, f:], np.diag(block.scatter)[f:]
        spread = own + np.einsum("ft,ft->t", coef, block.scatter[:f, :f] @ coef - 2 * cross)
        return np.asarray(block.weight * np.square(bias) + np.maximum(spread, 0.0))
