"""Which features are not what they were in training."""

import numpy as np
import pandas as pd
import pytest

from covey.assess.shifts import shifts_of
from covey.table import FeatureSchema, read_features

N = 1000


def table(seed=0):
    r = np.random.default_rng(seed)
    return pd.DataFrame({"a": r.normal(5.0, 2.0, N), "c": r.choice(["u", "v"], N)})


def said(frame):
    schema = FeatureSchema.fit(*read_features(table()))
    return shifts_of(schema, schema.align(*read_features(frame)))


def test_rows_like_those_of_training_are_not_worth_a_word():
    assert said(table(1)) == []
    assert said(table(1).assign(a=lambda rows: rows["a"] + 1.0)) == []  # half a spread


@pytest.mark.parametrize(("by", "way"), [(6.0, "above"), (-6.0, "below")])
def test_a_median_that_moved_is_said_in_spreads(by, way):
    # the interquartile range of a normal is 1.349 standard deviations
    (sentence,) = said(table().assign(a=lambda rows: rows["a"] + by))
    spread = np.subtract(*np.percentile(table()["a"], [75, 25])) / 1.349
    assert f"Feature a is typically {6 / spread:.1f} spreads {way} what it was" in sentence


def test_gaps_are_said_if_they_are_many():
    frame = table(1)
    frame.loc[: N // 4 - 1, "a"] = np.nan
    assert said(frame) == ["Feature a is missing in 25% of the rows, and never in training."]
    frame.loc[N // 10 :, "a"] = 5.0
    assert said(frame) == []


def test_a_few_rows_say_nothing_of_a_median():
    assert said(table()[:29].assign(a=100.0)) == []
    assert len(said(table()[:30].assign(a=100.0))) == 1
