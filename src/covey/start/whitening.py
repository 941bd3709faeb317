"""What members learn from: targets in the units of each member's own linear start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from covey.start.start import LinearStart
from covey.table.folds import Folds
from covey.types import Array

LEAST_COMPLETE = 0.1  # share of complete rows below which they are not worth a path of their own


@dataclass(frozen=True)
class Whitened:
    """Targets of N rows for K members.

    A complete row is whitened: z = K^-1 r, r its residuals from the linear start in standardised
    units, K their scale factor. A row with gaps cannot be, for each z mixes several targets. It
    stays as r, NaN where not observed, and its density is that of K z.

    Attributes:
        y: z or r, shape (N, K, D).
        complete: which rows are whitened, shape (N,).
        scale_tril: K of each member, as families take it: shape (K, D, D), or (K, D) if diagonal.
        log_scale: what turns the log-density of y into one in target units, shape (N, K).
    """

    y: NDArray[np.float32]
    complete: NDArray[np.bool_]
    scale_tril: Array
    log_scale: Array

    @classmethod
    def under(
        cls,
        linear: Sequence[LinearStart],
        features: Array,
        Y: Array,
        folds: Folds,
        offsets: Array | None = None,
    ) -> Self:
        """Whiten what can be.

        Args:
            linear: where each member starts.
            features: array of shape (N, F).
            Y: array of shape (N, D), in target units, NaN where not observed.
            folds: who trains on what.
            offsets: for each member, what is taken from Y before anything else, shape (K, N, D).

        Returns:
            The targets. With few complete rows, or none in the training rows of some member, no row
            is whitened.
        """
        observed = ~np.isnan(Y)
        complete = np.asarray(observed.all(axis=1))
        without = any(not complete[train].any() for train, _ in folds.pairs)
        if without or complete.mean() < LEAST_COMPLETE:
            complete = np.zeros(len(Y), dtype=bool)
        y = np.empty((len(Y), len(linear), Y.shape[1]), dtype=np.float32)
        log_scale = np.empty((len(Y), len(linear)))
        for member, start in enumerate(linear):
            taken = Y if offsets is None else Y - offsets[member]
            y[complete, member] = start.whiten(features[complete], taken[complete])
            y[~complete, member] = start.residual(features[~complete], taken[~complete])
            log_scale[complete, member] = start.log_scale
            log_scale[~complete, member] = start.residual_log_scale(observed[~complete])
        return cls(y, complete, np.stack([start.unit for start in linear]), log_scale)
