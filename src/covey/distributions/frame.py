"""Distributions as labelled tables, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from covey.arguments.frames import as_pandas
from covey.arguments.labels import DISTRIBUTIONS, are_default, check_rows, labels_of
from covey.arguments.numbers import read_numbers
from covey.arguments.targets import covariance_column, mean_column
from covey.errors import InputError, counted, shown
from covey.types import Array, Labels

if TYPE_CHECKING:
    import pandas as pd


TAILS = "degrees_of_freedom"


def moments_to_frame(
    targets: tuple[str, ...],
    mean: Array,
    covariance: Array,
    further: Mapping[str, Array],
    index: Iterable[Any] | None = None,
) -> pd.DataFrame:
    """Means and covariances as columns.

    Args:
        targets: D names.
        mean: array of shape (N, D), in target units.
        covariance: array of shape (N, D, D), in products of target units.
        further: more columns, each of shape (N,).
        index: N row labels; None for the numbers from 0.

    Returns:
        DataFrame with the columns `mean_<t>`, `cov_<t>_<u>` (upper triangle with the diagonal), and
        the further ones.
    """
    import pandas as pd

    columns = {mean_column(target): mean[:, i] for i, target in enumerate(targets)}
    for i, first in enumerate(targets):
        for j, second in enumerate(targets[i:], start=i):
            columns[covariance_column(first, second)] = covariance[:, i, j]
    return pd.DataFrame({**columns, **further}, index=index)


def labels_like(like: Any, own: pd.Index | None, n_rows: int) -> pd.Index | None:
    """The row labels of a table that shall be like another one.

    Args:
        like: that table, or the name of a library, or None.
        own: the labels of the distributions, if they have any.
        n_rows: N.

    Returns:
        Their own; or, if they have none, those of the other table if it has N rows.

    Raises:
        InputError: the two have N rows and other labels.
    """
    labels = labels_of(like)
    if labels is None or are_default(labels) or len(labels) != n_rows:
        return own
    check_rows(own, labels, "like", of=DISTRIBUTIONS)
    return labels if own is None else own


def chosen_labels(index: Labels, own: pd.Index | None, n_rows: int) -> pd.Index | None:
    """The row labels that a user wants in a table.

    Args:
        index: True or None for a distribution's own labels, False for none, or N labels.
        own: those of the distribution, if it has any.
        n_rows: N.

    Returns:
        The labels; None for the numbers from 0.

    Raises:
        InputError: there are not N.
    """
    import pandas as pd

    if index is None or isinstance(index, bool):
        return None if index is False else own
    labels = labels_of(index)
    if labels is None:
        labels = pd.Index(list(index))
    if len(labels) != n_rows:
        raise InputError(
            f"`index` must be False, or hold one label for each of {counted(n_rows, 'row')}. "
            f"Received {len(labels)}."
        )
    return labels


def moments_from_frame(
    frame: Any, further: Iterable[str]
) -> tuple[list[str], Array, Array, dict[str, Array], pd.Index | None]:
    """Read what `moments_to_frame` wrote; other columns are ignored.

    Args:
        frame: the table, of any library.
        further: names of the further columns.

    Returns:
        (targets, mean, covariance, further columns by name, row labels or None).

    Raises:
        InputError: it is no table, columns are missing, or hold no numbers.
    """
    labels, frame = labels_of(frame), as_pandas(frame, "frame")
    if not hasattr(frame, "columns"):
        raise InputError(
            "Expected a table with the columns mean_<target> and cov_<target>_<target>, as "
            f"`to_frame` writes them. Received: {shown(frame)}."
        )
    present = [str(column) for column in frame.columns]
    prefix = mean_column("")
    targets = [column.removeprefix(prefix) for column in present if column.startswith(prefix)]
    pairs = [
        covariance_column(first, second)
        for i, first in enumerate(targets)
        for second in targets[i:]
    ]
    lacking = [column for column in (*pairs, *further) if column not in present]
    if not targets or lacking:
        raise InputError(
            "Expected a table with the columns mean_<target> and cov_<target>_<target> as "
            f"written by `to_frame`. Lacking: {lacking or 'every mean_<target>'}."
        )
    if TAILS in present and TAILS not in further:
        raise tails_error()
    d = len(targets)
    columns = map(mean_column, targets)
    mean = np.stack([read_numbers(frame[column], column) for column in columns], axis=1)
    covariance = np.empty((len(mean), d, d))
    for column, i, j in zip(pairs, *np.triu_indices(d), strict=True):
        covariance[:, i, j] = covariance[:, j, i] = read_numbers(frame[column], column)
    more = {name: read_numbers(frame[name], name) for name in further}
    return targets, mean, covariance, more, labels


def tails_error() -> InputError:
    """The error for a table of Student-t distributions where normal ones are read."""
    return InputError(
        f"The table is one of Student-t distributions: it has a column {TAILS}. Use "
        "MultivariateT.from_frame, or drop the column to take them for normal ones."
    )
