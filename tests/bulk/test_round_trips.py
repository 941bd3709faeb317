"""Predictions in Parquet come back as distributions, through any library that reads them."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import covey
from covey import bulk
from tests.bulk.conftest import table


@pytest.fixture(scope="module")
def folder(model_file, tmp_path_factory):
    path = tmp_path_factory.mktemp("round")
    table(70).to_parquet(path / "in.parquet")
    bulk.score(model_file, path / "in.parquet", path / "o", keep="id", part_rows=40, verbose=0)
    return path / "o"


def by_duckdb(folder):
    duckdb = pytest.importorskip("duckdb")
    return duckdb.sql(f"select * from read_parquet('{folder}/*.parquet') order by id").df()


READERS = {
    "pandas": pd.read_parquet,
    "polars": lambda folder: pl.read_parquet(f"{folder}/*.parquet"),
    "pyarrow": lambda folder: ds.dataset(folder).to_table(),
    "duckdb": by_duckdb,
}


@pytest.mark.parametrize("reader", READERS)
def test_distributions_come_back(folder, model, reader):
    joint = model.predict_distribution(table(70).drop(columns="id"))
    again = covey.MultivariateT.from_frame(READERS[reader](folder))
    assert again.targets == joint.targets
    assert_array_equal(again.mean, joint.mean)
    assert_allclose(again.covariance, joint.covariance, rtol=1e-12)
    y = joint.mean + 1.0
    assert_allclose(again.log_prob(y), joint.log_prob(y), rtol=1e-9)


def test_through_xarray(folder):
    again = covey.MultivariateT.from_frame(pd.read_parquet(folder).set_index("id"))
    data = again.to_xarray()
    assert data.sizes == {"row": 70, "target": 2, "target_2": 2}
    assert_array_equal(data.indexes["row"], np.arange(70))
    back = covey.MultivariateT.from_frame(data)
    assert_array_equal(back.mean, again.mean)
    assert_allclose(back.covariance, again.covariance, rtol=1e-12)
    assert back.index.equals(again.index)
