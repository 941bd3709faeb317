"""Algebra of stacks of lower triangular matrices, without a Python loop over rows.

Each function loops over the D columns and is vectorised over everything in front of them: NumPy has
no batched triangular solve, and a loop over 100,000 rows would take seconds.
"""

from collections.abc import Sequence

import numpy as np

from covey.errors import InputError
from covey.types import Array, Columns, Rows

SMALL = 8  # targets: up to which a loop over columns is the quickest
CACHED = 2**18  # numbers in arrays that are worked on together

LEAST_EIGENVALUE = 1e-12  # of a correlation matrix: far above rounding, far below any estimate


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


def solve_transposed(lower: Array, right: Array) -> Array:
    """Solve `lower.T @ z = right` by back substitution; shapes as for `solve_lower`."""
    shape = np.broadcast_shapes(lower.shape[:-1], right.shape)
    z = np.empty(shape)
    for i in reversed(range(shape[-1])):
        known = np.einsum("...j,...j->...", lower[..., i + 1 :, i], z[..., i + 1 :])
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
    for part in cached_parts(lower) if lower.ndim == 3 else [...]:
        _invert_lower(lower[part], inverse[part])
    return inverse


def _invert_lower(lower: Array, inverse: Array) -> None:
    """Write the lower triangles of the inverses where zeros are."""
    d = lower.shape[-1]
    if d > SMALL:  # by halves: what is outside the two triangles is products of whole matrices
        top, bottom = slice(d // 2), slice(d // 2, d)
        for half in (top, bottom):
            _invert_lower(lower[..., half, half], inverse[..., half, half])
        product = lower[..., bottom, top] @ inverse[..., top, top]
        np.negative(inverse[..., bottom, bottom] @ product, out=inverse[..., bottom, top])
        return
    for i in range(d):
        known = np.einsum("...j,...jk->...k", lower[..., i, :i], inverse[..., :i, :i])
        inverse[..., i, :i] = -known / lower[..., i, i, None]
        inverse[..., i, i] = 1.0 / lower[..., i, i]


def cached_parts(matrices: Array) -> list[slice]:
    """Slices of the first axis, each small enough that what is made of them stays in the cache."""
    size = max(CACHED // max(int(np.prod(matrices.shape[1:])), 1), 1)
    return [slice(start, start + size) for start in range(0, len(matrices), size)]


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


def well_conditioned(lower: Array) -> Array:
    """Factors whose correlation matrices have no eigenvalue below `LEAST_EIGENVALUE`.

    Factors that have none are returned unchanged. In the others a little independent noise is added
    to each variable, and the standard deviations are kept: in float64 the correlation matrix would
    otherwise have no Cholesky factorisation.

    Args:
        lower: array of shape (N, D, D), lower triangular with a positive diagonal.

    Returns:
        Array of shape (N, D, D), lower triangular with a positive diagonal.
    """
    d = lower.shape[1]
    stddev = np.sqrt(np.einsum("nij,nij->ni", lower, lower))
    # the eigenvalues of a correlation matrix have the mean 1 and its determinant for a product, so
    # that the smallest is at least this bound, which most matrices pass
    determinant = np.square(np.prod(np.diagonal(lower, axis1=1, axis2=2) / stddev, axis=1))
    doubtful = np.flatnonzero(determinant * (1 - 1 / d) ** (d - 1) < 2 * LEAST_EIGENVALUE)
    unit = lower[doubtful] / stddev[doubtful, :, None]
    correlation = unit @ np.swapaxes(unit, 1, 2)
    eye = np.eye(d)
    try:
        np.linalg.cholesky(correlation - LEAST_EIGENVALUE * eye)
        return lower
    except np.linalg.LinAlgError:
        low = np.linalg.eigvalsh(correlation)[:, 0] < 2 * LEAST_EIGENVALUE
    noise = np.broadcast_to(np.sqrt(2 * LEAST_EIGENVALUE) * eye, unit[low].shape)
    mended = lower_factor(np.concatenate([unit[low], noise], axis=2))
    mended /= np.sqrt(np.einsum("nij,nij->ni", mended, mended))[:, :, None]
    result = lower.copy()
    result[doubtful[low]] = stddev[doubtful[low], :, None] * mended
    return result


def transformed(matrix: Array, scale_tril: Array) -> Array:
    """Lower Cholesky factors of `A L L.T A.T`, well conditioned.

    Args:
        matrix: A, shape (N, M, D) or (1, M, D).
        scale_tril: L, shape (N, D, D), lower triangular with a positive diagonal.

    Returns:
        Array of shape (N, M, M), lower triangular with a positive diagonal.

    Raises:
        InputError: the rows of A are linearly dependent.
    """
    product = matrix @ scale_tril
    m, d = matrix.shape[1:]
    if m == d and not np.any(np.triu(matrix, 1)) and np.all(matrix[:, range(d), range(d)] > 0):
        return well_conditioned(product)  # of lower triangles with a positive diagonal: one itself
    return independent_factor(product)


def independent_factor(rows: Array, numbers: Rows | None = None) -> Array:
    """Lower Cholesky factors of `rows @ rows.T`, well conditioned.

    Args:
        rows: array of shape (N, M, Q) with M <= Q.
        numbers: of the N matrices in the batch, for messages.

    Returns:
        Array of shape (N, M, M), lower triangular with a positive diagonal.

    Raises:
        InputError: the rows of a matrix are linearly dependent.
    """
    factor = lower_factor(rows)
    # a dependent row leaves only rounding on the diagonal, relative to its length
    length = np.sqrt(np.einsum("nij,nij->ni", rows, rows))
    bad = np.any(np.abs(np.diagonal(factor, axis1=1, axis2=2)) <= 1e-13 * length, axis=1)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise dependence_error(row if numbers is None else int(numbers[row]))
    return well_conditioned(factor)


def dependence_error(row: int, *, known: bool = False) -> InputError:
    """The error for a map whose rows are linearly dependent in a row of the batch."""
    unknown = " in the targets that are not known exactly" if known else ""
    return InputError(
        f"The rows of `A` must be linearly independent{unknown}, or A y + b has no density. "
        f"For row {row} of the batch they are not."
    )


def selected(lower: Array, index: Sequence[int] | Columns) -> Array:
    """Lower Cholesky factors of `L @ L.T` at some rows and columns: those of a marginal.

    Args:
        lower: L, shape (N, D, D), lower triangular; the rows asked for are linearly independent.
        index: M distinct positions, in the order wanted.

    Returns:
        Array of shape (N, M, M), lower triangular.
    """
    positions = np.asarray(index, dtype=np.intp)
    m = len(positions)
    if np.array_equal(positions, np.arange(m)):
        return lower[:, :m, :m]
    rows = lower[:, positions, : positions.max() + 1]
    others = np.setdiff1d(np.arange(rows.shape[2]), positions)
    if np.all(np.diff(positions) > 0) and not rows[:, :, others].any():
        return rows[:, :, positions]  # the others are constants
    return lower_factor(rows)


def embedded(lower: Array, index: Sequence[int] | Columns, size: int) -> Array:
    """Put matrices at some rows and columns of larger ones that are zero elsewhere.

    Args:
        lower: array of shape (N, M, M).
        index: M positions below `size`.
        size: D.

    Returns:
        Array of shape (N, D, D).
    """
    positions = np.asarray(index, dtype=np.intp)
    whole = np.zeros((len(lower), size, size))
    whole[np.ix_(np.arange(len(lower)), positions, positions)] = lower
    return whole
