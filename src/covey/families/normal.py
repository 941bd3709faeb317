"""The multivariate normal family, parametrised by the inverse Cholesky factor."""

from collections.abc import Iterable
from math import log, pi
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from covey.distributions import MultivariateNormal
from covey.engine import keras
from covey.families.inverse_cholesky import InverseCholesky, by_observation

ops = keras.ops
Tensor = Any  # whatever the engine calls one


@final
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
        self._scale = InverseCholesky(n_targets, floor)
        self.n_targets = self._scale.n_targets
        self.floor = self._scale.floor

    @property
    def packed_size(self) -> int:
        """P, the width of the network's output: D + D (D + 1) / 2."""
        return self._scale.size

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
        return hash((type(self), self.n_targets, self.floor))

    def __repr__(self) -> str:
        return f"Normal({self.n_targets}, floor={self.floor:g})"

    def constrain(self, raw: Tensor) -> Tensor:
        """Turn unbounded outputs into packed parameters.

        Args:
            raw: float tensor of shape (..., P).

        Returns:
            Tensor of shape (..., P): valid whatever finite numbers came in.
        """
        return ops.concatenate(self._scale.constrain(raw), axis=-1)

    def scaled(self, packed: Tensor, scale_tril: NDArray[np.float64]) -> Tensor:
        """Packed parameters of K y, from those of y.

        Args:
            packed: tensor of shape (..., P).
            scale_tril: K, lower triangular with a positive diagonal, shape (D, D), or one for each
                member, shape (members, D, D), along the last leading axis of `packed`.

        Returns:
            Tensor of shape (..., P), for `log_prob`.

        Raises:
            InputError: `scale_tril` has another shape.
        """
        return self._scale.scaled(packed, scale_tril)

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
        packed, y = ops.convert_to_tensor(packed), ops.convert_to_tensor(y)

        def complete() -> Tensor:
            # reached with gaps too, where the branch is not taken: they must not poison gradients
            known = ops.where(ops.isnan(y), packed[..., : self.n_targets], y) if missing else y
            log_determinant, squares = self._scale.whiten(packed, known)
            return log_determinant - 0.5 * squares - self.n_targets * 0.5 * log(2 * pi)

        def marginal() -> Tensor:
            log_determinant, squares, observed = self._scale.whiten_observed(packed, y)
            return log_determinant - 0.5 * squares - observed * 0.5 * log(2 * pi)

        return by_observation(y, complete, marginal) if missing else complete()

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
        values = self._scale.read(packed, self.packed_size)
        return MultivariateNormal(
            values[:, : self.n_targets],
            scale_tril=self._scale.scale_tril(values),
            targets=targets,
        )
