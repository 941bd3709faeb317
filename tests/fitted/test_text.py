"""Targets that come as text, as every CSV file has them: in a fit, and in all that follows it."""

import copy

import numpy as np
import pandas as pd
import polars as pl
import pytest

import covey
from covey.errors import CoveyWarning, InputError

N = 40
RNG = np.random.default_rng(1)
X = pd.DataFrame({"a": RNG.normal(size=N), "b": RNG.normal(size=N)})
Y = pd.DataFrame({"CO": X["a"] + RNG.normal(size=N), "NOx": 100 + RNG.normal(size=N)}).round(3)
Y.iloc[3, 0] = np.nan
TEXT = Y.map(lambda value: "?" if np.isnan(value) else str(value))
WAYS = {
    "text": lambda table: table,
    "objects": lambda table: table.astype(object),
    "categories": lambda table: table.astype("category"),
    "polars": pl.from_pandas,
    "array": lambda table: table.to_numpy(dtype=object),
    "lists": lambda table: table.to_numpy().tolist(),
    "another order": lambda table: table[["NOx", "CO"]].assign(note="fine"),
}


@pytest.fixture(scope="module")
def model():
    sizes = {"members": 2, "hidden_units": (4,), "max_steps": 4}
    return covey.JointRegressor("normal", random_state=0, verbose=0, **sizes).fit(X * 1.1, Y)


@pytest.mark.parametrize("way", WAYS)
def test_text_says_what_numbers_say(model, way):
    text = WAYS[way](TEXT)
    with pytest.warns(CoveyWarning, match=r"'\?' in row 3"):
        score = model.score(X, text)
    assert score == model.score(X, Y)
    with pytest.warns(CoveyWarning, match="1 of 40"):
        figures = model.evaluate(X, text)
    assert figures["cells"] == 2 * N - 1
    with pytest.warns(CoveyWarning, match="1 of 40"):
        region = copy.copy(model).calibrate(X, text).predict_distribution(X).region(0.5)
    expected = copy.copy(model).calibrate(X, Y).predict_distribution(X).region(0.5)
    np.testing.assert_array_equal(region.volume(), expected.volume())


@pytest.mark.parametrize("way", ["text", "objects", "polars", "array"])
def test_what_is_given_as_text_is_given(model, way):
    expected = model.predict_distribution(X, given=Y[["CO"]]).mean
    given = WAYS[way](TEXT[["CO"]]) if way != "array" else WAYS[way](TEXT.assign(NOx=""))
    with pytest.warns(CoveyWarning, match=r"'\?' in row 3"):
        found = model.predict_distribution(X, given=given).marginal("NOx").mean
    np.testing.assert_array_equal(found, expected)


def test_a_mapping_of_text(model):
    expected = model.predict_distribution(X, given={"CO": Y["CO"]}).mean
    with pytest.warns(CoveyWarning, match=r"'\?' in row 3"):
        found = model.predict_distribution(X, given={"CO": TEXT["CO"]}).mean
    np.testing.assert_array_equal(found, expected)


def test_labels_still_count(model):
    shuffled = TEXT.replace("?", "")[::-1]
    with pytest.raises(InputError, match="same order"):
        model.score(X, shuffled)
    with pytest.raises(InputError, match="same order"):
        model.predict_distribution(X, given=shuffled[["CO"]])
    labelled = X.set_axis([f"row {i}" for i in range(N)])
    with pytest.warns(CoveyWarning, match="1 of 40"):
        model.score(labelled, pl.from_pandas(TEXT))  # no labels of its own, and none made up


def test_words_are_refused(model):
    words = TEXT.assign(CO="high")
    for call in (model.score, model.evaluate, model.calibrate):
        with pytest.raises(InputError, match=r"`Y` must hold numbers.*'high' in row 0.*'CO'"):
            call(X, words)
    with pytest.raises(InputError, match=r"`given` must hold numbers.*'high'"):
        model.predict_distribution(X, given=words[["CO"]])
