"""Numbers, booleans and missing values as people write them."""

from collections import Counter

import numpy as np
import pytest

from covey.table.category_column import number_label
from covey.table.spelling import (
    MARK,
    NOTHING,
    NUMBER,
    OTHER,
    NumberSpelling,
    as_words,
    is_code,
    read_words,
)

NAN = np.nan

# what somebody wrote in a column, and the numbers that she meant
COLUMNS = {
    "programs": (["1", "-2.5", "+3", "1e-3", "1E5", ".5", "7."], [1, -2.5, 3, 1e-3, 1e5, 0.5, 7]),
    "English": (["1,234.50", "12", "1,000,000"], [1234.5, 12, 1e6]),
    "German": (["1.234,50", "12", "1.000.000", "0,5"], [1234.5, 12, 1e6, 0.5]),
    "decimal comma": (["1,5", "2,25", "-3,125"], [1.5, 2.25, -3.125]),
    "French": (
        ["1 234,50", "1\u00a0234\u00a0567,5", "2\u202f000,25"],
        [1234.5, 1234567.5, 2000.25],
    ),
    "Swiss": (["1'234.50", "12'000", "1\u2019000.5"], [1234.5, 12000, 1000.5]),
    "Indian": (["12,34,567.5", "1,00,000"], [1234567.5, 1e5]),
    "three decimals": (["1.234", "2.500", "12.75"], [1.234, 2.5, 12.75]),
    "three decimals alone": (["1.234", "2.500"], [1.234, 2.5]),
    "comma thousands beside a point": (["1,234", "5,678", "9.5"], [1234, 5678, 9.5]),
    "comma decimals told by another": (["1,234", "5,6", "7"], [1.234, 5.6, 7]),
    "comma decimals told by a zero": (["1,234", "0,678"], [1.234, 0.678]),
    "Swedish": (["1 299,50 kr", "5kr", "kr 7", "2 kr."], [1299.5, 5, 7, 2]),
    "Danish": (["Kr. 1.299,50", "5 kr", "kr. 7"], [1299.5, 5, 7]),
    "Polish": (["1 299,50 zł", "5zł", "7 zl"], [1299.5, 5, 7]),
    "Czech": (["1 299,50 Kč", "-5 Kč", "7"], [1299.5, -5, 7]),
    "Hungarian": (["1 299 Ft", "12 000 Ft", "7,5 Ft"], [1299, 12000, 7.5]),
    "Swiss francs": (["CHF 1'299.50", "5 CHF", "CHF7"], [1299.5, 5, 7]),
    "Swiss francs in words": (["Fr. 1'299.50", "SFr. 5", "Fr 7"], [1299.5, 5, 7]),
    "Brazilian": (["R$ 1.299,50", "R$5,00", "-R$ 7"], [1299.5, 5, -7]),
    "Russian": (["1 299,50 \u0440\u0443\u0431.", "5 \u0440.", "7 \u20bd"], [1299.5, 5, 7]),
    "Indian money": (["Rs. 1,299.50", "Rs 5", "Rs.7"], [1299.5, 5, 7]),
    "Romanian": (["1.299,50 lei", "5 lei"], [1299.5, 5]),
    "Malay": (["RM 1,299.50", "RM 5"], [1299.5, 5]),
    "percent": (["52.30%", "7 %", "-1.5%", "100"], [52.3, 7, -1.5, 100]),
    "dollars": (["$1.00", "$1,234.50", "-$3", "$-4", "($5)", "0"], [1, 1234.5, -3, -4, -5, 0]),
    "euros": (["1.234,50 \u20ac", "3,00\u20ac", "\u20ac 2,5"], [1234.5, 3, 2.5]),
    "codes of money": (["USD 5.5", "USD 1,000.25"], [5.5, 1000.25]),
    "no cents": (["100,-", "1.234,-", "5,50", "-7,-"], [100, 1234, 5.5, -7]),
    "no cents with kr": (["100,- kr", "1.234,-- kr", "5,50 kr"], [100, 1234, 5.5]),
    "no rappen": (["CHF 100.-", "CHF 1'234.\u2013", "CHF 5.50"], [100, 1234, 5.5]),
    "accounting": (["(1,200.5)", "300", "(4)"], [-1200.5, 300, -4]),
    "other minus signs": (["\u22125", "5-", "-6"], [-5, -5, -6]),
    "unit": (["12 kg", "3.5kg", "1,000.5 kg"], [12, 3.5, 1000.5]),
    "degrees": (["10\u00b0C", "-3 \u00b0C"], [10, -3]),
    "other digits": (["\uff11\uff12", "\u0663\u0664", "\u20135"], [12, 34, -5]),
    "blanks": ([" 7 ", "8\t", "9"], [7, 8, 9]),
    "gaps": (["1", "", "?", "n/a", "-", "NULL", "#DIV/0!"], [1] + [NAN] * 6),
    "bounds": (["<0.5", "> 100", "\u22643", "7"], [NAN, NAN, NAN, 7]),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_numbers_are_read_as_they_were_meant(kind):
    texts, meant = COLUMNS[kind]
    spelling, doubt = NumberSpelling.find(Counter(texts))
    values, states = spelling.read(texts)
    np.testing.assert_array_equal(values, meant)
    assert doubt is None
    assert (states == OTHER).sum() == 0
    # a later row alone reads the same
    for text, value in zip(texts, meant, strict=True):
        np.testing.assert_array_equal(spelling.read([text])[0], [value])


@pytest.mark.parametrize(
    "text",
    [
        "0x1F",
        "1_000",
        "12:30",
        "1/2",
        "2017-12-01",
        "1.2.3",
        "kr12",
        "1,234,-",
        "5--",
        "RM12",
        "Ft12",
        "12RM",
        "12 5",
        "A12",
        "1e",
        "e5",
        "--5",
        "1,23,4",
        "(5",
        "5)",
        "-(5)",
        "$5€",
        "1,,000",
        "many",
        "Total",
        "True",
        "½",
        "10²",
    ],
)
def test_what_is_no_number(text):
    values, states = NumberSpelling().read([text, "1"])
    np.testing.assert_array_equal(values, [NAN, 1])
    assert states.tolist() == [OTHER, NUMBER]


def test_what_is_missing_is_of_two_kinds():
    texts = ["", "NA", "nan", "NULL", "?", "--", "unknown", "missing", "#N/A", "<5", "None"]
    states = NumberSpelling().read(texts)[1]
    found = dict(zip(texts, states.tolist(), strict=True))
    assert {text for text, state in found.items() if state == NOTHING} == {
        *("", "NA", "nan", "NULL", "#N/A"),
    }
    assert {text for text, state in found.items() if state == MARK} == {
        *("?", "--", "unknown", "missing", "<5", "None"),
    }


def test_one_column_has_one_decimal_mark():
    spelling, _ = NumberSpelling.find(Counter(["1,5"] * 9 + ["2.5"]))
    values, states = spelling.read(["1,5", "2.5", "1.500"])
    np.testing.assert_array_equal(values, [1.5, NAN, 1500])
    assert states[1] == OTHER


def test_what_no_cell_tells_is_a_doubt():
    spelling, doubt = NumberSpelling.find(Counter(["1,234", "5,678", "12"]))
    assert (spelling.decimal, doubt) == (".", "1,234")
    np.testing.assert_array_equal(spelling.read(["1,234", "12"])[0], [1234, 12])


@pytest.mark.parametrize("texts", [["12A", "3B", "7C"], ["$1", "\u20ac2"], ["1st", "2nd", "3rd"]])
def test_several_units_are_no_numbers(texts):
    spelling, _ = NumberSpelling.find(Counter(texts))
    assert (spelling.read(texts)[1] == OTHER).mean() >= 0.5


def test_numbers_without_the_unit_of_the_others_are_none():
    spelling, _ = NumberSpelling.find(Counter(["5 kg"] * 20 + ["900"]))
    np.testing.assert_array_equal(spelling.read(["5 kg", "900"])[0], [5, NAN])


def test_infinity_stays_infinity():
    values = NumberSpelling().read(["inf", "-Infinity", "1"])[0]
    np.testing.assert_array_equal(values, [np.inf, -np.inf, 1])


def test_digits_are_those_of_python():
    x = np.random.default_rng(0).normal(size=1000) * 10.0 ** np.arange(-500, 500).clip(-300, 300)
    texts = [repr(float(value)) for value in x]
    spelling, _ = NumberSpelling.find(Counter(texts))
    np.testing.assert_array_equal(spelling.read(texts)[0], x)


@pytest.mark.parametrize(
    "words",
    [("no", "yes"), ("N", "Y"), ("False", "True"), ("FALSE", "TRUE"), ("f", "t"), ("Off", "On")],
)
def test_booleans_in_words(words):
    assert as_words(Counter([*words, "", "?"])) == tuple(word.lower() for word in words)
    np.testing.assert_array_equal(read_words([*words, " " + words[1]]), [0, 1, 1])
    assert as_words(Counter([*words, "maybe"])) is None
    assert as_words(Counter([words[1], "0", "1"])) == as_words(Counter(words))
    np.testing.assert_array_equal(read_words([words[1], "0", "1"]), [1, 0, 1])
    assert as_words(Counter(["0", "1"])) is None  # numbers
    assert as_words(Counter([words[0], "0"])) is None
    assert as_words(Counter(words[:1])) is None  # the other one may be anything


def test_codes():
    assert [is_code(text) for text in ("042", "007", "0", "42", "0.5", "00.5")] == [
        *(True, True, False, False, False, False),
    ]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("1", "1"),
        ("1.0", "1"),
        ("-2.0", "-2"),
        ("2.5", "2.5"),
        ("-0", "0"),
        ("1e+20", "1e+20"),
        ("1.50", None),
        ("042", None),
        ("1.10", None),
        ("+1", None),
        ("a", None),
        ("1e5", None),
    ],
)
def test_one_label_for_one_number(text, label):
    assert number_label(text) == label


@pytest.mark.parametrize("text", ["1{}x", "+{}x", "1 kg{}x", "1{}", "{}"])
def test_long_runs_take_time_in_proportion(text):
    """These would take hours if the time grew with the square."""
    for run in (" " * 200_000, "\u00a0" * 200_000, "1 " * 100_000, "1," * 100_000):
        _, states = NumberSpelling().read([text.format(run), "7"])
        assert states[1] == NUMBER


@pytest.mark.parametrize("text", ["0000-00-00", " 0000-00-00 ", "0000-00-00 00:00:00", "-", "?"])
def test_what_is_no_date_of_a_database_is_a_mark_among_numbers(text):
    assert NumberSpelling().read([text, "2017-12-01", "12:30", "5"])[1].tolist() == [
        MARK,
        OTHER,
        OTHER,
        NUMBER,
    ]
