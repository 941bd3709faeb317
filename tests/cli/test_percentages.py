"""What shows as 5% in a workbook is the 5% of the text that a model was trained on."""

import numpy as np
import openpyxl
import pandas as pd
import pytest

import covey
from tests.cli.commands import FAST, run

SHARES = [0.07, 0.125, 0.5]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of percentages as text, and new rows in files."""
    folder = tmp_path_factory.mktemp("percent")
    rng = np.random.default_rng(0)
    values = rng.uniform(1, 60, 80).round(1)
    train = pd.DataFrame({"p": [f"{each}%" for each in values], "x": rng.normal(size=80)})
    train["rate"] = [f"{each:.2f}%" for each in 20 + 0.5 * values + rng.normal(size=80)]
    train["y"] = values / 7 + rng.normal(size=80)
    train.to_csv(folder / "train.csv", index=False)
    words = ["fit", folder / "train.csv", "--targets", "rate,y", "--output", folder / "m.covey"]
    assert run(*words, *FAST) == 0
    return folder


def workbook(path, shown_as, **more):
    book = openpyxl.Workbook()
    book.active.append(["p", "x", *more])
    for row, share in enumerate(SHARES, 2):
        book.active.append([share, 0.0, *(each[row - 2] for each in more.values())])
        for cell in ("A", "C")[: 1 + len(more)]:
            book.active[f"{cell}{row}"].number_format = shown_as
    book.save(path)


@pytest.mark.parametrize("shown_as", ["0%", "0.00%", "0.0 %", "[Red]0%;-0%"])
def test_cells_that_show_percentages_are_these(trained, shown_as, tmp_path, capsys):
    workbook(tmp_path / "new.xlsx", shown_as)
    model = covey.load(trained / "m.covey")
    meant = model.predict(pd.DataFrame({"p": ["7%", "12.5%", "50%"], "x": 0.0}))
    words = ["predict", trained / "m.covey", tmp_path / "new.xlsx"]
    assert run(*words, "--output", tmp_path / "joint.csv") == 0
    found = pd.read_csv(tmp_path / "joint.csv")[["mean_rate", "mean_y"]]
    np.testing.assert_allclose(found, meant, rtol=1e-9)
    assert not capsys.readouterr().err


def test_cells_that_show_shares_are_refused(trained, tmp_path, capsys):
    workbook(tmp_path / "new.xlsx", "0.00")
    assert run("predict", trained / "m.covey", tmp_path / "new.xlsx") == 2
    assert "'p' held percentages in training" in capsys.readouterr().err


def test_targets_that_show_percentages_are_given_as_these(trained, tmp_path):
    for given, shown_as in (([0.25, 0.3, 0.35], "0%"), (["25%", "30%", "35%"], "0%")):
        workbook(tmp_path / "new.xlsx", shown_as, rate=given)
        words = ["predict", trained / "m.covey", tmp_path / "new.xlsx", "--given", "rate"]
        assert run(*words, "--output", tmp_path / "joint.csv") == 0
        found = pd.read_csv(tmp_path / "joint.csv")["mean_rate"]
        np.testing.assert_allclose(found, [25, 30, 35], rtol=1e-9)


def test_a_model_of_shares_reads_them_as_shares(trained, tmp_path):
    rng = np.random.default_rng(1)
    train = pd.DataFrame({"p": rng.uniform(0, 0.6, 80)})
    train["y"] = train["p"] + 0.1 * rng.normal(size=80)
    train.to_csv(tmp_path / "train.csv", index=False)
    words = ["fit", tmp_path / "train.csv", "--targets", "y", "--output", tmp_path / "m.covey"]
    assert run(*words, *FAST) == 0
    workbook(tmp_path / "new.xlsx", "0%")
    words = ["predict", tmp_path / "m.covey", tmp_path / "new.xlsx"]
    assert run(*words, "--output", tmp_path / "joint.csv") == 0
    meant = covey.load(tmp_path / "m.covey").predict(pd.DataFrame({"p": SHARES}))
    found = pd.read_csv(tmp_path / "joint.csv")["mean_y"]
    np.testing.assert_allclose(found, meant.ravel(), rtol=1e-9)
