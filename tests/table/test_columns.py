import datetime
import json
import subprocess
import sys
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from covey.errors import ArtifactError, CoveyWarning, InputError
from covey.files import read_table, write_table
from covey.table import (
    CategoricalColumn,
    DateColumn,
    Declared,
    FeatureSchema,
    NumericColumn,
    read_features,
    read_targets,
    unclipped,
)

NAN, INF = np.nan, np.inf


def fit(X):
    return FeatureSchema.fit(*read_features(X))


def encode(schema, X):
    return schema.transform(*read_features(X))


def fit_encode(X):
    return encode(fit(X), X)


@pytest.fixture
def mixed():
    return pd.DataFrame(
        {
            "T": [1.5, NAN, 4.0, 1e6, -2.0, 0.1],
            "n": pd.array([1, 2, None, 4, 5, 7], dtype="Int64"),
            "price": [
                Decimal("1.10"),
                Decimal("2.25"),
                None,
                Decimal("9"),
                Decimal("4"),
                Decimal("1"),
            ],
            "open": [True, False, True, True, False, True],
            "day": pd.to_datetime(
                ["2024-01-01", "2024-01-02", None, "2024-03-01"] + ["2025-01-01"] * 2
            ),
            "wait": pd.to_timedelta([1.0, 2.0, 3.0, 4.5, 8.0, 9.0], unit="h"),
            "colour": ["red", "blue", None, "red", "green", "red"],
            "grade": pd.Categorical([1, 2, 2, 1, 3, 3]),
            "fixed": [7.0] * 6,
        }
    )


# Reading features


def test_arrays_get_names_of_their_own():
    frame, named = read_features(np.arange(6.0).reshape(3, 2))
    assert list(frame.columns) == ["x0", "x1"]
    assert not named
    assert frame.shape == (3, 2)


def test_frames_keep_their_names_and_are_not_changed():
    X = pd.DataFrame({1: [1.0], "b": ["t"]})
    frame, named = read_features(X)
    assert list(frame.columns) == ["1", "b"]
    assert named
    assert list(X.columns) == [1, "b"]


def test_nested_lists_keep_numbers_beside_text():
    schema = fit([[1.0, "a"], [2, "b"], [4, "a"]])
    assert [type(c) for c in schema.columns] == [NumericColumn, CategoricalColumn]


def test_arrow_tables_are_frames():
    X = pa.table(
        {
            "a": [1, 2, None],
            "b": ["x", "y", "x"],
            "c": [datetime.date(2020, 1, i) for i in (1, 2, 3)],
        }
    )
    frame, named = read_features(X)
    assert named
    assert list(frame.columns) == ["a", "b", "c"]
    assert fit(X).output_names == ("a", "a is missing", "b=x", "b=y", "c")


def test_polars_frames_equal_pandas_frames():
    data = {"a": [1, 2, None], "b": ["x", "y", "x"]}
    np.testing.assert_array_equal(fit_encode(pl.DataFrame(data)), fit_encode(pd.DataFrame(data)))
    assert read_targets(pl.Series("a", [1, 2]))[1:3] == (("a",), True)


def test_masked_cells_are_missing():
    X = np.ma.MaskedArray([[1.0], [999.0], [2.0]], mask=[[0], [1], [0]])
    column = fit(X).columns[0]
    seen = 1.0, 2.0, 2
    assert column == NumericColumn("x0", 1.5, pytest.approx(0.5 / 1.349), True, "number", *seen)


BAD_TABLES = [
    (sparse.csr_array((10**6, 10**4)), "X.toarray(), which takes 80 GB, or fewer columns"),
    (np.zeros(3), "Reshape your data"),
    ([1.0, 2.0], "Reshape your data"),
    (
        [[1.0], [1.0, 2.0]],
        "`X` to be a table whose rows are equally long. Received rows of different lengths, "
        "1 in row 0 and 2 in row 1. Cut them, or fill",
    ),
    ([1.0, [1.0, 2.0]], "a single cell in row 0 and 2 in row 1"),
    (pd.Series([1.0]), "Reshape your data"),
    (np.zeros((2, 2, 2)), "of 3 dimensions. Reshape your data"),
    (None, "NoneType of 0 dimensions"),
    ("table.csv", "str of 0 dimensions"),
    (sparse.csr_matrix((3, 2)), "dense. Received: sparse"),
    (sparse.csr_array((3, 2)), "dense. Received: sparse"),
    (np.empty((0, 3)), "0 sample(s) (shape=(0, 3)) while a minimum of 1 is required."),
    (np.empty((12, 0)), "0 feature(s) (shape=(12, 0)) while a minimum of 1 is required."),
    (pd.DataFrame({"a": []}), "0 sample(s)"),
    (pd.DataFrame(index=range(3)), "0 feature(s)"),
    (np.array([[1j, 2.0]]), "Complex data not supported"),
    (np.array([[1j], [2.0]], dtype=object), "Complex data not supported"),
    (pd.DataFrame({"a": [1.0], "b": [1j]}), "complex numbers in 'b'"),
    (
        pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]),
        "unique names. Received more than one 'a'",
    ),
    (pd.DataFrame([[1, 2]], columns=[1, "1"]), "more than one '1'"),
    (pa.table([[1], [2]], names=["a", "a"]), "'a' 2 times"),
]


