"""`covey calibrate`: a model and fresh rows in, a calibrated model out."""

import numpy as np
import pandas as pd
import pytest

import covey
from tests.cli.commands import run


@pytest.fixture(scope="module")
def fresh(folder, tmp_path_factory):
    r = np.random.default_rng(5)
    x = r.normal(size=(150, 2))
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "site": r.choice(["north", "south"], 150)})
    frame["NOx"] = 100 + 10 * x[:, 1] + 3 * r.normal(size=150)
    frame["CO"] = x[:, 0] + 3 * r.normal(size=150)
    path = tmp_path_factory.mktemp("fresh") / "fresh.csv"
    frame.assign(comment="text").to_csv(path, index=False)
    return path


def test_it_is_what_python_does(model_file, fresh, tmp_path, capsys):
    output = tmp_path / "calibrated.covey"
    before = model_file.read_bytes()
    assert run("calibrate", model_file, fresh, "--output", output) == 0
    shown = capsys.readouterr()
    assert f"{output}: regions are calibrated on 150 rows" in shown.out
    assert shown.err == ""
    assert model_file.read_bytes() == before
    frame = pd.read_csv(fresh)
    X, Y = frame[["a", "b", "site"]], frame[["CO", "NOx"]]
    expected = covey.load(model_file).calibrate(X, Y).predict_distribution(X)
    found = covey.load(output).predict_distribution(X)
    assert found.calibration == "conformal"
    np.testing.assert_allclose(found.interval(0.9), expected.interval(0.9))
    # split conformal prediction: by the definition at least 90% of the very same rows
    assert found.region(0.9).contains(Y).mean() >= 0.9
    assert covey.load(model_file).predict_distribution(X).region(0.9).contains(Y).mean() < 0.8


def test_over_the_model_itself(model_file, fresh, tmp_path):
    output = tmp_path / "m.covey"
    output.write_bytes(model_file.read_bytes())
    assert run("calibrate", output, fresh, "--output", output, "--quiet") == 0
    assert run("info", output) == 0
    X = pd.read_csv(fresh)[["a", "b", "site"]]
    assert covey.load(output).predict_distribution(X[:3]).calibration == "conformal"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{model}", "{fresh}", "--output", "x.csv"], "takes the model"),
        (["{model}", "{fresh}", "--output", "no/x.covey"], "Create it"),
        (["{model}", "{lacking}", "--output", "x.covey"], "'CO'"),
        (["{model}", "{empty}", "--output", "x.covey"], "at least one target"),
        (["{fresh}", "{fresh}", "--output", "x.covey"], "Covey"),
    ],
)
def test_errors_leave_nothing(model_file, fresh, tmp_path, capsys, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    frame = pd.read_csv(fresh)
    frame.drop(columns="CO").to_csv("lacking.csv", index=False)
    frame.assign(CO=np.nan, NOx=np.nan).to_csv("empty.csv", index=False)
    places = {"model": model_file, "fresh": fresh, "lacking": "lacking.csv", "empty": "empty.csv"}
    before = sorted(tmp_path.iterdir())
    assert run("calibrate", *(word.format(**places) for word in words)) == 2
    assert said in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before
