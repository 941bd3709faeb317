"""Files that hold more than one table, or the same rows twice."""

from __future__ import annotations

import os
import shutil
import warnings

import openpyxl
import pandas as pd
import pytest

from covey.errors import InputError
from covey.files import read_table

ROWS = "name,x,y\n" + "".join(f"n{number},{number},{number * 3 % 7}\n" for number in range(8))


@pytest.mark.parametrize(
    "second",
    [
        "city,a,b\nRome,1,2\nParis,3,4\n",
        "city,a\nRome,1\nParis,3\n",
        "city,a,b,c\nRome,1,1,1\nParis,3,1,1\n",
        "z,w,v\n1,2,3\n3,4,5\n",
        "city,a,b\n" + "".join(f"c{number},{number},1\n" for number in range(300)),
    ],
)
@pytest.mark.parametrize("gap", ["\n", ",,\n", "\n\n"])
def test_a_second_table_is_refused_by_its_line(gap, second, tmp_path):
    (tmp_path / "t.csv").write_text(ROWS + gap + second)
    line = 10 + gap.count("\n")
    with pytest.raises(InputError, match=rf"one table in each file.*line {line}.*'\w+; \w"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("second", [["city", "a", "b"], ["city", "a"]])
def test_a_second_table_in_a_sheet_is_refused_by_its_row(second, tmp_path):
    book = openpyxl.Workbook()
    for line in [["name", "x", "y"], *(["n", number, 2] for number in range(8)), [], second]:
        book.active.append(line)
    book.active.append(["Rome", 1, 2][: len(second)])
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(InputError, match=r"one table in each file.*line 11.*'city; a"):
        read_table(tmp_path / "t.xlsx")


def test_an_empty_row_in_a_sheet_is_no_end(tmp_path):
    book = openpyxl.Workbook()
    for line in [["name", "x"], ["a", 1], ["b", 2], [], ["c", 3], ["d", 4]]:
        book.active.append(line)
    book.save(tmp_path / "t.xlsx")
    assert read_table(tmp_path / "t.xlsx")["name"].dropna().tolist() == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "more",
    [
        "\nm1,2,3\nm2,2,5\n",
        "\nm1,,\nm2,2,5\n",
        "\nm1,?,?\nm2,2,5\n",
        '"a\n\nb",1,2\n"c,\n\nd",2,3\n',
    ],
)
def test_empty_lines_between_rows_and_in_cells_are_none(more, tmp_path):
    (tmp_path / "t.csv").write_text(ROWS + more)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(read_table(tmp_path / "t.csv")) == 10


def test_a_file_given_twice_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(ROWS)
    with pytest.raises(InputError, match=r"each file once.*t\.csv twice"):
        read_table([path, path])


@pytest.mark.parametrize("way", ["dots", "relative", "link", "hard link"])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_file_given_twice_by_other_paths_is_refused(way, suffix, tmp_path, monkeypatch):
    path, other = tmp_path / f"t.{suffix}", tmp_path / "other"
    pd.DataFrame({"x": [1, 2]}).to_parquet(path) if suffix == "parquet" else path.write_text(ROWS)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    if way == "link":
        os.symlink(path, other)
    elif way == "hard link":
        os.link(path, other)
    else:
        other = {"dots": tmp_path / "x" / ".." / path.name, "relative": path.name}[way]
    with pytest.raises(InputError, match=r"each file once.*twice"):
        read_table([path, other])


def test_a_copy_of_a_file_is_said(tmp_path):
    path, copy = tmp_path / "t.csv", tmp_path / "copy.csv"
    path.write_text(ROWS)
    shutil.copy(path, copy)
    with pytest.warns(UserWarning, match=r"copy\.csv: the same, byte by byte, as .*t\.csv"):
        assert len(read_table([path, copy])) == 16


def test_subtotals_between_rows_are_said(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("name,x\na,1\nb,2\nSubtotal 1,3\nc,4\nd,7\nSubtotal 2,11\ne,5\n")
    with pytest.warns(UserWarning, match=r"2 rows that begin with 'Subtotal 1' are kept as rows"):
        frame = read_table(path).astype({"x": float})
    assert len(frame) == 7
    for name, save in {
        "t.parquet": frame.to_parquet,
        "t.feather": frame.to_feather,
        "t.jsonl": lambda to: frame.to_json(to, orient="records", lines=True),
        "t.xlsx": lambda to: frame.to_excel(to, index=False),
    }.items():
        save(tmp_path / name)
        with pytest.warns(UserWarning, match=r"2 rows that begin with 'Subtotal 1' are kept"):
            assert len(read_table(tmp_path / name)) == 7
