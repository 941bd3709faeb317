"""Residuals of K linear starts, whitened, for all members at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from covey.algebra.triangular import inverse_lower
from covey.start.start import LinearStart, with_unbounded
from covey.types import Array, Mask

CHUNK = 1024  # rows of a product: one core does as much alone, while the others train


class Whitener:
    """Turns targets into residuals of K linear starts, z = B^-1 r where a row holds all targets.

    Args:
        linear: where each member starts.

    Attributes:
        shape: (K, D).
        factors: the whitening factor of each, shape (K, D, D), or (K, D) if diagonal.
    """

    def __init__(self, linear: Sequence[LinearStart]) -> None:
        self.shape = len(linear), len(linear[0].location)
        self.location = np.stack([start.location for start in linear])
        self.scale = np.stack([start.scale for start in linear])
        self.intercept = np.stack([start.intercept for start in linear])
        self.coef = np.concatenate([start.coef for start in linear], axis=1)  # (F + C, K D)
        self.unbounded = linear[0].unbounded
        self.factors = np.stack([start.whitening_factor for start in linear])
        self.diagonal = self.factors.ndim == 2
        self.inverses = 1.0 / self.factors if self.diagonal else inverse_lower(self.factors)

    def __call__(
        self, X: NDArray[np.float32], Y: Array, complete: Mask, offsets: Array | None = None
    ) -> NDArray[np.float32]:
        """Whiten rows.

        Args:
            X: features, shape (N, F).
            Y: targets, shape (N, D), in target units; NaN where not observed.
            complete: which rows are to be whitened, shape (N,): they hold all targets. The others
                become residuals.
            offsets: for each member, what is taken from Y before anything else, shape (K, N, D), in
                target units.

        Returns:
            Array of shape (N, K, D), whitened rows without unit, residuals in standardised units.
        """
        found = np.empty((len(Y), *self.shape), dtype=np.float32)
        for first in range(0, len(Y), CHUNK):
            rows = slice(first, first + CHUNK)
            taken = Y[rows, None]
            if offsets is not None:
                taken = taken - offsets[:, rows].swapaxes(0, 1)
            features = with_unbounded(X[rows], self.unbounded)
            mean = (features @ self.coef).reshape(-1, *self.shape) + self.intercept
            residuals = (taken - self.location) / self.scale - mean
            found[rows] = residuals
            whole = complete[rows]
            found[rows][whole] = self._whitened(residuals[whole])
        return found

    def _whitened(self, residuals: Array) -> Array:
        if self.diagonal:
            return residuals * self.inverses
        members = residuals.swapaxes(0, 1)  # one product each
        return (members @ self.inverses.swapaxes(1, 2)).swapaxes(0, 1)
