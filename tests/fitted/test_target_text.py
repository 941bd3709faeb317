"""Later text of targets means what the text of training meant: its decimal mark, and its unit."""

import copy
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

import covey
from covey.archive import container
from covey.errors import CoveyWarning, InputError

N = 40
RNG = np.random.default_rng(2)
X = pd.DataFrame({"a": RNG.normal(size=N)})
VALUES = pd.DataFrame(
    {
        "price": 1200 + 100 * X["a"] + 30 * RNG.normal(size=N),
        "weight": 50 + 3 * X["a"] + RNG.normal(size=N),
        "rate": 50 + 9 * X["a"] + RNG.normal(size=N),
        "share": 0.5 + 0.02 * X["a"] + 0.01 * RNG.normal(size=N),
    }
).round(3)


def german(value):
    return f"{value:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")


Y = pd.DataFrame(
    {
        "price": VALUES["price"].map(german),
        "weight": VALUES["weight"].map("{} kg".format),
        "rate": VALUES["rate"].map("{}%".format),
        "share": VALUES["share"],
    }
)


@pytest.fixture(scope="module")
def model():
    sizes = {"members": 2, "hidden_units": (4,), "max_steps": 4}
    with pytest.warns(CoveyWarning, match=r"with a unit.*'weight' \(in 'kg'\); 'rate' \(in '%'\)"):
        return covey.JointRegressor("normal", random_state=0, verbose=0, **sizes).fit(X, Y)


@pytest.fixture(scope="module", params=["fitted", "loaded"])
def either(request, model, tmp_path_factory):
    if request.param == "fitted":
        return model
    path = tmp_path_factory.mktemp("saved") / "m.covey"
    model.save(path)
    return covey.load(path)


# as somebody means it who wrote the training table: a point parts thousands in "price"
MEANT = [("price", "1.234", 1234.0), ("price", "1.234,5", 1234.5), ("price", "999", 999.0)]
MEANT += [("weight", "51.5 kg", 51.5), ("rate", "50%", 50.0)]
MEANT += [("share", "0.5", 0.5), ("share", "0,5", 0.5)]


@pytest.mark.parametrize(("name", "text", "value"), MEANT)
def test_what_is_given_is_read_as_training_was(either, name, text, value):
    row = X[:1]
    expected = either.predict_distribution(row, given={name: value}, keep=True).mean
    assert expected[0, list(Y).index(name)] == pytest.approx(value)
    for given in (
        {name: text},
        {name: [text]},
        {list(Y).index(name): [text]},
        {name: pd.Series([text])},
        pd.DataFrame({name: [text]}),
        pl.DataFrame({name: [text]}),
        pd.Series([text], name=name),
        pd.Series({name: text}),
        pd.DataFrame({name: [text]}, dtype=object),
    ):
        found = either.predict_distribution(row, given=given, keep=True).mean
        np.testing.assert_array_equal(found, expected, err_msg=repr(given))


def test_an_array_has_targets_by_their_places(either):
    texts = np.array([["1.234", None, "50%", "0.5"]], dtype=object)
    found = either.predict_distribution(X[:1], given=texts).mean[0]
    assert found[[0, 2, 3]] == pytest.approx([1234, 50, 0.5])


OTHERWISE = [("share", "50%", "without a unit"), ("weight", "50000 g", "in 'kg'")]
OTHERWISE += [("rate", "5 kg", "in '%'")]
OTHERWISE += [
    ("rate", "50", "in '%'"),
    ("weight", "50", "in 'kg'"),
    ("share", "5 kg", "without a unit"),
]


@pytest.mark.parametrize(("name", "text", "said"), OTHERWISE)
def test_another_unit_is_refused(either, name, text, said):
    with pytest.raises(InputError, match=f"`given`.*'{name}'.*{said}.*Received '{text}' in row 0"):
        either.predict_distribution(X[:1], given=pd.DataFrame({name: [text]}))
    with pytest.raises(InputError, match=f"'{name}'.*{said}.*Received '{text}'"):
        either.predict_distribution(X[:1], given={name: text})
    for method in (either.score, either.evaluate, copy.copy(either).calibrate):
        with pytest.raises(InputError, match=f"`Y`.*'{name}'.*{said}.*Received '{text}'"):
            method(X * 1.1, Y.assign(**{name: text}))


@pytest.mark.parametrize("text", ["1,234.5", "1234.50"])
def test_another_decimal_mark_is_read_and_said(either, text):
    """Training had "1.234,5": these are numbers by the other mark alone."""
    with pytest.warns(CoveyWarning, match="'price' .*read as 1234.5"):
        found = either.predict_distribution(X[:1], given={"price": text}, keep=True).mean
    assert found[0, list(Y).index("price")] == 1234.5


SHARES = [0.05, [0.05], np.array([0.05]), pd.Series([0.05]), pd.array([0.05], dtype="Float64")]


@pytest.mark.parametrize("given", SHARES, ids=lambda each: type(each).__name__)
def test_a_typed_share_of_a_percentage_is_read_as_the_fit_said_and_said_again(either, given):
    with pytest.warns(CoveyWarning, match="1 of 1 in 'rate', the first 0.05 in row 0.*shares"):
        found = either.predict_distribution(X[:1], given={"rate": given}, keep=True).mean
    assert found[0, 2] == pytest.approx(0.05)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        either.predict_distribution(X[:1], given={"rate": 50.0})
        either.predict_distribution(X[:1], given={"share": given})


def test_typed_shares_in_a_table_or_array_are_said(model):
    shares = VALUES.assign(rate=VALUES["rate"] / 100)
    for targets in (shares, shares.to_numpy()):
        with pytest.warns(CoveyWarning, match="40 of 40 in 'rate', the first 0[.]"):
            model.score(X * 0.9 + 0.01, targets)


def test_a_part_is_scored_as_all_is(model):
    part = Y.iloc[:2].assign(price=["1.234", "1.345"])  # no cell of these tells what a point is
    numbers = VALUES.iloc[:2].assign(price=[1234.0, 1345.0])
    fresh = X[:2] * 1.1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.score(fresh, part) == model.score(fresh, numbers)


def test_words_of_training_stay_words():
    sizes = {"members": 2, "hidden_units": (4,), "max_steps": 2}
    bought = np.where(np.arange(N) % 3 == 0, "yes", "no")
    model = covey.JointRegressor("normal", random_state=0, verbose=0, **sizes).fit(X, bought)
    assert model.predict_distribution(X[:1], given=["yes"]).mean == [[1.0]]
    with pytest.raises(InputError, match="must hold numbers"):
        model.predict_distribution(X[:1], given=["perhaps"])


def test_money_goes_without_saying():
    sizes = {"members": 2, "hidden_units": (4,), "max_steps": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = covey.JointRegressor("normal", random_state=0, verbose=0, **sizes)
        model.fit(X, VALUES["price"].map("${}".format))
    assert model.predict_distribution(X[:1], given=["$1,234"]).mean == [[1234.0]]


def test_a_file_of_an_earlier_covey_lets_text_speak_for_itself(model, tmp_path):
    model.save(tmp_path / "m.covey")
    manifest, arrays = container.read(tmp_path / "m.covey")
    del manifest["target_texts"]
    container.write(tmp_path / "old.covey", manifest, arrays)
    old = covey.load(tmp_path / "old.covey")
    assert old.fitted_.percentages == ()
    assert model.fitted_.percentages == ("rate",)
    found = old.predict_distribution(X[:1], given={"share": ["50%"]}, keep=True)
    assert found.mean[0, 3] == pytest.approx(50)
