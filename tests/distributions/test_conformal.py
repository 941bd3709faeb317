"""Calibration sets: the size of regions follows their rows, after every operation."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.special import expit, logit

from covey import scores
from covey.distributions import Mixture, MultivariateNormal, MultivariateT, conformal
from covey.distributions.conformal import CalibrationSet, nonconformity_score, squares_of_score
from covey.distributions.empirical import LARGEST_SCORE
from covey.distributions.internals import level_of
from covey.errors import CoveyWarning, InputError

from .test_joint import brute_conditional, draw, each_kind, shape_matrix

STRETCHES = [1e-3, 1 / 30, 1.0, 30.0, 1000.0]  # of the observed deviations, over the predicted ones


def came(joint, stretch=1.0, seed=1):
    """One outcome per row, so many times as far from the mean as predicted."""
    return joint.mean + stretch * (joint.sample(1, seed)[0] - joint.mean)


def calibrated_case(kind, n, d, *, rows=4, stretch=1.0, method="conformal", gaps=0.0, weight=None):
    """(rows calibrated on n others, these as a batch, their observed values)."""
    joint, others = draw(kind, rows, d, seed=5), draw(kind, n, d, seed=6)
    values = came(others, stretch)
    values[np.random.default_rng(7).random(values.shape) < gaps] = np.nan
    return joint.calibrated_by(CalibrationSet(others, values, method, weight)), others, values


def rank_of(n, level):
    return int(np.ceil((n + 1) * level))


def smallest(values, rank):
    return np.sort(values)[rank - 1]


def improbability(squares, count, freedom):
    """-log P(|z|^2 > squares) by SciPy; freedom None for a normal."""
    if freedom is None:
        return -stats.chi2.logsf(squares, count)
    return -stats.f.logsf(squares / count, count, freedom)


def squares_of(found, count, freedom):
    if freedom is None:
        return stats.chi2.isf(np.exp(-found), count)
    return count * stats.f.isf(np.exp(-found), count, freedom)


def distance(shift, covariance):
    """Mahalanobis distances by one textbook line per row."""
    return np.array(
        [np.sqrt(s @ np.linalg.solve(c, s)) for s, c in zip(shift, covariance, strict=True)]
    )


# What a region of a normal reaches up to, by hand


@pytest.mark.parametrize("d", [1, 2, 5, 12])
@pytest.mark.parametrize("stretch", STRETCHES)
@pytest.mark.parametrize(("n", "level"), [(19, 0.9), (20, 0.9), (50, 0.1), (99, 0.99), (37, 0.5)])
def test_the_radius_is_an_order_statistic_of_the_distances(d, stretch, n, level):
    joint, others, y = calibrated_case("normal", n, d, stretch=stretch)
    region = joint.region(level)
    expected = smallest(distance(y - others.mean, others.covariance), rank_of(n, level))
    assert region.method == joint.calibration == "conformal"
    assert_allclose(region.radius, expected, rtol=1e-7)
    model = joint.region(level, method="model")
    assert model.method == "model"
    assert_allclose(model.radius, np.sqrt(stats.chi2.ppf(level, d)), rtol=1e-9)


@pytest.mark.parametrize("stretch", STRETCHES)
@pytest.mark.parametrize("level", [0.3, 0.9])
def test_intervals_are_order_statistics_of_each_target(stretch, level):
    joint, others, y = calibrated_case("normal", 30, 3, stretch=stretch)
    far = np.abs(y - others.mean) / others.stddev
    half = np.array([smallest(column, rank_of(30, level)) for column in far.T]) * joint.stddev
    lower, upper = joint.interval(level)
    assert_allclose(upper - joint.mean, half, rtol=1e-7)
    assert_allclose(joint.mean - lower, half, rtol=1e-7)
    for end, by_model, sign in zip(
        (lower, upper), joint.interval(level, method="model"), (-1, 1), strict=True
    ):
        q = 0.5 + sign * level / 2
        assert_allclose(joint.quantile(q), end, rtol=1e-9)
        expected = stats.norm.ppf(q, joint.mean, joint.stddev)
        assert_allclose(joint.quantile(q, method="model"), expected, rtol=1e-9, atol=1e-12)
        assert_allclose(by_model, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("stretch", [1 / 30, 1.0, 1000.0])
def test_a_marginal_goes_by_the_distances_of_these_targets(stretch):
    joint, others, y = calibrated_case("normal", 29, 4, stretch=stretch)
    chosen = [3, 1]
    part = others.covariance[:, chosen][:, :, chosen]
    expected = smallest(distance((y - others.mean)[:, chosen], part), rank_of(29, 0.8))
    region = joint.marginal(["t3", "t1"]).region(0.8)
    assert_allclose(region.radius, expected, rtol=1e-7)
    again = joint.marginal([0, 1, 3]).marginal(["t3", "t1"])
    assert_allclose(again.region(0.8).radius, expected, rtol=1e-7)
    half = smallest(np.abs(y - others.mean)[:, 1] / others.stddev[:, 1], rank_of(29, 0.8))
    width = joint.marginal(chosen).interval(0.8)[1] - joint.mean[:, chosen]
    assert_allclose(width[:, 1], half * joint.stddev[:, 1], rtol=1e-7)


@pytest.mark.parametrize("stretch", [1.0, 1000.0])
def test_a_conditional_goes_by_what_the_given_targets_leave(stretch):
    """For a normal |z|^2 of all targets is that of the given ones and that of the rest."""
    joint, others, y = calibrated_case("normal", 39, 4, stretch=stretch)
    shift, given = y - others.mean, [2, 0]
    first = distance(shift[:, given], others.covariance[:, given][:, :, given])
    rest = np.sqrt(distance(shift, others.covariance) ** 2 - first**2)
    expected = smallest(rest, rank_of(39, 0.9))
    conditioned = {"t2": 1.0, "t0": [0.0, 1.0, 2.0, 3.0]}
    mapped = joint.conditional(conditioned)
    assert mapped.calibration == "conformal"
    assert_allclose(mapped.region(0.9).radius, expected, rtol=1e-6)
    step = joint.conditional({"t2": 1.0}).conditional({"t0": [0.0, 1.0, 2.0, 3.0]})
    assert_allclose(step.region(0.9).radius, expected, rtol=1e-6)
    array = np.full((4, 4), np.nan)
    array[:, 2], array[:, 0] = 1.0, range(4)
    held = joint.conditional(array)
    assert_allclose(held.region(0.9).radius, expected, rtol=1e-6)
    lower, upper = held.interval(0.9)
    assert_array_equal(lower[:, given], array[:, given])
    assert_array_equal(upper[:, given], array[:, given])
    assert_allclose((upper - lower)[:, [1, 3]], np.subtract(*mapped.interval(0.9)[::-1]))


@pytest.mark.parametrize("stretch", [1.0, 1000.0])
def test_a_combination_goes_by_the_same_combination(stretch):
    joint, others, y = calibrated_case("normal", 25, 3, stretch=stretch)
    a = np.array([[1.0, -2.0, 0.0], [0.5, 0.0, 3.0]])
    covariance = a @ others.covariance @ a.T
    expected = smallest(distance((y - others.mean) @ a.T, covariance), rank_of(25, 0.7))
    for shift in (None, [5.0, -1.0], np.arange(8.0).reshape(4, 2)):
        assert_allclose(joint.affine(a, shift).region(0.7).radius, expected, rtol=1e-7)
    assert_allclose(joint.affine(np.stack([a] * 4)).region(0.7).radius, expected, rtol=1e-7)
    one = np.ones((1, 3))
    expected = distance((y - others.mean) @ one.T, one @ others.covariance @ one.T)
    total = joint.sum()
    assert total.calibration == "conformal"
    assert_allclose(total.region(0.7).radius, smallest(expected, rank_of(25, 0.7)), rtol=1e-7)


@pytest.mark.parametrize("kind", ["normal", "student_t", "low_rank"])
def test_each_row_may_have_a_combination_of_its_own(kind):
    """As if it were alone: no calibration is lost because a neighbour is asked something else."""
    joint, _, _ = calibrated_case(kind, 25, 3, gaps=0.1, stretch=3.0)
    a = np.random.default_rng(0).normal(size=(4, 2, 3))
    a[2] = a[0]
    own = joint.affine(a)
    assert own.calibration == own.region(0.7).method == "conformal"
    given = np.array([[1.0, np.nan]] * 2 + [[np.nan, np.nan]] * 2)
    for asked in (own, own.marginal([1]), own.conditional(given), own[[3, 1, 0, 2]][[2, 1, 3, 0]]):
        for row in range(4):
            alone = joint[row].affine(a[row])
            if asked.targets == ("y1",):
                alone = alone.marginal([1])
            elif asked.observed.any():
                alone = alone.conditional(given[[row]])
            assert_allclose(asked.region(0.7).radius[row], alone.region(0.7).radius[0])
            assert_allclose(asked.interval(0.7)[1][row], alone.interval(0.7)[1][0])
            assert_allclose(asked[row].quantile(0.1), alone.quantile(0.1))


def test_a_combination_of_what_is_left_knows_what_was_told():
    """Conditional, then a sum of a known and an unknown target: the known one only shifts it."""
    joint, others, y = calibrated_case("normal", 25, 3)
    conditioned = joint.conditional(np.array([[1.0, np.nan, np.nan]] * 4))
    left = distance(
        (y - others.conditional(np.where([True, False, False], y, np.nan)).mean)[:, [1]],
        others.conditional({"t0": y[:, 0]}).marginal("t1").covariance,
    )
    expected = smallest(left, rank_of(25, 0.7))
    assert_allclose(conditioned.sum(["t0", "t1"]).region(0.7).radius, expected, rtol=1e-7)


# Tails that differ from row to row


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("stretch", [1.0, 5.0])
def test_student_t_rows_are_compared_by_how_improbable_they_are(d, stretch):
    joint, others, y = calibrated_case("student_t", 40, d, stretch=stretch)
    squares = np.array(
        [
            (y - others.mean)[i] @ np.linalg.solve(shape_matrix(others, i), (y - others.mean)[i])
            for i in range(40)
        ]
    )
    reach = smallest(improbability(squares, d, others.degrees_of_freedom), rank_of(40, 0.9))
    freedom = joint.degrees_of_freedom
    expected = np.sqrt(squares_of(reach, d, freedom) * (freedom - 2) / freedom)
    assert np.ptp(expected) > 0.01  # each row its own
    assert_allclose(joint.region(0.9).radius, expected, rtol=1e-7)
    one = improbability(
        np.square((y - others.mean) / others._scale.root_diagonal)[:, 0],
        1,
        others.degrees_of_freedom,
    )
    half = np.sqrt(squares_of(smallest(one, rank_of(40, 0.9)), 1, freedom))
    lower, upper = joint.interval(0.9)
    assert_allclose((upper - lower)[:, 0] / 2, half * joint._scale.root_diagonal[:, 0], rtol=1e-7)


def test_student_t_conditionals_are_by_their_own_degrees_of_freedom():
    joint, others, y = calibrated_case("student_t", 40, 3)
    a, b = [1], [0, 2]
    scores = []
    for i in range(40):
        mean, shape, freedom = brute_conditional(others, i, a, b, y[i, a])
        z = y[i, b] - mean
        scores.append(improbability(z @ np.linalg.solve(shape, z), 2, freedom))
    reach = smallest(np.array(scores), rank_of(40, 0.8))
    freedom = joint.degrees_of_freedom + 1
    expected = np.sqrt(squares_of(reach, 2, freedom) * (freedom - 2) / freedom)
    assert_allclose(joint.conditional({"t1": 0.3}).region(0.8).radius, expected, rtol=1e-7)


@each_kind
@pytest.mark.parametrize("stretch", [30.0, 1000.0])
def test_regions_of_hopeless_predictions_hold_their_share_of_the_calibration_set(kind, stretch):
    """Each row, put among the others, is held if its score is small enough: exactly so many are."""
    _, others, y = calibrated_case(kind, 50, 3, stretch=stretch)
    for level in (0.5, 0.9):
        region = others.calibrated_by(CalibrationSet(others, y, "conformal")).region(level)
        wide = region._shape.mahalanobis(y) <= region.radius * (1 + 1e-9)
        assert wide.sum() == rank_of(50, level)


@each_kind
@pytest.mark.parametrize("stretch", STRETCHES)
def test_rows_as_far_as_the_one_that_sets_the_reach_are_held(kind, stretch):
    """Where many lie at the same distance, as with whole numbers, rounding must not part them."""
    _, others, y = calibrated_case(kind, 60, 3, stretch=stretch)
    for row in range(60):
        same = np.full(20, row)
        joint = others[row].calibrated_by(CalibrationSet(others[same], y[same], "conformal"))
        assert joint.region(0.9).contains(y[[row]])
        assert joint.marginal([0, 2]).region(0.9).contains(y[[row]][:, [0, 2]])
        lower, upper = joint.marginal("t1").interval(0.9)
        assert lower - 1e-12 <= y[row, 1] <= upper + 1e-12


# Too few rows for a guarantee


@each_kind
@pytest.mark.parametrize("d", [1, 3])
def test_a_region_is_infinite_where_too_few_rows_are_known(kind, d):
    joint, _, _ = calibrated_case(kind, 9, d, rows=3)
    assert np.isfinite(joint.region(0.9).radius).all()  # rank 9 of 9
    region = joint.region(0.91)
    assert_array_equal(region.radius, np.inf)
    assert_array_equal(region.volume(), np.inf)
    assert_array_equal(region.contains(np.full((3, d), 1e300)), True)
    lower, upper = joint.interval(0.91)
    assert_array_equal(lower, -np.inf)
    assert_array_equal(upper, np.inf)
    assert len(region[1:]) == 2
    conditioned = joint.conditional(np.full((3, d), 0.5)).region(0.91)
    assert_array_equal(conditioned.radius, 0)
    assert_array_equal(conditioned.volume(), 1)


def test_a_calibration_set_without_usable_rows():
    joint, others, y = calibrated_case("normal", 9, 2)
    y[:, 1] = np.nan
    conformal = joint.calibrated_by(CalibrationSet(others, y, "conformal"))
    with pytest.warns(CoveyWarning, match="Received 0"):
        assert np.isfinite(conformal.region(0.5).radius).all()
    lower, upper = conformal.interval(0.5)
    assert_array_equal(np.isfinite(upper - lower), np.tile([True, False], (4, 1)))
    assert_array_equal(conformal.marginal("t1").region(0.01).radius, np.inf)
    assert_array_equal(conformal.conditional({"t1": 0.0}).region(0.01).radius, np.inf)


@each_kind
@pytest.mark.parametrize("level", [0.05, 0.5, 0.9, 0.999])
def test_without_usable_rows_what_is_out_of_fold_is_the_models(kind, level):
    joint, others, y = calibrated_case(kind, 9, 2, method="out_of_fold")
    y[:, 1] = np.nan
    joint = joint.calibrated_by(CalibrationSet(others, y, "out_of_fold", np.ones(9)))
    part = joint.marginal("t1")
    assert part.region(level).method == "out_of_fold"
    assert_allclose(part.region(level).radius, part.region(level, method="model").radius, rtol=1e-9)
    for end, expected in zip(
        part.interval(level), part.interval(level, method="model"), strict=True
    ):
        assert_allclose(end, expected, rtol=1e-9)


# The guarantee


def test_so_many_regions_hold_what_comes_whatever_the_model_is_worth():
    """n + 1 rows from one source, n known: held with probability rank / (n + 1), exactly."""
    n, level, repetitions = 20, 0.8, 400
    rank = rank_of(n, level)
    assert level <= rank / (n + 1) <= level + 1 / (n + 1)
    r = np.random.default_rng(0)
    held = {}
    for _ in range(repetitions):
        x = r.normal(size=(n + 1, 2))
        factor = np.tril(r.normal(size=(n + 1, 2, 2)), -1) + np.eye(2) * np.exp(x)[:, :, None]
        joint = MultivariateNormal(x, scale_tril=factor)
        right = x + (factor @ r.normal(size=(n + 1, 2, 1)))[:, :, 0]
        wrong = x + 3 + 40 * (right - x) * np.exp(x[:, :1]) * r.standard_t(2, size=(n + 1, 1))
        last, y = joint[-1], wrong[-1:]
        good = last.calibrated_by(CalibrationSet(joint[:-1], right[:-1], "conformal"))
        bad = last.calibrated_by(CalibrationSet(joint[:-1], wrong[:-1], "conformal"))
        lower, upper = bad.interval(level)
        conditioned = bad.conditional({"y0": y[:, 0]})
        answers = {
            "right": good.region(level).contains(right[-1:]),
            "wrong": bad.region(level).contains(y),
            "marginal": bad.region(level).contains([[np.nan, y[0, 1]]]),
            "interval": (lower <= y)[:, 1] & (y <= upper)[:, 1],
            "conditional": conditioned.region(level).contains(y[:, 1]),
            "sum": bad.sum().region(level).contains(y.sum(axis=1)),
        }
        for what, answer in answers.items():
            held[what] = held.get(what, 0) + int(answer[0])
    for what, count in held.items():
        assert stats.binomtest(count, repetitions, rank / (n + 1)).pvalue > 1e-3, what


@each_kind
@pytest.mark.parametrize("method", ["conformal", "out_of_fold"])
@pytest.mark.parametrize("stretch", [1 / 30, 1.0, 1000.0])
def test_regions_are_nested_over_levels(kind, method, stretch):
    joint, _, _ = calibrated_case(kind, 60, 3, method=method, stretch=stretch)
    levels = np.linspace(0.01, 0.98, 60)
    radius = np.stack([joint.region(level).radius for level in levels])
    assert (np.diff(radius, axis=0) >= 0).all()
    assert (radius > 0).all()
    upper = np.stack([joint.interval(level)[1] for level in levels])
    assert (np.diff(upper, axis=0) >= 0).all()


# Out of fold


@each_kind
@pytest.mark.parametrize("d", [1, 4])
def test_outcomes_as_predicted_give_back_the_models_own_radius(kind, d):
    """Of n rows, the i-th is surpassed with probability 1 - i / (n + 1)."""
    n = 19
    joint, others = draw(kind, 3, d, seed=5), draw(kind, n, d, seed=6)
    tail = 1 - np.arange(1, n + 1) / (n + 1)
    z = np.random.default_rng(0).normal(size=(n, d))
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    z *= np.sqrt(squares_of(-np.log(tail), d, others._radial.degrees_of_freedom))[:, None]
    y = others.mean + np.einsum("nij,nj->ni", others.scale_tril, z)
    order = np.random.default_rng(1).permutation(n)
    joint = joint.calibrated_by(CalibrationSet(others[order], y[order], "out_of_fold"))
    for level in (0.01, 0.05, 0.5, 0.77, 0.9, 0.95, 0.999):
        assert_allclose(
            joint.region(level).radius, joint.region(level, method="model").radius, rtol=1e-7
        )


def test_in_the_long_run_right_predictions_keep_their_radius():
    joint, _, _ = calibrated_case("student_t", 4000, 3, method="out_of_fold")
    for level in (0.5, 0.9):
        ours, models = joint.region(level).radius, joint.region(level, method="model").radius
        assert_allclose(ours, models, rtol=0.05)
    for ours, models in zip(joint.interval(0.9), joint.interval(0.9, method="model"), strict=True):
        assert (np.abs(ours - models) < 0.1 * joint.stddev).all()


def test_scores_are_interpolated_by_weight():
    n, d = 12, 2
    weight = np.random.default_rng(3).uniform(0.2, 3, n)
    joint, others, y = calibrated_case(
        "normal", n, d, stretch=2.0, method="out_of_fold", weight=weight
    )
    law = stats.chi2(d)
    squares = np.sort(distance(y - others.mean, others.covariance) ** 2)
    order = np.argsort(distance(y - others.mean, others.covariance))
    n = weight.sum() ** 2 / np.sum(weight**2)  # Kish (1965): so many rows of equal weight
    share = np.cumsum(weight[order]) / weight.sum() * n / (n + 1)
    expected, found = logit(share), logit(law.cdf(squares))
    for level in (0.01, 0.4, 0.8, 0.99):
        wanted = logit(level)
        reach = np.interp(wanted, expected, found)  # the same beyond the ends, but for
        reach += wanted - np.clip(wanted, expected[0], expected[-1])
        radius = np.sqrt(law.ppf(expit(reach)))
        assert_allclose(joint.region(level).radius, radius, rtol=1e-9)
        times = joint.calibrated_by(CalibrationSet(others, y, "out_of_fold", 7 * weight))
        assert_allclose(times.region(level).radius, radius, rtol=1e-9)  # shares alone count


def test_a_row_of_weight_two_counts_as_two():
    _, others, y = calibrated_case("normal", 400, 2, stretch=2.0)
    joint = draw("normal", 2, 2)
    weight = np.where(y[:, 0] > others.mean[:, 0], 2.0, 1.0)
    twice = np.repeat(np.arange(400), weight.astype(int))
    y = np.where(weight[:, None] == 2, y, others.mean + 0.3 * (y - others.mean))
    heavy = joint.calibrated_by(CalibrationSet(others, y, "out_of_fold", weight))
    many = joint.calibrated_by(CalibrationSet(others[twice], y[twice], "out_of_fold"))
    plain = joint.calibrated_by(CalibrationSet(others, y, "out_of_fold"))
    for level in (0.3, 0.6, 0.9):
        radius = many.region(level).radius
        assert_allclose(heavy.region(level).radius, radius, rtol=0.02)
        assert (plain.region(level).radius < 0.97 * radius).all()
        for ours, theirs in zip(heavy.interval(level), many.interval(level), strict=True):
            assert_allclose(ours - joint.mean, theirs - joint.mean, rtol=0.03)


@pytest.mark.parametrize("method", ["out_of_fold", "conformal"])
def test_weights_follow_their_rows_where_others_fall_out(method):
    weight = np.random.default_rng(3).uniform(0.2, 3, 60)
    joint, others, y = calibrated_case("normal", 60, 3, method=method, gaps=0.3, weight=weight)
    hold = ~np.isnan(y[:, 1])
    only = joint.calibrated_by(CalibrationSet(others[hold], y[hold], method, weight[hold]))
    conditioned, expected = joint.conditional({"t1": 0.5}), only.conditional({"t1": 0.5})
    assert_allclose(conditioned.region(0.8).radius, expected.region(0.8).radius)
    hold = ~np.isnan(y[:, :2]).any(axis=1)
    only = joint.calibrated_by(CalibrationSet(others[hold], y[hold], method, weight[hold]))
    conditioned = {"t1": 0.5, "t0": 2.0}
    expected = only.conditional(conditioned).region(0.8).radius
    assert_allclose(joint.conditional(conditioned).region(0.8).radius, expected)
    some = ~np.isnan(y[:, 0])
    only = joint.calibrated_by(CalibrationSet(others[some], y[some], method, weight[some]))
    assert_allclose(joint.interval(0.8)[1][:, 0], only.interval(0.8)[1][:, 0])


# Blocks of rows


WIDTHS = np.array([0.5, 0.8, 1.0, 1.6, 3.0])  # of the errors in each block


def in_blocks(others, y, block, joint, weight=None):
    blocks = np.asarray(block, dtype=np.int64)
    return joint.calibrated_by(CalibrationSet(others, y, "out_of_fold", weight, blocks))


@each_kind
def test_regions_hold_in_four_blocks_of_five_and_in_all_together(kind):
    """Each block alone, and all rows as if each stood alone, say how large they must be."""
    n, count = 1000, 5
    others, joint = draw(kind, n, 2, seed=6), draw(kind, 3, 2, seed=5)
    block = np.random.default_rng(0).integers(count, size=n)
    y = came(others, WIDTHS[block, None])
    found = in_blocks(others, y, block, joint)
    alone = [
        joint.calibrated_by(CalibrationSet(others[own], y[own], "out_of_fold"))
        for own in (block == k for k in range(count))
    ]
    together = joint.calibrated_by(CalibrationSet(others, y, "out_of_fold"))
    for level in (0.2, 0.5, 0.9, 0.99):
        fourth = np.sort([one.region(level).radius for one in alone], axis=0)[3]
        expected = np.maximum(fourth, together.region(level).radius)
        assert_allclose(found.region(level).radius, expected, rtol=0.01)
        fourth = np.sort([one.interval(level)[1] - joint.mean for one in alone], axis=0)[3]
        expected = np.maximum(fourth, together.interval(level)[1] - joint.mean)
        assert_allclose(found.interval(level)[1] - joint.mean, expected, rtol=0.02)
    edge = joint.mean + 1.3 * joint.stddev
    level = level_of(found, edge)
    for row in range(3):
        region = found[row : row + 1].region(float(level[row]))
        assert_allclose(region.radius, found[row : row + 1].mahalanobis(edge[row]), rtol=1e-6)


def test_rows_of_blocks_go_by_weight():
    n = 600
    others, joint = draw("normal", n, 2, seed=6), draw("normal", 2, 2, seed=5)
    block, weight = np.arange(n) // 120, np.where(np.arange(n) % 2, 1.0, 1e-6)
    y = came(others, WIDTHS[block, None])
    y[::2] = others.mean[::2] + 20 * others.stddev[::2]
    half = in_blocks(others[1::2], y[1::2], block[1::2], joint).region(0.8).radius
    assert_allclose(in_blocks(others, y, block, joint, weight).region(0.8).radius, half, rtol=0.01)


def test_a_new_block_is_held_as_often_as_its_rank_says():
    """Blocks of unknown width: the next does not exceed four of five in 4 of 6 worlds."""
    r, count, size, level = np.random.default_rng(1), 5, 400, 0.9
    worlds = {"blocks": 0, "rows": 0}
    for _ in range(300):
        width = np.exp(r.normal(size=count + 1))
        y = width[:, None] * r.normal(size=(count + 1, size))
        seen, block = y[:count].reshape(-1, 1), np.repeat(np.arange(count), size)
        others = MultivariateNormal(np.zeros((len(seen), 1)), covariance=[[1.0]])
        later = MultivariateNormal([[0.0]], covariance=[[1.0]])
        plain = later.calibrated_by(CalibrationSet(others, seen, "out_of_fold"))
        for name, joint in (("blocks", in_blocks(others, seen, block, later)), ("rows", plain)):
            upper = joint.interval(level)[1][0, 0]
            worlds[name] += (np.abs(y[count]) <= upper).mean() >= level
    assert worlds["blocks"] / 300 == pytest.approx(4 / 6, abs=0.08)
    assert worlds["rows"] < worlds["blocks"]


def test_blocks_go_along_with_their_rows():
    n = 300
    others, joint = draw("student_t", n, 2, seed=6), draw("student_t", 2, 2, seed=5)
    block = np.repeat(np.arange(5), 60)
    y = came(others, WIDTHS[block, None])
    y[::7, 1] = np.nan
    whole = in_blocks(others, y, block, joint)
    assert whole.conditional({"t1": 0.3}).region(0.8).radius.shape == (2,)
    hold = ~np.isnan(y[:, 1])
    some = in_blocks(others[hold], y[hold], block[hold], joint)
    ours, theirs = whole.conditional({"t1": 0.3}), some.conditional({"t1": 0.3})
    assert_allclose(ours.region(0.8).radius, theirs.region(0.8).radius)
    one = in_blocks(others, y, np.zeros(n), joint)
    plain = joint.calibrated_by(CalibrationSet(others, y, "out_of_fold"))
    assert_array_equal(one.region(0.8).radius, plain.region(0.8).radius)
    fresh = joint.calibrated_by(CalibrationSet(others, y, "conformal", None, block))
    exact = joint.calibrated_by(CalibrationSet(others, y, "conformal"))
    assert_array_equal(fresh.region(0.8).radius, exact.region(0.8).radius)
    with pytest.raises(InputError, match="a block for each of 300 rows"):
        CalibrationSet(others, y, "out_of_fold", None, block[:9])


# Outcomes with gaps


@pytest.mark.parametrize("method", ["out_of_fold", "conformal"])
@pytest.mark.parametrize(("n_whole", "level"), [(9, 0.9), (19, 0.95), (4, 0.8), (150, 0.9)])
def test_rows_with_gaps_are_left_aside_where_enough_are_whole(method, n_whole, level):
    joint, others, y = calibrated_case("normal", 300, 3, method=method, stretch=1.5)
    y[n_whole:, 1] = np.nan
    y[n_whole:, 0] += 100  # would be seen if it counted
    some = joint.calibrated_by(CalibrationSet(others, y, method))
    whole = joint.calibrated_by(CalibrationSet(others[:n_whole], y[:n_whole], method))
    assert_allclose(some.region(level).radius, whole.region(level).radius)
    # a marginal without the gaps has them all
    part = some.marginal(["t0", "t2"]).region(level).radius
    assert (part > 2 * whole.marginal(["t0", "t2"]).region(level).radius).all()


def test_where_few_are_whole_each_row_counts_by_what_it_holds():
    joint, others, y = calibrated_case("student_t", 60, 3, gaps=0.5)
    y[np.flatnonzero(~np.isnan(y).any(axis=1))[3:], 0] = np.nan  # three whole ones: 0.75 at most
    scores, whole = [], []
    for i, present in enumerate(~np.isnan(y)):
        if present.any():
            z = (y - others.mean)[i, present]
            squares = z @ np.linalg.solve(shape_matrix(others, i)[np.ix_(present, present)], z)
            scores.append(improbability(squares, present.sum(), others.degrees_of_freedom[i]))
            whole += [scores[-1]] * bool(present.all())
    assert 40 < len(scores) < 60  # a row that holds nothing does not count
    reach = max(*whole, smallest(np.array(scores), rank_of(len(scores), 0.8)))
    freedom = joint.degrees_of_freedom
    expected = np.sqrt(squares_of(reach, 3, freedom) * (freedom - 2) / freedom)
    with pytest.warns(CoveyWarning, match=r"0.8 needs 4 .*all of \['t0', 't1', 't2'\].*Received 3"):
        found = joint.region(0.8).radius
    assert_allclose(found, expected, rtol=1e-7)
    assert_allclose(joint[::-1].region(0.8).radius, expected[::-1], rtol=1e-7)  # and is said once
    joint.region(0.7)
    joint.region(0.9).contains(np.where([True, True, False], joint.mean, np.nan))


@pytest.mark.parametrize("method", ["out_of_fold", "conformal"])
@pytest.mark.parametrize("n_whole", [0, 3, 12])
@pytest.mark.filterwarnings("ignore:A guaranteed region")
def test_regions_of_higher_levels_hold_those_of_lower_ones(method, n_whole):
    """Where rows with gaps take over, they may lie nearer than those that are whole."""
    _, others, y = calibrated_case("normal", 60, 3, stretch=5.0)
    y[n_whole:] = others.mean[n_whole:] + 0.01 * (y - others.mean)[n_whole:]
    y[n_whole:, 0] = np.nan
    joint = others[:1].calibrated_by(CalibrationSet(others, y, method))
    levels = np.linspace(0.01, 0.985, 60)
    radius = np.array([joint.region(level).radius[0] for level in levels])
    assert (radius[1:] >= radius[:-1]).all()
    ends = joint.quantile(np.r_[(1 - levels[::-1]) / 2, 0.5, (1 + levels) / 2])[:, 0]
    assert (ends[1:] >= ends[:-1]).all()


def test_complete_rows_are_held_as_often_as_promised():
    """Twelve whole rows far out among 88 with gaps that lie near: P(cover) is Beta(11, 2)."""
    held, repetitions, level = [], 400, 0.9
    for seed in range(repetitions):
        r = np.random.default_rng([11, seed])
        said = MultivariateNormal(np.zeros((500, 3)), covariance=np.eye(3))
        y = r.normal(size=(500, 3)) * 3  # what is whole lies three times as far out as was said
        y[12:100] /= 10
        y[12:100, 1:] = np.nan
        joint = said[100:].calibrated_by(CalibrationSet(said[:100], y[:100], "conformal"))
        held.append(joint.region(level).contains(y[100:]).mean())
    rank = rank_of(12, level)  # the 12th of 12: mean 12 / 13
    law = stats.beta(rank, 13 - rank)
    assert abs(np.mean(held) - law.mean()) < 4 * law.std() / np.sqrt(repetitions)
    assert np.mean(held) > level
    share = np.mean(np.array(held) > law.ppf(0.2))
    assert abs(share - 0.8) < 4 * np.sqrt(0.8 * 0.2 / repetitions) + 0.02


def test_rows_with_gaps_of_their_own_are_held_as_often_as_promised():
    """Each pattern is judged by the rows that hold it, at least."""
    seen = np.array([[1, 1, 1], [1, 0, 1], [0, 1, 0]], dtype=bool)
    held = []
    for seed in range(150):
        r = np.random.default_rng([12, seed])
        y = r.standard_t(3, size=(330, 3)) @ np.array([[2.0, 1, 0], [0, 1, 1], [0, 0, 0.1]])
        y = np.where(seen[np.arange(330) % 3], y, np.nan)
        said = MultivariateNormal(np.zeros((330, 3)), covariance=np.eye(3))
        joint = said[30:].calibrated_by(CalibrationSet(said[:30], y[:30], "conformal"))
        held.append(joint.region(0.9).contains(y[30:]).reshape(-1, 3).mean(axis=0))
    n = np.array([10, 20, 20])  # rows that hold at least what each pattern holds
    rank = np.ceil((n + 1) * 0.9)
    law = stats.beta(rank, n + 1 - rank)
    assert (np.abs(np.mean(held, axis=0) - law.mean()) < 4.5 * law.std() / np.sqrt(150)).all()


def test_what_lacks_a_target_lacks_its_combinations():
    joint, others, y = calibrated_case("normal", 50, 3)
    lacking = np.arange(50) % 3 == 0
    gaps = y.copy()
    gaps[lacking, 1] = np.nan
    joint = joint.calibrated_by(CalibrationSet(others, gaps, "conformal"))
    whole = joint.calibrated_by(CalibrationSet(others[~lacking], y[~lacking], "conformal"))
    everyone = joint.calibrated_by(CalibrationSet(others, y, "conformal"))
    sums = joint.sum(["t0", "t1"]), whole.sum(["t0", "t1"])
    assert_allclose(sums[0].region(0.8).radius, sums[1].region(0.8).radius)
    without = joint.affine([[1.0, 0.0, -1.0]]), everyone.affine([[1.0, 0.0, -1.0]])
    assert_allclose(without[0].region(0.8).radius, without[1].region(0.8).radius)


# What carries it on, and what drops it


@each_kind
@pytest.mark.parametrize("method", ["out_of_fold", "conformal"])
def test_rows_that_were_told_different_targets_are_as_if_alone(kind, method):
    joint, _, _ = calibrated_case(kind, 50, 3, rows=5, method=method, gaps=0.1)
    nan = np.nan
    given = np.array(
        [[1.0, nan, nan], [nan, nan, nan], [0.5, nan, -1.0], [2.0, nan, nan], [1.0, 2.0, 3.0]]
    )
    conditioned = joint.conditional(given)
    radius, lower = conditioned.region(0.7).radius, conditioned.interval(0.7)[0]
    total = conditioned.affine([[1.0, 1.0, 0.0]]).region(0.7).radius
    for i in range(5):
        alone = joint[i].conditional(given[[i]])
        assert_allclose(radius[i], alone.region(0.7).radius[0])
        assert_allclose(lower[i], alone.interval(0.7)[0][0])
        assert_allclose(total[i], alone.affine([[1.0, 1.0, 0.0]]).region(0.7).radius[0])
        assert_allclose(conditioned[i].region(0.7).radius[0], radius[i])
    assert radius[4] == 0
    order = [3, 1, 0]
    assert_allclose(conditioned[order].region(0.7).radius, radius[order])
    assert_allclose(conditioned[1:4].interval(0.7)[0], lower[1:4])
    assert_allclose(conditioned[given[:, 0] == 1.0].region(0.7).radius, radius[[0, 4]])
    assert_allclose(conditioned.region(0.7)[order].radius, radius[order])
    # conditioning in two steps is conditioning at once
    first = np.where([True, False, True], given, nan)
    twice = joint.conditional(first).conditional(given)
    assert_allclose(twice.region(0.7).radius, radius)
    assert_allclose(twice.interval(0.7)[0], lower)
    # in a mapping a value may be unknown in some rows
    mapped = joint.conditional({"t0": given[:, 0]})
    assert_allclose(mapped.region(0.7).radius[1], joint.marginal([1, 2]).region(0.7).radius[1])
    expected = joint.conditional({"t0": given[0, 0]}).region(0.7).radius[0]
    assert_allclose(mapped.region(0.7).radius[0], expected)


@each_kind
def test_a_part_of_an_outcome_is_held_against_the_region_of_its_targets(kind):
    joint, _, _ = calibrated_case(kind, 40, 3, stretch=3.0)
    y = came(joint, 2.5, seed=9)
    y[1:, 1] = np.nan
    y[3] = np.nan
    part = joint.marginal([0, 2]).region(0.6)
    for level in (0.2, 0.6, 0.9):
        held = joint.region(level).contains(y)
        part = joint.marginal([0, 2]).region(level).contains(y[:, [0, 2]])
        assert_array_equal(held[1:3], part[1:3])
        assert held[3]
        own = joint.region(level, method="model").contains(y)
        models = joint.marginal([0, 2]).region(level, method="model").contains(y[:, [0, 2]])
        assert_array_equal(own[1:3], models[1:3])


@each_kind
@pytest.mark.parametrize("weight", [None, np.linspace(1, 2, 30)])
def test_what_is_copied_or_pickled_reaches_as_far(kind, weight):
    joint, _, _ = calibrated_case(kind, 30, 3, method="out_of_fold", weight=weight)
    for asked in (joint, joint.conditional({"t1": 0.5}).sum(), joint.conditional(joint.mean)):
        for again in (pickle.loads(pickle.dumps(asked)), copy.copy(asked), copy.deepcopy(asked)):
            assert again.calibration == "out_of_fold"
            assert_array_equal(again.region(0.8).radius, asked.region(0.8).radius)
            assert not again.mean.flags.writeable


@each_kind
def test_without_a_calibration_set_the_model_counts(kind):
    joint, others, _ = calibrated_case(kind, 30, 2)
    model = joint.region(0.8, method="model").radius
    for plain in (
        type(joint).from_frame(joint.to_frame()),
        joint.calibrated_by(None),
        type(joint).concatenate([joint.calibrated_by(None)] * 2)[:4],
    ):
        assert plain.calibration == plain.region(0.8).method == "model"
        assert_allclose(plain.region(0.8).radius, model)
    assert joint.calibration == "conformal"  # itself as it was
    assert others.calibration == "model"
    mixture = Mixture([joint, joint])
    assert mixture.calibration == mixture.region(0.8).method == "model"
    assert_allclose(mixture.region(0.8).radius, model, rtol=1e-3)


# One batch out of several


def asked_alike(joint):
    """Pairs of batches that are calibrated on the same rows after the same steps."""
    copied = pickle.loads(pickle.dumps(joint))
    nan = np.nan
    given = np.array([[1.0, nan, nan], [nan, nan, nan], [1.0, 2.0, nan], [nan, nan, 0.0]])
    a = np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 1.0]])
    other = np.stack([a, 2 * a, -a, a[::-1]])
    return {
        "itself": (joint, joint),
        "rows of it": (joint[:1], joint[1:]),
        "a copy": (joint, copied),
        "no rows": (joint, joint.calibrated_by(None)[:0]),
        "marginals": (joint.marginal([2, 0]), copied.marginal(["t2", "t1", "t0"])[["t2", "t0"]]),
        "conditioned alike": (joint.conditional({"t1": 1.0}), copied.conditional({"t1": 2.0})),
        "conditioned on other targets": (joint.conditional(given), copied.conditional(given[::-1])),
        "one of them conditioned": (joint, joint.conditional(given)),
        "conditioned in two steps": (joint.conditional(given).conditional(given[::-1]), joint),
        "combined": (joint.affine(a), copied.affine(a)),
        "combined otherwise": (joint.affine(a), joint.affine(other)),
        "transformed, then conditioned": (
            joint.affine(a).conditional(given[:, :2]),
            joint.affine(other),
        ),
        "conditioned, then combined": (
            joint.conditional(given[[1, 0, 1, 0]]).affine(a),
            joint.affine(a),
        ),
    }


@each_kind
@pytest.mark.parametrize("method", ["out_of_fold", "conformal"])
@pytest.mark.parametrize("weight", [None, np.linspace(1, 2, 40)])
def test_parts_that_share_a_calibration_keep_it(kind, method, weight):
    joint, _, _ = calibrated_case(kind, 40, 3, method=method, stretch=3.0, gaps=0.05, weight=weight)
    for name, parts in asked_alike(joint).items():
        whole = type(parts[0]).concatenate(parts)
        assert whole.calibration == method, name
        some = [part for part in parts if len(part)]
        radius = np.concatenate([part.region(0.7).radius for part in some])
        assert_allclose(whole.region(0.7).radius, radius, rtol=1e-9, err_msg=name)
        upper = np.concatenate([part.interval(0.7)[1] for part in some])
        assert_allclose(whole.interval(0.7)[1], upper, rtol=1e-9, err_msg=name)
        turned = whole[::-1].region(0.7).radius
        assert_allclose(turned, radius[::-1], rtol=1e-9, err_msg=name)


def test_parts_of_other_ranks_share_a_calibration():
    joint, _, _ = calibrated_case("low_rank", 40, 3, stretch=3.0)
    fewer = joint._with(joint.targets, factor=joint.factor[:, :, :1])
    fewer = fewer.calibrated_by(joint._calibration_set)
    whole = type(joint).concatenate([fewer, joint])
    assert whole.calibration == "conformal"
    each = [part.region(0.7).log_volume() for part in (fewer, joint)]
    assert_allclose(whole.region(0.7).log_volume(), np.concatenate(each), rtol=1e-9)


def test_what_is_remembered_is_bounded_and_changes_nothing(monkeypatch):
    joint, _, _ = calibrated_case("normal", 40, 4, rows=15, stretch=3.0, gaps=0.2)
    y = came(joint, 2.0)
    y[np.array([[i >> k & 1 for k in range(4)] for i in range(15)], dtype=bool)] = np.nan
    expected = [joint.region(level).contains(y) for level in (0.5, 0.7)]
    assert len(joint._calibration_set._cache) == 15
    monkeypatch.setattr(conformal, "MOST_CACHED", 5 * 80)
    again = joint.calibrated_by(pickle.loads(pickle.dumps(joint._calibration_set)))
    assert len(again._calibration_set._cache) == 0
    for level, held in zip((0.5, 0.7), expected, strict=True):
        assert_array_equal(again.region(level).contains(y), held)
        assert 0 < len(again._calibration_set._cache) <= 6


@each_kind
def test_parts_without_a_calibration_in_common_lose_it_aloud(kind):
    joint, others, y = calibrated_case(kind, 30, 3)
    cases = {
        "none": joint.calibrated_by(None),
        "other rows": joint.calibrated_by(CalibrationSet(others[:20], y[:20], "conformal")),
        "other values": joint.calibrated_by(CalibrationSet(others, y + 1, "conformal")),
        "another method": joint.calibrated_by(CalibrationSet(others, y, "out_of_fold")),
        "other weights": joint.calibrated_by(CalibrationSet(others, y, "conformal", np.ones(30))),
    }
    model = joint.region(0.8, method="model").radius
    for other in cases.values():
        for parts in ([joint, other], [other, joint, joint]):
            with pytest.warns(CoveyWarning, match="on different rows.*the model alone") as said:
                whole = type(joint).concatenate(parts)
            assert len(said) == 1
            assert whole.calibration == whole.region(0.8).method == "model"
            assert_allclose(whole.region(0.8).radius, np.tile(model, len(parts)))
    one, two = joint.marginal([1, 0]), joint.affine([[0.0, 2, 0], [1, 0, 1]], targets=["t1", "t0"])
    if type(one) is type(two):
        with pytest.warns(CoveyWarning, match="in different ways"):
            assert type(one).concatenate([one, two]).calibration == "model"


# By which law


def test_far_quantiles_keep_their_digits():
    """Without usable rows what is out of fold is the model's, up to quantiles of 1e-12."""
    joint = MultivariateNormal([[1.0, -2.0]], covariance=[[4.0, 1.0], [1.0, 9.0]])
    joint = joint.calibrated_by(CalibrationSet(joint[:0], np.zeros((0, 2)), "out_of_fold"))
    for q in (1e-12, 1e-9, 0.3, 0.5 + 1e-9, 1 - 1e-9):
        expected = stats.norm.ppf(q, joint.mean, joint.stddev)
        assert_allclose(joint.quantile(q), expected, rtol=1e-6, err_msg=q)
    farthest = joint.quantile(1e-30)
    assert (farthest < joint.quantile(1e-12)).all()
    assert (farthest > joint.mean - 8 * joint.stddev).all()


