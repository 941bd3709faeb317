"""`covey fit` on several Parquet files: streamed, interrupted, resumed."""

import os
import shutil
import signal
import subprocess
import sys
from textwrap import dedent

import numpy as np
import pandas as pd
import pytest

import covey
from covey import cli
from covey.archive import container

QUICK = ["--members", "2", "--random-state", "0", "--family", "student_t", "--quiet"]


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    path = tmp_path_factory.mktemp("big")
    r = np.random.default_rng(0)
    for number in range(3):
        x = r.normal(size=(400, 2))
        table = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "id": r.integers(10**6, size=400)})
        table["y"] = x[:, 0] + r.normal(size=400)
        table.to_parquet(path / f"{number}.parquet")
    return path


def run(*arguments):
    return cli.main([str(argument) for argument in arguments])


def test_files_and_folders_are_streamed(big, tmp_path, capsys, monkeypatch):
    output = tmp_path / "m.covey"
    files = sorted(big.glob("*.parquet"))
    asked = []

    def fit_files(self, paths, targets, **options):
        asked.append((paths, targets, options))
        raise covey.errors.InputError("enough")

    monkeypatch.setattr("covey.JointRegressor.fit_files", fit_files)
    options = ["--targets", "y", "--output", output]
    for words in ([*files], [big], [files[0], "--stream"], [big, "--drop", "id", "--resume"]):
        assert run("fit", *words, *options) == 2
    assert [names for names, _, _ in asked] == [
        [str(file) for file in files],
        [str(big)],
        [str(files[0])],
        [str(big)],
    ]
    assert asked[0][1:] == (
        ["y"],
        {
            "features": ["a", "b", "id"],
            "sample_weight": None,
            "groups": None,
            "checkpoint": f"{output}.checkpoint",
            "resume": False,
        },
    )
    assert asked[3][2]["features"] == ["a", "b"]
    assert asked[3][2]["resume"]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{0}", "--resume"], "add --stream"),
        (["{0}", "{1}", "--drop", "none"], "'none'"),
        (["{0}", "none.parquet"], "no such file, none.parquet"),
        (["{0}", "{csv}"], "t.csv: it lacks ['b', 'id']"),
        (["{0}", "{csv}", "--stream"], "Rows are streamed from Parquet alone"),
        (["{0}", "{1}", "--features", "y"], "either a target or a feature"),
        (["{0}", "{1}", "--na", "-999"], "--na is for tables in memory"),
        (["{0}", "--stream", "--sheet", "May"], "--sheet is for tables in memory"),
    ],
)
def test_errors_in_a_line(big, tmp_path, capsys, words, message):
    (tmp_path / "t.csv").write_text("a,y\n1,2\n")
    places = {"0": big / "0.parquet", "1": big / "1.parquet", "csv": tmp_path / "t.csv"}
    filled = []
    for word in words:
        for name, place in places.items():
            word = word.replace(f"{{{name}}}", str(place))
        filled.append(word)
    assert run("fit", *filled, "--targets", "y", "--output", tmp_path / "m.covey", *QUICK) == 2
    assert message in capsys.readouterr().err


# The command, which waits to be killed as soon as it has something to keep.
WAITING = dedent("""\
    import sys
    import time

    from covey import cli
    from covey.stream.checkpoint import Checkpoint

    keep = Checkpoint.keep


    def wait(self, family, snapshot):
        keep(self, family, snapshot)
        print("kept", file=sys.__stdout__, flush=True)  # the fit redirects the other
        while True:  # a pause would miss a signal that comes just before it
            time.sleep(0.01)


    Checkpoint.keep = wait
    sys.exit(cli.main(sys.argv[1:]))
    """)


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_a_fit_that_is_killed_can_be_resumed(big, tmp_path, capsys, few_steps):
    output = tmp_path / "m.covey"
    kept = tmp_path / "m.covey.checkpoint"
    words = ["fit", str(big), "--targets", "y", "--output", str(output), "--drop", "id", *QUICK]
    with subprocess.Popen(
        [sys.executable, "-c", WAITING, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "kept\n", process.stderr.read()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate()
    assert process.returncode == 130
    assert f"{kept} keeps the progress: --resume" in said
    assert container.read(kept)[0]["kind"] == "checkpoint"

    assert run(*words) == 2
    assert "--resume" in capsys.readouterr().err
    shutil.copy(kept, tmp_path / "copy")
    assert run(*words, "--resume") == 0
    assert not kept.exists()
    model = covey.load(output)
    assert list(model.feature_names_in_) == ["a", "b"]
    assert run("info", output) == 0
    assert "a sample of 1200" in capsys.readouterr().out
