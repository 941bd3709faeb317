"""The law: one table means the same in memory, in text, and in Parquet."""

import io
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from covey.errors import CoveyWarning, InputError
from covey.table import DateColumn, Declared, FeatureSchema, read_features, read_targets

NAN = np.nan
N = 24
R = np.random.default_rng(0)


def fit(frame, **said):
    return FeatureSchema.fit(
        *read_features(frame), Declared.of(**{"categorical": (), "dates": (), **said})
    )


def matrix(schema, frame):
    return schema.transform(*read_features(frame))


def as_text(frame):
    """As a CSV file holds it, each cell text, and none where nothing is written."""
    text = io.StringIO(frame.to_csv(index=False))
    return pd.read_csv(text, dtype=str, keep_default_na=False, na_values=[""])


def as_parquet(frame):
    file = io.BytesIO()
    frame.to_parquet(file, index=False)
    file.seek(0)
    return pd.read_parquet(file)


def as_arrow(frame):
    return pa.Table.from_pandas(frame, preserve_index=False)


def as_objects(frame):
    return pd.DataFrame({name: column.astype(object) for name, column in frame.items()})


def first_rows(frame, row):
    return frame.slice(row, 1) if isinstance(frame, pa.Table) else frame.iloc[[row]]


def cycled(*cells):
    return [cells[i % len(cells)] for i in range(N)]


DAYS = pd.date_range("2023-12-20", periods=N, freq="17h")
TABLES = {
    "numbers": {
        "float": R.normal(size=N) * 10.0 ** np.arange(-12, 12),
        "int": np.arange(N) - 5,
        "gaps": np.where(np.arange(N) % 5, np.arange(N), NAN),
        "Int64": pd.array(cycled(1, 2, None, 7), dtype="Int64"),
        "float32": np.arange(N, dtype=np.float32) / 32,
        "bool": cycled(True, False, True),
        "boolean": pd.array(cycled(True, False, None), dtype="boolean"),
        "huge": R.normal(size=N) * 1e300,
        "constant": [3] * N,
        "always": [True] * N,
    },
    "labels": {
        "text": cycled("red", "blue", "green"),
        "gaps": cycled("red", None, "green"),
        "code": cycled("042", "0042", "42"),
        "code of digits": cycled("007", "012", "100"),
        "release": cycled("1.1b", "1.10b", "1.2b"),
        "grade": cycled("1", "2", "A", "B", "C"),
        "words": cycled("yes", "no", "maybe"),
        "blank": cycled("a b", " a", "a"),
        "quoted": cycled('say "a"', "b, c", "d\ne"),
        "sex": cycled("m", "f"),
        "wind": cycled("N", "S", "E", "W"),
        "month": cycled("Jan", "Feb", "Mar"),
        "one": ["f"] * N,
    },
    "dates": {
        "date": DAYS.normalize(),
        "time": DAYS,
        "gaps": pd.Series(DAYS).where(np.arange(N) % 4 > 0),
        "seconds": DAYS + pd.to_timedelta(np.arange(N) * 1.25, unit="s"),
        "zone": DAYS.tz_localize("Asia/Tokyo"),
        "old": pd.date_range("1850-01-01", periods=N, freq="500D"),
        "objects": [day.date() for day in DAYS],
        "clock": [day.time() for day in DAYS],
        "wait": pd.to_timedelta(np.arange(N) * 1.5, unit="h"),
        "text": DAYS.strftime("%d/%m/%Y %H:%M"),
        "American": DAYS.strftime("%m/%d/%Y"),
        "named": DAYS.strftime("%d %b %Y"),
    },
    "people": {
        "percent": [f"{x:.2f}%" for x in R.normal(size=N)],
        "money": [f"${1000 * x:,.2f}" for x in range(N)],
        "comma": [f"{x:.3f}".replace(".", ",") for x in R.normal(size=N)],
        "yes": cycled("Yes", "No", "Yes"),
    },
}


