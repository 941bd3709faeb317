"""The distribution of the nonconformity scores of a calibration set: from level to score and back.

A region of some level holds the scores up to a quantile of those of the calibration set (see
`conformal`), and the level that a row needs is the share of scores below its own. The two agree:
what the region of some level holds needs a lower level.

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

from covey.types import Array, Groups

LEAST_TAIL = 1e-12  # probability below which scores follow the distance, and levels are this one
LARGEST_SCORE = -float(logit(LEAST_TAIL))  # the score there
LEAST_SCORE = -1e3  # below which there is nothing to interpolate
HELD_IN = 0.8  # share of blocks in which a quantile must hold
SLACK = (
    1e-9  # of a rank or a log-odds, so that 0.9 of 9 + 1 rows is the ninth whatever the rounding
)


@final
@dataclass(frozen=True, eq=False)
class ScoreDistribution:
    """The empirical distribution of n nonconformity scores.

    Attributes:
        scores: in ascending order, shape (n,), without unit.
        odds: log-odds of the share of rows up to each of them, shape (n,), to interpolate between;
            None for ranks, which the guarantee of split conformal prediction takes.
    """

    scores: Array
    odds: Array | None

    @classmethod
    def of(cls, scores: Array, weight: Array | None, *, exact: bool) -> Self:
        """The distribution of n scores, in any order.

        Args:
            scores: shape (n,), without unit.
            weight: of the rows, shape (n,); None for equal ones.
            exact: whether to use ranks, which ignore weights.

        Returns:
            A `ScoreDistribution`.
        """
        order = np.argsort(scores, kind="stable")
        if exact:
            return cls(scores[order], None)
        weight = np.ones(len(scores)) if weight is None else weight[order]
        worth = weight.sum() ** 2 / np.square(weight).sum() if len(scores) else 1.0
        share = np.cumsum(weight) / (weight.sum() * (worth + 1) / worth)
        return cls(np.maximum(scores[order], LEAST_SCORE), logit(share))

    @property
    def largest(self) -> float:
        """The largest score; minus infinity if there is none."""
        return float(self.scores[-1]) if len(self.scores) else -np.inf

    @property
    def highest_level(self) -> float:
        """The highest level that n rows support: n / (n + 1) for ranks, 0 for no row."""
        n = len(self.scores)
        if n == 0 or self.odds is None:
            return n / (n + 1)
        return float(expit(self.odds[-1]))

    def supports(self, level: float, tail: float) -> bool:
        """Whether there are enough rows for a level; `tail` is 1 - level, without cancellation."""
        if self.odds is None:
            return self._rank(tail) <= len(self.scores)
        return len(self.scores) > 0 and _odds(level, tail) <= self.odds[-1] + SLACK

    def quantile(self, level: float, tail: float) -> float:
        """The score that a share `level` of rows stays below; `tail` is 1 - level.

        Beyond the levels that the rows support it is infinite by rank; interpolated, it continues
        as the predictions themselves say.
        """
        n = len(self.scores)
        if self.odds is None:
            rank = self._rank(tail)
            return float(self.scores[rank - 1]) if rank <= n else np.inf
        wanted = _odds(level, tail)
        return wanted if n == 0 else float(self.at_odds(np.array(wanted)))

    def at_odds(self, wanted: Array) -> Array:
        """The scores at log-odds of levels, of any shape, where there are odds to go by."""
        odds = np.asarray(self.odds)
        beyond = wanted - np.clip(wanted, odds[0], odds[-1])
        return np.asarray(np.interp(wanted, odds, self.scores) + beyond)

    def level_of(self, scores: Array) -> Array:
        """The levels whose quantiles are these scores: the inverse of `quantile`.

        By rank, with k scores of the set below, it is (k + 1/2) / (n + 1), the middle of the levels
        from k / (n + 1) to (k + 1) / (n + 1), whose quantile is the next score.

        Args:
            scores: of any shape, without unit.

        Returns:
            Levels of the same shape, without unit.
        """
        n = len(self.scores)
        if self.odds is None:
            return (np.searchsorted(self.scores, scores, side="left") + 0.5) / (n + 1)
        if n == 0:
            return np.asarray(expit(scores))
        beyond = scores - np.clip(scores, self.scores[0], self.scores[-1])
        return np.asarray(expit(np.interp(scores, self.scores, self.odds) + beyond))

    def _rank(self, tail: float) -> int:
        """The rank, from 1, of the score that is the quantile; 1 for the lowest levels."""
        n = len(self.scores)
        return max(n + 1 - int(np.floor((n + 1) * tail + SLACK)), 1)


def of_blocks(
    scores: Array, weight: Array | None, blocks: Groups, together: ScoreDistribution
) -> ScoreDistribution:
    """Scores whose quantiles hold in four of five blocks, and in all of them together.

    A new block is one more beside the K that there are, so what holds in the mean over these fails
    in about half of the new ones. The quantile of a level is therefore that of the block that
    four fifths of the blocks do not exceed, if it is above that of all rows. (With a guarantee it
    would be infinite for K < 9 and a level of 0.9: Lee, Barber, Willett 2023, arXiv 2306.06342.)

    Args:
        scores: shape (n,), without unit, in any order.
        weight: of the rows, shape (n,); None for equal ones.
        blocks: a label for each row, shape (n,).
        together: the distribution of all of them, to interpolate between.

    Returns:
        A `ScoreDistribution` of as many scores; `together` where there is only one block.
    """
    labels = np.unique(blocks)
    if len(labels) < 2 or together.odds is None:
        return together
    rows = [blocks == label for label in labels]
    each = [
        ScoreDistribution.of(scores[own], None if weight is None else weight[own], exact=False)
        for own in rows
    ]
    odds = np.sort(np.concatenate([one.odds for one in each if one.odds is not None]))
    wanted = np.stack([one.at_odds(odds) for one in each])
    rank = int(np.ceil(HELD_IN * len(labels) - SLACK))
    return ScoreDistribution(
        np.maximum(np.sort(wanted, axis=0)[rank - 1], together.at_odds(odds)), odds
    )


@final
class ConformalQuantile:
    """The quantile of the scores of some targets, by the rows that hold all of these if they can.

    Rows in which all these targets are observed are like an outcome that is complete, and for such
    an outcome they alone keep the guarantee. They support every level up to n / (n + 1). Beyond it
    all rows count, by the targets that they have, so that there is an answer at all; but a region
    never shrinks as its level grows.

    Args:
        complete: gives the scores of the rows in which all the targets are observed.
        partial: gives those of the rows in which any is.
    """

    def __init__(
        self, complete: Callable[[], ScoreDistribution], partial: Callable[[], ScoreDistribution]
    ) -> None:
        self._complete, self._partial = complete, partial

    @cached_property
    def complete(self) -> ScoreDistribution:
        """The scores of the rows in which all the targets are observed."""
        return self._complete()

    @cached_property
    def partial(self) -> ScoreDistribution:
        """The scores of the rows in which any of the targets is observed."""
        return self._partial()

    def at(self, level: float, tail: float | None = None) -> float:
        """The largest score that a region of some level holds.

        Args:
            level: probability that the region should hold.
            tail: 1 - level, if it is known to more digits.

        Returns:
            A score; infinite where the guarantee would need more rows than there are.
        """
        tail = 1 - level if tail is None else tail
        if self.complete.supports(level, tail):
            return self.complete.quantile(level, tail)
        return max(self.partial.quantile(level, tail), self.complete.largest)

    def level_of(self, scores: Array) -> Array:
        """The levels of the regions on whose boundaries the scores lie, of the same shape."""
        level = self.complete.level_of(scores)
        beyond = scores > self.complete.largest
        if beyond.any():
            least = self.complete.highest_level
            level[beyond] = np.maximum(self.partial.level_of(scores[beyond]), least)
        return level

    def needs_partial_rows(self, level: float) -> bool:
        """Whether a guarantee was wanted, and only rows with gaps are enough for this level."""
        tail = 1 - level
        exact = self.complete.odds is None
        return (
            exact and not self.complete.supports(level, tail) and self.partial.supports(level, tail)
        )


def _odds(level: float, tail: float) -> float:
    with np.errstate(divide="ignore"):  # a level may be as near to 0 or 1 as numbers come
        return float(np.clip(np.log(level) - np.log(tail), -LARGEST_SCORE, LARGEST_SCORE))
