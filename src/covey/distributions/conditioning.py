"""Some targets known, some left out: marginals, conditionals and maps of stacks of factors.

The factor of a batch in which some targets are known exactly has zero rows and columns there.

With the targets in the order (a, b), a observed, and the factor of the scale matrix in blocks,

    L = [[L_aa, 0], [L_ba, L_bb]],    z = L_aa^-1 (y_a - mean_a),

the others given y_a have mean mean_b + L_ba z and the factor L_bb: no difference of matrices, so
that the result is positive definite whatever the rounding (Anderson 2003, section 2.5; for the
Student-t, whose scale grows with |z|, Ding 2016, On the Conditional Distribution of the
Multivariate t Distribution, doi 10.1080/00031305.2016.1164756).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from covey.algebra.patterns import by_pattern
from covey.algebra.triangular import (
    dependent,
    embedded,
    independent_factor,
    selected,
    solve_lower,
)
from covey.types import Array


def marginal_factor(scale_tril: Array, observed: NDArray[np.bool_], chosen: list[int]) -> Array:
    """Factors over some of the targets, zero where one is known.

    Args:
        scale_tril: array of shape (N, D, D); rows and columns of known targets are zero.
        observed: which targets are known, shape (N, D).
        chosen: M positions, in the order wanted.

    Returns:
        Array of shape (N, M, M).
    """
    m = len(chosen)
    factor = np.zeros((len(scale_tril), m, m))
    for rows, known in by_pattern(observed[:, chosen]):
        free = np.flatnonzero(~known)
        if len(free) == 0:
            continue
        part = selected(scale_tril[rows], [chosen[position] for position in free])
        factor[rows] = part if len(free) == m else embedded(part, free, m)
    return factor


def conditional_moments(
    mean: Array, scale_tril: Array, values: Array
) -> tuple[Array, Array, Array, NDArray[np.intp]]:
    """Mean and factor given what is observed, before any effect on the tails.

    Args:
        mean: array of shape (N, D).
        scale_tril: array of shape (N, D, D); rows and columns of known targets are zero.
        values: array of shape (N, D), NaN where not observed, also at targets known before.

    Returns:
        (mean, scale_tril, squares, count): mean of shape (N, D) with the observed values in place;
        factors of shape (N, D, D), zero at what is known now; |z|^2 of what was observed and the
        number of targets observed, each of shape (N,).
    """
    n, d = mean.shape
    new_mean, factor = mean.copy(), scale_tril.copy()
    squares, count = np.zeros(n), np.zeros(n, dtype=np.intp)
    known = np.diagonal(scale_tril, axis1=1, axis2=2) == 0
    for rows, pattern in by_pattern(np.concatenate([~np.isnan(values), known], axis=1)):
        given = np.flatnonzero(pattern[:d])
        rest = np.flatnonzero(~pattern[:d] & ~pattern[d:])
        if len(given) == 0:
            continue
        m = len(given)
        ordered = selected(scale_tril[rows], [*given, *rest])
        observed = values[rows[:, None], given]
        z = solve_lower(ordered[:, :m, :m], observed - mean[rows[:, None], given])
        new_mean[rows[:, None], given] = observed
        new_mean[rows[:, None], rest] += (ordered[:, m:, :m] @ z[:, :, None])[:, :, 0]
        factor[rows] = embedded(ordered[:, m:, m:], rest, d)
        squares[rows], count[rows] = np.einsum("ni,ni->n", z, z), m
    return new_mean, factor, squares, count


def mapped_factor(matrix: Array, product: Array, known: NDArray[np.bool_]) -> Array:
    """Factors of A y; a combination of known targets alone is known itself.

    Args:
        matrix: A, shape (N, M, D) or (1, M, D).
        product: A B, B a square root of the scale matrices whose rows are zero at known targets;
            shape (N, M, Q).
        known: which targets are known, shape (N, D).

    Returns:
        Array of shape (N, M, M).

    Raises:
        InputError: the rows of A that involve unknown targets are linearly dependent, or a row of A
            is zero.
    """
    n, d = known.shape
    m = matrix.shape[1]
    factor = np.zeros((n, m, m))
    settled = settled_combinations(matrix, known)
    for rows, pattern in by_pattern(np.concatenate([settled, known], axis=1)):
        left, free = np.flatnonzero(~pattern[:m]), np.flatnonzero(~pattern[m:])
        if len(left) > len(free):
            raise dependent(int(rows[0]), known=bool(len(free) < d))
        if len(left):
            small = independent_factor(product[np.ix_(rows, left)], rows)
            factor[rows] = embedded(small, left, m)
    return factor


def settled_combinations(matrix: Array, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which combinations of targets involve known ones alone, shape (N, M)."""
    matrix = np.broadcast_to(matrix, (len(known), *matrix.shape[1:]))
    uses_unknown = np.any((matrix != 0) & ~known[:, None], axis=2)
    return ~uses_unknown & np.any(matrix != 0, axis=2)


def told_by_the_others(joint: Any, values: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of each observed target, given the other observed ones.

    With the precision P of the observed targets and r = y - mean these are y_i - (P r)_i / P_ii and
    1 / sqrt(P_ii) (Anderson 2003, section 2.5); a Student-t's scale grows with the distance of the
    others, as in `conditional`.

    Args:
        joint: an `Elliptical` of N rows and D targets.
        values: array of shape (N, D), NaN where not observed, also at targets known exactly.

    Returns:
        (mean, stddev): arrays of shape (N, D), in target units, NaN where not observed.
    """
    diagonal = joint._own_precision(values)
    left = joint._weighted(values) / diagonal
    variance = 1 / diagonal
    if joint._freedom is not None:
        freedom = joint._freedom[:, None]
        squares, count = joint._squares(values)
        squares = squares[:, None] - np.square(left) * diagonal
        variance *= (freedom + squares) / (freedom + count[:, None] - 3)
    return values - left, np.sqrt(variance)