@pytest.mark.parametrize(("X", "message"), BAD_TABLES)
def test_bad_tables_are_refused(X, message):
    with pytest.raises(InputError) as caught:
        read_features(X)
    assert message in str(caught.value)


def test_numbers_beyond_float64_are_refused():
    with pytest.raises(InputError, match="Cells of 'x0' must fit into float64"):
        fit(np.array([[10**400], [1]], dtype=object))


# Numbers


def test_numbers_are_centred_scaled_and_clipped():
    x = np.random.default_rng(0).normal(5.0, 2.0, 301)
    x[0] = 1e9
    z = (x - np.median(x)) / ((np.quantile(x, 0.75) - np.quantile(x, 0.25)) / 1.349)
    out = fit_encode(x[:, None])
    assert out.dtype == np.float32
    np.testing.assert_allclose(out[:, 0], z / np.sqrt(1 + z**2 / 9), rtol=1e-6, atol=1e-7)
    assert out.max() == 3.0
    assert out[1:].max() < 2.5


def test_standard_deviation_steps_in_when_quartiles_coincide():
    x = np.r_[np.zeros(9), 5.0]
    column = fit(x[:, None]).columns[0]
    assert column.center == 0.0
    assert column.scale == pytest.approx(x.std(), rel=1e-15)


@pytest.mark.parametrize("unit", [5e-324, 1e-300, 1e-9, 1.0, 1e9, 1e300, 1.5e308])
def test_extreme_scales_stay_finite_and_ordered(unit):
    x = np.array([-1.0, -0.5, 0.0, 0.25, 1.0]) * unit
    out = fit_encode(x[:, None])[:, 0]
    assert np.isfinite(out).all()
    assert (np.diff(out) >= 0).all()
    assert out[-1] > out[0]


@pytest.mark.parametrize("x", [[-1.7e308] * 2 + [1.7e308] * 2, [0.0] * 99 + [5e-324]])
def test_a_scale_beyond_float64_is_the_nearest_within(x):
    out = fit_encode(np.array(x)[:, None])[:, 0]
    assert np.isfinite(out).all()
    assert 0.0 < fit(np.array(x)[:, None]).columns[0].scale < INF
    assert out[-1] > out[0] or x[0] == 0.0


def test_numbers_beyond_those_of_training_count_as_the_nearest_of_these():
    schema = fit(np.array([[1.0], [2.0], [4.0], [7.0], [NAN]]))
    center, scale = 3.0, 3.0 / 1.349  # quartiles 1.75 and 4.75
    with pytest.warns(CoveyWarning):
        found = encode(schema, [[1e9], [-5.0], [7.0], [NAN]])
    z = (np.array([7.0, 1.0, 7.0]) - center) / scale
    np.testing.assert_allclose(found[:3, 0], z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-6)
    np.testing.assert_array_equal(found[3], [0.0, 1.0])


@pytest.mark.parametrize("ends", [(1e-300, 3e-300), (-1.7e308, -1.5e308)])
def test_extreme_ends_of_training_are_held_too(ends):
    schema = fit(np.array([[ends[0]], [ends[0] / 2 + ends[1] / 2], [ends[1]]]))
    with pytest.warns(CoveyWarning, match="above"):
        found = encode(schema, [[1.7e308], [ends[0]], [ends[1]]])
    assert found[0] == found[2] > found[1]


