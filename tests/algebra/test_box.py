"""Probabilities of boxes against closed forms, quadrature and SciPy."""

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.integrate import quad
from scipy.special import gammaincinv, ndtr, stdtr

from covey.algebra import box
from covey.algebra.box import box_probability
from covey.distributions import MultivariateNormal, MultivariateT

LIMIT = 1e-4  # what is promised of three targets and more
each_kind = pytest.mark.parametrize("kind", ["normal", "student_t"])


def freedoms(kind, n, seed=0):
    if kind == "normal":
        return None
    return np.append([2.001, 1e4], 2 + np.random.default_rng(seed).exponential(6, n))[:n]


def factors(n, d, seed=0):
    """Scale factors of all sorts, in units that differ."""
    r = np.random.default_rng([seed, n, d])
    lower = np.tril(r.normal(size=(n, d, d)), -1) + np.eye(d) * r.uniform(0.1, 2, (n, 1, d))
    return lower * 10.0 ** r.uniform(-2, 2, (n, d, 1))


def boxes(scale_tril, seed=0):
    """Boxes from narrow to wide around the mean and beside it; a fifth of the bounds is none."""
    r = np.random.default_rng(seed)
    shape = scale_tril.shape[:2]
    center, width = r.normal(size=shape), r.exponential(r.uniform(1, 4, (shape[0], 1)), shape)
    scale = np.linalg.norm(scale_tril, axis=2)
    lower = np.where(r.random(shape) < 0.2, -np.inf, (center - width) * scale)
    upper = np.where(r.random(shape) < 0.2, np.inf, (center + width) * scale)
    return lower, upper


def one_factor(n, d, strength, seed=0):
    """Loadings of the targets on one normal z, and scale factors of shape (N, D, D + 1)."""
    r = np.random.default_rng([seed, n, d])
    loading = r.choice([-1.0, 1.0], (n, d)) * r.uniform(strength, 0.5 + strength / 2, (n, d))
    noise = np.eye(d) * np.sqrt(1 - loading**2)[:, :, None]
    return loading, np.concatenate([loading[:, :, None], noise], axis=2)


def one_factor_probability(lower, upper, loading, freedom, step=1 / 64):
    """The integral over z, given which targets are independent, and over a Student-t's radius."""
    z = np.arange(-8.5, 8.5, step)
    weight = stats.norm.pdf(z) * step
    noise = np.sqrt(1 - loading**2)
    total = 0.0
    q = np.arange(-7, 7, 0.25) if freedom is not None else np.zeros(1)
    share = stats.norm.pdf(q) / stats.norm.pdf(q).sum()
    radius = np.ones(1) if freedom is None else np.sqrt(gammaincinv(freedom / 2, ndtr(q)) * 2)
    radius = radius if freedom is None else radius / np.sqrt(freedom)
    for part, size in zip(share, radius, strict=True):
        gaps = [
            ndtr((b * size - at * z) / rest) - ndtr((a * size - at * z) / rest)
            for a, b, at, rest in zip(lower, upper, loading, noise, strict=True)
        ]
        total += part * np.sum(weight * np.prod(gaps, axis=0))
    return total


def of_correlation(matrix, n=1):
    return np.tile(np.linalg.cholesky(matrix), (n, 1, 1))


def equal(d, rho):
    return np.full((d, d), rho) + (1 - rho) * np.eye(d)


@each_kind
def test_one_target_is_its_distribution_function_far_into_both_tails(kind):
    scale = np.array([0.01, 1.0, 1.0, 1.0, 300.0, 1.0, 2.0])
    lower = np.array([-0.01, 5.0, -np.inf, -30.0, -np.inf, -np.inf, 0.0])
    upper = np.array([0.02, 6.0, 1.0, -20.0, np.inf, -9.0, 1e-3])
    freedom = freedoms(kind, 7)
    found = box_probability(lower[:, None], upper[:, None], scale[:, None, None], freedom)
    law = stats.norm() if kind == "normal" else stats.t(freedom)
    a, b = lower / scale, upper / scale
    expected = np.where(a > 0, law.sf(a) - law.sf(b), law.cdf(b) - law.cdf(a))
    assert_allclose(found, expected, rtol=1e-7)
    assert_allclose(found, expected, atol=1e-12)


