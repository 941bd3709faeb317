"""Files, folders and patterns."""

import pytest

from covey.errors import InputError
from covey.stream.paths import find_files


@pytest.fixture
def folder(tmp_path):
    for name in ("b.parquet", "a.pq", "x/c.parquet", "x/.tmp.parquet", "_old/d.parquet", "e.csv"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("")
    return tmp_path


def names(files, folder):
    return [str(file).removeprefix(f"{folder}/") for file in files]


def test_all_ways_to_name_files(folder):
    assert names(find_files(folder), folder) == ["a.pq", "b.parquet", "x/c.parquet"]
    assert names(find_files([f"{folder}/*.parquet"]), folder) == ["b.parquet"]
    assert names(find_files(f"{folder}/**/c.p*"), folder) == ["x/c.parquet"]
    assert names(find_files(folder / "e.csv"), folder) == ["e.csv"]
    twice = [folder / "b.parquet", folder, folder / "a.pq"]
    assert find_files(twice) == find_files(folder)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none.parquet", "no such file"),
        ("*.orc", "no file matches"),
        ("_old/nothing", "no such file"),
        ("empty", "in the folder"),
    ],
)
def test_nothing_there(folder, path, message):
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match=message):
        find_files(folder / path)
    with pytest.raises(InputError, match="at least one"):
        find_files([])
