"""Last rows that are told by their numbers, and real ones that are never lost."""

from __future__ import annotations

import statistics
import warnings

import openpyxl
import pandas as pd
import pytest

from covey.files import read_table

CITIES = [(f"city {n}", n * 37 % 61 + 0.3, n * 17 % 23 + 0.25, n * 5 % 7) for n in range(1, 41)]
NUMBERS = [[row[place] for row in CITIES] for place in (1, 2, 3)]
SUMS = [f"{sum(column):.2f}" for column in NUMBERS]
MEANS = [f"{statistics.fmean(column):.2f}" for column in NUMBERS]
SPREADS = [f"{statistics.stdev(column):.3f}" for column in NUMBERS]


def read(path, lines):
    path.write_text("\n".join(",".join(map(str, line)) for line in lines) + "\n")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frame = read_table(path)
    return frame, " ".join(str(each.message) for each in caught)


@pytest.mark.parametrize(
    "last",
    [
        ["", *SUMS],
        ["All cities", *SUMS],
        ["Grand average", *MEANS],
        ["Everywhere", *MEANS],
        ["Std", *SPREADS],
        ["Everything", SUMS[0], MEANS[1], SUMS[2]],
    ],
)
def test_what_sums_up_the_rows_is_none(last, tmp_path):
    frame, said = read(tmp_path / "t.csv", [["city", "a", "b", "c"], *CITIES, last])
    assert frame["city"].tolist() == [row[0] for row in CITIES]
    assert "1 line after the last row left out" in said


def test_a_total_without_label_below_a_number(tmp_path):
    rows = [[n, n * 37 % 61, n / 4] for n in range(1, 41)]
    total = ["", sum(row[1] for row in rows), sum(row[2] for row in rows)]
    frame, said = read(tmp_path / "t.csv", [["n", "x", "y"], *rows, total])
    assert len(frame) == 40
    assert "left out" in said


def test_a_total_in_a_workbook(tmp_path):
    book = openpyxl.Workbook()
    for line in [["shop", "x", "kind"], ["a", 100, "k"], ["b", 150, "l"], ["c", 225, "k"]]:
        book.active.append(line)
    book.active.append([None, 475, None])
    book.save(tmp_path / "t.xlsx")
    with pytest.warns(UserWarning, match=r"left out .'475'"):
        frame = read_table(tmp_path / "t.xlsx")
    assert frame["shop"].tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    "rows",
    [
        [[1, 2], [2, 4], [3, 6], [6, 12]],  # y is 2 x
        [["a", 1, 1], ["b", 1, 2], ["c", 2, 4], ["d", 4, 8]],  # accumulated
        [["a", 0, 0], ["b", 0, 0], ["c", 0, 0], ["d", 0, 0]],
        [["a", 5.25, 7.125], ["b", 5.25, 7.125], ["c", 5.25, 7.125], ["", 5.25, 7.125]],
        [["a", 1234.5], ["", 1234.5]],
        [["a", 10, 20], ["b", 11, 25], ["c", 12, 27], ["", 33, 71]],  # one sum of two
        [*CITIES, ["", 33.3, 12.25, 3]],
        [*CITIES, ["Max", 33.3, 12.25, 3]],
        [*CITIES, ["Mine", SUMS[0], 12.25, 3]],
    ],
)
def test_a_last_row_of_data_is_never_lost(rows, tmp_path):
    names = [f"x{number}" for number in range(len(rows[0]))]
    frame, said = read(tmp_path / "t.csv", [names, *rows])
    assert len(frame) == len(rows)
    assert "left out" not in said


def test_a_row_that_could_be_a_total_is_kept_and_said(tmp_path):
    rows = [[1, 2], [2, 4], [3, 6], [6, 12]]
    frame, said = read(tmp_path / "t.csv", [["x", "y"], *rows])
    assert len(frame) == 4
    assert "'6', could be a total, and is kept" in said


def as_typed(frame, way, path):
    """A table as a program keeps it in a file of another kind."""
    if way == "parquet":
        frame.to_parquet(path)
    elif way == "parquet with index":
        frame.set_index("city").rename_axis(None).to_parquet(path)
    elif way == "feather":
        frame.to_feather(path)
    elif way == "json":
        frame.to_json(path, orient="records", lines=True, date_format="iso")
    else:
        frame.to_excel(path, index=False, engine="openpyxl")


WAYS = ["parquet", "parquet with index", "feather", "json", "excel"]


@pytest.mark.filterwarnings("ignore:.*the first column")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("last", ["Total", "All", None, "Mean"])
def test_a_total_in_files_with_types(way, last, tmp_path):
    frame = pd.DataFrame(CITIES, columns=["city", "a", "b", "c"])
    numbers = frame[["a", "b", "c"]]
    ending = numbers.mean() if last == "Mean" else numbers.sum()
    whole = pd.concat([frame, pd.DataFrame([{"city": last, **ending}])], ignore_index=True)
    path = tmp_path / ("t.xlsx" if way == "excel" else "t")
    as_typed(whole, way, path)
    with pytest.warns(UserWarning, match="1 line after the last row left out"):
        found = read_table(path)
    assert len(found) == 40
    assert found["a"].tolist() == pytest.approx(frame["a"].tolist(), rel=1e-12)
    assert found["a"].dtype.kind == "f"


@pytest.mark.parametrize("way", ["parquet", "feather", "json", "excel"])
def test_files_with_types_keep_real_last_rows(way, tmp_path):
    frame = pd.DataFrame(CITIES, columns=["city", "a", "b", "c"])
    frame["day"] = pd.date_range("2024-01-01", periods=40)
    frame["seen"] = True
    frame.loc[39, ["a", "city"]] = [float("nan"), "Totnes"]
    path = tmp_path / ("t.xlsx" if way == "excel" else "t")
    as_typed(frame, way, path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(read_table(path)) == 40


def test_a_column_is_of_one_type_when_its_total_is_gone(tmp_path):
    rows = [{"n": number, "x": number * 7 % 11 + 0.5} for number in range(30)]
    rows.append({"n": "Total", "x": sum(row["x"] for row in rows)})
    pd.DataFrame(rows).to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    with pytest.warns(UserWarning, match="'Total; "):
        found = read_table(tmp_path / "t.jsonl")
    assert found["n"].dtype.kind == "i"
    assert found["n"].tolist() == list(range(30))
