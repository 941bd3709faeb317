"""Tables and columns of other libraries, as pandas has them.

What has named columns keeps their names, wherever it comes from: frames of any library, NumPy's
structured arrays (a field is a column) and xarray's Datasets (a variable is a column). Whoever
calls `as_pandas` sees pandas objects, NumPy arrays in the byte order of the machine, or plain
Python.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np

from covey.arguments.coordinates import dataset_of, is_xarray, xarray_as_pandas
from covey.errors import InputError, shown

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

IN_MEMORY = ("collect", "compute", "df", "execute")  # how lazy tables are called into memory


def as_pandas(data: Any, role: str) -> Any:
    """Take a table or a column of any library as a pandas DataFrame or Series.

    Args:
        data: polars and pyarrow objects (a RecordBatch and an Array too), a structured array, a
            Dataset or a DataArray of xarray, what else narwhals knows, and whatever has a method
            `to_pandas`; or anything else.
        role: name of the argument, for messages.

    Returns:
        A pandas object whose columns are dense and in the byte order of the machine; or a NumPy
        array of that byte order, in which bytes are text; or `data` itself if it is none of these.

    Raises:
        InputError: columns have the same name, a table is not in memory, or a structured array or a
            Dataset is no table.
    """
    if isinstance(data, np.void) and data.dtype.names:  # a row of a structured array
        data = np.asarray(data)
    if isinstance(data, np.ndarray):
        return _fields(data, role) if data.dtype.names else _plain_array(data)
    if is_xarray(data):
        found = xarray_as_pandas(data, role)
        return _plain_array(found) if isinstance(found, np.ndarray) else _plain(found)
    if data is None or isinstance(data, np.generic | Number | Sequence | Mapping):
        return data
    if is_pandas(data):
        return _plain(data)
    import narwhals as nw

    data = _without_codes(data)
    try:
        known = nw.from_native(data, allow_series=True, pass_through=True)
    except nw.exceptions.DuplicateError as error:
        raise InputError(f"Columns of `{role}` must be unique. Rename them. {error}") from error
    if isinstance(known, nw.LazyFrame):
        raise _lazy_error(data, role)
    known = known if isinstance(known, nw.DataFrame | nw.Series) else data
    convert = getattr(known, "to_pandas", None)
    if not callable(convert):
        return data
    try:
        return _plain(convert())
    except (NotImplementedError, TypeError, ValueError) as error:
        raise InputError(
            f"Expected `{role}` to be a table that pandas can hold. Received a "
            f"{type(data).__name__} of which it says: {error}. Cast such columns, or leave them "
            "out."
        ) from error


def _without_codes(data: Any) -> Any:
    """The same, but dictionaries of Arrow that hold numbers are these: they only save memory.

    Categories that pandas wrote stay what they are.
    """
    arrow = sys.modules.get("pyarrow")
    if arrow is None:
        return data
    if isinstance(data, arrow.Array | arrow.ChunkedArray):
        return data.cast(data.type.value_type) if _is_coded(data.type) else data
    if isinstance(data, arrow.Table | arrow.RecordBatch) and not data.schema.pandas_metadata:
        for number, field in enumerate(data.schema):
            if _is_coded(field.type):
                column = data.column(number).cast(field.type.value_type)
                data = data.set_column(number, field.name, column)
    return data


def _is_coded(kind: Any) -> bool:
    """Whether a type of Arrow is a dictionary of something else than text."""
    types = sys.modules["pyarrow"].types
    if not types.is_dictionary(kind):
        return False
    text = (types.is_string, types.is_large_string, types.is_string_view)
    return not any(is_text(kind.value_type) for is_text in text)


def in_library_of(like: Any, table: pd.DataFrame, *, labelled: bool) -> Any:
    """A table as another library has it, or the library of another table.

    Args:
        like: a table of that library, or the library's name; None for pandas.
        table: N rows of numbers.
        labelled: whether its row labels mean something.

    Returns:
        A DataFrame of that library; for a structured array a structured array, for something of
        xarray a Dataset.

    Raises:
        InputError: `like` is no table, or its library cannot be used.
    """
    if like is None or is_pandas(like):
        return table
    if isinstance(like, np.ndarray) and like.dtype.names:
        records = np.empty(len(table), dtype=[(name, np.float64) for name in table.columns])
        for name in table.columns:
            records[name] = table[name]
        return records
    if is_xarray(like) or (isinstance(like, str) and like == "xarray"):
        return dataset_of(table, like if is_xarray(like) else None, labelled=labelled)
    import narwhals as nw

    library: Any
    try:
        if isinstance(like, str):
            library = nw.Implementation.from_string(like)
        elif type(like).__name__ == "RecordBatch":  # of Arrow, which narwhals does not know
            library = nw.Implementation.PYARROW
        else:
            library = nw.from_native(like, allow_series=True).implementation
        if library is nw.Implementation.UNKNOWN:
            raise ValueError("no library of that name")
        if library.is_pandas_like():  # which have row labels, too
            return library.to_native_namespace().DataFrame(table)
        columns = {name: table[name].to_numpy() for name in table.columns}
        return nw.from_dict(columns, backend=library).to_native()
    except (TypeError, ValueError, ImportError, AttributeError) as error:
        raise InputError(
            "Expected `like` to be a table of pandas, polars, pyarrow or xarray, or the name of "
            f"one of these libraries. Received: {shown(like)} ({error})."
        ) from error


def is_pandas(data: Any) -> bool:
    """Whether something is of pandas."""
    pandas = sys.modules.get("pandas")
    return isinstance(data, pandas.DataFrame | pandas.Series | pandas.Index) if pandas else False


def as_column(data: Any, role: str) -> Any:
    """The same as `as_pandas`; a table of one column is this column.

    Args:
        data: anything.
        role: name of the argument, for messages.

    Returns:
        See `as_pandas`.

    Raises:
        InputError: as for `as_pandas`.
    """
    found = as_pandas(data, role)
    return found.iloc[:, 0] if len(getattr(found, "columns", ())) == 1 else found


def refuse_mapping(data: Any, role: str) -> None:
    """Refuse a dictionary where a table is wanted: its values need not be columns.

    Args:
        data: anything, as `as_pandas` gives it.
        role: name of the argument, for messages.

    Raises:
        InputError: it is a mapping.
    """
    if isinstance(data, Mapping):
        raise InputError(
            f"Expected `{role}` to be a table or an array. Received a {type(data).__name__} of "
            f"{len(data)} entries; pass pandas.DataFrame({role}) if these are its columns."
        )


def _lazy_error(data: Any, role: str) -> InputError:
    method = next((name for name in IN_MEMORY if hasattr(data, name)), None)
    way = "bring it into memory first" if method is None else f"pass {role}.{method}()"
    return InputError(
        f"Expected `{role}` to be a table in memory. Received a {type(data).__name__}, which is a "
        f"query that has not run; {way}."
    )


def _plain(data: Any) -> Any:
    """The same pandas object, its sparse cells dense, its numbers in the machine's byte order.

    pandas holds numbers in the other byte order, and then fails at taking some rows of them.
    """
    import pandas as pd

    if isinstance(data, pd.Series):
        data = _plain_column(data)
    elif isinstance(data, pd.DataFrame):
        odd = [number for number, dtype in enumerate(data.dtypes) if _is_odd(dtype)]
        if odd:
            data = data.copy(deep=False)
            for number in odd:
                data.isetitem(number, _plain_column(data.iloc[:, number]))
    if isinstance(data, pd.Index):
        return plain_index(data)
    if isinstance(data, pd.Series | pd.DataFrame) and _is_odd(data.index.dtype):
        data = data.set_axis(plain_index(data.index), axis=0)
    return data


def plain_index(index: pd.Index) -> pd.Index:
    """Row labels in the byte order of the machine."""
    return index.astype(index.dtype.newbyteorder("=")) if _is_foreign(index.dtype) else index


def _is_foreign(dtype: Any) -> bool:
    """Whether numbers are in another byte order than those of the machine."""
    return isinstance(dtype, np.dtype) and not dtype.isnative


def _is_odd(dtype: Any) -> bool:
    import pandas as pd

    return _is_foreign(dtype) or isinstance(dtype, pd.SparseDtype)


def _plain_column(column: pd.Series) -> pd.Series:
    import pandas as pd

    if isinstance(column.dtype, pd.SparseDtype):
        column = column.sparse.to_dense()
    return column.astype(column.dtype.newbyteorder("=")) if _is_foreign(column.dtype) else column


def _plain_array(array: NDArray[Any]) -> NDArray[Any]:
    """The same array, bytes as text, numbers in the machine's byte order."""
    if array.dtype.kind == "S" and not isinstance(array, np.ma.MaskedArray):
        # what is no UTF-8 stays distinct, too
        return np.char.decode(array, "utf-8", "surrogateescape")
    if array.dtype.isnative:
        return array
    return array.astype(array.dtype.newbyteorder("="))


def _fields(array: NDArray[Any], role: str) -> pd.DataFrame:
    """A structured array as a table: a column for each field."""
    import pandas as pd

    table: NDArray[Any] = array.reshape(1) if array.ndim == 0 else array
    names = array.dtype.names or ()
    if table.ndim != 1:
        raise InputError(
            f"Expected `{role}`, a structured array of the fields {shown(list(names))}, to have "
            f"one dimension, its rows. Received the shape {array.shape}; pass {role}.ravel() if "
            "each of its entries is a row."
        )
    columns = {}
    for name in names:
        kind = array.dtype[name]
        if kind.names or kind.subdtype or kind.kind == "V":
            raise InputError(
                f"Expected each field of `{role}` to hold one value in a row. Received the field "
                f"{name!r} of the type {kind}. Make each of its parts a field, or leave it out."
            )
        cells = np.ma.getdata(table[name])
        column = pd.Series(_plain_array(np.asarray(cells)))
        if np.ma.getmaskarray(table[name]).any():
            column = column.mask(np.ma.getmaskarray(table[name]))
        columns[name] = column
    return pd.DataFrame(columns, index=range(len(table)))
