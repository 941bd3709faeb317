"""Factor analysis: the covariance of many residuals as specific variances and a few factors."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Self

import numpy as np

from covey.start.acceleration import pairs_of_steps
from covey.types import Array, Mask, Rows

LEAST_RESIDUAL = 1e-6  # smallest residual standard deviation, in standard deviations of the target
LEAST_SHRINKAGE = 1e-4  # keeps identical targets apart
LEAST_SPECIFIC = 1e-3  # of the variance of a residual: a start, not a bound
MOST_AT_FIRST = 0.9  # of the variance of a residual that factors explain, before the first step
LEAPS = 60  # of three steps
LONGEST = 16.0  # leap, in steps
TOLERANCE = 1e-4  # of a step, in units of each residual's standard deviation
MOST_WITH_GAPS = 2000  # rows with gaps


def factor_analysis(residuals: Array, weight: Array, rank: int) -> tuple[Array, Array]:
    """Fit diag(stddev) (diag(u) + F F') diag(stddev) to residuals, u = 1 - sum of squares of F.

    The correlation matrix S of the residuals is shrunk towards the identity, as Ledoit and Wolf
    have it, and F is the likeliest for what results, found by steps of expectation and
    maximisation that start at its principal components. S is never formed: it enters by its
    products with matrices of R columns, so that time and memory grow linearly in D.

    Residuals that are not all observed enter by the expectation of what is missing.

    Args:
        residuals: array of shape (N, D), NaN where not observed.
        weight: array of shape (N,), non-negative.
        rank: R, at most D.

    Returns:
        (stddev, factor): standard deviations of shape (D,), in the units of the residuals, and F of
        shape (D, R). A residual that no row holds has standard deviation 1 and no factor.

    References:
        Rubin, Thayer (1982), EM algorithms for ML factor analysis, Psychometrika 47(1), doi
        10.1007/BF02293851.
        Ledoit, Wolf (2004), A well-conditioned estimator for large-dimensional covariance matrices,
        doi 10.1016/S0047-259X(03)00096-4.
    """
    observed = ~np.isnan(residuals)
    share = weight / weight.sum()
    total = share @ observed
    known = total > 0
    squares = share @ np.square(np.where(observed, residuals, 0.0))
    stddev = np.ones(len(total))
    stddev[known] = np.maximum(np.sqrt(squares[known] / total[known]), LEAST_RESIDUAL)
    factor = np.zeros((len(total), rank))
    rank = min(rank, int(known.sum()))
    if rank:
        rows = _spread(observed)
        unit = np.where(observed, residuals / stddev, 0.0)[np.ix_(rows, known)]
        moments = _Moments.of(unit, observed[np.ix_(rows, known)], share[rows] / share[rows].sum())
        factor[known, :rank] = _likeliest(moments, rank)
    return stddev, factor


def _spread(observed: Mask) -> Rows:
    """All rows; of those with gaps, each of which needs its own matrix, as many as will do."""
    n = len(observed)
    if n <= MOST_WITH_GAPS or observed.all():
        return np.arange(n)
    return np.linspace(0, n - 1, MOST_WITH_GAPS).astype(np.intp)


@dataclass(frozen=True)
class _Moments:
    """Second moments of rows with gaps, shrunk towards the identity.

    Attributes:
        rows: shape (N, D), 0 where not observed; of second moments about 1.
        observed: shape (N, D).
        share: weights, of sum 1.
        total: weight of the rows that hold each column, shape (D,).
        squares: second moments of the columns, shape (D,).
        shrinkage: weight of the identity.
    """

    rows: Array
    observed: Mask
    share: Array
    total: Array
    squares: Array
    shrinkage: float

    @classmethod
    def of(cls, rows: Array, observed: Mask, share: Array) -> Self:
        total = np.maximum(share @ observed, 1e-12)
        scaled = rows * np.sqrt(share * len(share))[:, None] / np.sqrt(total)
        squares = share @ np.square(rows) / total
        from sklearn.covariance import ledoit_wolf_shrinkage

        shrinkage = float(ledoit_wolf_shrinkage(scaled, assume_centered=True))
        return cls(rows, observed, share, total, squares, max(shrinkage, LEAST_SHRINKAGE))

    def components(self, rank: int) -> Array:
        """Probabilistic principal components: factors that leave all columns one specific variance.

        References:
            Tipping, Bishop (1999), Probabilistic Principal Component Analysis, doi
            10.1111/1467-9868.00196.
        """
        rows = self.rows * np.sqrt(self.share)[:, None] / np.sqrt(self.total)
        d = rows.shape[1]
        # of the smaller of the two products, whose eigenvalues are the same
        values, vectors = np.linalg.eigh(rows.T @ rows if d <= len(rows) else rows @ rows.T)
        values, vectors = values[::-1][:rank], vectors[:, ::-1][:, :rank]
        found = int(np.sum(values > 1e-9))
        values, vectors = values[:found], vectors[:, :found]
        if d > len(rows):
            vectors = rows.T @ vectors / np.sqrt(values)
        values = (1 - self.shrinkage) * values + self.shrinkage
        rest = max((d - values.sum()) / max(d - found, 1), 0.0)
        factor = np.zeros((d, rank))
        factor[:, :found] = vectors * np.sqrt(np.maximum(values - rest, 0.0))
        return factor

    def step(self, factor: Array, specific: Array) -> tuple[Array, Array]:
        """One EM step: new factors, shape (D, R), and specific variances, shape (D,)."""
        rest, left = self.shrinkage, 1 - self.shrinkage
        loadings = factor / specific[:, None]
        inner = np.linalg.inv(np.eye(factor.shape[1]) + factor.T @ loadings)
        beta = loadings @ inner  # the expected factors given the row are row @ beta
        cross, second = rest * beta, rest * (inner + beta.T @ beta)  # rows that say "the identity"
        if self.observed.all():
            expected = self.rows @ beta
            weighted = expected * self.share[:, None]
            cross += left * (self.rows.T @ weighted)
            second += left * (inner + expected.T @ weighted)
            new = np.linalg.solve(second, cross.T).T
        else:
            d, r = factor.shape
            pairs = (loadings[:, :, None] * factor[:, None, :]).reshape(d, r * r)
            inners = np.linalg.inv(np.eye(r) + (self.observed @ pairs).reshape(-1, r, r))
            expected = np.einsum("nij,nj->ni", inners, self.rows @ loadings)
            moments = inners + expected[:, :, None] * expected[:, None, :]
            weighted = self.observed * self.share[:, None] / self.total
            cross += left * (weighted * self.rows).T @ expected
            seconds = second + left * (weighted.T @ moments.reshape(-1, r * r)).reshape(d, r, r)
            new = np.linalg.solve(seconds, cross[:, :, None])[:, :, 0]
        squares = rest + left * self.squares
        return new, np.maximum(squares - np.einsum("dr,dr->d", new, cross), LEAST_SPECIFIC)


def _likeliest(moments: _Moments, rank: int) -> Array:
    """Factors of residuals of variance 1, shape (D, R)."""
    factor = moments.components(rank)
    explained = np.square(factor).sum(axis=1)
    # from where no specific variance is left, steps hardly lead away
    factor = factor * np.sqrt(MOST_AT_FIRST / np.maximum(explained, MOST_AT_FIRST))[:, None]

    def step(state: Array) -> tuple[float, Array]:
        return 0.0, _joined(*moments.step(*_parted(state)))

    pairs = pairs_of_steps(
        step,
        _joined(factor, 1 - np.minimum(explained, MOST_AT_FIRST)),
        landing=lambda far, _: step(far)[1],
        longest=LONGEST,
    )
    for before, first, second in islice(pairs, LEAPS):
        state = second
        if np.abs(first - before).max() < TOLERANCE:
            break
    factor, specific = _parted(state)
    return np.asarray(factor / np.sqrt(specific + np.square(factor).sum(axis=1))[:, None])


def _joined(factor: Array, specific: Array) -> Array:
    return np.column_stack([factor, np.log(specific)])


def _parted(state: Array) -> tuple[Array, Array]:
    return state[:, :-1], np.clip(np.exp(np.minimum(state[:, -1], 0.0)), LEAST_SPECIFIC, 1.0)
