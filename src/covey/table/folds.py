"""Who trains on what: the rows each member trains on, and the rows it is stopped and scored on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    ShuffleSplit,
    check_cv,
)

from covey.arguments.frames import as_pandas
from covey.arguments.labels import labels_of, row_name
from covey.arguments.numbers import is_number, read_lists, read_numbers
from covey.distributions import Mixture
from covey.errors import InputError, clipped, shown
from covey.types import Rows

LEAST_WEIGHT = 1e-100  # of the largest, that a row can count with
HOLDOUT = 0.2  # share of the rows that a single member is stopped on
INNER = 5  # folds within the training rows of a member, where its own folds are none
BLOCKS, SHUFFLED = "blocks", "shuffled"  # what `cv` may be called
# blocks, if each member is to train on several: it holds some of them out to choose within its own
LABELS = {1: INNER, 2: 6, 3: 6}
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
    blocks: Rows | None

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
        kept: NDArray[np.bool_] | None = None,
        rank: Rows | None = None,
        pieces: int = 1,
    ) -> Self:
        """Split rows into folds.

        Args:
            n_rows: N.
            members: K; 1 is one holdout split. Not used when `cv` is given.
            cv: scikit-learn splitter, or an iterable of (train, test) index arrays: one member for
                each of its splits. By default, or "shuffled", shuffled folds of equal size.
            groups: a label per row, shape (N,): rows of one group stay on one side.
            Y: targets, for splitters that look at them.
            seed: seed of the default folds.
            kept: which rows of a longer table these N are, if some were left out. `groups` and the
                index arrays of `cv` are those of the longer table; a splitter splits the N rows.
            rank: place of each row in an order, shape (N,): fold k is the k-th stretch of it in
                place of rows at random, and a single member holds out the last. Rows of one rank
                stay together where there are enough ranks.
            pieces: stretches that each of them is dealt out in.

        Returns:
            The folds.

        Raises:
            InputError: there are too few rows or groups, or a split of `cv` is not usable.
        """
        kept = np.ones(n_rows, dtype=bool) if kept is None else kept
        labels = None if groups is None else _labels(groups, kept)
        if not is_number(members, whole=True) or members < 1:
            raise InputError(f"`members` must be a positive integer. Received: {shown(members)}.")
        if rank is not None:
            return cls._stretches(rank, members, pieces, labels)
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
            try:
                splitter = check_cv(cv)
                if not kept.all() and not hasattr(cv, "split"):
                    splitter = check_cv([_renumbered(pair, kept) for pair in splitter.split()])
            except (TypeError, ValueError) as error:
                raise InputError(
                    f'`cv` must be "{SHUFFLED}", "{BLOCKS}", a splitter of scikit-learn, or pairs '
                    f"of rows (to train on, held out). Received: cv={shown(cv)}."
                    + ("" if isinstance(cv, str) else f" {clipped(str(error))}")
                ) from None
        rows = np.zeros((n_rows, 1))
        try:
            splits = list(splitter.split(rows, Y, labels))
        except ValueError as error:
            raise InputError(f"`cv` could not split {n_rows} rows: {error}") from error
        pairs = tuple(_checked(train, test, n_rows) for train, test in splits)
        if not pairs:
            raise InputError("`cv` must give at least one split. Received none.")
        if labels is not None:
            _check_groups(pairs, labels)
            return cls(pairs, labels)
        return cls(pairs, None if cv is None else _fold_numbers(pairs, n_rows))

    @classmethod
    def _stretches(cls, rank: Rows, members: int, pieces: int, labels: Rows | None) -> Self:
        count = LABELS.get(members, members)
        if len(rank) < 2 * count:
            raise InputError(
                f"Expected at least {2 * count} rows for `members={members}` and folds of whole "
                f"blocks. Received {len(rank)} (n_samples = {len(rank)}); use more rows, or "
                f'cv="{SHUFFLED}".'
            )
        if labels is not None:
            rank = _of_runs(rank, labels)
        pieces = max(min(pieces, len(rank) // count), 1)
        stretch = _cut(rank, count * pieces)
        held = stretch % count
        home = np.where(held == count - 1, 0, -1) if members == 1 else held * members // count
        numbers = range(members)
        pairs = tuple((np.flatnonzero(home != k), np.flatnonzero(home == k)) for k in numbers)
        if labels is not None:
            _check_groups(pairs, labels)
        return cls(pairs, stretch if labels is None else labels)

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def held_out(self) -> Rows:
        """The rows held out by at least one member, in order."""
        return np.unique(np.concatenate([test for _, test in self.pairs]))

    def inner_blocks(self, member: int, most: int = 10) -> Rows | None:
        """Labels of a member's training rows, at most `most` of them, for `LinearModel.fit`."""
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
        # neighbours stay together if rows do not stand alone
        alone = self.blocks is None
        inner = KFold(min(INNER, len(train)), shuffle=alone, random_state=0 if alone else None)
        return [(train[fit], train[held]) for fit, held in inner.split(train)]


