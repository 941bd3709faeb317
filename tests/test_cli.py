"""The command line: files in, files out, errors in a line."""

import argparse
import inspect
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import covey
from covey import cli
from covey.assess.verdict import tabulate, verdict
from covey.table.files import read_table

pytestmark = pytest.mark.usefixtures("few_steps")

FAST = ["--members", "2", "--family", "student_t", "--random-state", "0", "--quiet"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli")
    r = np.random.default_rng(0)
    x = r.normal(size=(200, 2))
    frame = pd.DataFrame(
        {
            "id": [f"row {i}" for i in range(200)],
            "a": x[:, 0],
            "b": x[:, 1],
            "site": r.choice(["north", "south"], 200),
            "week": np.arange(200) // 10,
            "w": r.uniform(1, 2, 200),
            "CO": x[:, 0] + r.normal(size=200),
            "NOx": 100 + 10 * x[:, 1] + r.normal(size=200),
        }
    )
    frame.to_csv(path / "train.csv", index=False)
    frame.drop(columns=["CO", "NOx"]).to_parquet(path / "new.parquet")
    (path / "twice.csv").write_text("a,a,b\n1,2,3\n")
    return path


def run(*arguments):
    return cli.main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def model_file(folder, few_steps):
    output = folder / "model.covey"
    options = ["--targets", "CO,NOx", "--drop", "id", "--groups", "week", "--sample-weight", "w"]
    assert run("fit", folder / "train.csv", *options, "--output", output, *FAST) == 0
    return output


def test_fit_writes_a_model_of_the_right_columns(model_file):
    model = covey.load(model_file)
    assert model.targets_ == ("CO", "NOx")
    assert list(model.feature_names_in_) == ["a", "b", "site"]


def test_fit_ends_with_the_verdict(folder, tmp_path, capsys):
    output = tmp_path / "model.covey"
    options = ["--targets", "CO", "--drop", "id", "--members", "2"]
    assert run("fit", folder / "train.csv", *options, "--output", output) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith(f"{output}: 1 target from 6 columns")
    assert out[-5:] == verdict(covey.load(output).out_of_fold_evaluation_, held_out=True)


def test_fit_holds_out_blocks_if_it_is_told_to(folder, tmp_path, capsys):
    output = tmp_path / "model.covey"
    options = ["--targets", "CO", "--drop", "id,week", "--output", output, *FAST]
    assert run("fit", folder / "train.csv", "--cv", "blocks", *options) == 0
    model = covey.load(output)
    assert model.out_of_fold_evaluation_["order"]["because"] == "asked"
    assert run("fit", folder / "train.csv", *options) == 0
    assert covey.load(output).out_of_fold_evaluation_["order"] is None
    with pytest.raises(SystemExit):
        run("fit", folder / "train.csv", "--cv", "time", *options)
    assert "shuffled" in capsys.readouterr().err


def test_evaluate_prints_figures_or_json(model_file, folder, capsys, recwarn):
    assert run("evaluate", model_file, folder / "train.csv") == 0
    out = capsys.readouterr().out
    model, table = covey.load(model_file), pd.read_csv(folder / "train.csv")
    figures = model.evaluate(table[["a", "b", "site"]], table[["CO", "NOx"]])
    assert tabulate(figures) in out
    assert out.splitlines()[-5:] == verdict(figures)
    assert run("evaluate", model_file, folder / "train.csv", "--json") == 0
    assert json.loads(capsys.readouterr().out) == figures
    assert run("evaluate", model_file, folder / "new.parquet") == 2
    assert "['CO', 'NOx']" in capsys.readouterr().err


def test_evaluate_takes_weights(model_file, folder, tmp_path, capsys, recwarn):
    table = pd.read_csv(folder / "train.csv")
    table["share"] = np.arange(len(table)) % 3.0
    table.to_csv(tmp_path / "weighted.csv", index=False)
    options = [tmp_path / "weighted.csv", "--sample-weight", "share", "--json"]
    assert run("evaluate", model_file, *options) == 0
    found = json.loads(capsys.readouterr().out)
    twice = table.loc[np.repeat(table.index, table["share"].astype(int))]
    model = covey.load(model_file)
    expected = model.evaluate(twice[["a", "b", "site"]], twice[["CO", "NOx"]])
    assert found["rows"] == (table["share"] > 0).sum()
    for name in ("negative_log_likelihood", "energy_score"):
        assert found[name] == pytest.approx(expected[name])
    assert run("evaluate", model_file, *options[:1], "--sample-weight", "nothing") == 2
    assert "nothing" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["joint.csv", "joint.parquet"])
def test_predict_writes_means_and_covariances(model_file, folder, name, recwarn):
    new = folder / "new.parquet"
    assert run("predict", model_file, new, "--output", folder / name, "--carry-over", "id") == 0
    table = read_table(folder / name)
    assert list(table.columns[:3]) == ["id", "mean_CO", "mean_NOx"]
    tails = "degrees_of_freedom" in table.columns
    joint = (covey.MultivariateT if tails else covey.MultivariateNormal).from_frame(table)
    expected = covey.load(model_file).predict_distribution(pd.read_parquet(new))
    np.testing.assert_allclose(joint.mean, expected.mean, rtol=1e-12)
    np.testing.assert_allclose(joint.covariance, expected.covariance, rtol=1e-9, atol=1e-12)