@each_kind
def test_rounding_moves_no_rank(kind):
    """The calibration rows themselves in other units: each has the rank that it had."""
    _, others, y = calibrated_case(kind, 60, 3, stretch=2.0)
    units = np.array([3.0, 1 / 7, 1.1])
    same = others.affine(np.diag(units)).calibrated_by(CalibrationSet(others, y, "conformal"))
    ranks = (np.arange(60) + 0.5) / 61
    assert_allclose(np.sort(scores.distance_pit(same, y * units)), ranks, atol=1e-12)
    for level in np.abs(2 * scores.pit(same, y * units) - 1).T:
        assert_allclose(np.sort(level), ranks, atol=1e-12)


@each_kind
@pytest.mark.parametrize("method", ["out_of_fold", "conformal"])
@pytest.mark.parametrize("gaps", [0.0, 0.2])
def test_intervals_are_between_quantiles(kind, method, gaps):
    joint, _, _ = calibrated_case(kind, 60, 3, stretch=4.0, method=method, gaps=gaps)
    given = np.where(np.eye(4, 3, dtype=bool), 0.5, np.nan)
    for asked in (joint, joint.conditional(given), joint.sum(), joint["t1"], joint[["t2", "t0"]]):
        for level in (0.001, 0.3, 0.5, 0.9, 0.97, 0.999):
            ends = asked.interval(level)
            q = (1 - level) / 2, (1 + level) / 2
            assert_allclose(asked.quantile(q), ends, rtol=1e-9, atol=1e-9)
            model = asked.quantile(q, method="model")
            assert_allclose(model, asked.interval(level, method="model"), rtol=1e-9, atol=1e-9)
        assert_allclose(asked.quantile(0.5), asked.mean)
        q = np.r_[1e-300, 1e-17, np.linspace(0.01, 0.99, 99), 1 - 1e-16]
        found = asked.quantile(q)
        assert not np.isnan(found).any()
        assert (found[1:] >= found[:-1]).all()
    assert (joint.quantile(0.9) > joint.quantile(0.9, method="model") + 1e-3).all()


