"""A table of the user's, read, checked, and split into folds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from covey.arguments.labels import check_tables, labels_of
from covey.arguments.targets import target_names
from covey.errors import InputError, shown
from covey.rows.order import ASKED, TIME, RowOrder
from covey.rows.time import time_rank
from covey.table import Declared, FeatureSchema, TargetText, read_features, read_targets
from covey.table.copies import check_features
from covey.table.folds import BLOCKS, LATER, MOST_PIECES, SHUFFLED, Folds
from covey.table.inputs import Inputs
from covey.table.later import later_folds
from covey.table.member_count import USUAL, count_of_members
from covey.table.training_data import TrainingData
from covey.table.weights import of_mean_one, read_sample_weight
from covey.types import Array, Groups, Rows

REACH = 3.0  # ranges of training, beyond either end, for which linear models follow a number


@dataclass(frozen=True)
class TrainingTable:
    """A table that a user fits to, without the rows that teach nothing.

    These are rows that hold no target, and rows of weight 0.

    Attributes:
        frame: features as the user gave them, N rows.
        schema: how they become numbers.
        data: the numbers to learn from, of these rows.
        one_dimensional: whether the targets had one dimension only.
        rows: numbers of the rows in the user's table, shape (N,).
        labels: of the rows, a pandas Index of N: those of the features, or, if these have none, of
            the targets; or None.
        order: why folds are whole blocks of rows, or later rows; None if they are neither, or the
            user split them.
        target_texts: how each of the D targets is written; empty if all are numbers by their type.
    """

    frame: Any
    schema: FeatureSchema
    data: TrainingData
    one_dimensional: bool
    rows: Rows
    labels: Any = None
    order: RowOrder | None = None
    target_texts: tuple[TargetText, ...] = ()

    @classmethod
    def read(
        cls,
        X: Any,
        Y: Any,
        sample_weight: ArrayLike | None,
        groups: ArrayLike | None,
        *,
        members: int | None,
        cv: Any,
        seed: int,
        time: Any = None,
        declared: Declared | None = None,
    ) -> Self:
        """Read what a user passes to `fit`.

        Args:
            X: table of features.
            Y: table of targets.
            sample_weight: array, one weight per row, or None.
            groups: one label per row, or None.
            members: number of folds; by default 10 where rows are few, have few targets and are
                held out at random one by one, and 5 otherwise.
            cv: splitter, iterable of (train, test) row numbers, "shuffled", "blocks", "later", or
                None: as the rows are, or "later" if `time` is given. `groups` stay whole in any
                case; they alone decide unless rows depend on neighbours of other groups.
            seed: of the folds.
            time: of each row, or None.
            declared: what the user says of columns, if anything.

        Returns:
            The table.

        Raises:
            InputError: something cannot be used; the message names it.
        """
        frame, named = read_features(X)
        dated = _dated(frame, Y)
        check_tables(X=X, Y=Y, sample_weight=sample_weight, groups=groups, time=time)
        cv = _with_time(cv, time)
        labels = labels_of(Y if labels_of(X) is None else X)
        weight = read_sample_weight(sample_weight, len(frame))
        kept = np.ones(len(frame), dtype=bool) if weight is None else weight > 0
        Y, names, one_dimensional, texts = read_targets(Y, kept)
        targets = target_names(names, Y.shape[1])
        held = ~np.isnan(Y).all(axis=1)
        kept[kept] = held
        rows = np.flatnonzero(kept)
        ranks = None if time is None else time_rank(time, kept, declared)
        if len(rows) < len(frame):
            frame, dated, Y = frame.iloc[rows], dated.iloc[rows], Y[held]
            weight = None if weight is None else weight[rows]
        weight = of_mean_one(weight)  # once, so that rows that are left out change no digit
        asked = isinstance(cv, str) and cv in (BLOCKS, LATER)
        alone = groups is None and (cv is None or (isinstance(cv, str) and cv == SHUFFLED))
        count = count_of_members(members, *Y.shape, alone=alone)
        folds = Folds.split(
            len(Y), count, cv=None if asked else cv, groups=groups, Y=Y, seed=seed, kept=kept
        )
        schema = FeatureSchema.fit(frame, named, declared)
        frame = schema.typed(frame)
        check_features(frame, Y, targets, names if named else None)
        inputs = network_inputs(schema, frame, named, training=True)
        order = None
        if asked or cv is None:
            together = None if groups is None else folds.blocks
            dated = frame.set_axis(dated.index)
            found: tuple[RowOrder, Rows] | None
            if ranks is not None:
                found = RowOrder(str(getattr(time, "name", None) or TIME), ASKED), ranks
            else:
                found = RowOrder.find(
                    dated,
                    schema,
                    inputs,
                    Y,
                    targets,
                    groups=together,
                    asked=asked,
                    later=cv == LATER,
                )
            count = USUAL if members is None else members
            if found is not None and cv == LATER:
                folds, order = later_folds(found[1], count, groups=together), found[0].later()
            elif found is not None:
                blocks = _blocks(found[1], count, together, Y, targets, asked=asked)
                folds, order = (folds, None) if blocks is None else (blocks, found[0])
        if order is None and (cv is None or (isinstance(cv, str) and cv == SHUFFLED)):
            schema = schema.reaching(REACH)  # held-out rows have shown what lies outside of others
        _check_observed(Y, targets, folds)
        labels = None if labels is None else labels[rows]
        weight = np.ones(len(Y)) if weight is None else weight
        data = TrainingData(Inputs(inputs), Y, weight, folds, targets)
        return cls(frame, schema, data, one_dimensional, rows, labels, order, texts)


def _blocks(
    rank: Groups,
    members: int,
    groups: Groups | None,
    Y: Array,
    targets: tuple[str, ...],
    *,
    asked: bool,
) -> Folds | None:
    """The coarsest blocks of which each member learns about half of what is known of each target.

    If a target was observed in one block alone, whoever holds that out would know nothing of it.

    Args:
        rank: place of each row in the order, shape (N,).
        members: K.
        groups: a label for each row, shape (N,), or None.
        Y: shape (N, D), NaN where not observed.
        targets: D names.
        asked: whether the user asked for blocks.

    Returns:
        The folds; failing that, the coarsest of which each member learns anything, or None.

    Raises:
        InputError: the user asked for blocks, and no way to cut will do.
    """
    observed = ~np.isnan(Y)
    usable: Folds | None = None
    refused: InputError | None = None
    for power in range(MOST_PIECES.bit_length()):
        try:
            folds = Folds.in_blocks(rank, members, groups=groups, pieces=2**power)
            _check_observed(Y, targets, folds)
        except InputError as error:
            refused = refused or error
            continue
        usable = usable or folds
        learned = [observed[train].sum(axis=0) for train in folds.trains]
        if all((2 * counts >= observed.sum(axis=0)).all() for counts in learned):
            return folds
    if usable is None and asked and refused is not None:
        raise refused
    return usable


def _with_time(cv: Any, time: Any) -> Any:
    """How to split rows, if their times may be given, which say that later ones are held out."""
    if time is None:
        return cv
    if cv is None or (isinstance(cv, str) and cv == LATER):
        return LATER
    raise InputError(
        f'`time` holds out later rows, as cv="{LATER}" does. Received: cv={shown(cv)} beside it; '
        "leave one out."
    )


def _dated(frame: Any, Y: Any) -> Any:
    """The features, labelled by the dates of the targets' rows if they have none of their own."""
    import pandas as pd

    labels = labels_of(Y)
    dates = pd.DatetimeIndex | pd.PeriodIndex
    own = isinstance(frame.index, dates | pd.MultiIndex)
    if isinstance(labels, dates) and not own and len(labels) == len(frame):
        return frame.set_axis(labels)
    return frame


