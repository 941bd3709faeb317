"""What out-of-fold rows teach: scales, the rows that are kept, and how wide they must be."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize

from covey.assess.calibration import (
    MOST_NUMBERS,
    MOST_ROWS,
    PULL,
    SCALED_ROWS,
    _slopes,
    as_pooled,
    calibration_rows,
    fit_scales,
    pooled_scales,
)
from covey.distributions import Mixture, MultivariateNormal, MultivariateT
from covey.distributions.internals import rescaled
from tests.distributions.test_joint import draw, each_kind

WRONG = np.array([0.5, 1.0, 2.0])  # what is, over what was predicted
UNITS = np.array([1e-6, 1.0, 1e6])


def predicted(kind, n, d=3, seed=0):
    """Correlated targets of very different units, rows of different widths."""
    joint = draw(kind, n, d, seed)
    units = np.resize(UNITS, d)
    return joint._with(
        joint.targets, mean=joint.mean * units, scale_tril=joint.scale_tril * units[:, None]
    )


def outcome(joint, stretch, gaps=0.0, seed=0):
    y = joint.mean + stretch * (joint.sample(1, seed)[0] - joint.mean)
    y[np.random.default_rng(seed).random(y.shape) < gaps] = np.nan
    return y


# Scales


@each_kind
@pytest.mark.parametrize("gaps", [0.0, 0.3])
def test_scales_are_found_again(kind, gaps):
    joint = predicted(kind, 2000)
    y = outcome(joint, WRONG, gaps)
    assert_allclose(fit_scales(joint, y), WRONG, rtol=0.1)
    assert_allclose(fit_scales(joint[:0], y[:0]), 1)


@each_kind
def test_scales_go_by_the_weight_of_the_rows(kind):
    joint = predicted(kind, 2400)
    first = np.arange(2400) % 2 == 0
    y = np.where(first[:, None], outcome(joint, WRONG), outcome(joint, 20.0, seed=1))
    weight = np.where(first, 0.7, 0.0)
    assert_allclose(fit_scales(joint, y, weight), WRONG, rtol=0.1)
    small = np.where(first, 1.0, 1e-4)
    assert_allclose(fit_scales(joint, y, small), WRONG, rtol=0.15)
    both = fit_scales(joint, y)
    assert (both > 1.3 * WRONG).all()
    assert_allclose(fit_scales(joint, y, np.full(2400, 1e-3)), both, rtol=1e-3)


def test_the_scale_of_a_normal_is_the_root_of_the_mean_square():
    joint = predicted("normal", 500, 1)
    y = outcome(joint, 1.7)
    weight = np.random.default_rng(1).uniform(0, 2, 500)
    squares = joint.mahalanobis(y) ** 2
    assert_allclose(fit_scales(joint, y), np.sqrt(squares.mean()), rtol=1e-5)
    expected = np.sqrt(np.average(squares, weights=weight))
    assert_allclose(fit_scales(joint, y, weight), expected, rtol=1e-5)


@each_kind
def test_what_is_right_is_left_alone(kind):
    exact = 0
    for seed in range(20):
        joint = predicted(kind, 250, seed=seed)
        exact += bool((fit_scales(joint, outcome(joint, 1.0, 0.1, seed)) == 1).all())
    assert exact >= 18


@each_kind
def test_targets_that_are_off_alike_share_one_scale(kind):
    same = 0
    for seed in range(8):
        joint = predicted(kind, 300, seed=seed)
        found = fit_scales(joint, outcome(joint, 1.5, seed=seed))
        assert_allclose(found, 1.5, rtol=0.15)
        same += bool((found == found[0]).all())
    assert same >= 6


def test_few_rows_that_disagree_are_pulled_towards_the_others():
    """300 rows of each target but 12 of the last, which look narrower than they can be trusted."""
    joint = predicted("normal", 300)
    y = outcome(joint, [2.0, 2.0, 0.5])
    y[12:, 2] = np.nan
    found = fit_scales(joint, y)
    assert_allclose(found[:2], 2, rtol=0.15)
    assert 0.7 < found[2] < 2


@each_kind
def test_scales_are_those_of_highest_penalised_likelihood(kind):
    joint = predicted(kind, 150)
    y = outcome(joint, [0.3, 1.0, 3.0], 0.2)

    def loss(logs):
        apart = logs - logs.mean()
        return PULL * apart @ apart - rescaled(joint, np.exp(logs)).log_prob(y).sum()

    options = {"xatol": 1e-6, "fatol": 1e-9}
    best = minimize(loss, np.zeros(3), method="Nelder-Mead", options=options)
    assert_allclose(fit_scales(joint, y), np.exp(best.x), rtol=1e-3)


@pytest.mark.parametrize("n", [0, 1, 9])
def test_a_handful_of_rows_teaches_nothing(n):
    joint = predicted("normal", n) if n else predicted("normal", 1)[:0]
    assert_array_equal(fit_scales(joint, joint.mean + 100 * joint.stddev), np.ones(3))


def test_rows_without_targets_are_no_rows():
    joint = predicted("student_t", 400)
    y = outcome(joint, WRONG)
    y[9:] = np.nan
    assert_array_equal(fit_scales(joint, y), np.ones(3))
    y = outcome(joint, WRONG)
    y[:, 1] = np.nan  # a target that is never observed
    found = fit_scales(joint, y)
    assert_allclose(found[[0, 2]], WRONG[[0, 2]], rtol=0.3)
    assert 0.5 < found[1] < 2


def test_so_many_rows_are_enough():
    joint = predicted("normal", SCALED_ROWS + 500)
    y = outcome(joint, WRONG)
    found = fit_scales(joint, y)
    y[SCALED_ROWS:] += 1000 * joint.stddev[SCALED_ROWS:]
    assert_array_equal(fit_scales(joint, y), found)
    y[SCALED_ROWS - 1] = np.nan  # the next comes up instead
    assert (fit_scales(joint, y) != found).any()


@each_kind
def test_slopes_are_differences_of_the_density(kind):
    joint = predicted(kind, 40, 4)
    y = outcome(joint, 2.0, 0.4)
    y[0] = np.nan
    slopes, step = _slopes(joint, y), 1e-5
    for i in range(4):
        one = np.where(np.arange(4) == i, step, 0.0)
        up, down = (rescaled(joint, np.exp(sign * one)).log_prob(y) for sign in (1, -1))
        assert_allclose(slopes[:, i], (up - down) / (2 * step), rtol=1e-6, atol=1e-7)
    assert_array_equal(slopes[np.isnan(y)], 0)


@each_kind
def test_scales_widen_about_the_mean(kind):
    joint = predicted(kind, 5)
    wide = rescaled(joint, WRONG)
    assert type(wide) is type(joint)
    assert_array_equal(wide.mean, joint.mean)
    assert_allclose(wide.stddev, WRONG * joint.stddev)
    assert_allclose(wide.correlation, joint.correlation, atol=1e-12)
    scale = joint.stddev[:, :, None] * joint.stddev[:, None, :]
    assert_allclose(wide.covariance / scale, np.outer(WRONG, WRONG) * joint.covariance / scale)
    if kind == "student_t":
        assert_array_equal(wide.degrees_of_freedom, joint.degrees_of_freedom)
    same = rescaled(joint, np.ones(3))
    assert_array_equal(same.scale_tril, joint.scale_tril)


# Rows that are kept


@pytest.mark.parametrize(("d", "most"), [(1, 5000), (3, 5000), (30, 2081), (3000, 1)])
def test_so_many_rows_are_kept(d, most):
    n = 8000 if d < 100 else 3
    rows = calibration_rows(np.zeros((n, d)))
    assert len(rows) == most <= MOST_ROWS
    assert most == 1 or most * (d * (d + 2) + 1) <= MOST_NUMBERS
    assert (np.diff(rows) > 0).all()
    assert (rows >= 0).all()
    assert (rows < n).all()


def test_rows_are_chosen_at_random():
    y = np.zeros((20_000, 2))
    rows = calibration_rows(y, seed=1)
    assert_array_equal(rows, calibration_rows(y, seed=1))
    assert (rows != calibration_rows(y, seed=2)).any()
    quarters = np.histogram(rows, bins=4, range=(0, 20_000))[0]
    assert_allclose(quarters, 1250, atol=150)
    assert len(set(np.diff(rows))) > 5


def test_only_rows_that_hold_and_weigh_something_are_kept():
    y = np.array([[1.0, np.nan], [np.nan, np.nan], [np.nan, 2.0], [3.0, 4.0], [5.0, 6.0]])
    assert_array_equal(calibration_rows(y), [0, 2, 3, 4])
    assert_array_equal(calibration_rows(y, np.array([0.0, 1.0, 1e-9, 0.0, 2.0])), [2, 4])
    assert_array_equal(calibration_rows(y[1:2]), [])
    many = np.zeros((9000, 1))
    many[::2] = np.nan
    rows = calibration_rows(many, (np.arange(9000) > 100).astype(float))
    assert_array_equal(rows, np.arange(101, 9000, 2))


# As wide as a prediction


@each_kind
@pytest.mark.parametrize("members", [1, 2, 5])
@pytest.mark.parametrize("times", [None, 1.0, 2.0])
def test_what_members_disagree_on_is_added(kind, members, times):
    joint = predicted(kind, 6)
    parts = [predicted(kind, 6, seed=number + 1) for number in range(members)]
    pooled = as_pooled(joint, Mixture(parts), *([] if times is None else [times]))
    means = np.stack([part.mean for part in parts])
    apart = means - means.mean(axis=0)
    epistemic = np.einsum("kni,knj->nij", apart, apart) / members
    scale = joint.stddev[:, :, None] * joint.stddev[:, None, :]
    expected = (joint.covariance + (times or 1.0) * epistemic) / scale
    assert type(pooled) is type(joint)
    assert pooled.targets == joint.targets
    assert pooled.calibration == "model"
    assert_array_equal(pooled.mean, joint.mean)
    assert_allclose(pooled.covariance / scale, expected, rtol=1e-9, atol=1e-9)
    if kind == "student_t":
        assert_allclose(pooled.degrees_of_freedom, joint.degrees_of_freedom)


def test_a_mixture_of_two_by_hand():
    covariance = [[4.0, 1.0], [1.0, 9.0]]
    for kind, extra in ((MultivariateNormal, {}), (MultivariateT, {"degrees_of_freedom": 5.0})):
        one, other = (kind([[shift, 0.0]], covariance=np.eye(2), **extra) for shift in (-1.0, 1.0))
        joint = kind([[7.0, 8.0]], covariance=covariance, **extra)
        pooled = as_pooled(joint, Mixture([one, other]))
        assert_allclose(pooled.covariance[0], [[5.0, 1.0], [1.0, 9.0]])
        assert_array_equal(pooled.mean, [[7.0, 8.0]])


def held_out(noise, n=1500, spread=1.0):
    """(joint, members, Y): members lie `spread` off in each direction, noise is said to be 1."""
    r = np.random.default_rng(0)
    corners = spread * np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])[:, None]
    zero, eye = np.zeros((n, 2)), np.eye(2)
    mixture = Mixture([MultivariateNormal(zero + mean, scale_tril=eye) for mean in corners])
    # another, as far off as each, did not see the row
    joint = MultivariateNormal(spread * r.normal(size=(n, 2)), scale_tril=eye)
    return joint, mixture, r.normal(size=(n, 2)) * noise


def test_scales_of_predictions_lie_within_two_bounds():
    """The square of what is left is 1 + noise^2; the variance is 2 with a margin, 3 without."""
    assert_allclose(pooled_scales(*held_out(3.0)), np.sqrt(10 / 3), rtol=0.06)
    assert_allclose(pooled_scales(*held_out(0.1)), np.sqrt(1.01 / 2), rtol=0.06)
    assert_array_equal(pooled_scales(*held_out(1.2)), 1)  # 2.44
    found = pooled_scales(*held_out(np.array([0.1, 3.0])))
    assert_allclose(found, np.sqrt([1.01 / 2, 10 / 3]), rtol=0.1)


def test_the_scales_of_one_member_are_as_they_are_found():
    for noise in (0.5, 1.0, 2.0):
        joint, _, y = held_out(noise, spread=0.0)
        found = pooled_scales(joint, Mixture([joint]), y)
        assert_allclose(found, fit_scales(joint, y))
        assert_allclose(found, noise, rtol=0.05)


def test_predictions_are_narrowed_only_if_blocks_agree():
    """Errors a tenth as large as said; in a third of the blocks they are as large."""
    joint, members, y = held_out(0.1, spread=0.1)
    block = np.arange(1500) // 250
    assert_allclose(pooled_scales(joint, members, y, None, block), np.sqrt(0.02 / 1.01), rtol=0.1)
    y[block < 2] *= 10
    assert (pooled_scales(joint, members, y) < 0.7).all()
    assert_array_equal(pooled_scales(joint, members, y, None, block), 1)
    assert_array_equal(pooled_scales(joint, members, y, None, np.zeros(1500)), 1)
    joint, members, y = held_out(3.0)  # wider is better in any case
    found = pooled_scales(joint, members, y, None, block)
    assert_array_equal(found, pooled_scales(joint, members, y))


def test_scales_of_predictions_go_by_weight():
    joint, members, y = held_out(3.0)
    weight = (np.arange(1500) % 3 > 0).astype(float)
    y[weight == 0] *= 30
    assert_allclose(pooled_scales(joint, members, y, weight), np.sqrt(10 / 3), rtol=0.08)
    assert (pooled_scales(joint, members, y) > 10).all()
    joint, members, y = held_out(0.1)
    y[weight == 0] *= 300
    assert_allclose(pooled_scales(joint, members, y, weight), np.sqrt(1.01 / 2), rtol=0.08)