def test_quantiles_of_what_was_said_too_narrow_hold_their_levels():
    """The truth is four times as wide as predicted; what is calibrated knows it."""
    r = np.random.default_rng(0)
    said = MultivariateNormal(r.normal(size=(6000, 2)), covariance=[[1.0, 0.5], [0.5, 2.0]])
    y = came(said, 4.0)
    truth = stats.norm(said.mean[2000:], 4 * said.stddev[2000:])
    q = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    for method in ("out_of_fold", "conformal"):
        joint = said[2000:].calibrated_by(CalibrationSet(said[:2000], y[:2000], method))
        found = joint.quantile(q)
        assert_allclose(np.mean(y[2000:] <= found, axis=1), np.stack([q, q], axis=1), atol=0.03)
        off = (found - truth.ppf(q[:, None, None])) / (4 * said.stddev[2000:])
        assert np.abs(off).max() < 0.15
        narrow = np.mean(y[2000:] <= joint.quantile(q, method="model"), axis=1)
        assert (narrow[[0, -1]] > 0.3).any()
        assert (np.abs(narrow - q[:, None])[[0, -1]] > 0.2).all()


@each_kind
def test_probabilities_densities_and_draws_go_by_the_model(kind):
    joint, _, _ = calibrated_case(kind, 30, 3, stretch=4.0)
    plain = joint.calibrated_by(None)
    y = came(joint)
    assert_array_equal(joint.log_prob(y), plain.log_prob(y))
    assert_array_equal(joint.mahalanobis(y), plain.mahalanobis(y))
    assert_array_equal(joint.quantile(0.9, method="model"), plain.quantile(0.9))
    assert_array_equal(joint.covariance, plain.covariance)
    assert_array_equal(joint.sample(3, 0), plain.sample(3, 0))
    assert_array_equal(joint.entropy(), plain.entropy())
    assert_array_equal(joint.probability(0.0, 1.0), plain.probability(0.0, 1.0))
    below = joint.probability(upper={"t0": joint.quantile(0.9, method="model")[:, 0]})
    assert_allclose(below, 0.9, rtol=1e-6)
    assert repr(joint) == repr(plain)
    assert "(conformal)" in repr(joint.region(0.9))
    assert (joint.region(0.9).volume() > plain.region(0.9).volume()).all()
    assert (joint.quantile(0.9) > plain.quantile(0.9)).all()