def test_numbers_beyond_are_said_once_and_counted():
    r = np.random.default_rng(0)
    frame = pd.DataFrame({"T": np.append(r.uniform(0, 44, 999), 44.6), "u": r.normal(size=1000)})
    frame["day"] = pd.date_range("2024-01-01", periods=1000, freq="h")
    schema = fit(frame)
    new = frame[:400].copy()
    new.loc[:11, "T"] = 45 + np.arange(12.0)
    new.loc[5:9, "u"] = -99.0
    with pytest.warns(CoveyWarning) as caught:
        encode(schema, new)
    (said,) = {str(warning.message) for warning in caught}
    assert said.startswith("Of 400 rows, 12 have 'T' above 44.6, the largest in training; 5 have ")
    encode(schema, new)  # once is enough
    columns = {"T": {"below": 0, "above": 12}, "u": {"below": 5, "above": 0}}
    assert schema.beyond_range(*read_features(new)) == {"rows": 12, "columns": columns}
    new["day"] += pd.Timedelta(1000, "h")  # another column is another word
    with pytest.warns(CoveyWarning, match=r"400 have 'day' above 2024-02-11 15:00:00, the largest"):
        encode(schema, new)


@pytest.mark.parametrize("draw", ["normal", "uniform", "standard_cauchy"])
def test_what_chance_puts_beyond_training_is_counted_without_a_word(draw):
    told = counted = 0
    for seed in range(100):
        x = getattr(np.random.default_rng(seed), draw)(size=(700, 3))
        schema = fit(x[:500])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            encode(schema, x[500:])
        told += bool(caught)
        counted += schema.beyond_range(*read_features(x[500:]))["rows"]
    assert counted > 100
    if draw != "standard_cauchy":  # where a new largest value is often twice the one before
        assert told <= 2


def test_a_few_in_many_are_no_word():
    x = np.linspace(0, 1, 5000)
    schema = fit(x[:, None])
    new = np.append(x[:1000], np.full(9, 1.1))
    encode(schema, new[:, None])  # less than 1%
    assert schema.beyond_range(*read_features(new[:, None]))["rows"] == 9
    with pytest.warns(CoveyWarning, match="Of 1,011 rows, 11 have 'x0' above 1, the largest"):
        encode(schema, np.append(new, [1.1, 1.2])[:, None])
    with pytest.warns(CoveyWarning, match="Of 1,001 rows, 1 has"):  # but far out
        encode(fit(x[:, None]), np.append(x[:1000], 1.6)[:, None])


def test_a_model_without_a_range_holds_nothing():
    manifest = fit(np.array([[1.0], [2.0], [4.0]])).to_manifest()
    new = FeatureSchema.from_manifest(json.loads(json.dumps(manifest)))
    for name in ("low", "high", "seen"):
        del manifest["columns"][0][name]
    old = FeatureSchema.from_manifest(manifest)
    assert encode(old, [[1e300]]) == 3.0
    assert old.beyond_range(*read_features([[1e300]])) == {"rows": 0, "columns": {}}
    with pytest.warns(CoveyWarning, match="above 4, the largest in training"):
        assert encode(new, [[1e300]]) == encode(new, [[4.0]])


def test_linear_models_follow_numbers_for_one_more_range():
    r = np.random.default_rng(0)
    frame = pd.DataFrame({"x": np.append(r.uniform(0, 10, 98), [0.0, 10.0]), "c": "u"})
    frame["day"] = pd.date_range("2024-01-01", periods=100)
    frame["f"] = r.normal(size=100)
    schema = fit(frame).reaching(1.0)
    schema = FeatureSchema.from_manifest(json.loads(json.dumps(schema.to_manifest())))
    new = frame[:5].assign(x=[-25.0, -4.0, 5.0, 17.0, 1e300])
    new["day"] += pd.Timedelta(500, "D")
    with pytest.warns(CoveyWarning, match="linear part of the model alone goes on, for three"):
        matrix, further = schema.matrices(*read_features(new))
    place = schema.output_names.index("x")
    assert schema.columns[0].low == 0.0
    followed = schema.columns[0].center + schema.columns[0].scale * unclipped(further[:, place])
    np.testing.assert_allclose(followed, [-10.0, -4.0, 5.0, 17.0, 20.0], rtol=1e-5)
    others = np.arange(matrix.shape[1]) != place  # dates among them
    np.testing.assert_array_equal(further[:, others], matrix[:, others])
    assert schema.matrices(*read_features(frame))[1] is None
    with pytest.warns(CoveyWarning, match=r"the nearest that training saw\.$"):
        held, none = fit(frame).matrices(*read_features(new))
    np.testing.assert_array_equal(matrix, held)
    assert none is None
    with pytest.raises(ArtifactError, match="reach of -1"):
        FeatureSchema.from_manifest({**schema.to_manifest(), "reach": -1})


def test_large_offsets_keep_their_digits():
    x = 1.7e9 + np.arange(5) * 1e-3
    np.testing.assert_allclose(
        fit_encode(x[:, None]), fit_encode(np.arange(5.0)[:, None]), rtol=1e-3
    )


