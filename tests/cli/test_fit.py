"""`covey fit`: a table in, a model out."""

import os
import signal

import numpy as np
import pandas as pd
import pytest

import covey
from covey.assess.advice import verdict_with_advice
from covey.cli.words import in_options
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
    figures = covey.load(output).out_of_fold_evaluation_
    lines = in_options("\n".join(verdict_with_advice(figures, held_out=True))).splitlines()
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


def test_targets_repeat_and_hold_commas(folder, tmp_path):
    name = "strength (MPa, megapascals)"
    table = pd.read_csv(folder / "train.csv").rename(columns={"CO": name})
    table.to_csv(tmp_path / "t.csv", index=False)
    found = []
    for words in (
        ["--targets", name, "--targets", "NOx"],
        ["--targets", f'"{name}",NOx'],
    ):
        output = tmp_path / "m.covey"
        options = [*words, "--drop", "id", "--drop", "week,w", "--output", output, *FAST]
        assert run("fit", tmp_path / "t.csv", *options) == 0
        model = covey.load(output)
        assert model.targets_ == (name, "NOx")
        assert list(model.feature_names_in_) == ["a", "b", "site"]
        found.append(model.predict(table.drop(columns=[name, "NOx", "id", "week", "w"])))
    np.testing.assert_array_equal(*found)


def test_later_rows_are_held_out(folder, tmp_path, capsys):
    table = pd.read_csv(folder / "train.csv").sample(frac=1, random_state=0)
    table["day"] = pd.date_range("2024-01-01", periods=200)[table.index].strftime("%d.%m.%Y")
    table.to_csv(tmp_path / "t.csv", index=False)
    options = ["--targets", "CO", "--features", "a,b", "--output", tmp_path / "m.covey", *FAST]
    assert run("fit", tmp_path / "t.csv", "--time", "day", *options) == 0
    model = covey.load(tmp_path / "m.covey")
    assert model.cv == "later"
    assert model.out_of_fold_evaluation_["order"]["by"] == "day"
    assert set(table.index[model.out_of_fold_rows_]) == set(range(160, 200))
    assert list(model.feature_names_in_) == ["a", "b"]
    assert run("fit", tmp_path / "t.csv", "--time", "a,b", *options) == 2
    assert "one column with --time" in capsys.readouterr().err


def test_columns_are_declared(folder, tmp_path):
    table = pd.read_csv(folder / "train.csv")
    table["day"] = pd.date_range("2024-01-01", periods=200).strftime("%d/%m/%Y")
    table.to_csv(tmp_path / "t.csv", index=False)
    options = ["--targets", "CO", "--features", "a,week,day", "--output", tmp_path / "m.covey"]
    declared = ["--categorical", "week", "--dates", "day=%d/%m/%Y", "--cv", "shuffled"]
    assert run("fit", tmp_path / "t.csv", *options, *declared, *FAST) == 0
    read_as = covey.load(tmp_path / "m.covey").schema_.describe().set_index("column")["read_as"]
    assert read_as.to_dict() == {"a": "numbers", "week": "20 labels", "day": "dates"}


def test_parameters_come_from_a_file(folder, tmp_path):
    (tmp_path / "p.toml").write_text("hidden_units = [4, 4]\nmax_steps = 7\nmembers = 3\n")
    options = ["--targets", "CO", "--features", "a,b", "--output", tmp_path / "m.covey", *FAST]
    assert run("fit", folder / "train.csv", "--params", tmp_path / "p.toml", *options) == 0
    model = covey.load(tmp_path / "m.covey")
    assert (list(model.hidden_units), model.max_steps, model.members) == ([4, 4], 7, 2)


