"""Files of all kinds: what they are, their content says."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import subprocess
import sys
import warnings
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from covey.errors import CoveyWarning, InputError
from covey.files import read_table, write_table

CSV = b"a,b\n1,x\n2,y\n"


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "n": [1, 2, 3],
            "x": [0.5, np.nan, 1e-300],
            "t": ["042", None, "x"],
            "d": pd.to_datetime(["2024-01-01 00:00", None, "2024-01-03 12:00"]).astype(
                "datetime64[us]"
            ),
            "b": [True, False, True],
        }
    )


def heard(caught):
    return " ".join(str(each.message) for each in caught)


def packed(name, content):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, content)
        archive.writestr("__MACOSX/._" + name, b"x")
    return stream.getvalue()


PACKED = {
    "t.csv.gz": gzip.compress(CSV),
    "t.csv.zip": packed("t.csv", CSV),
    "t.zip": packed("folder/t.csv", CSV),
    "t.csv.bz2": bz2.compress(CSV),
    "t.csv.xz": lzma.compress(CSV),
    "t.csv": gzip.compress(CSV),
    "t.csv.GZ": gzip.compress(CSV),
    "t.txt": CSV,
    "t.dat": CSV,
    "t": CSV,
}


@pytest.mark.parametrize("name", PACKED)
def test_text_however_packed_and_called(name, tmp_path, recwarn):
    (tmp_path / name).write_bytes(PACKED[name])
    table = read_table(tmp_path / name)
    assert table.to_dict("list") == {"a": ["1", "2"], "b": ["x", "y"]}
    assert not recwarn.list


@pytest.mark.parametrize("suffix", [".parquet", ".feather", ".xlsx"])
def test_types_are_kept(frame, suffix, tmp_path, recwarn):
    write_table(frame, tmp_path / f"t{suffix}")
    pd.testing.assert_frame_equal(read_table(tmp_path / f"t{suffix}"), frame)
    assert not recwarn.list


def test_names_of_parquet_stay_as_they_are(tmp_path):
    table = pd.DataFrame({" a ": [1], "b\nc": [2]})
    table.to_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.parquet"), table)


@pytest.mark.parametrize(
    ("suffix", "called"),
    [(".parquet", "a Parquet file"), (".feather", "an Arrow file"), (".xlsx", "an Excel workbook")],
)
def test_a_wrong_suffix_is_seen_and_said(frame, suffix, called, tmp_path):
    write_table(frame, tmp_path / f"t{suffix}")
    (tmp_path / f"t{suffix}").rename(tmp_path / "t.csv")
    with pytest.warns(CoveyWarning, match=rf"t\.csv: read as what it is, {called}\."):
        pd.testing.assert_frame_equal(read_table(tmp_path / "t.csv"), frame)


def test_text_in_the_name_of_another_kind(tmp_path):
    (tmp_path / "t.parquet").write_bytes(CSV)
    with pytest.warns(CoveyWarning, match="read as what it is, text"):
        assert len(read_table(tmp_path / "t.parquet")) == 2


def test_a_stream_of_arrow(frame, tmp_path):
    table = pa.Table.from_pandas(frame[["n", "x"]])
    with pa.ipc.new_stream(tmp_path / "t.arrows", table.schema) as writer:
        writer.write_table(table)
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.arrows"), frame[["n", "x"]])


RECORDS = [{"n": 1, "t": "042", "f": 0.1, "b": True}, {"t": None, "n": 2, "f": 3, "g": 7}]


@pytest.mark.parametrize("name", ["t.jsonl", "t.ndjson", "t.json"])
def test_records(name, tmp_path, recwarn):
    lines = "\n".join(map(json.dumps, RECORDS))
    (tmp_path / name).write_text(json.dumps(RECORDS, indent=1) if name == "t.json" else lines)
    table = read_table(tmp_path / name)
    assert list(table.columns) == ["n", "t", "f", "b", "g"]
    assert table["n"].tolist() == [1, 2]
    assert table["t"][0] == "042"
    assert table["f"].tolist() == [0.1, 3]
    assert table["g"][1] == 7
    assert table.isna().to_numpy().sum() == 3
    assert not recwarn.list


def test_what_pandas_writes_as_json_is_read(frame, tmp_path):
    columns = frame[["n", "t", "b"]]
    columns.to_json(tmp_path / "t.json", orient="records")
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.json"), columns)
    columns.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.jsonl"), columns)


def sheet(path, rows, **more):
    with pd.ExcelWriter(path) as writer:
        for name, each in {"Sheet1": rows, **more}.items():
            pd.DataFrame(each).to_excel(writer, sheet_name=name, header=False, index=False)


def test_a_workbook_as_people_keep_it(tmp_path):
    day = pd.Timestamp("2024-01-01")
    rows = [
        ["Report 2024", None, None, None],
        [None] * 4,
        [None, "Date", "Amount", "Site "],
        [None, day, 1.5, "north"],
        [None, day + pd.Timedelta("1D"), 2, " south"],
        [None, day + pd.Timedelta("2D"), "#N/A", "n/a"],
        [None] * 4,
        [None, "Total", 3.5, None],
    ]
    rows = [row[1:] if row[0] is None else [*row[:1], *row[2:]] for row in rows]
    sheet(tmp_path / "t.xlsx", rows, notes=[["by hand"]])
    with pytest.warns(CoveyWarning) as caught:
        table = read_table(tmp_path / "t.xlsx")
    assert list(table.columns) == ["Date", "Amount", "Site"]
    assert table["Date"].dtype.kind == "M"
    np.testing.assert_array_equal(table["Amount"], [1.5, 2, np.nan])
    assert table["Site"].fillna("").tolist() == ["north", "south", ""]
    said = heard(caught)
    assert "sheet 'Sheet1' read, the first of 2" in said
    assert "not 'notes'" in said
    assert "Say otherwise with --sheet" in said
    assert "('Report 2024')" in said
    assert "('Total; 3.5')" in said


@pytest.fixture
def workbook(tmp_path):
    """Two years, an empty sheet between them, and codes behind that nobody is shown."""
    book = openpyxl.Workbook()
    codes = book.active
    codes.title = "codes"
    codes.sheet_state = "hidden"
    for row in (["code", "means"], ["a", 1], ["b", 2]):
        codes.append(row)
    for title, values in {"2023": [1, 2], "Empty": [], "Sales 2024": [5, 6, 7]}.items():
        sheet = book.create_sheet(title)
        for row in [["x"], *([each] for each in values)] if values else []:
            sheet.append(row)
    book.save(tmp_path / "t.xlsx")
    return tmp_path / "t.xlsx"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("2023", [1, 2]),
        ("Sales 2024", [5, 6, 7]),
        ("sales 2024 ", [5, 6, 7]),
    ],
)
def test_a_sheet_by_its_name(workbook, name, values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_table(workbook, sheet=name)["x"].tolist() == values
        assert read_table(workbook, sheet="codes")["code"].tolist() == ["a", "b"]


def test_the_first_sheet_that_is_shown_is_read_and_said(workbook):
    said = "sheet '2023' read, the first of 2 that hold something, and not 'Sales 2024'. Say other"
    with pytest.warns(CoveyWarning, match=f"{said}wise with --sheet[.]"):
        assert read_table(workbook)["x"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("sheet", "said"),
    [
        ("2022", r"'2022'; .*t\.xlsx has 'codes', '2023', 'Empty', 'Sales 2024'\. Name one"),
        ("", r"Received ''; "),
        ("Empty", r"'Empty', which is empty in .*: 'codes', '2023', 'Sales 2024'"),
        (0, "must be the name of a sheet, as text. Received: 0"),
    ],
)
def test_a_sheet_that_is_not_there(workbook, sheet, said):
    with pytest.raises(InputError, match=said):
        read_table(workbook, sheet=sheet)


def test_a_sheet_is_of_workbooks(workbook):
    (workbook.parent / "t.csv").write_text("x\n1\n")
    with pytest.raises(InputError, match=r"`sheet` is for workbooks\. Received it with .*t\.csv"):
        read_table([workbook, workbook.parent / "t.csv"], sheet="2023")


def test_a_workbook_keeps_its_last_row(tmp_path, recwarn):
    rows = [["name", "x"], ["Shell", 1], ["BP", 2], ["Eni", 3], ["Shell", None]]
    sheet(tmp_path / "t.xlsx", rows)
    assert len(read_table(tmp_path / "t.xlsx")) == 4
    assert not recwarn.list


def test_an_index_of_pandas(frame, tmp_path):
    shuffled = frame[["x"]].set_axis([5, 2, 9])
    shuffled.to_parquet(tmp_path / "t.parquet")
    with pytest.warns(CoveyWarning, match="'__index_level_0__' left out, which holds row numbers"):
        assert list(read_table(tmp_path / "t.parquet").columns) == ["x"]
    # as other programs see it
    shuffled.rename_axis("__index_level_0__").reset_index().to_parquet(tmp_path / "u.parquet")
    with pytest.warns(CoveyWarning, match="'__index_level_0__' left out"):
        assert list(read_table(tmp_path / "u.parquet").columns) == ["x"]
    shuffled.to_csv(tmp_path / "t.csv")
    with pytest.warns(CoveyWarning, match="first column left out, which holds row numbers"):
        assert list(read_table(tmp_path / "t.csv").columns) == ["x"]
    shuffled.to_feather(tmp_path / "t.feather")
    with pytest.warns(CoveyWarning, match="left out"):
        assert list(read_table(tmp_path / "t.feather").columns) == ["x"]


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_an_index_that_says_something_is_a_column(frame, suffix, tmp_path):
    write = pd.DataFrame.to_parquet if suffix == ".parquet" else pd.DataFrame.to_csv
    write(frame[["n"]].set_axis(pd.Index([5, 2, 9], name="id")), tmp_path / f"t{suffix}")
    table = read_table(tmp_path / f"t{suffix}")
    assert table.astype(int).to_dict("list") == {"id": [5, 2, 9], "n": [1, 2, 3]}
    write(frame[["n"]].set_axis(pd.date_range("2024-01-01", periods=3)), tmp_path / f"t{suffix}")
    with pytest.warns(CoveyWarning, match="no name and is called 'Unnamed: 0'"):
        table = read_table(tmp_path / f"t{suffix}")
    assert table["Unnamed: 0"].astype(str).str[:10].tolist() == [
        "2024-01-01",
        "2024-01-02",
        "2024-01-03",
    ]


def test_periods_of_a_parquet_file_are_read_beside_text(tmp_path):
    months = pd.period_range("2024-01", periods=3, freq="M")
    pd.DataFrame({"month": months, "x": [1.0, 2.0, 3.0]}).to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet")["month"].tolist() == list(months)


PERIODS = """
import sys
from covey.files import read_table
print(read_table(sys.argv[1])["month"].astype(str).tolist())
"""


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("suffix", [".parquet", ".feather", ".arrow"])
def test_periods_are_read_in_a_process_that_has_not_met_them(tmp_path, suffix, told):
    """Whether pandas wrote the file, or another program with the columns of pandas."""
    months = pd.period_range("2024-01", periods=2, freq="M")
    table = pa.Table.from_pandas(pd.DataFrame({"month": months, "x": [1.0, 2.0]}))
    table = table if told else table.replace_schema_metadata()
    path = tmp_path / f"t{suffix}"
    if suffix == ".parquet":
        pa.parquet.write_table(table, path)
    else:  # a stream, and a file
        new = pa.ipc.new_stream if suffix == ".feather" else pa.ipc.new_file
        with new(path, table.schema) as writer:
            writer.write_table(table)
    command = [sys.executable, "-c", PERIODS, str(path)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "['2024-01', '2024-02']"


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".xlsx"])
def test_marks_of_missing_values_count_everywhere(suffix, tmp_path):
    table = pd.DataFrame({"x": [-999.0, 1.5], "n": [-999, 2], "t": ["none", "some"]})
    write_table(table, tmp_path / f"t{suffix}")
    table = read_table(tmp_path / f"t{suffix}", na=("-999", "none"))
    assert table.isna().to_numpy().tolist() == [[True] * 3, [False] * 3]
    assert table.iloc[1].tolist() == [1.5, 2, "some"]


def standard_input(content, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_the_standard_input(frame, tmp_path, monkeypatch):
    standard_input(CSV, monkeypatch)
    assert read_table("-").to_dict("list") == {"a": ["1", "2"], "b": ["x", "y"]}
    frame.to_parquet(tmp_path / "t.parquet")
    standard_input((tmp_path / "t.parquet").read_bytes(), monkeypatch)
    pd.testing.assert_frame_equal(read_table("-"), frame)
    standard_input(b"a;b\n1,5;2\n", monkeypatch)
    with pytest.warns(CoveyWarning, match="the standard input: read with separator ';'"):
        read_table("-")
    standard_input(b"", monkeypatch)
    with pytest.raises(InputError, match="an empty file, the standard input"):
        read_table("-")
    with pytest.raises(InputError, match="more than once"):
        read_table(["-", "-"])


def test_several_files_are_one_table(tmp_path):
    paths = [tmp_path / name for name in ("1.csv", "2.csv", "3.tsv")]
    for path, text in zip(paths, ("a,b\n1,x\n", "b;a\ny;2,5\n", "a\tb\n042\tz\n"), strict=True):
        path.write_text(text)
    with pytest.warns(CoveyWarning) as caught:
        table = read_table(paths)
    assert table.to_dict("list") == {"a": ["1", "2.5", "042"], "b": ["x", "y", "z"]}
    assert list(table.index) == [0, 1, 2]
    assert len(caught) == 1
    assert "2.csv: read with separator ';', decimal ','" in heard(caught)
    assert "1.csv" not in heard(caught)


def test_what_is_true_of_several_files_is_said_once(tmp_path):
    paths = [tmp_path / f"{number}.csv" for number in range(3)]
    for path in paths:
        path.write_text(f"a;b\n1;{path.stem}\n")
    with pytest.warns(CoveyWarning) as caught:
        read_table(map(str, paths))
    assert heard(caught).count("separator ';'") == 1


def test_files_with_other_columns_are_refused(tmp_path):
    (tmp_path / "1.csv").write_text("a,b\n1,x\n")
    (tmp_path / "2.csv").write_text("a,c\n1,x\n")
    with pytest.raises(InputError, match=r"2\.csv: it lacks \['b'\] and it alone has \['c'\]"):
        read_table([tmp_path / "1.csv", tmp_path / "2.csv"])
    with pytest.raises(InputError, match="at least one"):
        read_table([])


def bytes_of(write):
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


PARQUET = bytes_of(lambda stream: pd.DataFrame({"a": [1, 2]}).to_parquet(stream))
EXCEL = bytes_of(lambda stream: pd.DataFrame({"a": [1, 2]}).to_excel(stream))
TWO = bytes_of(
    lambda stream: [
        archive := zipfile.ZipFile(stream, "w"),
        archive.writestr("a.csv", CSV),
        archive.writestr("b.csv", CSV),
        archive.close(),
    ]
)

BAD_FILES = [
    ("t.csv", None, "no such file"),
    ("t.csv", b"", "an empty file"),
    ("t.csv", b"\n \n", "an empty file"),
    ("t.csv.gz", gzip.compress(CSV * 99)[:-12], "packed and damaged"),
    ("t.parquet", PARQUET[:-9], "its end is lacking"),
    ("t.parquet", PARQUET[:8] + PARQUET[40:], "Expected a Parquet table"),
    ("t.xlsx", EXCEL[:-300], "packed and damaged"),
    ("t.zip", TWO, "an archive of 2 files: ['a.csv', 'b.csv']"),
    ("t.zip", packed("t.zip", packed("t.pdf", b"%PDF-1.4")), "zip"),
    ("t.csv", b"<!DOCTYPE html>\n<html><body>Not found</body></html>", "an HTML page"),
    ("t.csv", b"\n <html lang='en'>", "an HTML page"),
    ("t.xls", b"<?xml version='1.0'?><Workbook/>", "an XML document"),
    ("t.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "an old Excel"),
    ("t.csv", b"%PDF-1.4 ...", "a PDF"),
    ("t.db", b"SQLite format 3\0" + bytes(100), "an SQLite database"),
    ("t.pkl", pickle.dumps({"a": 1}), "a pickle"),
    (
        "t.csv",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
        "a pointer of Git LFS",
    ),
    ("t.arff", b"@RELATION iris\n@DATA\n1,2\n", "an ARFF file"),
    ("t.json", b'{"a": [1, 2], "b": [3, 4]}', "one object that holds others"),
    ("t.json", b"[1, 2, 3]", "t.json"),
    ("t.json", b'[{"a": 1}, 2]', "no list of records"),
    ("t.json", b"[]", "no list of records"),
    ("t.jsonl", b'{"a": 1}\n{"a": 2\n', "line 2 is no record"),
    ("t.jsonl", b'{"a": 1}\n7\n', "line 2 is no record (7)"),
    ("t.jsonl", b'{"a": 1, "a": 2}\n', "a name twice"),
]


@pytest.mark.parametrize(
    ("name", "content", "message"), BAD_FILES, ids=[f"{name} {m}" for name, _, m in BAD_FILES]
)
def test_what_cannot_be_read_is_refused(name, content, message, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    warnings.simplefilter("ignore")
    with pytest.raises(InputError) as caught:
        read_table(tmp_path / name)
    assert message in str(caught.value)
    assert name in str(caught.value)


def test_a_database_is_told(tmp_path):
    with sqlite3.connect(tmp_path / "t.csv") as connection:
        connection.execute("create table t (a int)")
    connection.close()
    with pytest.raises(InputError, match="an SQLite database"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("path", [None, 3.5])
def test_what_is_no_path(path):
    with pytest.raises(InputError, match="Expected the path of a table"):
        read_table(path)


@pytest.mark.parametrize("path", ["zero\0.csv", f"{'t' * 300}.csv"])
def test_paths_that_cannot_be(path):
    with pytest.raises(InputError, match="Expected a table to read"):
        read_table(path)


def test_parquet_with_two_columns_of_one_name_is_refused_by_the_name(tmp_path):
    table = pa.table([pa.array([1.0]), pa.array([2.0]), pa.array([3.0])], names=["a", "a", "b"])
    pyarrow.parquet.write_table(table, tmp_path / "twice.parquet")
    with pytest.raises(InputError, match=r"more than one column that is called a\. Rename"):
        read_table(tmp_path / "twice.parquet")