@pytest.mark.parametrize("way", [as_text, as_parquet, as_arrow, as_objects])
@pytest.mark.parametrize("name", TABLES)
def test_one_table_means_the_same_everywhere(name, way):
    frame = pd.DataFrame(TABLES[name])
    other = way(frame)
    schema, again = fit(frame), fit(other)
    assert schema.output_names == again.output_names
    X = matrix(schema, frame)
    for found in (matrix(schema, other), matrix(again, frame), matrix(again, other)):
        np.testing.assert_array_equal(found, X)
    # a row alone is the same row
    for fitted in (schema, again):
        for rows in (frame, other):
            np.testing.assert_array_equal(matrix(fitted, first_rows(rows, 7)), X[[7]])


@pytest.mark.parametrize("way", [as_text, as_parquet])
def test_declared_labels_are_the_same_everywhere(way):
    frame = pd.DataFrame(TABLES["numbers"])[["int", "gaps", "Int64", "bool"]]
    frame[["int", "gaps"]] %= 5
    said = {"categorical": list(frame)}
    schema, again = fit(frame, **said), fit(way(frame), **said)
    assert schema == again
    assert "gaps=1" in schema.output_names
    X = matrix(schema, frame)
    np.testing.assert_array_equal(matrix(schema, way(frame)), X)
    floats = frame.assign(int=frame["int"].astype(float))
    np.testing.assert_array_equal(matrix(again, way(floats)), X)


# One bad cell in many


BAD = [
    (["?"] * 6, "6 of 398 in 'x', the first '?' in row 32"),
    (["n/a"], None),  # as programs write what is missing
    ([""], None),
    (["-"], "1 of 398 in 'x', the first '-' in row 32"),
    (["Total"], "the first 'Total' in row 32"),
    (["<0.5"], "the first '<0.5' in row 32"),
    (["many", "?"], "2 of 398 in 'x', the first 'many' in row 32"),
]


@pytest.mark.parametrize(("bad", "said"), BAD)
def test_a_few_bad_cells_leave_numbers_numbers(bad, said):
    x = R.normal(size=398)
    cells = [repr(float(value)) for value in x]
    x[32 : 32 + len(bad)], cells[32 : 32 + len(bad)] = NAN, bad
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        schema = fit(pd.DataFrame({"x": cells}))
        found = matrix(schema, pd.DataFrame({"x": cells}))  # which was said once
    frame = pd.DataFrame({"x": x})
    np.testing.assert_array_equal(found, matrix(fit(frame), frame))
    messages = [str(warning.message) for warning in caught]
    assert len(messages) == (said is not None)
    if said:
        assert said in messages[0]
        assert "categorical=['x']." in messages[0]
    frame = pd.DataFrame({"x": ["1.5", "2.5", "?", "2.5"]})
    assert fit(frame, categorical="x").output_names == ("x=2.5", "x=1.5", "x=?")


def test_columns_of_one_kind_share_a_sentence():
    frame = pd.DataFrame({name: ["1"] * 19 + ["?"] for name in "abcdef"})
    with pytest.warns(CoveyWarning) as caught:
        fit(frame)
    (said,) = [str(warning.message) for warning in caught]
    assert "'d', the first '?' in row 19; and 2 more such columns. If" in said


def test_what_is_mostly_numbers_is_text_and_said():
    cells = [str(i % 9) for i in range(16)] + ["high", "low", "low", "high"]
    with pytest.warns(CoveyWarning, match="4 of 20 in 'x', the first 'high' in row 16"):
        assert fit(pd.DataFrame({"x": cells})).columns[0].read_as == "11 labels"
    fit(pd.DataFrame({"x": ["1", "2", "a", "b", "c"]}))  # no word


def test_later_cells_that_are_no_numbers():
    schema = fit(pd.DataFrame({"x": ["1.0", "2.0", "4.0"]}))
    with pytest.warns(CoveyWarning, match="1 of 1 in 'x', the first '<1' in row 0"):
        np.testing.assert_array_equal(matrix(schema, pd.DataFrame({"x": ["<1"]})), [[0.0]])
    matrix(schema, pd.DataFrame({"x": ["?"]}))  # said once
    with pytest.raises(InputError, match=r"'x' held numbers in training.*'warm' in row 0"):
        matrix(schema, pd.DataFrame({"x": ["warm"]}))
    with pytest.raises(InputError, match="'5%' in row 0"):
        matrix(schema, pd.DataFrame({"x": ["5%"]}))


