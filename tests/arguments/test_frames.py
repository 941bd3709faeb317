"""Tables and columns of other libraries become those of pandas."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr

from covey.arguments.frames import as_pandas, in_library_of
from covey.arguments.labels import labels_of
from covey.errors import InputError

TABLE = pa.table({"a": [1.0, 2.0], "b": [3.0, None]})


class Foreign:
    """Of a library that nobody knows."""

    def to_pandas(self):
        return pd.Series([1.0, 2.0], name="a")


@pytest.mark.parametrize("table", [TABLE, TABLE.to_batches()[0]], ids=["table", "batch"])
def test_tables(table):
    pd.testing.assert_frame_equal(
        as_pandas(table, "X"), pd.DataFrame({"a": [1, 2], "b": [3, None]}, dtype=float)
    )


@pytest.mark.parametrize(
    "column",
    [TABLE["a"], pa.array([1.0, 2.0]), Foreign()],
    ids=lambda column: type(column).__name__,
)
def test_columns(column):
    found = as_pandas(column, "Y")
    assert isinstance(found, pd.Series)
    assert found.tolist() == [1.0, 2.0]


def test_polars():
    frame = as_pandas(pl.DataFrame({"a": [1.0, None]}), "X")
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"a": [1.0, np.nan]}))
    assert as_pandas(pl.Series("a", [1.0]), "Y").name == "a"


@pytest.mark.parametrize(
    "data",
    [
        None,
        1.0,
        np.float64(1),
        np.zeros(2),
        [1, 2],
        {"a": 1},
        "text",
        pd.Series([1]),
        pd.Index([1]),
    ],
    ids=lambda data: type(data).__name__,
)
def test_all_else_stays_what_it_is(data):
    assert as_pandas(data, "X") is data


ODD = np.array([1.5, np.nan, 3.0], dtype=">f8")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (pd.Series(ODD, name="a"), pd.Series([1.5, np.nan, 3.0], name="a")),
        (
            pd.DataFrame({"a": ODD, "b": list("xyz")}, index=np.array([3, 1, 2], dtype=">i8")),
            pd.DataFrame({"a": [1.5, np.nan, 3.0], "b": list("xyz")}, index=[3, 1, 2]),
        ),
        (pd.Series(pd.arrays.SparseArray([0, 0, 7])), pd.Series([0, 0, 7])),
    ],
    ids=["Series", "DataFrame", "sparse"],
)
def test_pandas_can_take_rows_of_what_comes_in(data, expected):
    found = as_pandas(data, "X")
    equal = pd.testing.assert_series_equal if data.ndim == 1 else pd.testing.assert_frame_equal
    equal(found, expected)
    equal(found[np.array([True, False, True])], expected.iloc[[0, 2]])  # fails in other byte orders
    assert (data.dtype if data.ndim == 1 else data.dtypes["a"]) != np.float64  # left as it was


def test_columns_of_the_same_name_are_turned_one_by_one():
    frame = pd.DataFrame(np.ones((2, 2), dtype=">i4"), columns=["a", "a"])
    assert all(dtype.isnative for dtype in as_pandas(frame, "X").dtypes)


def test_fields_are_columns():
    table = np.array(
        [(1, 2.5, "é", b"\xc3\xa9", "2024-01-01")],
        dtype=[("n", ">i2"), ("x", "f4"), ("t", "U9"), ("bytes", "S9"), ("day", "M8[D]")],
    )
    for rows in (table, table.view(np.recarray), table.reshape(()), table[0]):
        frame = as_pandas(rows, "X")
        assert frame.iloc[0].tolist() == [1, 2.5, "é", "é", pd.Timestamp("2024-01-01")]
        assert list(frame.columns) == ["n", "x", "t", "bytes", "day"]
    assert as_pandas(table[:0], "X").shape == (0, 5)


def test_masked_fields_are_missing():
    table = np.ma.array([(1, "a"), (2, "b")], dtype=[("n", int), ("t", "U1")])
    table["n"][1] = np.ma.masked
    table["t"][0] = np.ma.masked
    assert as_pandas(table, "X").isna().to_numpy().tolist() == [[False, True], [True, False]]


def test_bytes_are_text():
    assert as_pandas(np.array([b"x", b"\xc3\xa9"]), "X").tolist() == ["x", "é"]
    latin = as_pandas(np.array([b"\xe9", b"\xe8"]), "X")  # no UTF-8
    assert latin[0] != latin[1]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((2, 2), dtype=[("a", float)]), r"shape \(2, 2\); pass X\.ravel\(\)"),
        (np.zeros(2, dtype=[("a", float, (3,))]), "one value in a row. Received the field 'a'"),
        (np.zeros(2, dtype=[("a", [("b", float)])]), "one value in a row. Received the field 'a'"),
        (
            pl.DataFrame({"a": [1]}, schema={"a": pl.Int128}),
            "pandas can hold. .* Cast such columns",
        ),
        (pl.DataFrame({"a": [1]}).lazy(), r"Received a LazyFrame, .* pass X\.collect\(\)"),
    ],
    ids=["two dimensions", "arrays in cells", "fields of fields", "Int128", "lazy"],
)
def test_what_is_no_table_is_refused(data, message):
    with pytest.raises(InputError, match=message):
        as_pandas(data, "X")


TABLES = {
    "pandas": (pd.DataFrame({"x": [0]}), pd.DataFrame),
    "a Series": (pd.Series([0]), pd.DataFrame),
    "polars": (pl.DataFrame({"x": [0]}), pl.DataFrame),
    "polars, lazy": (pl.DataFrame({"x": [0]}).lazy(), pl.DataFrame),
    "a Series of polars": (pl.Series([0]), pl.DataFrame),
    "Arrow": (TABLE, pa.Table),
    "a RecordBatch": (TABLE.to_batches()[0], pa.Table),
    "xarray": (xr.Dataset({"x": ("time", [0])}), xr.Dataset),
    "a DataArray": (xr.DataArray([0], dims="time"), xr.Dataset),
    "fields": (np.zeros(1, dtype=[("x", int)]), np.ndarray),
    "pandas by name": ("pandas", pd.DataFrame),
    "polars by name": ("polars", pl.DataFrame),
    "Arrow by name": ("pyarrow", pa.Table),
    "xarray by name": ("xarray", xr.Dataset),
    "none": (None, pd.DataFrame),
}


@pytest.mark.parametrize("name", TABLES)
def test_back_into_a_library(name):
    like, kind = TABLES[name]
    table = pd.DataFrame({"b": [1.5, np.nan], "a": [3.0, 4.0]}, index=["p", "q"])
    found = in_library_of(like, table, labelled=True)
    assert type(found) is kind
    again = as_pandas(found, "X")
    np.testing.assert_array_equal(again.to_numpy(), table.to_numpy())
    assert list(again.columns) == ["b", "a"]
    if kind in (pd.DataFrame, xr.Dataset):
        assert list(again.index) == ["p", "q"]
    plain = in_library_of(like, table.reset_index(drop=True), labelled=False)
    assert labels_of(plain) is None or kind is pd.DataFrame


@pytest.mark.parametrize("like", [1.0, [1.0], np.zeros(3), "tables", "dask", {"a": 1}, pd])
def test_no_table_to_be_like(like):
    with pytest.raises(InputError, match="Expected `like` to be a table of pandas, polars"):
        in_library_of(like, pd.DataFrame({"a": [1.0]}), labelled=False)


def test_columns_of_one_name_are_refused():
    with pytest.raises(InputError, match="Columns of `X` must be unique"):
        as_pandas(pa.table([[1], [2]], names=["a", "a"]), "X")
