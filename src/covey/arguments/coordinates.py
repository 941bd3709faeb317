"""Tables of xarray: which have row labels, and what they are in pandas.

Rows lie along the first dimension of a DataArray, and along the only one of a Dataset, whose
variables are its columns. Coordinates are labels: those of the first dimension are labels of rows,
those of the second names of columns. Other coordinates are no part of the table.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from covey.errors import InputError, shown

if TYPE_CHECKING:
    import pandas as pd

STACKED = "variable"  # what xarray calls the dimension along which `to_array` puts variables


def is_xarray(data: Any) -> bool:
    """Whether something is a Dataset or a DataArray."""
    xarray = sys.modules.get("xarray")
    return xarray is not None and isinstance(data, xarray.Dataset | xarray.DataArray)


def row_coordinate(data: Any) -> pd.Index | None:
    """The row labels of a Dataset or a DataArray.

    Args:
        data: one of these.

    Returns:
        A pandas Index of N; None if rows have no coordinate, or it is no table.
    """
    dims = list(data.dims[:1]) if hasattr(data, "dtype") else _row_dimensions(data)
    index: pd.Index | None = data.indexes.get(dims[0]) if len(dims) == 1 else None
    return index


def xarray_as_pandas(data: Any, role: str) -> Any:
    """A Dataset or a DataArray as pandas has it.

    Args:
        data: a Dataset of variables of one dimension, the same for all; or a DataArray.
        role: name of the argument, for messages.

    Returns:
        A DataFrame; for a DataArray of one dimension a Series, and without names of columns, or of
        more than two dimensions, a NumPy array.

    Raises:
        InputError: the variables of a Dataset have not one dimension, or variables lie along the
            first dimension of a DataArray.
    """
    import pandas as pd

    rows = row_coordinate(data)
    if not hasattr(data, "dtype"):
        return _dataset(data, rows, role)
    if data.ndim == 1:
        return pd.Series(np.asarray(data), index=rows, name=data.name)
    if data.ndim == 2 and data.dims[0] == STACKED:
        raise InputError(
            f"Expected `{role}` to have its rows along the first dimension. Received the "
            f"dimensions {data.dims}; pass {role}.transpose()."
        )
    names = data.indexes.get(data.dims[1]) if data.ndim == 2 else None
    if names is None:
        return np.asarray(data)
    return pd.DataFrame(np.asarray(data), index=rows, columns=names)


def dataset_of(table: pd.DataFrame, like: Any, *, labelled: bool) -> Any:
    """A table as a Dataset: a variable for each column.

    Args:
        table: N rows.
        like: a Dataset or a DataArray whose dimension of rows gets this one; None for "row".
        labelled: whether row labels become a coordinate.

    Returns:
        A Dataset of variables of one dimension.
    """
    xarray = import_xarray()
    dims = [] if like is None else like.dims if hasattr(like, "dtype") else _row_dimensions(like)
    row = dims[0] if len(dims) else "row"
    variables = {name: ((row,), table[name].to_numpy()) for name in table.columns}
    return with_rows(xarray.Dataset(variables), table.index if labelled else None, row)


def import_xarray() -> Any:
    """The library.

    Raises:
        InputError: it is not installed.
    """
    try:
        import xarray
    except ImportError:
        raise InputError(
            'A Dataset needs xarray, which is not installed. Run pip install "covey[xarray]".'
        ) from None
    return xarray


def with_rows(dataset: Any, index: pd.Index | None, row: Any) -> Any:
    """A Dataset with row labels for a coordinate.

    Args:
        dataset: N rows.
        index: N labels, or None; levels without a name of their own, or with one that the Dataset
            has already, get one.
        row: the dimension of its rows.

    Returns:
        A Dataset.
    """
    import pandas as pd

    if not isinstance(index, pd.MultiIndex):
        # a pair, or an Index that has a name would bring a dimension of this name
        return dataset if index is None else dataset.assign_coords({row: (row, index)})
    taken = {None, *dataset.sizes, *dataset.data_vars}
    levels = [
        f"{row}_level_{place}" if name in taken else name for place, name in enumerate(index.names)
    ]
    coordinates = import_xarray().Coordinates.from_pandas_multiindex(index.set_names(levels), row)
    return dataset.assign_coords(coordinates)


def _row_dimensions(data: Any) -> list[Any]:
    """The dimensions of the variables of a Dataset, each once."""
    return list(dict.fromkeys(dim for v in data.data_vars.values() for dim in v.dims))


def _dataset(data: Any, rows: pd.Index | None, role: str) -> pd.DataFrame:
    import pandas as pd

    dims = _row_dimensions(data)
    if not dims and len(data.data_vars):  # a row of such a table
        data = data.expand_dims("row")
        dims = ["row"]
    if len(dims) > 1 or any(variable.ndim != 1 for variable in data.data_vars.values()):
        each = {name: variable.dims for name, variable in data.data_vars.items()}
        raise InputError(
            f"Expected `{role}` to be a table: a Dataset of variables that all have one dimension, "
            f"the same. Received variables of the dimensions {shown(each)}. Select those of one "
            f"dimension, or pass {role}.to_dataframe().reset_index()."
        )
    columns = {name: np.asarray(variable) for name, variable in data.data_vars.items()}
    return pd.DataFrame(columns, index=rows)
