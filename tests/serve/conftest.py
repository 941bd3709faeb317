"""A server of the small model, in this process and in others."""

import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

import covey
from tests.small_table import table

MODEL = Path(__file__).parents[1] / "data" / "small.covey"


@pytest.fixture(scope="session")
def model():
    return covey.load(MODEL)


@pytest.fixture(scope="session")
def rows():
    """The small table as JSON has it: None for what is missing."""
    X, _ = table()
    return X.astype(object).where(X.notna(), None).to_dict("records")


@pytest.fixture(scope="session")
def client(model):
    from fastapi.testclient import TestClient

    from covey.serve import Limits, application

    app = application(model, name="small", limits=Limits(max_rows=50, max_bytes=100_000))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@contextmanager
def serving(*options):
    """A process of `covey serve`, its port, and a function that gives its log."""
    command = [sys.executable, "-m", "covey.cli", "serve", str(MODEL), "--port", "0", *options]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:  # a pipe would be full in the end
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, encoding="utf-8"
        )

        def logged():
            log.seek(0)
            return log.read()

        try:
            said = process.stdout.readline()
            found = re.search(r"http://127\.0\.0\.1:(\d+)/", said)
            assert found, said + logged()
            yield process, int(found[1]), logged
        finally:
            process.kill()
            process.communicate()
