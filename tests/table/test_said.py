"""What is said of a column that is not what it seems, and what is not worth a word."""

import datetime
import re
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from covey.errors import CoveyWarning, InputError
from covey.table import CategoricalColumn, Declared, FeatureSchema, read_features, read_targets

DATES = pd.date_range("2024-01-01", periods=60).strftime("%Y-%m-%d").to_series(index=range(60))
FOURTH = np.arange(60) % 4 == 0


def fit(cells, **said):
    """The column, and what was said of it."""
    declared = Declared.of(**{"categorical": (), "dates": (), **said})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frame, named = read_features(cells)
        schema = FeatureSchema.fit(frame, named, declared)
        assert "c" in repr(schema)
        assert len(schema.describe()) == 1
        schema.transform(frame, named, training=True)
        schema.align(frame, named)
    return schema.columns[0], [str(warning.message) for warning in caught]


def column(cells):
    return pd.Series(cells, name="c").to_frame()


def alone(cells, **said):
    return fit(column(cells), **said)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (DATES.mask(FOURTH, "pending"), "dates"),
        (DATES.mask(FOURTH, [f"later {i}" for i in range(60)]), "dates"),
        (pd.Series(DATES.tolist()[:12] * 5).mask(FOURTH, [f"x{i}" for i in range(60)]), "dates"),
        (pd.Series([f"{i % 24}:30" for i in range(60)]).mask(FOURTH, "never"), "times of day"),
        (pd.Series([f"{i} days 01:00:00" for i in range(60)]).mask(FOURTH, "never"), "durations"),
    ],
)
def test_dates_beside_much_other_text_are_labels_and_it_is_said(cells, kind):
    found, said = alone(cells)
    assert isinstance(found, CategoricalColumn)
    said = [sentence for sentence in said if "never repeats" not in sentence]
    assert len(said) == 1
    assert f"Columns that are {kind} in most rows are read as labels" in said[0]
    assert "15 of 60 in 'c'" in said[0]


def test_the_dates_of_databases_that_are_none():
    found, said = alone(DATES.mask(FOURTH, "0000-00-00"))
    assert found.kind == "date"
    assert "15 of 60 in 'c', the first '0000-00-00' in row 0" in said[0]
    never, said = alone(DATES.mask(FOURTH, "9999-12-31"))  # as in Parquet, a date
    assert never.details.startswith("2024-01-02 to 9999-12-31")
    assert not said


FAR = ["1500-01-01", "2024-01-01", "9999-12-31"]


@pytest.mark.parametrize(
    "cells",
    [
        FAR,
        np.array(FAR, dtype="datetime64[us]"),
        np.array(FAR, dtype="datetime64[s]"),
        [datetime.date.fromisoformat(day) for day in FAR],
        [datetime.datetime.fromisoformat(day) for day in FAR],
        pd.array([pd.Period(day, "D") for day in FAR], dtype="period[D]"),
    ],
)
def test_dates_of_all_years_of_the_calendar(cells):
    frame = column(list(cells) * 5 if isinstance(cells, list) else np.tile(cells, 5))
    found, said = fit(frame)
    assert found.details.startswith("1500-01-01 to 9999-12-31")
    assert not said
    schema = FeatureSchema.fit(*read_features(frame))
    typed = schema.align(*read_features(column(["1400-01-01", "9999-12-31", None])))["c"]
    assert typed.dtype == "datetime64[us]"
    assert typed.isna().tolist() == [False, False, True]
    assert typed.iloc[0] == datetime.datetime(1400, 1, 1)


def test_times_of_dates_are_shown_as_before():
    found, _ = alone(
        pd.to_datetime(
            ["2024-01-01 10:30", "2024-01-02", "2024-01-03 00:00:00.5"], format="ISO8601"
        )
    )
    assert [found.text(value) for value in (found.low, found.high)] == [
        "2024-01-01 10:30:00",
        "2024-01-03 00:00:00.500",
    ]


