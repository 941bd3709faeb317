"""What all families have in common: their size, their configuration, what `predict` returned."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from covey.backend.operations import ops
from covey.distributions import Elliptical, Mixture
from covey.errors import InputError, counted, shown
from covey.types import Array, Tensor


class Family(ABC):
    """Distributions of D targets, as parameters on the last axis.

    Packed are the D means, D positive numbers that say how wide each target is, and whatever the
    family appends.

    Args:
        n_targets: D, at least 1.
        floor: smallest of the positive numbers, and the reciprocal of the largest; in (0, 1).

    Raises:
        InputError: an argument lies outside its range.
    """

    # In what order the parameters are packed, and what `constrain` makes of raw outputs: a network
    # that learned another one means something else, so that files say which one theirs is.
    packing: ClassVar[str] = "rows"

    def __init__(self, n_targets: int, *, floor: float) -> None:
        if isinstance(n_targets, bool) or not isinstance(n_targets, (int, np.integer)):
            raise InputError(
                f"`n_targets` must be a positive integer. Received: {shown(n_targets)}."
            )
        if n_targets < 1:
            raise InputError(f"`n_targets` must be at least 1. Received: {n_targets}.")
        if not 0 < floor < 1:
            raise InputError(f"`floor` must lie in (0, 1). Received: floor={shown(floor)}.")
        self.n_targets = int(n_targets)
        self.floor = float(floor)

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

    def log_prob(self, packed: Tensor, y: Tensor, *, missing: bool = True) -> Tensor:
        """Log-density of one observation per row.

        Args:
            packed: tensor of shape (..., P), as `constrain` gives it.
            y: tensor of shape (..., D). NaN means "not observed": such entries are marginalised
                exactly, at the price of one factorisation per row in batches that hold any; an
                entirely unobserved row has log-density 0.
            missing: False promises that no entry is NaN, and halves the time to compile.

        Second derivatives of rows with gaps are not those of the density.

        Returns:
            Tensor of shape (...), in nats.
        """
        return self._log_prob(ops.convert_to_tensor(packed), ops.convert_to_tensor(y), missing)

    @abstractmethod
    def _log_prob(self, packed: Tensor, y: Tensor, missing: bool) -> Tensor:
        """The same of tensors, or of NumPy's arrays."""

    @abstractmethod
    def distribution(
        self, packed: ArrayLike, targets: Iterable[str] | None = None
    ) -> Elliptical | Mixture:
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
        return hash((type(self), *self.get_config().values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.n_targets}, floor={self.floor:g})"

    @abstractmethod
    def _scaling(self, scale: Array) -> tuple[NDArray[np.float32], ...]:
        """See `internals.scaling`."""

    @abstractmethod
    def _rescaled(self, packed: Tensor, scaling: tuple[Tensor, ...]) -> Tensor:
        """See `internals.rescaled`."""

    def _read(self, packed: ArrayLike) -> Array:
        """What `model.predict` returned, in float64, checked.

        Raises:
            InputError: the shape is not (N, P), or the values are no packed parameters (for example
                NaN, after a training that diverged).
        """
        values = np.asarray(packed, dtype=np.float64)
        d = self.n_targets
        if values.ndim != 2 or values.shape[1] != self.packed_size:
            raise InputError(
                f"Expected packed parameters of shape (N, {self.packed_size}) for "
                f"{counted(d, 'target')}. Received shape {values.shape}."
            )
        bad = ~np.isfinite(values).all(axis=1) | self._check_read(values)
        if bad.any():
            raise InputError(
                "Expected finite packed parameters with a positive diagonal, as a model that ends "
                f"in a DistributionHead predicts them. Row {int(np.flatnonzero(bad)[0])} has not; "
                "if it is NaN, training diverged: standardise the targets or lower the learning "
                "rate."
            )
        return values

    def _check_read(self, values: Array) -> NDArray[np.bool_]:
        """Which rows of packed parameters hold a width that is not positive: (N, P) to (N,)."""
        d = self.n_targets
        found: NDArray[np.bool_] = np.any(values[:, d : 2 * d] <= 0, axis=1)
        return found
