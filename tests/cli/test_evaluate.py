"""`covey evaluate`: figures and words."""

import json
import re
import warnings

import numpy as np
import pandas as pd
import pytest

import covey
from covey.assess.advice import verdict_with_advice
from covey.assess.verdict import tabulate
from covey.cli.words import in_options
from tests.cli.commands import FAST, run


def test_evaluate_prints_figures_or_json(model_file, folder, capsys, recwarn):
    assert run("evaluate", model_file, folder / "train.csv") == 0
    out = capsys.readouterr().out
    model, table = covey.load(model_file), pd.read_csv(folder / "train.csv")
    figures = model.evaluate(table[["a", "b", "site"]], table[["CO", "NOx"]])
    assert tabulate(figures) in out
    lines = in_options("\n".join(verdict_with_advice(figures))).splitlines()
    assert out.splitlines()[-len(lines) :] == lines
    assert run("evaluate", model_file, folder / "train.csv", "--json") == 0
    assert json.loads(capsys.readouterr().out) == figures
    assert run("evaluate", model_file, folder / "new.parquet") == 2
    assert "'CO', 'NOx'" in capsys.readouterr().err


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


def test_weights_of_text_mean_in_each_part_what_they_mean_in_all(
    model_file, folder, tmp_path, capsys
):
    table = pd.read_csv(folder / "train.csv")
    table["part"] = np.where(np.arange(len(table)) < 100, "first", "second")
    # no cell of the first part tells that a comma parts decimals
    table["share"] = np.resize([1.234, 7.0], 100).tolist() + [2.5] * 100
    said = []
    for share in (table["share"], [f"{each:g}".replace(".", ",") for each in table["share"]]):
        table.assign(share=share).to_parquet(tmp_path / "t.parquet")
        words = [tmp_path / "t.parquet", "--sample-weight", "share", "--by", "part", "--json"]
        assert run("evaluate", model_file, *words) == 0
        said.append(json.loads(capsys.readouterr().out))
    assert said[0] == said[1]


@pytest.fixture(scope="module")
def test_rows(tmp_path_factory):
    r = np.random.default_rng(3)
    x = r.normal(size=(120, 2))
    frame = pd.DataFrame({"a": x[:, 0] + 5, "b": x[:, 1], "site": "north", "CO": x[:, 0] - 50})
    frame["NOx"] = 100 + 10 * x[:, 1] + r.normal(size=120)
    frame["month"] = np.arange(120) // 60 + 3
    path = tmp_path_factory.mktemp("rows") / "test.csv"
    frame.to_csv(path, index=False)
    return path


def test_what_is_different_is_said_on_the_console(model_file, test_rows, capsys):
    assert run("evaluate", model_file, test_rows) == 0
    shown = capsys.readouterr()
    assert "covey: warning: Feature a is typically" in shown.err
    assert "spreads above what it was in training" in shown.err
    assert "Feature b" not in shown.err
    lines = shown.out.splitlines()
    for number, line in enumerate(lines):
        if re.match(r"(Good|Calibrated)\? No", line):
            assert lines[number + 1].startswith("  To do: ")
    assert sum(line.startswith("  To do: ") for line in lines) >= 2
    assert "covey calibrate" in shown.out


def test_json_is_json(model_file, test_rows, capsys):
    assert run("evaluate", model_file, test_rows, "--json", "--by", "month") == 0
    shown = capsys.readouterr()
    assert "Feature a" in shown.err
    figures = json.loads(shown.out)
    assert figures["rows"] == 120
    assert figures["by"]["column"] == "month"
    frame = pd.read_csv(test_rows)
    model = covey.load(model_file)
    for month, found in figures["by"]["parts"].items():
        rows = frame[frame["month"] == int(month)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = model.evaluate(rows[["a", "b", "site"]], rows[["CO", "NOx"]])
        assert found == expected
    assert set(figures["by"]["parts"]) == {"3", "4"}


def test_parts_keep_their_names_and_stand_in_order():
    from covey.cli.evaluate import _parts

    codes = pd.Series(["10115", "01067", None, "9", "01067"])
    found = _parts(codes)
    assert list(found) == ["9", "01067", "10115", "no value"]
    assert found["01067"].tolist() == [1, 4]
    assert list(_parts(pd.Series([3.5, 1.0, 3.5]))) == ["1.0", "3.5"]
    assert list(_parts(pd.Series(["b", "10", "a"]))) == ["10", "a", "b"]


def test_parts_are_a_table(model_file, test_rows, capsys):
    assert run("evaluate", model_file, test_rows, "--by", "month") == 0
    out = capsys.readouterr().out
    assert re.search(r"(?m)^month +rows +nats per target", out)
    assert re.search(r"(?m)^3 +60 ", out)
    assert run("evaluate", model_file, test_rows, "--by", "a") == 2
    assert "at most 50 values" in capsys.readouterr().err
    assert run("evaluate", model_file, test_rows, "--by", "moth") == 2
    assert "Did you mean month?" in capsys.readouterr().err


def test_a_part_is_read_as_the_whole_table_is(model_file, test_rows, tmp_path, capsys):
    table = pd.read_csv(test_rows)
    table["batch"] = np.where(np.arange(120) < 20, "first", "second")
    table["a"] = table["a"].astype(str).where(np.arange(120) >= 10, "broken")  # half of the first
    table.to_csv(tmp_path / "broken.csv", index=False)
    assert run("evaluate", model_file, tmp_path / "broken.csv", "--by", "batch", "--json") == 0
    shown = capsys.readouterr()
    assert shown.err.count("'broken'") == 1
    assert "10 of 120 in 'a', the first 'broken'" in shown.err
    found = json.loads(shown.out)["by"]["parts"]["first"]
    frame = table[:20].assign(a=pd.to_numeric(table["a"][:20], errors="coerce"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = covey.load(model_file)
        assert found == model.evaluate(frame[["a", "b", "site"]], frame[["CO", "NOx"]])


def test_values_that_training_never_had_are_refused_in_a_sentence(folder, tmp_path, capsys):
    table = pd.read_csv(folder / "train.csv").drop(columns="CO")
    table.to_csv(tmp_path / "train.csv", index=False)
    options = ["--targets", "NOx", "--drop", "id", "--transform", "log"]
    model = tmp_path / "m.covey"
    assert run("fit", tmp_path / "train.csv", *options, "--output", model, *FAST) == 0
    table.loc[3, "NOx"] = 0.0
    table.to_csv(tmp_path / "test.csv", index=False)
    capsys.readouterr()
    for options in (["--report", tmp_path / "page.html"], ["--by", "site"], ["--json"], []):
        assert run("evaluate", model, tmp_path / "test.csv", *options) == 2
        found = capsys.readouterr()
        assert found.out == ""
        assert "'NOx' was always above 0 in training" in found.err
        assert "Received 0 in row 3." in found.err
        assert "Traceback" not in found.err
    assert not (tmp_path / "page.html").exists()