def test_targets_that_are_never_below_0(folder, tmp_path):
    table = pd.read_csv(folder / "train.csv")
    table["count"] = np.exp(table["CO"]).round()
    table.to_csv(tmp_path / "t.csv", index=False)
    options = ["--targets", "count,NOx", "--features", "a,b", "--output", tmp_path / "m.covey"]
    assert run("fit", tmp_path / "t.csv", *options, "--transform", "count=log1p", *FAST) == 0
    columns = ["--columns", "mean,interval90,sample3,cov", "--output", tmp_path / "j.csv"]
    assert run("predict", tmp_path / "m.covey", tmp_path / "t.csv", *columns) == 0
    joint = pd.read_csv(tmp_path / "j.csv")
    assert (joint.filter(like="_count").drop(columns="cov_count_NOx").to_numpy() >= 0).all()
    assert np.isfinite(joint.to_numpy()).all()


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_ctrl_c_writes_the_best_so_far(folder, tmp_path, capsys, monkeypatch):
    from covey.members.averaging import BestWeights

    validate = BestWeights.validate

    def then_press(self, *arguments):
        validate(self, *arguments)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(BestWeights, "validate", then_press)
    monkeypatch.setattr("covey.members.recipe.LEAST_STEPS", 5000)
    output = tmp_path / "m.covey"
    options = ["--targets", "CO", "--features", "a,b", "--output", output, *FAST]
    assert run("fit", folder / "train.csv", *options) == 130
    said = capsys.readouterr().err
    assert "covey: warning: Ctrl-C ended the training after" in said
    assert f"covey: interrupted; {output} holds the best so far" in said
    assert np.isfinite(covey.load(output).out_of_fold_score_)


def test_a_log_is_not_filled(folder, tmp_path, capsys):
    options = ["--targets", "CO", "--features", "a,b", "--output", tmp_path / "m.covey"]
    assert run("fit", folder / "train.csv", *options, *FAST[:-1]) == 0
    said = capsys.readouterr().err
    assert "\r" not in said
    assert len(said.splitlines()) == 1
    assert "best at step" in said


def test_several_text_files_are_one_table(folder, tmp_path, recwarn):
    table = pd.read_csv(folder / "train.csv")
    table[:90].to_csv(tmp_path / "first.csv", index=False)
    parts = table[90:][table.columns[::-1]]
    parts.to_csv(tmp_path / "second.csv", index=False, sep=";", decimal=",")
    options = ["--targets", "CO,NOx", "--drop", "id,w", "--groups", "week", *FAST]
    paths = [tmp_path / "first.csv", tmp_path / "second.csv"]
    assert run("fit", *paths, *options, "--output", tmp_path / "parts.covey") == 0
    assert run("fit", folder / "train.csv", *options, "--output", tmp_path / "whole.covey") == 0
    parts, whole = (covey.load(tmp_path / f"{name}.covey") for name in ("parts", "whole"))
    assert parts.n_features_in_ == 3
    new = pd.read_parquet(folder / "new.parquet")
    np.testing.assert_allclose(parts.predict(new), whole.predict(new), rtol=1e-6)
    table.rename(columns={"a": "A"})[:9].to_csv(tmp_path / "other.csv", index=False)
    output = tmp_path / "m.covey"
    assert run("fit", paths[0], tmp_path / "other.csv", *options, "--output", output) == 2
    assert not output.exists()


def test_text_is_read_as_told(folder, tmp_path):
    table = pd.read_csv(folder / "train.csv")[["a", "b", "CO"]]
    table.loc[::7, "b"] = -999
    path = tmp_path / "t.txt"
    table.round(3).to_csv(path, index=False, sep=";", decimal=",", encoding="utf-16")
    words = ["--sep", ";", "--decimal", ",", "--encoding", "utf-16", "--na", "-999,?"]
    options = ["--targets", "CO", "--output", tmp_path / "m.covey", *FAST]
    assert run("fit", path, *words, *options) == 0
    schema = covey.load(tmp_path / "m.covey").schema_
    assert [column.missing for column in schema.columns] == [False, True]
    assert schema.columns[1].low == pytest.approx(table["b"][table["b"] > -999].min(), abs=1e-3)


@pytest.mark.parametrize(
    ("paths", "streamed"),
    [
        (["a.csv"], False),
        (["a.csv", "b.csv"], False),
        (["a.parquet"], False),
        (["a.parquet", "b.pq"], True),
        (["a.parquet", "b.csv"], False),
        (["big/*.parquet"], True),
        (["."], True),
        (["-"], False),
    ],
)
def test_what_is_streamed(paths, streamed):
    from covey.cli.fit import are_streamed

    assert are_streamed(paths) is streamed
