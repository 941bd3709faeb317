"""The same table from any library means the same, at every door."""

import copy

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr
from numpy.testing import assert_array_equal

import covey
from covey import scores
from covey.errors import CoveyWarning, InputError
from covey.rows.training_table import TrainingTable
from covey.table import FeatureSchema, read_features

N = 40
R = np.random.default_rng(0)
FEATURES = pd.DataFrame({"u": R.normal(size=N).round(3), "v": R.integers(0, 9, N).astype(float)})
TARGETS = FEATURES @ [[1.0, 0.5], [0.0, 2.0]] + R.normal(size=(N, 2)).round(3)
TARGETS.columns = ["a", "b"]
TARGETS.loc[3:5, "a"] = np.nan
WORDS = np.array(["red", "blue", "green", "blue"] * (N // 4))


def structured(frame, order="<"):
    kinds = [(n, f"{order}f8" if frame[n].dtype.kind == "f" else "U5") for n in frame]
    return np.array(list(frame.itertuples(index=False, name=None)), dtype=kinds)


def masked(frame):
    plain = structured(frame.fillna(99.0))
    gaps = list(map(tuple, frame.isna().to_numpy()))
    return np.ma.array(plain, mask=np.array(gaps, dtype=[(name, bool) for name in frame]))


def arrow(frame):
    return pa.Table.from_pandas(frame, preserve_index=False)


def other_order(frame):
    numbers = frame.select_dtypes("number").columns
    return frame.astype(dict.fromkeys(numbers, ">f8"))


def sparse(frame):
    numbers = frame.select_dtypes("number").columns
    return frame.astype(dict.fromkeys(numbers, pd.SparseDtype(float, np.nan)))


def dataset(frame):
    return xr.Dataset({name: ("time", frame[name].to_numpy()) for name in frame})


def data_array(frame):
    return xr.DataArray(frame.to_numpy(), dims=("time", "what"), coords={"what": list(frame)})


NAMED = {
    "pandas": lambda f: f,
    "nullable": lambda f: f.convert_dtypes(),
    "backed by Arrow": lambda f: f.convert_dtypes(dtype_backend="pyarrow"),
    "objects": lambda f: f.astype(object),
    "sparse": sparse,
    "the other byte order": other_order,
    "polars": pl.from_pandas,
    "Table": arrow,
    "Table of pandas": pa.Table.from_pandas,
    "chunks": lambda f: pa.concat_tables([arrow(f[:1]), arrow(f[1:])]),
    "RecordBatch": lambda f: arrow(f).combine_chunks().to_batches()[0],
    "structured": structured,
    "structured, the other byte order": lambda f: structured(f, ">"),
    "records": lambda f: structured(f).view(np.recarray),
    "masked fields": masked,
    "Dataset": dataset,
}
NUMBERS = {  # of one type for all columns
    "DataArray": data_array,
    "categories": lambda f: f.astype("category"),
    "dictionaries": lambda f: pa.table({n: arrow(f)[n].dictionary_encode() for n in f}),
}
NAMELESS = {
    "array": lambda f: f.to_numpy(),
    "array, the other byte order": lambda f: f.to_numpy().astype(">f8"),
    "array of objects": lambda f: f.to_numpy().astype(object),
    "masked array": lambda f: np.ma.masked_invalid(f.to_numpy()),
    "Fortran's": lambda f: np.asfortranarray(f.to_numpy()),
    "lists": lambda f: f.to_numpy().tolist(),
    "DataArray of no names": lambda f: xr.DataArray(f.to_numpy(), dims=("time", "what")),
}
COLUMNS = {
    "Series": lambda s: s,
    "nullable": lambda s: s.convert_dtypes(),
    "sparse": lambda s: s.astype(pd.SparseDtype(float, np.nan)),
    "the other byte order": lambda s: s.astype(">f8"),
    "array": lambda s: s.to_numpy(),
    "array, the other byte order": lambda s: s.to_numpy().astype(">f8"),
    "list": lambda s: s.tolist(),
    "polars": lambda s: pl.Series(s.name, s.to_numpy()),
    "ChunkedArray": lambda s: pa.chunked_array([s[:9], s[9:]]),
    "Array": lambda s: pa.array(s),
    "DataArray": lambda s: xr.DataArray(s.to_numpy(), dims="time", name=s.name),
}
TABLES_OF_ONE = {
    "DataFrame": lambda s: s.to_frame(),
    "DataFrame of polars": lambda s: pl.DataFrame({s.name: s.to_numpy()}),
    "Table": lambda s: pa.table({s.name: s}),
    "Dataset": lambda s: xr.Dataset({s.name: ("time", s.to_numpy())}),
    "a field": lambda s: np.array([(v,) for v in s], dtype=[(s.name, float)]),
}


def of(kinds):
    return pytest.mark.parametrize("convert", kinds.values(), ids=kinds)


@pytest.fixture(scope="module")
def model():
    settings = {"members": 2, "hidden_units": (4,), "max_steps": 1, "random_state": 0}
    return covey.JointRegressor("student_t", verbose=0, **settings).fit(FEATURES, TARGETS)


@pytest.fixture(scope="module")
def joint(model):
    return model.predict_distribution(FEATURES)


def matrix(X):
    frame, named = read_features(X)
    schema = FeatureSchema.fit(frame, named)
    return schema.output_names, schema.transform(frame, named)


@of(NAMED)
def test_features(convert):
    X = FEATURES.assign(word=WORDS)
    X.loc[2, "u"] = np.nan
    names, expected = matrix(X)
    assert names == ("u", "u is missing", "v", "word=blue", "word=green", "word=red")
    found_names, found = matrix(convert(X))
    assert sorted(found_names) == sorted(names)
    assert_array_equal(found[:, [found_names.index(name) for name in names]], expected)


@of({"DataArray": data_array} | NAMELESS)
def test_features_of_numbers(convert):
    X = FEATURES.copy()
    X.loc[2, "u"] = np.nan
    assert_array_equal(matrix(convert(X))[1], matrix(X)[1])


@of(NAMED | NUMBERS | NAMELESS)
def test_targets_of_a_fit(convert):
    read = TrainingTable.read(
        FEATURES, convert(TARGETS), None, None, members=2, cv="shuffled", seed=0
    )
    assert_array_equal(read.data.Y, TARGETS)
    assert read.data.targets == (("y0", "y1") if convert in NAMELESS.values() else ("a", "b"))
    assert not read.one_dimensional


# name -> what is done with observed targets, and with values without gaps
DOORS = {
    "log_prob": lambda m, j, Y, b: j.log_prob(Y),
    "mahalanobis": lambda m, j, Y, b: j.mahalanobis(Y),
    "contains": lambda m, j, Y, b: j.region(0.5).contains(Y),
    "of a mixture": lambda m, j, Y, b: m.predict_mixture(FEATURES).log_prob(Y),
    "a score": lambda m, j, Y, b: scores.crps(j, Y),
    "conditional": lambda m, j, Y, b: j.conditional(Y).mean,
    "given": lambda m, j, Y, b: m.predict_distribution(FEATURES, given=Y).mean,
    "score": lambda m, j, Y, b: m.score(FEATURES, Y),
    "evaluate": lambda m, j, Y, b: str(m.evaluate(FEATURES, Y, np.arange(N) % 3)),
    "calibrate": lambda m, j, Y, b: calibrated(m, Y).fitted_.calibration_set.values,
    "bounds": lambda m, j, Y, b: j.probability(b),
    "b of affine": lambda m, j, Y, b: j.affine(np.eye(2), b=b).mean,
}


def calibrated(model, Y):
    return copy.copy(model).calibrate(FEATURES, Y)


@pytest.mark.filterwarnings("ignore:About .* the model was trained on")
@of(NAMED | NUMBERS | NAMELESS)
def test_observed_targets(model, joint, convert):
    """Columns with names are found by these, in any order."""
    turned = TARGETS if convert in NAMELESS.values() else TARGETS[["b", "a"]]
    filled = TARGETS.fillna(0.5).to_numpy()
    for name, door in DOORS.items():
        found = door(model, joint, convert(turned), convert(turned.fillna(0.5)))
        expected = door(model, joint, TARGETS.to_numpy(), filled)
        assert_array_equal(found, expected, err_msg=name)


WEIGHT = pd.Series(np.arange(N) % 4 + 0.5, name="weight")
GROUP = pd.Series(np.arange(N) // 5 + 0.0, name="group")


@pytest.mark.filterwarnings("ignore:About .* the model was trained on")
@of(COLUMNS | TABLES_OF_ONE)
def test_weights_and_groups(model, convert):
    def read(weight, group):
        shares = {"members": 2, "cv": None, "seed": 0}
        data = TrainingTable.read(FEATURES, TARGETS, weight, group, **shares).data
        return [data.weight, *data.folds.trains]

    for found, expected in zip(
        read(convert(WEIGHT), convert(GROUP)),
        read(WEIGHT.to_numpy(), GROUP.to_numpy()),
        strict=True,
    ):
        assert_array_equal(found, expected)
    expected = model.score(FEATURES, TARGETS, WEIGHT.to_numpy())
    assert model.score(FEATURES, TARGETS, convert(WEIGHT)) == expected
    assert model.score(FEATURES, TARGETS, np.ones(N)) != expected


@of(COLUMNS)
def test_one_column_in_a_mapping(joint, convert):
    column = convert(TARGETS["a"].fillna(0.5))
    plain = TARGETS["a"].fillna(0.5).to_numpy()
    for door in (
        lambda a: joint.conditional({"a": a}).mean,
        lambda a: joint.probability(upper={"a": a}),
        lambda a: joint.affine({"c": {"a": a}}, b={"c": a}).mean,
        lambda a: joint["a"].log_prob(a),
        lambda a: joint["a"].probability(a),
    ):
        assert_array_equal(door(column), door(plain))


@of({name: convert for name, convert in COLUMNS.items() if "rray" not in name and name != "list"})
def test_one_column_by_its_name(joint, convert):
    column = convert(TARGETS["a"].fillna(0.5))
    plain = {"a": TARGETS["a"].fillna(0.5).to_numpy()}
    assert joint.conditional(column).targets == ("b",)
    assert_array_equal(joint.conditional(column).mean, joint.conditional(plain).mean)
    assert_array_equal(joint.probability(upper=column), joint.probability(upper=plain))


@of(NAMED | NAMELESS)
def test_coefficients_of_a_frame(joint, convert):
    frame = pd.DataFrame({"a": [0.5, 0.0], "b": [1.0, 2.0]})
    expected = joint.affine([[0.5, 1.0], [0.0, 2.0]]).mean
    turned = frame if convert in NAMELESS.values() else frame[["b", "a"]]
    assert_array_equal(joint.affine(convert(turned)).mean, expected)


def test_lazy_tables_are_asked_into_memory(joint):
    lazy = pl.from_pandas(TARGETS).lazy()
    for read in (joint.log_prob, joint.conditional, joint.probability, read_features):
        with pytest.raises(InputError, match=r"a query that has not run; pass \w+\.collect\(\)"):
            read(lazy)


# labels

DAYS = pd.date_range("2024-01-01", periods=N, name="day")
LABELLED = {
    "pandas": lambda f: f,
    "Dataset": lambda f: dataset(f).assign_coords(time=("time", f.index)),
    "DataArray": lambda f: data_array(f).assign_coords(time=("time", f.index)),
    "Table of pandas": pa.Table.from_pandas,
}


@of(LABELLED)
def test_labels_are_those_of_any_library(model, convert):
    X, Y = FEATURES.set_axis(DAYS), TARGETS.set_axis(DAYS)
    joint = model.predict_distribution(convert(X))
    assert list(joint.index) == list(DAYS)
    assert_array_equal(joint.log_prob(convert(Y)), joint.log_prob(Y.to_numpy()))
    for door in (joint.log_prob, joint.conditional, joint.region(0.5).contains):
        with pytest.raises(InputError, match="same row labels in different orders"):
            door(convert(Y[::-1]))
    with pytest.raises(InputError, match="same row labels"):
        model.score(convert(X), convert(Y.set_axis(DAYS + pd.Timedelta("1h"))))
    read = {"members": 2, "cv": "shuffled", "seed": 0}
    table = TrainingTable.read(convert(X), TARGETS.to_numpy(), None, None, **read)
    assert list(table.labels) == list(DAYS)


def test_tables_without_labels_beside_tables_with_some(model, recwarn):
    """Rows of weight 0 leave: what is left has labels of one side alone."""
    weight = np.arange(N) % 2
    for X in (pl.from_pandas(FEATURES), FEATURES.set_axis(DAYS), dataset(FEATURES)):
        for Y in (TARGETS.set_axis(DAYS), pl.from_pandas(TARGETS), TARGETS.to_numpy()):
            assert model.evaluate(X, Y, weight)["rows"] == N // 2
    assert not [w for w in recwarn if "by their position" in str(w.message)]


def test_labels_of_numbers_in_the_other_byte_order(model):
    index = pd.Index(np.arange(N)[::-1].astype(">i4"))
    joint = model.predict_distribution(FEATURES.set_axis(index))
    table = TARGETS.set_axis(index)
    assert_array_equal(joint.log_prob(table), joint.log_prob(TARGETS.to_numpy()))
    with pytest.raises(InputError, match="different orders"):
        joint.log_prob(table[::-1])


@pytest.mark.filterwarnings("error")
def test_big_endian_tables_with_gaps_are_fitted_with_a_base():
    from sklearn.linear_model import LinearRegression

    settings = {"members": 2, "hidden_units": (4,), "max_steps": 1, "random_state": 0, "verbose": 0}
    model = covey.JointRegressor("student_t", base=LinearRegression(), **settings)
    expected = model.fit(FEATURES, TARGETS).predict(FEATURES)
    found = model.fit(other_order(FEATURES), other_order(TARGETS)).predict(other_order(FEATURES))
    assert_array_equal(found, expected)
    again = model.fit(structured(FEATURES, ">"), structured(TARGETS, ">"))
    assert_array_equal(again.predict(structured(FEATURES, ">")), expected)
    assert again.predict(structured(FEATURES)).shape == (N, 2)  # all targets


def test_default_numbers_beside_labels_are_said(joint, model):
    joint = model.predict_distribution(dataset(FEATURES).assign_coords(time=("time", DAYS)))
    with pytest.warns(CoveyWarning, match="taken by their position"):
        joint.log_prob(TARGETS)
    joint.log_prob(dataset(TARGETS))  # without a coordinate