SAME_NUMBERS = {
    "float32": np.array([1, 0, 1, 1], dtype=np.float32),
    "int8": np.array([1, 0, 1, 1], dtype=np.int8),
    "bool": [True, False, True, True],
    "boolean": pd.array([True, False, True, True], dtype="boolean"),
    "Int64": pd.array([1, 0, 1, 1], dtype="Int64"),
    "Float64": pd.array([1, 0, 1, 1], dtype="Float64"),
    "arrow": pd.array([1, 0, 1, 1], dtype="int64[pyarrow]"),
    "sparse": pd.arrays.SparseArray([1.0, 0, 1, 1]),
    "decimal": [Decimal(1), Decimal(0), Decimal(1), Decimal(1)],
    "objects": np.array([1, False, 1.0, Decimal(1)], dtype=object),
    "int and bool": np.array([1, False, np.True_, np.int32(1)], dtype=object),
}


@pytest.mark.parametrize("kind", SAME_NUMBERS)
def test_numbers_of_any_type_are_the_same_numbers(kind):
    X = pd.DataFrame({"a": SAME_NUMBERS[kind]})
    np.testing.assert_array_equal(
        fit_encode(X), fit_encode(pd.DataFrame({"a": [1.0, 0.0, 1.0, 1.0]}))
    )


@pytest.mark.parametrize("absent", [None, NAN, pd.NA, pd.NaT, ""])
def test_missing_numbers_become_the_median_and_say_so(absent):
    X = pd.DataFrame({"a": np.array([1.0, absent, 3.0, 7.0], dtype=object)})
    schema = fit(X)
    assert schema.output_names == ("a", "a is missing")
    out = encode(schema, X)
    np.testing.assert_array_equal(out[:, 1], [0, 1, 0, 0])
    assert out[1, 0] == 0.0
    assert schema.columns[0].center == 3.0
    np.testing.assert_array_equal(encode(schema, pd.DataFrame({"a": [3.0]})), [[0, 0]])


def test_missing_only_at_prediction_is_the_median():
    schema = fit(pd.DataFrame({"a": [1.0, 2.0, 4.0], "c": ["x", "y", "x"]}))
    np.testing.assert_array_equal(
        encode(schema, pd.DataFrame({"a": [None], "c": [None]})), [[0, 0, 0]]
    )


def test_constant_columns_are_left_out():
    X = pd.DataFrame({"a": [2.0] * 3, "b": ["t"] * 3, "c": [0.0, 1.0, 3.0], "d": [True] * 3})
    schema = fit(X)
    assert schema.output_names == ("c",)
    assert schema.names == ("a", "b", "c", "d")
    assert schema.width == 1
    assert encode(schema, X).shape == (3, 1)


def test_constant_columns_with_gaps_leave_only_the_gaps():
    X = pd.DataFrame({"a": [2.0, NAN, 2.0], "b": ["t", "t", None]})
    schema = fit(X)
    assert schema.output_names == ("a is missing", "b is missing")
    np.testing.assert_array_equal(encode(schema, X), [[0, 0], [1, 0], [0, 1]])


def test_empty_columns_are_left_out_with_one_warning():
    X = pd.DataFrame(
        {"a": [NAN] * 3, "b": [1, 2, 3], "c": [None] * 3, "d": ["", None, ""], "e": [pd.NaT] * 3}
    )
    with pytest.warns(
        CoveyWarning, match="without any value are left out: 'a', 'c', 'd', 'e'"
    ) as caught:
        schema = fit(X)
    assert len(caught) == 1
    assert schema.output_names == ("b",)
    assert schema.names == ("a", "b", "c", "d", "e")
    assert encode(schema, X.assign(a=1.0, c="text")).shape == (3, 1)


def test_one_row_varies_in_nothing():
    assert fit_encode([[1.0, "a"]]).shape == (1, 0)


def test_infinity_is_refused_by_name():
    X = pd.DataFrame({"a": [1.0, INF], "b": [1.0, 2.0], "c": [-INF, NAN]})
    with pytest.raises(
        InputError, match=r"`X` must hold finite numbers.*infinity in 'a' \(row 1\), 'c' \(row 0\)"
    ):
        fit(X)
    schema = fit(pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 2.0]}))
    with pytest.raises(InputError, match=r"infinity in 'b' \(row 'q'\)"):
        encode(schema, pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, -INF]}, index=["p", "q"]))


# Dates


def test_dates_are_days():
    day = pd.to_datetime(pd.Series(["2024-01-01", "2024-01-03", None, "2024-01-05"]))
    column = fit(pd.DataFrame({"t": day})).columns[0]
    seen = 19723.0, 19727.0, 3
    assert column == DateColumn("t", 19725.0, pytest.approx(2.0 / 1.349), True, "date", *seen)
    wait = pd.to_timedelta(pd.Series([1.0, 2.0, 4.0]), unit="D")
    assert fit(pd.DataFrame({"t": wait})).columns[0].center == 2.0


