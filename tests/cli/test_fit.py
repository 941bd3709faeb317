"""`covey fit`: a table in, a model out."""

import pytest

import covey
from covey.assess.advice import verdict_with_advice
from tests.cli.commands import FAST, run


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
    lines = verdict_with_advice(covey.load(output).out_of_fold_evaluation_, held_out=True)
    assert out[-len(lines) :] == lines


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


def test_a_feature_list_is_taken(folder, capsys):
    output = folder / "small.covey"
    options = ["--targets", "CO", "--features", "b,a", "--output", output]
    assert run("fit", folder / "train.csv", *options, *FAST[:-1]) == 0
    assert list(covey.load(output).feature_names_in_) == ["b", "a"]
    assert "1 target from 2 columns, 200 rows" in capsys.readouterr().out


def test_training_ends_when_the_time_is_up(folder, clock, monkeypatch):
    monkeypatch.setattr("covey.members.recipe.LEAST_STEPS", 10**6)
    output = folder / "hurried.covey"
    options = ["--targets", "CO", "--features", "b,a", "--max-time", "5"]
    assert run("fit", folder / "train.csv", *options, "--output", output, *FAST) == 0
    assert 5 <= clock.now < 8
