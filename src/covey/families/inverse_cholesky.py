"""The part that families share: a mean and an inverse Cholesky factor, packed on the last axis."""

from math import log

import numpy as np
from numpy.typing import NDArray

from covey.algebra.triangular import cached_parts, inverse_lower, well_conditioned
from covey.backend.operations import backend, of, ops
from covey.errors import InputError
from covey.types import Array, Tensor

# A unit lower triangular A with |A|_F^2 = D + f has |A^-1| <= ((D + f) / (D - 1))^((D - 1) / 2):
# its singular values multiply to 1, so the smallest is least when the others are equal. The entries
# below the diagonal are held in the ball in which the square of that bound is this number: what
# float32 can bear, so that the network's density and its gradient stay right and finite.
LARGEST_INVERSE = 1e11


class InverseCholesky:
    """Mean and W = A diag(w) of D targets; A is unit lower triangular and W Sigma W' = I.

    Packed on the last axis: D means, the D entries of w, then the D (D - 1) / 2 entries of A below
    the diagonal, row by row; whatever a family appends stands behind them. `constrain` keeps W well
    conditioned. Each w_j is exp(r), r softly bounded such that w_j stays between `floor` and
    1 / `floor`. A is bounded as a whole: its entries below the diagonal, as one vector, are softly
    held in a ball. The correlation matrix is that of (A' A)^-1, whatever w is.

    Args:
        n_targets: D, at least 1.
        floor: smallest value of each w_j, and the reciprocal of the largest; in (0, 1).

    References:
        Williams (1996), Using Neural Networks to Model Conditional Multivariate Densities, Neural
        Computation 8(4), doi 10.1162/neco.1996.8.4.843.
        Pourahmadi (1999), Joint mean-covariance models with applications to longitudinal data,
        Biometrika 86(3), doi 10.1093/biomet/86.3.677.
    """

    def __init__(self, n_targets: int, floor: float) -> None:
        self.n_targets = n_targets
        self.floor = floor
        self._rows, self._columns = np.tril_indices(n_targets, -1)

    @property
    def size(self) -> int:
        """Number of packed entries: D + D (D + 1) / 2."""
        return 2 * self.n_targets + len(self._rows)

    @property
    def _ball(self) -> float:
        """Square of the radius of the ball that holds the entries of A below the diagonal."""
        others = self.n_targets - 1
        return float(others * LARGEST_INVERSE ** (1 / others) - self.n_targets)

    def constrain(self, raw: Tensor) -> list[Tensor]:
        """Turn unbounded numbers of shape (..., size) into the packed parts, to be concatenated."""
        ops = of(raw)
        mean, log_diagonal, *below = self._parts(raw)
        diagonal = ops.exp(bounded(log_diagonal, -log(self.floor)))
        if not below:
            return [mean, diagonal]
        squares = ops.sum(ops.square(below[0]), axis=-1, keepdims=True)
        return [mean, diagonal, below[0] * ops.rsqrt(1.0 + squares / self._ball)]

    def scaling(self, scale_tril: Array) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """B and B^-1, checked.

        Args:
            scale_tril: B, lower triangular with a positive diagonal, shape (D, D), or one for each
                member, shape (members, D, D).

        Returns:
            Two arrays of that shape.
        """
        scale_tril, d = np.asarray(scale_tril, dtype=np.float64), self.n_targets
        if scale_tril.ndim not in (2, 3) or scale_tril.shape[-2:] != (d, d):
            raise InputError(
                f"Expected `scale_tril` of shape ({d}, {d}) or (members, {d}, {d}). "
                f"Received shape {scale_tril.shape}."
            )
        return scale_tril.astype(np.float32), inverse_lower(scale_tril).astype(np.float32)

    def rescaled(self, packed: Tensor, scaling: tuple[Tensor, ...]) -> Tensor:
        """The packed mean and factor of B y: B mean and W B^-1.

        Args:
            packed: tensor of shape (..., P).
            scaling: B and B^-1, such that they fit the last leading axis of `packed`.

        Returns:
            Tensor of shape (..., size).
        """
        ops, d = of(packed), self.n_targets
        packed, forward, inverse = map(ops.convert_to_tensor, (packed, *scaling))
        mean, diagonal, *below = self._parts(packed)
        mean = ops.matmul(forward, ops.expand_dims(mean, -1))[..., 0]
        diagonal = diagonal * ops.diagonal(inverse, axis1=-2, axis2=-1)
        if not below:
            return ops.concatenate([mean, diagonal], axis=-1)
        matrix = ops.matmul(self._matrix(packed), inverse) / ops.expand_dims(diagonal, -2)
        flat = ops.reshape(matrix, (*ops.shape(packed)[:-1], d * d))
        entries = ops.take(flat, self._rows * d + self._columns, axis=-1)
        return ops.concatenate([mean, diagonal, entries], axis=-1)

    def whiten(self, packed: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Log-determinant and squared distance of complete observations.

        Args:
            packed: tensor of shape (..., P).
            y: tensor of shape (..., D).

        Returns:
            (log |W|, |W (y - mean)|^2), each of shape (...).
        """
        ops = of(packed)
        mean, diagonal, *below = self._parts(packed)
        z = scaled = diagonal * (y - mean)
        if below:
            others = ops.matmul(self._square(below[0]), ops.expand_dims(scaled[..., :-1], -1))
            z = scaled + _padded(others[..., 0], {-1: (1, 0)})
        return ops.sum(ops.log(diagonal), axis=-1), ops.sum(ops.square(z), axis=-1)

    def whiten_observed(self, packed: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The same for the marginal of the entries of y that are not NaN.

        With P = W'W and m the missing entries, the marginal has log-determinant
        log |W| - 1/2 log |P_mm| and squared distance min over r_m of |W r|^2. The minimiser is the
        conditional mean; at a minimum its own gradient does not count. P_mm is never formed: its
        Cholesky factor is the R of W's missing columns, while the product would lose half of the
        digits, and then the factorisation fails in float32 where targets are strongly correlated.

        No gradient goes through the factorisation. That of 1/2 log |P_mm| by W_m, the missing
        columns, is W_m P_mm^-1 = Q R'^-1, and 1/2 |W_m R^-1|^2 has the same where R counts as a
        constant.

        Args:
            packed: tensor of shape (..., P).
            y: tensor of shape (..., D).

        Returns:
            (log-determinant, squared distance, number observed), each of shape (...).
        """
        ops, d = of(packed), self.n_targets
        shape = ops.shape(y)[:-1]
        mean, missing = packed[..., :d], ops.isnan(y)
        # NaN must not enter, not even times zero
        residual = ops.where(missing, mean, y) - mean
        matrix = ops.reshape(self._matrix(packed), (-1, d, d))
        diagonal = ops.reshape(packed[..., d : 2 * d], (-1, d))
        residual, missing = ops.reshape(residual, (-1, d)), ops.reshape(missing, (-1, d))
        transposed = ops.transpose(matrix, (0, 2, 1))
        unit = ops.eye(d, dtype=matrix.dtype) * ops.ones_like(matrix)
        absent = ops.where(missing[:, None, :], matrix, 0.0)
        # W for the missing entries, the identity for the observed ones
        columns = [absent, ops.where(missing[:, None, :], 0.0, unit)]
        columns = ops.stop_gradient(ops.concatenate(columns, axis=1))
        length = ops.sqrt(ops.sum(ops.square(columns), axis=1))
        # one after the other: jaxlib's kernels wait for each other for ever where two of them run
        # at once on few cores, as in the gradient of a factorisation
        _, factor = ops.qr(columns / length[:, None, :])
        inverse = ops.solve_triangular(factor, unit, lower=False) / length[:, :, None]
        inverse = ops.stop_gradient(inverse)
        log_block = ops.log(ops.abs(ops.diagonal(factor, axis1=1, axis2=2)) * length)
        among = ops.sum(ops.square(ops.matmul(absent, inverse)), axis=(1, 2))
        log_block = ops.stop_gradient(ops.sum(log_block, axis=-1))
        log_block = log_block + 0.5 * (among - ops.stop_gradient(among))
        z = ops.matmul(matrix, residual[:, :, None])
        slope = ops.where(missing[:, :, None], ops.matmul(transposed, z), 0.0)
        step = ops.matmul(inverse, ops.matmul(ops.transpose(inverse, (0, 2, 1)), slope))
        z = z - ops.matmul(matrix, ops.stop_gradient(step))
        observed = ops.sum(ops.cast(ops.logical_not(missing), z.dtype), axis=-1)
        log_determinant = ops.sum(ops.log(diagonal), axis=-1) - log_block
        squares = ops.sum(ops.square(z[:, :, 0]), axis=-1)
        return (
            ops.reshape(log_determinant, shape),
            ops.reshape(squares, shape),
            ops.reshape(observed, shape),
        )

    def _parts(self, packed: Tensor) -> list[Tensor]:
        """Mean, diagonal and, for D > 1, the entries of A below its diagonal."""
        d = self.n_targets
        scale = packed if packed.shape[-1] == self.size else packed[..., : self.size]
        return _split(scale, [d, 2 * d] if d > 1 else [d])

    def _square(self, below: Tensor) -> Tensor:
        """A without its first row and last column: lower triangular, shape (..., D - 1, D - 1)."""
        # rows with zeros behind, not a gather: its gradient would be a scatter, which is slow
        others = self.n_targets - 1
        rows = _split(below, [i * (i + 1) // 2 for i in range(1, others)])
        ops = of(below)
        padded = [_padded(row, {-1: (0, others - 1 - i)}) for i, row in enumerate(rows)]
        return ops.stack(padded, axis=-2)

    def _matrix(self, packed: Tensor) -> Tensor:
        """W as a tensor of shape (..., D, D)."""
        _, diagonal, *below = self._parts(packed)
        ops = of(packed)
        unit = ops.eye(self.n_targets, dtype=diagonal.dtype)
        if below:
            unit = unit + _padded(self._square(below[0]), {-2: (1, 0), -1: (0, 1)})
        return unit * ops.expand_dims(diagonal, -2)

    def scale_tril(self, values: Array) -> Array:
        """The Cholesky factor W^-1 of each row of checked values, shape (N, D, D), conditioned."""
        d = self.n_targets
        factor = np.empty((len(values), d, d))
        for rows in cached_parts(factor):
            part = values[rows]
            matrix = np.zeros((len(part), d, d))
            matrix[:, np.arange(d), np.arange(d)] = 1
            matrix[:, self._rows, self._columns] = part[:, 2 * d : self.size]
            matrix *= part[:, None, d : 2 * d]
            factor[rows] = well_conditioned(inverse_lower(matrix))
        return factor


def _split(x: Tensor, ends: list[int]) -> list[Tensor]:
    """Parts of the last axis that end at some places, and what is behind the last."""
    # under torch, Keras' split leaves what is compiled
    if isinstance(x, np.ndarray) or backend() == "torch":
        starts, stops = [0, *ends], [*ends, x.shape[-1]]
        return [x[..., start:stop] for start, stop in zip(starts, stops, strict=True)]
    # not sliced: the gradient is one concatenation, not a sum of arrays full of zeros
    return list(ops.split(x, ends, axis=-1)) if ends else [x]


def _padded(x: Tensor, widths: dict[int, tuple[int, int]]) -> Tensor:
    """X with zeros around it: (before, behind) on some of the last axes."""
    rank = len(x.shape)
    return of(x).pad(x, [widths.get(axis - rank, (0, 0)) for axis in range(rank)])


def bounded(x: Tensor, limit: float) -> Tensor:
    """x, softly held in (-limit, limit): slope 1 at 0, smooth, and never quite flat."""
    ops = of(x)
    return x * ops.rsqrt(1.0 + ops.square(x / limit))
