"""Pages about other packages run as a whole where these are installed: `make test-guest`."""

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tests.test_docs import ROOT, blocks

# the guests' own, of which there are many
pytestmark = pytest.mark.filterwarnings("ignore")
MODULES = {  # what to import, and the page, for each name that `make test-guest` knows
    "mlflow": ("mlflow", "how-to/mlflow"),
    "shap": ("shap", "how-to/which-features"),
    "optuna": ("optuna", "how-to/tune"),
    "ngboost": ("ngboost", "coming-from/ngboost"),
    "mapie": ("mapie", "coming-from/mapie"),
    "torch": ("torch", "coming-from/gaussian-nll"),
    "keras-mdn-layer": ("keras_mdn_layer", "coming-from/keras-mdn-layer"),
    "tfp": ("tensorflow_probability", "coming-from/tfp-layers"),
}


def visit(guest):
    """Skip where a guest is not installed, unless it is the one that was asked for."""
    module, page = MODULES[guest]
    if guest != os.environ.get("GUEST") and importlib.util.find_spec(module) is None:
        pytest.skip(f"it has an environment of its own: make test-guest GUEST={guest}")
    return ROOT / "docs" / f"{page}.md"


def run(page):
    """Run every block of a page, also those that the other tests leave out."""
    namespace = {"__name__": "__main__"}
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.language == "python":
            exec(compile("\n" * block.line + block.code, str(page), "exec"), namespace)
    return namespace


@pytest.mark.parametrize("guest", [name for name in MODULES if name != "mlflow"])
def test_both_sides_of_a_page_run(guest, tmp_path, monkeypatch):
    page = visit(guest)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "")  # one of the pages sets it; undone at the end
    run(page)
    assert MODULES[guest][0] in sys.modules  # no page leaves its guest out


def free_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def answer(port, question, seconds=120):
    """What the server says, once it is up."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations",
        json.dumps(question).encode(),
        {"Content-Type": "application/json"},
    )
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return json.load(reply)["predictions"]
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


def test_mlflow_serves_what_the_page_logged(tmp_path, monkeypatch):
    page = visit("mlflow")
    monkeypatch.chdir(tmp_path)
    namespace = run(page)
    X, model, port = namespace["X"], namespace["model"], free_port()
    serve = ["models", "serve", "--model-uri", Path("uri.txt").read_text(), "--port", str(port)]
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # uvicorn
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", *serve, "--env-manager", "local"],
        env={**os.environ, "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db", "PATH": tools},
        start_new_session=True,
    )
    try:
        rows = X[250:253]
        question = {"dataframe_split": rows.to_dict("split"), "params": {"level": 0.9}}
        found = answer(port, question)
        joint = model.predict_distribution(rows)
        for i, record in enumerate(found):
            assert record["cov_north_south"] == pytest.approx(joint.covariance[i, 0, 1])
            assert record["mean_south"] == pytest.approx(joint.mean[i, 1])
            assert record["upper_north"] == pytest.approx(joint.interval(0.9)[1][i, 0])
        del question["params"]
        assert "upper_north" not in answer(port, question)[0]
        assert np.isfinite(found[0]["mean_north"])
    finally:
        with suppress(ProcessLookupError):  # it ended by itself
            os.killpg(server.pid, 15)
        server.wait(30)