@pytest.mark.parametrize(
    "later",
    [
        pd.to_datetime(["2024-01-03"]).as_unit("ns"),
        pd.to_datetime(["2024-01-03 02:00"]).tz_localize("Europe/Helsinki"),
        [datetime.date(2024, 1, 3)],
        [datetime.datetime(2024, 1, 3)],
        ["2024-01-03"],
        ["2024-01-03T00:00:00Z", "2024-01-03T02:00:00+02:00", "2024-01-03"],
        [
            datetime.datetime(2024, 1, 3, tzinfo=datetime.UTC),
            datetime.datetime(2024, 1, 3, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
        ],
        pd.array([datetime.date(2024, 1, 3)], dtype=pd.ArrowDtype(pa.date32())),
    ],
    ids=str,
)
def test_dates_of_any_type_are_the_same_days(later):
    schema = fit(pd.DataFrame({"t": pd.to_datetime(["2024-01-01", "2024-01-03", "2024-01-09"])}))
    assert (encode(schema, pd.DataFrame({"t": later})) == 0.0).all()


def test_durations_come_back_from_text():
    schema = fit(pd.DataFrame({"t": pd.to_timedelta([1, 2, 4], unit="D")}))
    np.testing.assert_array_equal(encode(schema, pd.DataFrame({"t": ["2 days", None]})), [[0], [0]])


# Categories


def test_categories_are_ranked_by_frequency_then_name():
    schema = fit(pd.DataFrame({"c": ["b", "z", "a", "z"]}))
    assert schema.columns == (CategoricalColumn("c", ("z", "a", "b")),)
    assert schema.output_names == ("c=z", "c=a", "c=b")
    X = pd.DataFrame({"c": ["a", "new", "z", None, "new"]})
    with pytest.warns(CoveyWarning, match="Of 5 rows, .*: 2 in 'c', the first 'new' in row 1"):
        found = encode(schema, X)
    np.testing.assert_array_equal(found, [[0, 1, 0], [0] * 3, [1, 0, 0], [0] * 3, [0] * 3])
    np.testing.assert_array_equal(encode(schema, X), found)  # said once


@pytest.mark.parametrize("make", [list, pd.Categorical, lambda c: pd.array(c, dtype="string")])
def test_missing_is_a_category_if_training_had_it(make):
    cells = make(["a", "b", None, ""])
    X = pd.DataFrame({"c": cells})
    schema = fit(X)
    assert schema.output_names == ("c=a", "c=b", "c is missing")
    np.testing.assert_array_equal(encode(schema, X), [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]])


@pytest.mark.parametrize(
    ("rows", "kept", "others"),
    [
        ({}, 64, 0),  # up to 64 labels each have a column
        ({"k": 6}, 64, 6),  # more, if they have at least 10 rows,
        ({"k": 6, "each": 10}, 70, 0),
        ({"k": 236, "each": 10}, 256, 44),  # and up to 256 of these
    ],
)
def test_rare_labels_share_a_column(rows, kept, others):
    values = [f"k{i:03d}" for i in range(64 + rows.get("k", 0))]
    X = pd.DataFrame({"c": values * rows.get("each", 2)})
    said = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        schema = fit(X)
        said = [str(warning.message) for warning in caught]
    assert schema.columns[0].categories == tuple(values[:kept])
    assert len(said) == (others > 0)
    if others:
        count = others * rows.get("each", 2)
        assert f"has {len(values)} labels, of which {others} in {count} rows (" in said[0]
        assert schema.output_names[-1] == "c=other"
        new = pd.DataFrame({"c": [values[-1], "new", values[0], None]})
        np.testing.assert_array_equal(encode(schema, new)[:, -1], [1, 1, 0, 0])


def test_labels_of_one_row_are_no_inputs():
    X = pd.DataFrame({"c": ["a"] * 3 + [f"k{i:03d}" for i in range(90)]})
    with pytest.warns(CoveyWarning, match=r"has 91 labels, of which 90 in 90 rows \(97%\)"):
        assert fit(X).output_names == ("c=a", "c=other")


