"""Percentages beside bare numbers: 0.05 is 5% or 0.05%, and nobody but the writer knows."""

import warnings

import numpy as np
import pandas as pd
import pytest

from covey.errors import CoveyWarning, InputError
from covey.table import FeatureSchema, NumericColumn, read_features, read_targets

PERCENT = [f"{value}%" for value in range(1, 21)]


def fit(cells):
    """The column, and what was said of it."""
    frame, named = read_features(pd.DataFrame({"p": cells}))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        schema = FeatureSchema.fit(frame, named)
    return schema, [str(each.message) for each in caught]


@pytest.mark.parametrize("bare", [["0.05"] * 20, ["0.05"] * 5, [0.05] * 20, [0.05] * 5])
def test_many_bare_numbers_are_never_read_as_percentages(bare):
    schema, said = fit(PERCENT + bare)
    assert not isinstance(schema.columns[0], NumericColumn)
    assert len(said) == 1
    assert "'p', the first" in said[0]
    with pytest.raises(InputError, match="'p'"):
        read_targets(pd.DataFrame({"p": PERCENT + bare}))


@pytest.mark.filterwarnings("ignore:Targets of text with a unit")
def test_a_few_are_and_it_is_said():
    schema, said = fit([*PERCENT, "7"])
    assert schema.columns[0].high == 20
    (only,) = said
    assert "without the percent sign" in only
    assert "1 of 21 in 'p', the first '7' in row 20" in only
    with pytest.warns(CoveyWarning, match="1 of 21 in 'p', the first '7' in row 20"):
        targets, *_ = read_targets(pd.DataFrame({"p": [*PERCENT, "7"]}))
    np.testing.assert_array_equal(targets[:, 0], [*range(1, 21), 7])


@pytest.mark.parametrize("lone", ["5%", "5 %"])
def test_a_lone_percentage_among_numbers_is_none_of_them(lone):
    shares = [f"{value / 100}" for value in range(1, 21)]
    schema, said = fit([*shares, lone])
    assert schema.columns[0].high == 0.2
    assert f"1 of 21 in 'p', the first '{lone}' in row 20" in said[0]


@pytest.mark.parametrize("cells", [[*PERCENT, "0", "0.0", 0], ["$5", "7", "8", "9", "$1.50"]])
def test_zero_and_money_need_no_word(cells):
    schema, said = fit(cells)
    assert isinstance(schema.columns[0], NumericColumn)
    assert not said


@pytest.mark.parametrize(
    "later", [["0.05", "7%"], [0.05, "7%"], ["0.05", "7"], [0.05, 7.0], [0.05, 7]]
)
def test_later_bare_numbers_are_said_once(later):
    schema, _ = fit(PERCENT)
    table = read_features(pd.DataFrame({"p": later}))
    with pytest.warns(CoveyWarning, match="in 'p', the first '?0.05'? in row 0") as caught:
        schema.transform(*table)
    assert sum("percent sign" in str(each.message) for each in caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schema.transform(*table)


def test_what_does_not_fit_says_so_and_why():
    _, said = fit(["1,5", "2,5", "3,5", "4,5", "1.234,5", "6,5", "7,5", "1,234.5", "2.5", "3.25"])
    assert "3 of 10 in 'p', the first '1,234.5' in row 7" in said[0]
    assert "one decimal mark, one unit" in said[0]
    assert "no numbers" not in said[0]


TYPED = {
    "float": [0.05, 0.07],
    "float32": np.array([0.05, 0.07], dtype=np.float32),
    "gap": [0.05, None, 0.0],
    "nullable": pd.array([0.05, 0.07], dtype="Float64"),
    "arrow": pd.array([0.05, 0.07], dtype="float64[pyarrow]"),
    "text": ["0.05", "0.07"],
    "object": pd.Series([0.05, 0.07], dtype=object),
    "negative": [-0.05, 1.0],
    "one": [0.05],
}


@pytest.mark.parametrize("way", TYPED)
def test_shares_are_not_taken_for_percentages(way):
    """A cell of Excel that shows 5% holds 0.05, and comes as this from xlsx and Parquet."""
    schema, _ = fit(PERCENT)
    table = read_features(pd.DataFrame({"p": TYPED[way]}))
    with pytest.raises(InputError, match=r"'p' held percentages .* 1 to 20.*row 0.*\"5%\""):
        schema.transform(*table)


@pytest.mark.parametrize("later", [[5.0, 17.0], [5, 17], [0.5, 17.0]])
def test_later_percentages_without_the_sign_are_read_and_said(later):
    schema, _ = fit(PERCENT)
    with pytest.warns(CoveyWarning, match="2 of 2 in 'p', the first .* in row 0"):
        found = schema.transform(*read_features(pd.DataFrame({"p": later})))
    signed = pd.DataFrame({"p": [f"{value}%" for value in later]})
    np.testing.assert_array_equal(found, schema.transform(*read_features(signed)))


def test_small_percentages_of_training_may_come_without_the_sign():
    schema, _ = fit([f"0.{value}%" for value in range(1, 10)] * 2)
    with pytest.warns(CoveyWarning, match="2 of 2 in 'p', the first 0.2 in row 0"):
        schema.transform(*read_features(pd.DataFrame({"p": [0.2, 0.3]})))


@pytest.mark.parametrize("later", [["5%", "7%"], ["5 %"], ["$5"], ["5 kg"]])
@pytest.mark.parametrize("training", ["typed", "text"])
def test_a_sign_that_training_did_not_have_is_refused(training, later):
    values = np.arange(1, 21) / 100
    schema, _ = fit(values if training == "typed" else values.astype(str))
    with pytest.raises(InputError, match=r"'p' held numbers .* 0.01 to 0.2, .* without '"):
        schema.transform(*read_features(pd.DataFrame({"p": later})))


@pytest.mark.parametrize("later", [[0.05, 7.0], ["0.05", "7"]])
def test_money_may_come_without_its_sign(later):
    schema, _ = fit([f"${value / 10}" for value in range(100)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = schema.transform(*read_features(pd.DataFrame({"p": later})))
    signed = read_features(pd.DataFrame({"p": ["$0.05", "$7"]}))
    np.testing.assert_array_equal(found, schema.transform(*signed))


def test_typed_zeros_need_no_sign():
    schema, _ = fit(PERCENT)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schema.transform(*read_features(pd.DataFrame({"p": [0.0, 0.0, np.nan]})))
    with pytest.warns(CoveyWarning, match="1 of 2 in 'p', the first 7.0 in row 1"):
        schema.transform(*read_features(pd.DataFrame({"p": [0.0, 7.0]})))
