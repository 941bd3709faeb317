"""Fingerprints of the training cells, to notice when a model is evaluated on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pandas.util import hash_array

from covey.types import Array, Rows

Codes = NDArray[np.uint64]

MOST = 20_000  # fingerprints that are kept: 160 kB
LEAST_SHARE = 0.01  # of a table, beyond what chance repeats, that is worth a warning
DIGITS = 1000.0  # features, and targets in units of their spread, are rounded to a thousandth
EVALUATED = (
    "are rows the model was trained on (they agree in all features and a target), so these figures "
    "flatter it. Evaluate it on rows it has not seen: `out_of_fold_evaluation_` has figures for "
    "the training rows, each by networks that did not train on it."
)
SCORED = (
    "are rows the model was trained on (they agree in all features and a target), so this score "
    "flatters it. `evaluate` and `out_of_fold_evaluation_` say how it does on rows it has not seen."
)
CALIBRATED = (
    "are rows the model was trained on (they agree in all features and a target). Regions "
    "calibrated on them will be too small, and the guarantee does not hold. Calibrate on rows it "
    "has not seen."
)
RECALLED = (
    "are rows the model was calibrated on (they agree in all features and a target): regions cover "
    "their share of these by construction. Evaluate them on other rows."
)
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: spreads sums over all bits


@dataclass(frozen=True)
class Fingerprints:
    """Fingerprints of target cells: each is a hash of the features of its row and of its value.

    Numbers are rounded before, so that a table that was written to a file and read again is still
    recognised; and each target has a fingerprint of its own, so that gaps hide nothing. Only the
    smallest fingerprints are kept, so that of another table, too, only cells with fingerprints as
    small need be looked up.

    Attributes:
        codes: the fingerprints kept, ascending, shape (M,).
        scale: spreads of the targets, shape (D,), in target units.
        share: of all training cells whose fingerprint is at most the last of these, the part that
            is kept: below 1 if the table was a sample.
        repeated: share of the cells that equal another one, their row's features included.
    """

    codes: Codes
    scale: Array
    share: float
    repeated: float
    _given: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, inputs: NDArray[np.float32], Y: Array, n_rows: int | None = None) -> Self:
        """Fingerprints of a training table.

        Args:
            inputs: features as the network reads them, shape (N, F).
            Y: targets, shape (N, D), NaN where not observed.
            n_rows: how many rows there are, if these are a sample of them.

        Returns:
            The fingerprints.
        """
        count = np.maximum((~np.isnan(Y)).sum(axis=0), 1)
        center = np.nansum(Y, axis=0) / count
        scale = np.sqrt(np.nansum(np.square(Y - center), axis=0) / count)
        scale = np.where(scale > 0, scale, np.maximum(np.abs(center), 1.0))
        codes = np.sort(_codes(inputs, Y, scale)[0])
        twins = np.diff(codes) == 0
        repeated = np.r_[False, twins] | np.r_[twins, False] if len(codes) else np.zeros(1)
        share = 1.0 if n_rows is None else len(Y) / n_rows
        return cls(codes[:MOST], scale, share, float(np.mean(repeated)))

    def share_of(self, inputs: NDArray[np.float32], Y: Array, weight: Array | None = None) -> float:
        """The share of a table's cells that are among these.

        Args:
            inputs: features as the network reads them, shape (N, F).
            Y: targets, shape (N, D), NaN where not observed.
            weight: of the rows, shape (N,), or None.

        Returns:
            A number in [0, 1]: an estimate where not all cells are kept. 0 if there are no more
            than chance explains, as in tables whose rows often repeat each other.
        """
        codes, rows = _codes(inputs, Y, self.scale)
        if len(self.codes) == MOST:
            comparable = codes <= self.codes[-1]
            codes, rows = codes[comparable], rows[comparable]
        weights = np.ones(len(rows)) if weight is None else weight[rows]
        if not weights.sum() > 0:
            return 0.0
        known = float(np.average(np.isin(codes, self.codes), weights=weights)) / self.share
        return min(known, 1.0) if known > LEAST_SHARE + 2 * self.repeated else 0.0

    def first_time(self, why: str) -> bool:
        """Whether a warning with these words is asked for the first time."""
        new = why not in self._given
        self._given.add(why)
        return new


def _codes(inputs: NDArray[np.float32], Y: Array, scale: Array) -> tuple[Codes, Rows]:
    """A number for each cell of Y that is observed, and its row."""
    start = np.zeros(len(inputs), dtype=np.uint64)
    for column in inputs.T:
        start = _mixed(start, np.round(column.astype(np.float64) * DIGITS))
    with np.errstate(over="ignore", invalid="ignore"):
        codes = [
            _mixed(_mixed(start, np.full(len(y), float(target))), np.round(y / spread * DIGITS))
            for target, (y, spread) in enumerate(zip(Y.T, scale, strict=True))
        ]
    observed = ~np.isnan(Y.T)
    return np.stack(codes)[observed], np.nonzero(observed)[1]


def _mixed(code: Codes, values: Array) -> Codes:
    return (code ^ hash_array(np.ascontiguousarray(values) + 0.0)) * MULTIPLIER  # -0 counts as 0