def test_durations_of_all_lengths():
    cells = pd.Series(np.array([200_000, 1, 3] * 5, dtype="timedelta64[s]") * 86400)
    found, said = alone(cells)
    assert found.details == "1 days 00:00:00 to 200000 days 00:00:00"
    assert not said
    assert found.text(1e7) == "10000000 days 00:00:00"
    text = pd.Series(["200000 days 01:00:00", "1 days 00:00:00"] * 5)
    schema = FeatureSchema.fit(*read_features(column(text)))
    typed = schema.align(*read_features(column(text)))["c"]
    assert typed.iloc[0] / pd.Timedelta(1, "h").as_unit("us") == 200_000 * 24 + 1


def test_years_of_birth_are_said():
    found, said = alone(["13/02/45", "03/04/51", "25/06/71"] * 5)
    assert found.details.startswith("1945-02-13 to 1971-06-25")
    assert len(said) == 1
    assert "'c' (such as '13/02/45')" in said[0]


@pytest.mark.parametrize("dates", [(), ["c"]])
def test_a_doubtful_order_is_said_with_advice_that_helps(dates):
    cells = ["03-04-05", "05-06-07", "01-02-03", "10-11-12"] * 5
    _, said = alone(cells, dates=dates)
    assert len(said) == 1
    assert "the day, the month or the year comes first" in said[0]
    forms = re.findall(r'dates=\{\'c\': "(.+?)"\}', said[0])
    assert len(forms) == 2
    for form in forms:
        found, said = alone(cells, dates={"c": form})
        assert found.low == min(
            (datetime.datetime.strptime(cell, form) - datetime.datetime(1970, 1, 1)).days
            for cell in cells
        )
        assert not said


@pytest.mark.parametrize(
    ("cells", "doubt"),
    [
        (["2.607", "806", "4.757", "12.345", "NA"], "2.607"),
        (["-2.607", "806", "0"], "-2.607"),
        (["0.123", "12.500", "3"], None),
        (["1.500", "2.25", "3"], None),
        (["2.607", "4.757"], None),
        (["1.234", "2500"], None),
        (["1.234", "25e1", "3"], None),
        (["1.234", "5.6", "3"], None),
    ],
)
def test_a_point_may_part_thousands(cells, doubt):
    _, said = alone(cells * 5)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_targets(column(cells * 5))
    for sentences in (said, [str(warning.message) for warning in caught]):
        found = [sentence for sentence in sentences if "point parts thousands" in sentence]
        assert len(found) == (doubt is not None)
        assert not found or f"'c' (such as {doubt!r})" in found[0]


def test_numbers_are_never_in_doubt_about_a_point():
    assert not alone([2.607, 806.0, 4.757] * 5)[1]


LONG = [2**53 + i for i in range(4)] * 8


@pytest.mark.parametrize("cells", [LONG, [str(n) for n in LONG], pd.array(LONG, dtype="Int64")])
def test_numbers_too_long_to_be_told_apart(cells):
    _, said = alone(cells)
    assert len(said) == 1
    assert "'c' (4 distinct ones)" in said[0]
    found, said = alone(cells, categorical=["c"])
    assert len(found.categories) == 4
    assert not said
    with pytest.warns(CoveyWarning, match=r"beyond 2\*\*53 .* targets 'c'"):
        read_targets(column(cells))


def test_targets_too_long_to_be_told_apart_are_not_called_constant_or_identical():
    near = [2**60 + i for i in range(4)] * 8
    for table in (pd.DataFrame({"id": near}), pd.DataFrame({"id": near, "no": near[::-1]})):
        with pytest.warns(CoveyWarning) as caught:
            read_targets(table)
        (only,) = caught
        assert "beyond 2**53" in str(only.message)
    with pytest.warns(CoveyWarning) as caught:
        read_targets(pd.DataFrame({"id": near, "always": [7] * 32, "x": range(32)}))
    assert [str(each.message).split(":")[0][:27] for each in caught] == [
        "Whole numbers beyond 2**53 ",
        "These targets are constant",
    ]
    assert "['always']" in str(caught[1].message)


