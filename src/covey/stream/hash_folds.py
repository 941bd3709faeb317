"""Folds of streamed rows, by a hash of each row or its place: no fold of any row is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from covey.stream.hashes import folds_of, group_keys, row_keys
from covey.table.blocks import count_of_blocks, held_out_blocks
from covey.table.date_column import days_in
from covey.table.dates import DateSpelling
from covey.table.member_count import check_members
from covey.types import Array, Groups, Mask, Rows


@dataclass(frozen=True)
class HashFolds:
    """Folds of about equal size, each held out by one member.

    If there is one member, it holds out one of them.

    Rows go into them by a hash, and rows of one group share a fold; or, if rows depend on their
    neighbours, folds are blocks of the table, or of time. There are as many folds as members, or
    more where that would leave a member too few to hold some of its own training rows out.

    Attributes:
        members: K.
        seed: another one is another split.
        rows: of the table, if folds are blocks of it; else 0.
        by: name of a column of dates, if folds are blocks of time.
        edges: days at which one block of time ends and the next begins, ascending.
        pieces: blocks that make up a fold, dealt out in turn.
        first: whether the "day" or the "month" comes first where that column is text.
        format: in which text or numbers have its dates; "" if they are recognised.
        until: the last year that two digits may be; 0 for 2068.

    Raises:
        InputError: `members` is no positive whole number.
    """

    members: int
    seed: int
    rows: int = 0
    by: str | None = None
    edges: tuple[float, ...] = ()
    pieces: int = 1
    first: str = ""
    format: str = ""
    until: int = 0

    def __post_init__(self) -> None:
        check_members(self.members)

    def __len__(self) -> int:
        return count_of_blocks(self.members)

    @property
    def held_out(self) -> Mask:
        """Which folds each member holds out, shape (K, len(self)); it trains on the others."""
        return held_out_blocks(self.members, ordered=self.together)

    @property
    def together(self) -> bool:
        """Whether rows that stand together share a fold."""
        return bool(self.rows or self.by is not None)

    def days(self, column: Any) -> Array:
        """The values of the column `by`.

        Args:
            column: a pandas Series of N rows.

        Returns:
            Days since 1970, shape (N,), NaN where missing.
        """
        return days_in(column, DateSpelling(self.first, self.format, self.until))

    def of(
        self,
        numbers: Rows,
        labels: Any = None,
        days: Array | None = None,
    ) -> Groups:
        """The fold of each row.

        Args:
            numbers: of the rows, shape (N,).
            labels: of their groups, a pyarrow array of length N; None if each row stands alone.
            days: values of the column `by`, shape (N,); a row without one goes by its hash.

        Returns:
            Array of shape (N,).

        Raises:
            InputError: a label is missing.
        """
        if self.rows:
            return numbers * (len(self) * self.pieces) // self.rows % len(self)
        if days is not None:
            hashed = folds_of(row_keys(numbers, self.seed, "fold"), len(self))
            block = np.searchsorted(np.array(self.edges), days, side="right")
            return np.where(np.isnan(days), hashed, block % len(self)).astype(np.int64)
        alone = labels is None
        keys = row_keys(numbers, self.seed, "fold") if alone else group_keys(labels, self.seed)
        return folds_of(keys, len(self))
