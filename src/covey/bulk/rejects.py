"""Rows that cannot be scored, each with the reason: they are set aside, and the others go on."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from covey.errors import InputError
from covey.table import read_features
from covey.table.cells import shown_cell
from covey.table.misfits import misfits
from covey.types import Mask

if TYPE_CHECKING:
    import pandas as pd

FIELDS = ("file", "row", "reason")
MOST_TRIED = 64  # rows of a block that are looked for by trying
Predicted = TypeVar("Predicted")


@dataclass(frozen=True)
class Reject:
    """A row that cannot be scored.

    Attributes:
        row: its number, from 0.
        reason: why, in a sentence.
    """

    row: int
    reason: str


def unreadable(model: Any, features: pd.DataFrame, first: int) -> tuple[Mask, list[Reject]]:
    """Find rows with a cell that is not what its column was in training.

    Args:
        model: a fitted estimator.
        features: table of N rows.
        first: number of the first of them.

    Returns:
        Which rows can be read, shape (N,); and the others.
    """
    frame, named = read_features(features)
    good = np.ones(len(frame), dtype=bool)
    found: dict[int, str] = {}
    for column, cells, which in misfits(model.schema_, frame, named):
        good &= ~which
        for row in np.flatnonzero(which).tolist():
            found.setdefault(
                row,
                f"{column.name!r} {column.held}. Received: {shown_cell(cells, row)}.",
            )
    return good, [Reject(first + row, reason) for row, reason in sorted(found.items())]


def by_trying(
    predict: Callable[[slice], Predicted], rows: Sequence[int] | Any
) -> tuple[list[tuple[slice, Predicted]], list[Reject]]:
    """Predict rows, and find out by halves which of them cannot be predicted.

    Args:
        predict: predicts some of N rows.
        rows: the numbers of all N, for messages.

    Returns:
        What was predicted, in order, each with its rows; and the rows that were not.

    Raises:
        InputError: so many rows cannot be predicted that the fault is not with rows.
    """
    done: list[tuple[slice, Predicted]] = []
    rejects: list[Reject] = []
    open_parts = [slice(0, len(rows))]
    while open_parts:
        part = open_parts.pop()
        try:
            done.append((part, predict(part)))
        except InputError as error:
            if part.stop - part.start == 1:
                rejects.append(Reject(int(rows[part.start]), str(error)))
                if len(rejects) == MOST_TRIED:
                    raise
                continue
            middle = (part.start + part.stop) // 2
            open_parts += [slice(middle, part.stop), slice(part.start, middle)]
    return done, rejects


def as_csv(file: str, rejects: Sequence[Reject], *, names: bool = False) -> bytes:
    """Rejects as lines of CSV.

    Args:
        file: that they are of.
        rejects: in order of their rows.
        names: whether a line of names comes first.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if names:
        writer.writerow(FIELDS)
    writer.writerows((file, each.row, each.reason) for each in rejects)
    return text.getvalue().encode("utf-8")
