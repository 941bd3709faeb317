"""What members learn from: targets in the units of each member's own linear start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from covey.start.start import LinearStart
from covey.start.whitener import Whitener
from covey.table.training_data import TrainingData
from covey.types import Array, Mask

LEAST_COMPLETE = 0.1  # share of complete rows below which they are not worth a path of their own


@dataclass(frozen=True)
class Whitened:
    """Targets of N rows for K members.

    A complete row is whitened: z = B^-1 r, r its residuals from the linear start in standardised
    units, B the whitening factor. A row with gaps cannot be, for each z mixes several targets. It
    stays as r, NaN where not observed, and its density is that of B z.

    Attributes:
        y: z or r, shape (N, K, D).
        complete: which rows are whitened, shape (N,).
        scale_tril: B of each member, as families take it: shape (K, D, D), or (K, D) if diagonal.
        log_scale: what turns the log-density of y into one in target units, shape (N, K).
    """

    y: NDArray[np.float32]
    complete: Mask
    scale_tril: Array
    log_scale: Array

    @classmethod
    def under(
        cls,
        linear: Sequence[LinearStart],
        data: TrainingData,
    ) -> Self:
        """Whiten complete rows, and leave those with gaps as residuals.

        Args:
            linear: where each member starts.
            data: the rows; offsets are taken from their targets before anything else.

        Returns:
            The targets. With few complete rows, or none in the training rows of some member, no row
            is whitened.
        """
        inputs, Y = data.inputs, data.Y
        observed = ~np.isnan(Y)
        complete = np.asarray(observed.all(axis=1))
        without = any(not complete[train].any() for train in data.folds.trains)
        if without or complete.mean() < LEAST_COMPLETE:
            complete = np.zeros(len(Y), dtype=bool)
        whitener = Whitener(linear)
        y = whitener(inputs.matrix, Y, complete, inputs.offsets)
        log_scale = np.empty((len(Y), len(linear)))
        for member, start in enumerate(linear):
            log_scale[complete, member] = start.log_scale
            log_scale[~complete, member] = start.residual_log_scale(observed[~complete])
        return cls(y, complete, whitener.factors, log_scale)
