"""What all families have in common: a mean, an inverse Cholesky factor, and one radial law."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from covey.distributions import Elliptical
from covey.engine import keras
from covey.families.inverse_cholesky import InverseCholesky

ops = keras.ops
Tensor = Any  # whatever the engine calls one


class Family(ABC):
    """Distributions of D targets whose contours are ellipsoids, as parameters on the last axis.

    Packed are the D means, the D (D + 1) / 2 entries of W (see `InverseCholesky`), and whatever the
    family appends. Subclasses say what that is, and how the density depends on |W (y - mean)|.

    Args:
        n_targets: D, at least 1.
        floor: smallest value of each W_jj, and the reciprocal of the largest; in (0, 1).

    Raises:
        InputError: an argument lies outside its range.
    """

    def __init__(self, n_targets: int, *, floor: float = 1e-6) -> None:
        self._scale = InverseCholesky(n_targets, floor)
        self.n_targets = self._scale.n_targets
        self.floor = self._scale.floor

    @property
    @abstractmethod
    def packed_size(self) -> int:
        """P, the width of the network's output."""

    @abstractmethod
    def constrain(self, raw: Tensor) -> Tensor:
        """Turn unbounded outputs into packed parameters.

        Args:
            raw: float tensor of shape (..., P).

        Returns:
            Tensor of shape (..., P): valid whatever finite numbers came in.
        """

    @abstractmethod
    def _log_density(
        self, packed: Tensor, log_determinant: Tensor, squares: Tensor, observed: Any
    ) -> Tensor:
        """Log-density of targets with log |W| and |W (y - mean)|^2 as given.

        Args:
            packed: tensor of shape (..., P).
            log_determinant: tensor of shape (...).
            squares: tensor of shape (...).
            observed: number of targets, an integer or a tensor of shape (...).

        Returns:
            Tensor of shape (...), in nats.
        """

    @abstractmethod
    def distribution(self, packed: ArrayLike, targets: Iterable[str] | None = None) -> Elliptical:
        """The NumPy object, from what `model.predict` returned.

        Args:
            packed: array of shape (N, P).
            targets: D names; `y0, y1, ...` by default.

        Returns:
            N distributions in float64.

        Raises:
            InputError: the shape does not fit, or the values are no packed parameters (for
                example NaN, after a training that diverged).
        """

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"n_targets": self.n_targets, "floor": self.floor}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The family that `get_config` describes."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash((type(self), self.n_targets, self.floor))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.n_targets}, floor={self.floor:g})"

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
        own = self._scale.scaled(packed, scale_tril)
        return ops.concatenate([own, packed[..., self._scale.size :]], axis=-1)

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
        d = self.n_targets

        def complete() -> Tensor:
            # reached with gaps too, where the branch is not taken: they must not poison gradients
            known = ops.where(ops.isnan(y), packed[..., :d], y) if missing else y
            return self._log_density(packed, *self._scale.whiten(packed, known), d)

        def marginal() -> Tensor:
            return self._log_density(packed, *self._scale.whiten_observed(packed, y))

        return _by_observation(y, complete, marginal) if missing else complete()


def _by_observation(y: Tensor, complete: Any, marginal: Any) -> Tensor:
    """complete() where no entry of y is NaN, else marginal(); decided as early as can be."""
    any_unobserved = ops.any(ops.isnan(y))
    try:
        known = bool(any_unobserved)
    except TypeError:  # inside a compiled graph
        return ops.cond(any_unobserved, marginal, complete)
    return marginal() if known else complete()  # where `cond` would compile at every call
