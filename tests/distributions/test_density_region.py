"""Regions by density: against closed forms, simulation, and what calibration promises."""

import pickle

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import gamma
from scipy.stats import chi2, norm
from scipy.stats import f as f_law

import covey
from covey.distributions import mixture
from covey.distributions.conformal import CalibrationSet
from covey.distributions.density_levels import DensityLevels
from covey.distributions.density_region import DensityRegion
from covey.distributions.members import of_members
from covey.errors import InputError
from covey.scores import distance_pit

RNG = np.random.default_rng(0)


def normals(means, covariance, n=1, weights=None):
    """The same mixture of normals in n rows."""
    parts = [
        covey.MultivariateNormal(
            np.tile(mean, (n, 1)), covariance=np.tile(covariance, (n, 1, 1)), targets=names(mean)
        )
        for mean in means
    ]
    return covey.Mixture(parts, weights)


def names(mean):
    return [f"t{i}" for i in range(len(mean))]


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_of_one_normal_in_parts_it_is_the_ellipsoid(d, level):
    """Two components that are the same: {p >= c} is the ellipsoid of a chi-square."""
    root = np.tril(RNG.normal(size=(d, d)), -1) + np.diag(RNG.uniform(0.5, 2, d))
    covariance = root @ root.T
    joint = normals([np.zeros(d), np.zeros(d)], covariance, n=2000)
    region = joint.region(level, shape="density")
    y = joint.sample(1, seed=1)[0]
    squares = np.einsum("ni,ij,nj->n", y, np.linalg.inv(covariance), y)
    inside = chi2(d).cdf(squares)
    clear = np.abs(inside - level) > 0.02  # the level is an average over 512 points
    np.testing.assert_array_equal(region.contains(y)[clear], (inside <= level)[clear])
    radius = np.sqrt(chi2(d).ppf(level))
    ball = np.pi ** (d / 2) / gamma(d / 2 + 1)
    expected = ball * radius**d * np.linalg.det(root)
    one = region[0]
    assert one.volume()[0] == pytest.approx(expected, rel=0.06)
    assert 0 < one.volume_error()[0] < 0.06


def test_two_modes_make_two_intervals():
    """0.3 N(-4, 1) + 0.7 N(4, 0.5): c by SciPy's root of the probability that p exceeds it."""
    weights, means, scales = np.array([0.3, 0.7]), np.array([-4.0, 4.0]), np.array([1.0, 0.5])
    parts = [
        covey.MultivariateNormal([[m]], covariance=[[[s**2]]])
        for m, s in zip(means, scales, strict=True)
    ]
    joint = covey.Mixture(parts, weights)

    def half_widths(c):  # the modes lie too far apart to meet
        height = weights / scales / np.sqrt(2 * np.pi)
        return scales * np.sqrt(2 * np.log(np.maximum(height / c, 1)))

    def excess(c):
        return weights @ (2 * norm.cdf(half_widths(c) / scales) - 1) - 0.9

    c = brentq(excess, 1e-6, 0.1)
    region = joint.region(0.9, shape="density")
    assert isinstance(region, DensityRegion)
    assert region.log_threshold[0] == pytest.approx(np.log(c), abs=0.1)
    assert region.volume()[0] == pytest.approx(2 * half_widths(c).sum(), rel=0.03)
    assert region.contains([[-4.0]])[0]
    assert region.contains([[4.0]])[0]
    assert not region.contains([[0.0]])[0]  # the mean of nobody
    # the interval of the one with the mean and the covariance of both holds it, and is far longer
    assert joint.region(0.9, shape="ellipsoid").contains([[0.0]])[0]
    assert joint.region(0.9, shape="ellipsoid").volume()[0] > 2 * region.volume()[0]


