"""550 model files that chance or malice has changed: a clear error each, or the same model."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.archive.corruption import KINDS

ROOT = Path(__file__).parents[2]
COUNT = 50 * len(KINDS)


@pytest.fixture(scope="module")
def found():
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("memory is measured as Linux tells it")
    command = [sys.executable, "-m", "tests.archive.corruption", str(COUNT), "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]  # no crash
    return json.loads(done.stdout)


def test_each_file_is_refused_or_holds_a_sound_model(found):
    assert found["failures"] == []
    assert sum(found["counts"].values()) == COUNT >= 500
    refused = sum(n for name, n in found["counts"].items() if name.endswith(": refused"))
    assert refused > COUNT * 0.7


def test_no_code_runs_and_nothing_is_written(found):
    assert found["heard"] == []
    assert found["left"] == ["m.covey"]  # the file itself


def test_no_file_fills_the_memory(found):
    assert found["grown_mb"] < 50


def test_the_listener_hears_what_it_listens_for():
    """A pickle that is unpickled is heard, and what it does is seen."""
    script = """
import pickle, sys
from tests.archive.corruption import CODE, Payload
heard = []
sys.addaudithook(lambda event, _: heard.append(event) if event.startswith(CODE) else None)
pickle.loads(pickle.dumps(Payload()))
import os
os.remove("covey-was-here")
print(sorted(set(heard)))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "['os.system', 'pickle.find_class']", done.stderr
