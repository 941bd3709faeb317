"""Means and covariances that come as labelled tables: whose they are, and in which order.

The names of targets are those of the columns of the mean, or the labels of a mean of one row, or
the columns of the covariance. Names that pandas gives by itself, 0, 1, ..., are none. Things with
names are put into the order of the targets by these, as columns are everywhere. Where no name is
that of a target, a user has renamed them all by `targets`, and they go by position.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from covey.arguments.frames import as_pandas
from covey.arguments.labels import are_default, labels_of
from covey.errors import InputError


def named_targets(targets: Iterable[Any] | None, **moments: Any) -> Any:
    """The names of the targets that a user gives, or that moments have.

    Args:
        targets: the names, or None.
        **moments: what may have names, by the name of its argument; the first that does counts.

    Returns:
        A list of names, or None if there are none.
    """
    if targets is not None:
        return targets if isinstance(targets, str) else list(targets)
    names = (_names(as_pandas(value, role)) for role, value in moments.items())
    return next((own for own in names if own), None)


def in_order(value: Any, targets: Any, role: str, axes: tuple[int, ...] = (-1,)) -> Any:
    """A mean or a covariance in the order of the targets.

    Args:
        value: with the names of targets along its last axis, or with none.
        targets: D names, or None.
        role: name of the argument, for messages.
        axes: those along which targets lie; none if their order cannot be changed.

    Returns:
        An array, or `value` itself if it has no names, or the right order.

    Raises:
        InputError: some names are targets and others are not, or the order cannot be changed.
    """
    if targets is None or isinstance(targets, str):
        return value
    table = as_pandas(value, role)
    wanted, own = [str(name) for name in targets], _names(table)
    rows = _labels(labels_of(value)) if len(axes) > 1 and own is not None else None
    if own is None or not set(own) & set(wanted) or (own == wanted and rows in (None, wanted)):
        return value
    for names in (own, rows or own):
        if sorted(names) != sorted(wanted):
            raise InputError(
                f"Expected `{role}` to be of the targets {wanted}. Received {names}. Take or name "
                "these, or drop the names to go by position: to_numpy()."
            )
    if not axes:
        raise InputError(
            f"Expected the columns of `{role}` in the order {wanted}, for it is triangular. "
            f"Received {own}. Pass the covariance, or name the targets in this order."
        )
    array = np.asarray(table)
    for axis in axes:
        names = rows if axis == -2 and rows else own
        array = np.take(array, [names.index(name) for name in wanted], axis=axis)
    return array


def row_labels(mean: Any) -> Any:
    """The row labels of a mean, a pandas Index; None without any but the default ones."""
    labels = labels_of(mean) if np.ndim(as_pandas(mean, "mean")) == 2 else None
    return None if labels is None or are_default(labels) else labels


def _names(table: Any) -> list[str] | None:
    """The names along the last axis of a pandas object; None if there are none."""
    return _labels(getattr(table, "columns", labels_of(table)))


def _labels(index: Any) -> list[str] | None:
    return None if index is None or are_default(index) else [str(label) for label in index]