@each_kind
@pytest.mark.parametrize("d", [1, 3])
def test_no_rows_and_one(kind, d):
    joint, _, _ = calibrated_case(kind, 30, d)
    none = joint[[]]
    assert none.region(0.9).radius.shape == (0,)
    assert none.interval(0.9)[0].shape == (0, d)
    assert_allclose(joint[2].region(0.9).radius, joint.region(0.9).radius[[2]])
    one = joint.calibrated_by(CalibrationSet(draw(kind, 1, d), came(draw(kind, 1, d)), "conformal"))
    assert np.isfinite(one.region(0.5).radius).all()
    assert np.isinf(one.region(0.51).radius).all()
    if d == 1:
        lower, upper = joint.interval(0.9)
        assert_allclose(joint.region(0.9).volume(), (upper - lower)[:, 0])


# Scores and distances

LAWS = [("normal", None), *[("student_t", nu) for nu in (2.1, 3.0, 30.0, 1e4, 1e8)]]


@pytest.mark.parametrize(("kind", "freedom"), LAWS)
@pytest.mark.parametrize("count", [1, 2, 5, 30])
def test_scores_lead_back_to_distances(kind, freedom, count):
    squares = np.geomspace(1e-12, 1e12, 1200)
    mean, eye = np.zeros((len(squares), 1)), np.ones((1, 1))
    if kind == "normal":
        joint = MultivariateNormal(mean, scale_tril=eye)
        law = stats.chi2(count)
    else:
        joint = MultivariateT(mean, degrees_of_freedom=freedom, scale_tril=eye)
        law = stats.f(count, freedom, scale=count)
    radial = joint._radial.squared_distance(np.full(len(squares), count))
    found = nonconformity_score(squares, radial)
    assert (np.diff(found) > 0).all()
    exact = law.logcdf(squares) - law.logsf(squares)
    usual = np.abs(exact) < LARGEST_SCORE
    assert usual.sum() > 40
    assert_allclose(found[usual], exact[usual], rtol=1e-6, atol=1e-9)
    assert (np.abs(found[~usual]) > 0.99 * LARGEST_SCORE).all()
    # one after another, as a quantile is turned into a distance
    for number in range(0, 1200, 7):
        back = squares_of_score(float(found[number]), radial)
        assert_allclose(back, squares[number], rtol=1e-6)
        short = 1e-8 if freedom == 1e8 else 0  # where SciPy inverts less well
        assert back[number] >= squares[number] * (1 - short)  # rounding shuts no row out
    assert_array_equal(squares_of_score(np.inf, radial), np.inf)
    assert_array_equal(squares_of_score(-np.inf, radial), 0)


