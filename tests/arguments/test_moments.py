"""Labelled means and covariances."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import xarray as xr
from numpy.testing import assert_array_equal

from covey import LowRankMultivariateNormal, MultivariateNormal, MultivariateT
from covey.errors import InputError

Y = pd.DataFrame({"b": [1.0, 2.0, 4.0, 3.0], "a": [5.0, 1.0, 0.0, 2.0], "c": [0.0, 1.0, 1.0, 7.0]})
COVARIANCE = Y.cov()
KINDS = {
    "normal": MultivariateNormal,
    "student_t": lambda mean, **rest: MultivariateT(mean, degrees_of_freedom=5.0, **rest),
}
any_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


@any_kind
def test_names_come_from_what_has_them(kind):
    joint = kind(Y.mean(), covariance=COVARIANCE)  # a Series and a frame, as pandas gives them
    assert joint.targets == ("b", "a", "c")
    for mean, covariance in (
        (Y.mean().to_numpy(), COVARIANCE),
        (Y.mean(), COVARIANCE.to_numpy()),
        (Y.mean().to_frame().T, COVARIANCE.loc[["c", "a", "b"], ["a", "c", "b"]]),
        (
            pl.DataFrame(Y.mean().to_frame().T),
            pl.DataFrame(COVARIANCE[["a", "b", "c"]].loc[["a", "b", "c"]]),
        ),
        (xr.DataArray(Y.mean(), dims="gas"), xr.DataArray(COVARIANCE, dims=("gas", "other"))),
    ):
        found = kind(mean, covariance=covariance)
        assert found.targets == joint.targets
        assert_array_equal(found.mean, joint.mean)
        np.testing.assert_allclose(found.covariance, joint.covariance, rtol=1e-14)
        assert found.index is None


@any_kind
def test_the_order_of_the_targets_is_the_users(kind):
    joint = kind(Y.mean(), covariance=COVARIANCE, targets=["a", "b", "c"])
    assert joint.targets == ("a", "b", "c")
    assert_array_equal(joint.mean, [Y.mean()[["a", "b", "c"]]])
    expected = COVARIANCE.loc[["a", "b", "c"], ["a", "b", "c"]]
    np.testing.assert_allclose(joint.covariance[0], expected, rtol=1e-14)
    renamed = kind(Y.mean(), covariance=COVARIANCE, targets=["x", "y", "z"])
    assert_array_equal(renamed.mean, [Y.mean()])
    plain = kind(pd.DataFrame(np.zeros((1, 3))), covariance=pd.DataFrame(np.eye(3)))
    assert plain.targets == ("y0", "y1", "y2")


@any_kind
def test_names_of_others_are_refused(kind):
    other = COVARIANCE.rename(columns={"c": "d"}, index={"c": "d"})
    with pytest.raises(InputError, match=r"`covariance` to be of the targets \['b', 'a', 'c'\]"):
        kind(Y.mean(), covariance=other)
    with pytest.raises(InputError, match=r"`covariance` to be of the targets"):
        kind(Y.mean(), covariance=COVARIANCE.rename(index={"c": "d"}))
    with pytest.raises(InputError, match=r"`mean` to be of the targets \['b', 'a', 'd'\]"):
        kind(Y.mean(), covariance=np.eye(3), targets=["b", "a", "d"])
    factor = pd.DataFrame(np.linalg.cholesky(COVARIANCE), columns=COVARIANCE.columns)
    assert kind(Y.mean(), scale_tril=factor).targets == ("b", "a", "c")
    with pytest.raises(InputError, match="for it is triangular"):
        kind(Y.mean()[["a", "b", "c"]], scale_tril=factor)


@any_kind
def test_rows_of_a_mean_keep_their_labels(kind):
    mean = Y.set_axis(list("pqrs"))
    joint = kind(mean, covariance=COVARIANCE)
    assert list(joint.index) == list("pqrs")
    assert list(joint[1:].to_frame().index) == list("qrs")
    with pytest.raises(InputError, match="different orders"):
        joint.log_prob(mean[::-1])
    assert kind(Y, covariance=COVARIANCE).index is None


def test_low_rank():
    diagonal = pd.Series({"a": 1.0, "b": 2.0, "c": 3.0})
    mean = Y.set_axis(list("pqrs"))
    joint = LowRankMultivariateNormal(mean, diagonal=diagonal, factor=np.zeros((3, 1)))
    assert joint.targets == ("b", "a", "c")
    assert_array_equal(joint.diagonal[0], [2.0, 1.0, 3.0])
    assert list(joint.index) == list("pqrs")
