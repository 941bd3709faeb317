"""What `--columns` writes, beside SciPy and the distribution's own arrays."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import covey
from covey.errors import InputError
from covey.fitted.figures import Figures

MEAN = np.array([[1.0, -2.0], [3.0, 4.0], [0.0, 0.0]])
COVARIANCE = np.array([[[4.0, 1.0], [1.0, 9.0]]] * 3)


@pytest.fixture(scope="module")
def joint():
    return covey.MultivariateNormal(MEAN, covariance=COVARIANCE, targets=["CO", "NO x"])


def written(joint, *words, seed=None):
    return Figures.named(words, seed).of(joint)


def test_moments(joint):
    table = written(joint, "mean", "std", "cov", "correlation")
    assert list(table.columns) == [
        *("mean_CO", "mean_NO x", "std_CO", "std_NO x"),
        *("cov_CO_CO", "cov_CO_NO x", "cov_NO x_NO x", "correlation_CO_NO x"),
    ]
    np.testing.assert_allclose(table.to_numpy()[0], [1, -2, 2, 3, 4, 1, 9, 1 / 6])
    pd.testing.assert_frame_equal(written(joint, "mean", "cov"), joint.to_frame())


def test_intervals_and_quantiles(joint):
    table = written(joint, "interval90", "quantile5", "quantile97.5", "quantile0.5")
    assert list(table.columns) == [
        *("lower90_CO", "lower90_NO x", "upper90_CO", "upper90_NO x"),
        *("quantile05_CO", "quantile05_NO x", "quantile97.5_CO", "quantile97.5_NO x"),
        *("quantile50_CO", "quantile50_NO x"),
    ]
    law = stats.norm(MEAN[:, 1], 3)
    for column, level in (
        ("lower90_NO x", 0.05),
        ("upper90_NO x", 0.95),
        ("quantile05_NO x", 0.05),
        ("quantile97.5_NO x", 0.975),
        ("quantile50_NO x", 0.5),
    ):
        np.testing.assert_allclose(table[column], law.ppf(level), atol=1e-9)


@pytest.mark.parametrize(("one", "two"), [("interval0.9", "interval90"), ("Mean", "mean")])
def test_other_spellings(joint, one, two):
    pd.testing.assert_frame_equal(written(joint, one), written(joint, two))


def test_quantiles_are_five(joint):
    table = written(joint, "quantiles")
    assert [name for name in table.columns if name.endswith("CO")] == [
        f"quantile{percent}_CO" for percent in ("05", "25", "50", "75", "95")
    ]


def test_samples_are_joint(joint):
    table = written(joint, "sample4000", seed=0)
    assert list(table.columns[:3]) == ["sample1_CO", "sample1_NO x", "sample2_CO"]
    draws = table.to_numpy().reshape(3, 4000, 2)
    np.testing.assert_allclose(draws.mean(axis=1), MEAN, atol=0.2)
    np.testing.assert_allclose(np.cov(draws[1].T), COVARIANCE[1], rtol=0.15)
    pd.testing.assert_frame_equal(table, written(joint, "sample4000", seed=0))
    assert not table.equals(written(joint, "sample4000", seed=1))


def test_rows_keep_their_labels(joint):
    joint = joint[[2, 0]]
    frame = written(joint, "mean")
    assert len(frame) == 2
    np.testing.assert_array_equal(frame["mean_CO"], [0.0, 1.0])


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("means", "Did you mean mean?"),
        ("sdt", "Did you mean std?"),
        ("interval", "'interval'. Did you mean interval90?"),
        ("interval100", "between 0 and 100 per cent"),
        ("quantile0", "between 0 and 100 per cent"),
        ("sample0", "number of draws"),
        ("sample1.5", "number of draws"),
        ("sample1000000000", "number of draws"),
        ("mean3", "Received: 'mean3'"),
        ("90", "Received: '90'"),
        ("interval-90", "Received"),
        ("quantilenan", "Received"),
    ],
)
def test_what_is_nothing_is_refused(word, said):
    with pytest.raises(InputError) as raised:
        Figures.named([word])
    assert said in str(raised.value)
    assert "`columns`" in str(raised.value)


def test_names_are_known_without_figures():
    words = ("mean", "cov", "correlation", "interval90", "quantile5", "sample2", "std")
    found = Figures.named(words).names(["CO", "NO x"])
    assert found == [
        *("mean_CO", "mean_NO x", "cov_CO_CO", "cov_CO_NO x", "cov_NO x_NO x"),
        *("correlation_CO_NO x", "lower90_CO", "lower90_NO x", "upper90_CO", "upper90_NO x"),
        *("quantile05_CO", "quantile05_NO x", "sample1_CO", "sample1_NO x"),
        *("sample2_CO", "sample2_NO x", "std_CO", "std_NO x"),
    ]
