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
from covey.table import DateColumn, FeatureSchema, read_features
from covey.table.cells import kind_of
from covey.table.date_column import days_in
from covey.table.dates import DateSpelling
from covey.table.folds import BLOCKS, SHUFFLED
from covey.table.words import Words

DATES = 100_000  # of which the borders between folds are quantiles
NO_DATES = DateSpelling()
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
    by_hash = cv == SHUFFLED or roles.groups is not None
    order, dates = (None, NO_DATES) if by_hash else _found(table, roles, seed, cv)
    if order is not None:
        days = None
        if order.by != TABLE:
            days, dates = _sampled_days(table, order.by, dates, seed)
        for pieces in PIECES:
            folds = HashFolds(members, seed, rows=len(table), pieces=pieces)
            if days is not None:
                count = len(folds) * pieces
                edges = np.quantile(days, np.arange(1, count) / count, method="nearest")
                folds = HashFolds(
                    members, seed, 0, order.by, tuple(edges.tolist()), pieces, **vars(dates)
                )
            yield folds, order
        if order.because == ASKED:
            return
    yield HashFolds(members, seed), None


def _found(
    table: ParquetTable, roles: Roles, seed: int, cv: str | None
) -> tuple[RowOrder | None, DateSpelling]:
    """The order in the middle of the table, and how its column of dates is written."""
    read = [
        TrainingRows.of(numbers, part, roles, HashFolds(1, seed))
        for numbers, part in table.middle(roles.columns, MOST_ROWS)
    ]
    frames = [rows.table.select(list(roles.features)).to_pandas() for rows in read]
    import pandas as pd

    asked = cv == BLOCKS
    Y = np.concatenate([rows.Y for rows in read])
    if len(Y) < 2:
        return RowOrder(TABLE, ASKED) if asked else None, NO_DATES
    frame, named = read_features(pd.concat(frames, ignore_index=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CoveyWarning)  # these rows do not stand for all
        schema = FeatureSchema.fit(frame, named, roles.declared)
        frame = schema.typed(frame)
        inputs = network_inputs(schema, frame, named)
    found = RowOrder.find(frame, schema, inputs, Y, roles.targets, asked=asked)
    if found is None:
        return None, NO_DATES
    written = {c.name: c.dates for c in schema.columns if isinstance(c, DateColumn)}
    return found[0], written.get(found[0].by, NO_DATES)


def _sampled_days(
    table: ParquetTable, name: str, dates: DateSpelling, seed: int
) -> tuple[np.ndarray, DateSpelling]:
    """Values of a column of dates, in days, of rows at random, and how all of them are written."""
    import pandas as pd

    share = min(DATES / len(table), 1.0)
    cells = []
    for numbers, part in table.scan([name]):
        chosen = row_keys(numbers, seed, "sample") <= np.uint64(share * (2**64 - 2**12))
        cells.append(part[name].to_pandas()[chosen])
    column = pd.concat(cells, ignore_index=True)
    if kind_of(column) == "text" and not dates.format:
        # the middle of the table may be one day, that does not tell the day from the month
        dates, _ = DateSpelling.find(Words.of(column).texts)
    found = days_in(column, dates)
    return found[np.isfinite(found)], dates