def test_the_spelling_of_training_reads_later_rows():
    frame = pd.DataFrame({"x": ["1,5", "2,25", "1.000,5"], "p": ["5%", "7%", "8.5%"]})
    schema = FeatureSchema.from_manifest(fit(frame).to_manifest())
    later = pd.DataFrame({"x": ["1.000", 2.25], "p": ["7.00 %", 7]})
    X = matrix(schema, pd.DataFrame({"x": [1000.0, 2.25], "p": ["7%", "7%"]}))
    with pytest.warns(CoveyWarning, match="1 of 2 in 'p', the first 7 in row 1"):
        np.testing.assert_array_equal(matrix(schema, later), X)


def test_a_doubt_is_said():
    frame = pd.DataFrame({"x": ["1,234", "5,678", "12"]})
    with pytest.warns(CoveyWarning, match=r"comma parts thousands.*'x' \(such as '1,234'\)"):
        assert fit(frame).columns[0].high == 5678
    dates = pd.DataFrame({"d": ["01/02/2017", "05/06/2017", "03/04/2017"]})
    with pytest.warns(CoveyWarning, match=r'say dates=\{\'d\': "%d/%m/%Y"\}\.'):
        fit(dates)
    days = fit(dates, dates={"d": "%d/%m/%Y"}).columns[0]
    assert days.text(days.low) == "2017-02-01"


def test_a_later_doubt_is_read_with_the_month_first_and_said():
    schema = fit(pd.DataFrame({"d": pd.date_range("2017-01-01", periods=60, freq="D")}))
    later = pd.DataFrame({"d": ["01/02/2017", "01/02/2017"]})
    with pytest.warns(CoveyWarning, match=r"'d' \(such as '01/02/2017'\): .* with the month first"):
        found = matrix(schema, later)
    iso = pd.DataFrame({"d": ["2017-01-02"] * 2})
    np.testing.assert_array_equal(found, matrix(schema, iso))
    sure = pd.DataFrame({"d": ["13/02/2017", "01/02/2017"]})
    iso = pd.DataFrame({"d": ["2017-02-13", "2017-02-01"]})
    np.testing.assert_array_equal(matrix(schema, sure), matrix(schema, iso))


def test_units_are_said():
    frame = pd.DataFrame({"w": ["5 kg", "7 kg", "9 kg"]})
    with pytest.warns(CoveyWarning, match=r"unit is read as numbers: 'w' \(in 'kg'\)"):
        assert fit(frame).columns[0].center == 7


# Dates


def test_dates_that_return_have_waves():
    day = pd.DataFrame({"t": pd.date_range("2024-01-01", periods=400, freq="D")})
    hours = pd.DataFrame({"t": pd.date_range("2024-01-01", periods=100, freq="h")})
    years = pd.DataFrame({"t": pd.to_datetime(["2020-01-01", "2021-01-01", "2022-01-01"])})
    assert fit(day).columns[0].cycles == ("weekday", "season")
    assert fit(hours).columns[0].cycles == ("hour",)
    assert fit(years).columns[0].cycles == ("weekday",)
    X = pd.DataFrame(matrix(fit(hours), hours), columns=fit(hours).output_names)
    at = hours["t"].dt.hour.to_numpy()
    for name, wave in (("", 1), ("2", 2)):
        angle = 2 * np.pi * wave * at / 24
        np.testing.assert_allclose(X[f"t hour sin{name}"], np.sin(angle), atol=1e-6)
        np.testing.assert_allclose(X[f"t hour cos{name}"], np.cos(angle), atol=1e-6)
    X = pd.DataFrame(matrix(fit(day), day), columns=fit(day).output_names)
    angle = 2 * np.pi * day["t"].dt.day_of_week / 7
    np.testing.assert_allclose(X["t weekday cos"], np.cos(angle), atol=1e-6)


