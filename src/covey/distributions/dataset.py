"""Distributions as Datasets of xarray, whose dimensions and coordinates have names, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from covey.arguments.coordinates import import_xarray, is_xarray, with_rows
from covey.arguments.numbers import read_numbers
from covey.distributions.frame import TAILS, tails_error
from covey.errors import InputError
from covey.types import Array

if TYPE_CHECKING:
    import pandas as pd

ROW, TARGET, OTHER = "row", "target", "target_2"
DIMENSIONS = {"mean": (ROW, TARGET), "covariance": (ROW, TARGET, OTHER)}


def moments_to_dataset(
    targets: tuple[str, ...],
    mean: Array,
    covariance: Array,
    further: Mapping[str, Array],
    index: pd.Index | None = None,
) -> Any:
    """Means and covariances as variables.

    Args:
        targets: D names.
        mean: array of shape (N, D), in target units.
        covariance: array of shape (N, D, D), in products of target units.
        further: more variables, each of shape (N,).
        index: N row labels, or None.

    Returns:
        Dataset with the variables `mean` (row, target), `covariance` (row, target, target_2), and
        the further ones (row); names of targets and labels of rows are coordinates.

    Raises:
        InputError: xarray is not installed.
    """
    variables = {
        "mean": (DIMENSIONS["mean"], np.array(mean)),
        "covariance": (DIMENSIONS["covariance"], np.array(covariance)),
        **{name: ((ROW,), np.array(values)) for name, values in further.items()},
    }
    dataset = import_xarray().Dataset(variables, {TARGET: list(targets), OTHER: list(targets)})
    return with_rows(dataset, index, ROW)


def holds_moments(data: Any) -> bool:
    """Whether something is a Dataset such as `moments_to_dataset` makes, rather than a table."""
    return is_xarray(data) and any(TARGET in data[name].dims for name in _variables(data))


def _variables(data: Any) -> list[Any]:
    return list(getattr(data, "data_vars", ()))


def moments_from_dataset(
    data: Any, further: Iterable[str]
) -> tuple[list[str], Array, Array, dict[str, Array], pd.Index | None]:
    """Read what `moments_to_dataset` made; other variables are ignored.

    Args:
        data: the Dataset, its dimensions in any order.
        further: names of the further variables.

    Returns:
        (targets, mean, covariance, further variables by name, row labels or None).

    Raises:
        InputError: variables or names are missing, or variables have other dimensions.
    """
    wanted = {**DIMENSIONS, **dict.fromkeys(further, (ROW,))}
    present = {name: set(data[name].dims) for name in _variables(data)}
    named = TARGET in data.coords and OTHER in data.coords
    if not named or any(present.get(name) != set(dims) for name, dims in wanted.items()):
        raise InputError(
            f"Expected a Dataset as `to_xarray` makes it: variables of the dimensions {wanted}, "
            f"with names of targets as coordinates. Received {present}."
        )
    if TAILS in present and TAILS not in further:
        raise tails_error()
    names = data.indexes[TARGET]
    data = data.sel({OTHER: names})  # in one order
    read = {
        name: read_numbers(data[name].transpose(*dims).to_numpy(), name)
        for name, dims in wanted.items()
    }
    mean, covariance = read.pop("mean"), read.pop("covariance")
    return [str(name) for name in names], mean, covariance, read, data.indexes.get(ROW)
