"""What jax compiled is kept for the next process, where it can be."""

import os
import subprocess
import sys

import pytest

from covey.backend import cache

FIT = """
import sys
from covey.backend.cache import keep_compiled
keep_compiled()
import logging, numpy as np, covey, jax
X = np.random.default_rng(0).normal(size=(40, 2))
model = covey.JointRegressor(members=2, max_steps=2, random_state=0, verbose=0).fit(X, X)
print(repr(float(model.predict(X).sum())))
"""


def fitted(**variables):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    command = [sys.executable, "-c", FIT]
    result = subprocess.run(command, capture_output=True, text=True, env={**kept, **variables})
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="the folder is another there")
def test_a_second_process_compiles_nothing(tmp_path):
    pytest.importorskip("jax")
    said = fitted(XDG_CACHE_HOME=str(tmp_path), KERAS_BACKEND="jax")
    (folder,) = (tmp_path / "covey").iterdir()
    entries = {file.name for file in folder.iterdir() if file.name.endswith("-cache")}
    assert any(name.startswith("jit_many") for name in entries)
    assert fitted(XDG_CACHE_HOME=str(tmp_path), KERAS_BACKEND="jax") == said
    assert {file.name for file in folder.iterdir() if file.name.endswith("-cache")} == entries


def test_nothing_is_set_where_the_folder_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "covey").write_text("a file where the folder should be")
    monkeypatch.setattr(cache, "_folder", lambda: tmp_path / "covey" / "compiled")
    monkeypatch.delenv(cache.FOLDER, raising=False)
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    cache.keep_compiled()
    assert cache.FOLDER not in os.environ


def test_nothing_is_set_where_no_home_is_known(monkeypatch):
    def nowhere():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(cache, "_folder", nowhere)
    monkeypatch.delenv(cache.FOLDER, raising=False)
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    cache.keep_compiled()
    assert cache.FOLDER not in os.environ


def test_what_the_environment_says_stands(tmp_path, monkeypatch):
    monkeypatch.setenv(cache.FOLDER, str(tmp_path))
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    monkeypatch.setattr(cache, "_folder", lambda: tmp_path / "other")
    cache.keep_compiled()
    assert os.environ[cache.FOLDER] == str(tmp_path)
    assert not (tmp_path / "other").exists()


def test_a_folder_that_is_too_large_is_begun_anew(tmp_path, monkeypatch):
    folder = tmp_path / "compiled"
    folder.mkdir()
    (folder / "old-cache").write_bytes(b"0" * 11)
    monkeypatch.setattr(cache, "_folder", lambda: folder)
    monkeypatch.setattr(cache, "LARGEST", 10)
    for name in (cache.FOLDER, cache.LEAST_SECONDS, cache.LOCATIONS):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    cache.keep_compiled()
    assert os.environ[cache.FOLDER] == str(folder)
    assert list(folder.iterdir()) == []
