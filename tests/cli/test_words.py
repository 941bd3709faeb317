"""Messages of the library in the words of the command line."""

import ast
import re
from pathlib import Path

import pandas as pd
import pytest

import covey
from covey.cli.words import NAMED, OPTIONS, PARAMETERS, in_options
from covey.errors import InputError
from tests.cli.commands import run

SOURCE = Path(covey.__file__).parent


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "`random_state` must be a non-negative integer. Received: -1.",
            "--random-state must be a non-negative integer. Received: -1.",
        ),
        ("`X` must be dense.", "The table must be dense."),
        ("Columns of `X` are ignored.", "Columns of the table are ignored."),
        ("Wrong. `Y` must hold numbers.", "Wrong. The targets must hold numbers."),
        ("use fewer members, for `members=5` folds", "use fewer members, for --members 5 folds"),
        ('cv="shuffled" says otherwise.', "--cv shuffled says otherwise."),
        ('categorical=["zip"], if so', "--categorical zip, if so"),
        ("categorical=['zip', 'code'].", "--categorical zip,code."),
        ("say categorical=['Sensor CO'].", "say --categorical 'Sensor CO'."),
        ("say categorical=['strength, MPa'].", "say --categorical 'strength, MPa'."),
        ("say categorical=['a, b', 'c'].", """say --categorical '"a, b",c'."""),
        ("pass dates={'day': \"%d/%m/%Y\"}.", "pass --dates day=%d/%m/%Y."),
        ("`max_steps` must be 1.", "max_steps (of --params) must be 1."),
        ("`fit_files(resume=True)` goes on", "`fit_files(--resume)` goes on"),
        ("Expected `level` in (0, 1)", "Expected `level` in (0, 1)"),
        ("Received 'cv=3' in row 1", "Received 'cv=3' in row 1"),
        ("in quotes; or pass `sep`.", "in quotes; or pass --sep."),
        ("n_samples = 3 and x=4", "n_samples = 3 and x=4"),
        ("Received 1 rows (n_samples = 1); use more", "Received 1 rows; use more"),
        ("Say transform={'y1': None} to learn it", "Say --transform y1=none to learn it"),
        ("transform={'a': 'log', 'b': None}", "--transform a=log,b=none"),
        ("`out_of_fold_evaluation_` has", "the verdict that covey fit printed has"),
        ("`targets` must hold numbers.", "--targets must hold numbers."),
        (
            "`random_state` must be below 2**32, a numpy.random.RandomState, or None. Received: 0.",
            "--random-state must be below 2**32. Received: 0.",
        ),
    ],
)
def test_arguments_become_options(message, expected):
    assert in_options(message) == expected


@pytest.mark.parametrize("command", ["predict", "evaluate", "calibrate"])
def test_what_a_model_decides_is_advice_for_another_fit(command):
    advice = "If that is wrong, say dates={'when': \"%d/%m/%Y\"}."
    late = "If that is wrong, say --dates when=%d/%m/%Y in a new covey fit."
    assert in_options(advice, command) == late
    assert in_options(advice, "fit") == late.replace(" in a new covey fit", "")
    assert in_options("say sep=';'.", command) == "say --sep ';'."


def test_a_predict_says_that_labels_are_for_the_fit(folder, model_file, tmp_path, capsys):
    table = pd.read_parquet(folder / "new.parquet").astype({"a": object})
    table.loc[3, "a"] = "broken"
    table.to_csv(tmp_path / "new.csv", index=False)
    output = tmp_path / "out.csv"
    assert run("predict", model_file, tmp_path / "new.csv", "--output", output) == 0
    assert "say --categorical a in a new covey fit." in capsys.readouterr().err


def test_a_file_of_parameters_holds_no_objects(folder, tmp_path, capsys):
    (tmp_path / "p.toml").write_text('base = "x"\n')
    options = ["--params", tmp_path / "p.toml", "--output", tmp_path / "m.covey"]
    assert run("fit", folder / "train.csv", "--targets", "CO", *options) == 2
    assert "'base', which is an object of Python" in capsys.readouterr().err


def test_rows_are_streamed_from_parquet(folder, tmp_path, capsys):
    options = ["--targets", "CO", "--stream", "--output", tmp_path / "m.covey"]
    assert run("fit", folder / "train.csv", *options) == 2
    assert "streamed from Parquet alone" in capsys.readouterr().err


def test_every_parameter_has_words():
    parameters = covey.JointRegressor().get_params(deep=False)
    assert set(parameters) - set(OPTIONS) - set(PARAMETERS) == set()


def texts():
    """What the library says in errors and warnings, as far as it stands in its source."""
    for path in SOURCE.glob("**/*.py"):
        if path.parent.name in ("cli", "plot"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if name not in ("InputError", "warn") or not node.args:
                continue
            yield "".join(
                part.value
                for part in ast.walk(node.args[0])
                if isinstance(part, ast.Constant) and isinstance(part.value, str)
            )


def test_no_message_keeps_a_name_of_the_estimators_arguments():
    found = list(texts())
    assert len(found) > 150
    assert sum("`X`" in text for text in found) > 5
    arguments = {"X", "Y", "sample_weight", "groups", "time", "members", "cv", "random_state"}
    for text in found:
        left = {match[2] for match in NAMED.finditer(in_options(text))} & arguments
        assert left == set(), text


@pytest.mark.parametrize(
    "words",
    [
        ["--random-state", "-1"],
        ["--members", "0"],
        ["--members", "1000"],
        ["--max-time", "-3"],
        ["--sample-weight", "id"],
        ["--groups", "hole"],
        ["--time", "hole"],
        ["--time", "id"],
        ["--time", "a", "--members", "150"],
        ["--transform", "nonsense"],
        ["--transform", "NOx=log"],
        ["--features", "inf"],
        ["--targets", "inf"],
        ["--targets", "id"],
        ["--params", "p.toml"],
        ["--dates", "b=%Q"],
    ],
)
def test_no_word_of_python_comes_out(words, folder, tmp_path, capsys, monkeypatch):
    import pandas as pd

    monkeypatch.chdir(tmp_path)
    frame = pd.read_csv(folder / "train.csv")
    frame["hole"] = frame["week"].where(frame["week"] > 2)
    frame["inf"] = frame["a"].where(frame["a"] < 1, float("inf"))
    frame.to_csv("t.csv", index=False)
    Path("p.toml").write_text("learning_rate = -1\n")
    options = [*words, "--output", "m.covey", "--quiet", "--drop", "site"]
    if "--targets" not in words:
        options += ["--targets", "CO"]
    if "--features" not in words:
        options += ["--features", "a,b"]
    assert run("fit", "t.csv", *options) == 2
    said = capsys.readouterr().err
    assert said.startswith("covey: error: ") or "covey: error: " in said
    assert "Traceback" not in said
    for name in ("X", "Y", "random_state", "sample_weight", "max_time", "cv="):
        assert not re.search(rf"(?<![\w%-]){name}(?!\w)", said), said
    assert not Path("m.covey").exists()


def test_errors_of_the_system_have_no_number(capsys):
    assert run("info", "none.covey") == 2
    said = capsys.readouterr().err
    assert said.startswith("covey: error: ")
    assert "none.covey" in said
    assert "[Errno" not in said


def test_input_error_is_still_pythons():
    with pytest.raises(InputError, match="`random_state` must be"):
        covey.JointRegressor(random_state=-1).fit([[1.0]], [[1.0]])
