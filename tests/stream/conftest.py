"""Small Parquet files of many shapes."""

import numpy as np
import pandas as pd
import pytest


def make_frame(n_rows, seed=0, gaps=True):
    """Numbers, text, dates, weights and groups; gaps in features and targets."""
    r = np.random.default_rng(seed)
    x = r.normal(size=(n_rows, 3))
    frame = pd.DataFrame(
        {
            "a": x[:, 0],
            "b": 10 + x[:, 1] ** 3,
            "colour": r.choice(["red", "green", "blue"], n_rows),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(n_rows) % 365, "D"),
            "site": np.arange(n_rows) % 97,
            "w": r.uniform(0.5, 2.0, n_rows),
            "y": 1000 + 50 * x[:, 0] + r.normal(size=n_rows),
            "z": x[:, 1] - x[:, 0] + r.normal(size=n_rows),
        }
    )
    if gaps:
        frame.loc[r.random(n_rows) < 0.2, "a"] = np.nan
        frame.loc[r.random(n_rows) < 0.1, "colour"] = None
        frame.loc[r.random(n_rows) < 0.1, "y"] = np.nan
        frame.loc[r.random(n_rows) < 0.3, "z"] = np.nan
    return frame


@pytest.fixture(scope="session")
def frame():
    return make_frame(6000)


@pytest.fixture(scope="session")
def folder(frame, tmp_path_factory):
    """The frame in three files: tiny row groups, one huge one, and one without a single row."""
    path = tmp_path_factory.mktemp("parquet")
    frame[:2000].to_parquet(path / "part-0.parquet", row_group_size=37)
    frame[2000:6000].to_parquet(path / "part-1.parquet", row_group_size=100_000)
    frame[:0].to_parquet(path / "part-2.parquet")
    return path
