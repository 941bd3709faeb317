import gzip
import os

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from covey.errors import InputError
from covey.table.files import TABLE_SUFFIXES, read_table, writable, write_table


@pytest.fixture
def frame():
    return pd.DataFrame({"a": [0.1 + 0.2, np.nan, 1e-300], "b": ["ä", "b,c", None], "c": [1, 2, 3]})


@pytest.mark.parametrize("suffix", [*TABLE_SUFFIXES, ".CSV"])
def test_tables_come_back(frame, suffix, tmp_path):
    path = tmp_path / f"t{suffix}"
    path.write_text("old")
    write_table(frame.set_index(pd.Index([7, 8, 9])), path)
    pd.testing.assert_frame_equal(read_table(str(path)), frame, check_exact=True)
    assert os.listdir(tmp_path) == [path.name]


def test_suffixes_say_what_is_in_the_file(frame, tmp_path):
    for suffix in TABLE_SUFFIXES:
        write_table(frame, tmp_path / f"t{suffix}")
    assert (tmp_path / "t.csv").read_text().splitlines()[0] == "a,b,c"
    assert (tmp_path / "t.tsv").read_text().splitlines()[0] == "a\tb\tc"
    packed = (tmp_path / "t.csv.gz").read_bytes()
    assert gzip.decompress(packed) == (tmp_path / "t.csv").read_bytes()
    assert (tmp_path / "t.parquet").read_bytes()[:4] == b"PAR1"
    # Bytes 4 to 8 of a gzip file are a time stamp: the same table must give the same bytes.
    assert packed[4:8] == bytes(4)


def test_new_files_have_the_usual_permissions(frame, tmp_path):
    write_table(frame, tmp_path / "t.csv")
    (tmp_path / "plain").touch()
    assert (tmp_path / "t.csv").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_every_digit_is_read(tmp_path):
    values = np.random.default_rng(0).lognormal(size=2000)
    (tmp_path / "t.csv").write_text("x\n" + "\n".join(map(repr, values.tolist())))
    np.testing.assert_array_equal(read_table(tmp_path / "t.csv")["x"], values)


def test_an_index_is_left_out(frame, tmp_path):
    write_table(frame.set_index(pd.Index(["x", "y", "z"], name="id")), tmp_path / "t.parquet")
    assert parquet.read_schema(tmp_path / "t.parquet").names == ["a", "b", "c"]


def test_a_column_has_one_type_however_long(tmp_path):
    names, rows = ",".join(f"x{i}" for i in range(256)), ("1" + ",1" * 255 + "\n") * 5000
    (tmp_path / "t.csv").write_text(f"{names}\n{rows}a\n")
    assert set(map(type, read_table(tmp_path / "t.csv")["x0"])) == {str}


def test_an_index_with_a_name_is_a_column(tmp_path):
    pd.DataFrame({"a": [1, 2]}, index=pd.Index([5, 6], name="id")).to_parquet(
        tmp_path / "t.parquet"
    )
    assert list(read_table(tmp_path / "t.parquet").columns) == ["id", "a"]


BAD_FILES = [
    ("t.csv", None, "no such file"),
    ("t.xlsx", b"a", "ends in .csv, .csv.gz, .tsv, .parquet, .pq. Received: 't.xlsx'"),
    ("t", b"a", "Received: 't'"),
    ("t.csv", b"", "an empty file"),
    ("t.csv", b"\n\n", "cannot be read as one: No columns"),
    ("t.csv", b"a,b\n1,2,3\n", "cannot be read as one: the rows have more fields"),
    ("t.csv", b"a,b\n1,2\n1,2,3\n", "cannot be read as one"),
    ("t.csv", b"a\n\xff\xfe\n", "cannot be read as one"),
    ("t.csv.gz", b"a,b\n1,2\n", "Expected a .csv.gz table"),
    ("t.csv.gz", gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-12], "cannot be read as one"),
    ("t.parquet", b"a,b\n1,2\n", "Expected a .parquet table"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD_FILES, ids=[m for *_, m in BAD_FILES])
def test_bad_files_are_refused(name, content, message, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_table(tmp_path / name)
    assert message in str(caught.value)


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
