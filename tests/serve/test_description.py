"""What `/schema` says of a model."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import covey
from covey.serve.description import Description

GOLDEN = Path(__file__).parents[1] / "data" / "golden"


class Dated:
    """A model whose column of dates was another in training."""

    def __init__(self, **attributes):
        self.model = covey.load(GOLDEN / "dates.covey")
        schema = self.model.schema_
        columns = [replace(c, **attributes) if c.name == "when" else c for c in schema.columns]
        self.schema_ = replace(schema, columns=tuple(columns))

    def __getattr__(self, name):
        return getattr(self.model, name)


@pytest.mark.parametrize(
    ("low", "center", "example"),
    [
        (0.0, 4.5, "1970-01-05 00:00:00"),  # the median of four days, none of which has a time
        (0.0, 4.0, "1970-01-05 00:00:00"),
        (0.25, 4.5, "1970-01-05 12:00:00"),
    ],
)
def test_the_typical_date_has_a_time_if_those_of_training_do(low, center, example):
    model = Dated(low=low, center=center, high=9.0)
    when = Description.of(model, "dated").example["when"]
    assert pd.Timestamp(when) == pd.Timestamp(example)
