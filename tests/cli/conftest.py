"""A small table in files, and a model of it."""

import numpy as np
import pandas as pd
import pytest

from tests.cli.commands import FAST, run
from tests.conftest import shorten


@pytest.fixture(autouse=True)
def _quick(few_steps):
    """Commands train for a few steps."""


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def model_file(folder):
    output = folder / "model.covey"
    options = ["--targets", "CO,NOx", "--drop", "id", "--groups", "week", "--sample-weight", "w"]
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        assert run("fit", folder / "train.csv", *options, "--output", output, *FAST) == 0
    return output
