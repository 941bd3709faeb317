"""Which rows each member trains on, and which it is stopped and scored on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from covey.arguments.frames import as_column
from covey.arguments.labels import labels_of, row_name
from covey.arguments.numbers import read_lists
from covey.distributions.members import as_predicted, of_members
from covey.errors import InputError, clipped, counted, shown
from covey.table.blocks import count_of_blocks, held_out_blocks
from covey.table.member_count import check_members
from covey.types import Groups, Mask, Rows

HOLDOUT = 0.2  # share of the rows that a single member is stopped on
INNER = 5  # folds within the training rows of a member, where its own folds are none
BLOCKS, SHUFFLED, LATER = "blocks", "shuffled", "later"  # what `cv` may be called
MOST_PIECES = 8  # that the blocks of a member may be cut into, so that each learns of each target


@dataclass(frozen=True)
class Folds:
    """One pair (rows to train on, rows held out) for each member.

    Attributes:
        pairs: K pairs of integer arrays.
        blocks: a label for each of the N rows: rows of one label should be held out together when
            a member chooses something within its own training rows; None if each row stands alone.
    """

    pairs: tuple[tuple[Rows, Rows], ...]
    blocks: Groups | None

    @classmethod
    def split(
        cls,
        n_rows: int,
        members: int,
        *,
        cv: Any = None,
        groups: ArrayLike | None = None,
        Y: Any = None,
        seed: int = 0,
        kept: Mask | None = None,
    ) -> Self:
        """Split rows into folds.

        Args:
            n_rows: N.
            members: K; 1 is one holdout split. Not used when `cv` is given.
            cv: scikit-learn splitter, or an iterable of (train, test) index arrays: one member for
                each of its splits. By default, or "shuffled", shuffled folds of equal size.
            groups: a label per row, shape (N,): rows of one group stay on one side.
            Y: targets, for splitters that read them.
            seed: seed of the default folds.
            kept: which rows of a longer table these N are, if some were left out. `groups` and the
                index arrays of `cv` are those of the longer table; a splitter splits the N rows.

        Returns:
            The folds.

        Raises:
            InputError: there are too few rows or groups, or a split of `cv` is not usable.
        """
        kept = np.ones(n_rows, dtype=bool) if kept is None else kept
        labels = None if groups is None else _labels(groups, kept)
        check_members(members)
        if cv is None or (isinstance(cv, str) and cv == SHUFFLED):
            cv = None
            available = n_rows if labels is None else int(labels.max()) + 1
            what = "rows" if labels is None else "groups"
            if available < max(members, 2):
                raise InputError(
                    f"Expected at least {max(members, 2)} {what}, one for each fold. Received "
                    f"{available} {what} (n_samples = {n_rows}); use more {what}, or fewer "
                    "members."
                )
            splitter = _default_splitter(members, grouped=labels is not None, seed=seed)
        else:
            from sklearn.model_selection import check_cv

            try:
                splitter = check_cv(cv)
                if not kept.all() and not hasattr(cv, "split"):
                    splitter = check_cv([_renumbered(pair, kept) for pair in splitter.split()])
            except (TypeError, ValueError) as error:
                raise InputError(
                    f'`cv` must be "{SHUFFLED}", "{BLOCKS}", "{LATER}", a splitter of '
                    "scikit-learn, or pairs of rows (to train on, held out). Received: "
                    f"cv={shown(cv)}." + ("" if isinstance(cv, str) else f" {clipped(str(error))}")
                ) from None
        rows = np.zeros((n_rows, 1))
        try:
            splits = list(splitter.split(rows, Y, labels))
        except ValueError as error:
            raise InputError(f"`cv` could not split {counted(n_rows, 'row')}: {error}") from error
        pairs = tuple(_checked(train, test, n_rows) for train, test in splits)
        if not pairs:
            raise InputError("`cv` must give at least one split. Received none.")
        if labels is not None:
            _check_groups(pairs, labels)
            return cls(pairs, labels)
        return cls(pairs, None if cv is None else _fold_numbers(pairs, n_rows))

    @classmethod
    def in_blocks(
        cls, rank: Groups, members: int, *, groups: Groups | None = None, pieces: int = 1
    ) -> Self:
        """Split rows that stand in an order into folds of whole blocks.

        Args:
            rank: place of each row in the order, shape (N,). Rows of one rank stay together where
                there are enough ranks.
            members: K: fold k is the k-th block; a single member holds out the last rows.
            groups: a label per row, shape (N,): rows of one group stay on one side.
            pieces: how many each block is cut into; they are dealt out in turn.

        Returns:
            The folds.

        Raises:
            InputError: there are too few rows, or a group stands on both sides.
        """
        check_members(members)
        count = count_of_blocks(members)
        if len(rank) < 2 * count:
            raise InputError(
                f"Expected at least {2 * count} rows for `members={members}` and folds of whole "
                f"blocks. Received {len(rank)} (n_samples = {len(rank)}); use more rows, or "
                f'cv="{SHUFFLED}".'
            )
        if groups is not None:
            rank = _of_runs(rank, groups)
        pieces = max(min(pieces, len(rank) // count), 1)
        piece = cut(rank, count * pieces)
        held_out = held_out_blocks(members, ordered=True)[:, piece % count]
        pairs = tuple((np.flatnonzero(~held), np.flatnonzero(held)) for held in held_out)
        if groups is not None:
            _check_groups(pairs, groups)
        return cls(pairs, piece if groups is None else groups)

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def trains(self) -> tuple[Rows, ...]:
        """For each member, the numbers of the rows it trains on."""
        return tuple(train for train, _ in self.pairs)

    @property
    def tests(self) -> tuple[Rows, ...]:
        """For each member, the numbers of the rows it holds out."""
        return tuple(test for _, test in self.pairs)

    @property
    def held_out(self) -> Rows:
        """The rows held out by at least one member, in order."""
        return np.flatnonzero(np.bincount(np.concatenate(self.tests)))

    @property
    def holders(self) -> Groups:
        """For each of the rows `held_out`, the number of the first member that holds it out."""
        rows = self.held_out
        found = np.empty(rows[-1] + 1, dtype=np.int64)
        for number, test in reversed(list(enumerate(self.tests))):
            found[test] = number
        return found[rows]

    def inner_blocks(self, member: int, most: int = 10) -> Groups | None:
        """Labels of a member's training rows, at most `most`, as `fit_ridge` takes them."""
        if self.blocks is None:
            return None
        _, block = np.unique(self.blocks[self.pairs[member][0]], return_inverse=True)
        count = int(block.max()) + 1
        if count <= most:
            return block.astype(np.int64)
        # groups of groups, of about equal size: largest first, each to the emptiest
        size = np.bincount(block)
        home = np.empty(count, dtype=np.int64)
        filled = np.zeros(most)
        for group in np.argsort(-size, kind="stable"):
            home[group] = np.argmin(filled)
            filled[home[group]] += size[group]
        return home[block]

    def inner_pairs(self, member: int) -> list[tuple[Rows, Rows]]:
        """Splits of a member's training rows, for what must be cross-fitted within them.

        These are the folds of the other members if all of them together are the training rows.

        Args:
            member: whose training rows.

        Returns:
            Pairs (rows to fit to, rows to predict); the latter are all training rows, once each.
        """
        train = self.pairs[member][0]
        others = [test for number, (_, test) in enumerate(self.pairs) if number != member]
        if len(others) > 1 and np.array_equal(np.sort(np.concatenate(others)), np.sort(train)):
            return [(np.setdiff1d(train, test), test) for test in others]
        block = self.inner_blocks(member, most=INNER)
        if block is not None and block.max() > 0:
            return [(train[block != label], train[block == label]) for label in np.unique(block)]
        from sklearn.model_selection import KFold

        # neighbours stay together if rows do not stand alone
        alone = self.blocks is None
        inner = KFold(min(INNER, len(train)), shuffle=alone, random_state=0 if alone else None)
        return [(train[fit], train[held]) for fit, held in inner.split(train)]


