"""Tables and columns of other libraries, as pandas has them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np

from covey.errors import InputError


def as_pandas(data: Any, role: str) -> Any:
    """Take a table or a column of any library as a pandas DataFrame or Series.

    Args:
        data: polars and pyarrow objects (a RecordBatch and an Array too), what else narwhals knows,
            and whatever has a method `to_pandas`; or anything else.
        role: name of the argument, for messages.

    Returns:
        A pandas object, or `data` itself if it is none of these.

    Raises:
        InputError: columns have the same name.
    """
    if data is None or isinstance(data, np.ndarray | np.generic | Number | Sequence | Mapping):
        return data
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.DataFrame | pandas.Series | pandas.Index):
        return data
    import narwhals as nw

    try:
        native = nw.from_native(data, eager_only=True, allow_series=True, pass_through=True)
    except nw.exceptions.DuplicateError as error:
        raise InputError(f"Columns of `{role}` must be unique. Rename them. {error}") from error
    known = native if isinstance(native, nw.DataFrame | nw.Series) else data
    convert = getattr(known, "to_pandas", None)
    return convert() if callable(convert) else data


def refuse_mapping(data: Any, role: str) -> None:
    """Refuse a dictionary where a table is wanted: its values need not be columns.

    Args:
        data: anything.
        role: name of the argument, for messages.

    Raises:
        InputError: it is a mapping.
    """
    if isinstance(data, Mapping):
        raise InputError(
            f"Expected `{role}` to be a table or an array. Received a {type(data).__name__} of "
            f"{len(data)} entries; pass pandas.DataFrame({role}) if these are its columns."
        )
