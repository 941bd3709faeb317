"""What only a whole table tells is judged by the whole file, or set aside; never part by part."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from covey import bulk
from covey.bulk import job, predictor
from covey.bulk.heard import hearing, say_new
from covey.errors import CoveyWarning, InputError, warn
from covey.files import chunks
from tests.bulk.conftest import table

QUIET = {"verbose": 0, "keep": "id"}


def with_commas(values):
    """900 rows of text with decimal commas, in which rows 400 to 499 have these values of `a`."""
    frame = table()
    cells = frame["a"].map("{:.2f}".format).str.replace(".", ",")
    cells.iloc[400:500] = values
    return frame.assign(a=cells, b=frame["b"].map("{:.3f}".format).str.replace(".", ","))


def write(frame, path, monkeypatch):
    """Write a file of which the first and the last 40 rows or so are looked at."""
    monkeypatch.setattr(chunks, "SAMPLE", 2000)
    frame.to_csv(path, index=False, sep=";")


def test_thousands_are_what_the_file_has_them(model_file, model, tmp_path, monkeypatch):
    write(with_commas(["1.234"] * 100), tmp_path / "in.csv", monkeypatch)
    with pytest.warns(CoveyWarning) as heard:
        bulk.score(model_file, tmp_path / "in.csv", tmp_path / "o", part_rows=30, **QUIET)
    assert "decimal ','" in str(heard[0].message)
    assert "'a' above" in str(heard[1].message)
    numbers = table()
    numbers["a"] = numbers["a"].round(2)
    numbers["b"] = numbers["b"].round(3)
    numbers.loc[400:499, "a"] = 1234.0
    with pytest.warns(CoveyWarning, match="'a' above"):
        joint = model.predict_distribution(numbers.drop(columns="id"))
    written = pd.read_parquet(tmp_path / "o")
    assert_allclose(written[["mean_CO", "mean_NOx"]], joint.mean, rtol=1e-12)


def test_a_part_that_speaks_for_other_thousands_is_an_error(model_file, tmp_path, monkeypatch):
    write(with_commas(["1.234", "0.51"] * 50), tmp_path / "in.csv", monkeypatch)
    with pytest.raises(InputError, match=r"'a' to mean in all of .*in\.csv"), pytest.warns():
        bulk.score(model_file, tmp_path / "in.csv", tmp_path / "o", part_rows=30, **QUIET)


def test_dates_of_which_day_and_month_may_be_swapped(model_file, model, tmp_path):
    frame = table(60)
    days = frame["day"].dt.strftime("%Y-%m-%d")
    days.iloc[[5, 50]] = ["05/07/2024", "25/07/2024"]  # the second would tell, in one part
    days.iloc[[6, 51]] = "7 May 2024"
    frame.assign(day=days).to_csv(tmp_path / "in.csv", index=False)
    found = bulk.score(model_file, tmp_path / "in.csv", tmp_path / "o", part_rows=20, **QUIET)
    assert (found.rows, found.rejected) == (60, 2)
    rejects = pd.read_csv(tmp_path / "o" / "_covey_rejects.csv")
    assert rejects["row"].tolist() == [5, 50]
    assert "day and month swapped. Received: '05/07/2024'" in rejects["reason"][0]
    frame.loc[[6, 51], "day"] = pd.Timestamp("2024-05-07")
    scored = frame.drop(index=[5, 50])
    written = pd.read_parquet(tmp_path / "o")
    assert_array_equal(written["id"].astype(int), scored["id"])
    joint = model.predict_distribution(scored.drop(columns="id"))
    assert_allclose(written[["mean_CO", "mean_NOx"]], joint.mean, rtol=1e-12)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("part_rows", [1, 7, 1000])
def test_a_last_row_that_begins_like_a_total_is_set_aside(model_file, tmp_path, part_rows, kind):
    frame = table(20).assign(id=lambda rows: "n" + rows["id"].astype(str))
    total = frame[["a", "b"]].sum().to_dict()
    frame = pd.concat([frame, pd.DataFrame([{"id": "Total", **total}])], ignore_index=True)
    path = tmp_path / f"in.{kind}"
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    found = bulk.score(model_file, path, tmp_path / "o", part_rows=part_rows, **QUIET)
    assert (found.rows, found.rejected) == (21, 1)
    rejects = pd.read_csv(tmp_path / "o" / "_covey_rejects.csv")
    assert rejects["row"].tolist() == [20]
    assert "begins with 'Total'" in rejects["reason"][0]
    assert pd.read_parquet(tmp_path / "o")["id"].tolist() == [f"n{row}" for row in range(20)]


def test_rows_that_are_all_called_total_are_rows(model_file, tmp_path):
    table(20).assign(id="Total").to_parquet(tmp_path / "in.parquet")
    found = bulk.score(model_file, tmp_path / "in.parquet", tmp_path / "o", **QUIET)
    assert (found.rows, found.rejected) == (20, 0)


@pytest.mark.parametrize("beginning", ["", "#"])
def test_rows_behind_a_mark_are_comments_if_the_file_says_so(
    model_file, tmp_path, monkeypatch, beginning
):
    frame = table().assign(id=lambda rows: beginning + rows["id"].astype(str))
    lines = frame.to_csv(index=False).splitlines()
    lines.insert(451, lines[450].replace(f"{beginning}449", "#449", 1))
    monkeypatch.setattr(chunks, "SAMPLE", 2000)
    (tmp_path / "in.csv").write_text("\n".join(lines) + "\n")
    found = bulk.score(model_file, tmp_path / "in.csv", tmp_path / "o", part_rows=30, **QUIET)
    assert found.rows == (901 if beginning else 900)


def test_a_large_group_of_rows_is_read_once(model_file, tmp_path, monkeypatch):
    table().to_parquet(tmp_path / "in.parquet")
    files = {"inputs": tmp_path / "in.parquet", "output": tmp_path / "o", "part_rows": 100}
    bulk.score(model_file, **files, **QUIET)
    before = pd.read_parquet(tmp_path / "o")
    for number in (2, 5, 6):
        (tmp_path / "o" / f"part-00000-0000{number}.parquet").unlink()
    opened = []
    rows = job.ParquetRows
    monkeypatch.setattr(job, "ParquetRows", lambda *each: opened.append(each) or rows(*each))
    found = bulk.score(model_file, **files, **QUIET)
    assert found.resumed == 6
    assert len(opened) == 1
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "o"), before)


def test_wide_predictions_are_made_of_fewer_rows(model_file, tmp_path, monkeypatch):
    table().to_parquet(tmp_path / "in.parquet")
    bulk.score(model_file, tmp_path / "in.parquet", tmp_path / "one", **QUIET)
    monkeypatch.setattr(predictor, "CELLS", 100)
    scorer = predictor.Predictor(model_file)
    assert 1 < scorer.block < 20
    bulk.score(model_file, tmp_path / "in.parquet", tmp_path / "two", **QUIET)
    one, two = (pd.read_parquet(tmp_path / name) for name in ("one", "two"))
    np.testing.assert_allclose(two, one, rtol=1e-6)


def test_what_is_wrong_with_a_column_is_said_once_in_each_run(model_file, tmp_path):
    frame = table(300)
    frame["a"] += 100.0  # beyond all of training
    path = tmp_path / "in.parquet"
    frame.to_parquet(path)
    for output in ("one", "two"):
        with pytest.warns(CoveyWarning) as heard:
            bulk.score(
                model_file, tmp_path / "in.parquet", tmp_path / output, part_rows=99, **QUIET
            )
        (said,) = [str(each.message) for each in heard]
        assert "'a' above" in said


def test_warnings_of_workers_are_said_once_here():
    with hearing() as messages:
        warn("Of 30 rows, 3 have 'a' above 1.5.")
        warn("Of 7 rows, 2 have 'a' above 1.5.")
        warn("Of 7 rows, 2 have 'b' above 1.5.")
    told = set()
    with pytest.warns(CoveyWarning) as heard:
        say_new(messages * 2, told)
    assert [str(each.message) for each in heard] == [messages[0], messages[2]]
