"""Runs that were killed go on: nothing is lost, nothing is there twice, nothing is mixed up."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import covey
from covey import bulk
from covey.errors import InputError
from tests.bulk.conftest import table

ROOT = Path(__file__).parents[2]
PARTS = 24
SCRIPT = """
import sys
import covey
from covey import bulk
bulk.score(sys.argv[1], sys.argv[2], sys.argv[3], keep="id", part_rows=50, verbose=0)
"""


def contents(folder):
    return {each.name: each.read_bytes() for each in Path(folder).iterdir()}


def run(model_file, source, output, **more):
    return bulk.score(model_file, source, output, keep="id", part_rows=50, verbose=0, **more)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("in")
    frame = table(50 * PARTS)
    frame["a"] = frame["a"].astype(str)
    frame.loc[[60, 333, 1001], "a"] = "broken"
    frame[:600].to_parquet(folder / "a.parquet")
    frame[600:].to_csv(folder / "b.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def whole(model_file, source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "out"
    run(model_file, source, folder)
    return folder


def test_killed_at_five_moments(model_file, source, whole, tmp_path):
    output = tmp_path / "out"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    r = np.random.default_rng(0)
    kills = 0
    for wanted in sorted(r.choice(np.arange(1, PARTS - 3), 5, replace=False).tolist()):
        command = [sys.executable, "-c", SCRIPT, model_file, source, output]
        process = subprocess.Popen(command, env=environment)
        # not at a time, which is another one on each machine, but when so many parts are there
        while process.poll() is None and len(list(output.glob("*.parquet"))) < wanted:
            time.sleep(0.0005)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
        there = [pd.read_parquet(each) for each in output.glob("*.parquet")]  # all of them whole
        ids = pd.concat(there)["id"].astype(int)
        assert not ids.duplicated().any()
    assert kills >= 3
    before = {each.name: each.stat().st_mtime_ns for each in output.glob("*.parquet")}
    found = run(model_file, source, output)
    assert found.resumed == len(before)
    after = {each.name: each.stat().st_mtime_ns for each in output.glob("*.parquet")}
    assert {name: after[name] for name in before} == before
    assert contents(output) == contents(whole)
    ids = pd.read_parquet(output)["id"].astype(int)
    assert sorted(ids) == sorted({*range(50 * PARTS)} - {60, 333, 1001})


def test_the_same_call_again_does_nothing(model_file, source, whole):
    before = contents(whole)
    found = run(model_file, source, whole)
    assert found.resumed == found.parts
    assert contents(whole) == before


def test_a_damaged_part_is_written_again(model_file, source, whole, tmp_path):
    output = tmp_path / "out"
    run(model_file, source, output)
    parts = sorted(output.glob("*.parquet"))
    parts[3].write_bytes(parts[3].read_bytes()[:100])
    (output / ".covey-0123.tmp").write_bytes(b"of a process that was killed")
    found = run(model_file, source, output)
    assert found.resumed == found.parts - 1
    assert contents(output) == contents(whole)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"columns": "mean"}, "another `columns`"),
        ({"strict": True}, "another `strict`"),
        ({"random_state": 1}, "another `random_state`"),
        ({"decimal": ","}, "another `decimal`"),
    ],
)
def test_other_options_are_another_run(model_file, source, whole, more, message):
    before = contents(whole)
    with pytest.raises(InputError, match=message):
        run(model_file, source, whole, **more)
    assert contents(whole) == before


def test_other_files_are_another_run(model_file, tmp_path):
    path, output = tmp_path / "in.parquet", tmp_path / "out"
    table(60).to_parquet(path)
    run(model_file, path, output)
    table(60, seed=2).to_parquet(path)
    with pytest.raises(InputError, match=r"changed since \(such as .*in.parquet\)"):
        run(model_file, path, output)
    table(60).to_parquet(tmp_path / "more.parquet")
    with pytest.raises(InputError, match=r"other files \(such as .*more.parquet\)"):
        run(model_file, [path, tmp_path / "more.parquet"], output)


def test_another_model_is_another_run(model_file, tmp_path):
    path, output = tmp_path / "in.parquet", tmp_path / "out"
    table(60).to_parquet(path)
    run(model_file, path, output)
    X = table(60).drop(columns="id")
    Y = pd.DataFrame({"CO": X["a"], "NOx": X["a"] + np.arange(60)})
    other = covey.load(model_file)
    other.calibrate(X, Y)
    with pytest.raises(InputError, match="another model"):
        run(other, path, output)


def test_a_manifest_of_somebody_else(model_file, tmp_path):
    table(60).to_parquet(tmp_path / "in.parquet")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "_covey_manifest.json").write_text(json.dumps({"format": "x"}))
    with pytest.raises(InputError, match="a manifest that Covey wrote"):
        run(model_file, tmp_path / "in.parquet", tmp_path / "out")
