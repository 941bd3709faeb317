"""What other rooms ask of distributions, against the public methods."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from covey.distributions import MultivariateT, internals
from covey.distributions.conformal import CalibrationSet
from covey.errors import InputError

from .test_joint import any_kind, draw, each_kind

GAPS = np.array([[0, 0, 0, 0], [0, 1, 0, 1], [1, 1, 0, 1], [1, 1, 1, 1]], dtype=bool)


def values_of(joint):
    return np.where(GAPS, np.nan, joint.mean + 1.5 * joint.stddev * [1, -1, 0.3, 2])


def given_the_others(joint, values, target):
    others = values.copy()
    others[:, target] = np.nan
    return joint.conditional(others)


@any_kind
def test_the_mean_given_the_others_is_that_of_the_conditional(kind):
    joint = draw(kind, 4, 4)
    values = values_of(joint)
    found = internals.mean_given_others(joint, values)
    for target in range(4):
        expected = given_the_others(joint, values, target).mean[:, target]
        assert_allclose(found[:, target], np.where(GAPS[:, target], np.nan, expected))


@each_kind
def test_the_moments_given_the_others_are_those_of_the_conditional(kind):
    joint = draw(kind, 4, 4)
    values = values_of(joint)
    mean, stddev = internals.moments_given_others(joint, values)
    for target in range(4):
        expected = given_the_others(joint, values, target)
        for found, right in ((mean, expected.mean), (stddev, expected.stddev)):
            assert_allclose(found[:, target], np.where(GAPS[:, target], np.nan, right[:, target]))


@any_kind
def test_the_cdf_inverts_the_quantiles(kind):
    joint = draw(kind, 4, 4)
    y = joint.quantile(0.3)
    assert_allclose(internals.cdf(joint, y), 0.3, rtol=1e-6)
    assert np.isnan(internals.cdf(joint, np.full((4, 4), np.nan))).all()
    with pytest.raises(InputError, match="method"):
        internals.cdf(joint, y, "rows")


@each_kind
def test_the_level_is_that_of_the_region_through_the_values(kind):
    joint = draw(kind, 4, 4)
    region = joint.region(0.7)
    assert_allclose(internals.level_of(joint, region.center + region.axes()[:, 0]), 0.7, rtol=1e-6)
    score = internals.nonconformity(joint, region.center + region.axes()[:, 0])
    assert_allclose(score, np.log(0.7 / 0.3), rtol=1e-5)
    assert np.isnan(internals.level_of(joint, np.full((4, 4), np.nan))).all()


@any_kind
def test_rescaled_distributions_have_these_covariances_and_the_same_means(kind):
    joint, scales = draw(kind, 4, 4), np.array([0.5, 1.0, 2.0, 10.0])
    found = internals.rescaled(joint, scales)
    assert_allclose(found.mean, joint.mean, atol=1e-12)
    assert_allclose(found.covariance, joint.covariance * scales[:, None] * scales, atol=1e-10)


def test_heavier_tails_keep_the_scale_matrix():
    joint = draw("student_t", 6, 3)
    nu = np.array([2.7, 3.0, 5.0, 8.0, 30.0, 1e4])
    joint = MultivariateT(joint.mean, degrees_of_freedom=nu, scale_tril=joint.scale_tril)
    found, y = internals.heavier(joint, 5.0), joint.mean + joint.stddev * [1, -2, 0.5]
    scale = joint.scale_tril @ np.swapaxes(joint.scale_tril, 1, 2)
    expected = [
        stats.multivariate_t(mean, shape, df).logpdf(row)
        for mean, shape, df, row in zip(joint.mean, scale, np.minimum(nu, 5), y, strict=True)
    ]
    assert_allclose(found.log_prob(y), expected)
    normal = draw("normal", 2, 3)
    assert internals.heavier(normal, 5.0) is normal


@each_kind
def test_what_keeps_the_calibration(kind):
    others = draw(kind, 30, 4, seed=1)
    rows = CalibrationSet(others, others.sample(1, 0)[0], "conformal")
    joint, index = draw(kind, 4, 4).calibrated_by(rows), pd.Index(list("abcd"))
    assert internals.calibration_set_of(joint) is rows
    labelled = internals.with_labels(joint, index)
    assert labelled.index is index
    assert internals.calibration_set_of(labelled) is rows
    assert internals.conditional_on(joint, {0: 1.0}, None, "the rows").calibration == "conformal"
    assert internals.with_mean(joint, joint.mean + 1).calibration == "model"
    assert internals.rescaled(joint, np.ones(4)).calibration == "model"
    alone = internals.uncorrelated(joint)
    assert alone.calibration == "model"
    assert_array_equal(alone.mean, joint.mean)
    assert_allclose(alone.stddev, joint.stddev)
    assert_allclose(alone.correlation, np.broadcast_to(np.eye(4), (4, 4, 4)), atol=1e-12)
