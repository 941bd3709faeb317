"""Which features hold a target: a model would look up there what it is to predict."""

from __future__ import annotations

from typing import Any

import numpy as np

from covey.errors import InputError, warn
from covey.table.cells import decode
from covey.types import Array

PRECISION = 1e-6  # of its range, to which a feature agrees with a target that it holds
LEAST_VALUES = 10  # that a feature shares with a target, for both to be one
FEW = 300  # rows that tell most pairs apart
MOST_NAMED = 5  # in a message


def check_features(
    frame: Any, Y: Array, targets: tuple[str, ...], names: tuple[str, ...] | None
) -> None:
    """Refuse a target that is a feature too, and say which feature of another name holds one.

    It would be known whenever it is to be predicted. Two columns are held to be one if they agree
    to a millionth of their range where both are known: in half of the rows at least, and under
    different names of more than `LEAST_VALUES` different values.

    Args:
        frame: features, N rows.
        Y: targets, shape (N, D).
        targets: D names, also if the user gave none.
        names: those that the user gave, if features have names, too.

    Raises:
        InputError: a feature has the name and the values of a target.
    """
    refused, other = [], []
    for number, alike in _alike(frame, Y):
        column = frame.iloc[:, number]
        kind, values = decode(column)
        if kind != "number":
            continue
        for target in alike:
            name, observed = targets[target], Y[:, target]
            named = names is not None and column.name == name
            if not _equal(values, observed, least=0 if named else LEAST_VALUES):
                continue
            if named:
                refused.append(name)
            else:
                other.append(f"{column.name!r} (target {name!r})")
    if refused:
        raise InputError(
            "Expected features without the targets. Received columns of `X` with the name and the "
            f"values of a target: {', '.join(map(repr, refused))}. Drop them, "
            f"X.drop(columns={refused}), or rename what you know beforehand."
        )
    if other:
        more = len(other) - MOST_NAMED
        rest = f" and {more} more, {len(other)} in all" if more > 0 else ""
        warn(
            f"Columns of `X` hold the values of a target: {', '.join(other[:MOST_NAMED])}{rest}. "
            "Unless they are known beforehand, drop them: the model would only copy them."
        )


def _alike(frame: Any, Y: Array) -> list[tuple[int, list[int]]]:
    """Numbers of features, each with the targets from which no row of a few tells it apart."""
    some = np.unique(np.linspace(0, len(Y) - 1, min(len(Y), FEW)).astype(int))
    known = np.where(np.isfinite(Y), Y, np.nan)
    few, least, most = known[some], np.fmin.reduce(known), np.fmax.reduce(known)
    limit = PRECISION * (most - least)  # that of all rows: where both are known it is no more
    found = []
    head = frame.iloc[some]
    for number in range(frame.shape[1]):
        kind, values = decode(head.iloc[:, number])
        if kind in ("number", "empty"):  # all that a column of numbers can look like
            values = np.where(np.isfinite(values), values, np.nan)
            alike = ~(np.abs(values[:, None] - few) > limit).any(axis=0)
            if alike.any():
                found.append((number, np.flatnonzero(alike).tolist()))
    return found


def _equal(values: Array, observed: Array, least: int) -> bool:
    """Whether a feature and a target are one and the same."""
    both = np.flatnonzero(np.isfinite(values) & np.isfinite(observed))
    if not len(both):
        return False
    for some in (both[:LEAST_VALUES], both):  # most columns differ at once
        if np.any(np.abs(values[some] - observed[some]) > PRECISION * np.ptp(observed[both])):
            return False
    known = np.count_nonzero(np.isfinite(observed))
    return bool(2 * len(both) >= known and len(np.unique(observed[both])) > least)