@each_kind
def test_rectangles_are_integrals_over_one_target_of_the_other(kind):
    n = 10
    r = np.random.default_rng(3)
    rho = np.concatenate([[0.0, 0.99, -0.99, 0.999999, -0.999999], r.uniform(-1, 1, n - 5)])
    tilt = np.sqrt(1 - rho**2)
    factor = np.zeros((n, 2, 2))
    factor[:, 0, 0], factor[:, 1, 0], factor[:, 1, 1] = 1, rho, tilt
    lower, upper = boxes(factor, seed=2)
    lower[::5, 0], upper[1::5, 1] = 0.0, 0.0
    upper = np.where(lower < upper, upper, lower + 1)
    freedom = freedoms(kind, n)
    found = box_probability(lower, upper, factor, freedom)
    for i in range(n):
        nu = None if freedom is None else freedom[i]

        def given(x, i=i, nu=nu):
            ends = (np.array([lower[i, 1], upper[i, 1]]) - rho[i] * x) / tilt[i]
            if nu is None:
                return stats.norm.pdf(x) * np.diff(ndtr(ends))[0]
            ends = stdtr(nu + 1, ends * np.sqrt((nu + 1) / (nu + x**2)))
            return stats.t.pdf(x, nu) * np.diff(ends)[0]

        # the integrand has its steps where the other target meets its bounds
        steps = [end / rho[i] for end in (lower[i, 1], upper[i, 1]) if rho[i] and np.isfinite(end)]
        near = [at + gap for at in steps for gap in (-0.1, -1e-4, 0, 1e-4, 0.1)]
        cuts = np.clip([-np.inf, -50, -10, -1, 1, 10, 50, np.inf, *near], lower[i, 0], upper[i, 0])
        expected = sum(
            quad(given, start, stop, epsabs=1e-11, epsrel=1e-10, limit=200)[0]
            for start, stop in pairwise(np.unique(cuts))
        )
        assert_allclose(found[i], expected, atol=1e-9)


@each_kind
def test_orthants_have_the_arcsine_formulas(kind):
    rho = np.array([-0.9999999, -0.99, -0.5, 0.0, 1e-9, 0.3, 0.99, 0.9999999])
    n = len(rho)
    factor = np.zeros((n, 2, 2))
    factor[:, 0, 0], factor[:, 1, 0], factor[:, 1, 1] = 1, rho, np.sqrt((1 - rho) * (1 + rho))
    zero, none = np.zeros((n, 2)), np.full((n, 2), np.inf)
    expected = 1 / 4 + np.arcsin(rho) / (2 * np.pi)
    freedom = freedoms(kind, n)
    assert_allclose(box_probability(-none, zero, factor, freedom), expected, atol=1e-9)
    assert_allclose(box_probability(zero, none, factor, freedom), expected, atol=1e-9)
    mixed = np.array([0.0, -np.inf]), np.array([np.inf, 0.0])
    ends = (np.tile(end, (n, 1)) for end in mixed)
    assert_allclose(box_probability(*ends, factor, freedom), 1 / 2 - expected, atol=1e-9)

    three = factors(20, 3)
    unit = three / np.linalg.norm(three, axis=2)[:, :, None]
    correlation = unit @ np.swapaxes(unit, 1, 2)
    pairs = np.arcsin(correlation[:, [0, 0, 1], [1, 2, 2]]).sum(axis=1)
    found = box_probability(np.full((20, 3), -np.inf), np.zeros((20, 3)), three, freedoms(kind, 20))
    assert_allclose(found, 1 / 8 + pairs / (4 * np.pi), atol=LIMIT)


@each_kind
@pytest.mark.parametrize("d", [2, 3, 5, 8, 12])
def test_equal_correlations_of_a_half_leave_one_in_d_plus_1(kind, d):
    found = box_probability(
        np.zeros((2, d)),
        np.full((2, d), np.inf),
        of_correlation(equal(d, 0.5), 2),
        freedoms(kind, 2),
    )
    assert_allclose(found, 1 / (d + 1), atol=1e-9 if d == 2 else LIMIT)


@each_kind
@pytest.mark.parametrize("strength", [0.0, 0.8, 0.995])
@pytest.mark.parametrize("d", [3, 5, 12])
def test_targets_with_one_common_factor_agree_with_quadrature(kind, strength, d):
    n = 12 if kind == "normal" else 4
    loading, factor = one_factor(n, d, strength)
    lower, upper = boxes(factor, seed=d)
    freedom = freedoms(kind, n)
    found = box_probability(lower, upper, factor, freedom)
    for i in range(n):
        nu = None if freedom is None else freedom[i]
        expected = one_factor_probability(lower[i], upper[i], loading[i], nu)
        assert_allclose(found[i], expected, atol=LIMIT)