def collected(parts: Sequence[Any], folds: Folds) -> Any:
    """One distribution for each row held out, of those by the members that held it out.

    Args:
        parts: K batches of distributions: each member's, of the rows that it held out.
        folds: which these are.

    Returns:
        Distributions of the rows `folds.held_out`. A row that several members held out gets the
        first two moments of their mixture, or the components of all.
    """
    seen, rows = np.concatenate(folds.tests), folds.held_out
    joint = type(parts[0]).concatenate(parts)
    if len(seen) == len(rows):  # each by one member
        return joint[np.argsort(seen)]
    order = np.argsort(seen, kind="stable")
    first = np.searchsorted(seen, rows, sorter=order)
    times = np.bincount(seen)[rows]
    pieces, places = [], []
    for count in np.unique(times):
        which = np.flatnonzero(times == count)
        holders = [joint[order[first[which] + number]] for number in range(count)]
        pieces.append(holders[0] if count == 1 else as_predicted(of_members(holders)))
        places.append(which)
    return type(joint).concatenate(pieces)[np.argsort(np.concatenate(places))]


def _check_groups(pairs: Iterable[tuple[Rows, Rows]], labels: Groups) -> None:
    for train, test in pairs:
        if np.intersect1d(labels[train], labels[test]).size:
            raise InputError(
                "`cv` must keep each of `groups` on one side of every split. It does not; use a "
                "splitter that does, such as sklearn.model_selection.GroupKFold, or leave `cv` out."
            )