def test_no_distance_at_all():
    joint = draw("student_t", 5, 2)
    radial = joint._radial.squared_distance(np.full(5, 2))
    assert_array_equal(nonconformity_score(np.zeros(5), radial), -np.inf)
    others = draw("student_t", 19, 2)
    for method in ("conformal", "out_of_fold"):
        perfect = joint.calibrated_by(CalibrationSet(others, others.mean, method))
        assert_allclose(perfect.region(0.9).radius, 0, atol=1e-100)
        assert_array_equal(perfect.region(0.9).contains(joint.mean), True)
        assert_array_equal(perfect.interval(0.9)[1], joint.mean)


# What is refused


@pytest.mark.parametrize("method", ["conformal", "models", None, True, 0.9])
def test_there_are_two_methods(method):
    joint, _, _ = calibrated_case("normal", 30, 2)
    for asked in (joint, joint.calibrated_by(None), Mixture([joint, joint])):
        for question in (asked.region, asked.interval):
            with pytest.raises(InputError, match="`method` must be 'auto' or 'model'"):
                question(0.9, method=method)


def test_a_calibration_set_must_fit():
    others = draw("normal", 4, 2)
    for values, method in (
        (np.zeros((4, 3)), "conformal"),
        (np.zeros((3, 2)), "conformal"),
        (np.zeros((4, 2)), "model"),
    ):
        with pytest.raises(InputError, match=r"values of shape \(4, 2\)"):
            CalibrationSet(others, values, method)