def test_the_error_is_mostly_far_below_the_limit():
    n, d = 300, 5
    loading, factor = one_factor(n, d, 0.3, seed=1)
    lower, upper = boxes(factor, seed=1)
    expected = np.array(
        [
            one_factor_probability(*row, None, step=1 / 16)
            for row in zip(lower, upper, loading, strict=True)
        ]
    )
    error = box_probability(lower, upper, factor) - expected
    assert np.sqrt(np.mean(error**2)) < 1.5e-5
    assert np.abs(error).max() < LIMIT
    assert np.std(expected) > 0.1


def test_few_points_do_for_what_is_strongly_correlated(monkeypatch):
    n, d = 60, 6
    loading, factor = one_factor(n, d, 0.9, seed=21)
    lower, upper = boxes(factor, seed=21)
    monkeypatch.setattr(box, "LAST", 2**7)
    found = box_probability(lower, upper, factor)
    for row, value in zip(zip(lower, upper, loading, strict=True), found, strict=True):
        assert_allclose(value, one_factor_probability(*row, None), atol=4e-5)


def test_rare_corners_are_met():
    """Targets of rank 2: the box is a polygon, which may be a small one."""
    n, d = 40, 3
    r = np.random.default_rng(14)
    factor = r.normal(size=(n, d, 2))
    factor[:, :2] = np.eye(2)
    factor /= np.linalg.norm(factor, axis=2)[:, :, None]
    upper = r.exponential(r.choice([0.05, 0.3, 1.0], (n, 1)), (n, d))
    lower = np.where(r.random((n, d)) < 0.5, -np.inf, -r.exponential(1.0, (n, d)))
    upper[:, 0], lower[:, 0] = np.inf, 0.0
    found = box_probability(lower, upper, factor)
    x = np.arange(0, 8.5, 1 / 4096) + 1 / 8192
    for i in range(n):
        along, across = factor[i, 1:, 0], factor[i, 1:, 1]
        ends = (np.stack([lower[i, 1:], upper[i, 1:]])[:, :, None] - along[:, None] * x) / (
            across[:, None]
        )
        gap = ndtr(ends.max(axis=0).min(axis=0)) - ndtr(ends.min(axis=0).max(axis=0))
        expected = np.sum(stats.norm.pdf(x) * np.maximum(gap, 0)) / 4096
        assert_allclose(found[i], expected, atol=LIMIT)


@pytest.mark.parametrize("d", [3, 4, 6])
def test_normals_agree_with_scipy(d):
    n = 6
    factor = factors(n, d)
    lower, upper = boxes(factor, seed=4)
    found = box_probability(lower, upper, factor)
    for i in range(n):
        expected = stats.multivariate_normal.cdf(
            upper[i],
            np.zeros(d),
            factor[i] @ factor[i].T,
            maxpts=200_000,
            abseps=1e-6,
            lower_limit=lower[i],
        )
        assert_allclose(found[i], expected, atol=LIMIT)


@pytest.mark.parametrize("d", [3, 5])
def test_students_agree_with_scipy(d):
    n = 4
    factor, freedom = factors(n, d, seed=1), freedoms("student_t", n)
    lower, upper = boxes(factor, seed=5)
    found = box_probability(lower, upper, factor, freedom)
    for i in range(n):
        expected = stats.multivariate_t.cdf(
            upper[i],
            np.zeros(d),
            factor[i] @ factor[i].T,
            df=freedom[i],
            maxpts=100_000,
            lower_limit=lower[i],
            random_state=0,
        )
        assert_allclose(found[i], expected, atol=LIMIT)


@each_kind
@pytest.mark.parametrize("d", [2, 4])
def test_probabilities_add_up(kind, d):
    n = 10
    factor, freedom = factors(n, d, seed=2), freedoms(kind, n)
    lower, upper = boxes(factor, seed=6)
    cut = np.clip(np.zeros(n), lower[:, 1], upper[:, 1])
    left, right = upper.copy(), lower.copy()
    left[:, 1] = right[:, 1] = cut
    parts = box_probability(lower, left, factor, freedom)
    parts += box_probability(right, upper, factor, freedom)
    whole = box_probability(lower, upper, factor, freedom)
    assert_allclose(parts, whole, atol=1e-9 if d == 2 else LIMIT)


