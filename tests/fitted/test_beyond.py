"""Cells beyond what training saw, of any table, under its row labels."""

import polars as pl
import pytest

import covey
from covey.errors import CoveyWarning, InputError
from tests.small_table import table


def odd():
    X, _ = table()
    X = X[:4].copy()
    X.loc[1, "number"] = 99.0
    X.loc[2, "colour"] = "mauve"
    return X


@pytest.fixture(scope="module")
def model(request):
    return covey.load(request.path.parents[1] / "data" / "small.covey")


def test_row_labels_are_those_of_the_table(model):
    X = odd().set_axis(["mon", "tue", "wed", "thu"]).rename_axis("day")
    found = model.beyond_training(X)
    assert found.index.tolist() == ["tue", "wed"]
    assert found.index.name == "day"
    assert found["column"].tolist() == ["number", "colour"]
    with pytest.warns(CoveyWarning):  # which says how many there are, and this says which
        model.predict(X)
    model.predict(X.drop(index=found.index))  # without a warning


def test_a_table_without_labels_has_numbers(model):
    expected = odd().index[[1, 2]].tolist()
    assert model.beyond_training(pl.from_pandas(odd())).index.tolist() == expected
    with pytest.warns(UserWarning, match="feature names"):
        assert model.beyond_training(odd().to_numpy()).index.tolist() == expected
    none = model.beyond_training(odd()[:1].set_axis(["mon"]))
    assert none.empty
    assert none.dtypes.equals(model.beyond_training(odd()).dtypes)


def test_a_column_that_is_lacking_is_named(model):
    with pytest.raises(InputError, match="without 'colour'"):
        model.beyond_training(odd().drop(columns="colour"))
