"""Ridge regressions with a penalty for each target, of rows in memory or of sums over files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from covey.errors import InputError
from covey.start.held_out import BlocksLeftOut, Features, LeftOut, RowsLeftOut
from covey.start.moments import FoldMoments, Moments
from covey.start.ridge_path import (
    PENALTIES,
    Line,
    RidgePath,
    best_penalties,
    block_errors,
    left_out,
)
from covey.start.start import feature_sets
from covey.types import Array, Columns, Groups, Mask, Rows


@dataclass(frozen=True)
class Regression:
    """The regressions of a `LinearStart`: its attributes, those of its covariance apart.

    Attributes:
        location: shape (D,), in target units.
        scale: shape (D,), in target units.
        coef: shape (F + C, D), in standardised target units.
        intercept: shape (D,), in standardised target units.
        unbounded: numbers of the C inputs that enter once more without their bound, shape (C,).
    """

    location: Array
    scale: Array
    coef: Array
    intercept: Array
    unbounded: Columns

    @classmethod
    def constant(cls, n_features: int, n_targets: int, unbounded: Columns) -> Self:
        """The regression of D targets that no row holds, on F + C = `n_features` features."""
        d = n_targets
        return cls(np.zeros(d), np.ones(d), np.zeros((n_features, d)), np.zeros(d), unbounded)

    def set(self, targets: Columns, columns: Columns, line: Line) -> None:
        """Set the regressions of T targets, on some features alone."""
        self.coef[:, targets] = 0.0
        self.coef[np.ix_(columns, targets)] = line.coef
        self.intercept[targets] = line.intercept


@dataclass(frozen=True)
class Ridge:
    """Regressions, and what they leave of rows that they are not fitted to.

    Attributes:
        regression: of a `LinearStart`.
        residuals: held-out residuals of the N rows of positive weight, shape (N, D), in
            standardised units, NaN where not observed.
        offset_residuals: what the offset alone leaves of them, likewise; None without an offset.
        weight: of these rows, shape (N,), of sum 1.
    """

    regression: Regression
    residuals: Array
    offset_residuals: Array | None
    weight: Array

    @property
    def simple_residuals(self) -> Array:
        """Residuals of the simplest mean there is: the offset, or without one the regressions."""
        return self.residuals if self.offset_residuals is None else self.offset_residuals


def fit_ridge(
    X: NDArray[Any],
    Y: Array,
    sample_weight: Array | None = None,
    blocks: Groups | None = None,
    offset: Array | None = None,
    unbounded: Columns | None = None,
) -> Ridge:
    """The regressions of a linear start, from rows in memory.

    Args:
        X: array of shape (N, F), of about unit scale.
        Y: array of shape (N, D), in target units, NaN where not observed.
        sample_weight: array of shape (N,), non-negative; equal weights by default.
        blocks: array of shape (N,), a label per row: rows of one label are held out together. By
            default each row is held out on its own, as are those of a target whose rows are all of
            one label.
        offset: what is taken from Y before anything else, shape (N, D), in target units. The scale
            is that of Y all the same: what an exact offset leaves is rounding.
        unbounded: numbers of the features that are tried without their bound, too; none by
            default. Each target takes them with or without, by its held-out squared error.

    Returns:
        The regressions and their residuals.

    Raises:
        InputError: fewer than two rows have a positive weight.
    """
    weight = np.ones(len(Y)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    used = weight > 0
    if np.count_nonzero(used) < 2:
        raise InputError(
            "Expected at least 2 training rows with a positive weight. "
            f"Received {np.count_nonzero(used)}; use more rows or fewer members."
        )
    if not used.all():
        X, Y, weight = X[used], Y[used], weight[used]
        offset = None if offset is None else offset[used]
        blocks = None if blocks is None else blocks[used]
    unbounded = np.zeros(0, dtype=np.int64) if unbounded is None else unbounded
    n_features = X.shape[1] + len(unbounded)
    regression = Regression.constant(n_features, Y.shape[1], unbounded)
    residuals = np.full(Y.shape, np.nan)
    for rows, targets in _observed_alike(Y):
        at = np.ix_(rows, targets)
        share = weight[rows] / weight[rows].sum()
        taken = None if offset is None else offset[at]
        location, scale, standardised = _standardised(Y[at], share, taken)
        regression.location[targets], regression.scale[targets] = location, scale
        if len(rows) < 2:
            continue
        if len(rows) == 2 < len(Y):  # one of them tells nothing of the slope to the other
            residuals[at] = standardised - standardised[::-1]
            continue
        some = X if len(rows) == len(X) else X[rows]
        fold = None if blocks is None else np.unique(blocks[rows], return_inverse=True)[1]
        least = np.full(len(targets), np.inf)
        for columns in feature_sets(n_features, unbounded):
            features = Features(some, unbounded, columns)
            if fold is None or fold.max() == 0:
                way: LeftOut = RowsLeftOut(features, standardised, share)
            else:
                way = BlocksLeftOut(features, standardised, share, fold)
            penalty, error = best_penalties(way.errors())
            better = error < least
            if not better.any():
                continue
            least[better] = error[better]
            residuals[np.ix_(rows, targets[better])] = way.residuals(penalty)[:, better]
            line = features.line_of_inputs(way.path.line(penalty))
            regression.set(targets[better], columns, line.part(better))
    alone = None if offset is None else (Y - offset) / regression.scale
    return Ridge(regression, residuals, alone, weight / weight.sum())


def ridge_of_folds(moments: FoldMoments, held_out: Mask, unbounded: Columns) -> Regression:
    """The regressions of a member, from moments alone.

    Means, scales and coefficients are those of all rows of the folds that it trains on; penalties
    those of least squared error on these folds, left out in turn.

    Args:
        moments: of each of S folds.
        held_out: which of them the member holds out, shape (S,).
        unbounded: numbers of the features that come twice, the second time without their bound.

    Returns:
        The regressions.
    """
    regression = Regression.constant(moments.n_features, moments.n_targets, unbounded)
    for targets in moments.observed_alike():
        parts = [moments.of(int(fold), targets) for fold in np.flatnonzero(~held_out)]
        parts = [part for part in parts if part.rows]
        if not parts:
            continue
        total = Moments.merged(parts)
        location, spread = total.target_mean, np.sqrt(total.squares / total.weight)
        scale = _scale(location, spread)
        regression.location[targets], regression.scale[targets] = location, scale
        if total.rows < 3:  # as good as nothing about slopes
            continue
        blocks = [part.standardised(location, scale) for part in parts]
        least = np.full(len(targets), np.inf)
        for columns in feature_sets(moments.n_features, unbounded):
            some = [block.part(features=columns) for block in blocks]
            if len(some) == 1:  # it tells nothing of others: nearly constant is safest
                penalty, error = np.full(len(targets), PENALTIES[-1]), np.zeros(len(targets))
            else:
                penalty, error = best_penalties(block_errors(some, left_out(some)))
            better = error < least
            least[better] = error[better]
            line = RidgePath.of(Moments.merged(some)).line(penalty)
            regression.set(np.asarray(targets)[better], columns, line.part(better))
    return regression


def _observed_alike(Y: Array) -> Iterator[tuple[Rows, Columns]]:
    """Yield the rows that hold a target, and all targets that the same rows hold."""
    alike: dict[bytes, list[int]] = {}
    observed = ~np.isnan(Y)
    for target, column in enumerate(observed.T):
        alike.setdefault(column.tobytes(), []).append(target)
    for targets in alike.values():
        yield np.flatnonzero(observed[:, targets[0]]), np.array(targets)


def _standardised(Y: Array, share: Array, offset: Array | None) -> tuple[Array, Array, Array]:
    """Location and scale, both of shape (T,), and Y in these units."""
    location = share @ Y
    scale = _scale(location, np.sqrt(share @ np.square(Y - location)))
    if offset is not None:
        Y = Y - offset
        location = share @ Y
    return location, scale, (Y - location) / scale


def _scale(location: Array, spread: Array) -> Array:
    """The unit of targets: their spread, or the magnitude of one that is constant."""
    magnitude = np.where(location == 0, 1.0, np.abs(location))
    # what rounding leaves of a constant target is no spread
    return np.where(spread > 16 * np.finfo(float).eps * np.abs(location), spread, magnitude)
