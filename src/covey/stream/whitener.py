"""What members learn from, for many rows at once: `Whitened.under` at the price of one product."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from covey.algebra.triangular import inverse_lower
from covey.start.start import LinearStart, with_unbounded
from covey.types import Array

CHUNK = 1024  # rows of a product: one core does as much alone, while the others train


class Whitener:
    """Targets of rows in the units of K linear starts, as `Whitened` describes them.

    Args:
        linear: where each member starts.
    """

    def __init__(self, linear: Sequence[LinearStart]) -> None:
        self.shape = len(linear), len(linear[0].location)
        self.location = np.stack([start.location for start in linear])
        self.scale = np.stack([start.scale for start in linear])
        self.intercept = np.stack([start.intercept for start in linear])
        self.coef = np.concatenate([start.coef for start in linear], axis=1)  # (F + C, K D)
        self.unbounded = linear[0].unbounded
        self.unit = np.stack([start.unit for start in linear])
        self.full = self.unit.ndim == 3
        if not self.full:
            return
        # z = K^-1 ((y - location) / scale - x coef - intercept), as two products and a shift
        self.center = self.location[0]
        wholes, coefs, shifts = [], [], []
        for start, inverse in zip(linear, inverse_lower(self.unit), strict=True):
            wholes.append(inverse.T / start.scale[:, None])
            coefs.append(start.coef @ inverse.T)
            apart = (self.center - start.location) / start.scale - start.intercept
            shifts.append(inverse @ apart)
        self.whole = np.concatenate(wholes, axis=1)  # (D, K D)
        self.whole_coef = np.concatenate(coefs, axis=1)  # (F + C, K D)
        self.shift = np.concatenate(shifts)

    def __call__(
        self, X: NDArray[np.float32], Y: Array, complete: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Whiten rows.

        Args:
            X: features, shape (N, F).
            Y: targets, shape (N, D), in target units; NaN where not observed.
            complete: which rows are to be whitened, shape (N,): they hold all targets. The others
                become residuals.

        Returns:
            Array of shape (N, K, D).
        """
        k, d = self.shape
        found = np.empty((len(Y), k, d), dtype=np.float32)
        for first in range(0, len(Y), CHUNK):
            rows = slice(first, first + CHUNK)
            x, y, whole = with_unbounded(X[rows], self.unbounded), Y[rows], complete[rows]
            if not (self.full and whole.all()):
                mean = (x @ self.coef).reshape(-1, k, d) + self.intercept
                residual = (y[:, None] - self.location) / self.scale - mean
                found[rows] = residual
            if self.full:
                known = y[whole] - self.center
                z = known @ self.whole - x[whole] @ self.whole_coef + self.shift
                found[rows][whole] = z.reshape(-1, k, d)
            else:
                found[rows][whole] = residual[whole] / self.unit
        return found
