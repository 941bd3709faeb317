"""The order along which rows depend on one another, if they do, and what says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from covey.errors import warn
from covey.rows.neighbours import dependence
from covey.table import CategoricalColumn, DateColumn, FeatureSchema
from covey.table.cells import decode, listed
from covey.table.folds import BLOCKS, LATER
from covey.types import Array, Columns, Groups, Rows

if TYPE_CHECKING:
    import pandas as pd


ASKED, DATES, NEIGHBOURS = "asked", "dates", "neighbours"
TABLE, INDEX, TIME = "the table", "the index", "time"  # which stand in an order, if no column does
MOST_LACKING = 0.1  # share of rows without a date, in a column that orders them
LEAST_DATES = 10  # different ones
LEAST_RUNS = 20  # values that each stand together, for them to be labels of something


@dataclass(frozen=True)
class RowOrder:
    """Why members hold out whole blocks of rows, and along which order.

    Attributes:
        by: name of the column of dates that orders the rows, "the index", or "the table".
        because: "asked", "dates" (rows stand in the order of a column of dates) or "neighbours"
            (residuals resemble those of rows next to them).
        target: the target of which this was seen, or None.
        lag: how many rows apart, or None.
        correlation: of its residuals so many rows apart, or None.
        runs: name of a column of text whose equal values stand together, or None.
        groups: whether this was seen of rows of different groups, which are kept whole.
        folds: "blocks", or "later" if members hold out later rows than those they train on.
    """

    by: str
    because: str
    target: str | None = None
    lag: int | None = None
    correlation: float | None = None
    runs: str | None = None
    groups: bool = False
    folds: str = BLOCKS

    @classmethod
    def find(
        cls,
        frame: pd.DataFrame,
        schema: FeatureSchema,
        inputs: NDArray[np.float32],
        Y: Array,
        targets: Sequence[str],
        *,
        groups: Groups | None = None,
        asked: bool = False,
        later: bool = False,
    ) -> tuple[Self, Rows] | None:
        """Find the order along which rows depend on their neighbours, if they do.

        Rows that stand in the order of a column of dates, or of an index of dates, are taken to.
        Otherwise residuals tell: along such a column, or along the rows as they stand.

        Where the user named groups, residuals alone tell, and only those of rows of different
        groups: what rows of one group share is held out with them. Groups must stand together
        along the order, or no block could hold them whole.

        If the user asked, and columns of dates go different ways, a `CoveyWarning` names the one
        that was taken.

        Args:
            frame: features as the user gave them, N rows.
            schema: of its columns.
            inputs: the numbers they become, shape (N, F).
            Y: targets, shape (N, D), NaN where not observed.
            targets: D names.
            groups: a label for each row, shape (N,), or None.
            asked: find the order even if nothing depends on it.
            later: whether later rows along it are held out.

        Returns:
            The order, and the place of each row in it, shape (N,): equal for rows of one date. None
            if rows do not depend on their neighbours.
        """
        indexed, dated = list(_dates_of_index(frame)), list(_dates(frame, schema))
        dated = [*indexed, *dated]
        stand = [(name, rank) for name, rank in dated if _monotone(rank)]
        table = np.arange(len(Y))
        if asked:
            (name, rank), *others = stand or dated or [(TABLE, table)]
            if later:  # a claim about times to come, which rest on this one alone
                others = [each for each in dated if each[0] != name]
            if name not in [name for name, _ in indexed]:
                _say_others(name, rank, others, later)
            return cls(name, ASKED), rank
        if stand and groups is None:
            return cls(stand[0][0], DATES), stand[0][1]
        runs = None
        for name, columns in _labels_in_runs(frame, schema):
            # what is known of a label, other labels do not have
            inputs, runs = np.delete(inputs, columns, axis=1), name
        if not inputs.shape[1]:
            inputs = np.zeros((len(Y), 1), dtype=np.float32)
        for name, rank in [*dated, (TABLE, table)]:
            along = np.argsort(rank, kind="stable")
            if groups is not None and not _stand_together(groups[along]):
                continue
            seen = dependence(inputs, Y, along, groups)
            if seen is not None:
                about = targets[seen.target], seen.lag, round(seen.correlation, 3)
                together = runs if name == TABLE and groups is None else None
                return cls(name, NEIGHBOURS, *about, together, groups is not None), rank
        return None

    @property
    def sentence(self) -> str:
        """Why blocks are held out, and how to say otherwise, for people; "" if the user asked."""
        if self.because == ASKED:
            return ""
        where = f"in the order of {self.by if self.by in (TABLE, INDEX) else repr(self.by)}"
        if self.because == DATES:
            why = f"Rows stand {where}"
        else:
            before = "the row before" if self.lag == 1 else f"the row {self.lag} before"
            why = (
                f"Rows depend on their neighbours {where}: residuals of {self.target!r} correlate "
                f"by {self.correlation:.2f} with those of {before}"
            )
            if self.groups:
                why += ", of another group"
            if self.runs is not None:
                why += f", and rows with one {self.runs!r} stand together"
        return (
            f"{why}. So whole blocks of {'groups' if self.groups else 'rows'} are held out, since "
            f"{'those' if self.groups else 'rows'} at random would be given away by their "
            'neighbours; cv="shuffled" says otherwise.'
        )

    def to_manifest(self) -> dict[str, Any]:
        """The attributes and the sentence, as JSON has them."""
        return {**asdict(self), "said": self.sentence}

    def later(self) -> Self:
        """The same order, along which later rows are held out."""
        return replace(self, folds=LATER)


def _say_others(name: str, rank: Groups, others: Sequence[tuple[str, Groups]], later: bool) -> None:
    """Warn of dates along which rows stand in another order than the one that was taken."""
    found = [
        other
        for other, ranks in others
        # blocks are the same from either end
        if not _agree(rank, ranks) and (later or not _agree(rank, -ranks))
    ]
    if found:
        way = "give the right one as `time`" if later else f"sort the rows by {found[0]!r}"
        that, differ = ("that", "differs") if len(found) == 1 else ("those", "differ")
        warn(
            f"Rows are held out in the order of {name!r}, and {that} of {listed(found)} {differ}. "
            f"If it is the wrong one, {way}."
        )


def _agree(one: Groups, two: Groups) -> bool:
    """Whether rows can be put in an order along which neither rank falls."""
    return bool((np.diff(two[np.lexsort((two, one))]) >= 0).all())


def _dates_of_index(frame: pd.DataFrame) -> Iterator[tuple[str, Groups]]:
    """Levels of the index that are dates, and the rank of each row in them."""
    import pandas as pd

    for number in range(frame.index.nlevels):
        level = frame.index.get_level_values(number)
        if isinstance(level, pd.PeriodIndex):
            level = level.to_timestamp()
        if isinstance(level, pd.DatetimeIndex):
            rank = _ranks(decode(level.to_series())[1])
            if rank is not None:
                yield str(level.name or INDEX), rank


def _dates(frame: pd.DataFrame, schema: FeatureSchema) -> Iterator[tuple[str, Groups]]:
    """Columns of dates, and the rank of each row in them."""
    for column in schema.columns:
        if isinstance(column, DateColumn) and column.kind == "date":
            rank = _ranks(column.read(frame[column.name]).values)
            if rank is not None:
                yield column.name, rank


def _ranks(days: Array) -> Groups | None:
    """Dense ranks of dates; a row without one has that of the row before. None if they are few."""
    known = np.isfinite(days)
    if known.mean() < 1 - MOST_LACKING or len(np.unique(days[known])) < LEAST_DATES:
        return None
    last = np.maximum.accumulate(np.where(known, np.arange(len(days)), -1))
    filled = days[np.where(last < 0, np.argmax(known), last)]
    return np.unique(filled, return_inverse=True)[1].astype(np.int64)


def _stand_together(labels: Groups) -> bool:
    return bool(np.count_nonzero(np.diff(labels)) + 1 == len(np.unique(labels)))


def _monotone(rank: Groups) -> bool:
    steps = np.diff(rank)
    return bool((steps >= 0).all() or (steps <= 0).all())


def _labels_in_runs(frame: pd.DataFrame, schema: FeatureSchema) -> Iterator[tuple[str, Columns]]:
    """Columns of text whose equal values stand together, such as names of patients.

    Yields:
        The name, and which columns of the matrix it became.
    """
    import pandas as pd

    first, found = 0, []
    for column in schema.columns:
        width = len(column.output_names)
        if isinstance(column, CategoricalColumn) and width:
            codes = pd.factorize(frame[column.name])[0]
            changes, labels = np.count_nonzero(np.diff(codes)), len(np.unique(codes))
            if changes + 1 == labels >= LEAST_RUNS and labels <= len(codes) / 2:
                found.append((column.name, np.arange(first, first + width)))
        first += width
    yield from reversed(found)  # so that the others keep their numbers
