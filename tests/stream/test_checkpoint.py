"""One file that says how far a fit has come."""

import errno
import os

import numpy as np
import pytest

from covey.archive import container
from covey.errors import ArtifactError, CoveyWarning, InputError
from covey.members.trained import Trained
from covey.stream import checkpoint
from covey.stream.checkpoint import Checkpoint
from covey.types import Snapshot

ABOUT = {"files": "abc", "columns": [["y"], ["a"], None, None], "members": 5}


def interrupted(path, change):
    def work():
        with Checkpoint(path, ABOUT, 3) as kept:
            change(kept)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()


def test_an_interrupted_fit_leaves_what_it_has(tmp_path):
    path = tmp_path / "c"
    snapshot = Snapshot({"steps": 40, "source": [0, 1, 2]}, {"state_000": np.arange(3.0)})
    interrupted(path, lambda kept: kept.keep("normal", snapshot))
    again = Checkpoint(path, ABOUT, 99, resume=True)
    assert again.seed == 3
    assert again.resume("student_t") is None
    entry, arrays = again.resume("normal")
    assert entry == {"steps": 40, "source": [0, 1, 2], "family": "normal"}
    assert np.array_equal(arrays["state_000"], np.arange(3.0))


def test_a_family_that_is_done_stays_done(tmp_path):
    path = tmp_path / "c"
    trained = Trained([np.ones((2, 3), np.float32)], np.array([4, 8]), np.array([0.5, 1]), 9, 1.5)
    with Checkpoint(path, ABOUT, 3) as kept:
        kept.keep("student_t", Snapshot({"steps": 1}, {}))
        kept.finish("student_t", trained, Snapshot({"source": [1, 2, 3]}, {}))
        assert kept.resume("student_t") is None
        again = Checkpoint(path, ABOUT, 3, resume=True)
        assert again.finished("normal") is None
        found, place = again.finished("student_t")
        assert place == ({"source": [1, 2, 3]}, {})
        assert np.array_equal(found.weights[0], trained.weights[0])
        assert np.array_equal(found.best_steps, trained.best_steps)
        assert np.array_equal(found.scores, trained.scores)
        assert (found.steps, found.setup) == (9, 1.5)
    assert not path.exists()


def test_it_is_written_now_and_then(tmp_path, monkeypatch):
    path = tmp_path / "c"
    with Checkpoint(path, ABOUT, 3) as kept:
        kept.keep("normal", Snapshot({"steps": 1}, {}))
        assert not path.exists()
        monkeypatch.setattr(checkpoint, "EVERY", 0.0)
        kept.keep("normal", Snapshot({"steps": 2}, {}))
        assert path.exists()
    assert not path.exists()


TRAINED = Trained([np.ones((2, 3), np.float32)], np.array([4, 8]), np.array([0.5, 1]), 9, 1.5)
WAYS_TO_WRITE = {
    "keep": lambda kept: kept.keep("normal", Snapshot({"steps": 1}, {})),
    "finish": lambda kept: kept.finish("normal", TRAINED, Snapshot({"source": [1, 2, 3]}, {})),
    "write": lambda kept: kept.write(),
}


def fill_the_disk(monkeypatch, full=lambda: True):
    """Nothing can be brought to the disk while it is full."""
    sync = os.fsync

    def fsync(number):
        if full():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(number)

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize("way", WAYS_TO_WRITE)
def test_a_full_disk_does_not_end_the_fit(tmp_path, monkeypatch, way):
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    fill_the_disk(monkeypatch)
    with Checkpoint(tmp_path / "c", ABOUT, 3) as kept:
        with pytest.warns(CoveyWarning, match=r"/c could not be.*No space left") as caught:
            WAYS_TO_WRITE[way](kept)
        for other in WAYS_TO_WRITE.values():  # a second warning would be an error
            other(kept)
        assert ".tmp" not in str(caught[0].message)
        assert kept.finished("normal")[0].steps == 9
        assert os.listdir(tmp_path) == []


