"""How far rows of known outcome lay, as a law: from a level to a distance, and back.

Distances are told by scores (see `reference`): how improbable they are under the predictions. A
region of some level reaches up to a quantile of the scores of other rows, and the level that a row
of its own needs is where its score lies among theirs. The two agree: what a region of some level
holds has a level below it.

References: Vovk, Gammerman, Shafer (2005), Algorithmic Learning in a Random World, chapter 2; Kish
(1965), Survey Sampling (how many rows of equal weight weighted ones are worth).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Self, final

import numpy as np
from scipy.special import expit, logit

from covey.types import Array

EDGE = 1e-12  # probability below which scores are distances, and levels are as good as this one
LONGEST = -float(logit(EDGE))  # the score there
LEAST = -1e3  # a score below which there is nothing to interpolate
SLACK = (
    1e-9  # of a rank or a log-odds, so that 0.9 of 9 + 1 rows is the ninth whatever the rounding
)


@final
@dataclass(frozen=True, eq=False)
class Empirical:
    """The law of the scores of some rows.

    Attributes:
        scores: in ascending order, shape (n,).
        odds: log-odds of the share of rows up to each of them, shape (n,), to interpolate between;
            None where the promise of split conformal prediction is wanted, which goes by ranks.
    """

    scores: Array
    odds: Array | None

    @classmethod
    def of(cls, scores: Array, weight: Array | None, *, exact: bool) -> Self:
        """The law of n scores, in any order.

        Args:
            scores: shape (n,).
            weight: of the rows, shape (n,); None for equal ones.
            exact: whether to go by ranks, all rows being worth the same.
        """
        order = np.argsort(scores, kind="stable")
        if exact:
            return cls(scores[order], None)
        weight = np.ones(len(scores)) if weight is None else weight[order]
        worth = weight.sum() ** 2 / np.square(weight).sum() if len(scores) else 1.0
        share = np.cumsum(weight) / (weight.sum() * (worth + 1) / worth)
        return cls(np.maximum(scores[order], LEAST), logit(share))

    @property
    def last(self) -> float:
        """The largest score; minus infinity of none."""
        return float(self.scores[-1]) if len(self.scores) else -np.inf

    @property
    def most(self) -> float:
        """The highest level that the rows can tell: n / (n + 1), or 0 for none."""
        n = len(self.scores)
        if n == 0 or self.odds is None:
            return n / (n + 1)
        return float(expit(self.odds[-1]))

    def tells(self, level: float, tail: float) -> bool:
        """Whether there are rows enough for a level; `tail` is 1 less it, to its own last digit."""
        if self.odds is None:
            return self._rank(tail) <= len(self.scores)
        return len(self.scores) > 0 and _odds(level, tail) <= self.odds[-1] + SLACK

    def at(self, level: float, tail: float) -> float:
        """The score that a share `level` of rows stays below.

        Beyond what the rows can tell it is infinite by rank; interpolated, it goes on as the
        predictions themselves do.
        """
        n = len(self.scores)
        if self.odds is None:
            rank = self._rank(tail)
            return float(self.scores[rank - 1]) if rank <= n else np.inf
        wanted = _odds(level, tail)
        if n == 0:
            return wanted
        beyond = wanted - np.clip(wanted, self.odds[0], self.odds[-1])
        return float(np.interp(wanted, self.odds, self.scores) + beyond)

    def level_of(self, scores: Array) -> Array:
        """The levels at which such scores are just reached: `at`, read backwards.

        By rank it is the middle of the levels, from k / (n + 1) to (k + 1) / (n + 1), whose regions
        reach up to the least of the rows' scores that is not below, where k are.
        """
        n = len(self.scores)
        if self.odds is None:
            return (np.searchsorted(self.scores, scores, side="left") + 0.5) / (n + 1)
        if n == 0:
            return np.asarray(expit(scores))
        beyond = scores - np.clip(scores, self.scores[0], self.scores[-1])
        return np.asarray(expit(np.interp(scores, self.scores, self.odds) + beyond))

    def _rank(self, tail: float) -> int:
        """Of the score that is reached: the smallest of all for the lowest of levels."""
        n = len(self.scores)
        return max(n + 1 - int(np.floor((n + 1) * tail + SLACK)), 1)


@final
class Reach:
    """How far regions of some targets reach, by the rows that hold all of these where they suffice.

    Rows that hold all targets are like an outcome that is whole, and for such the promise is kept
    by them alone. They suffice for every level up to n / (n + 1). Beyond it all rows count for what
    they hold, lest nothing could be said, but a region never shrinks as its level grows.

    Args:
        whole: gives the law of the rows that hold all targets.
        some: gives the law of the rows that hold any.
    """

    def __init__(self, whole: Callable[[], Empirical], some: Callable[[], Empirical]) -> None:
        self._whole, self._some = whole, some

    @cached_property
    def whole(self) -> Empirical:
        """The law of the rows that hold all targets."""
        return self._whole()

    @cached_property
    def some(self) -> Empirical:
        """The law of all rows, by what they hold."""
        return self._some()

    def at(self, level: float, tail: float | None = None) -> float:
        """The score that a region reaches up to.

        Args:
            level: probability that the region should hold.
            tail: 1 - level, if it is known to more digits.

        Returns:
            A score; infinite where a promise would need more rows than there are.
        """
        tail = 1 - level if tail is None else tail
        if self.whole.tells(level, tail):
            return self.whole.at(level, tail)
        return max(self.some.at(level, tail), self.whole.last)

    def level_of(self, scores: Array) -> Array:
        """The levels of the regions that just reach so far, of the shape of `scores`."""
        level = self.whole.level_of(scores)
        beyond = scores > self.whole.last
        if beyond.any():
            level[beyond] = np.maximum(self.some.level_of(scores[beyond]), self.whole.most)
        return level

    def lacks(self, level: float) -> bool:
        """Whether rows with gaps had to help, where a promise was wanted."""
        tail = 1 - level
        exact = self.whole.odds is None
        return exact and not self.whole.tells(level, tail) and self.some.tells(level, tail)


def _odds(level: float, tail: float) -> float:
    with np.errstate(divide="ignore"):  # a level may be as near to 0 or 1 as numbers come
        return float(np.clip(np.log(level) - np.log(tail), -LONGEST, LONGEST))
