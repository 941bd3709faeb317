"""Row labels: which data have any, and whether those of two arguments agree.

The rule, wherever two arguments are taken row by row, in a fit, a score or a condition:

* The labels of a pandas DataFrame or Series are its index, those of an object of xarray the
  coordinate of its rows, and those of an Arrow table the index that pandas wrote into it. A
  distribution that was predicted for one has them too. Arrays, lists, and tables of libraries
  without an index have none.
* Two arguments with labels must have the same ones in the same order, whatever they are and
  however often each appears. If they do not, they are refused: no rows are reordered unasked.
* Things without labels are taken by position. So are the numbers 0, 1, ..., N - 1 that pandas gives
  to what is made without labels (a `RangeIndex` from 0), beside labels of another kind, such as
  text or dates, and a `CoveyWarning` says so. Beside other numbers they are labels like any: one of
  the two was shuffled, or has other rows, and they are refused.
"""

from __future__ import annotations

import sys
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from covey.arguments.coordinates import is_xarray, row_coordinate
from covey.arguments.frames import plain_index
from covey.errors import InputError, warn

if TYPE_CHECKING:
    import pandas as pd

FEATURES = "`X`"
DISTRIBUTIONS = "the distributions"


def labels_of(data: Any) -> pd.Index | None:
    """The row labels of a table or a column, or an index itself; None for data without labels.

    Args:
        data: anything.

    Returns:
        N labels, which may be the default ones; or None.
    """
    pandas = sys.modules.get("pandas")  # nothing is of pandas before somebody has imported it
    if pandas is None or data is None or isinstance(data, np.ndarray):
        return None
    index = data
    if is_xarray(data):
        index = row_coordinate(data)
    elif not isinstance(data, pandas.Index):
        index = _index_in_arrow(data)
        index = getattr(data, "index", None) if index is None else index
    return plain_index(index) if isinstance(index, pandas.Index) else None


def _index_in_arrow(data: Any) -> Any:
    """The row labels that pandas wrote into an Arrow table as columns, or None."""
    pyarrow = sys.modules.get("pyarrow")
    if pyarrow is None or not isinstance(data, pyarrow.Table | pyarrow.RecordBatch):
        return None
    wrote = (data.schema.pandas_metadata or {}).get("index_columns", [])
    names = [name for name in wrote if name in data.schema.names]
    return data.select(names).to_pandas().index if names else None


def are_default(labels: pd.Index) -> bool:
    """Whether labels are the numbers 0, 1, ..., that pandas gives by itself."""
    import pandas as pd

    return isinstance(labels, pd.RangeIndex) and labels.start == 0 and labels.step == 1


def check_rows(anchor: Any, other: Any, role: str, *, of: str = FEATURES) -> None:
    """Refuse two arguments whose row labels differ.

    Different numbers of rows are no concern here: callers know how many rows there should be.

    Args:
        anchor: a table or the index of one.
        other: what should have the same rows.
        role: the name of the argument `other`, for messages.
        of: what messages call the anchor.

    If only one of the two has default labels, a `CoveyWarning` says that rows go together
    by position.

    Raises:
        InputError: both have labels, and these differ.
    """
    one, two = labels_of(anchor), labels_of(other)
    if one is None or two is None or len(one) != len(two) or one.equals(two):
        return
    pairs = zip(count(), one, two)
    row, first, second = next((pair for pair in pairs if not _same(*pair[1:])), (-1, None, None))
    if row < 0:  # the same labels, of another type
        return
    differ = f"row {row} is labelled {first!r} in {of}, and {second!r} in `{role}`"
    in_order, as_they_stand, without = _ways(role, of)
    if _same_in_another_order(one, two):
        order = "" if two.is_unique else "; some appear more than once"
        raise InputError(
            f"Expected {of} and `{role}` to have their rows in the same order. Received the same "
            f"row labels in different orders: {differ}{order}. If labels say which rows belong "
            f"together, {in_order}; if they mean nothing, {without}."
        )
    numbers = all(labels.inferred_type == "integer" for labels in (one, two))
    if not numbers and (are_default(one) or are_default(two)):
        plain, own, example = (of, f"`{role}`", two[:1].tolist()[0])
        if are_default(two):
            plain, own, example = f"`{role}`", of, one[:1].tolist()[0]
        warn(
            f"Rows of {of} and `{role}` are taken by their position: {own} has row labels (the "
            f"first is {example!r}), {plain} none but the numbers from 0 to {len(one) - 1}. To say "
            "so yourself, pass one of them without labels, as to_numpy() gives it, or with those "
            "of the other: set_axis(index).",
        )
        return
    raise InputError(
        f"Expected {of} and `{role}` to have the same row labels. Received others: {differ}. To "
        f"mend it, take the same rows of both; if they belong together as they stand, "
        f"{as_they_stand}."
    )


def _ways(role: str, of: str) -> tuple[str, str, str]:
    """How to put rows into one order, to take them as they are, and to remove labels.

    The advice can be typed: it has the names of the arguments; a value in a mapping, which has no
    name of its own, is called by its key. Distributions have neither `loc` nor `reset_index`.
    """
    if of != DISTRIBUTIONS and not of.startswith("`"):  # two distributions
        plain = "predict both for features without labels, X.reset_index(drop=True)"
        return "put both into one order, by numbers of rows, joint[numbers]", plain, plain
    places = "joint.index" if of == DISTRIBUTIONS else f"{of.strip('`')}.index"
    if role.isidentifier():
        in_order, as_they_stand = f"use {role}.loc[{places}]", f"use {role}.set_axis({places})"
    else:
        in_order = f"take .loc[{places}] of what `{role}` holds"
        as_they_stand = f"take .set_axis({places}) of what `{role}` holds"
    if of == DISTRIBUTIONS:
        return in_order, as_they_stand, as_they_stand
    return in_order, as_they_stand, "drop them from both: reset_index(drop=True)"


def check_tables(**tables: Any) -> None:
    """Check that several arguments have the same row labels, as `check_rows` does for two.

    Args:
        tables: by the names of their arguments; None and data without labels are skipped.
            Each is compared with the first one that has labels other than the default, if any.

    Raises:
        InputError: labels differ.
    """
    anchor, name = None, ""
    for role, table in tables.items():
        labels = labels_of(table)
        if labels is None:
            continue
        if anchor is not None:
            check_rows(anchor, labels, role, of=f"`{name}`")
        if anchor is None or (are_default(anchor) and not are_default(labels)):
            anchor, name = labels, role


def row_name(labels: pd.Index | None, row: int) -> str:
    """What a message calls a row: by its label, if it has one."""
    return f"row {row if labels is None else labels[[row]].tolist()[0]!r}"


def _same(first: Any, second: Any) -> bool:
    try:
        return bool(first == second) or bool(first != first and second != second)
    except (TypeError, ValueError):  # pandas.NA is neither equal nor different
        return first is second


def _same_in_another_order(one: pd.Index, two: pd.Index) -> bool:
    if one.nlevels != two.nlevels:
        return False
    try:
        return bool(one.sort_values().equals(two.sort_values()))
    except TypeError:  # labels of several types know no order
        return Counter(one) == Counter(two)
