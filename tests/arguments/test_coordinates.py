"""Tables of xarray."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from covey.arguments.frames import as_pandas
from covey.arguments.labels import labels_of
from covey.errors import InputError

DAYS = pd.date_range("2024-01-01", periods=3)
TABLE = xr.Dataset(
    {"b": ("time", [1.0, 2.0, np.nan]), "a": ("time", ["x", "y", "z"])},
    coords={"time": DAYS, "season": ("time", [1, 1, 2]), "site": "north"},
)


def test_variables_are_columns_and_coordinates_are_labels():
    frame = as_pandas(TABLE, "X")
    assert list(frame.columns) == ["b", "a"]
    assert list(frame.index) == list(labels_of(TABLE)) == list(DAYS)
    assert list(as_pandas(TABLE.reset_coords("season"), "X")) == ["b", "a", "season"]
    plain = TABLE.drop_vars("time")
    assert labels_of(plain) is None
    assert as_pandas(plain, "X")["a"].tolist() == ["x", "y", "z"]


def test_rows_lie_along_the_first_dimension():
    array = xr.DataArray(
        [[1.0, 2.0]] * 3, dims=("time", "gas"), coords={"time": DAYS, "gas": ["CO", "NO"]}
    )
    frame = as_pandas(array, "X")
    assert list(frame.columns) == ["CO", "NO"]
    assert list(frame.index) == list(labels_of(array)) == list(DAYS)
    assert as_pandas(array.transpose(), "X").shape == (2, 3)
    nameless = array.drop_vars("gas")
    assert isinstance(as_pandas(nameless, "X"), np.ndarray)
    assert list(labels_of(nameless)) == list(DAYS)
    assert as_pandas(array.sel(gas="CO").rename("CO"), "Y").name == "CO"
    assert as_pandas(array.astype(">f4").drop_vars("gas"), "X").dtype == np.float32
    assert as_pandas(xr.DataArray(1.0), "lower") == 1.0
    assert as_pandas(xr.DataArray(np.zeros((2, 2, 2))), "covariance").shape == (2, 2, 2)


def test_a_row_of_a_dataset_is_a_table_of_one():
    frame = as_pandas(TABLE.isel(time=1), "X")
    assert frame.to_numpy().tolist() == [[2.0, "y"]]


def test_labels_of_several_levels():
    index = pd.MultiIndex.from_product([["p", "q"], [1, 2]], names=["site", "day"])
    rows = xr.Coordinates.from_pandas_multiindex(index, "row")
    stacked = xr.Dataset({"a": ("row", range(4))}, coords=rows)
    assert labels_of(stacked).equals(index)
    assert as_pandas(stacked, "X")["a"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            xr.Dataset({"a": (("time", "site"), np.zeros((2, 2)))}),
            r"all have one dimension.*'a': \('time', 'site'\).*X\.to_dataframe\(\)",
        ),
        (xr.Dataset({"a": ("t", [1.0]), "b": ("u", [1.0])}), "all have one dimension, the same"),
        (xr.Dataset({"a": ("t", [1.0]), "b": 2.0}), "all have one dimension, the same"),
        (
            xr.Dataset({"a": ("t", [1.0, 2.0]), "b": ("t", [1.0, 2.0])}).to_array(),
            r"\('variable', 't'\); pass X\.transpose\(\)",
        ),
    ],
    ids=["two dimensions", "one each", "a single value", "variables first"],
)
def test_what_is_no_table_is_refused(data, message):
    with pytest.raises(InputError, match=message):
        as_pandas(data, "X")


def test_what_is_no_table_has_no_rows_with_labels():
    grid = xr.Dataset({"a": (("t", "u"), np.zeros((2, 2)))}, coords={"t": [1, 2], "u": [3, 4]})
    assert labels_of(grid) is None
    assert labels_of(grid.isel(t=0, u=0)) is None