def test_it_holds_as_often_as_it_says_by_the_model():
    joint = normals([[0.0, 0.0], [3.0, 1.0], [0.0, 4.0]], np.diag([1.0, 0.2]), n=4000)
    y = joint.sample(1, seed=3)[0]
    for level in (0.5, 0.8, 0.95):
        held = joint.region(level, shape="density").contains(y).mean()
        assert held == pytest.approx(level, abs=0.025)


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("shares", ["alike", "one"])
def test_many_components_that_agree_hold_what_one_would(d, shares):
    """As members do that agree: 40 times the same Student-t, whose |z|^2 / D has F's law."""
    level, count = np.array([0.5, 0.9, 0.95, 0.99]), 40
    one = covey.MultivariateT(np.zeros((1, d)), degrees_of_freedom=4, covariance=np.eye(d)[None])
    weights = np.full(count, 1.0) if shares == "alike" else np.append(1e-9 * np.ones(39), 1.0)
    joint = covey.Mixture([one] * count, weights)
    along = np.zeros((4000, d))
    along[:, 0] = np.linspace(0.01, 12, 4000)
    rows = joint[np.zeros(4000, dtype=int)]
    law = f_law(d, 4)
    held = []
    for each in level:
        inside = rows.region(each, shape="density").contains(along)
        farthest = along[inside, 0].max()
        held.append(law.cdf(farthest**2 / d * 2))  # nu / (nu - 2) = 2
    np.testing.assert_allclose(held, level, atol=0.005 if shares == "alike" else 0.04)
    assert np.all(np.diff(held) > 0.005)
    region, radius = joint.region(0.9, shape="density"), np.sqrt(d * law.ppf(0.9) / 2)
    ball = np.pi ** (d / 2) / gamma(d / 2 + 1) * radius**d
    assert region.volume()[0] == pytest.approx(ball, rel=0.02 if shares == "alike" else 0.2)


def test_a_region_beyond_all_points_says_that_its_volume_is_unknown():
    parts = [covey.MultivariateNormal([[m]], covariance=[[[1.0]]]) for m in (0.0, 1.0)]
    joint = covey.Mixture(parts)
    assert joint.region(0.95, shape="density").volume_error()[0] < 0.05
    far = DensityRegion(joint, np.array([200.0]), 0.95, "conformal")
    assert np.isinf(far.volume_error()[0])


def test_many_rows_are_worked_on_in_parts(monkeypatch):
    """Density levels of 200,000 rows at once would take 4 GB."""
    joint = normals([[-2.0, 0.0], [2.0, 1.0]], np.eye(2), n=9, weights=RNG.dirichlet([1, 1], 9))
    y = joint.sample(1, seed=0)[0]
    region = joint.region(0.8, shape="density")
    expected = region.log_threshold, region.contains(y), distance_pit(joint, y)
    rows = []
    whole = DensityLevels.of
    monkeypatch.setattr(mixture, "MOST_KEPT", 4)
    monkeypatch.setattr(DensityLevels, "of", lambda one: rows.append(len(one)) or whole(one))
    region = joint.region(0.8, shape="density")
    found = region.log_threshold, region.contains(y), distance_pit(joint, y)
    assert max(rows) == 4
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_intervals_calibrated_on_hopeless_rows_are_nested_and_hold_them():
    """Rows far out in light tails, for predictions of heavy tails: no interval may shrink."""

    def two(n, nu):
        freedom = np.full(n, nu)
        return covey.Mixture(
            [
                covey.MultivariateT(
                    np.full((n, 1), m), degrees_of_freedom=freedom, scale_tril=np.ones((n, 1, 1))
                )
                for m in (0.0, 1.0)
            ]
        )

    others = two(20, 50.0)
    y = others.sample(1, seed=0)[0]
    y[:4] = 30.0
    joint = two(1, 3.0).calibrated_by(CalibrationSet(others, y, "conformal"))
    ends = np.array([joint.interval(level) for level in (0.5, 0.7, 0.75, 0.8, 0.9)])[:, :, 0, 0]
    assert np.all(np.diff(ends[:, 0]) <= 0)
    assert np.all(np.diff(ends[:, 1]) >= 0)


@pytest.mark.parametrize("side", [-1, 1])
def test_a_row_as_far_out_as_the_one_that_sets_the_interval_is_held(side):
    """Far in either tail, where 1 - tail has few digits left."""
    freedom = np.full(19, 5.0)
    parts = [
        covey.MultivariateT(
            np.full((19, 1), m), degrees_of_freedom=freedom, scale_tril=np.ones((19, 1, 1))
        )
        for m in (0.0, 1.0)
    ]
    joint = covey.Mixture(parts)
    y = 0.5 + side * np.linspace(100, 280, 19)[:, None]  # tails of 1e-9 to 1e-11
    calibrated = joint.calibrated_by(CalibrationSet(joint, y, "conformal"))
    for rank in (10, 15, 19):
        lower, upper = calibrated.interval(rank / 20)
        assert np.sum((lower <= y) & (y <= upper)) == rank


