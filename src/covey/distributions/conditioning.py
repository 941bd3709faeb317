"""Marginals, conditionals and maps of stacks of Cholesky factors.

The factor of a batch in which some targets are known exactly has zero rows and columns there.

With the targets in the order (a, b), a observed, and the factor of the scale matrix in blocks,

    L = [[L_aa, 0], [L_ba, L_bb]],    z = L_aa^-1 (y_a - mean_a),

the others given y_a have mean mean_b + L_ba z and the factor L_bb: no difference of matrices, so
that the result is positive definite whatever the rounding (Anderson 2003, section 2.5).
"""

from __future__ import annotations

import numpy as np

from covey.algebra.patterns import by_pattern
from covey.algebra.triangular import (
    dependence_error,
    embedded,
    independent_factor,
    selected,
    solve_lower,
)
from covey.types import Array, Mask


def marginal_factor(scale_tril: Array, observed: Mask, chosen: list[int]) -> Array:
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


def conditional_factor(scale_tril: Array, known: Mask, x: Array) -> tuple[Array, Array, Array]:
    """Shift of the mean and factor given what is observed, before any effect on the tails.

    Args:
        scale_tril: array of shape (N, D, D); rows and columns of known targets are zero.
        known: which targets are known, shape (N, D).
        x: observed values less their means, shape (N, D), in target units; NaN where not observed,
            also at known targets.

    Returns:
        (shift, scale_tril, squares): L_ba z, shape (N, D), 0 at what is observed or known; factors
        of shape (N, D, D), zero at what is known now; |z|^2 of what is observed, shape (N,).
    """
    n, d = x.shape
    shift, factor, squares = np.zeros((n, d)), scale_tril.copy(), np.zeros(n)
    for rows, pattern in by_pattern(np.concatenate([~np.isnan(x), known], axis=1)):
        given = np.flatnonzero(pattern[:d])
        others = np.flatnonzero(~pattern[:d] & ~pattern[d:])
        if len(given) == 0:
            continue
        m = len(given)
        ordered = selected(scale_tril[rows], [*given, *others])
        z = solve_lower(ordered[:, :m, :m], x[rows[:, None], given])
        shift[rows[:, None], others] = (ordered[:, m:, :m] @ z[:, :, None])[:, :, 0]
        factor[rows] = embedded(ordered[:, m:, m:], others, d)
        squares[rows] = np.einsum("ni,ni->n", z, z)
    return shift, factor, squares


def mapped_factor(matrix: Array, product: Array, known: Mask) -> Array:
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
            raise dependence_error(int(rows[0]), known=bool(len(free) < d))
        if len(left):
            small = independent_factor(product[np.ix_(rows, left)], rows)
            factor[rows] = embedded(small, left, m)
    return factor


def settled_combinations(matrix: Array, known: Mask) -> Mask:
    """Which combinations of targets involve known ones alone, shape (N, M)."""
    matrix = np.broadcast_to(matrix, (len(known), *matrix.shape[1:]))
    uses_unknown = np.any((matrix != 0) & ~known[:, None], axis=2)
    return ~uses_unknown & np.any(matrix != 0, axis=2)
