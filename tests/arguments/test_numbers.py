"""Numbers out of whatever holds them, and the one cell that is none."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

from covey.arguments.numbers import culprit, is_number, read_numbers
from covey.errors import InputError

NAN = np.nan
SAME = {
    "list": [1, None, 3],
    "integers of pandas": pd.Series([1, None, 3], dtype="Int64"),
    "floats of pandas": pd.Series([1, None, 3], dtype="Float32"),
    "Arrow in pandas": pd.Series([1, None, 3], dtype="int64[pyarrow]"),
    "decimals": [Decimal(1), None, Decimal(3)],
    "objects": np.array([1, NAN, 3.0], dtype=object),
    "several kinds of missing": pd.Series([1, pd.NA, np.int8(3)], dtype=object),
    "Arrow": pa.array([1, None, 3]),
    "Arrow in parts": pa.chunked_array([[1, None], [3]]),
    "big endian": np.array([1, NAN, 3], dtype=">f8"),
    "masked": np.ma.MaskedArray([1, 999, 3], mask=[0, 1, 0]),
    "sparse": pd.Series(pd.arrays.SparseArray([1.0, NAN, 3.0])),
}


@pytest.mark.parametrize("values", SAME.values(), ids=SAME)
def test_missing_is_nan_whatever_it_is_called(values):
    found = read_numbers(values, "y")
    assert found.dtype == np.float64
    assert found.dtype.isnative
    assert_array_equal(found, [1, NAN, 3])


def test_it_is_a_copy():
    y = np.zeros(2)
    table = pd.DataFrame({"a": y})
    for values in (y, table, table["a"]):
        read_numbers(values, "y")[...] = 1
    assert not y.any()
    assert not table.to_numpy().any()


BAD = {
    "a value": ("much", "'much'"),
    "a list": ([1, "46.459", "?"], "'?' in row 2"),
    "a table": (
        pd.DataFrame({"a": [1, 2], "b": ["46.459", "?"]}, index=["p", "q"]),
        "'?' in row 'q', column 'b'",
    ),
    "a column": (pd.Series(["46.459", "?"], index=[7, 8]), "'?' in row 8"),
    "rows": ([[1, 2], [3, "-"]], "'-' in row 1, column 1"),
    "dates": (pd.Series(pd.to_datetime(["2024-01-01"])), "Timestamp('2024-01-01 00:00:00')"),
    "NumPy's dates": (np.array(["2024-01-01"], dtype="datetime64[D]"), "2024, 1, 1) in row 0"),
    "durations": (pd.Series(pd.to_timedelta([None, 1], unit="D")), "1 days 00:00:00') in row 1"),
    "complex": (np.array([1j]), "1j in row 0"),
    "categories": (pd.Series(["1", "x"], dtype="category"), "'x' in row 1"),
    "too large": ([1, 10**400], "in row 1"),
    "rags": ([[1], [1, 2]], "rows of different lengths, 1 in row 0 and 2 in row 1"),
    "a late rag": ([[1, 2]] * 7 + [(1,)], "2 in row 0 and 1 in row 7"),
    "a number among rows": ([[1, 2], 3], "2 in row 0 and a single cell in row 1"),
    "rags within": ([[[1], [2]], [[1], [2, 3]]], "1 in row 0 and 2 in row 1"),
    "objects": ([object()], "<object object"),
}


@pytest.mark.parametrize(("values", "said"), BAD.values(), ids=BAD)
def test_what_is_no_number_is_named_with_its_place(values, said):
    with pytest.raises(InputError, match="`y` must be an array of numbers") as caught:
        read_numbers(values, "y")
    assert said in str(caught.value)


def test_there_may_be_no_culprit():
    assert culprit([1.0, None, "2"]) is None
    assert culprit(pd.Series([1.0, pd.NA, pd.NaT], dtype=object)) is None


def test_true_and_false_are_no_numbers():
    for value in (1, np.int8(1)):
        assert is_number(value)
        assert is_number(value, whole=True)
    for value in (1.0, np.float32(1), Fraction(1, 2)):
        assert is_number(value)
        assert not is_number(value, whole=True)
    for value in (True, False, np.True_, "1", None, 1j, [1], NAN * 1j):
        assert not is_number(value)
        assert not is_number(value, whole=True)


def test_a_dictionary_is_not_printed():
    with pytest.raises(InputError, match=r"a dict of 1 entries; pass pandas\.DataFrame") as refused:
        read_numbers({"a": np.zeros(200)}, "Y")
    assert len(str(refused.value)) < 200
