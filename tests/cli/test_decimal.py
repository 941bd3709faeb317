"""A later file has the decimal mark of the training file, unless it tells its own."""

import numpy as np
import pandas as pd
import pytest

import covey
from tests.cli.commands import FAST, run


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Models of one table, by the decimal mark of its file."""
    folder = tmp_path_factory.mktemp("decimal")
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.uniform(1, 2000, 80).round(1)})
    table["y"] = (table["a"] / 7 + rng.normal(size=80)).round(2)
    table["z"] = rng.normal(size=80).round(2)
    found = {}
    for mark, sep in ((",", ";"), (".", ",")):
        path = folder / f"train{ord(mark)}.csv"
        table.to_csv(path, sep=sep, decimal=mark, index=False)
        found[mark] = folder / f"{ord(mark)}.covey"
        assert run("fit", path, "--targets", "y,z", "--output", found[mark], *FAST) == 0
    return found


def means(model, cells, folder):
    (folder / "new.csv").write_text("\n".join(["a", *cells]) + "\n")
    assert run("predict", model, folder / "new.csv", "--output", folder / "joint.csv") == 0
    return pd.read_csv(folder / "joint.csv")["mean_y"].tolist()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("mark", "cells", "meant"),
    [
        (",", ["1.200"], [1200.0]),
        (",", ["1.200", "806"], [1200.0, 806.0]),
        (",", ["1.234,5"], [1234.5]),
        (",", ["1.25"], [1.25]),  # tells its own mark
        (",", ["1.25", "1.200"], [1.25, 1.2]),
        (".", ["1.200"], [1.2]),
        (".", ["1,5"], [1.5]),
    ],
)
def test_a_file_that_does_not_tell_is_read_as_training_was(models, mark, cells, meant, tmp_path):
    expected = covey.load(models[mark]).predict(pd.DataFrame({"a": meant}))[:, 0]
    np.testing.assert_allclose(means(models[mark], cells, tmp_path), expected, rtol=1e-9)


def test_an_option_stands_above_it(models, tmp_path, recwarn):
    (tmp_path / "new.csv").write_text("a\n1.200\n")
    words = ["predict", models[","], tmp_path / "new.csv", "--output", tmp_path / "joint.csv"]
    assert run(*words, "--decimal", ".") == 0
    expected = covey.load(models[","]).predict(pd.DataFrame({"a": [1.2]}))[0, 0]
    assert pd.read_csv(tmp_path / "joint.csv")["mean_y"][0] == pytest.approx(expected, rel=1e-9)