def test_its_boundary_encloses_its_volume():
    joint = normals([[-3.0, 0.0], [3.0, 0.0]], np.array([[1.0, 0.5], [0.5, 1.0]]))
    region = joint.region(0.9, shape="density")
    parts = region.boundary()[0]
    assert len(parts) == 2
    area = sum(
        abs(np.sum(line[:-1, 0] * line[1:, 1] - line[1:, 0] * line[:-1, 1])) / 2 for line in parts
    )
    # each part is nearly an ellipse of 0.9 of its component: pi r^2 sqrt(det)
    assert area == pytest.approx(2 * np.pi * chi2(2).ppf(0.9) * np.sqrt(0.75), rel=0.03)
    assert region.volume()[0] == pytest.approx(area, rel=0.05)
    density = joint[np.zeros(len(parts[0]), dtype=int)].log_prob(parts[0])
    np.testing.assert_allclose(density, region.log_threshold[0], atol=0.05)


@pytest.mark.parametrize("level", [0.05, 0.9, 0.999])
def test_its_boundary_is_closed_at_any_level(level):
    """Of heavy tails far out, and where hardly a point is inside."""
    part = covey.MultivariateT(
        np.zeros((1, 2)), degrees_of_freedom=2.5, scale_tril=np.diag([1.0, 3.0])[None]
    )
    region = covey.Mixture([part, part]).region(level, shape="density")
    (line,) = region.boundary()[0]
    np.testing.assert_array_equal(line[0], line[-1])
    x, y = line.T
    area = abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2
    expected = np.pi * 3 * 2 * f_law(2, 2.5).ppf(level)
    assert area == pytest.approx(expected, rel=0.08)


def test_a_row_with_gaps_is_compared_with_the_region_of_its_marginal():
    joint = normals([[-3.0, 0.0], [3.0, 1.0]], np.eye(2), n=3)
    y = np.array([[3.0, np.nan], [0.0, np.nan], [np.nan, np.nan]])
    alone = joint.marginal([0]).region(0.8, shape="density").contains(y[:, :1])
    found = joint.region(0.8, shape="density").contains(y)
    np.testing.assert_array_equal(found[:2], alone[:2])
    assert alone.tolist()[:2] == [True, False]
    assert found[2]  # nothing was observed


def test_of_elliptical_distributions_both_shapes_are_the_same():
    joint = covey.MultivariateT([[0.0, 1.0]], degrees_of_freedom=4.0, covariance=np.eye(2))
    assert joint.region(0.9, shape="density").volume() == joint.region(0.9).volume()
    assert isinstance(joint.region(0.9, shape="density"), covey.distributions.Region)


def test_an_ensemble_keeps_its_ellipsoids_by_default():
    assert isinstance(normals([[0.0], [1.0]], np.eye(1)).region(), covey.distributions.Region)


@pytest.mark.parametrize("shape", ["box", 3, True, ""])
def test_another_shape_is_refused(shape):
    with pytest.raises(InputError, match="shape"):
        normals([[0.0], [1.0]], np.eye(1)).region(shape=shape)


def test_targets_with_a_transform_have_no_region_by_density():
    joint = covey.Transformed(normals([[0.0], [1.0]], np.eye(1)), "log1p")
    with pytest.raises(InputError, match="ellipsoid"):
        joint.region(shape="density")


def wrong(n, seed):
    """Rows whose truth is wider and elsewhere than the mixture says, and their outcomes."""
    r = np.random.default_rng(seed)
    move = r.normal(size=(n, 2))
    parts = [
        covey.MultivariateNormal(move + away, covariance=np.tile(np.eye(2), (n, 1, 1)))
        for away in ([-2.0, 0.0], [2.0, 0.0])
    ]
    side = r.choice([-2.0, 2.0], size=n)
    y = move + np.column_stack([side, np.zeros(n)]) + 1.7 * r.normal(size=(n, 2)) + [0.3, 0.0]
    return covey.Mixture(parts), y


