"""The covariance or scale matrix of residuals, shrunk against correlations that are chance."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Self

import numpy as np
from scipy.linalg import eigvalsh

from covey.algebra.triangular import solve_lower
from covey.start.acceleration import pairs_of_steps
from covey.types import Array, Groups, Mask, Rows

LEAST_RESIDUAL = 1e-6  # smallest residual standard deviation, in standard deviations of the target
LEAST_SHRINKAGE = 1e-4  # keeps identical targets apart: their residual correlation stays below 1
LEAST_PRIOR = 2.0  # rows; what Ledoit and Wolf's formula gives for normal, identical residuals
EM_STEPS = 30  # each brings the scale matrix of a Student-t closer by about half
STEPS = 200  # to scales without correlation
PAIRS = 100  # of steps to a scale matrix
TOLERANCE = 1e-6  # of a step, in units of each residual's own scale
LEAST_LEFT = 0.01  # of the variance in any direction, where a leap starts from
MOST_GROWTH = 100.0  # of a variance over what it is without correlation, before the prior grows too
MOST_WORK = 2**25  # numbers in matrices to invert in a step; beyond, fewer rows say enough
CHUNK = 2**18  # numbers in the matrices that are inverted at once: they stay in the cache


def residual_factor(
    residuals: Array, weight: Array, degrees_of_freedom: float | None = None
) -> Array:
    """Factor the scale matrix of residuals, their correlation shrunk towards the identity.

    Args:
        residuals: array of shape (N, D), of mean zero, NaN where not observed.
        weight: array of shape (N,), positive, of sum 1.
        degrees_of_freedom: of Student-t residuals, whose scale matrix has the highest likelihood,
            shrunk as Ledoit and Wolf have it; None for normal ones, whose covariance matrix is that
            of the residuals, shrunk by what chance alone explains of a normal's correlations.

    Returns:
        Lower Cholesky factor, shape (D, D), in the units of the residuals.
    """
    if np.isnan(residuals).any():
        return factor_with_gaps(residuals, weight, degrees_of_freedom)
    if degrees_of_freedom is not None:
        residuals = _down_weighted(residuals, weight, degrees_of_freedom)
    stddev = np.maximum(np.sqrt(weight @ np.square(residuals)), LEAST_RESIDUAL)
    standard = residuals / stddev * np.sqrt(weight * len(weight))[:, None]
    if degrees_of_freedom is None:
        prior = prior_rows(residuals / stddev, weight, normal=True)
        shrinkage = 1.0 if np.isinf(prior) else prior / (len(weight) + prior)
    else:
        from sklearn.covariance import ledoit_wolf_shrinkage

        shrinkage = max(
            float(ledoit_wolf_shrinkage(standard, assume_centered=True)), LEAST_SHRINKAGE
        )
    correlation = (1 - shrinkage) * (standard.T @ standard) / len(standard)
    np.fill_diagonal(correlation, 1.0)
    return np.asarray(stddev[:, None] * np.linalg.cholesky(correlation))


def _down_weighted(residuals: Array, weight: Array, degrees_of_freedom: float) -> Array:
    """Residuals whose second moments are the likeliest scale matrix of a Student-t (by EM)."""
    d = residuals.shape[1]
    weighted = residuals
    for _ in range(EM_STEPS):
        stddev = np.maximum(np.sqrt(weight @ np.square(weighted)), LEAST_RESIDUAL)
        standard = weighted / stddev
        correlation = (standard * weight[:, None]).T @ standard + LEAST_SHRINKAGE * np.eye(d)
        z = solve_lower(np.asarray(np.linalg.cholesky(correlation)), residuals / stddev)
        squares = np.einsum("ni,ni->n", z, z)
        share = (degrees_of_freedom + d) / (degrees_of_freedom + squares)
        weighted = residuals * np.sqrt(share)[:, None]
    return weighted


def factor_with_gaps(residuals: Array, weight: Array, degrees_of_freedom: float | None) -> Array:
    """Factor the shrunk scale matrix of residuals that are not all observed.

    The matrix has the highest likelihood of the observed residuals, of mean zero, together with
    `prior` rows that say "uncorrelated". In formulas it maximises

        sum_i w_i log p(r_i; Sigma_oo) - prior / 2 (log |Sigma| + trace(Sigma^-1 T)),

    with o the entries observed in row i, w_i the weight of row i, on average 1, and T the likeliest
    diagonal matrix (T grows along where outliers make a variance exceed it by far). For complete
    normal residuals that is the covariance with its correlation shrunk by prior / (N + prior). Two
    residuals that are rarely observed together share few rows, so they are shrunk more; two that
    never are correlate as far as the others tell.

    An expectation-maximisation algorithm finds the matrix: Little, Rubin (chapters 8 and 11) for
    the normal, Liu, Rubin for the Student-t. With K_i the inverse of Sigma_oo, zero elsewhere, one
    step goes from Sigma to (N Q + prior T) / (N + prior), where

        Q = Sigma + Sigma G Sigma,    G = sum_i w_i / N (t_i K_i r_i r_i' K_i - K_i),

    and t_i is 1 for the normal, (nu + |o|) / (nu + r_i' K_i r_i) for the Student-t.

    The cost of a step is that of inverting a matrix for each pattern of gaps. Where that is too
    much (thousands of patterns of many residuals), the correlations come from some of the rows.

    Args:
        residuals: array of shape (N, D), NaN where not observed.
        weight: array of shape (N,), positive.
        degrees_of_freedom: of the Student-t, or None for the normal.

    Returns:
        Lower Cholesky factor, shape (D, D). A residual that no row holds has standard deviation 1
        and no correlation.

    References:
        Little, Rubin (2019), Statistical Analysis with Missing Data, 3rd edition,
        doi 10.1002/9781119482260.
        Liu, Rubin (1995), ML estimation of the t distribution using EM and its extensions, ECM and
        ECME, Statistica Sinica 5(1), 19-39.
    """
    known = ~np.isnan(residuals).all(axis=0)
    factor = np.eye(residuals.shape[1])
    if not known.any():
        return factor
    residuals, share = residuals[:, known], weight / weight.sum()
    scale, weighted = _uncorrelated(residuals, share, degrees_of_freedom)
    prior = prior_rows(weighted / scale, share, normal=degrees_of_freedom is None)
    few = _enough_rows(residuals)
    matrix = _likeliest(
        residuals[few] / scale, share[few] / share[few].sum(), prior, degrees_of_freedom
    )
    unit = np.sqrt(np.diag(matrix))
    correlation = matrix / (unit[:, None] * unit)
    np.fill_diagonal(correlation, 1.0)
    stddev = np.maximum(scale * unit, LEAST_RESIDUAL)
    factor[np.ix_(known, known)] = stddev[:, None] * np.linalg.cholesky(correlation)
    return factor


def _enough_rows(residuals: Array) -> Rows:
    """All rows; where every step would take too long, rows spread over them."""
    n, d = residuals.shape
    most = max(20 * d, MOST_WORK // d**3)
    if n > most and len(np.unique(~np.isnan(residuals), axis=0)) > most:
        return np.linspace(0, n - 1, most).astype(np.intp)
    return np.arange(n)


def _uncorrelated(
    residuals: Array, share: Array, degrees_of_freedom: float | None
) -> tuple[Array, Array]:
    """The likeliest scales if nothing is correlated, shape (D,), and the residuals, down-weighted.

    The second moments of down-weighted residuals, each times the square root of its t_i, are the
    squares of the scales.
    """
    observed = ~np.isnan(residuals)
    count = observed.sum(axis=1)
    squares = np.square(np.where(observed, residuals, 0.0))
    total = share @ observed
    scale = np.maximum(np.sqrt(share @ squares / total), LEAST_RESIDUAL)
    if degrees_of_freedom is None:
        return scale, residuals
    for _ in range(STEPS):
        distance = squares @ (1.0 / np.square(scale))
        down_weight = (degrees_of_freedom + count) / (degrees_of_freedom + distance)
        before = scale
        scale = np.maximum(np.sqrt((share * down_weight) @ squares / total), LEAST_RESIDUAL)
        if np.abs(scale / before - 1.0).max() < TOLERANCE:
            break
    return scale, residuals * np.sqrt(down_weight)[:, None]


def prior_rows(residuals: Array, share: Array, *, normal: bool = False) -> float:
    """How many rows of uncorrelated residuals to add.

    Ledoit and Wolf's shrinkage of N complete rows is b / a with b = sum_jk Var(s_jk), a =
    sum_jk (s_jk - delta_jk)^2 and s_jk the mean product of residuals j and k. That is about prior /
    (N + prior) with prior = N b / (a - c), where c is the part of b with j unequal k: a number of
    rows that does not grow with N, the variance of a product over what is left of the squared
    correlations without noise. Here each pair gets its mean product and variance from the n_jk rows
    that hold both, and counts n_jk times; what the squares, j = k, add to b counts as the average
    pair does.

    Args:
        residuals: array of shape (N, D), NaN where not observed, of second moments 1.
        share: weights, of sum 1.
        normal: take the variance of a product r_j r_k from normal theory, (1 + s_jk^2) / n_jk. The
            variance seen in heavy tails would shrink away correlations that a normal has.

    Returns:
        A number of rows of average weight; infinite where all correlation may be chance.

    References:
        Ledoit, Wolf (2004), A well-conditioned estimator for large-dimensional covariance matrices,
        doi 10.1016/S0047-259X(03)00096-4.
    """
    n, d = residuals.shape
    observed = (~np.isnan(residuals)).astype(np.float64)
    r, squared = np.where(observed > 0, residuals, 0.0), np.square(share)[:, None]
    total = observed.T @ (share[:, None] * observed)
    total_squared = observed.T @ (squared * observed)
    several = np.square(total) > (1 + 1e-9) * total_squared  # rows that hold both
    product = r.T @ (share[:, None] * r) / np.where(several, total, 1.0)
    if normal:
        scatter = (1 + np.square(product)) * total_squared
        variance = scatter / np.where(several, np.square(total), 1.0)
    else:
        scatter = (
            np.square(r).T @ (squared * np.square(r))
            - 2 * product * (r.T @ (squared * r))
            + np.square(product) * total_squared
        )
        variance = scatter / np.where(several, np.square(total) - total_squared, 1.0)
    rows = n * total
    noise, pair = rows * variance, several & ~np.eye(d, dtype=bool)
    strength = rows * (np.square(np.clip(product, -1.0, 1.0)) - variance)
    if not pair.any() or strength[pair].sum() <= 0:
        return np.inf
    own = np.trace(np.where(several, noise, 0.0)) * rows[pair].mean()
    prior = ((rows * noise)[pair].sum() + own) / strength[pair].sum()
    return float(max(prior, LEAST_PRIOR, n * LEAST_SHRINKAGE / (1 - LEAST_SHRINKAGE)))


def _likeliest(
    residuals: Array, share: Array, prior: float, degrees_of_freedom: float | None
) -> Array:
    """Scale matrix, shape (D, D), of residuals whose likeliest uncorrelated scales are 1."""
    n, d = residuals.shape
    if d == 1 or np.isinf(prior):
        return np.eye(d)
    batches = _Batch.of(residuals, share)
    pairs = pairs_of_steps(
        lambda matrix: _step(matrix, batches, n, prior, degrees_of_freedom),
        np.eye(d),
        landing=lambda far, near: far if eigvalsh(far, near)[0] > LEAST_LEFT else near,
        longest=1 / TOLERANCE,
    )
    for _, first, matrix in islice(pairs, PAIRS):
        if np.abs(matrix - first).max() < TOLERANCE:
            break
    return matrix


def _step(
    matrix: Array, batches: list[_Batch], n: int, prior: float, degrees_of_freedom: float | None
) -> tuple[float, Array]:
    """What is maximised, at a scale matrix, and one step from there."""
    parts = [batch.evaluate(matrix, degrees_of_freedom) for batch in batches]
    penalty = prior / 2 * (np.linalg.slogdet(matrix)[1] + np.trace(np.linalg.inv(matrix)))
    value = n * sum(part[0] for part in parts) - penalty
    moments = matrix + matrix @ sum(part[1] for part in parts) @ matrix
    # of a prior of scale 1, next to variances that outliers have blown up, rounding would be left
    scale = np.maximum(1.0, np.diag(moments) / MOST_GROWTH)
    step = (n * moments + prior * np.diag(scale)) / (n + prior)
    return float(value), (step + step.T) / 2


@dataclass(frozen=True)
class _Batch:
    """Rows that are worked on at once, and the patterns of the entries they hold."""

    observed: Mask  # (P, D)
    pattern: Groups  # (R,), of each row
    rows: Array  # (R, D), 0 where not observed
    weight: Array  # (R,)

    @classmethod
    def of(cls, residuals: Array, share: Array) -> list[Self]:
        """Batches of all rows; those of one pattern come together."""
        patterns, number = np.unique(~np.isnan(residuals), axis=0, return_inverse=True)
        order = np.argsort(number.ravel(), kind="stable")
        size = max(1, CHUNK // residuals.shape[1] ** 2)
        found = []
        for first in range(0, len(order), size):
            rows = order[first : first + size]
            these, pattern = np.unique(number.ravel()[rows], return_inverse=True)
            found.append(cls(patterns[these], pattern, np.nan_to_num(residuals[rows]), share[rows]))
        return found

    def evaluate(self, matrix: Array, degrees_of_freedom: float | None) -> tuple[float, Array]:
        """What these rows add to the mean log-density, but for a constant, and to G."""
        both = self.observed[:, :, None] & self.observed[:, None, :]
        masked = np.where(both, matrix, np.eye(len(matrix)))  # M Sigma M + I - M
        diagonal = np.diagonal(np.linalg.cholesky(masked), axis1=1, axis2=2)
        inverse = np.linalg.inv(masked) * both
        share = np.bincount(self.pattern, self.weight)
        z = (self.rows[:, None, :] @ inverse[self.pattern])[:, 0]
        distance, weight = np.einsum("rd,rd->r", self.rows, z), self.weight
        if degrees_of_freedom is None:
            squares = distance
        else:
            count = self.observed.sum(axis=1)[self.pattern]
            squares = (degrees_of_freedom + count) * np.log1p(distance / degrees_of_freedom)
            weight = weight * (degrees_of_freedom + count) / (degrees_of_freedom + distance)
        value = -share @ np.log(diagonal).sum(axis=1) - self.weight @ squares / 2
        gradient = z.T @ (weight[:, None] * z) - np.tensordot(share, inverse, 1)
        return float(value), gradient
