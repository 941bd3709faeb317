"""Algebra of stacks of lower triangular matrices, without a Python loop over rows.

Each function loops over the D columns and is vectorised over everything in front of them: NumPy has
no batched triangular solve, and a loop over 100,000 rows would take seconds.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def solve_lower(lower: Array, right: Array) -> Array:
    """Solve `lower @ z = right` by forward substitution.

    Args:
        lower: array of shape (..., D, D), lower triangular with a non-zero diagonal.
        right: array of shape (..., D); leading axes broadcast against those of `lower`.

    Returns:
        Array z of shape (..., D).
    """
    shape = np.broadcast_shapes(lower.shape[:-1], right.shape)
    z = np.empty(shape)
    for i in range(shape[-1]):
        known = np.einsum("...j,...j->...", lower[..., i, :i], z[..., :i])
        z[..., i] = (right[..., i] - known) / lower[..., i, i]
    return z


def inverse_lower(lower: Array) -> Array:
    """Invert lower triangular matrices.

    Args:
        lower: array of shape (..., D, D), lower triangular with a non-zero diagonal.

    Returns:
        Array of shape (..., D, D), lower triangular.
    """
    inverse = np.zeros_like(lower)
    for i in range(lower.shape[-1]):
        known = np.einsum("...j,...jk->...k", lower[..., i, :i], inverse[..., :i, :i])
        inverse[..., i, :i] = -known / lower[..., i, i, None]
        inverse[..., i, i] = 1.0 / lower[..., i, i]
    return inverse


def lower_factor(rows: Array) -> Array:
    """Lower triangular L with `L @ L.T == rows @ rows.T`, by a QR decomposition of the transpose.

    Working on a factor instead of on the product keeps the digits that squaring would lose.

    Args:
        rows: array of shape (..., M, D) with M <= D.

    Returns:
        Array of shape (..., M, M), lower triangular; a zero on the diagonal (up to rounding) means
        that the rows are linearly dependent.
    """
    triangle = np.swapaxes(np.linalg.qr(np.swapaxes(rows, -1, -2), mode="r"), -1, -2)
    signs = np.where(np.diagonal(triangle, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
    return np.tril(triangle * signs[..., None, :])
