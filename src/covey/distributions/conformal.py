"""Split conformal calibration: predictions for rows with observed values set the size of regions.

The nonconformity score of a row is the log-odds of a smaller distance under its own distribution,

    s = log P(|Z|^2 < |z|^2) - log P(|Z|^2 > |z|^2),    |z|^2 of the observed values,

so that rows with different numbers of targets or different tails can be compared. If the
predictions are right, the region of level p holds the scores up to log p - log(1 - p). Here it
holds those up to a quantile of the scores of the calibration set. Where one of the two
probabilities is below 1e-12, s continues with the logarithm of the squared distance: however wrong
the predictions are, scores stay in order and can be turned back into distances.

References: Vovk, Gammerman, Shafer (2005), Algorithmic Learning in a Random World; Johnstone, Cox
(2021), Conformal uncertainty sets for robust optimization, PMLR 152.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Self

import numpy as np
from scipy.special import expit

from covey.algebra.patterns import by_pattern
from covey.distributions.empirical import (
    LARGEST_SCORE,
    LEAST_TAIL,
    ConformalQuantile,
    ScoreDistribution,
    of_blocks,
)
from covey.distributions.radial import SquaredDistanceLaw
from covey.distributions.steps import Step, concatenated
from covey.errors import InputError, counted
from covey.types import Array, Groups, Mask, RowIndex, Rows

ROUNDING = 1e-10  # of squares, so that a row as far out as a row of the calibration set is inside
INTERVAL = "interval"  # beside the shapes of regions
MOST_CACHED = 2**21  # numbers of the score distributions that are cached, 16 MB


@dataclass(frozen=True, eq=False)
class CalibrationSet:
    """Predictions and observed values of M rows, and the operations done on N rows since.

    When a region of the N rows is wanted, the same operations are done on the M rows: these are
    marginalised and transformed alike, and conditioned on their own values of the same targets.

    Attributes:
        joint: the distributions of the M rows, `Calibrated` ones, whose file imports this one.
        values: the observed values, shape (M, D), in target units; NaN where not observed.
        method: "out_of_fold" if the rows were held out by members of the model, "conformal" if they
            are fresh.
        weight: of the M rows, shape (M,), positive; None for equal ones.
        blocks: a label for each of the M rows, shape (M,): rows of one label depend on each other,
            and new rows are like another block; None if each row stands alone.
        steps: the operations done on the N rows, in order.
        warned: levels of the warnings that were given, so that there is only one.
    """

    joint: Any
    values: Array
    method: str
    weight: Array | None = None
    blocks: Groups | None = None
    steps: tuple[Step, ...] = ()
    warned: list[float] = field(default_factory=list, repr=False)
    _cache: dict[tuple[object, ...], ScoreDistribution] = field(
        default_factory=dict, init=False, repr=False
    )

    def __post_init__(self) -> None:
        shape = (len(self.joint), len(self.joint.targets))
        if self.values.shape != shape or self.method not in ("out_of_fold", "conformal"):
            raise InputError(
                f"Expected values of shape {shape}, from rows out of fold or conformal. Received "
                f"shape {self.values.shape}, {self.method!r}."
            )
        if self.blocks is not None and self.blocks.shape != shape[:1]:
            raise InputError(
                f"Expected a block for each of {counted(shape[0], 'row')}. Received "
                f"{len(self.blocks)}."
            )

    def __getstate__(self) -> dict[str, Any]:
        return {
            **{name: value for name, value in vars(self).items() if name != "_stepped"},
            "_cache": {},
            "warned": [],
        }

    def to_arrays(self) -> dict[str, Any]:
        """The arrays that a file must hold; `method` is text, and steps are not stored."""
        arrays = {**self.joint.to_arrays(), "values": self.values}
        more = {"weight": self.weight, "blocks": self.blocks}
        return arrays | {name: array for name, array in more.items() if array is not None}

    def then(self, step: Step) -> Self:
        """The same set after one more operation on the N rows."""
        before = self.steps
        steps = (*before[:-1], *step.after(before[-1])) if before else (step,)
        then = replace(self, steps=steps)
        object.__setattr__(then, "_cache", self._cache)  # whose keys name all steps
        return then

    def of_rows(self, index: RowIndex) -> Self:
        """The same set, for some of the N rows."""
        part = replace(self, steps=tuple(step.of_rows(index) for step in self.steps))
        object.__setattr__(part, "_cache", self._cache)  # of the same rows and operations
        return part

    @staticmethod
    def shared(
        sets: Sequence[CalibrationSet | None], sizes: Sequence[int]
    ) -> CalibrationSet | None:
        """The calibration set of several batches together, if they have the same rows and steps.

        Args:
            sets: of each batch; None for one that is not calibrated.
            sizes: how many rows each batch has.

        Returns:
            A set for the rows of all, one batch after another; None if there is none.
        """
        first = sets[0]
        if first is None or not all(first.has_rows_of(other) for other in sets[1:]):
            return None
        steps = concatenated([each.steps for each in sets if each is not None], sizes)
        return None if steps is None else replace(first, steps=tuple(steps))

    def has_rows_of(self, other: CalibrationSet | None) -> bool:
        """Whether another set has the same M rows, whatever its steps."""
        if other is None or self.method != other.method:
            return False
        if (
            self.joint is other.joint
            and self.values is other.values
            and self.weight is other.weight
            and self.blocks is other.blocks
        ):
            return True
        if type(self.joint) is not type(other.joint) or self.joint.targets != other.joint.targets:
            return False
        ours, theirs = self.to_arrays(), other.to_arrays()
        return ours.keys() == theirs.keys() and all(
            np.array_equal(array, theirs[name], equal_nan=True) for name, array in ours.items()
        )

    def rows_at(self, level: float) -> int:
        """How many of the M rows the first row's region of all its targets is calibrated on."""
        one = self.of_rows(slice(1))
        quantile = one._quantile(~one._stepped.joint.observed.any(axis=0), "ellipsoid")
        enough = quantile.complete.supports(level, 1 - level)
        return len((quantile.complete if enough else quantile.partial).scores)

    def quantiles(self, present: Mask, shape: str) -> Iterator[tuple[Rows, ConformalQuantile]]:
        """Yield rows of the same steps and targets, and the quantile of the scores for these.

        Args:
            present: which targets are wanted, shape (N, D), none that is known exactly.
            shape: of the regions, "ellipsoid" or "density".

        Yields:
            (rows, quantile): row numbers, and the quantile function of the scores of these targets
            together. Rows for which no target is wanted are left out.
        """
        for rows, one in self._groups(len(present)):
            for which, part in by_pattern(present[rows]):
                if part.any():
                    yield rows[which], one._quantile(part, shape)

    def quantiles_of_each(self, present: Mask) -> Iterator[tuple[Rows, int, ConformalQuantile]]:
        """Yield (rows, target, quantile) of each target alone; the rest is as for `quantiles`."""
        for rows, one in self._groups(len(present)):
            for target in np.flatnonzero(present[rows].any(axis=0)):
                part = np.arange(present.shape[1]) == target
                yield rows[present[rows, target]], int(target), one._quantile(part, INTERVAL)

    def _groups(self, n_rows: int) -> Iterator[tuple[Rows, CalibrationSet]]:
        """Yield the rows of the same steps, and the set for the first of them."""
        start = np.zeros((n_rows, 0), dtype=bool)
        marks = np.concatenate([start, *(step.marks(n_rows) for step in self.steps)], axis=1)
        for rows, _ in by_pattern(marks):
            yield rows, self.of_rows(rows[:1])

    def _quantile(self, part: Mask, shape: str) -> ConformalQuantile:
        """The quantile function of the scores of some targets, which `part` marks, shape (D,)."""
        return ConformalQuantile(
            partial(self._scores, part, shape, complete=True),
            partial(self._scores, part, shape, complete=False),
        )

    @cached_property
    def _stepped(self) -> CalibrationSet:
        """The M rows after the steps of the first of the N rows, as a set without steps."""
        stepped: CalibrationSet = replace(self, steps=())
        for step in self.steps:
            stepped = step.applied_to(stepped)
        return stepped

    def _scores(self, part: Mask, shape: str, *, complete: bool) -> ScoreDistribution:
        """The scores of the rows in which all of some targets are observed, or any of them."""
        steps = ((type(step).__name__, step.key) for step in self.steps)
        key = *steps, part.tobytes(), shape, complete
        scores = self._cache.get(key)
        if scores is None:
            scores = self._stepped._scores_now(part, shape, complete)
            if len(self._cache) * 2 * max(len(self.values), 1) > MOST_CACHED:
                self._cache.clear()
            self._cache[key] = scores
        return scores

    def _scores_now(self, part: Mask, shape: str, complete: bool) -> ScoreDistribution:
        """See `_scores`: computed, for a set without steps."""
        present = ~np.isnan(self.values) & part
        count = present.sum(axis=1)
        used = np.flatnonzero(count == part.sum() if complete else count > 0)
        rows = self.joint if len(used) == len(count) else self.joint[used]
        values = np.where(present, self.values, np.nan)[used]
        if shape == INTERVAL:
            scores = rows._interval_scores(values)[:, int(np.flatnonzero(part)[0])]
        else:
            scores = rows._region_scores(values, shape)
        weight = None if self.weight is None else self.weight[used]
        exact = self.method == "conformal"
        found = ScoreDistribution.of(scores, weight, exact=exact)
        if exact or self.blocks is None:
            return found
        return of_blocks(scores, weight, self.blocks[used], found)


