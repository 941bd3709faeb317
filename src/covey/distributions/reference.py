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

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from covey.distributions.patterns import Rows, by_pattern
from covey.errors import InputError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Function = Callable[[Any], Array]

EDGE = 1e-12  # probability below which distances take over
LONGEST = -float(logit(EDGE))  # the score there
ROUNDING = 1e-10  # of squares, so that a row as far out as a reference row is inside
LEAST = -1e3  # a score below which there is nothing to interpolate
ENOUGH = 200  # rows that hold all the targets, to leave those with gaps aside


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
    """

    joint: Any
    values: Array
    method: str
    weight: Array | None = None
    steps: tuple[Kept | Combined | Told, ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.joint), len(self.joint.targets))
        if self.values.shape != shape or self.method not in ("out_of_fold", "conformal"):
            raise InputError(
                f"Expected values of shape {shape}, from rows out of fold or conformal. Received "
                f"shape {self.values.shape}, {self.method!r}."
            )

    def to_arrays(self) -> dict[str, Array]:
        """What a file must hold, `method` apart; steps are none of it."""
        arrays = {**self.joint.to_arrays(), "values": self.values}
        return arrays if self.weight is None else {**arrays, "weight": self.weight}

    def then(self, step: Kept | Combined | Told) -> Self:
        """The same, with one thing more asked of all rows."""
        return replace(self, steps=(*self.steps, step))

    def of_rows(self, index: Any) -> Self:
        """The same for some of the N rows."""
        steps = (Told(s.pattern[index]) if isinstance(s, Told) else s for s in self.steps)
        return replace(self, steps=tuple(steps))

    def groups(self, n_rows: int) -> Iterator[tuple[Rows, Reference]]:
        """Yield the rows that were told the same targets, and the reference rows told them too.

        Args:
            n_rows: N.

        Yields:
            (rows, reference): row numbers, and a reference without steps.
        """
        told = [step.pattern for step in self.steps if isinstance(step, Told)]
        patterns = np.concatenate([np.zeros((n_rows, 0), dtype=bool), *told], axis=1)
        for rows, _ in by_pattern(patterns):
            reference = replace(self, steps=())
            for step in self.of_rows(rows[:1]).steps:
                reference = step.of(reference)
            yield rows, reference

    def reach(self, level: float) -> float:
        """The score that a region of all targets reaches up to.

        Rows that hold all targets count, or, where these are few, all with what they hold.

        Args:
            level: probability that the region should hold.

        Returns:
            A score; infinite where a guarantee would need more rows than there are.
        """
        unknown = ~self.joint.observed
        values = np.where(unknown, self.values, np.nan)
        present = ~np.isnan(values)
        some = np.any(present, axis=1)
        whole = some & np.all(present == unknown, axis=1)
        used: Mask = whole if whole.sum() >= ENOUGH else some
        squares, count = self.joint[used]._squares(values[used])
        return self._quantile(score(squares, self.joint[used]._radial(count)), used, level)

    def reaches(self, level: float) -> Array:
        """The score that the interval of each target reaches up to, shape (D,)."""
        radial = self.joint._radial(np.ones(len(self.joint), dtype=np.intp))
        unknown = ~self.joint.observed
        scale = np.where(unknown, self.joint._scale, 1.0)
        squares = np.square((self.values - self.joint.mean) / scale)
        found = np.empty(squares.shape[1])
        for number, column in enumerate(squares.T):
            used = unknown[:, number] & ~np.isnan(column)
            scores = score(np.where(used, column, 1.0), radial)[used]
            found[number] = self._quantile(scores, used, level)
        return found

    def _quantile(self, scores: Array, used: Mask, level: float) -> float:
        """A quantile of the scores: that of split conformal prediction, or interpolated."""
        n = len(scores)
        if self.method == "conformal":
            rank = int(np.ceil((n + 1) * level - 1e-9))
            return float(np.partition(scores, rank - 1)[rank - 1]) if rank <= n else np.inf
        wanted = float(logit(level))
        if n == 0:
            return wanted
        order = np.argsort(scores)
        weight = np.ones(n) if self.weight is None else self.weight[used][order]
        worth = weight.sum() ** 2 / np.square(weight).sum()  # rows of equal weight (Kish 1965)
        expected = logit(np.cumsum(weight) / (weight.sum() * (worth + 1) / worth))
        found = np.maximum(scores[order], LEAST)
        # beyond the rows the model's own tail is all there is
        beyond = wanted - np.clip(wanted, expected[0], expected[-1])
        return float(np.interp(wanted, expected, found) + beyond)


@dataclass(frozen=True)
class Radial:
    """The law of |z|^2 in some rows, precise at both ends.

    Attributes:
        below: gives the probability of less, for squares of shape (..., N).
        above: gives the probability of more.
        from_below: gives the squares that are not reached with a probability, a number.
        from_above: gives the squares that are surpassed with a probability.
    """

    below: Function
    above: Function
    from_below: Function
    from_above: Function


def score(squares: Array, radial: Radial) -> Array:
    """How improbable distances are, as described above.

    Args:
        squares: |z|^2, shape (N,).
        radial: its law in these rows.

    Returns:
        Array of shape (N,); minus infinity at no distance at all.
    """
    longest, shortest = radial.from_above(EDGE), radial.from_below(EDGE)
    inner = np.clip(squares, shortest, longest)
    with np.errstate(divide="ignore"):
        middle = np.log(radial.below(inner)) - np.log(radial.above(inner))
        return np.clip(middle, -LONGEST, LONGEST) + np.log(squares / inner)


def squares_at(reach: float, radial: Radial) -> Array:
    """The |z|^2 whose score is `reach`: what `score` takes, from what it gives."""
    inner = np.clip(reach, -LONGEST, LONGEST)
    start = radial.from_above(expit(-inner)) if inner > 0 else radial.from_below(expit(inner))
    return start * np.exp(reach - inner) * (1 + ROUNDING)


@final
@dataclass(frozen=True, eq=False)
class Kept:
    """Some targets are kept, the others left out: their positions, in the order wanted."""

    positions: list[int]

    def of(self, reference: Reference) -> Reference:
        """The same asked of reference rows."""
        joint, values = reference.joint, reference.values
        return replace(
            reference, joint=joint._marginal(self.positions), values=values[:, self.positions]
        )


@final
@dataclass(frozen=True, eq=False)
class Combined:
    """The targets y are replaced by A y, one matrix of shape (M, D) for all rows."""

    matrix: Array

    def of(self, reference: Reference) -> Reference:
        """The same asked of reference rows; a target that is not observed takes others along."""
        m, values = len(self.matrix), reference.values
        names = tuple(f"y{number}" for number in range(m))
        joint = reference.joint._mapped(self.matrix[None], np.zeros(m), names)
        lacking = np.isnan(values).astype(float) @ (self.matrix != 0).T > 0
        combined = np.where(lacking, np.nan, np.nan_to_num(values) @ self.matrix.T)
        return replace(reference, joint=joint, values=combined)


@final
@dataclass(frozen=True, eq=False)
class Told:
    """Some targets were observed: which of them in each row, shape (N, D)."""

    pattern: Mask

    def of(self, reference: Reference) -> Reference:
        """What the first row was told is told to the reference rows that hold it."""
        pattern, values, weight = self.pattern[0], reference.values, reference.weight
        hold = ~np.isnan(values[:, pattern]).any(axis=1)
        joint, values = reference.joint[hold], values[hold]
        return replace(
            reference,
            joint=joint._conditional(np.where(pattern & ~joint.observed, values, np.nan)),
            values=values,
            weight=None if weight is None else weight[hold],
        )
