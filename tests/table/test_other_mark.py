"""Later text whose decimal mark may be another than that of training: what a person means by it."""

import warnings

import numpy as np
import pandas as pd
import pytest

from covey.errors import CoveyWarning, InputError
from covey.table import FeatureSchema, TargetText, read_features, read_targets

NAN = np.nan
DENSITIES = ["0,54", "1,540", "2,310", "3,2", "0,975"]  # g/ml, from 0.54 to 3.2
PRICES = ["0,99", "12,5", "899,5", "49999,9"]  # euros, never with thousands parted
SALES = ["980", "1.540", "2.310,5", "1.722,25"]  # euros, with thousands parted


def fit(cells):
    schema = FeatureSchema.fit(*read_features(pd.DataFrame({"x": cells})))
    return FeatureSchema.from_manifest(schema.to_manifest())


def american(cells):
    return [cell.translate({ord(","): ".", ord("."): ","}) for cell in cells]


def read(training, cells):
    """The values of a later table, and what is said of them."""
    schema = fit(training)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        found = schema.align(*read_features(pd.DataFrame({"x": cells})))["x"]
    return found.astype(float).tolist(), [str(each.message) for each in heard]


SAID = [
    # what training had, later cells, what they mean, what has to be said
    (DENSITIES, ["1.540", "2.100"], [1.54, 2.1], "'1.540', read as 1.54 and not as 1540"),
    (DENSITIES, ["0.910", "1.540"], [0.91, 1.54], "'1.540', read as 1.54 and not as 1540"),
    (DENSITIES, ["0.91", "1.54"], [0.91, 1.54], "'0.91', read as 0.91)"),
    (DENSITIES, ["1,54", "1.54"], [1.54, 1.54], "'1.54', read as 1.54)"),
    (DENSITIES, ["1.540"], [1.54], "with a point for decimals, where training had a comma"),
    (PRICES, ["1.540", "12.5"], [1.54, 12.5], "'1.540', read as 1.54 and not as 1540"),
    (["0,5", *SALES], ["1.540", "12.50"], [1.54, 12.5], "'1.540', read as 1.54 and not as"),
    (SALES, ["1.540", "12.50"], [1540, 12.5], "'12.50', read as 12.5)"),
    (american(DENSITIES), ["1,540"], [1.54], "with a comma for decimals, where training had"),
    (american(DENSITIES), ["0,91", "1,540"], [0.91, 1.54], "not as 1540"),
    (american(PRICES), ["1,540"], [1540], "comma parts thousands or decimals in 'x'"),
    (american(PRICES), ["1,540", "12,5"], [1.54, 12.5], "'1,540', read as 1.54"),
]
SILENT = [
    (DENSITIES, ["1,540", "2,1"], [1.54, 2.1]),
    (DENSITIES, ["1", "2"], [1, 2]),
    (PRICES, ["1.540", "12,5"], [1540, 12.5]),
    (PRICES, ["1.540,00", "1.541"], [1540, 1541]),
    (SALES, ["1.540"], [1540]),
    (SALES, ["1.540", "980,5"], [1540, 980.5]),
    (american(PRICES), ["1,540", "12.5"], [1540, 12.5]),
    (american(SALES), ["1,540"], [1540]),
    (american(DENSITIES), ["1.540"], [1.54]),
    (["Rs. 5,25", "Rs. 7,5", "Rs. 9"], ["Rs. 6", "Rs. 7,25"], [6, 7.25]),
    (["5,25 €", "7,5 €", "9,75 €"], ["6,25 €", "7"], [6.25, 7]),
]


@pytest.mark.parametrize(("training", "cells", "values", "word"), SAID)
def test_numbers_by_the_other_mark_are_read_and_said(training, cells, values, word):
    found, said = read(training, cells)
    assert found == values
    (one,) = said
    assert word in one
    assert "'x'" in one


@pytest.mark.parametrize(("training", "cells", "values"), SILENT)
def test_what_training_tells_needs_no_word(training, cells, values):
    found, said = read(training, cells)
    assert found == values
    assert not said


@pytest.mark.parametrize(
    ("training", "cells"),
    [
        (PRICES, ["1.540", "2.310"]),
        (PRICES, ["1.540", "7"]),
        (PRICES, ["1.540", "12.5", "12,5"]),
        (DENSITIES, ["0.910", "1.540", "90.000", "90,5"]),  # 90 or 90000: both are far
    ],
)
def test_what_nothing_tells_is_refused(training, cells):
    with pytest.raises(InputError, match=r"'x' had ',' for decimals in training.*may be \d+ or"):
        read(training, cells)


def test_it_is_said_once():
    schema = fit(DENSITIES)
    table = read_features(pd.DataFrame({"x": ["1.540"]}))
    with pytest.warns(CoveyWarning, match="point for decimals"):
        schema.transform(*table)
    schema.transform(*table)  # warnings are errors in tests


@pytest.mark.filterwarnings("ignore::covey.errors.CoveyWarning")
@pytest.mark.parametrize("training", [DENSITIES, PRICES, SALES, *map(american, (DENSITIES, SALES))])
@pytest.mark.parametrize("cell", ["1.540", "1,540", "1.54", "1,54", "12", "1.540,5", "1,540.5"])
def test_a_cell_by_itself_means_the_same_beside_any_others(training, cell):
    (column,) = fit(training).columns
    try:
        alone = column.by_itself(cell)
    except InputError:  # see below
        return
    value = column.read(pd.Series([cell])).values[0]
    for other in ["1.5", "1,5", "12.345", "12,345", "1.234,5", "1,234.5", "7"]:
        try:
            beside = column.by_itself(other)
        except InputError:
            continue
        assert column.read(pd.Series([alone, beside])).values[0] == value


@pytest.mark.parametrize(
    ("training", "cell", "is_one"), [(PRICES, "1.540", True), (DENSITIES, "1.540", False)]
)
def test_rows_that_others_decide_are_none_of_their_own(training, cell, is_one):
    (column,) = fit(training).columns
    assert column.misfits(pd.Series(["12,5", cell])).tolist() == [False, is_one]
    assert "with ',' for decimals" in column.held


def test_targets():
    def later(training, cells):
        text = TargetText.from_manifest(
            read_targets(pd.DataFrame({"y": training}))[3][0].to_manifest()
        )
        return text.read("y", pd.Series(cells), "Y")

    with pytest.warns(CoveyWarning, match="the target 'y' .such as '1.540', read as 1.54"):
        assert later(DENSITIES, ["1.540", "2,5"]).values.tolist() == [1.54, 2.5]
    with pytest.warns(CoveyWarning, match="the target 'y' .such as '1,540', read as 1.54"):
        assert later(american(DENSITIES), ["1,540"]).values.tolist() == [1.54]
    assert later(SALES, ["1.540"]).values.tolist() == [1540]
    wide = [*DENSITIES, "1500"]  # both may be
    with pytest.raises(InputError, match=r"'y' of `Y` had ',' .*'1.540' in row 1.*1540 or 1.54"):
        later(wide, ["7", "1.540"])
    assert later(wide, ["1.540", "2,5"]).values.tolist() == [1540, 2.5]
    assert later(american(wide), ["1,540"]).doubt == "1,540"
    assert later(american(SALES), ["1,540"]).doubt is None
