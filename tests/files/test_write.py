import gzip
import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from covey.errors import InputError
from covey.files import TABLE_SUFFIXES, read_table, writable, write_table


@pytest.fixture
def frame():
    return pd.DataFrame({"a": [0.1 + 0.2, np.nan, 1e-300], "b": ["ä", "b,c", None], "c": [1, 2, 3]})


TYPED = (".parquet", ".pq", ".feather", ".arrow", ".jsonl", ".ndjson", ".xlsx")


@pytest.mark.parametrize("suffix", [*TABLE_SUFFIXES, ".CSV"])
def test_tables_come_back(frame, suffix, tmp_path, recwarn):
    path = tmp_path / f"t{suffix}"
    path.write_text("old")
    write_table(frame.set_index(pd.Index([7, 8, 9])), path)
    again = read_table(str(path))
    if suffix not in TYPED:
        assert {column.dtype.kind for _, column in again.items()} == {"O"}  # text
        again = again.astype({"a": float, "c": int})
    # a workbook holds 16 digits
    digits = {"rtol": 1e-15} if suffix == ".xlsx" else {"check_exact": True}
    pd.testing.assert_frame_equal(again, frame, **digits)
    assert os.listdir(tmp_path) == [path.name]
    assert not recwarn.list


def test_suffixes_say_what_is_in_the_file(frame, tmp_path):
    for suffix in TABLE_SUFFIXES:
        write_table(frame, tmp_path / f"t{suffix}")
    assert (tmp_path / "t.csv").read_text().splitlines()[0] == "a,b,c"
    assert (tmp_path / "t.tsv").read_text().splitlines()[0] == "a\tb\tc"
    packed = (tmp_path / "t.csv.gz").read_bytes()
    assert gzip.decompress(packed) == (tmp_path / "t.csv").read_bytes()
    assert (tmp_path / "t.parquet").read_bytes()[:4] == b"PAR1"
    assert (tmp_path / "t.feather").read_bytes()[:6] == b"ARROW1"
    assert json.loads((tmp_path / "t.jsonl").read_text().splitlines()[1]) == {
        "a": None,
        "b": "b,c",
        "c": 2,
    }
    with zipfile.ZipFile(tmp_path / "t.csv.zip") as archive:
        assert archive.namelist() == ["t.csv"]
        assert archive.read("t.csv") == (tmp_path / "t.csv").read_bytes()
    # Bytes 4 to 8 of a gzip file are a time stamp: the same table must give the same bytes.
    assert packed[4:8] == bytes(4)


def test_new_files_have_the_usual_permissions(frame, tmp_path):
    write_table(frame, tmp_path / "t.csv")
    (tmp_path / "plain").touch()
    assert (tmp_path / "t.csv").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".feather"])
def test_every_digit_is_kept(suffix, tmp_path):
    values = np.random.default_rng(0).lognormal(size=200)
    write_table(pd.DataFrame({"x": values}), tmp_path / f"t{suffix}")
    again = read_table(tmp_path / f"t{suffix}")["x"].astype(float)
    np.testing.assert_array_equal(again, values)


def test_an_index_is_left_out(frame, tmp_path):
    write_table(frame.set_index(pd.Index(["x", "y", "z"], name="id")), tmp_path / "t.parquet")
    assert parquet.read_schema(tmp_path / "t.parquet").names == ["a", "b", "c"]


def test_folders_are_no_tables(tmp_path, frame):
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(InputError, match="a folder"):
        read_table(tmp_path / "t.csv")
    with pytest.raises(InputError, match=r"Expected a file to write\. Received: a folder"):
        write_table(frame, tmp_path / "t.csv")


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_failures_leave_the_old_file_and_nothing_else(name, frame, tmp_path, monkeypatch):
    (tmp_path / name).write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InputError, match="No space left"):
        write_table(frame, tmp_path / name)
    assert os.listdir(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "old"


def test_interruptions_leave_nothing(frame, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_table(frame, tmp_path / "t.csv")
    assert os.listdir(tmp_path) == []


def test_cells_that_parquet_cannot_hold_are_refused(tmp_path):
    with pytest.raises(InputError, match="convert the columns"):
        write_table(pd.DataFrame({"a": [1, "b", object()]}), tmp_path / "t.parquet")
    assert os.listdir(tmp_path) == []


def test_writable_says_so_beforehand(tmp_path, frame, monkeypatch):
    assert writable(str(tmp_path / "t.csv")) == tmp_path / "t.csv"
    assert writable(tmp_path / "m.covey", [".covey"]) == tmp_path / "m.covey"
    assert os.listdir(tmp_path) == []
    with pytest.raises(InputError, match=r"ends in \.covey\. Received: 't\.csv'"):
        writable(tmp_path / "t.csv", [".covey"])
    with pytest.raises(InputError, match=r"Expected a folder to write t\.csv to.*none\. Create it"):
        writable(tmp_path / "none" / "t.csv")
    with pytest.raises(InputError, match="Create it"):
        write_table(frame, tmp_path / "none" / "t.csv")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match="closed to you"):
        writable(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("suffix", "cells"),
    [(".xlsx", pd.to_datetime(["2024-01-01"]).tz_localize("UTC")), (".jsonl", [np.inf])],
)
def test_what_a_kind_cannot_hold_is_refused(suffix, cells, tmp_path):
    with pytest.raises(InputError, match=rf"that a {suffix} file can hold"):
        write_table(pd.DataFrame({"a": cells}), tmp_path / f"t{suffix}")
    assert os.listdir(tmp_path) == []


def test_the_standard_output_gets_csv(frame, capsys):
    assert str(writable("-")) == "-"
    write_table(frame, "-")
    assert capsys.readouterr().out.splitlines() == [
        "a,b,c",
        "0.30000000000000004,ä,1",
        ',"b,c",2',
        "1e-300,,3",
    ]


@pytest.mark.parametrize("what", ["read", "write"])
def test_without_openpyxl_a_sentence_says_how_to_get_it(what, frame, tmp_path, monkeypatch):
    write_table(frame, tmp_path / "t.xlsx")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    call = {
        "read": lambda: read_table(tmp_path / "t.xlsx"),
        "write": lambda: write_table(frame, tmp_path / "u.xlsx"),
    }
    with pytest.raises(InputError, match=r'pip install "covey\[excel\]"'):
        call[what]()
    assert os.listdir(tmp_path) == ["t.xlsx"]


def test_importing_is_light():
    heavy = "{'keras', 'narwhals', 'pandas', 'pyarrow', 'scipy', 'numpy', 'openpyxl'}"
    code = f"import sys, covey.files; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
