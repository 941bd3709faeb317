"""Parquet files as one table: all rows once, in any order, from any place."""

import gc
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from covey.errors import InputError
from covey.stream import dataset
from covey.stream.dataset import ParquetTable

COLUMNS = ["y", "a", "colour"]


def joined(parts):
    numbers, tables = zip(*parts, strict=True)
    return np.concatenate(numbers), pa.concat_tables(tables).to_pandas()


@pytest.fixture
def table(folder):
    return ParquetTable.open(folder)


def test_the_files_are_one_table(table, frame):
    assert len(table) == len(frame)
    assert list(table.kinds) == list(frame.columns)
    assert table.kinds["colour"] == "text"
    assert table.kinds["day"] == "date"
    parts = list(table.scan(COLUMNS))
    assert len(parts) < 6  # however small row groups are
    numbers, found = joined(parts)
    assert np.array_equal(np.sort(numbers), np.arange(len(frame)))
    expected = frame[COLUMNS].iloc[numbers].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_a_pass_has_every_row_once_in_an_order_of_its_own(table, frame, monkeypatch):
    monkeypatch.setattr(dataset, "SLICE", 500)
    first, found = joined(table.shuffled(COLUMNS, 3, 0))
    assert np.array_equal(np.sort(first), np.arange(len(frame)))
    pd.testing.assert_frame_equal(
        found, frame[COLUMNS].iloc[first].reset_index(drop=True), check_dtype=False
    )
    again, _ = joined(table.shuffled(COLUMNS, 3, 0))
    other, _ = joined(table.shuffled(COLUMNS, 3, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_distant_row_groups_are_mixed(table, frame, monkeypatch):
    monkeypatch.setattr(dataset, "SLICE", 500)
    monkeypatch.setattr(dataset, "MOST_OPEN", 16)
    for numbers, _ in table.shuffled(COLUMNS, 0, 0):
        groups = np.unique(np.minimum(numbers, 2000) // 37)
        assert len(groups) > 3 or len(numbers) < 300


@pytest.mark.parametrize("skip", [0, 1, 499, 500, 3210, 5999, 6000])
def test_a_pass_can_be_resumed_anywhere(table, monkeypatch, skip):
    monkeypatch.setattr(dataset, "SLICE", 500)
    monkeypatch.setattr(dataset, "MOST_OPEN", 8)
    whole, rows = joined(table.shuffled(COLUMNS, 1, 2))
    parts = list(table.shuffled(COLUMNS, 1, 2, skip))
    assert bool(parts) == (skip < len(whole))
    if parts:
        numbers, found = joined(parts)
        assert np.array_equal(numbers, whole[skip:])
        pd.testing.assert_frame_equal(found, rows[skip:].reset_index(drop=True))


def test_row_groups_that_are_done_are_let_go(tmp_path):
    r = np.random.default_rng(0)
    for number in range(6):
        file = pa.table({f"x{i}": r.normal(size=20_000) for i in range(10)})
        pq.write_table(file, tmp_path / f"{number}.parquet")
    table = ParquetTable.open(tmp_path)
    gc.disable()
    try:
        before = pa.total_allocated_bytes()
        parts = table.scan([*table.kinds])
        while next(parts, None) is not None:
            assert pa.total_allocated_bytes() - before < 12e6
    finally:
        gc.enable()
    assert pa.total_allocated_bytes() - before < 1e6


def test_what_stands_at_the_end_of_a_file_is_read_once(folder, monkeypatch):
    dataset._metadata.cache_clear()
    read = Mock(wraps=pq.read_metadata)
    monkeypatch.setattr("pyarrow.parquet.read_metadata", read)
    table = ParquetTable.open(folder)
    assert sum(len(numbers) for numbers, _ in table.shuffled(COLUMNS, 0, 0)) == len(table)
    assert read.call_count == 3 < len(table.pieces)


def test_a_row_group_is_never_read_as_a_whole(tmp_path):
    r = np.random.default_rng(0)
    size = 1_200_000
    pq.write_table(
        pa.table({name: r.normal(size=size) for name in "ab"}),
        tmp_path / "f.parquet",
        row_group_size=size,
    )
    table = ParquetTable.open(tmp_path)
    assert len(table.pieces) == 1
    before = pa.total_allocated_bytes()
    for part in table.scan(["a", "b"]):
        assert len(part[0]) <= dataset.SLICE
        assert pa.total_allocated_bytes() - before < 16 * size / 2


def test_row_groups_open_at_the_same_time_are_bounded(table, monkeypatch):
    rounds = list(table._rounds(table.pieces))
    assert sum(map(len, rounds)) == len(table.pieces)
    assert max(map(len, rounds)) == dataset.MOST_OPEN
    usual = sorted(piece.open_bytes for piece in table.pieces)[len(table.pieces) // 2]
    monkeypatch.setattr(dataset, "OPEN", 4 * usual)
    rounds = list(table._rounds(table.pieces))
    assert sum(map(len, rounds)) == len(table.pieces)
    assert 3 <= max(map(len, rounds)) <= 5
    monkeypatch.setattr(dataset, "OPEN", 1)
    assert {len(pieces) for pieces in table._rounds(table.pieces)} == {2}


def test_the_fingerprint_follows_the_files(folder, tmp_path, frame):
    assert ParquetTable.open(folder).fingerprint == ParquetTable.open(folder).fingerprint
    frame[:2000].to_parquet(tmp_path / "part-0.parquet", row_group_size=37)
    frame[2000:5999].to_parquet(tmp_path / "part-1.parquet")
    assert ParquetTable.open(folder).fingerprint != ParquetTable.open(tmp_path).fingerprint


def test_an_index_of_pandas_is_no_column(tmp_path):
    frame = pd.DataFrame({"a": [1.0, 2.0]}, index=[5, 9])
    frame.to_parquet(tmp_path / "f.parquet")
    assert list(ParquetTable.open(tmp_path).kinds) == ["a"]
    frame.rename_axis("id").to_parquet(tmp_path / "f.parquet")
    assert list(ParquetTable.open(tmp_path).kinds) == ["a", "id"]


def test_whole_numbers_may_be_floats_elsewhere(tmp_path):
    pd.DataFrame({"a": [1, 2], "b": ["x", None]}).to_parquet(tmp_path / "0.parquet")
    pd.DataFrame({"b": [None, None], "a": [1.5, None]}).to_parquet(tmp_path / "1.parquet")
    table = ParquetTable.open(tmp_path)
    assert table.kinds == {"a": "number", "b": "text"}
    _, found = joined(table.shuffled(["a", "b"], 0, 0))
    assert sorted(found["a"].dropna()) == [1.0, 1.5, 2.0]


def spoiled(path, kind):
    frame = pd.DataFrame({"a": [1.0, 2.0], "y": [1.0, 2.0]})
    frame.to_parquet(path / "0.parquet")
    bad = path / "1.parquet"
    if kind == "cut":
        bad.write_bytes((path / "0.parquet").read_bytes()[:-20])
    elif kind == "text":
        bad.write_text("a,y\n1,2\n")
    elif kind == "empty":
        bad.write_bytes(b"")
    elif kind == "lacking":
        frame[["a"]].to_parquet(bad)
    elif kind == "more":
        frame.assign(c=1).to_parquet(bad)
    elif kind == "type":
        frame.assign(a="x").to_parquet(bad)
    return bad


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("cut", "cannot be read"),
        ("text", "cannot be read"),
        ("empty", "an empty file"),
        ("lacking", "without 'y'"),
        ("more", "with 'c'"),
        ("type", "'a' as text"),
    ],
)
def test_a_bad_file_is_named(tmp_path, kind, message):
    bad = spoiled(tmp_path, kind)
    with pytest.raises(InputError, match=message) as caught:
        ParquetTable.open(tmp_path)
    assert str(bad) in str(caught.value)


def test_damage_within_is_named(tmp_path):
    path = tmp_path / "0.parquet"
    pd.DataFrame({"a": np.random.default_rng(0).normal(size=5000)}).to_parquet(path)
    content = bytearray(path.read_bytes())
    content[4:500] = bytes(496)
    path.write_bytes(content)
    table = ParquetTable.open(path)
    with pytest.raises(InputError, match="cannot be read") as caught:
        list(table.scan(["a"]))
    assert str(path) in str(caught.value)


def test_no_rows_and_repeated_columns(tmp_path):
    pd.DataFrame({"a": []}).to_parquet(tmp_path / "0.parquet")
    with pytest.raises(InputError, match=r"Expected rows in .*0\.parquet"):
        ParquetTable.open(tmp_path)
    twice = pa.table([[1], [2]], names=["a", "a"])
    pq.write_table(twice, tmp_path / "0.parquet")
    with pytest.raises(InputError, match="more than one 'a'"):
        ParquetTable.open(tmp_path)
