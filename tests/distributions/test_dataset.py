"""Distributions as tables of other libraries, and as Datasets."""

import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

import covey
from covey import LowRankMultivariateNormal, Mixture, MultivariateNormal, MultivariateT
from covey.errors import InputError

MEAN = np.arange(6.0).reshape(3, 2)
COVARIANCE = np.array([[[4.0, 1.0 + i], [1.0 + i, 9.0]] for i in range(3)])
LABELS = pd.Index(["p", "q", "r"], name="target")  # also the name of a dimension


def normal(index=None):
    joint = MultivariateNormal(MEAN, covariance=COVARIANCE, targets=["a", "b"])
    table = joint.to_frame()
    return joint if index is None else MultivariateNormal.from_frame(table.set_axis(index))


STUDENT_T = MultivariateT(
    MEAN, covariance=COVARIANCE, degrees_of_freedom=[3.0, 4.0, 5.0], targets=["a", "b"]
)
LOW_RANK = LowRankMultivariateNormal(
    MEAN, diagonal=[1.0, 2.0], factor=[[1.0], [2.0]], targets=["a", "b"]
)
KINDS = {
    "normal": normal(),
    "student_t": STUDENT_T,
    "low_rank": LOW_RANK,
    "mixture": Mixture([normal(), normal()._rescaled(np.array([2.0, 3.0]))]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_dimensions_have_names(kind):
    joint = KINDS[kind]
    found = joint.to_xarray()
    assert found["mean"].dims == ("row", "target")
    assert found["covariance"].dims == ("row", "target", "target_2")
    assert_array_equal(found["mean"], joint.mean)
    assert_array_equal(found["covariance"], joint.covariance)
    assert list(found["target"].values) == list(found["target_2"].values) == ["a", "b"]
    chosen = found["covariance"].sel(target="b", target_2="a")
    assert_array_equal(chosen, joint.covariance[:, 1, 0])
    assert "row" not in found.coords
    assert ("degrees_of_freedom" in found) == (kind == "student_t")
    found["mean"][0, 0] = 7.0  # a copy: the distributions cannot be changed
    assert joint.mean[0, 0] == 0.0


def test_row_labels_are_a_coordinate():
    found = normal(LABELS).to_xarray()
    assert_array_equal(found["mean"].sel(row="q"), MEAN[1])
    days = pd.date_range("2024-01-01", periods=3)
    assert list(normal(days).to_xarray().indexes["row"]) == list(days)
    pairs = pd.MultiIndex.from_tuples([("x", 1), ("x", 2), ("y", 1)], names=["row", None])
    several = normal(pairs).to_xarray()
    assert several["mean"].sel(row=("x", 2)).values.tolist() == [2.0, 3.0]
    assert MultivariateNormal.from_frame(several).index.equals(pairs)


@pytest.mark.parametrize("joint", [normal(), STUDENT_T, normal(LABELS)])
def test_a_dataset_is_read_back(joint):
    for data in (joint.to_xarray(), joint.to_xarray().transpose("target_2", "target", "row")):
        again = type(joint).from_frame(data)
        assert again.targets == ("a", "b")
        assert_array_equal(again.mean, joint.mean)
        assert_allclose(again.covariance, joint.covariance, rtol=1e-14)
        assert (again.index is None) == (joint.index is None)
        assert joint.index is None or again.index.equals(joint.index)
    # names, not places, say which covariance is which
    turned = joint.to_xarray().isel(target_2=[1, 0])
    assert_allclose(type(joint).from_frame(turned).covariance, joint.covariance, rtol=1e-14)


def test_datasets_that_hold_no_distributions():
    data = normal().to_xarray()
    for wrong in (
        data.drop_vars("covariance"),
        data.drop_vars("target"),
        data.assign(mean=data["mean"].isel(row=0)),
    ):
        with pytest.raises(InputError, match="Expected a Dataset as `to_xarray` makes it"):
            MultivariateNormal.from_frame(wrong)
    with pytest.raises(InputError, match=r"Use MultivariateT\.from_frame"):
        MultivariateNormal.from_frame(STUDENT_T.to_xarray())
    with pytest.raises(InputError, match="to_xarray"):
        MultivariateT.from_frame(data)
    with pytest.raises(InputError, match="Expected a table with the columns mean_<target>"):
        MultivariateNormal.from_frame(MEAN)


def test_xarray_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(InputError, match=r'pip install "covey\[xarray\]"'):
        normal().to_xarray()
    with pytest.raises(InputError, match=r'pip install "covey\[xarray\]"'):
        normal().to_frame(like="xarray")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("like", "library"),
    [
        (pd.DataFrame({"x": [0] * 3}), pd.DataFrame),
        (pl.DataFrame({"x": [0] * 3}), pl.DataFrame),
        (pa.table({"x": [0] * 3}), pa.Table),
        (xr.Dataset({"x": ("time", [0] * 3)}), xr.Dataset),
        (np.zeros(3, dtype=[("x", float)]), np.ndarray),
        ("polars", pl.DataFrame),
    ],
    ids=["pandas", "polars", "pyarrow", "xarray", "NumPy", "by name"],
)
def test_a_table_like_another(kind, like, library):
    joint = KINDS[kind]
    found = joint.to_frame(like=like)
    assert type(found) is library
    reader = MultivariateT if kind == "student_t" else MultivariateNormal
    again = reader.from_frame(found)
    assert again.targets == ("a", "b")
    assert_array_equal(again.mean, joint.mean)
    assert_allclose(again.covariance, joint.covariance, rtol=1e-14)


def test_labels_of_what_a_table_is_like():
    X = pd.DataFrame({"x": [0.0] * 3}, index=LABELS)
    plain, labelled = normal(), normal(LABELS)
    assert plain.to_frame(like=X).index.equals(LABELS)
    assert labelled.to_frame(like=X).index.equals(LABELS)
    assert labelled.to_frame(like=X.reset_index(drop=True)).index.equals(LABELS)
    assert labelled.to_frame(like=X[:0]).index.equals(LABELS)  # of the library alone
    assert list(plain.to_frame(like=X, index=False).index) == [0, 1, 2]
    assert list(plain.to_frame(index=[7, 8, 9], like=X).index) == [7, 8, 9]
    with pytest.raises(InputError, match="in different orders"):
        labelled.to_frame(like=X[::-1])
    data = xr.Dataset({"x": ("time", [0.0] * 3)}, coords={"time": list("pqr")})
    assert list(plain.to_frame(like=data).indexes["time"]) == ["p", "q", "r"]
    assert list(labelled.to_frame(like=data.drop_vars("time")).indexes["time"]) == ["p", "q", "r"]


def test_tables_of_pandas_in_other_libraries_keep_labels():
    again = MultivariateNormal.from_frame(pa.Table.from_pandas(normal(LABELS).to_frame()))
    assert list(again.index) == ["p", "q", "r"]
    assert MultivariateNormal.from_frame(normal(LABELS).to_frame(like="polars")).index is None


def test_covey_does_not_import_what_it_may_not_need():
    assert "xarray" not in vars(covey)