def _of_runs(rank: Groups, labels: Groups) -> Groups:
    """For each row, the number of the run of equal labels it is in: blocks end where runs do."""
    order = np.argsort(rank, kind="stable")
    run = np.empty_like(rank)
    run[order] = np.cumsum(np.diff(labels[order], prepend=labels[order[0]]) != 0)
    return run


def cut(rank: Groups, count: int) -> Groups:
    """Cut rows in an order into pieces of about equal length, between ranks where that can be.

    Args:
        rank: place of each row in the order, shape (N,).
        count: number of pieces.

    Returns:
        The number of the piece that each row is in, shape (N,).
    """
    order = np.argsort(rank, kind="stable")
    size = np.full(count, len(rank) // count)
    size[: len(rank) % count] += 1  # as scikit-learn's KFold has it
    starts = np.cumsum(size)[:-1]
    changes = np.flatnonzero(np.diff(rank[order])) + 1
    if len(changes) >= count:
        after = np.searchsorted(changes, starts)
        near = np.stack(
            [changes[np.maximum(after - 1, 0)], changes[np.minimum(after, -1 + len(changes))]]
        )
        nearest = near[np.abs(near - starts).argmin(axis=0), np.arange(count - 1)]
        if (np.diff(nearest) > 0).all():
            starts = nearest
    piece = np.empty(len(rank), dtype=np.int64)
    piece[order] = np.searchsorted(starts, np.arange(len(rank)), side="right")
    return piece


def _default_splitter(members: int, *, grouped: bool, seed: int) -> Any:
    from sklearn.model_selection import GroupKFold, GroupShuffleSplit, KFold, ShuffleSplit

    if members == 1:
        single = GroupShuffleSplit if grouped else ShuffleSplit
        return single(1, test_size=HOLDOUT, random_state=seed)
    if grouped:
        return GroupKFold(members, shuffle=True, random_state=seed)
    return KFold(members, shuffle=True, random_state=seed)


def _labels(groups: ArrayLike, kept: Mask) -> Groups:
    import pandas as pd

    values = read_lists(as_column(groups, "groups"), "`groups`")
    if values.shape != kept.shape:
        raise InputError(
            f"`groups` must hold one label per row, shape {kept.shape}. Received {values.shape}."
        )
    values = values[kept]
    if len(missing := np.flatnonzero(pd.isna(values))):
        row = int(np.flatnonzero(kept)[missing[0]])
        raise InputError(
            "`groups` must hold a label in every row. Received missing values, the first in "
            f"{row_name(labels_of(groups), row)}."
        )
    if values.dtype.kind == "O":
        values = values.astype(str)
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _renumbered(pair: Any, kept: Mask) -> tuple[Rows, Rows]:
    """A pair of row numbers of the whole table as numbers among the rows kept."""
    number = np.cumsum(kept) - 1
    found = []
    for rows in pair:
        rows = np.asarray(rows)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.int64)
        if len(rows) and not (rows.min() >= 0 and rows.max() < len(kept)):
            raise _outside(len(kept))
        found.append(number[rows[kept[rows]]])
    return found[0], found[1]


def _outside(n_rows: int) -> InputError:
    return InputError(f"`cv` gave row numbers outside 0 to {n_rows - 1}, the rows of `X`.")


def _checked(train: Any, test: Any, n_rows: int) -> tuple[Rows, Rows]:
    fitted, held = (
        np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows, dtype=np.int64)
        for rows in (train, test)
    )
    if len(fitted) < 2 or len(held) < 1:
        raise InputError(
            "Each split of `cv` must train on at least 2 rows and hold out at least 1. Received "
            f"one with {len(fitted)} and {len(held)}."
        )
    joined = np.concatenate([fitted, held])
    if joined.min() < 0 or joined.max() >= n_rows:
        raise _outside(n_rows)
    is_held = np.zeros(n_rows, dtype=bool)
    is_held[held] = True
    held = np.flatnonzero(is_held)
    both = is_held & (np.bincount(fitted, minlength=n_rows) > 0)
    if shared := np.count_nonzero(both):
        raise InputError(
            "Each split of `cv` must hold out rows it does not train on. Received one that shares "
            f"{counted(int(shared), 'row')}."
        )
    return fitted, held


def _fold_numbers(pairs: tuple[tuple[Rows, Rows], ...], n_rows: int) -> Groups:
    numbers = np.full(n_rows, len(pairs), dtype=np.int64)  # rows that no split holds out
    for number, (_, test) in reversed(list(enumerate(pairs))):
        numbers[test] = number
    return numbers