def test_a_season_is_the_part_of_the_year_in_any_year():
    day = pd.DataFrame({"t": pd.date_range("1930-01-01", "2090-01-01", freq="37D")})
    X = pd.DataFrame(matrix(fit(day), day), columns=fit(day).output_names)
    angle = 2 * np.pi * (day["t"].dt.day_of_year - 1) / 365.25
    np.testing.assert_allclose(X["t season sin"], np.sin(angle), atol=0.03)
    np.testing.assert_allclose(X["t season cos"], np.cos(angle), atol=0.03)


def test_missing_dates_are_in_the_middle_and_say_so():
    frame = pd.DataFrame({"t": [*pd.date_range("2024-01-01", periods=99, freq="h"), None]})
    found = matrix(fit(frame), frame)[-1]
    np.testing.assert_array_equal(found, [0, 1, 0, 0, 0, 0])


def test_periods_are_their_start():
    months = pd.DataFrame({"t": pd.period_range("2020-01", periods=30, freq="M")})
    starts = pd.DataFrame({"t": months["t"].dt.to_timestamp()})
    np.testing.assert_array_equal(matrix(fit(months), months), matrix(fit(starts), starts))
    np.testing.assert_array_equal(matrix(fit(months), as_text(months)), matrix(fit(starts), starts))


@pytest.mark.parametrize("number", [2**62, 10**12, -(2**62)])
@pytest.mark.parametrize("kind", [None, object])
@pytest.mark.parametrize("freq", ["Y", "M", "s"])
def test_periods_beyond_all_dates_are_refused(number, kind, freq):
    if freq == "s" and number == 10**12:
        number = 10**16
    held = pd.arrays.PeriodArray(np.array([50, number]), dtype=pd.PeriodDtype(freq))
    with pytest.raises(InputError, match=f"'t' must begin at a date.*number {number} .* in row 1"):
        fit(pd.DataFrame({"t": pd.Series(held, dtype=kind)}))


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([20240101, 20240202, 20240303], ["t"]),
        (["20240101", "20240202", "20240303"], "t"),
        ([1704067200, 1706832000, 1709424000], {"t": "s"}),
        (["01.02.24 a", "02.02.24 a", "03.03.24 a"], {"t": "%d.%m.%y a"}),
        ([19723.0, 19755.0, NAN], {"t": "D"}),
    ],
)
def test_dates_that_are_declared(cells, said):
    frame = pd.DataFrame({"t": cells})
    schema = fit(frame, dates=said)
    assert isinstance(schema.columns[0], DateColumn)
    assert schema.columns[0].text(schema.columns[0].low)[:7] in ("2024-01", "2024-02")
    again = FeatureSchema.from_manifest(schema.to_manifest())
    np.testing.assert_array_equal(matrix(again, frame), matrix(schema, frame))
    np.testing.assert_array_equal(matrix(again, frame[1:2]), matrix(schema, frame)[1:2])


@pytest.mark.parametrize(
    ("cells", "said", "message"),
    [
        ([1.5, 2.5, 3.0], ["t"], "how the numbers of 't' are dates. Received such as 1.5"),
        (["a", "b", "a"], ["t"], "`dates` must name columns of dates. Received 'a' in 't', row 0"),
        ([20240101, 20241301, 20240102], {"t": "%Y%m%d"}, "20241301 in 't', row 1"),
        ([1, 2, 3], ["u"], "`dates` must name columns of `X`. Received 'u', and `X` has 't'"),
        ([1, 2, 3], {"t": 5}, "Received: 5 for 't'"),
        ([1, 2, 3], 7, "`dates` must be names of columns"),
    ],
)
def test_what_is_no_date_is_refused(cells, said, message):
    with pytest.raises(InputError) as caught:
        fit(pd.DataFrame({"t": cells}), dates=said)
    assert message in str(caught.value)


def test_a_column_is_not_both():
    with pytest.raises(InputError, match="in `categorical` and in `dates`: 't'"):
        Declared.of(["t"], {"t": "s"})
    with pytest.raises(InputError, match=r"`categorical` must name columns of `X`. Received 'zip'"):
        fit(pd.DataFrame({"t": [1]}), categorical=["zip"])