def _check_observed(Y: Array, targets: tuple[str, ...], folds: Folds) -> None:
    """Refuse a target of which some member would not see a single value."""
    observed = ~np.isnan(Y)
    for number, train in enumerate(folds.trains):
        if lacking := np.flatnonzero(~observed[train].any(axis=0)).tolist():
            raise InputError(
                f"Each target must be observed in the training rows of every fold. Fold {number} "
                f"has no value of {', '.join(repr(targets[i]) for i in lacking)} to learn from "
                f"(rows that hold one: {observed[:, lacking].sum(axis=0).tolist()}). Leave the "
                "target out, or split the rows so that each fold has some: see `members`, `cv` "
                "and `groups`."
            )


def network_inputs(
    schema: FeatureSchema, frame: Any, named: bool, *, training: bool = False
) -> NDArray[np.float32]:
    """The matrix that the network reads, of shape (N, F); a constant column where F would be 0."""
    return both_inputs(schema, frame, named, training=training)[0]


def both_inputs(
    schema: FeatureSchema, frame: Any, named: bool, *, training: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """The matrix that the network reads, and the one that linear models read; None for the same."""
    matrix, further = schema.matrices(frame, named, training=training)
    if matrix.shape[1] == 0:  # nothing varied in training: only a constant is left to learn from
        return np.zeros((len(matrix), 1), dtype=np.float32), None
    return matrix, further