def nonconformity_score(squares: Array, law: SquaredDistanceLaw) -> Array:
    """The log-odds of a smaller distance, as described above.

    Args:
        squares: |z|^2, shape (..., N), without unit.
        law: that of |z|^2 in the N rows.

    Returns:
        Array of shape (..., N), without unit; minus infinity at no distance at all.
    """
    longest, shortest = law.isf(LEAST_TAIL), law.ppf(LEAST_TAIL)
    inner = np.clip(squares, shortest, longest)
    with np.errstate(divide="ignore"):
        middle = np.log(law.cdf(inner)) - np.log(law.sf(inner))
        return np.clip(middle, -LARGEST_SCORE, LARGEST_SCORE) + np.log(squares / inner)


def squares_of_score(score: Array | float, law: SquaredDistanceLaw) -> Array:
    """The inverse of `nonconformity_score`, up to `ROUNDING`.

    Args:
        score: of shape () or (N,).
        law: that of |z|^2 in the N rows.

    Returns:
        |z|^2, shape (N,), without unit.
    """
    inner = np.clip(score, -LARGEST_SCORE, LARGEST_SCORE)
    far = inner > 0
    if np.all(far):
        start = law.isf(expit(-inner))
    elif not np.any(far):
        start = law.ppf(expit(inner))
    else:
        start = np.where(far, law.isf(expit(-inner)), law.ppf(expit(inner)))
    return start * np.exp(score - inner) * (1 + ROUNDING)
