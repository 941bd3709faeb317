"""Columns of plain numbers are encoded together, and come to what each is by itself."""

import numpy as np
import pandas as pd
import pytest

from covey.errors import CoveyWarning, InputError
from covey.table import plain_numbers
from covey.table.number_column import NumericColumn
from covey.table.read import read_features
from covey.table.schema import FeatureSchema

N = 40


def training():
    r = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "x": r.normal(size=N),
            "gaps": np.where(np.arange(N) % 5 == 0, np.nan, r.normal(size=N)),
            "label": np.where(np.arange(N) % 2, "red", "blue"),
            "whole": r.integers(0, 50, N),
            "constant": np.full(N, 7.0),
            "yes": np.arange(N) % 3 == 0,
            "share": [f"{i}%" for i in range(N)],
            "single": r.normal(size=N).astype(np.float32),
        }
    )
    return frame


def schema(frame=None, reach=0.0):
    return FeatureSchema.fit(*read_features(training() if frame is None else frame)).reaching(reach)


def bounded(values, seen, reach=0.0):
    """The closed form: median and interquartile range of training, ends of training, bound of 3."""
    seen = np.asarray(seen, dtype=np.float64)
    seen = seen[~np.isnan(seen)]
    low, center, high = np.percentile(seen, [25, 50, 75])
    scale = (high - low) / 1.349 or seen.std()
    further = reach * np.ptp(seen)
    z = (np.clip(values, seen.min() - further, seen.max() + further) - center) / scale
    return np.where(np.isnan(values), 0.0, z / np.sqrt(1 + z**2 / 9))


def test_every_column_is_where_its_name_says_whatever_types_stand_beside_it():
    frame = training()
    found = schema()
    matrix = found.transform(*read_features(frame))
    by_name = dict(zip(found.output_names, matrix.T, strict=True))
    assert matrix.shape[1] == len(by_name)
    for name in ("x", "gaps", "whole", "yes", "single"):
        values = frame[name].to_numpy(np.float64)
        np.testing.assert_allclose(by_name[name], bounded(values, values), atol=1e-6)
    np.testing.assert_array_equal(by_name["gaps is missing"], frame["gaps"].isna())
    np.testing.assert_array_equal(by_name["label=red"], frame["label"] == "red")
    assert "constant" not in by_name


@pytest.mark.parametrize(
    "told",
    [
        lambda f: f[f.columns[::-1]],
        lambda f: f.assign(extra=1.0)[["extra", *f.columns]],
        lambda f: f.astype({"x": "Float64", "gaps": "Float64", "whole": "Int64"}),
        lambda f: f.astype({"x": object, "whole": str, "gaps": object}),
        lambda f: f.astype({"whole": np.uint8, "yes": np.float32}),
        lambda f: f.set_axis([f"{name} " for name in f.columns], axis=1),
        lambda f: f.set_axis(pd.RangeIndex(100, 100 + len(f))),
    ],
    ids=["reversed", "one more", "nullable", "objects", "small types", "blanks", "labels"],
)
@pytest.mark.filterwarnings("ignore:Columns of `X` that training did not have")
def test_order_types_and_names_do_not_matter(told):
    plain = schema().transform(*read_features(training()))
    np.testing.assert_array_equal(schema().transform(*read_features(told(training()))), plain)


def test_one_row_comes_to_the_same_as_many(monkeypatch):
    later = training().sample(frac=1.0, random_state=1)
    whole = schema().transform(*read_features(later))
    for row in range(3):
        np.testing.assert_array_equal(
            schema().transform(*read_features(later.iloc[[row]])), whole[[row]]
        )
    monkeypatch.setattr(plain_numbers, "CACHED", 20)  # a few rows at a time
    np.testing.assert_array_equal(schema().transform(*read_features(later)), whole)


@pytest.mark.filterwarnings("ignore::covey.errors.CoveyWarning")
def test_numbers_beyond_training_are_held_and_followed_column_by_column():
    later = training().assign(x=[1e3, *training()["x"][1:]], whole=[-400, *training()["whole"][1:]])
    matrix, followed = schema(reach=2.0).matrices(*read_features(later))
    names = schema().output_names
    for name in ("x", "whole"):
        values, seen = later[name].to_numpy(np.float64), training()[name]
        place = names.index(name)
        np.testing.assert_allclose(matrix[:, place], bounded(values, seen), atol=1e-6)
        np.testing.assert_allclose(followed[:, place], bounded(values, seen, 2.0), atol=1e-6)
        assert followed[0, place] != matrix[0, place]
    others = [i for i, name in enumerate(names) if name not in ("x", "whole")]
    np.testing.assert_array_equal(matrix[:, others], followed[:, others])


def test_a_column_beyond_training_is_named_once():
    later = training().assign(single=np.float32(99.0))
    known = schema()
    with pytest.warns(CoveyWarning, match="'single' above"):
        known.transform(*read_features(later))


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_is_refused_by_the_name_of_the_column_and_its_row(value):
    later = training()
    later.loc[3, "gaps"] = value
    with pytest.raises(InputError, match=r"infinity in 'gaps' \(.*3"):
        schema().transform(*read_features(later))


def test_complex_numbers_are_refused_by_name():
    with pytest.raises(InputError, match="complex numbers in 'x'"):
        read_features(training().assign(x=1j))
    with pytest.raises(InputError, match="complex numbers in 'x'"):
        read_features(training().assign(x=[1j, *[1.0] * (N - 1)]).astype({"x": object}))


def test_names_become_plain_text():
    frame = pd.DataFrame(np.zeros((3, 2)))
    for names in ([np.str_("a"), np.str_("b")], [1, 2]):
        named = frame.set_axis(pd.Index(names, dtype=object), axis=1)
        assert [type(name) for name in read_features(named)[0].columns] == [str, str]


def test_a_list_of_records_is_refused_in_words():
    records = list(np.array([(1.0, 2.0), (3.0, 4.0)], dtype=[("p", float), ("q", float)]))
    with pytest.raises(InputError):
        read_features(records)


def test_what_was_read_together_is_not_read_again(monkeypatch):
    """Not even where numbers are beyond those of training, which is said of each column."""
    later, known = training().assign(x=[99.0, *training()["x"][1:]]), schema(reach=1.0)

    def read(self, column, **_):
        assert self.name == "share"  # the one column here that is text
        return real(self, column, **_)

    real = NumericColumn.read
    monkeypatch.setattr(NumericColumn, "read", read)
    with pytest.warns(CoveyWarning, match="'x' above"):
        known.matrices(*read_features(later))


def test_a_table_of_empty_cells_is_of_missing_numbers():
    later = training().assign(gaps=np.nan, x=np.nan)
    matrix = schema().transform(*read_features(later))
    names = schema().output_names
    assert (matrix[:, names.index("gaps is missing")] == 1).all()
    assert (matrix[:, [names.index("gaps"), names.index("x")]] == 0).all()
