"""Small tables as people keep them, one of each kind, beside what a person means by each.

`tests/data/tables/readings.json` was written from the intent, not from what the code does: for each
file what its columns are and hold, what must be said of it (and whether nothing may be), or what an
error must say.
"""

import json
import math
import warnings
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from covey.errors import CoveyWarning, InputError
from covey.files import read_table
from covey.table import FeatureSchema, read_features
from covey.table.category_column import CategoricalColumn

FOLDER = Path(__file__).parent / "data" / "tables"
READINGS = json.loads((FOLDER / "readings.json").read_text(encoding="utf-8"))


def read(name):
    """The table and its schema, and all that was said of them."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", CoveyWarning)
        frame, named = read_features(read_table(FOLDER / name))
        schema = FeatureSchema.fit(frame, named)
    return frame, schema, [str(warning.message) for warning in said]


def kind_of(column):
    return "text" if isinstance(column, CategoricalColumn) else column.kind


def values_of(column, cells):
    """What is read, as readings.json has it: None for missing, dates as ISO text."""
    if isinstance(column, CategoricalColumn):
        return [None if pd.isna(cell) else str(cell) for cell in cells]
    values = column.read(cells).values.tolist()
    if column.kind == "date":
        days = [pd.Timestamp(0) + pd.Timedelta(value, "D") for value in values]
        return [None if pd.isna(day) else day.round("s") for day in days]
    return [None if math.isnan(value) else value for value in values]


def meant(column):
    """What a person means by a column, in the same form; None if only its kind is given."""
    values = column.get("values")
    if values is None or column["kind"] != "date":
        return values
    return [None if value is None else pd.Timestamp(value) for value in values]


def outcome(name):
    """How a file is read: "right", "refused", or what is wrong with it."""
    reading = READINGS[name]
    try:
        frame, schema, said = read(name)
    except InputError as error:
        lacking = [
            words for words in reading.get("refused", ["(a reading)"]) if words not in str(error)
        ]
        return f"refused without {lacking}: {error}" if lacking else "refused"
    if "refused" in reading:
        return f"not refused: {schema}"
    if list(schema.names) != list(reading["columns"]):
        return f"columns {list(schema.names)}"
    for column, (title, wanted) in zip(schema.columns, reading["columns"].items(), strict=True):
        if kind_of(column) != wanted["kind"]:
            return f"{title!r} is read as {kind_of(column)}: {said}"
        values, right = values_of(column, frame[title]), meant(wanted)
        if right is not None and len(values) != len(right):
            return f"{len(values)} rows"
        if right is not None and values != [
            pytest.approx(v, rel=1e-12) if isinstance(v, float) else v for v in right
        ]:
            return f"{title!r} is read as {values}"
    text = "\n".join(said)
    if lacking := [words for words in reading.get("says", ()) if words not in text]:
        return f"says nothing of {lacking}: {said}"
    return f"says {said}" if reading.get("quiet") and said else "right"


@pytest.mark.parametrize("name", READINGS)
def test_each_table_is_read_as_it_is_meant(name):
    assert outcome(name) in ("right", "refused"), READINGS[name]["what"]


def test_count_of_readings():
    count = Counter(outcome(name) for name in READINGS)
    print(dict(count))
    assert sum(count.values()) >= 40
    assert count["right"] + count["refused"] == len(READINGS)


def test_each_file_has_a_reading():
    assert {path.name for path in FOLDER.iterdir()} == {*READINGS, "readings.json"}
