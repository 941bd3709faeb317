"""The command line as a whole: errors in a line, helps that help."""

import subprocess
import sys

import pytest

from covey import cli
from tests.cli.commands import run


def test_info_says_what_the_file_holds(model_file, capsys):
    assert run("info", model_file) == 0
    shown = capsys.readouterr().out
    for text in ("CO, NOx", "a, b, site", "2 networks", "nats per row"):
        assert text in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "train.csv", "--targets", "CO,O3", "--output", "x.covey"], "Received: 'O3'"),
        (["fit", "none.csv", "--targets", "CO", "--output", "x.covey"], "no such file"),
        (["fit", "train.csv", "--targets", "id", "--output", "x.covey"], "must hold numbers"),
        (["fit", "train.csv", "--targets", "CO", "--output", "no/x.covey"], "Expected a folder"),
        (
            ["fit", "train.csv", "--targets", "CO", "--features", "CO,a", "--output", "x.covey"],
            "either a target or a feature",
        ),
        (["predict", "none.covey", "new.parquet"], "none.covey"),
        (["predict", "train.csv", "new.parquet"], "Covey"),
        (["predict", "model.covey", "new.parquet", "--output", "x.docx"], "x.docx"),
        (["predict", "model.covey", "new.parquet", "--keep", "nothing"], "'nothing'"),
        (
            ["predict", "model.covey", "train.csv", "--given", "CO,a"],
            "model: CO, NOx. Received: ['a",
        ),
        (["predict", "model.covey", "new.parquet", "--given", "CO"], "'CO'"),
        (["info", "train.csv"], "Covey"),
        (["fit", "train.csv", "--targets", "CO", "--output", "train.csv"], "takes the model"),
        (["predict", "model.covey", "new.parquet", "--output", "./new.parquet"], "would overwrite"),
        (
            ["fit", "train.csv", "--targets", "CO", "--sample-weight", "id", "--output", "x.covey"],
            "must be an array of numbers",
        ),
        (
            ["fit", "train.csv", "--targets", "CO", "--random-state", "-1", "--output", "x.covey"],
            "--random-state must be",
        ),
        (["fit", "twice.csv", "--targets", "b", "--output", "x.covey"], "is called a"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(
    arguments, message, model_file, folder, capsys, monkeypatch
):
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    assert run(*arguments) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("covey: error: ")
    assert message in shown.err
    assert "Traceback" not in shown.err
    assert sorted(folder.iterdir()) == before


def test_help_names_every_command():  # and is quick: tests/test_floors.py
    done = subprocess.run(
        [sys.executable, "-m", "covey.cli", "--help"], capture_output=True, text=True, check=True
    )
    for command in ("fit", "predict", "info", "demo"):
        assert command in done.stdout


def test_a_command_is_required(capsys):
    with pytest.raises(SystemExit) as raised:
        cli.main([])
    assert raised.value.code == 2
