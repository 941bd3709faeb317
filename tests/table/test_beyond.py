"""Cells beyond what training saw, one by one."""

import json

import numpy as np
import pandas as pd
import pytest

from covey.errors import CoveyWarning, InputError
from covey.table import FeatureSchema, read_features
from covey.table.beyond import beyond, beyond_table

NAN = float("nan")


def training():
    return pd.DataFrame(
        {
            "T": [10.0, 20.0, 30.0, 50.0],
            "gaps": [1.0, NAN, 2.0, 3.0],
            "site": ["north", "south", "north", "south"],
            "day": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-04", "2024-01-05"]),
            "same": [7.0, 7.0, 7.0, 7.0],
        }
    )


@pytest.fixture(scope="module")
def schema():
    return FeatureSchema.fit(*read_features(training()))


def listed(schema, table):
    return beyond_table(schema, *read_features(table))


def test_training_itself_has_none(schema):
    found = listed(schema, training())
    assert len(found) == 0
    assert list(found.columns) == ["column", "value", "what", "taken_for", "ranges"]


def test_each_cell_is_listed_with_what_it_is_taken_for(schema):
    new = training().astype({"T": object})
    new.loc[0, "T"] = 130.0  # two ranges of 40 above 50
    new.loc[1, "T"] = 0.0  # a quarter of one below 10
    new.loc[1, "site"] = "west"
    new.loc[2, "T"] = None
    new.loc[2, "gaps"] = NAN  # training had gaps here
    new.loc[3, "day"] = pd.Timestamp("2024-01-13")  # two ranges of 4 days after the 5th
    new["same"] = [8.0, 8.0, NAN, 8.0]  # of no use to the model
    found = listed(schema, new)
    assert found.index.tolist() == [0, 1, 1, 2, 3]
    assert found["column"].tolist() == ["T", "T", "site", "T", "day"]
    assert found["what"].tolist() == ["above", "below", "new label", "missing", "above"]
    assert found["value"].tolist()[:3] == [130.0, 0.0, "west"]
    assert found["value"].iloc[4] == pd.Timestamp("2024-01-13")
    # ends of the range, the median of 10, 20, 30 and 50, and nothing for a label
    assert found["taken_for"].tolist() == [50.0, 10.0, None, 25.0, "2024-01-05"]
    np.testing.assert_allclose(found["ranges"], [2.0, 0.25, NAN, NAN, 2.0])


def test_a_gap_is_no_label_that_training_had(schema):
    found = listed(schema, training().assign(site=["north", None, "south", ""]))
    assert found.index.tolist() == [1, 3]
    assert set(found["what"]) == {"missing"}


def test_labels_that_were_too_rare_are_told_from_new_ones():
    labels = [f"common{i % 64}" for i in range(640)] + ["rare"]
    frame = pd.DataFrame({"place": labels, "x": np.arange(641.0)})
    with pytest.warns(CoveyWarning, match="Rare labels are not told apart"):
        schema = FeatureSchema.fit(*read_features(frame))
    found = listed(schema, frame[-2:].assign(place=["common1", "elsewhere"]))
    assert found["what"].tolist() == ["rare or new label"]
    # the model knows that one such label was there, not which
    assert listed(schema, frame)["value"].tolist() == ["rare"]


def test_text_is_read_as_training_read_its_own(schema):
    text = training().astype({"T": str, "day": str}).assign(T=["20", "20", "90", "NA"])
    found = listed(schema, text)
    assert found["value"].tolist() == ["90", "NA"]
    assert found["what"].tolist() == ["above", "missing"]
    with pytest.raises(InputError, match="'warm'"):
        listed(schema, text.assign(T="warm"))


def test_counts_agree_with_those_of_evaluate(schema):
    r = np.random.default_rng(0)
    new = pd.concat([training()] * 25, ignore_index=True)
    new["T"] = r.normal(30.0, 30.0, size=100)
    found = listed(schema, new)
    counted = schema.beyond_range(*read_features(new))
    assert counted["rows"] == found.index.nunique() > 10
    ends = found["what"].value_counts()
    assert counted["columns"]["T"] == {"below": ends["below"], "above": ends["above"]}


def test_a_model_without_a_range_has_nothing_beyond(schema):
    manifest = json.loads(json.dumps(schema.to_manifest()))
    for name in ("low", "high", "seen"):
        del manifest["columns"][0][name]
    found = listed(FeatureSchema.from_manifest(manifest), training().assign(T=1e9))
    assert len(found) == 0


def test_extreme_ranges_are_no_infinity():
    frame = pd.DataFrame({"x": [-1.7e308, 0.0, 1.0]})
    schema = FeatureSchema.fit(*read_features(frame))
    found = listed(schema, pd.DataFrame({"x": [1.7e308]}))
    np.testing.assert_allclose(found["ranges"], [1.0], rtol=1e-6)


@pytest.mark.parametrize("rows", [1, 3, 70_000])
def test_columns_of_numbers_are_judged_together_as_each_by_itself(rows):
    """Below, above, missing or none of these, as training from 0 to 1 with gaps in "b" tells."""
    train = pd.DataFrame({"a": [0.0, 0.5, 1.0], "b": [0.0, 1.0, np.nan], "c": [0, 1, 1]})
    schema = FeatureSchema.fit(*read_features(train))
    later = pd.DataFrame({"a": np.full(rows, 0.5), "b": np.nan, "c": 1})
    later.loc[rows - 1] = [-1.0, 2.0, 1]
    found = {f.column.name: (f.rows.tolist(), f.what.tolist()) for f in beyond(schema, later, True)}
    assert found == {"a": ([rows - 1], ["below"]), "b": ([rows - 1], ["above"])}
    gaps = later.assign(a=np.nan, b=np.nan, c=[*[1] * (rows - 1), 2])
    found = {f.column.name: set(f.what.tolist()) for f in beyond(schema, gaps, True)}
    assert found == {"a": {"missing"}, "c": {"above"}}
