"""Roles of columns, and the rows that teach something."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from covey.errors import InputError
from covey.stream.dataset import ParquetTable
from covey.stream.hash_folds import HashFolds
from covey.stream.rows import Roles, TrainingRows


@pytest.fixture
def table(folder):
    return ParquetTable.open(folder)


def test_all_other_columns_are_features(table):
    roles = Roles.choose(table, ["y", "z"], None, "w", "site")
    assert roles.features == ("a", "b", "colour", "day")
    assert set(roles.columns) == set(table.kinds)
    both = Roles.choose(table, "y", ["site", "a"], None, "site")
    assert both.columns == ("site", "a", "y")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"targets": ["q"]}, "`targets` must name columns"),
        ({"targets": []}, "at least one"),
        ({"targets": ["y", "y"]}, "each column once"),
        ({"targets": ["colour"]}, "`targets` must hold numbers"),
        ({"targets": ["y"], "weight": "colour"}, "`sample_weight` must hold numbers"),
        ({"targets": ["y"], "weight": "q"}, "`sample_weight` must name"),
        ({"targets": ["y"], "groups": "q"}, "`groups` must name"),
        ({"targets": ["y"], "features": ["q"]}, "`features` must name"),
        ({"targets": ["y"], "features": ["y"]}, "either a target or a feature"),
        ({"targets": ["y"], "features": []}, "columns to predict from"),
    ],
)
def test_bad_roles(table, arguments, message):
    with pytest.raises(InputError, match=message):
        Roles.choose(table, **arguments)


def test_a_column_of_lists_is_refused_only_if_it_is_used(tmp_path):
    pd.DataFrame({"a": [1.0], "y": [1.0], "l": [[1, 2]]}).to_parquet(tmp_path / "f.parquet")
    table = ParquetTable.open(tmp_path)
    assert Roles.choose(table, ["y"], ["a"]).features == ("a",)
    with pytest.raises(InputError, match=r"list.* in 'l'"):
        Roles.choose(table, ["y"])


def test_rows_without_target_or_weight_are_left_out(table, frame):
    roles, folds = Roles.choose(table, ["y", "z"], ["a"], "w"), HashFolds(5, 0)
    changed = frame.assign(w=frame["w"].where(frame.index % 7 > 0, 0.0))[:1000]
    part = pa.Table.from_pandas(changed[list(roles.columns)])
    rows = TrainingRows.of(np.arange(1000), part, roles, folds)
    usable = changed[["y", "z"]].notna().any(axis=1) & (changed["w"] > 0)
    assert 500 < len(rows) < 860
    assert np.array_equal(rows.numbers, np.flatnonzero(usable))
    assert np.array_equal(rows.Y, changed.loc[usable, ["y", "z"]], equal_nan=True)
    assert np.array_equal(rows.weight, changed.loc[usable, "w"])
    assert np.array_equal(rows.fold, folds.of(rows.numbers))
    assert np.array_equal(rows.table["a"].to_pandas(), changed.loc[usable, "a"], equal_nan=True)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, None, 3]),
        pa.array([True, None, False]),
        pa.array([1.5, None, float("nan")]),
        pa.array(np.array([1.5, 2.0, 3.0], dtype=np.float16)),
        pa.array([None, 2, 3], pa.uint8()),
        pa.array([None, None, None], pa.null()),
        pa.chunked_array([pa.array([1, 2]), pa.array([3])]),
    ],
)
def test_all_kinds_of_numbers(values):
    part = pa.table({"y": values, "x": [1.0, 2.0, 3.0], "z": [0.0, 0.0, 0.0]})
    roles = Roles(("y", "z"), ("x",))
    rows = TrainingRows.of(np.arange(3), part, roles, HashFolds(2, 0))
    expected = pd.array(values.to_pylist()).to_numpy(dtype=float, na_value=np.nan)
    assert np.array_equal(rows.Y[:, 0], expected, equal_nan=True)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("y", np.inf, r"infinity in 'y' \(row 3\)"),
        ("w", -1.0, r"non-negative. Received -1.0 in 'w' \(row 3\)"),
        ("w", np.nan, r"non-negative. Received nan in 'w' \(row 3\)"),
        ("site", np.nan, "label in every row"),
    ],
)
def test_bad_cells(frame, column, value, message):
    changed = frame[:50].copy()
    changed[column] = changed[column].astype(float)
    changed.loc[3, column] = value
    roles = Roles(("y", "z"), ("a",), "w", "site")
    with pytest.raises(InputError, match=message):
        TrainingRows.of(np.arange(50), pa.Table.from_pandas(changed), roles, HashFolds(5, 0))