def test_an_array_has_names_too():
    X = np.array([[1.0, 5.0], [2.0, 5.5], [1.0, 7.0]])
    assert fit(X, categorical=["x0"]).output_names == ("x0=1", "x0=2", "x1")


# Labels


@pytest.mark.parametrize("codes", [("042", "0042", "42"), ("1", "1.0", "b"), ("1.1", "1.10", "x")])
def test_text_codes_stay_apart(codes):
    frame = pd.DataFrame({"c": cycled(*codes)})
    schema = fit(frame, categorical="c")
    assert set(schema.output_names) == {f"c={code}" for code in codes}
    assert (matrix(schema, frame).sum(axis=0) == N / 3).all()


def test_codes_that_begin_with_0_are_labels():
    assert fit(pd.DataFrame({"c": cycled("042", "0042", "42")})).columns[0].read_as == "3 labels"


def test_labels_of_numbers_match_any_spelling_of_them_and_text_only_its_own():
    numbers = fit(pd.DataFrame({"c": [1, 2, 1]}), categorical="c")
    for same in (1, 1.0, "1", "1.0", np.float32(1), Decimal(1)):
        np.testing.assert_array_equal(matrix(numbers, pd.DataFrame({"c": [same]})), [[1, 0]])
    text = fit(pd.DataFrame({"c": ["042", "1", "042"]}))
    with pytest.warns(
        CoveyWarning, match="labels that training did not have: 2 in 'c', the first 42"
    ):
        found = matrix(text, pd.DataFrame({"c": [42, "42", "042", 1]}))
    np.testing.assert_array_equal(found, [[0, 0], [0, 0], [1, 0], [0, 1]])


def test_labels_of_earlier_files_are_read_as_before():
    entry = {"name": "c", "categories": ["42", "a"], "missing": False, "kind": "text"}
    schema = FeatureSchema.from_manifest({"named": True, "columns": [entry]})
    found = matrix(schema, pd.DataFrame({"c": ["042", "42.0", 42, "a", "b"]}).iloc[:4])
    np.testing.assert_array_equal(found, [[1, 0], [1, 0], [1, 0], [0, 1]])


def test_dates_of_earlier_files_have_no_waves():
    frame = pd.DataFrame({"t": pd.date_range("2020-01-01", periods=500, freq="D")})
    entry = fit(frame).to_manifest()["columns"][0]
    old = {name: entry[name] for name in entry if name not in ("cycles", "dates", "spelling")}
    schema = FeatureSchema.from_manifest({"named": True, "columns": [old]})
    np.testing.assert_array_equal(matrix(schema, frame), matrix(fit(frame), frame)[:, :1])


# Codes


def test_numbers_that_look_like_codes_are_hinted_at_once():
    zips = R.choice(R.integers(10000, 99999, 40), 1000)
    frame = pd.DataFrame({"zipcode": zips, "PULocationID": zips % 7, "area": zips})
    with pytest.warns(
        CoveyWarning, match="look like codes.*: 'zipcode', 'PULocationID', 'area'. If"
    ):
        fit(frame)
    fit(frame, categorical=list(frame))  # whoever knows is told nothing


def test_numbers_that_are_sizes_are_no_codes():
    frame = pd.DataFrame(
        {
            "customer_age": R.integers(20, 80, 1000),
            "year": R.integers(1990, 2020, 1000),
            "price": R.integers(100, 130, 1000) * 1000,
            "count": R.poisson(30, 1000),
            "store": R.normal(size=1000),
            "state": R.integers(0, 2, 1000),
            "item": np.arange(1000),
            "hour": np.arange(1000) % 24,
        }
    )
    fit(frame)


def test_categories_of_pandas_that_are_booleans_are_booleans():
    frame = pd.DataFrame(
        {"c": pd.Categorical(["yes", "no", "yes"]), "d": pd.Categorical(list("112"))}
    )
    assert fit(frame).output_names == ("c", "d=1", "d=2")


