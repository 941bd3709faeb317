"""Whether rows of files depend on their neighbours, and which folds they then go into."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

from covey.errors import CoveyWarning
from covey.rows.neighbours import MOST_ROWS
from covey.rows.order import ASKED, TABLE, RowOrder
from covey.rows.training_table import network_inputs
from covey.stream.dataset import ParquetTable
from covey.stream.hash_folds import HashFolds
from covey.stream.hashes import row_keys
from covey.stream.rows import Roles, TrainingRows
from covey.table import FeatureSchema, read_features
from covey.table.cells import decode
from covey.table.folds import BLOCKS, SHUFFLED

DATES = 100_000  # of which the borders between folds are quantiles
PIECES = (1, 8)  # that each fold is dealt out in; more if a member would know nothing of a target


def attempts(
    table: ParquetTable, roles: Roles, members: int, seed: int, cv: str | None
) -> Iterator[tuple[HashFolds, RowOrder | None]]:
    """Ways to put rows into folds, the best first; the next is for rows that the last did not suit.

    Rows that stand together in the middle of the table tell whether they depend on their
    neighbours.

    Args:
        table: the files.
        roles: which columns are what.
        members: K.
        seed: of the folds that go by a hash, as they do if rows do not depend on their neighbours.
        cv: "shuffled", "blocks", or None: as the rows are.

    Yields:
        Folds, and why they are blocks of rows; None if they are not.
    """
    order = None if cv == SHUFFLED or roles.groups is not None else _found(table, roles, seed, cv)
    if order is not None:
        days = None if order.by == TABLE else _sampled_days(table, order.by, seed)
        for pieces in PIECES:
            folds = HashFolds(members, seed, rows=len(table), pieces=pieces)
            if days is not None:
                count = len(folds) * pieces
                edges = np.quantile(days, np.arange(1, count) / count, method="nearest")
                folds = HashFolds(members, seed, 0, order.by, tuple(edges.tolist()), pieces)
            yield folds, order
        if order.because == ASKED:
            return
    yield HashFolds(members, seed), None


def _found(table: ParquetTable, roles: Roles, seed: int, cv: str | None) -> RowOrder | None:
    read = [
        TrainingRows.of(numbers, part, roles, HashFolds(1, seed))
        for numbers, part in table.middle(roles.columns, MOST_ROWS)
    ]
    frames = [rows.table.select(list(roles.features)).to_pandas() for rows in read]
    import pandas as pd

    asked = cv == BLOCKS
    Y = np.concatenate([rows.Y for rows in read])
    if len(Y) < 2:
        return RowOrder(TABLE, ASKED) if asked else None
    frame, named = read_features(pd.concat(frames, ignore_index=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CoveyWarning)  # these rows do not stand for all
        schema = FeatureSchema.fit(frame, named)
        inputs = network_inputs(schema, frame, named)
    found = RowOrder.find(frame, schema, inputs, Y, roles.targets, asked=asked)
    return None if found is None else found[0]


def _sampled_days(table: ParquetTable, name: str, seed: int) -> np.ndarray:
    """Values of a column of dates, in days, of rows at random."""
    share = min(DATES / len(table), 1.0)
    days = []
    for numbers, part in table.scan([name]):
        chosen = row_keys(numbers, seed, "sample") <= np.uint64(share * (2**64 - 2**12))
        days.append(decode(part[name].to_pandas())[1][chosen])
    found = np.concatenate(days)
    return found[np.isfinite(found)]