@each_kind
def test_neither_the_order_of_targets_nor_their_signs_matter(kind):
    n, d = 10, 4
    factor, freedom = factors(n, d, seed=3), freedoms(kind, n)
    lower, upper = boxes(factor, seed=7)
    found = box_probability(lower, upper, factor, freedom)
    order = [2, 0, 3, 1]  # the rows of the factor are no triangle then
    moved = box_probability(lower[:, order], upper[:, order], factor[:, order], freedom)
    assert_allclose(moved, found, atol=1e-9)
    assert_allclose(box_probability(-upper, -lower, factor, freedom), found, atol=1e-9)
    sign = np.array([1.0, -1.0, 1.0, -1.0])
    flipped = np.minimum(lower * sign, upper * sign), np.maximum(lower * sign, upper * sign)
    assert_allclose(box_probability(*flipped, factor * sign[:, None], freedom), found, atol=1e-9)


@each_kind
@pytest.mark.parametrize("unit", [2.0**-300, 2.0**300])
def test_units_do_not_matter(kind, unit):
    factor, freedom = factors(6, 3, seed=4), freedoms(kind, 6)
    lower, upper = boxes(factor, seed=8)
    units = np.array([unit, 1.0, 1 / unit])
    found = box_probability(lower * units, upper * units, factor * units[:, None], freedom)
    assert_array_equal(found, box_probability(lower, upper, factor, freedom))


@each_kind
def test_targets_without_bounds_do_not_matter(kind):
    n, d = 8, 5
    factor, freedom = factors(n, d, seed=5), freedoms(kind, n)
    lower, upper = np.full((n, d), -np.inf), np.full((n, d), np.inf)
    assert_array_equal(box_probability(lower, upper, factor, freedom), 1.0)
    some = boxes(factor, seed=9)
    two = [1, 3]
    lower[:, two], upper[:, two] = some[0][:, two], some[1][:, two]
    expected = box_probability(lower[:, two], upper[:, two], factor[:, two], freedom)
    assert_allclose(box_probability(lower, upper, factor, freedom), expected, atol=1e-12)
    far = np.where(np.isinf(lower), -1e30, lower), np.where(np.isinf(upper), 1e30, upper)
    assert_allclose(box_probability(*far, factor, freedom), expected, atol=1e-12)


@each_kind
def test_targets_known_exactly_are_inside_or_outside(kind):
    n, d = 6, 4
    factor, freedom = factors(n, d, seed=6), freedoms(kind, n)
    lower, upper = boxes(factor, seed=10)
    factor[:, 1] = factor[:, :, 1] = 0.0
    lower[:, 1] = [-1.0, 0.0, -np.inf, 0.0, 1.0, -2.0]
    upper[:, 1] = [1.0, 0.0, 0.0, np.inf, 2.0, -1.0]
    free = [0, 2, 3]
    expected = box_probability(lower[:, free], upper[:, free], factor[:, free], freedom)
    expected[4:] = 0.0
    assert expected[:4].min() > 0
    assert_allclose(box_probability(lower, upper, factor, freedom), expected, atol=LIMIT)
    known = np.zeros((n, d, d))
    inside = box_probability(lower, upper, known, freedom)
    assert_array_equal(inside, np.all((lower <= 0) & (upper >= 0), axis=1))


@each_kind
@pytest.mark.parametrize("d", [1, 2, 3])
def test_empty_boxes_hold_nothing(kind, d):
    lower, upper = np.full((4, d), -1.0), np.full((4, d), 1.0)
    lower[0, -1], lower[1, 0], upper[2, 0] = 1.0, 2.0, -np.inf
    found = box_probability(lower, upper, np.tile(np.eye(d), (4, 1, 1)), freedoms(kind, 4))
    assert_array_equal(found[:3], 0.0)
    assert found[3] > 0
    infinite = np.full((1, d), np.inf)
    alone = freedoms(kind, 1)
    assert_array_equal(box_probability(infinite, infinite, np.eye(d)[None], alone), 0.0)
    assert_array_equal(box_probability(-infinite, -infinite, np.eye(d)[None], alone), 0.0)
    far = np.full((1, d), 1e250)  # infinite in scales
    assert_array_equal(box_probability(far, 2 * far, 1e-90 * np.eye(d)[None], alone), 0.0)


@each_kind
@pytest.mark.parametrize("d", [2, 4])
def test_targets_that_are_the_same_share_their_bounds(kind, d):
    factor = np.zeros((3, d, d))
    factor[:, :, 0] = 1.0
    factor[2, -1, 0] = -1.0
    lower, upper = np.full((3, d), -1.0), np.full((3, d), 2.0)
    lower[0, -1], upper[1, 0] = 0.5, 1.5
    freedom = freedoms(kind, 3)
    cdf = ndtr if freedom is None else lambda z: stdtr(freedom, z)
    expected = cdf(np.array([2.0, 1.5, 1.0])) - cdf(np.array([0.5, -1.0, -1.0]))
    found = box_probability(lower, upper, factor, freedom)
    assert_allclose(found, expected, atol=1e-9 if d == 2 else LIMIT)


