"""Whether rows depend on their neighbours: residuals that resemble those of the rows next to them.

Rows of a table may stand in an order that means something, of time, of place, of a batch. Then each
row's neighbours give it away, and rows that are held out at random say nothing of rows to come.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from covey.start.ridge import fit_ridge
from covey.types import Array, Counts, Groups

MOST_ROWS = 3000  # that stand together, and are tested
LEAST_ROWS = 30
MOST_LAGS = 12
LEAST = 0.1  # correlation that is worth holding out whole blocks
CHANCE = 1e-4  # probability that rows in random order are taken for dependent
LEAST_RESIDUAL = 1e-6  # in standard deviations of the target: less is rounding
SORTED = 0.99  # share of the steps that go one way, where rows stand in order of a target
# what is left of the covariance of neighbours if the features account for it
LEFT, LEFT_FEW = 0.03, 35.0  # as a share of the variance, and so much more over the number of rows
BLOCKS, LEAST_BLOCK = 100, 3
TREES = 20
MANY = 500  # rows, from which on fewer folds and larger leaves follow a curve as well
FOLDS, LEAF, FOLDS_FEW, LEAF_FEW = 5, 3, 10, 2
MOST_FEATURES = 100  # that a tree tries for each of its cuts
MOST_TARGETS = 3  # of which the second question is asked


class Dependence(NamedTuple):
    """What says that rows depend on their neighbours.

    Attributes:
        target: number of the target of which it is seen best.
        lag: how many rows apart.
        correlation: of the target's residuals in rows so far apart.
    """

    target: int
    lag: int
    correlation: float


def dependence(
    inputs: NDArray[np.floating[Any]],
    Y: Array,
    order: Groups,
    groups: Groups | None = None,
) -> Dependence | None:
    """Test whether rows depend on their neighbours, beyond what their features tell.

    Two questions are asked. Do residuals of a ridge regression, each of a fit without its row,
    correlate with those of rows next to them? Their ranks are compared, so that heavy tails do not
    matter. And if so, is it more than a table that is sorted by a feature shows, of which a curve
    was not seen by the ridge? Trees that did not see a short block of rows predict its residuals
    from rows outside: a curve they find there, but not what only neighbours share.

    A target that the table is sorted by has sorted residuals, which say nothing of neighbours. It
    is taken for one more feature of the others.

    Rows of one group may resemble each other as they like, since they are held out together. Where
    there are groups, only pairs of rows of two groups are compared, and they count for no more
    pairs than there are borders between groups: what a group shares, all of its pairs share.

    Args:
        inputs: features, shape (N, F), of about unit scale.
        Y: targets, shape (N, D), NaN where not observed.
        order: the rows from the first to the last, shape (N,).
        groups: a label for each row, shape (N,); None if each row stands alone.

    Returns:
        What was seen, or None.
    """
    first = max(len(order) - MOST_ROWS, 0) // 2
    order = order[first : first + MOST_ROWS]
    Y = Y[order]
    group = np.arange(len(order)) if groups is None else groups[order]
    key = np.array([_sorted(column) for column in Y.T])
    if len(order) < LEAST_ROWS or key.all():
        return None
    X = np.hstack([inputs[order].astype(np.float64), _normal_scores(Y[:, key])])
    scores = _normal_scores(fit_ridge(X, Y[:, ~key]).residuals)
    correlation, count = _correlations(scores, group)
    # normal in good approximation, as scores are: ranks of rows in random order
    enough = np.maximum(LEAST, -ndtri(CHANCE / correlation.size) / np.sqrt(np.maximum(count, 1)))
    dependent = (correlation > enough) & (count >= LEAST_ROWS)
    if not dependent.any():
        return None
    lag = int(np.flatnonzero(dependent.any(axis=1))[0])  # the shortest one
    strength = np.where(dependent[lag], correlation[lag], 0.0)
    targets = np.argsort(-strength, kind="stable")[:MOST_TARGETS]
    targets = targets[strength[targets] > 0]
    left = _left_by_features(X, scores[:, targets], lag + 1, group)
    if left < LEFT + LEFT_FEW / (1 + _borders(group)):
        return None
    target = np.flatnonzero(~key)[targets[0]]
    return Dependence(int(target), lag + 1, float(strength[targets[0]]))


def _sorted(column: Array) -> bool:
    """Whether a target rises or falls throughout, but for a few rows."""
    steps = np.diff(column[~np.isnan(column)])
    moving = np.count_nonzero(steps)
    ways = max(np.count_nonzero(steps > 0), np.count_nonzero(steps < 0))
    return bool(moving >= min(10, len(steps)) > 0 and ways >= SORTED * moving)


def _normal_scores(values: Array) -> Array:
    """Standard normal quantiles of the ranks, by column; 0 where not observed, or but rounding."""
    scores = np.zeros_like(values)
    for target, column in enumerate(values.T):
        known = ~np.isnan(column)
        if known.sum() < LEAST_ROWS or np.std(column[known]) < LEAST_RESIDUAL:
            continue
        found = ndtri(rankdata(column[known]) / (known.sum() + 1))
        scores[known, target] = (found - found.mean()) / (found.std() or 1.0)
    return scores


def _correlations(scores: Array, group: Groups) -> tuple[Array, Counts]:
    """Correlations of each target in rows 1, 2, ... apart, and the numbers of pairs behind them.

    Only rows of two groups make a pair.
    """
    n = len(scores)
    lags = range(1, min(MOST_LAGS, n // 20) + 1)
    apart = [(group[lag:] != group[:-lag])[:, None] for lag in lags]
    products = [scores[lag:] * scores[:-lag] * two for lag, two in zip(lags, apart, strict=True)]
    count = np.array([np.count_nonzero(each, axis=0) for each in products])
    total = np.array([each.sum(axis=0) for each in products])
    return total / np.maximum(count, 1), np.minimum(count, _borders(group))


def _borders(group: Groups) -> int:
    """How often a row is of another group than the row before."""
    return int(np.count_nonzero(np.diff(group)))


def _left_by_features(X: Array, scores: Array, lag: int, group: Groups) -> float:
    """The covariance of rows `lag` apart that trees do not explain, the largest of any target.

    Args:
        X: features, rows in order, shape (N, F).
        scores: of T targets, shape (N, T).
        lag: how far apart.
        group: of each row, shape (N,); rows of one group do not count.

    Returns:
        As a share of the variance of the scores.
    """
    from sklearn.ensemble import ExtraTreesRegressor

    n = len(X)
    size = max(n // BLOCKS, LEAST_BLOCK, lag + 2)
    folds, leaf = (FOLDS, LEAF) if n >= MANY else (FOLDS_FEW, LEAF_FEW)
    count = max(n // size, folds)
    block = np.arange(n) * count // n
    fold = (np.random.default_rng(0).permutation(count) % folds)[block]
    left = scores.copy()
    share = min(1.0, MOST_FEATURES / X.shape[1])
    for number in range(folds):
        held = fold == number
        trees = ExtraTreesRegressor(
            TREES, min_samples_leaf=leaf, max_features=share, random_state=0
        )
        known = scores[~held]
        trees.fit(X[~held], known if known.shape[1] > 1 else known[:, 0])
        left[held] -= trees.predict(X[held]).reshape(-1, scores.shape[1])
    left[scores == 0] = 0.0
    together = (block[lag:] == block[:-lag]) & (group[lag:] != group[:-lag])
    products = (left[lag:] * left[:-lag])[together]
    pairs = np.maximum(np.count_nonzero(products, axis=0), 1)
    return float((products.sum(axis=0) / pairs).max())
