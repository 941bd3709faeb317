"""The same marks are missing in every kind of file, and in a table in memory."""

import json

import numpy as np
import pandas as pd
import pytest

from covey.files import read_table
from covey.table import FeatureSchema, read_features, read_targets

# what pandas' readers take for missing, but "None"; and errors as spreadsheets write them
MISSING = [
    *("NA", "N/A", "n/a", "NaN", "nan", "-nan", "null", "NULL", "<NA>", "#N/A", "#NA", "1.#IND"),
    *("-1.#QNAN", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!", "#WERT!", " NA "),
]
LABELS = ["None", "none", "unknown", "?", "-", "missing"]


def to_workbook(frame, path):
    frame.to_excel(path, index=False)


WAYS = {
    "t.csv": lambda frame, path: frame.to_csv(path, index=False),
    "t.tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    "t.parquet": lambda frame, path: frame.to_parquet(path, index=False),
    "t.feather": lambda frame, path: frame.to_feather(path),
    "t.jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
    "t.json": lambda frame, path: path.write_text(json.dumps(frame.to_dict("records"))),
    "t.xlsx": to_workbook,
    "memory": None,
}


def table(mark):
    """Words and numbers, of which each has a mark in row 3."""
    words = ["brick", "wood", "stone", mark] * 6
    numbers = [str(number / 2) for number in range(24)]
    numbers[3] = mark
    return pd.DataFrame({"wall": words, "area": numbers})


def read(way, mark, tmp_path):
    frame = table(mark)
    if WAYS[way] is None:
        return frame
    WAYS[way](frame, tmp_path / way)
    return read_table(tmp_path / way)


@pytest.mark.filterwarnings("ignore::covey.errors.CoveyWarning")
@pytest.mark.parametrize("way", WAYS)
def test_a_mark_means_the_same_in_every_file(way, tmp_path):
    for mark in [*MISSING, *LABELS]:
        frame = read(way, mark, tmp_path)
        names = FeatureSchema.fit(*read_features(frame)).output_names
        last = "wall is missing" if mark in MISSING else f"wall={mark}"
        walls = {"wall=brick", "wall=wood", "wall=stone", last}
        assert set(names) == {*walls, "area", "area is missing"}, mark
        targets, *_ = read_targets(frame[["area"]])
        meant = np.arange(24) / 2
        meant[3] = np.nan
        np.testing.assert_array_equal(targets[:, 0], meant, err_msg=mark)


@pytest.mark.filterwarnings("ignore::covey.errors.CoveyWarning")
@pytest.mark.parametrize("way", WAYS)
def test_blanks_around_a_label_are_none_of_it(way, tmp_path):
    frame = read(way, " brick ", tmp_path)
    names = FeatureSchema.fit(*read_features(frame)).output_names
    assert names[:3] == ("wall=brick", "wall=stone", "wall=wood")