def test_numbers_long_enough():
    assert not alone([2**52 + i for i in range(30)])[1]
    assert not alone([2**60 + 2**20 * i for i in range(30)])[1]
    assert not alone([1e300 * i for i in range(30)])[1]


@pytest.mark.parametrize("cells", [["?"] * 20, ["--"] * 20, [""] * 20])
def test_columns_of_marks_alone_are_empty(cells):
    found, said = alone(cells)
    assert not found.output_names
    assert said == ["Columns of `X` without any value are left out: 'c'."]


@pytest.mark.parametrize("cells", [[3] * 20, ["red"] * 20])
def test_a_constant_is_not_worth_a_word(cells):
    assert not alone(cells)[1]


TENTHS = [i / 10 for i in range(30)] * 2


@pytest.mark.parametrize(
    "cells",
    [
        [f"{x}k" for x in TENTHS],
        [f"{x} \u00b1 0.1" for x in TENTHS],
        [f"\u2248{x}" for x in TENTHS],
        [f"'{x}" for x in TENTHS],
        ["$\u20ac"[i % 2] + str(x) for i, x in enumerate(TENTHS)],
        [f"{x} {('mm', 'cm')[i % 2]}" for i, x in enumerate(TENTHS)],
        [f"{x} (est.)" for x in TENTHS],
    ],
)
def test_numbers_with_marks_are_labels_and_it_is_said(cells):
    found, said = alone(cells)
    assert isinstance(found, CategoricalColumn)
    said = [sentence for sentence in said if "never repeats" not in sentence]
    assert len(said) == 1
    assert f"numbers with marks is read as labels: 'c' (such as {cells[0]!r})" in (said[0])
    assert not alone(cells, categorical=["c"])[1]


@pytest.mark.parametrize(
    "form", ["{}B", "{0}-{0}5", "0{}-7", "1.{}.2", "{} Main Street", "A{}", "{}/7", "no {}"]
)
def test_labels_with_numbers_in_them_are_not_worth_a_word(form):
    assert not alone([form.format(i % 30) for i in range(60)])[1]


def test_one_letter_in_two_forms_of_unicode():
    found, _ = alone(["\u00e9", "e\u0301", "a"] * 6)
    assert found.categories == ("\u00e9", "a")
    of_a_file = CategoricalColumn("c", ("e\u0301", "a"))
    matrix = of_a_file.encode(pd.Series(["\u00e9", "e\u0301", "a"]))
    np.testing.assert_array_equal(matrix, [[1, 0], [1, 0], [0, 1]])


def test_names_differ_by_blanks_or_forms_of_unicode():
    schema = FeatureSchema.fit(
        *read_features(column([1.0, 2.0, 4.0] * 5).rename(columns={"c": "\u00e9"}))
    )
    for name in ("\u00e9", "e\u0301", " \u00e9 "):
        later = column([1.0, 4.0]).rename(columns={"c": name})
        assert schema.transform(*read_features(later)).shape == (2, 1)
    two = pd.DataFrame({"e\u0301": [1.0], " \u00e9": [2.0]})
    with pytest.raises(InputError, match="without '\u00e9'"):
        schema.transform(*read_features(two))


def test_a_dictionary_of_arrow_is_what_it_holds():
    numbers = pa.array([1, 2, 30] * 8)
    text = pa.array(["a", "b", "c"] * 8)
    for cells in (numbers, text):
        coded = fit(pa.table({"c": cells.dictionary_encode()}))[0]
        assert coded == fit(pa.table({"c": cells}))[0]
    batch = pa.record_batch({"c": numbers.dictionary_encode()})
    assert read_features(batch)[0]["c"].dtype == "int64"
    # categories of pandas are what somebody said
    frame = column(pd.Series([1, 2, 30] * 8, dtype="category"))
    said = fit(pa.Table.from_pandas(frame, preserve_index=False))[0]
    assert isinstance(said, CategoricalColumn)
