"""The command line as a whole: errors in a line, helps that help."""

import argparse
import inspect
import re
import shlex
import subprocess
import sys

import pytest

import covey
from covey import cli
from tests.cli.commands import run


def test_info_says_what_the_file_holds(model_file, capsys):
    assert run("info", model_file) == 0
    shown = capsys.readouterr().out
    for text in ("CO, NOx", "  site  ", "2 labels: ", "2 networks", "nats per row"):
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
        (["predict", "model.covey", "new.parquet", "--carry-over", "nothing"], "'nothing'"),
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
            "--sample-weight must hold numbers. Received 'row 0' in row 0, column 'id'",
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


def options_of(command):
    actions = cli.parser()._actions  # argparse has no public list of them
    commands = next(each for each in actions if isinstance(each, argparse._SubParsersAction))
    return {each.dest for each in commands.choices[command]._actions} - {"help"}


READING = {"sep", "decimal", "encoding", "na", "sheet"}
MODEL = covey.JointRegressor


@pytest.mark.parametrize(
    ("command", "functions", "its_own"),
    [
        (
            "fit",
            [MODEL, MODEL.fit, MODEL.fit_files],
            {"drop", "stream", "quiet", "params"},
        ),
        (
            "predict",
            [MODEL, MODEL.predict_distribution, covey.load, covey.bulk.score],
            {"carry_over", "quiet"},
        ),
        ("evaluate", [MODEL.evaluate, covey.load], {"model", "json", "report", "by"}),
        ("calibrate", [MODEL.calibrate, covey.load], {"model", "quiet"}),
    ],
)
def test_an_option_of_python_has_one_name(command, functions, its_own):
    python = {name for each in functions for name in inspect.signature(each).parameters}
    its_own |= READING | {"table", "output"} - ({"output"} if command == "evaluate" else set())
    assert options_of(command) - python == its_own - python


COMMANDS = ("fit", "predict", "evaluate", "calibrate", "export", "info", "demo")


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_helps_have_examples_that_parse(command, capsys):
    with pytest.raises(SystemExit) as raised:
        cli.main([*command, "--help"])
    assert raised.value.code == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 100
    examples = re.findall(r"(?m)(?:^|\| )  ?(covey (?:.*\\\n)?.*)$", said.replace(" | ", "\n  "))
    assert examples
    for example in examples:
        words = shlex.split(example.replace("\\\n", " "), comments=True)[1:]
        words = words[: next((i for i, word in enumerate(words) if word in "<>"), None)]
        if "--help" not in words:
            cli.parser().parse_args(words)


def test_the_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    said = capsys.readouterr().out
    for command in COMMANDS:
        assert re.search(rf"(?m)^    {command}\s", said)
        assert f"  covey {command}" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["fit", "t.csv", "--target", "a", "--outptu", "x"],
            "no option --outptu; did you mean --output?",
        ),
        (["predict", "m", "t", "--colums", "mean"], "did you mean --columns?"),
        (["evaluate", "m", "t", "--zzz=3"], "no option --zzz ("),
        (["fit", "t.csv"], "--targets, --output"),
        (["fitt"], "fitt"),
        (["predict", "m"], "table"),
        (["fit", "t.csv", "--members", "many", "--targets", "a", "--output", "x"], "'many'"),
    ],
)
def test_what_cannot_be_parsed_is_said_in_a_line(words, said, capsys):
    with pytest.raises(SystemExit) as raised:
        cli.main(words)
    assert raised.value.code == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert len(shown.splitlines()) == 1
    assert "--help" in shown


def test_values_may_begin_with_a_dash():
    words = ["predict", "m.covey", "-", "--na", "-999,?", "--carry-over", "-x", "--output", "-"]
    options = cli.parser().parse_args(words)
    assert (options.table, options.na, options.carry_over) == (["-"], ["-999,?"], ["-x"])
    assert options.output == "-"


def test_the_list_of_commands_has_one_line_for_each(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    lines = capsys.readouterr().out.splitlines()
    for command in ("fit", "predict", "evaluate", "calibrate", "export", "info", "demo"):
        assert len([line for line in lines if re.match(rf"    {command} +\S", line)]) == 1


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_the_version_is_printed(option, capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main([option])
    assert capsys.readouterr().out == f"covey {covey.__version__}\n"