def collected(parts: Sequence[Any], tests: Sequence[Rows], rows: Rows, n_rows: int) -> Any:
    """Of what each member says of the rows it held out, one distribution for each row wanted.

    Args:
        parts: K batches of distributions, of the rows in `tests`.
        tests: for each of the K members, the rows it did not see.
        rows: the rows wanted, each held out by at least one member; in order.
        n_rows: how many rows there are.

    Returns:
        Distributions of `len(rows)` rows. A row that several members held out gets the first two
        moments of their mixture.
    """
    seen = np.concatenate(tests)
    order = np.argsort(seen, kind="stable")
    first = np.searchsorted(seen, rows, sorter=order)
    times = np.bincount(seen, minlength=n_rows)[rows]
    joint = type(parts[0]).concatenate(parts)
    pieces, places = [], []
    for count in np.unique(times):
        which = np.flatnonzero(times == count)
        holders = [joint[order[first[which] + number]] for number in range(count)]
        pieces.append(Mixture(holders).moment_matched())
        places.append(which)
    return type(joint).concatenate(pieces)[np.argsort(np.concatenate(places))]


def _check_groups(pairs: Iterable[tuple[Rows, Rows]], labels: Rows) -> None:
    for train, test in pairs:
        if np.intersect1d(labels[train], labels[test]).size:
            raise InputError(
                "`cv` must keep each of `groups` on one side of every split. It does not; use a "
                "splitter that does, such as sklearn.model_selection.GroupKFold, or leave `cv` out."
            )


def _of_runs(rank: Rows, labels: Rows) -> Rows:
    """Ranks of stretches of one label: blocks end where a group does."""
    order = np.argsort(rank, kind="stable")
    run = np.empty_like(rank)
    run[order] = np.cumsum(np.diff(labels[order], prepend=labels[order[0]]) != 0)
    return run


def _cut(rank: Rows, count: int) -> Rows:
    """Which of so many stretches of about equal length each row is in, by its rank."""
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
    stretch = np.empty(len(rank), dtype=np.int64)
    stretch[order] = np.searchsorted(starts, np.arange(len(rank)), side="right")
    return stretch


def read_weights(sample_weight: ArrayLike | None, n_rows: int) -> NDArray[np.float64] | None:
    """Sample weights as they are.

    Args:
        sample_weight: array of shape (N,), or None.
        n_rows: N.

    Returns:
        Array of shape (N,), or None.

    Raises:
        InputError: the shape does not fit, or a weight is negative or not finite.
    """
    if sample_weight is None:
        return None
    weight = read_numbers(sample_weight, "sample_weight")
    if weight.shape != (n_rows,):
        raise InputError(f"`sample_weight` must have shape ({n_rows},). Received {weight.shape}.")
    if len(bad := np.flatnonzero(~np.isfinite(weight) | (weight < 0))):
        raise InputError(
            f"`sample_weight` must be finite and non-negative. Received {weight[bad[0]]:g} in "
            f"{row_name(labels_of(sample_weight), int(bad[0]))}."
        )
    if weight.max() == 0:
        raise InputError("`sample_weight` must not be zero in every row. Received zeros alone.")
    if len(bad := np.flatnonzero((weight > 0) & (weight / weight.max() < LEAST_WEIGHT))):
        raise InputError(
            f"`sample_weight` must lie within a factor of {1 / LEAST_WEIGHT:g}, or be 0. Received "
            f"{weight[bad[0]]:g} in {row_name(labels_of(sample_weight), int(bad[0]))}, beside "
            f"{weight.max():g}."
        )
    return weight


def even_weights(weight: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    """Weights scaled to mean 1; None if all rows count alike.

    Args:
        weight: array of shape (N,), or None.

    Returns:
        Array of shape (N,), or None.
    """
    if weight is None or (weight == weight[0]).all():
        return None
    weight = weight / weight.max()
    return np.asarray(weight / weight.mean())


def _default_splitter(members: int, *, grouped: bool, seed: int) -> Any:
    if members == 1:
        single = GroupShuffleSplit if grouped else ShuffleSplit
        return single(1, test_size=HOLDOUT, random_state=seed)
    if grouped:
        return GroupKFold(members, shuffle=True, random_state=seed)
    return KFold(members, shuffle=True, random_state=seed)


def _labels(groups: ArrayLike, kept: NDArray[np.bool_]) -> Rows:
    import pandas as pd

    values = read_lists(as_pandas(groups, "groups"), "`groups`")
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


def _renumbered(pair: Any, kept: NDArray[np.bool_]) -> tuple[Rows, Rows]:
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
    held = np.unique(held)
    if shared := np.intersect1d(fitted, held).size:
        raise InputError(
            "Each split of `cv` must hold out rows it does not train on. Received one that shares "
            f"{shared} rows."
        )
    return fitted, held


def _fold_numbers(pairs: tuple[tuple[Rows, Rows], ...], n_rows: int) -> Rows:
    numbers = np.full(n_rows, len(pairs), dtype=np.int64)  # rows that no split holds out
    for number, (_, test) in reversed(list(enumerate(pairs))):
        numbers[test] = number
    return numbers
