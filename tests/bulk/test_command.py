"""`covey predict ... --output FOLDER`, as somebody types it."""

import subprocess
import sys

import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from tests.bulk.conftest import table
from tests.cli.commands import run


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    frame = table(60)
    frame[:30].to_parquet("in/a.parquet")
    frame[30:].to_parquet("in/b.parquet")
    return tmp_path


@pytest.mark.parametrize(
    ("inputs", "output"),
    [
        (["in"], "scored"),
        (["in/*.parquet"], "scored/"),
        (["in/a.parquet", "in/b.parquet"], "there"),
    ],
)
def test_an_output_that_is_a_folder(model_file, model, here, inputs, output, capsys):
    (here / "there").mkdir()
    words = ["--keep", "id", "--columns", "mean,std", "--part-rows", "20"]
    assert run("predict", model_file, *inputs, *words, "--output", output) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"covey: 60 rows in 4 files: {output}" in shown.err
    written = pd.read_parquet(output)
    assert_array_equal(written["id"], table(60)["id"])
    joint = model.predict_distribution(table(60).drop(columns="id"))
    assert_array_equal(written[["std_CO", "std_NOx"]], joint.stddev)
    assert run("predict", model_file, *inputs, *words, "--output", output) == 0
    assert "60 rows in 4 files, 4 of them from before" in capsys.readouterr().err
    assert run("predict", model_file, *inputs, *words, "--output", output, "--quiet") == 0
    assert capsys.readouterr().err == ""


def test_several_files_still_make_one(model_file, here, capsys):
    assert run("predict", model_file, "in/a.parquet", "in/b.parquet", "--output", "one.csv") == 0
    assert len(pd.read_csv("one.csv")) == 60


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in", "--output", "x.csv"], "Expected a folder with --output, such as scored/, for in"),
        (["in/*.parquet"], "Received: the standard output"),
        (["in/a.parquet", "--strict"], "for --strict"),
        (["in/a.parquet", "--engine", "ray", "--output", "x.csv"], "for --engine ray"),
        (["-", "--output", "x/"], "the standard input"),
        (["in", "--output", "x/", "--sheet", "A"], "--sheet is for one table"),
        (["in", "--output", "x/", "--part-rows", "0"], "--part-rows must be 1 or more"),
        (["in", "--output", "x/", "--keep", "Id"], "--keep must name columns"),
        (["in", "--output", "x/", "--columns", "men"], "Expected in --columns some of"),
    ],
)
def test_errors_are_in_the_words_of_the_command_line(model_file, here, arguments, message, capsys):
    assert run("predict", model_file, *arguments) == 2
    assert message in capsys.readouterr().err


def test_no_backend_is_imported(model_file, here):
    script = """
import sys
from covey import bulk
bulk.score(sys.argv[1], "in", "out", verbose=0)
assert not {"keras", "jax", "tensorflow", "torch", "ray"} & set(sys.modules)
"""
    command = [sys.executable, "-c", script, str(model_file)]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