def test_a_full_disk_does_not_hide_what_ended_the_fit(tmp_path, monkeypatch):
    fill_the_disk(monkeypatch)
    with pytest.warns(CoveyWarning, match="No space left"):
        interrupted(tmp_path / "c", lambda kept: kept.keep("normal", Snapshot({"steps": 1}, {})))
    assert os.listdir(tmp_path) == []


def test_it_is_written_again_when_there_is_room_and_a_new_failure_is_said(tmp_path, monkeypatch):
    full = iter([True, False, True, True])
    fill_the_disk(monkeypatch, lambda: next(full))
    with Checkpoint(tmp_path / "c", ABOUT, 3) as kept:
        with pytest.warns(CoveyWarning, match="could not be written"):
            kept.finish("normal", TRAINED, Snapshot({"source": [1, 2, 3]}, {}))
        kept.write()
        assert Checkpoint(tmp_path / "c", ABOUT, 3, resume=True).finished("normal")
        with pytest.warns(CoveyWarning, match="It holds an earlier state"):
            kept.write()
        kept.write()  # a second warning would be an error


def test_a_checkpoint_that_stays_does_not_undo_the_fit(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    kept = Checkpoint(tmp_path / "c", ABOUT, 3)
    kept.write()
    monkeypatch.setattr(type(tmp_path), "unlink", refuse)
    with pytest.warns(CoveyWarning, match="could not be removed: Permission denied"):
        kept.__exit__(None, None, None)


def test_time_that_was_spent_counts(tmp_path, monkeypatch):
    path = tmp_path / "c"
    now = [100.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now[0])

    def spend(kept):
        kept.keep("normal", Snapshot({}, {}))
        now[0] = 160.0

    interrupted(path, spend)
    now[0] = 1000.0
    assert Checkpoint(path, ABOUT, 3, resume=True).started == pytest.approx(940.0)


def test_a_checkpoint_is_not_overwritten(tmp_path):
    path = tmp_path / "c"
    interrupted(path, lambda kept: kept.keep("normal", Snapshot({}, {})))
    with pytest.raises(InputError, match=r"interrupted.*--resume"):
        Checkpoint(path, ABOUT, 3)
    with pytest.raises(InputError, match="other files, members"):
        Checkpoint(path, {**ABOUT, "files": "x", "members": 4}, 3, resume=True)
    container.write(path, {"kind": "JointRegressor"}, {})
    with pytest.raises(ArtifactError, match="holds a checkpoint"):
        Checkpoint(path, ABOUT, 3, resume=True)
    container.write(path, {"kind": "checkpoint", "trainings": checkpoint.TRAININGS}, {})
    with pytest.raises(ArtifactError, match="complete checkpoint"):
        Checkpoint(path, ABOUT, 3, resume=True)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(ArtifactError, match="damaged"):
        Checkpoint(path, ABOUT, 3, resume=True)


def test_nothing_to_keep(tmp_path):
    with Checkpoint(None, ABOUT, 3) as kept:
        kept.write()
    with pytest.raises(InputError, match="needs a `checkpoint`"):
        Checkpoint(None, ABOUT, 3, resume=True)
    with pytest.raises(InputError, match="folder"):
        Checkpoint(tmp_path / "no" / "c", ABOUT, 3)
    # `resume` may stand in a script that is started again and again
    with Checkpoint(tmp_path / "c", ABOUT, 3, resume=True) as kept:
        assert kept.entries == {}


def test_a_checkpoint_of_another_version_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "c"
    monkeypatch.setattr(checkpoint, "TRAININGS", 1)
    interrupted(path, lambda kept: kept.keep("normal", Snapshot({"steps": 1}, {})))
    monkeypatch.undo()
    with pytest.raises(ArtifactError, match="of another, whose trainings cannot go on"):
        Checkpoint(path, ABOUT, 3, resume=True)