SPELLINGS = [
    ("1", [1, 1.0, "1", np.int64(1), np.float32(1), Decimal("1.00"), 10**0]),
    ("1", ["1.0", 1]),
    ("0.5", [0.5, "0.5", np.float64(0.5), np.float32(0.5), Decimal("0.5")]),
    ("0", [0, 0.0, -0.0, "0"]),
    ("True", [True, np.True_, "True"]),
    ("9007199254740993", [9007199254740993, "9007199254740993"]),
    ("1e999", ["1e999"]),
    ("9" * 5000, ["9" * 5000]),
    ("1_0", ["1_0"]),
    ("none", ["none ", "none", " none"]),
    ("2024-01-05", [pd.Timestamp("2024-01-05"), datetime.date(2024, 1, 5), "2024-01-05"]),
]


@pytest.mark.parametrize(("label", "spellings"), SPELLINGS)
def test_spellings_of_one_value_share_a_label(label, spellings):
    cells = np.empty(len(spellings) + 2, dtype=object)
    cells[:] = [*spellings, "other", "other"]
    frame, named = read_features(pd.DataFrame({"c": cells}))
    column = FeatureSchema.fit(frame, named, Declared(frozenset("c"))).columns[0]
    assert set(column.categories) == {label, "other"}


def test_number_categories_survive_a_round_trip(tmp_path):
    X = pd.DataFrame(
        {
            "int": pd.Categorical([1, 2, 1, None]),
            "float": pd.Categorical([1.0, 2.5, 1.0, None]),
            "bool": pd.Categorical([True, False, True, None]),
            "code": ["01", "02", "01", "2"],
            "text": ["a", "b", None, "1"],
        }
    )
    schema = fit(X)
    write_table(X, tmp_path / "x.csv")
    as_text = pd.read_csv(tmp_path / "x.csv", dtype=str)
    np.testing.assert_array_equal(encode(schema, as_text), encode(schema, X))
    rows = json.loads(X.to_json(orient="records"))
    np.testing.assert_array_equal(encode(schema, pd.DataFrame(rows)), encode(schema, X))


def test_identifiers_are_left_out_with_one_warning():
    ids = [f"id{i}" for i in range(21)]
    X = pd.DataFrame({"id": ids, "key": ids[::-1], "x": range(21)})
    with pytest.warns(CoveyWarning, match="never repeats.*'id', 'key'") as caught:
        schema = fit(X)
    assert len(caught) == 1
    assert schema.output_names == ("x",)
    assert encode(schema, X).shape == (21, 1)
    assert fit(X.iloc[:20]).width == 41
    assert fit(pd.DataFrame({"id": [*ids, "id3"]})).width == 21


# Later tables


@pytest.fixture
def named_schema():
    return fit(pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [0.0, 1.0, 3.0], "c": ["x", "y", "x"]}))


def test_names_find_their_columns(named_schema):
    X = pd.DataFrame({"a": [4.0], "b": [3.0], "c": ["y"]})
    out = encode(named_schema, X)
    np.testing.assert_array_equal(encode(named_schema, X[["c", "b", "a"]]), out)


def test_extra_columns_are_ignored_and_told_once(named_schema):
    X = pd.DataFrame({"z": [0], "a": [4.0], "b": [3.0], "y": ["s"], "c": ["y"]})
    with pytest.warns(CoveyWarning, match="'y', 'z'") as caught:
        out = encode(named_schema, X)
    assert len(caught) == 1
    np.testing.assert_array_equal(encode(named_schema, X), out)
    with pytest.warns(CoveyWarning, match="ignored: 'w'"):
        encode(named_schema, X.assign(w=1))


def test_lacking_columns_are_all_named(named_schema):
    with pytest.raises(InputError, match=r"without 'a', 'c'\."):
        encode(named_schema, pd.DataFrame({"b": [1.0], "d": [2.0]}))


def test_arrays_are_taken_by_position_with_a_warning(named_schema):
    X = np.array([[4.0, 3.0, "y"]], dtype=object)
    with pytest.warns(
        UserWarning, match="X does not have valid feature names, but JointRegressor was fitted with"
    ):
        out = encode(named_schema, X)
    np.testing.assert_array_equal(out, encode(named_schema, pd.DataFrame(X, columns=list("abc"))))


def test_frames_are_taken_by_position_if_training_had_no_names():
    X = np.array([[1.0, 5.0], [2.0, 6.0], [4.0, 9.0]])
    schema = fit(X)
    np.testing.assert_array_equal(
        encode(schema, pd.DataFrame(X, columns=["x1", "x0"])), encode(schema, X)
    )


@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize(
    "X", [np.zeros((3, 3)), pd.DataFrame(np.zeros((3, 3)), columns=list("abc"))]
)
def test_the_number_of_columns_must_match(X, width):
    message = f"X has {width} features, but JointRegressor is expecting 3 features as input"
    with pytest.raises(InputError, match=message):
        encode(fit(X), np.zeros((2, width)))