def test_what_a_file_must_hold():
    others = draw("student_t", 4, 2)
    plain = CalibrationSet(others, others.mean, "conformal")
    weighted = CalibrationSet(others, others.mean, "conformal", np.ones(4))
    names = {"mean", "scale_tril", "degrees_of_freedom", "values"}
    assert set(plain.to_arrays()) == names
    assert set(weighted.to_arrays()) == {*names, "weight"}


def test_what_was_calibrated_on_is_kept_for_the_same_operations(monkeypatch):
    r = np.random.default_rng(3)
    values = r.normal(size=(60, 3))
    rows = MultivariateNormal(np.zeros((60, 3)), covariance=np.array([np.eye(3) + 0.4] * 60))
    joint = rows[:2].calibrated_by(CalibrationSet(rows, values, "out_of_fold"))
    computed = []
    plain = CalibrationSet._scores_now

    def counted(self, *arguments):
        computed.append(1)
        return plain(self, *arguments)

    monkeypatch.setattr(CalibrationSet, "_scores_now", counted)
    asked = (
        lambda: joint.conditional({"y0": 1.0}).interval(0.8),
        lambda: joint.conditional({"y1": 1.0}).interval(0.8),
        lambda: joint.marginal(["y1", "y2"]).interval(0.8),
        lambda: joint.marginal(["y2", "y1"]).interval(0.8),
    )
    first = [ask() for ask in asked]
    assert computed
    computed.clear()
    again = [ask() for ask in asked]
    assert not computed
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first[2][0], first[3][0][:, ::-1])
    assert not np.array_equal(first[0], first[1])
