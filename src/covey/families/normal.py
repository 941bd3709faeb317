"""The multivariate normal family, parametrised by the inverse Cholesky factor."""

from collections.abc import Iterable
from math import log, pi
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from covey.distributions import MultivariateNormal
from covey.distributions.triangular import conditioned, inverse_lower
from covey.engine import keras
from covey.errors import InputError

ops = keras.ops
Tensor = Any  # whatever the engine calls one

# A unit lower triangular A with |A|_F^2 = D + f has |A^-1| <= ((D + f) / (D - 1))^((D - 1) / 2):
# its singular values multiply to 1, so the smallest is least when the others are equal. The entries
# below the diagonal are held in the ball in which the square of that bound is this number: what
# float32 can bear, so that the network's density and its gradient stay right and finite.
LARGEST_INVERSE = 1e11


@keras.saving.register_keras_serializable(package="covey")
class Normal:
    """Multivariate normal distributions of D targets, with a full covariance matrix per row.

    The network predicts the mean and W, the inverse of the lower Cholesky factor of the covariance:
    W is lower triangular with a positive diagonal and W Sigma W' = I, so that

        log p(y) = sum_i log W_ii - 1/2 |W (y - mean)|^2 - D/2 log(2 pi)

    needs no inverse, no solve and no factorisation, and every output is a valid covariance.

    `constrain` keeps W = A diag(w) well conditioned. Each w_j is exp(r), r softly bounded such that
    w_j stays between `floor` and 1 / `floor`. A is unit lower triangular and is bounded as a whole:
    its off-diagonal entries, as one vector, are softly held in a ball. The correlation matrix is
    that of (A' A)^-1, whatever w is. Raw outputs of zero give the standard normal.

    Packed parameters, on the last axis: D means, D diagonal entries of W, then D (D - 1) / 2
    entries below the diagonal, row by row. All are in the units of the y that the network is
    trained on, which should be standardised.

    Args:
        n_targets: D, at least 1.
        floor: smallest value of each W_jj, and the reciprocal of the largest; in (0, 1). 1 / W_jj
            is the standard deviation of target j given the targets before it.

    Raises:
        InputError: an argument lies outside its range.

    References:
        Williams (1996), Using Neural Networks to Model Conditional Multivariate Densities, Neural
        Computation 8(4), doi 10.1162/neco.1996.8.4.843.
        Pourahmadi (1999), Joint mean-covariance models with applications to longitudinal data,
        Biometrika 86(3), doi 10.1093/biomet/86.3.677.

    Example:
        >>> import numpy as np
        >>> from covey.families import Normal
        >>> family = Normal(2)
        >>> family.packed_size
        5
        >>> joint = family.distribution(np.array([[0.0, 0.0, 1.0, 2.0, 0.0]]))
        >>> joint.stddev
        array([[1. , 0.5]])
    """

    def __init__(self, n_targets: int, *, floor: float = 1e-6) -> None:
        if isinstance(n_targets, bool) or not isinstance(n_targets, (int, np.integer)):
            raise InputError(f"`n_targets` must be a positive integer. Received: {n_targets!r}.")
        if n_targets < 1:
            raise InputError(f"`n_targets` must be at least 1. Received: {n_targets}.")
        if not 0 < floor < 1:
            raise InputError(f"`floor` must lie in (0, 1). Received: floor={floor!r}.")
        self.n_targets = int(n_targets)
        self.floor = float(floor)
        self._rows, self._columns = np.tril_indices(self.n_targets, -1)

    @property
    def packed_size(self) -> int:
        """P, the width of the network's output: D + D (D + 1) / 2."""
        return 2 * self.n_targets + len(self._rows)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"n_targets": self.n_targets, "floor": self.floor}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Normal":
        """The family that `get_config` describes."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Normal) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash((self.n_targets, self.floor))

    def __repr__(self) -> str:
        return f"Normal({self.n_targets}, floor={self.floor:g})"

    def constrain(self, raw: Tensor) -> Tensor:
        """Turn unbounded outputs into packed parameters.

        Args:
            raw: float tensor of shape (..., P).

        Returns:
            Tensor of shape (..., P): valid whatever finite numbers came in.
        """
        d = self.n_targets
        mean, log_diagonal, below = raw[..., :d], raw[..., d : 2 * d], raw[..., 2 * d :]
        diagonal = ops.exp(_bounded(log_diagonal, -log(self.floor)))
        if d == 1:
            return ops.concatenate([mean, diagonal], axis=-1)
        squares = ops.sum(ops.square(below), axis=-1, keepdims=True)
        below = below / ops.sqrt(1.0 + squares / self._ball)
        below = below * ops.take(diagonal, self._columns, axis=-1)
        return ops.concatenate([mean, diagonal, below], axis=-1)

    @property
    def _ball(self) -> float:
        """Square of the radius of the ball that holds the entries of A below the diagonal."""
        others = self.n_targets - 1
        return float(others * LARGEST_INVERSE ** (1 / others) - self.n_targets)

    def log_prob(self, packed: Tensor, y: Tensor, *, missing: bool = True) -> Tensor:
        """Log-density of one observation per row.

        Args:
            packed: tensor of shape (..., P), as `constrain` gives it.
            y: tensor of shape (..., D). NaN means "not observed": such entries are marginalised
                exactly, at the price of one QR decomposition per row in batches that hold any; an
                entirely unobserved row has log-density 0.
            missing: False promises that no entry is NaN, and halves the time to compile.

        Returns:
            Tensor of shape (...), in nats.
        """
        d = self.n_targets
        mean, diagonal = packed[..., :d], packed[..., d : 2 * d]
        matrix = self._matrix(packed)
        unobserved = ops.isnan(y)
        # NaN must not enter, not even times zero
        residual = (ops.where(unobserved, mean, y) if missing else y) - mean

        def complete() -> Tensor:
            z = ops.sum(matrix * ops.expand_dims(residual, -2), axis=-1)
            return ops.sum(ops.log(diagonal) - 0.5 * ops.square(z), axis=-1) - d * 0.5 * log(2 * pi)

        def marginal() -> Tensor:
            return self._marginal_log_prob(matrix, diagonal, residual, unobserved)

        if not missing:
            return complete()
        any_unobserved = ops.any(unobserved)
        try:
            known = bool(any_unobserved)
        except TypeError:  # inside a compiled graph
            return ops.cond(any_unobserved, marginal, complete)
        return marginal() if known else complete()  # where `cond` would compile at every call

    def _matrix(self, packed: Tensor) -> Tensor:
        """W as a tensor of shape (..., D, D)."""
        d = self.n_targets
        position = np.full((d, d), self.packed_size)  # above the diagonal: the appended zero
        position[np.arange(d), np.arange(d)] = d + np.arange(d)
        position[self._rows, self._columns] = 2 * d + np.arange(len(self._rows))
        padded = ops.concatenate([packed, ops.zeros_like(packed[..., :1])], axis=-1)
        entries = ops.take(padded, position.reshape(-1), axis=-1)
        return ops.reshape(entries, (*ops.shape(packed)[:-1], d, d))

    def _marginal_log_prob(
        self, matrix: Tensor, diagonal: Tensor, residual: Tensor, missing: Tensor
    ) -> Tensor:
        """Log-density of the observed entries.

        With P = W'W and m the missing entries, log p(y_o) = log|W| - 1/2 log|P_mm|
        - 1/2 min over r_m of |W r|^2 - |o|/2 log(2 pi). The minimiser is the conditional mean; at a
        minimum its own gradient does not count. P_mm is never formed: its Cholesky factor is the R
        of W's missing columns, while the product would lose half of the digits, and then the
        factorisation fails in float32 where targets are strongly correlated.
        """
        d = self.n_targets
        matrix, diagonal = ops.reshape(matrix, (-1, d, d)), ops.reshape(diagonal, (-1, d))
        shape = ops.shape(residual)[:-1]
        residual, missing = ops.reshape(residual, (-1, d)), ops.reshape(missing, (-1, d))
        transposed = ops.transpose(matrix, (0, 2, 1))
        unit = ops.eye(d, dtype=matrix.dtype) * ops.ones_like(matrix)
        columns = ops.concatenate(  # W for the missing entries, the identity for the observed ones
            [
                ops.where(missing[:, None, :], matrix, 0.0),
                ops.where(missing[:, None, :], 0.0, unit),
            ],
            axis=1,
        )
        length = ops.sqrt(ops.sum(ops.square(columns), axis=1))
        _, factor = ops.qr(columns / length[:, None, :])
        z = ops.matmul(matrix, residual[:, :, None])
        slope = ops.where(missing[:, :, None], ops.matmul(transposed, z), 0.0)
        half = ops.solve_triangular(
            ops.transpose(factor, (0, 2, 1)), slope / length[:, :, None], lower=True
        )
        step = ops.solve_triangular(factor, half, lower=False)
        z = z - ops.matmul(matrix, ops.stop_gradient(step / length[:, :, None]))
        log_block = ops.log(ops.abs(ops.diagonal(factor, axis1=1, axis2=2)) * length)
        observed = ops.sum(ops.cast(ops.logical_not(missing), z.dtype), axis=-1)
        terms = ops.log(diagonal) - log_block - 0.5 * ops.square(z[:, :, 0])
        return ops.reshape(ops.sum(terms, axis=-1) - observed * 0.5 * log(2 * pi), shape)

    def distribution(
        self, packed: ArrayLike, targets: Iterable[str] | None = None
    ) -> MultivariateNormal:
        """The NumPy object, from what `model.predict` returned.

        Args:
            packed: array of shape (N, P).
            targets: D names; `y0, y1, ...` by default.

        Returns:
            A `MultivariateNormal` of N rows in float64.

        Raises:
            InputError: the shape does not fit, or the values are no packed parameters (for
                example NaN, after a training that diverged).
        """
        values = np.asarray(packed, dtype=np.float64)
        d = self.n_targets
        if values.ndim != 2 or values.shape[1] != self.packed_size:
            raise InputError(
                f"Expected packed parameters of shape (N, {self.packed_size}) for {d} targets. "
                f"Received shape {values.shape}."
            )
        bad = ~np.isfinite(values).all(axis=1) | (values[:, d : 2 * d] <= 0).any(axis=1)
        if bad.any():
            raise InputError(
                "Expected finite packed parameters with a positive diagonal, as a model that ends "
                f"in a DistributionHead predicts them. Row {int(np.flatnonzero(bad)[0])} has not; "
                "if it is NaN, training diverged: standardise the targets or lower the learning "
                "rate."
            )
        matrix = np.zeros((len(values), d, d))
        matrix[:, np.arange(d), np.arange(d)] = values[:, d : 2 * d]
        matrix[:, self._rows, self._columns] = values[:, 2 * d :]
        factor = conditioned(inverse_lower(matrix))
        return MultivariateNormal(values[:, :d], scale_tril=factor, targets=targets)


def _bounded(x: Tensor, limit: float) -> Tensor:
    """x, softly held in (-limit, limit): slope 1 at 0, smooth, and never quite flat."""
    return x / ops.sqrt(1.0 + ops.square(x / limit))