def test_number_texts_are_parsed(named_schema):
    X = pd.DataFrame({"a": ["2.0", "", None], "b": [Decimal(1), "1", " 1"], "c": "x"})
    np.testing.assert_array_equal(encode(named_schema, X), [[0, 0, 1, 0]] * 3)


BAD_CELLS = [
    (["1.0", "many"], "'a' held numbers in training.*'many' in row 1"),
    ([1.0, "many"], "'a' held numbers in training.*'many'"),
    (pd.Categorical(["1", "many"]), "'a' held numbers in training.*'many'"),
    ([1.0, "inf"], "infinity in 'a'"),
    (pd.to_datetime(["2024-01-01", None]), "'a' held numbers in training.*2024"),
    ([{"foo": "bar"}, 1.0], "a dict in column 'a', row 0: {'foo': 'bar'}"),
]


@pytest.mark.parametrize(("cells", "message"), BAD_CELLS)
def test_numbers_must_stay_numbers(named_schema, cells, message):
    with pytest.raises(InputError, match=message):
        encode(named_schema, pd.DataFrame({"a": cells, "b": 1.0, "c": "x"}))


@pytest.mark.parametrize("cells", [[5.0], ["soon"], [True]])
def test_dates_must_stay_dates(cells):
    schema = fit(pd.DataFrame({"t": pd.to_datetime(["2024-01-01", "2024-01-03"])}))
    with pytest.raises(InputError, match="'t' held dates in training"):
        encode(schema, pd.DataFrame({"t": cells}))


# Manifest


def test_manifest_survives_json(mixed):
    schema = fit(mixed)
    manifest = schema.to_manifest()
    text = json.loads(json.dumps(manifest, allow_nan=False))
    assert text == manifest
    with pytest.warns(CoveyWarning, match="'extra'"):
        encode(schema, mixed.assign(extra=1))
    again = FeatureSchema.from_manifest(text)
    assert again == schema
    assert again.output_names == schema.output_names
    np.testing.assert_array_equal(encode(again, mixed), encode(schema, mixed))


def test_mixed_table_has_the_expected_columns(mixed):
    schema = fit(mixed)
    assert schema.output_names == (
        *(
            "T",
            "T is missing",
            "n",
            "n is missing",
            "price",
            "price is missing",
            "open",
            "day",
            "day is missing",
            *(f"day weekday {wave}" for wave in ("sin", "cos", "sin2", "cos2")),
            *("day season sin", "day season cos"),
        ),
        *("wait", "colour=red", "colour=blue", "colour=green", "colour is missing"),
        *("grade=1", "grade=2", "grade=3"),
    )
    out = encode(schema, mixed)
    assert out.shape == (6, schema.width)
    assert out.dtype == np.float32
    assert np.isfinite(out).all()
    # Alone or among others, and in a file, a row is the same row.
    np.testing.assert_array_equal(encode(schema, mixed.iloc[[2]]), out[[2]])


def test_csv_gives_the_same_matrix(mixed, tmp_path):
    schema = fit(mixed)
    write_table(mixed, tmp_path / "x.csv")
    later = read_table(tmp_path / "x.csv")
    np.testing.assert_array_equal(encode(schema, later), encode(schema, mixed))


@pytest.mark.parametrize(
    "manifest",
    [
        {},
        {"named": True},
        {"named": True, "columns": [{"name": "a", "missing": False, "kind": "tensor"}]},
        {"named": True, "columns": [{"name": "a", "missing": False, "kind": "number"}]},
        {"named": True, "columns": [None]},
    ],
)
def test_broken_manifests_are_refused(manifest):
    with pytest.raises(ArtifactError, match="cannot be read"):
        FeatureSchema.from_manifest(manifest)


# Targets


PAIR = [[1.0, 2.0], [3.0, 4.0]]
GOOD_TARGETS = [
    (np.array([[1, 2], [3, 4]]), PAIR, None, False),
    (PAIR, PAIR, None, False),
    (np.array([[1, 2.0], [Decimal(3), 4]], dtype=object), PAIR, None, False),
    (pd.DataFrame({"u": [1, 3], "v": [2.0, 4.0]}), PAIR, ("u", "v"), False),
    (pd.DataFrame({0: [1, 3], "v": [2.0, 4.0]}), PAIR, ("0", "v"), False),
    (pa.table({"u": [1, 3], "v": [2, 4]}), PAIR, ("u", "v"), False),
    (np.array([[1], [3]]), [[1.0], [3.0]], None, False),
    (pd.DataFrame({"u": [True, False]}), [[1.0], [0.0]], ("u",), False),
    (np.array([1, 3]), [[1.0], [3.0]], None, True),
    ([True, False], [[1.0], [0.0]], None, True),
    (pd.Series([1, 3], name="u"), [[1.0], [3.0]], ("u",), True),
    (pd.Series([1, 3]), [[1.0], [3.0]], None, True),
    (pa.chunked_array([[1, 3]]), [[1.0], [3.0]], None, True),
]


