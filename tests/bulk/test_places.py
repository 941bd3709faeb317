"""Files elsewhere: the memory file system of fsspec stands for all of its kind."""

import pandas as pd
import pytest

from covey import bulk
from covey.bulk.places import Place, is_pattern
from tests.bulk.conftest import table


@pytest.fixture
def memory():
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    yield system
    system.rm("/", recursive=True)


def test_files_of_another_system_are_scored_into_it(model_file, memory, tmp_path):
    frame = table(90)
    frame["a"] = frame["a"].astype(str)
    frame.loc[7, "a"] = "broken"
    with memory.open("/bucket/in/site=x/a.parquet", "wb") as file:
        frame[:50].to_parquet(file)
    with memory.open("/bucket/in/site=y/b.csv", "wb") as file:
        file.write(frame[50:].to_csv(index=False).encode())
    options = {"keep": "id", "part_rows": 20, "verbose": 0}
    for inputs in ("memory://bucket/in", "memory://bucket/in/*/*.*"):
        output = f"memory://bucket/out{len(inputs)}"
        found = bulk.score(model_file, inputs, output, **options)
        assert (found.rows, found.rejected) == (90, 1)
        names = [each.rpartition("/")[2] for each in memory.ls(output, detail=False)]
        assert {"_covey_manifest.json", "_covey_rejects.csv"} < set(names)
        assert "_covey_rejects" not in names
        again = bulk.score(model_file, inputs, output, **options)
        assert again.resumed == again.parts == found.parts
    frame[:50].to_parquet(tmp_path / "a.parquet")
    bulk.score(model_file, tmp_path / "a.parquet", tmp_path / "out", **options)
    here = pd.read_parquet(tmp_path / "out")
    with memory.open(f"{output}/part-00000-00001.parquet".removeprefix("memory:/")) as file:
        there = pd.read_parquet(file)
    pd.testing.assert_frame_equal(there, here[19:39].reset_index(drop=True))


def test_patterns_match_as_a_shell_has_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a/x1.csv", "a/x2.csv", "a/b/x3.csv", "a/b/y.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a\n1\n")

    def found(pattern):
        return [each.name for each in Place.of(pattern).matching()]

    assert found("a/*.csv") == ["a/x1.csv", "a/x2.csv"]
    assert found("a/**/x?.csv") == ["a/b/x3.csv", "a/x1.csv", "a/x2.csv"]
    assert found("a/x[13].csv") == ["a/x1.csv"]
    assert found("*/*/x3*") == ["a/b/x3.csv"]
    assert found(f"{tmp_path}/a/*2.csv") == [f"{tmp_path}/a/x2.csv"]
    assert is_pattern("memory://a/*.csv")
    assert not is_pattern("memory://a/b.csv")
