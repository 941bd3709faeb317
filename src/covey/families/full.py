"""What families with any scale matrix have in common: its inverse Cholesky factor, a radial law."""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from covey.backend.branches import where_wanted
from covey.backend.operations import of, ops
from covey.families.family import Family
from covey.families.inverse_cholesky import InverseCholesky
from covey.types import Array, Tensor


class FullFamily(Family):
    """Distributions of D targets whose contours are ellipsoids of any shape.

    Packed are the D means, the D (D + 1) / 2 entries of W (see `InverseCholesky`), and whatever the
    family appends. Subclasses say what that is, and how the density depends on |W (y - mean)|.

    Args:
        n_targets: D, at least 1.
        floor: smallest value of each W_jj, and the reciprocal of the largest; in (0, 1).

    Raises:
        InputError: an argument lies outside its range.
    """

    def __init__(self, n_targets: int, *, floor: float = 1e-6) -> None:
        super().__init__(n_targets, floor=floor)
        self._scale = InverseCholesky(self.n_targets, self.floor)

    @abstractmethod
    def _log_density(
        self, packed: Tensor, log_determinant: Tensor, squares: Tensor, observed: Tensor | int
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

    def _scaling(self, scale: Array) -> tuple[NDArray[np.float32], ...]:
        return self._scale.scaling(scale)

    def _rescaled(self, packed: Tensor, scaling: tuple[Tensor, ...]) -> Tensor:
        scale = self._scale.rescaled(packed, scaling)
        return of(packed).concatenate([scale, packed[..., self._scale.size :]], axis=-1)

    def _log_prob(self, packed: Tensor, y: Tensor, missing: bool) -> Tensor:
        """See `Family`."""
        ops = of(packed)
        d = self.n_targets

        def complete(y: Tensor) -> Tensor:
            return self._log_density(packed, *self._scale.whiten(packed, y), d)

        def marginal(packed: Tensor, y: Tensor) -> Tensor:
            return self._log_density(packed, *self._scale.whiten_observed(packed, y))

        if not missing:
            return complete(y)
        unobserved = ops.isnan(y)
        gaps = ops.any(unobserved, axis=-1)
        try:
            return marginal(packed, y) if bool(ops.any(gaps)) else complete(y)
        except TypeError:  # inside a compiled graph, which decides at every call
            packed, y = _alike(packed, y)
            # where a row has gaps it does not count, and must not poison gradients
            filled = ops.where(unobserved, packed[..., :d], y)
            found = where_wanted(ops.any(gaps), marginal, packed, y)
            return ops.where(gaps, found, complete(filled))


def _alike(packed: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The same numbers, of one floating type and with the same axes in front."""
    zeros = ops.zeros_like(packed[..., :1]) + ops.zeros_like(y[..., :1])
    return packed + zeros, y + zeros
