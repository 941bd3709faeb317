"""Files into a folder: what is predicted, where it is, and what is set aside."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import covey
from covey import bulk
from covey.errors import ArtifactError, InputError
from tests.bulk.conftest import table

QUIET = {"verbose": 0}


def manifest(folder):
    return json.loads((Path(folder) / "_covey_manifest.json").read_text(encoding="utf-8"))


def expected(model, frame):
    return model.predict_distribution(frame.drop(columns="id"))


def test_every_row_is_predicted_as_by_the_model(model_file, model, tmp_path):
    frame = table()
    (tmp_path / "in").mkdir()
    frame[:500].to_parquet(tmp_path / "in" / "a.parquet", row_group_size=70)
    frame[500:].to_parquet(tmp_path / "in" / "b.parquet")
    found = bulk.score(
        model_file, tmp_path / "in", tmp_path / "out", keep="id", part_rows=200, **QUIET
    )
    assert (found.rows, found.rejected, found.parts, found.resumed) == (900, 0, 5, 0)
    said = manifest(tmp_path / "out")
    assert found.manifest == f"{tmp_path}/out/_covey_manifest.json"
    assert said["complete"]
    assert (said["rows"], said["rejected"]) == (900, 0)
    places = [(Path(p["file"]).name, p["first"], p["rows"]) for p in said["parts"]]
    assert places == [
        *(("a.parquet", 0, 200), ("a.parquet", 200, 200), ("a.parquet", 400, 100)),
        *(("b.parquet", 0, 200), ("b.parquet", 200, 200)),
    ]
    joint = expected(model, frame)
    for place, part in zip(said["parts"], np.split(frame["id"], [200, 400, 500, 700]), strict=True):
        own = pq.read_table(tmp_path / "out" / place["part"])
        assert own["id"].to_pylist() == part.tolist()
    written = pd.read_parquet(tmp_path / "out")
    assert_array_equal(written["id"], frame["id"])
    again = covey.MultivariateT.from_frame(written)
    assert_array_equal(again.mean, joint.mean)
    assert_allclose(again.covariance, joint.covariance, rtol=1e-12)


def test_a_folder_reads_as_one_table(model_file, tmp_path):
    source = table()
    source.loc[5, "site"] = None
    source["a"] = source["a"].astype(str)
    source.loc[[3, 700], "a"] = "broken"
    source.to_parquet(tmp_path / "in.parquet")
    out = tmp_path / "out"
    bulk.score(model_file, tmp_path / "in.parquet", out, keep="id", part_rows=100, **QUIET)
    ids = [number for number in range(900) if number not in (3, 700)]
    assert pd.read_parquet(out)["id"].tolist() == ids
    assert ds.dataset(out).to_table()["id"].to_pylist() == ids
    assert pl.read_parquet(f"{out}/*.parquet")["id"].to_list() == ids
    duckdb = pytest.importorskip("duckdb")
    query = f"select id from read_parquet('{out}/*.parquet') order by id"
    assert [row for (row,) in duckdb.sql(query).fetchall()] == ids
    rejects = pd.read_csv(out / "_covey_rejects.csv")
    assert rejects["row"].tolist() == [3, 700]
    assert rejects["file"].unique().tolist() == [f"{tmp_path}/in.parquet"]
    assert rejects["reason"][0] == "'a' held numbers in training. Received: 'broken'."
    assert not (out / "_covey_rejects").exists()


def test_text_is_cut_into_parts_as_one_file(model_file, model, tmp_path):
    frame = table()
    frame["note"] = 'of "two"\nlines; and; more'  # cells that hold lines and separators
    path = tmp_path / "in.csv"
    text = frame.to_csv(index=False, sep=";", decimal=",")
    path.write_text(text, encoding="cp1252")
    with pytest.warns(covey.errors.CoveyWarning, match="decimal ','"):
        found = bulk.score(
            model_file, path, tmp_path / "out", keep=["id", "note"], part_rows=100, **QUIET
        )
    assert found.rows == 900
    assert found.parts > 5
    written = pd.read_parquet(tmp_path / "out")
    assert written["id"].astype(int).tolist() == frame["id"].tolist()
    assert set(written["note"]) == {'of "two"\nlines; and; more'}
    assert_array_equal(
        written[["mean_CO", "mean_NOx"]], expected(model, frame[frame.columns[:5]]).mean
    )
    parts = manifest(tmp_path / "out")["parts"]
    firsts = np.cumsum([0, *(part["rows"] for part in parts)])[:-1]
    assert [part["first"] for part in parts] == firsts.tolist()
    for before, after in pairwise(parts):
        assert before["bytes"][1] == after["bytes"][0]
    assert parts[-1]["bytes"][1] == path.stat().st_size


def test_lines_that_are_no_rows(model_file, model, tmp_path):
    frame = table(60)
    lines = frame.to_csv(index=False).splitlines()
    lines.insert(31, "# a remark")
    lines.insert(21, "7,too,few")
    lines.insert(11, lines[0])
    lines += ["", "Source: a bureau"]
    (tmp_path / "in.csv").write_text("\n".join(lines) + "\n")
    found = bulk.score(
        model_file, tmp_path / "in.csv", tmp_path / "out", keep="id", part_rows=25, **QUIET
    )
    assert (found.rows, found.rejected) == (61, 1)
    rejects = pd.read_csv(tmp_path / "out" / "_covey_rejects.csv")
    assert rejects["row"].tolist() == [20]  # after rows 0 to 19: remarks and names are none
    assert "Expected 5 cells. Received 3: '7,too,few'" in rejects["reason"][0]
    assert pd.read_parquet(tmp_path / "out")["id"].astype(int).tolist() == list(range(60))


def test_kinds_that_are_read_at_once(model_file, model, tmp_path):
    frame = table(50)
    frame[:20].to_csv(tmp_path / "a.csv.gz", index=False)
    frame[20:].to_json(tmp_path / "b.jsonl", orient="records", lines=True, date_format="iso")
    bulk.score(model_file, [tmp_path / "a.csv.gz", tmp_path / "b.jsonl"], tmp_path / "o", **QUIET)
    assert_allclose(
        pd.read_parquet(tmp_path / "o")[["mean_CO", "mean_NOx"]],
        expected(model, frame).mean,
        rtol=1e-6,  # the digits of JSON
    )


def test_names_of_folders_are_columns(model_file, model, tmp_path):
    frame = table(40)
    for site, part in frame.groupby("site"):
        folder = tmp_path / "in" / f"site={site}" / "year=2024"
        folder.mkdir(parents=True)
        part.drop(columns="site").to_parquet(folder / "x.parquet")
    keep = ["id", "year", "site"]
    bulk.score(model_file, f"{tmp_path}/in/*/*/*.parquet", tmp_path / "out", keep=keep, **QUIET)
    written = pd.read_parquet(tmp_path / "out").sort_values("id")
    assert written["site"].tolist() == frame["site"].tolist()
    assert written["year"].tolist() == [2024] * 40
    assert_array_equal(written[["mean_CO", "mean_NOx"]], expected(model, frame).mean)


def test_columns_and_what_was_observed(model_file, model, tmp_path):
    frame = table(300)
    frame["CO"] = np.where(np.arange(300) % 2, 1.5, np.nan)
    frame.to_parquet(tmp_path / "in.parquet")
    options = {"columns": "mean,interval90,sample2", "given": ["CO"], "part_rows": 128}
    for out in ("one", "two"):
        bulk.score(
            model_file, tmp_path / "in.parquet", tmp_path / out, random_state=3, **options, **QUIET
        )
    written = pd.read_parquet(tmp_path / "one")
    joint = model.predict_distribution(
        frame.drop(columns=["id", "CO"]), given=frame[["CO"]], keep=True
    )
    assert_array_equal(written[["mean_CO", "mean_NOx"]], joint.mean)
    assert_array_equal(written[["upper90_CO", "upper90_NOx"]], joint.interval(0.9)[1])
    pd.testing.assert_frame_equal(written, pd.read_parquet(tmp_path / "two"))
    free = written["sample1_NOx"] - written["mean_NOx"]
    assert len(set(free[::2].round(6))) == 150  # parts do not repeat each other's draws


def test_strict_stops_and_keeps_what_is_finished(model_file, tmp_path):
    frame = table(300)
    frame["b"] = frame["b"].astype(str)
    frame.loc[250, "b"] = "x"
    frame.to_parquet(tmp_path / "in.parquet")
    with pytest.raises(InputError, match="row 250"):
        bulk.score(
            model_file, tmp_path / "in.parquet", tmp_path / "o", strict=True, part_rows=100, **QUIET
        )
    assert not manifest(tmp_path / "o")["complete"]
    parts = sorted(each.name for each in (tmp_path / "o").glob("*.parquet"))
    assert parts == ["part-00000-00000.parquet", "part-00000-00001.parquet"]


def test_a_part_without_a_row_that_can_be_scored(model_file, tmp_path):
    frame = table(30)
    frame["a"] = "x"
    frame.to_parquet(tmp_path / "in.parquet")
    found = bulk.score(model_file, tmp_path / "in.parquet", tmp_path / "o", keep="id", **QUIET)
    assert (found.rows, found.rejected) == (30, 30)
    written = pd.read_parquet(tmp_path / "o")
    assert len(written) == 0
    assert list(written.columns[:3]) == ["id", "mean_CO", "mean_NOx"]


def test_an_estimator_in_place_of_a_file(model, tmp_path):
    frame = table(20)
    frame.to_parquet(tmp_path / "in.parquet")
    bulk.score(model, [tmp_path / "in.parquet"], tmp_path / "o", columns=["std"], **QUIET)
    written = pd.read_parquet(tmp_path / "o")
    assert_array_equal(written, expected(model, frame).stddev)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inputs": []}, "at least one file"),
        ({"inputs": "none.csv"}, "no such file, none.csv"),
        ({"inputs": "*.none"}, "which no file matches"),
        ({"inputs": "empty"}, "none whose name ends in"),
        ({"inputs": "less.csv"}, "a table without 'b'"),
        ({"keep": "Id"}, "`keep` must name columns of in.parquet. Received: .'Id'"),
        ({"given": "a"}, "targets of the model: CO, NOx"),
        ({"columns": "men"}, "Did you mean mean?"),
        ({"output": "full"}, "holds full/something"),
        ({"output": "in.parquet"}, "Received: a file"),
        ({"output": "."}, "apart from the inputs"),
        ({"inputs": ".", "output": "out"}, "in the folder . that is scored"),
        ({"part_rows": 0}, "`part_rows` must be 1 or more"),
        ({"engine": "spark"}, "`engine` must be 'local' or 'ray'"),
        ({"model": 5}, "`model` must be the path"),
        ({"decimal": ";"}, "`decimal` must be"),
        ({"inputs": "broken.parquet"}, "cannot be read as one"),
        ({"inputs": "odd://x"}, "fsspec"),
    ],
)
def test_errors_before_the_work(arguments, message, model_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table(20).to_parquet("in.parquet")
    table(20).drop(columns="b").to_csv("less.csv", index=False)
    Path("broken.parquet").write_bytes(b"PAR1 and no more")
    Path("empty").mkdir()
    Path("full").mkdir()
    Path("full/something").write_text("here")
    given = {"model": model_file, "inputs": "in.parquet", "output": "out", **arguments}
    with pytest.raises(InputError, match=message):
        bulk.score(**given, **QUIET)
    assert not Path("out").exists()


def test_what_is_no_model(tmp_path):
    table(5).to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(ArtifactError):
        bulk.score(tmp_path / "in.csv", tmp_path / "in.csv", tmp_path / "o", **QUIET)


PERIODS = """
import sys
from covey import bulk
bulk.score(*sys.argv[1:], columns="mean", verbose=0)
"""


@pytest.mark.parametrize("told", [True, False])
def test_periods_are_dates_in_a_process_that_has_not_met_them(model_file, model, tmp_path, told):
    frame = table(5).drop(columns="id")
    frame["day"] = pd.period_range("2024-01", periods=5, freq="M")
    written = pa.Table.from_pandas(frame, preserve_index=False)
    written = written if told else written.replace_schema_metadata()
    pq.write_table(written, tmp_path / "in.parquet")
    paths = [str(path) for path in (model_file, tmp_path / "in.parquet", tmp_path / "out")]
    subprocess.run([sys.executable, "-c", PERIODS, *paths], check=True)
    found = pd.read_parquet(tmp_path / "out")
    assert_allclose(found, model.predict(frame.assign(day=frame["day"].dt.to_timestamp())))
