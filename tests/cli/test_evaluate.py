"""`covey evaluate`: figures and words."""

import json

import numpy as np
import pandas as pd
import pytest

import covey
from covey.assess.advice import verdict_with_advice
from covey.assess.verdict import tabulate
from tests.cli.commands import run


def test_evaluate_prints_figures_or_json(model_file, folder, capsys, recwarn):
    assert run("evaluate", model_file, folder / "train.csv") == 0
    out = capsys.readouterr().out
    model, table = covey.load(model_file), pd.read_csv(folder / "train.csv")
    figures = model.evaluate(table[["a", "b", "site"]], table[["CO", "NOx"]])
    assert tabulate(figures) in out
    lines = verdict_with_advice(figures)
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