def test_digits_of_float32_are_not_beyond_it():
    x = R.normal(size=1000).astype(np.float32)
    frame = pd.DataFrame({"x": x})
    schema = fit(frame)
    found = matrix(schema, pd.DataFrame({"x": x.astype(str)}))  # without a warning
    np.testing.assert_allclose(found, matrix(schema, frame), rtol=0, atol=1e-6)


# Cells that hold others


@pytest.mark.parametrize(
    "cell",
    [[1, 2], (1, 2), {"a": 1}, {1}, np.array([1, 2]), b"a", object(), pd.Series([1])],
    ids=lambda cell: type(cell).__name__,
)
@pytest.mark.parametrize("read", [fit, read_targets])
def test_cells_that_hold_others_are_refused(cell, read):
    cells = pd.Series(["a", cell], index=["p", "q"], dtype=object)
    with pytest.raises(
        InputError, match=r"Received an? \w+ in column 'x', row 'q': .*Make columns"
    ):
        read(pd.DataFrame({"x": cells}))
    if read is fit:
        schema = fit(pd.DataFrame({"x": ["a", "b"]}))
        with pytest.raises(InputError, match="row 'q'"):
            matrix(schema, pd.DataFrame({"x": cells}))


def test_lists_of_arrow_are_refused():
    for cells in ([[1, 2], None], [{"a": 1}, None]):
        with pytest.raises(InputError, match="in column 'x', row 0"):
            fit(pa.table({"x": cells}))


# Targets


def test_targets_of_text_are_read_as_numbers():
    frame = pd.DataFrame(
        {"a": ["1.5", "", "3"], "b": ["5%", "7%", "8%"], "c": ["yes", "no", "yes"]}
    )
    with pytest.warns(CoveyWarning, match=r"with a unit are read as numbers: 'b' \(in '%'\)\."):
        values, names, *_ = read_targets(frame)
    np.testing.assert_array_equal(values, [[1.5, 5, 1], [NAN, 7, 0], [3, 8, 1]])
    assert names == ("a", "b", "c")
    codes, *_ = read_targets(pd.Series(["007", "012"]))
    np.testing.assert_array_equal(codes, [[7], [12]])


def test_bad_cells_of_targets_are_not_observed_and_said():
    cells = [str(i) for i in range(20)]
    cells[3] = "?"
    with pytest.warns(CoveyWarning, match="not observed: 1 of 20 in 'a', the first '\\?' in row 3"):
        values, *_ = read_targets(pd.DataFrame({"a": cells}))
    assert np.flatnonzero(np.isnan(values)).tolist() == [3]
    with pytest.warns(CoveyWarning, match="decimals in the targets 'a'"):
        read_targets(pd.DataFrame({"a": ["1,234", "2,345"]}))


# What a person can see


def test_a_schema_says_how_each_column_is_read():
    frame = pd.DataFrame(TABLES["people"]).assign(
        day=DAYS.strftime("%d/%m/%Y"), colour=cycled("red", None), one=[1] * N, clock="9:30"
    )
    frame["clock"] = [str(day.time()) for day in DAYS]
    schema = fit(frame)
    found = schema.describe().set_index("column")
    assert list(found.columns) == ["read_as", "details", "missing", "inputs"]
    assert found["read_as"].to_dict() == {
        **{"percent": "numbers", "money": "numbers", "comma": "numbers", "yes": "numbers"},
        **{"day": "dates", "colour": "labels", "one": "numbers", "clock": "times of day"},
    }
    assert found.loc["money", "details"] == "0 to 23000 (in '$')"
    assert "decimal mark ','" in found.loc["comma", "details"]
    assert found.loc["day", "details"].startswith(
        "2023-12-20 to 2024-01-05 (the day first); by week"
    )
    assert found.loc["day", "inputs"][0] == "day"
    assert found["missing"].sum() == 1
    text = repr(schema)
    assert text.splitlines()[0] == f"FeatureSchema: 8 columns, {schema.width} inputs of the network"
    assert "one      numbers: 1 in each row; not used" in text


def test_a_clean_table_says_nothing():
    for cells in TABLES.values():
        frame = pd.DataFrame(cells)
        schema = fit(frame)  # warnings are errors here
        matrix(schema, as_text(frame))
