"""Sample weights: what cannot be one is refused, and only their ratios count."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from covey.errors import CoveyWarning, InputError
from covey.table.weights import of_mean_one, read_sample_weight


def test_weights_have_mean_one():
    np.testing.assert_allclose(of_mean_one(read_sample_weight([1, 3], 2)), [0.5, 1.5])
    np.testing.assert_allclose(of_mean_one(np.array([1e308, 5e307])), [4 / 3, 2 / 3])
    assert read_sample_weight(None, 2) is of_mean_one(None) is None


@pytest.mark.parametrize(
    "weight", [[1.0], ["a", "b"], [1, -1], [np.nan, 1], [np.inf, 1], [0, 0], [1e300, 1e-300]]
)
def test_bad_weights_are_refused(weight):
    with pytest.raises(InputError, match="`sample_weight` must"):
        read_sample_weight(weight, 2)


TEXT = [
    (["1,5", "2,5"], [1.5, 2.5]),
    (["1.234,5", "2,0"], [1234.5, 2.0]),
    (["1.5", "2"], [1.5, 2.0]),
    (["$1.50", "$2"], [1.5, 2.0]),
    (["50%", "100%"], [50.0, 100.0]),
    (["1,5", 2], [1.5, 2.0]),
]


@pytest.mark.parametrize(("text", "meant"), TEXT)
def test_weights_of_text_are_read_as_any_column_of_numbers(text, meant):
    ways = (
        list,
        tuple,
        pd.Series,
        lambda cells: pd.DataFrame({"w": cells}, dtype=object),
        lambda cells: pl.Series(cells, strict=False) if 2 not in cells else cells,
        lambda cells: np.array(cells, dtype=object),
        lambda cells: np.array([str(cell) for cell in cells]),
        lambda cells: pd.Series([str(cell) for cell in cells], dtype="category"),
    )
    for way in ways:
        np.testing.assert_array_equal(read_sample_weight(way(text), 2), meant)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (["1,5", "x"], r"Received 'x' in row 1, column 'w'"),
        (
            [*["1,5"] * 20, "?"],
            r"Received 1 of 21 in 'w', the first '\?' in row 20\. Correct these",
        ),
        ([*["1,5"] * 20, ""], r"Received no value in row 20"),
        (["-1,5", "2,5"], r"non-negative\. Received -1.5 in row 0"),
        (["5%"] * 3 + ["0.05"], r"numbers of one kind.*'w', the first '0.05' in row 3"),
    ],
)
def test_text_that_is_no_weight_is_refused_by_its_row(text, said):
    with pytest.raises(InputError, match=f"`sample_weight` must .*{said}"):
        read_sample_weight(pd.Series(text, name="w"), len(text))


def test_a_weight_that_may_be_thousands_is_said():
    with pytest.warns(CoveyWarning, match=r"thousands or decimals in the weights 'w' .*'1,234'"):
        weights = read_sample_weight(pd.Series(["1,234", "2,345"], name="w"), 2)
    np.testing.assert_array_equal(weights, [1234, 2345])


def test_weights_that_are_all_alike_are_none():
    assert of_mean_one(np.full(3, 2.5)) is None
