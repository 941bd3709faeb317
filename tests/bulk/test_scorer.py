"""A model for engines: what they pass it, and what they get back."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

from covey import bulk
from covey.bulk import predictor as module
from covey.errors import InputError
from tests.bulk.conftest import table


@pytest.fixture
def scorer(model_file):
    return bulk.Scorer(model_file, columns="mean,std", keep="id")


@pytest.fixture
def expected(model):
    joint = model.predict_distribution(table(80).drop(columns="id"))
    return np.column_stack([table(80)["id"], joint.mean, joint.stddev])


def test_a_table_comes_back_as_it_came(scorer, expected):
    frame = table(80).set_axis(np.arange(80) + 5)
    found = scorer(frame)
    assert list(found.columns) == ["id", "mean_CO", "mean_NOx", "std_CO", "std_NOx"]
    assert found.index.equals(frame.index)
    assert_array_equal(found, expected)
    arrow = pa.Table.from_pandas(frame, preserve_index=False)
    for given, kind in ((arrow, pa.Table), (arrow.to_batches()[0], pa.RecordBatch)):
        found = scorer(given)
        assert isinstance(found, kind)
        assert_array_equal(found.to_pandas(), expected)
        assert found.column("id").type == pa.int64()
    found = scorer(pl.from_arrow(arrow))
    assert isinstance(found, pl.DataFrame)
    assert_array_equal(found.to_numpy(), expected)


def test_batches_do_not_matter(scorer, expected):
    frame = table(80)
    found = pd.concat(scorer.map([frame[:1], frame[1:50], frame[50:]]))
    assert_array_equal(found, expected)


def test_it_is_small_and_loads_once(scorer, expected, monkeypatch):
    scorer(table(80))
    content = pickle.dumps(scorer)
    assert len(content) < 1000
    monkeypatch.setattr(module, "_models", {})
    again = [pickle.loads(content) for _ in range(2)]
    for each in again:
        each(table(10))
    assert len(module._models) == 1
    assert_array_equal(again[0](table(80)), expected)


def test_what_was_observed(model_file, model):
    frame = table(30).assign(CO=1.5)
    found = bulk.Scorer(model_file, columns=["mean"], given="CO")(frame)
    joint = model.predict_distribution(
        frame.drop(columns=["id", "CO"]), given={"CO": 1.5}, keep=True
    )
    assert_array_equal(found, joint.mean)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": None}, "`model` must be the path"),
        ({"columns": ["mode"]}, "in `columns` some of"),
        ({"columns": [3]}, "Expected names"),
    ],
)
def test_wrong_arguments(arguments, message, model_file):
    with pytest.raises(InputError, match=message):
        bulk.Scorer(**{"model": model_file, **arguments})


def test_wrong_tables(scorer):
    with pytest.raises(InputError, match="without 'b'"):
        scorer(table(5).drop(columns="b"))
    with pytest.raises(InputError, match="`keep` must name columns"):
        scorer(table(5).drop(columns="id"))
    with pytest.raises(InputError, match="with rows"):
        scorer(table(5)[:0])
    with pytest.raises(InputError, match="`table` must be a table"):
        scorer([1, 2])
