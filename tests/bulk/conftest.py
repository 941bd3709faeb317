"""A model of numbers, dates and labels, and tables for it."""

import numpy as np
import pandas as pd
import pytest

import covey
from tests.conftest import shorten

ROWS = 900


def table(rows=ROWS, seed=1):
    r = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "a": r.normal(size=rows),
            "b": np.where(r.random(rows) < 0.1, np.nan, r.normal(size=rows)),
            "site": r.choice(["north", "south"], rows),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(r.integers(0, 700, rows), "D"),
        }
    )


@pytest.fixture(scope="session")
def model_file(tmp_path_factory):
    X = table(200, seed=0).drop(columns="id")
    r = np.random.default_rng(2)
    noise = r.normal(size=(200, 2)) @ [[1.0, 0.7], [0.0, 0.5]]
    Y = pd.DataFrame(noise + X[["a"]].to_numpy(), columns=["CO", "NOx"])
    path = tmp_path_factory.mktemp("bulk") / "model.covey"
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        settings = {"members": 2, "family": "student_t", "trees": False, "random_state": 0}
        covey.JointRegressor(**settings, verbose=0).fit(X, Y).save(path)
    return path


@pytest.fixture(scope="session")
def model(model_file):
    return covey.load(model_file)
