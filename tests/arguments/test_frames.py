"""Tables and columns of other libraries become those of pandas."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from covey.arguments.frames import as_pandas
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


def test_columns_of_one_name_are_refused():
    with pytest.raises(InputError, match="Columns of `X` must be unique"):
        as_pandas(pa.table([[1], [2]], names=["a", "a"]), "X")
