"""Rows whose outcome is known: how far they lay from what was predicted sets how wide others are.

A row is scored by how improbable its distance is under its own distribution,

    s = log P(|z|^2 < what came) - log P(|z|^2 > what came),

so that rows with other numbers of targets or other tails can be compared. If the predictions are
right, a region of level p reaches up to s = log p - log(1 - p). What it reaches up to here is a
quantile of the scores of the reference rows instead. Where one of the two probabilities is below
1e-12, s goes on with the logarithm of the squared distance, so that however wrong the predictions
are, scores stay in order and lead back to distances.

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
from covey.distributions.empirical import EDGE, LONGEST, Empirical, Reach
from covey.distributions.radial import SquaredDistanceLaw
from covey.distributions.steps import Step, joined
from covey.errors import InputError
from covey.types import Array, Mask, Rows

ROUNDING = 1e-10  # of squares, so that a row as far out as a reference row is inside
MOST_KEPT = 2**21  # numbers of the laws that are kept for the next question, 16 MB


@dataclass(frozen=True, eq=False)
class Reference:
    """Predictions for M rows and what came, and what has been asked of N other rows since.

    Whatever is asked of the N rows is asked of the M rows too, when a region is wanted: they are
    marginalised alike, combined alike, and told their own values of the same targets.

    Attributes:
        joint: the distributions of the M rows, an `Elliptical`.
        values: what came, shape (M, D), in target units; NaN where not observed.
        method: "out_of_fold" if the rows were held out by members of the model, "conformal" if they
            are fresh.
        weight: of the M rows, shape (M,), positive; None for equal ones.
        steps: what has been asked of the N rows, in order.
        said: what was said of these rows, lest it be said twice.
    """

    joint: Any
    values: Array
    method: str
    weight: Array | None = None
    steps: tuple[Step, ...] = ()
    said: list[float] = field(default_factory=list, repr=False)
    _laws: dict[Any, Empirical] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        shape = (len(self.joint), len(self.joint.targets))
        if self.values.shape != shape or self.method not in ("out_of_fold", "conformal"):
            raise InputError(
                f"Expected values of shape {shape}, from rows out of fold or conformal. Received "
                f"shape {self.values.shape}, {self.method!r}."
            )

    def __getstate__(self) -> dict[str, Any]:
        return {
            **{name: value for name, value in vars(self).items() if name != "_asked"},
            "_laws": {},
            "said": [],
        }

    def to_arrays(self) -> dict[str, Array]:
        """What a file must hold, `method` apart; steps are none of it."""
        arrays = {**self.joint.to_arrays(), "values": self.values}
        return arrays if self.weight is None else {**arrays, "weight": self.weight}

    def then(self, step: Step) -> Self:
        """The same, with one thing more asked of all rows."""
        before = self.steps
        steps = (*before[:-1], *step.after(before[-1])) if before else (step,)
        return replace(self, steps=steps)

    def of_rows(self, index: Any) -> Self:
        """The same for some of the N rows."""
        part = replace(self, steps=tuple(step.of_rows(index) for step in self.steps))
        object.__setattr__(part, "_laws", self._laws)  # of the same rows, asked the same
        return part

    @staticmethod
    def shared(references: Sequence[Reference | None], sizes: Sequence[int]) -> Reference | None:
        """What several batches of rows go by, if it is the same rows asked the same.

        Args:
            references: of each batch; None for one that goes by the model.
            sizes: how many rows each has.

        Returns:
            A reference for all rows of them, one batch after another; None if there is none.
        """
        first = references[0]
        if first is None or not all(first.is_of(other) for other in references[1:]):
            return None
        steps = joined([r.steps for r in references if r is not None], sizes)
        return None if steps is None else replace(first, steps=tuple(steps))

    def is_of(self, other: Reference | None) -> bool:
        """Whether another one has the same rows, whatever was asked of them."""
        if other is None or self.method != other.method:
            return False
        if (
            self.joint is other.joint
            and self.values is other.values
            and self.weight is other.weight
        ):
            return True
        if type(self.joint) is not type(other.joint) or self.joint.targets != other.joint.targets:
            return False
        ours, theirs = self.to_arrays(), other.to_arrays()
        return ours.keys() == theirs.keys() and all(
            np.array_equal(array, theirs[name], equal_nan=True) for name, array in ours.items()
        )

    def rows_at(self, level: float) -> int:
        """How many of the M rows set how far the first row's region of all its targets reaches."""
        one = self.of_rows(slice(1))
        law = one._reach(~one._asked.joint.observed.any(axis=0))
        used = law.whole if law.whole.tells(level, 1 - level) else law.some
        return len(used.scores)

    def laws(self, present: Mask) -> Iterator[tuple[Rows, Reach]]:
        """Yield rows that are asked the same, and how far the reference rows reached there.

        Args:
            present: which targets are asked for, shape (N, D), none that is known exactly.

        Yields:
            (rows, reach): row numbers, and the law of the distances of these targets together. Rows
            for which no target is asked are left out.
        """
        for rows, one in self._alike(len(present)):
            for which, part in by_pattern(present[rows]):
                if part.any():
                    yield rows[which], one._reach(part)

    def laws_of_each(self, present: Mask) -> Iterator[tuple[Rows, int, Reach]]:
        """Yield (rows, target, reach) for each target on its own; the rest is as for `laws`."""
        for rows, one in self._alike(len(present)):
            for target in np.flatnonzero(present[rows].any(axis=0)):
                part = np.arange(present.shape[1]) == target
                yield rows[present[rows, target]], int(target), one._reach(part)

    def _alike(self, n_rows: int) -> Iterator[tuple[Rows, Reference]]:
        """Yield the rows that were asked the same, and the reference of the first of them."""
        start = np.zeros((n_rows, 0), dtype=bool)
        marks = np.concatenate([start, *(step.marks(n_rows) for step in self.steps)], axis=1)
        for rows, _ in by_pattern(marks):
            yield rows, self.of_rows(rows[:1])

    def _reach(self, part: Mask) -> Reach:
        """How far the rows reached that hold all of some targets, or else any."""
        return Reach(partial(self._law, part, whole=True), partial(self._law, part, whole=False))

    @cached_property
    def _asked(self) -> Reference:
        """The reference rows after the steps of the first row: a reference without steps."""
        reference: Reference = replace(self, steps=())
        for step in self.steps:
            reference = step.of(reference)
        return reference

    def _law(self, part: Mask, *, whole: bool) -> Empirical:
        """The law of the scores of the rows that hold all of some targets, or any of them."""
        key = *(step.key for step in self.steps), part.tobytes(), whole
        law = self._laws.get(key)
        if law is None:
            law = self._asked._law_of(part, whole)
            if len(self._laws) * 2 * max(len(self.values), 1) > MOST_KEPT:
                self._laws.clear()
            self._laws[key] = law
        return law

    def _law_of(self, part: Mask, whole: bool) -> Empirical:
        present = ~np.isnan(self.values) & part
        count = present.sum(axis=1)
        used = np.flatnonzero(count == part.sum() if whole else count > 0)
        if part.sum() == 1:
            at = int(np.flatnonzero(part)[0])
            shift = np.where(present[:, at], self.values[:, at], self.joint.mean[:, at])
            squares = np.square(
                (shift - self.joint.mean[:, at]) / self.joint._scale.root_diagonal[:, at]
            )
            scores = score(
                squares, self.joint._radial.squared_distance(np.ones(len(count), dtype=np.intp))
            )[used]
        else:
            rows = self.joint if len(used) == len(count) else self.joint[used]
            squares, count = rows._squares(np.where(present, self.values, np.nan)[used])
            scores = score(squares, rows._radial.squared_distance(count))
        weight = None if self.weight is None else self.weight[used]
        return Empirical.of(scores, weight, exact=self.method == "conformal")


def score(squares: Array, law: SquaredDistanceLaw) -> Array:
    """How improbable distances are, as described above.

    Args:
        squares: |z|^2, shape (N,).
        law: that of |z|^2 in these rows.

    Returns:
        Array of shape (N,); minus infinity at no distance at all.
    """
    longest, shortest = law.isf(EDGE), law.ppf(EDGE)
    inner = np.clip(squares, shortest, longest)
    with np.errstate(divide="ignore"):
        middle = np.log(law.cdf(inner)) - np.log(law.sf(inner))
        return np.clip(middle, -LONGEST, LONGEST) + np.log(squares / inner)


def squares_at(reach: Any, law: SquaredDistanceLaw) -> Array:
    """The |z|^2 whose score is `reach`, of shape () or (N,): `score` read backwards."""
    inner = np.clip(reach, -LONGEST, LONGEST)
    far = inner > 0
    if np.all(far):
        start = law.isf(expit(-inner))
    elif not np.any(far):
        start = law.ppf(expit(inner))
    else:
        start = np.where(far, law.isf(expit(-inner)), law.ppf(expit(inner)))
    return start * np.exp(reach - inner) * (1 + ROUNDING)
