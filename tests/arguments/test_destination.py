"""Files that cannot be written: the path that was typed is named, and nothing is left behind."""

import builtins
import errno
import io
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import covey
from covey import cli
from covey.archive import container
from covey.arguments.destination import destination, write_whole
from covey.errors import ArtifactError, CoveyError, InputError
from covey.files import write_table, write_text
from covey.report import write_report

MODEL = Path(__file__).parents[1] / "data" / "small.covey"
FRAME = pd.DataFrame({"a": [1.0, 2.0]})

WRITERS = {
    "save": lambda path: covey.load(MODEL).save(path),
    "artifact": lambda path: container.write(path, {}, {"a": np.zeros(3)}),
    "table": lambda path: write_table(FRAME, path),
    "text": lambda path: write_text("hello", path),
}
each_writer = pytest.mark.parametrize("writer", WRITERS)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "closed").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder.csv").mkdir()
    return tmp_path


def snapshot(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.glob("**/*"))


BAD_PATHS = {
    "missing/t.csv": "there is no folder",
    "./missing/t.csv": "there is no folder",
    "file/t.csv": "there is no folder",
    "folder.csv": "a folder",
    f"{'t' * 300}.csv": "File name too long",
    "zero\0.csv": "null byte",
}


@each_writer
@pytest.mark.parametrize("path", BAD_PATHS, ids=list(BAD_PATHS.values()))
def test_a_path_that_cannot_be(here, writer, path):
    before = snapshot(here)
    with pytest.raises(InputError) as caught:
        WRITERS[writer](path)
    assert path in str(caught.value) or repr(path) in str(caught.value)
    assert BAD_PATHS[path] in str(caught.value)
    assert caught.value.__cause__ is None
    assert snapshot(here) == before


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="no devices here")
def test_a_device_is_not_replaced_by_a_file():
    with pytest.raises(InputError, match="a device, /dev/null"):
        destination("/dev/null")


@pytest.mark.parametrize("path", [None, 3.5, ["a.covey"], ""])
def test_what_is_no_path(path):
    for call in (destination, WRITERS["artifact"]):
        with pytest.raises(InputError, match="Expected the path of a file to write"):
            call(path)


FAILURES = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO)


def break_disk(monkeypatch, step, number):
    """Let one step of writing fail as a disk does: with the name of the file it was asked for."""

    def fail(*names, **_):
        name = names[0] if names and isinstance(names[0], (str, Path)) else None
        raise OSError(number, os.strerror(number), name and str(name))

    if step == "open":
        opened = io.open

        def refuse(file, mode="r", *rest, **named):
            if "x" in mode or "w" in mode:
                fail(str(file))
            return opened(file, mode, *rest, **named)

        monkeypatch.setattr(io, "open", refuse)
        monkeypatch.setattr(builtins, "open", refuse)
    else:
        monkeypatch.setattr(os, step, fail)


@each_writer
@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
def test_a_disk_that_fails(here, writer, step, monkeypatch):
    (here / "t.csv").write_text("old")
    before = snapshot(here)
    for number in FAILURES:
        with monkeypatch.context() as patch:
            break_disk(patch, step, number)
            with pytest.raises(InputError) as caught:
                WRITERS[writer]("./t.csv")
        message = str(caught.value)
        assert "'./t.csv'" in message
        assert os.strerror(number) in message
        assert ("Make room" in message) == (number in (errno.ENOSPC, errno.EDQUOT))
        assert ".tmp" not in message
        assert caught.value.__cause__ is None
        assert snapshot(here) == before
        assert (here / "t.csv").read_text() == "old"


def test_a_folder_that_can_only_be_read_or_goes_away(here, monkeypatch):
    for number, advice in (
        (errno.EROFS, "can only be read from: choose another"),
        (errno.EACCES, "change its permissions"),
        (errno.ENOENT, "there no more"),
    ):
        with monkeypatch.context() as patch:
            break_disk(patch, "open", number)
            with pytest.raises(InputError, match=rf"{os.strerror(number)}.*{advice}"):
                write_text("x", "t.csv")


@pytest.mark.parametrize("path", ["", b""])
def test_an_empty_path_is_none(path):
    for call in (covey.load, covey.load(MODEL).save):
        with pytest.raises(InputError, match=r"Expected the path .* an empty text"):
            call(path)


@each_writer
def test_a_folder_that_is_closed(here, writer, monkeypatch):
    monkeypatch.setattr(os, "access", lambda folder, _: not str(folder).endswith("closed"))
    with pytest.raises(InputError, match=r"Received: closed/t\.csv, whose folder is closed to you"):
        WRITERS[writer]("closed/t.csv")
    assert snapshot(here / "closed") == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do anything")
def test_a_folder_without_rights(here):
    (here / "closed").chmod(0o500)
    with pytest.raises(InputError, match="closed to you"):
        write_text("x", "closed/t.csv")


def test_a_failure_of_tidying_up_does_not_hide_the_first(here, monkeypatch):
    def fail(*_, **__):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    monkeypatch.setattr(Path, "unlink", fail)
    with pytest.raises(InputError, match="Input/output error"):
        write_whole("t", lambda stream: stream.write(b"x"))


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_the_command_line_says_the_path_that_was_typed(here, step, monkeypatch, capsys):
    frame = pd.DataFrame({"number": [1.0], "gaps": [1.0], "colour": ["red"]})
    frame.to_csv("in.csv", index=False)
    before = snapshot(here)
    for output in ("./out.csv", "missing/out.csv", "folder.csv"):
        with monkeypatch.context() as patch:
            break_disk(patch, step, errno.ENOSPC)
            assert cli.main(["predict", str(MODEL), "in.csv", "--output", output]) == 2
        said = capsys.readouterr().err
        assert said.startswith("covey: error: ")
        assert output in said
        assert ".tmp" not in said
        assert len(said.splitlines()) == 1
    assert snapshot(here) == before


def test_a_file_that_may_not_be_read_is_named(here, monkeypatch):
    (here / "m.covey").write_bytes(MODEL.read_bytes())
    opened = io.open

    def refuse(file, *rest, **named):
        if str(file).endswith(".covey"):
            raise PermissionError(errno.EACCES, "Permission denied", str(file))
        return opened(file, *rest, **named)

    monkeypatch.setattr(io, "open", refuse)
    with pytest.raises(ArtifactError, match=r"Received: 'm\.covey': Permission denied"):
        covey.load("m.covey")
    monkeypatch.undo()
    with pytest.raises((CoveyError, FileNotFoundError), match=r"'none\.covey'"):
        covey.load("none.covey")


@pytest.mark.parametrize("path", [3.5, None])
def test_what_is_no_path_to_read_from(path):
    with pytest.raises(InputError, match="Expected the path of a Covey file"):
        covey.load(path)


def test_a_name_that_no_file_can_have(here):
    name = "m" * 300
    with pytest.raises((ArtifactError, FileNotFoundError), match=f"'{name}'"):
        covey.load(name)


def test_a_report_that_cannot_be_written_is_refused_before_the_work(here):
    with pytest.raises(InputError, match=r"Received: missing/page\.html, and there is no folder"):
        write_report("missing/page.html", None, None, None)
