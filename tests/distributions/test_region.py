"""Regions: they hold what they say, and their geometry agrees with itself."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from covey.distributions import Mixture, MultivariateNormal, MultivariateT
from covey.errors import InputError

from .test_joint import any_kind, draw, each_kind


@each_kind
@pytest.mark.parametrize("d", [1, 2, 5])
@pytest.mark.parametrize("level", [0.1, 0.5, 0.9, 0.99])
def test_the_radius_is_the_quantile_of_the_distance(kind, d, level):
    joint = draw(kind, 3, d)
    region = joint.region(level)
    if kind != "student_t":
        expected = np.sqrt(stats.chi2.ppf(level, d))
    else:
        freedom = joint.degrees_of_freedom
        expected = np.sqrt(stats.f.ppf(level, d, freedom) * d * (freedom - 2) / freedom)
    assert_allclose(region.radius, np.broadcast_to(expected, 3), rtol=1e-9)


@any_kind
@pytest.mark.parametrize("level", [0.5, 0.9])
def test_a_region_holds_so_many_samples(kind, level):
    joint = draw(kind, 2, 3)
    region = joint.region(level)
    y = joint.sample(5000, seed=1)
    held = region[np.tile([0, 1], 5000)].contains(y.reshape(-1, 3)).reshape(5000, 2).mean(axis=0)
    assert_allclose(held, level, atol=0.02)


@any_kind
def test_a_part_of_an_observation_is_held_as_often(kind):
    joint = draw(kind, 4, 3)
    gaps = np.array([[0, 1, 0], [1, 1, 0], [0, 0, 0], [1, 1, 1]], dtype=bool)
    size = 300 if kind == "mixture" else 4000
    region = joint.region(0.7)
    y = np.where(gaps, np.nan, joint.sample(size, seed=2))
    held = region[np.tile(np.arange(4), size)].contains(y.reshape(-1, 3)).reshape(size, 4)
    held = held.mean(axis=0)
    assert_allclose(held[:3], 0.7, atol=2.5 / np.sqrt(4 * size))
    assert held[3] == 1
    alone = joint[0].marginal(["t0", "t2"]).region(0.7)
    y = joint.sample(30, seed=3)[:, 0]
    hidden = np.where(gaps[0], np.nan, y)
    assert_array_equal(
        [region[0].contains(row)[0] for row in hidden],
        [alone.contains(row[[0, 2]])[0] for row in y],
    )


@any_kind
def test_axes_and_boundary_lie_on_the_boundary(kind):
    joint = draw(kind, 3, 2)
    region = joint.region(0.8)
    moments = joint.moment_matched() if kind == "mixture" else joint
    axes = region.axes()
    for k in range(2):
        for sign in (-1, 1):
            at = moments.mahalanobis(region.center + sign * axes[:, k])
            assert_allclose(at, region.radius, rtol=1e-9)
    length = np.linalg.norm(axes, axis=2)
    assert np.all(length[:, 0] >= length[:, 1])
    assert_allclose(np.einsum("ni,ni->n", axes[:, 0], axes[:, 1]), 0, atol=1e-9)
    line = region.boundary(41)
    assert line.shape == (3, 41, 2)
    assert_allclose(line[:, 0], line[:, -1], rtol=1e-9)
    for number in range(41):
        assert_allclose(moments.mahalanobis(line[:, number]), region.radius, rtol=1e-9)
    # the ellipse's area, from its axes and from the line around it
    assert_allclose(region.volume(), np.pi * length.prod(axis=1), rtol=1e-9)
    x, y = np.moveaxis(region.boundary(4001), 2, 0)
    shoelace = np.abs(np.sum(x[:, :-1] * y[:, 1:] - x[:, 1:] * y[:, :-1], axis=1)) / 2
    assert_allclose(region.volume(), shoelace, rtol=1e-5)


@each_kind
@pytest.mark.parametrize("d", [1, 2, 3, 7])
def test_the_volume_is_that_of_a_stretched_ball(kind, d):
    joint = draw(kind, 3, d)
    region = joint.region(0.9)
    unit_ball = {1: 2, 2: np.pi, 3: 4 / 3 * np.pi, 7: 16 / 105 * np.pi**3}[d]
    root = np.sqrt(np.linalg.det(joint.covariance))
    assert_allclose(region.volume(), unit_ball * region.radius**d * root, rtol=1e-9)
    assert_allclose(region.log_volume(), np.log(region.volume()))
    assert_allclose(
        np.prod(np.linalg.norm(region.axes(), axis=2), axis=1) * unit_ball, region.volume()
    )


def test_one_target_gives_its_interval():
    joint = draw("student_t", 4, 1)
    region = joint.region(0.8)
    lower, upper = joint.interval(0.8)
    assert_allclose(region.volume(), (upper - lower)[:, 0])
    assert_array_equal(region.contains(lower - 1e-9), False)
    assert_array_equal(region.contains(lower + 1e-9), True)


def test_known_targets_take_no_room():
    joint = draw("normal", 3, 3)
    given = np.array([[1.0, np.nan, np.nan], [np.nan] * 3, [0.5, 0.5, 0.5]])
    region = joint.conditional(given).region(0.9)
    two = joint[0].conditional({"t0": 1.0}).region(0.9)
    assert_allclose(region.volume()[0], two.volume()[0])
    assert region.volume()[2] == 1
    assert region.radius[2] == 0
    assert_allclose(np.linalg.norm(region.axes(), axis=2)[0, 2], 0, atol=1e-12)
    assert region.contains(np.where(np.isnan(given), joint.mean, given)).all()
    segment = joint.marginal(["t0", "t1"]).conditional(given[:, :2]).region(0.9).boundary(9)
    assert_array_equal(segment[0, :, 0], 1.0)


def test_rows_and_text():
    region = draw("normal", 3, 2).region(0.9)
    assert len(region) == 3
    assert_array_equal(region[1].volume(), region.volume()[1:2])
    assert_array_equal(region[[True, False, True]].center, region.center[[0, 2]])
    assert repr(region) == "Region of level 0.9 (model): 3 rows, 2 targets (t0, t1)"
    assert region.level == 0.9


@any_kind
def test_what_makes_no_region_is_refused(kind):
    joint = draw(kind, 2, 3)
    for level in (0, 1, 90, "much", True):
        with pytest.raises(InputError, match="`level` must"):
            joint.region(level)
    with pytest.raises(InputError, match="two targets only"):
        joint.region(0.9).boundary()
    with pytest.raises(InputError, match="`points` must"):
        joint.marginal([0, 1]).region(0.9).boundary(0)
    with pytest.raises(InputError, match=r"shape \(2, 3\)"):
        joint.region(0.9).contains(np.zeros((2, 2)))


@pytest.mark.parametrize("level", [0.1, 0.9, 0.999, 0.999999])
def test_members_that_agree_reach_as_far_as_each(level):
    joint = draw("student_t", 3, 4)
    both = Mixture([joint, joint], [[0.3, 0.7]] * 3)
    assert_allclose(both.region(level).radius, joint.region(level).radius, rtol=1e-4)


def test_the_region_of_a_mixture_reaches_as_far_as_it_must():
    ends = [MultivariateNormal([[x, 0.0]], covariance=np.eye(2)) for x in (-4.0, 4.0)]
    mixture = Mixture(ends, [0.7, 0.3])
    normal = mixture.moment_matched().region(0.9)
    region = mixture.region(0.9)
    samples = mixture.sample(40_000, seed=0)[:, 0]
    held = [
        np.mean(
            np.square(
                np.linalg.solve(
                    np.linalg.cholesky(r._shape.covariance[0]), (samples - r.center[0]).T
                )
            ).sum(axis=0)
            <= r.radius[0] ** 2
        )
        for r in (region, normal)
    ]
    assert held[0] == pytest.approx(0.9, abs=0.005)
    assert abs(held[1] - 0.9) > 0.01
    one = Mixture([MultivariateT([[0.0]], degrees_of_freedom=3.0, scale_tril=[[1.0]])])
    assert_allclose(one.region(0.5).radius, one.components[0].region(0.5).radius, rtol=5e-3)


def test_an_infinite_region_has_axes_and_no_boundary():
    from covey.distributions.conformal import CalibrationSet

    joint = MultivariateNormal(np.zeros((9, 2)), covariance=[[2.0, 1.0], [1.0, 2.0]])
    few = joint.calibrated_by(
        CalibrationSet(joint[:5], joint.sample(1, seed=0)[0][:5], "conformal")
    )
    region = few.region(0.9)
    assert np.isinf(np.linalg.norm(region.axes(), axis=2)).all()
    assert np.isinf(region.volume()).all()
    with pytest.raises(InputError, match="infinite"):
        region.boundary()