@pytest.mark.parametrize("shape", ["density", "ellipsoid"])
def test_calibration_keeps_its_promise_however_wrong_the_model_is(shape):
    """Split conformal prediction: coverage lies between p and p + 1 / (n + 1) in the mean."""
    held, intervals, trials, level = [], [], 25, 0.9
    for trial in range(trials):
        known, y = wrong(199, 2 * trial)
        joint, new = wrong(400, 2 * trial + 1)
        joint = joint.calibrated_by(CalibrationSet(known, y, "conformal"))
        held.append(joint.region(level, shape=shape).contains(new).mean())
        lower, upper = joint.interval(level)
        intervals.append(((lower <= new) & (new <= upper)).mean())
    model = joint.region(level, shape=shape, method="model").contains(new).mean()
    assert model < 0.8
    error = 3 * np.sqrt(level * (1 - level) * (1 / 200 + 1 / 400) / trials)
    assert np.mean(held) == pytest.approx(level, abs=error + 1 / 200)
    assert np.mean(intervals) == pytest.approx(level, abs=error + 1 / 200)


def test_a_marginal_and_a_conditional_are_calibrated_as_the_rows_are():
    known, y = wrong(2000, 0)
    joint, new = wrong(2000, 1)
    joint = joint.calibrated_by(CalibrationSet(known, y, "conformal"))
    alone = known.marginal([1])
    by_hand = joint.marginal([1]).calibrated_by(CalibrationSet(alone, y[:, [1]], "conformal"))
    for q in (0.05, 0.5, 0.9):
        np.testing.assert_allclose(joint.marginal([1]).quantile(q), by_hand.quantile(q))
    told = joint.conditional({"y0": new[:, 0]})
    assert told.calibration == "conformal"
    held = told.region(0.8, shape="density").contains(new[:, [1]]).mean()
    assert held == pytest.approx(0.8, abs=3 * np.sqrt(0.16 / 1000))
    quarter = told[:100]
    np.testing.assert_allclose(quarter.quantile(0.9), told.quantile(0.9)[:100])


def test_quantiles_and_the_cdf_of_calibrated_mixtures_are_each_others_inverse():
    known, y = wrong(400, 0)
    joint, _ = wrong(50, 1)
    joint = joint.calibrated_by(CalibrationSet(known, y, "out_of_fold"))
    for q in (0.05, 0.3, 0.5, 0.8, 0.99):
        pit = covey.scores.pit(joint, joint.quantile(q))
        np.testing.assert_allclose(pit, q, atol=0.01)


def test_calibrated_mixtures_survive_a_pickle_and_concatenation():
    known, y = wrong(100, 0)
    joint, new = wrong(40, 1)
    joint = joint.calibrated_by(CalibrationSet(known, y, "conformal"))
    again = pickle.loads(pickle.dumps(joint))
    np.testing.assert_array_equal(again.region(0.8).contains(new), joint.region(0.8).contains(new))
    whole = covey.Mixture.concatenate([joint[:15], joint[15:]])
    assert whole.calibration == "conformal"
    np.testing.assert_allclose(whole.interval(0.8)[0], joint.interval(0.8)[0])


def test_rows_of_fewer_members_keep_what_these_are():
    """As rows out of fold are that some members held out once, others twice."""
    one, two = (normals([[-2.0, 0.0], [2.0, shift]], np.eye(2)) for shift in (0.0, 1.0))
    whole = covey.Mixture.concatenate([of_members([one]), of_members([one, two])])
    assert whole.region(0.9).__class__ is DensityRegion
    away = (two.mean - one.mean)[0] / 2
    np.testing.assert_allclose(whole.epistemic[0], np.zeros((2, 2)), atol=1e-12)
    np.testing.assert_allclose(whole.epistemic[1], np.outer(away, away), atol=1e-12)
    np.testing.assert_allclose(whole.covariance[0], one.covariance[0])


def test_of_too_few_rows_the_region_is_infinite():
    known, y = wrong(5, 0)
    joint, _ = wrong(3, 1)
    region = joint.calibrated_by(CalibrationSet(known, y, "conformal")).region(
        0.95, shape="density"
    )
    assert region.contains(np.full((3, 2), 1e6)).all()
    assert np.isinf(region.volume()).all()
    with pytest.raises(InputError, match="infinite"):
        region.boundary()