def test_nearly_the_same_targets_bear_the_strongest_correlation_there_can_be():
    rho, d = 1 - 1e-12, 5
    lower, upper = np.full((2, d), [[-1.0], [-np.inf]]), np.full((2, d), [[2.0], [0.3]])
    found = box_probability(lower, upper, of_correlation(equal(d, rho), 2))
    assert_allclose(found, [ndtr(2.0) - ndtr(-1.0), ndtr(0.3)], atol=LIMIT)


@pytest.mark.parametrize("d", [1, 2, 4])
def test_a_student_with_many_degrees_of_freedom_is_a_normal(d):
    factor = factors(5, d, seed=7)
    lower, upper = boxes(factor, seed=11)
    normal = box_probability(lower, upper, factor)
    for freedom in (1e9, 1e15, 1e300):
        student = box_probability(lower, upper, factor, np.full(5, freedom))
        assert_allclose(student, normal, atol=LIMIT if d > 2 else 1e-8)


def test_what_is_most_unlikely_is_a_probability():
    d = 4
    lower, upper = np.full((3, d), -np.inf), np.full((3, d), np.inf)
    upper[0], upper[1] = -30.0, 40.0
    lower[2], upper[2] = -1e-9, 1e-9
    for freedom in (None, np.full(3, 2.5)):
        found = box_probability(lower, upper, of_correlation(equal(d, -0.3), 3), freedom)
        assert np.all((found >= 0) & (found <= 1))
        assert np.all(found[[0, 2]] < 1e-6)
        assert found[1] > 0.99
    # x and y above a bound, their sum below: the difference of two equal numbers
    factor = np.tile([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], (20, 1, 1))
    lower = np.stack([*np.linspace([0.4, 0.4], [1.0, 1.0], 20).T, np.full(20, -np.inf)], axis=1)
    found = box_probability(lower, np.tile([np.inf, np.inf, 0.5], (20, 1)), factor)
    assert np.all((found >= 0) & (found < LIMIT))


@each_kind
def test_rows_are_on_their_own_however_many_there_are(kind, monkeypatch):
    n, d = 40, 4
    factor, freedom = factors(n, d, seed=8), freedoms(kind, n)
    lower, upper = boxes(factor, seed=12)
    arrays = [lower, upper, factor, *([] if freedom is None else [freedom])]
    for array in arrays:
        array.flags.writeable = False
    together = box_probability(*arrays)
    assert_array_equal(box_probability(*arrays), together)
    rows = np.random.default_rng(0).permutation(n)[:15]
    assert_allclose(box_probability(*(array[rows] for array in arrays)), together[rows], atol=1e-12)
    assert_allclose(box_probability(*(array[3:4] for array in arrays)), together[3:4], atol=1e-12)
    assert box_probability(*(array[:0] for array in arrays)).shape == (0,)
    monkeypatch.setattr(box, "MATRICES", 7 * d**2)
    monkeypatch.setattr(box, "BLOCK", 5000)
    assert_allclose(box_probability(*arrays), together, atol=1e-12)


def test_memory_does_not_grow_with_the_rows():
    d = 3
    peaks = []
    for n in (30_000, 60_000):
        factor = np.broadcast_to(np.eye(d), (n, d, d))
        lower, upper = np.full((n, d), -np.inf), np.full((n, d), 9.0)
        upper[:50, :] = 0.5
        tracemalloc.start()
        box_probability(lower, upper, factor)
        peaks.append(tracemalloc.get_traced_memory()[1] - 8 * n)
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
    assert peaks[1] < 64 * 2**20


@each_kind
def test_distributions_ask_for_their_boxes(kind):
    n, d = 5, 3
    factor, freedom = factors(n, d, seed=9), freedoms(kind, n)
    mean = np.random.default_rng(0).normal(size=(n, d))
    lower, upper = boxes(factor, seed=13)
    joint = (
        MultivariateNormal(mean, scale_tril=factor)
        if freedom is None
        else MultivariateT(mean, scale_tril=factor, degrees_of_freedom=freedom)
    )
    expected = box_probability(lower, upper, factor, freedom)
    assert_allclose(joint.probability(mean + lower, mean + upper), expected, atol=1e-9)
