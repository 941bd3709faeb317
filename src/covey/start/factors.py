"""Factor analysis: the covariance of many residuals as noise of their own and a few factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from covey.types import Array

LEAST_RESIDUAL = 1e-6  # smallest residual standard deviation, in standard deviations of the target
LEAST_SHRINKAGE = 1e-4  # keeps identical targets apart
LEAST_OWN = 1e-3  # of the variance of a residual that no factor explains: a start, not a bound
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


def shrinkage(rows: Array) -> float:
    """The weight of the identity in Ledoit and Wolf's estimate, for rows of mean zero.

    Args:
        rows: array of shape (N, D), of second moments that are 1 in the mean over columns.

    Returns:
        A number in [0, 1].
    """
    n, d = rows.shape
    product = rows.T @ rows if d < n else rows @ rows.T
    size = float(np.square(product).sum()) / n**2  # of the matrix of second moments
    mean = float(np.square(rows).sum()) / (n * d)
    distance = size - d * mean**2
    error = float(np.square(np.square(rows).sum(axis=1)).sum()) / n**2 - size / n
    return min(max(error / distance, 0.0), 1.0) if distance > 0 else 1.0


def _spread(observed: NDArray[np.bool_]) -> NDArray[np.intp]:
    """All rows; of those with gaps, which each need a matrix of their own, as many as will do."""
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
    observed: NDArray[np.bool_]
    share: Array
    total: Array
    squares: Array
    shrinkage: float

    @classmethod
    def of(cls, rows: Array, observed: NDArray[np.bool_], share: Array) -> Self:
        total = np.maximum(share @ observed, 1e-12)
        scaled = rows * np.sqrt(share * len(share))[:, None] / np.sqrt(total)
        squares = share @ np.square(rows) / total
        identity = max(shrinkage(scaled), LEAST_SHRINKAGE)
        return cls(rows, observed, share, total, squares, identity)

    def components(self, rank: int) -> Array:
        """Probabilistic principal components: factors that leave every column as much of its own.

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

    def step(self, factor: Array, own: Array) -> tuple[Array, Array]:
        """A step of expectation and maximisation: new factors, (D, R), and own variances, (D,)."""
        rest, left = self.shrinkage, 1 - self.shrinkage
        loadings = factor / own[:, None]
        inner = np.linalg.inv(np.eye(factor.shape[1]) + factor.T @ loadings)
        beta = loadings @ inner  # the factors that a row lets expect are row @ beta
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
        return new, np.maximum(squares - np.einsum("dr,dr->d", new, cross), LEAST_OWN)


def _likeliest(moments: _Moments, rank: int) -> Array:
    """Factors of residuals of variance 1, shape (D, R), by steps in pairs and leaps.

    What the second step turns away from the first tells how far the two lead.

    References:
        Varadhan, Roland (2008), Simple and globally convergent methods for accelerating the
        convergence of any EM algorithm, doi 10.1111/j.1467-9469.2007.00585.x.
    """
    factor = moments.components(rank)
    explained = np.square(factor).sum(axis=1)
    # from where nothing is left of a variable's own, steps hardly lead away
    factor = factor * np.sqrt(MOST_AT_FIRST / np.maximum(explained, MOST_AT_FIRST))[:, None]
    state = _joined(factor, 1 - np.minimum(explained, MOST_AT_FIRST))
    for _ in range(LEAPS):
        first = _joined(*moments.step(*_parted(state)))
        second = _joined(*moments.step(*_parted(first)))
        change, turn = first - state, second - 2 * first + state
        state = second
        if np.abs(change).max() < TOLERANCE:
            break
        size = float(np.linalg.norm(turn))
        length = min(float(np.linalg.norm(change)) / size, LONGEST) if size > 0 else 1.0
        if length > 1:
            far = first - change + 2 * length * change + length**2 * turn
            state = _joined(*moments.step(*_parted(far)))
    factor, own = _parted(state)
    return np.asarray(factor / np.sqrt(own + np.square(factor).sum(axis=1))[:, None])


def _joined(factor: Array, own: Array) -> Array:
    return np.column_stack([factor, np.log(own)])


def _parted(state: Array) -> tuple[Array, Array]:
    return state[:, :-1], np.clip(np.exp(np.minimum(state[:, -1], 0.0)), LEAST_OWN, 1.0)