def test_what_has_been_observed_is_given(folder, recwarn):
    table = pd.read_csv(folder / "train.csv")
    table.loc[::3, "CO"] = np.nan
    table.loc[:40, "NOx"] = np.nan
    source, output = folder / "gaps.csv", folder / "gaps.covey"
    table.to_csv(source, index=False)
    options = ["--targets", "CO,NOx", "--drop", "id,week,w", "--output", output]
    assert run("fit", source, *options, *FAST) == 0
    assert run("predict", output, source, "--given", "CO", "--output", folder / "told.csv") == 0
    told = read_table(folder / "told.csv")
    observed = table["CO"].notna()
    np.testing.assert_allclose(told["mean_CO"][observed], table["CO"][observed])
    assert (told["cov_CO_CO"][observed] == 0).all()
    assert (told["cov_CO_CO"][~observed] > 0).all()
    model = covey.load(output)
    expected = model.predict_distribution(table, given=table[["CO"]])
    np.testing.assert_allclose(told["mean_NOx"], expected.mean[:, 1], rtol=1e-9)
    np.testing.assert_allclose(told["cov_NOx_NOx"], expected.covariance[:, 1, 1], rtol=1e-9)


def test_a_model_without_column_names_predicts_too(folder, recwarn):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(60, 2)), rng.normal(size=(60, 2))
    model = covey.JointRegressor(members=2, max_steps=2, family="student_t", verbose=0).fit(X, Y)
    model.save(folder / "unnamed.covey")
    pd.DataFrame(X, columns=["a", "b"]).to_csv(folder / "unnamed.csv", index=False)
    source, output = folder / "unnamed.csv", folder / "unnamed-joint.csv"
    assert run("predict", folder / "unnamed.covey", source, "--output", output) == 0
    expected = model.predict_distribution(X).mean
    np.testing.assert_allclose(read_table(output)[["mean_y0", "mean_y1"]], expected)


def test_predict_without_output_prints_csv(model_file, folder, capsys):
    assert run("predict", model_file, folder / "train.csv") == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 201
    assert "covey: warning: Columns of `X`" in shown.err  # id, w and others are ignored, and said


def test_info_says_what_the_file_holds(model_file, capsys):
    assert run("info", model_file) == 0
    shown = capsys.readouterr().out
    for text in ("CO, NOx", "a, b, site", "2 networks", "nats per row"):
        assert text in shown


def test_a_feature_list_is_taken(folder, capsys):
    output = folder / "small.covey"
    options = ["--targets", "CO", "--features", "b,a", "--output", output]
    assert run("fit", folder / "train.csv", *options, *FAST[:-1]) == 0
    assert list(covey.load(output).feature_names_in_) == ["b", "a"]
    assert "1 target from 2 columns, 200 rows" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "train.csv", "--targets", "CO,O3", "--output", "x.covey"], "columns ['O3'] in"),
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
        (["predict", "model.covey", "new.parquet", "--carry-over", "nothing"], "['nothing']"),
        (
            ["predict", "model.covey", "train.csv", "--given", "CO,a"],
            "model: CO, NOx. Received: ['a",
        ),
        (["predict", "model.covey", "new.parquet", "--given", "CO"], "['CO']"),
        (["info", "train.csv"], "Covey"),
        (["fit", "train.csv", "--targets", "CO", "--output", "train.csv"], "takes the model"),
        (["predict", "model.covey", "new.parquet", "--output", "./new.parquet"], "would overwrite"),
        (
            ["fit", "train.csv", "--targets", "CO", "--sample-weight", "id", "--output", "x.covey"],
            "must be an array of numbers",
        ),
        (
            ["fit", "train.csv", "--targets", "CO", "--random-state", "-1", "--output", "x.covey"],
            "`random_state` must be",
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


def test_columns_lacking_at_prediction_are_named(model_file, folder, capsys):
    read_table(folder / "new.parquet").drop(columns="b").to_csv(folder / "less.csv", index=False)
    assert run("predict", model_file, folder / "less.csv") == 2
    assert "without 'b'" in capsys.readouterr().err


def test_training_ends_when_the_time_is_up(folder, clock, monkeypatch):
    monkeypatch.setattr("covey.members.recipe.LEAST_STEPS", 10**6)
    output = folder / "hurried.covey"
    options = ["--targets", "CO", "--features", "b,a", "--max-time", "5"]
    assert run("fit", folder / "train.csv", *options, "--output", output, *FAST) == 0
    assert 5 <= clock.now < 8


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


@pytest.mark.parametrize(
    ("command", "functions", "its_own"),
    [
        (
            "fit",
            [covey.JointRegressor, covey.JointRegressor.fit_files],
            {"table", "output", "drop", "stream", "quiet"},
        ),
        (
            "predict",
            [covey.JointRegressor.predict_distribution, covey.load],
            {"model", "table", "output", "carry_over"},
        ),
        (
            "evaluate",
            [covey.JointRegressor.evaluate, covey.load],
            {"model", "table", "json", "report"},
        ),
    ],
)
def test_an_option_of_python_has_one_name(command, functions, its_own):
    python = {name for each in functions for name in inspect.signature(each).parameters}
    assert options_of(command) - python == its_own