@pytest.mark.parametrize(("Y", "values", "names", "flat"), GOOD_TARGETS)
def test_targets_of_any_type(Y, values, names, flat):
    matrix, *rest, _ = read_targets(Y)
    assert matrix.dtype == np.float64
    np.testing.assert_array_equal(matrix, values, strict=False)
    assert matrix.ndim == 2
    assert rest == [names, flat]


BAD_TARGETS = [
    (
        pd.DataFrame({"u": [1.0, 2.0], "v": ["46.459", "high"]}, index=["p", "q"]),
        "must hold numbers. Received 'high' in row 'q', column 'v'",
    ),
    ([[1, "46.459"], [2, "x"]], "Received 'x' in row 1, column 'y1'"),
    ([[1, "46.459"], [2, [3]]], "Received a list in column 'y1', row 1: [3]. Make columns"),
    (pd.Series(["2024-01-01", "5"], name="v"), "Received '2024-01-01' in row 0, column 'v'"),
    ([["a"], ["b"]], "Received 'a' in row 0, column 'y0'"),
    (pd.DataFrame({"t": pd.to_datetime([None, "2024-01-01"])}), "00:00') in row 1, column 't'"),
    (np.array([[1.0, 4.0], [2.0, INF]]), "infinity in 'y1' (row 1). Take the logarithm, clip"),
    ([10**400, 1], f"...{'0' * 19} in row 0. Clip or drop them"),
    (pd.DataFrame({"u": [NAN, NAN], "v": [1.0, NAN]}), "nothing but NaN in 'u'. Leave"),
    (pd.DataFrame({"u": [None, None]}, dtype=object), "nothing but NaN in 'u'"),
    (pd.DataFrame([[1, 2]], columns=["a", "a"]), "more than one 'a'"),
    (np.empty((0, 2)), "0 sample(s)"),
    ([], "0 sample(s)"),
    (np.empty((2, 0)), "0 feature(s)"),
    (np.array([1j]), "Complex data not supported: `Y`"),
    (sparse.csr_array((3, 2)), "`Y` must be dense"),
    (np.zeros((2, 2, 2)), "`Y` must be a table"),
    (3.0, "`Y` must be a table"),
]


@pytest.mark.parametrize(("Y", "message"), BAD_TARGETS)
def test_bad_targets_are_refused(Y, message):
    with pytest.raises(InputError) as caught:
        read_targets(Y)
    assert message in str(caught.value)


def test_gaps_in_targets_are_nan():
    values, names, flat, _ = read_targets(
        pd.DataFrame({"u": [NAN, 1.0, 2.0], "v": pd.array([1, None, 3], dtype="Int64")})
    )
    np.testing.assert_array_equal(values, [[NAN, 1], [1, NAN], [2, 3]])
    assert (names, flat) == (("u", "v"), False)
    values, _, flat, _ = read_targets(pd.Series(pd.array([1, None, 2], dtype="Int64")))
    np.testing.assert_array_equal(values, [[1], [NAN], [2]])
    assert flat


def test_gaps_hide_no_constant_and_no_twin():
    with pytest.warns(CoveyWarning, match="constant: \\['u'\\]"):
        read_targets(pd.DataFrame({"u": [NAN, 1.0, 1.0], "v": [1.0, 2.0, NAN]}))
    with pytest.warns(CoveyWarning, match="identical"):
        read_targets(pd.DataFrame({"u": [NAN, 1.0, 2.0], "v": [NAN, 1.0, 2.0]}))


def test_importing_is_light():
    heavy = "{'keras', 'narwhals', 'pandas', 'pyarrow', 'scipy'}"
    code = f"import sys, covey.table; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("role", ["X", "Y"])
def test_a_dictionary_is_no_table(role):
    table = {"a": np.arange(200.0), "b": np.arange(200.0)}
    with pytest.raises(InputError, match=rf"a dict of 2 entries; pass pandas.DataFrame\({role}\)"):
        (read_features if role == "X" else read_targets)(table)


def test_a_column_that_was_written_with_blanks_is_still_read():
    column = CategoricalColumn("c", (" a", "b"))
    np.testing.assert_array_equal(
        column.encode(pd.Series(["a", " a", "b"])), [[1, 0], [1, 0], [0, 1]]
    )
