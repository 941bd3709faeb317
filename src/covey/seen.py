"""Fingerprints of the rows a model was fitted to: to notice when it is judged by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pandas.util import hash_array

Array = NDArray[np.float64]
Codes = NDArray[np.uint64]

MOST = 20_000  # fingerprints that are kept: 160 kB
LEAST_SHARE = 0.01  # of the rows of a table, beyond those that chance repeats, that is worth a word
EVALUATED = (
    "are rows the model was trained on (equal in all features and targets), so these figures "
    "flatter it. Judge it by rows it has not seen: `out_of_fold_evaluation_` has figures for the "
    "training rows, each by networks that did not train on it."
)
CALIBRATED = (
    "are rows the model was trained on (equal in all features and targets). Regions that go by "
    "them will be too small, and the guarantee does not hold. Calibrate on rows it has not seen."
)
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: spreads sums over all bits


@dataclass(frozen=True)
class SeenRows:
    """Some of the training rows, each by one number made of its features and targets.

    Kept are the rows with the smallest numbers, so that of any other table, too, only rows with
    numbers as small need be looked up.

    Attributes:
        codes: the fingerprints kept, ascending, shape (M,).
        share: which part of the training rows with fingerprints up to the last of these they are.
        repeated: share of the training rows that equal another one in all features and targets.
    """

    codes: Codes
    share: float
    repeated: float

    @classmethod
    def of(cls, inputs: NDArray[np.float32], Y: Array, n_rows: int | None = None) -> Self:
        """Take fingerprints.

        Args:
            inputs: features as the network reads them, shape (N, F).
            Y: targets, shape (N, D), NaN where not observed.
            n_rows: how many training rows there are, if these are a sample of them.

        Returns:
            The fingerprints.
        """
        codes = np.sort(_codes(inputs, Y))
        twins = np.diff(codes) == 0
        repeated = np.r_[False, twins] | np.r_[twins, False]
        share = 1.0 if n_rows is None else len(codes) / n_rows
        return cls(codes[:MOST], share, float(repeated.mean()))

    def share_of(self, inputs: NDArray[np.float32], Y: Array) -> float:
        """The share of rows that are rows of the training.

        Args:
            inputs: features as the network reads them, shape (N, F).
            Y: targets, shape (N, D), NaN where not observed.

        Returns:
            A number in [0, 1]: an estimate where not all training rows are kept. 0 if there are no
            more than chance explains, as in tables whose rows often repeat each other.
        """
        codes = _codes(inputs, Y)
        if len(self.codes) == MOST:
            codes = codes[codes <= self.codes[-1]]
        if not len(codes):
            return 0.0
        found = min(float(np.isin(codes, self.codes).mean()) / self.share, 1.0)
        return found if found > LEAST_SHARE + 2 * self.repeated else 0.0


def _codes(inputs: NDArray[np.float32], Y: Array) -> Codes:
    """A number for each row; -0 counts as 0, and rows without a target have one, too."""
    code = np.zeros(len(inputs), dtype=np.uint64)
    for column in (*inputs.T.astype(np.float64), *Y.T):
        code = (code ^ hash_array(np.ascontiguousarray(column) + 0.0)) * MULTIPLIER
    return code
