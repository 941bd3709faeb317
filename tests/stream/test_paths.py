"""Files, folders and patterns."""

import os
import shutil

import pytest

from covey.errors import CoveyWarning, InputError
from covey.stream.paths import find_files, say_repeats


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
    with pytest.warns(CoveyWarning, match="more than once are read once: .*, and 1 more"):
        say_repeats(twice)


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


@pytest.mark.parametrize("way", ["same", "dots", "relative", "link", "hard link"])
def test_a_file_is_read_once_by_whatever_path(folder, way, monkeypatch):
    path = folder / "b.parquet"
    path.write_text("rows")
    monkeypatch.chdir(folder / "x")
    other = {"same": path, "dots": f"{folder}/x/../b.parquet", "relative": "../b.parquet"}.get(
        way, folder / "other.parquet"
    )
    if way == "link":
        os.symlink(path, other)
    if way == "hard link":
        os.link(path, other)
    assert find_files([path, other]) == (str(path),)
    with pytest.warns(CoveyWarning, match=f"read once: {other}[.]"):
        say_repeats([path, other])


def test_a_copy_is_said_and_what_only_looks_alike_is_not(folder):
    path, copy = folder / "b.parquet", folder / "copy.parquet"
    path.write_bytes(b"1" + bytes(10_000))
    shutil.copy(path, copy)
    other = folder / "a.pq"
    other.write_bytes(b"2" + bytes(10_000))  # the same in size and at its end
    os.utime(other, (path.stat().st_atime, path.stat().st_mtime))
    with pytest.warns(
        CoveyWarning, match=r"copy\.parquet, the same byte by byte as \S*b\.parquet[.]"
    ):
        say_repeats(folder)
    assert len(find_files(folder)) == 4
    copy.unlink()
    say_repeats(folder)
    assert len(find_files(folder)) == 3
