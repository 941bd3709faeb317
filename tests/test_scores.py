"""Scores against other sources, against sampling, and minimal at the truth."""

import doctest

import numpy as np
import pandas as pd
import pytest
import scoringrules
from scipy.integrate import quad
from scipy.stats import chi2, f, kstest, multivariate_normal, norm, t

import covey.scores
from covey import scores
from covey.distributions import Mixture, MultivariateNormal, MultivariateT
from covey.distributions.conformal import CalibrationSet
from covey.errors import InputError

NAMES = ("a", "b", "c", "d", "e")
KINDS = ["normal", "t", "mixture", "mixture of t"]
PER_ROW = ["negative_log_likelihood", "energy_score", "variogram_score", "distance_pit"]
PER_TARGET = ["crps", "interval_score", "conditional_error", "pit"]
COVERAGES = ["joint_coverage", "marginal_coverage"]


def draw(kind, n=6, d=3, seed=0, freedom=None):
    r = np.random.default_rng(seed)
    if kind.startswith("mixture"):
        parts = [draw(kind[11:] or "normal", n, d, 10 * seed + k + 1, freedom) for k in range(3)]
        return Mixture(parts, r.dirichlet(np.full(3, 2.0), n))
    scale = 10.0 ** np.linspace(-0.5, 0.5, d)
    factor = np.tril(r.normal(size=(n, d, d)), -1) + np.eye(d) * r.uniform(0.5, 2, (n, 1, d))
    mean, factor = r.normal(size=(n, d)) * scale, factor * scale[:, None]
    if kind == "normal":
        return MultivariateNormal(mean, scale_tril=factor, targets=NAMES[:d])
    nu = 2.5 + r.exponential(4, n) if freedom is None else freedom
    return MultivariateT(mean, degrees_of_freedom=nu, scale_tril=factor, targets=NAMES[:d])


def with_gaps(y, seed=0):
    gaps = np.random.default_rng(seed).random(y.shape) < 0.4
    gaps[0], gaps[1] = True, False
    return np.where(gaps, np.nan, y)


def cdf(joint, row):
    """Distribution function of a row of one target, by SciPy."""
    parts = joint.components if isinstance(joint, Mixture) else [joint]
    weights = joint.weights[row] if isinstance(joint, Mixture) else [1.0]
    frozen = [
        norm(p.mean[row, 0], p.scale_tril[row, 0, 0])
        if isinstance(p, MultivariateNormal)
        else t(p.degrees_of_freedom[row], p.mean[row, 0], p.scale_tril[row, 0, 0])
        for p in parts
    ]
    return lambda x: sum(w * part.cdf(x) for w, part in zip(weights, frozen, strict=True))


def integrated_crps(joint, y, row):
    below = cdf(joint, row)

    def term(u):  # x = y + sinh u reaches far into the tails
        share = below(y + np.sinh(u))
        return (share if u < 0 else 1 - share) ** 2 * np.cosh(u)

    return sum(quad(term, *ends, epsrel=1e-9, limit=200)[0] for ends in ((-9, 0), (0, 9)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_likelihood_is_minus_the_log_density(kind):
    joint = draw(kind)
    y = joint.sample(1, seed=1)[0]
    np.testing.assert_array_equal(scores.negative_log_likelihood(joint, y), -joint.log_prob(y))
    if kind == "normal":
        expected = -multivariate_normal(joint.mean[0], joint.covariance[0]).logpdf(y[0])
        assert scores.negative_log_likelihood(joint, y)[0] == pytest.approx(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_the_crps_is_its_integral(kind):
    joint = draw(kind, n=4, d=2)
    y = joint.mean + joint.stddev * np.array([[0, 0.3], [-1, 2], [3, -5], [40, 0]])
    found = scores.crps(joint, y)
    rtol = 5e-4 if kind == "mixture of t" else 1e-7
    for target in range(2):
        own = joint.marginal(target)
        expected = [integrated_crps(own, y[row, target], row) for row in range(4)]
        np.testing.assert_allclose(found[:, target], expected, rtol=rtol)


def test_the_crps_has_the_normal_for_a_limit():
    normal = draw("normal")
    y = normal.sample(1, seed=0)[0]
    plain = scoringrules.crps_normal(y, normal.mean, normal.stddev)
    np.testing.assert_allclose(scores.crps(normal, y), plain, rtol=1e-12)
    for freedom in (1e6, 1e8, 1e12, 1e16):
        wide = MultivariateT(
            normal.mean,
            degrees_of_freedom=freedom,
            scale_tril=normal.scale_tril,
            targets=list("abc"),
        )
        np.testing.assert_allclose(scores.crps(wide, y), plain, rtol=3 / freedom + 1e-7)
        for score in (scores.energy_score, scores.variogram_score):
            np.testing.assert_allclose(score(wide, y), score(normal, y), rtol=20 / freedom + 1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_energy_score_of_one_target_is_its_crps(kind):
    joint = draw(kind, n=6, d=3)
    y = joint.mean + joint.stddev * np.array([0, 0.1, -0.7, 1, 5, 80])[:, None]
    single = scores.energy_score(joint.marginal("b"), y[:, 1])
    expected = [integrated_crps(joint.marginal("b"), y[row, 1], row) for row in range(6)]
    rtol = {"normal": 1e-7, "mixture": 1e-7, "t": 2e-5, "mixture of t": 5e-4}[kind]
    np.testing.assert_allclose(single, expected, rtol=rtol)
    y[:, [0, 2]] = np.nan  # by the integral over t, as in several dimensions
    np.testing.assert_allclose(scores.energy_score(joint, y), single, rtol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_energy_and_variogram_scores_agree_with_large_ensembles(kind):
    joint = draw(kind, n=4, d=3, freedom=4.0)
    y = joint.sample(1, seed=1)[0]
    first, second = (np.moveaxis(joint.sample(100_000, seed), 1, 0) for seed in (2, 3))
    near = np.linalg.norm(first - y[:, None], axis=2).mean(axis=1)
    apart = np.linalg.norm(first - second, axis=2).mean(axis=1)
    assert np.all(np.abs(scores.energy_score(joint, y) - near + apart / 2) < 0.01 * near)
    for order in (0.5, 1.0):
        ensemble = scoringrules.vs_ensemble(y, first[:, :20_000], p=order, backend="numpy")
        found = scores.variogram_score(joint, y, order=order)
        np.testing.assert_allclose(2 * found, ensemble, rtol=0.1, atol=0.01)


def test_the_energy_score_is_that_of_an_ensemble_in_the_mean():
    joint = draw("normal", n=1, d=5)[np.zeros(250, dtype=int)]
    y = joint.sample(1, seed=1)[0]
    ensemble = np.moveaxis(joint.sample(80, seed=2), 1, 0)
    expected = scoringrules.es_ensemble(y, ensemble, estimator="fair", backend="numpy")
    found = scores.energy_score(joint, y)
    assert found.mean() == pytest.approx(expected.mean(), rel=0.01)
    np.testing.assert_allclose(found, expected, rtol=0.4)


def test_equal_components_are_one():
    for kind in ("normal", "t"):
        joint = draw(kind)
        y = joint.sample(1, seed=1)[0]
        both = Mixture([joint, joint, joint], [0.5, 0.2, 0.3])
        for name in PER_ROW + PER_TARGET:
            score = getattr(scores, name)
            np.testing.assert_allclose(score(both, y), score(joint, y), rtol=3e-4, err_msg=name)


def test_targets_without_width_or_far_off_do_no_harm():
    factor = np.diag([1.0, 1e-9, 1e-12])
    joint = MultivariateNormal([[0.0, 0.0, 0.0]], scale_tril=factor)
    for far in (0.0, 1.0, 1e6):
        y = [[far, 0.0, 0.0]]
        expected = scores.crps(joint, y)[0, 0]
        assert scores.energy_score(joint, y)[0] == pytest.approx(expected, rel=1e-7)
    small = draw("normal", n=2, d=5)
    y = small.sample(1, seed=0)[0]
    for size in (1e9, 1e-9):
        large = small.affine(size * np.eye(5))
        for score in (scores.energy_score, scores.variogram_score):  # of order 1/2
            np.testing.assert_allclose(score(large, size * y), size * score(small, y), rtol=1e-9)


@pytest.mark.parametrize("freedom", [None, 2.2, 5.0, 60.0, 1000.0])
def test_the_variogram_score_is_its_integral(freedom):
    joint = draw("normal" if freedom is None else "t", n=2, d=2, freedom=freedom)
    y = joint.sample(1, seed=1)[0]
    for order in (0.5, 1.7):
        for row, found in enumerate(scores.variogram_score(joint, y, order=order)):
            gap = joint.affine([[1.0, -1.0]], targets=["gap"])
            m, s = gap.mean[row, 0], gap.scale_tril[row, 0, 0]
            law = norm(m, s) if freedom is None else t(freedom, m, s)
            zero = np.arctan(-m / s)

            def term(angle, m=m, s=s, law=law, order=order):
                x = m + s * np.tan(angle)
                return abs(x) ** order * law.pdf(x) * s / np.cos(angle) ** 2

            ends = ((-np.pi / 2, zero), (zero, np.pi / 2))
            expected = sum(quad(term, *end, limit=400, epsrel=1e-9)[0] for end in ends)
            expected = np.square(expected - abs(y[row, 0] - y[row, 1]) ** order)
            assert found == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_the_variogram_score_of_order_two_is_of_moments():
    for kind in KINDS:
        joint = draw(kind, n=4, d=3)
        y = joint.sample(1, seed=1)[0]
        expected = 0.0
        for i, j in ((0, 1), (0, 2), (1, 2)):
            c = joint.covariance
            mean = c[:, i, i] + c[:, j, j] - 2 * c[:, i, j]
            mean = mean + np.square(joint.mean[:, i] - joint.mean[:, j])
            expected = expected + np.square(mean - np.square(y[:, i] - y[:, j]))
        np.testing.assert_allclose(scores.variogram_score(joint, y, order=2), expected, rtol=1e-5)


@pytest.mark.parametrize("freedom", [None, 5.0])
def test_energy_and_variogram_are_least_at_the_truth(freedom):
    n, mean = 4000, np.array([0.0, 1.0, 2.0])
    covariance = np.array([[1.0, 0.6, -0.3], [0.6, 2.0, 0.2], [-0.3, 0.2, 0.5]])

    def joint(shift=0.0, scale=1.0, correlation=1.0):
        c = covariance * scale**2
        c = c * np.where(np.eye(3) == 1, 1.0, correlation)
        means = np.tile(mean + shift * np.array([1.0, -1.0, 0.0]), (n, 1))
        if freedom is None:
            return MultivariateNormal(means, covariance=c)
        return MultivariateT(means, covariance=c, degrees_of_freedom=freedom)

    y = joint().sample(1, seed=3)[0]
    wrong = [{"shift": 0.3}, {"shift": -0.3}, {"scale": 1.3}, {"scale": 0.75}]
    wrong += [{"correlation": 0.0}, {"correlation": 1.3}, {"correlation": -1.0}]
    for score in (scores.energy_score, scores.variogram_score, scores.negative_log_likelihood):
        truth = score(joint(), y)
        for change in wrong:
            worse = score(joint(**change), y) - truth
            error = worse.std() / np.sqrt(n)
            assert worse.mean() > 2 * error, (score.__name__, change)


def test_the_interval_score_is_winklers():
    joint = MultivariateNormal([[0.0], [0.0], [0.0]], covariance=[[4.0]])
    width = 4 * norm.ppf(0.9)
    found = scores.interval_score(joint, [[0.0], [width / 2 + 1], [-width / 2 - 2]], level=0.8)
    np.testing.assert_allclose(found[:, 0], [width, width + 10, width + 20])
    default = scores.interval_score(joint, np.zeros((3, 1)))
    np.testing.assert_allclose(default, 4 * norm.ppf(0.95))


@pytest.mark.parametrize("kind", KINDS)
def test_the_conditional_error_is_the_error_given_the_others(kind):
    joint = draw(kind)
    y = joint.sample(1, seed=1)[0]
    found = scores.conditional_error(joint, y)
    for i in range(3):
        others = {name: y[:, k] for k, name in enumerate("abc") if k != i}
        expected = np.abs(y[:, i] - joint.conditional(others).mean[:, 0])
        np.testing.assert_allclose(found[:, i], expected, rtol=1e-9, atol=1e-12)
    if kind == "normal":  # Lauritzen (1996): row i of the precision matrix over its diagonal
        precision = np.linalg.inv(joint.covariance)
        pull = np.einsum("nij,nj->ni", precision, y - joint.mean)
        expected = np.abs(pull) / np.einsum("nii->ni", precision)
        np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_correlations_make_the_conditional_error_smaller():
    joint = MultivariateNormal(np.zeros((2000, 2)), covariance=[[1.0, 0.8], [0.8, 1.0]])
    y = joint.sample(1, seed=0)[0]
    error = scores.conditional_error(joint, y).mean()
    assert error == pytest.approx(np.sqrt(2 / np.pi) * 0.6, rel=0.04)


@pytest.mark.parametrize("kind", KINDS)
def test_the_pit_is_the_distribution_function(kind):
    joint = draw(kind)
    y = joint.sample(1, seed=1)[0]
    found = scores.pit(joint, y)
    for i in range(3):
        own = joint.marginal(i)
        expected = [cdf(own, row)(y[row, i]) for row in range(len(y))]
        np.testing.assert_allclose(found[:, i], expected, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_the_pit_is_uniform_on_draws_from_the_truth(kind):
    ones, rows = [], np.zeros(150, dtype=int)
    joint = draw(kind, n=1, d=2)[rows]
    for seed in range(20):
        y = joint.sample(1, seed=seed)[0]
        found = scores.pit(joint, y)
        ones += [kstest(column, "uniform").pvalue for column in found.T]
        if not kind.startswith("mixture"):
            ones.append(kstest(scores.distance_pit(joint, y), "uniform").pvalue)
    assert min(ones) > 1e-4
    assert kstest(ones, "uniform").pvalue > 1e-3


def test_the_distance_pit_is_the_scores_now_the_squares():
    for kind in KINDS:
        joint = draw(kind)
        y = joint.sample(1, seed=1)[0]
        y[2:, 1] = np.nan
        one = joint.moment_matched() if isinstance(joint, Mixture) else joint
        count = np.array([3, 3, 2, 2, 2, 2])
        squares = np.square(joint.mahalanobis(y))
        if hasattr(one, "degrees_of_freedom"):
            nu = one.degrees_of_freedom
            expected = f(count, nu).cdf(squares * nu / (nu - 2) / count)
        else:
            expected = chi2(count).cdf(squares)
        np.testing.assert_allclose(scores.distance_pit(joint, y), expected, rtol=1e-9)


@pytest.mark.parametrize("method", ["conformal", "out_of_fold"])
@pytest.mark.parametrize("gaps", [0.0, 0.15])
def test_pits_agree_with_what_intervals_and_regions_hold(method, gaps):
    """Where the truth is four times as wide, what is calibrated is uniform, the model is not."""
    r = np.random.default_rng(3)
    said = MultivariateT(np.zeros((4000, 3)), degrees_of_freedom=5.0, covariance=np.eye(3) + 0.5)
    y = 4 * said.sample(1, seed=2)[0]
    y[r.random(y.shape) < gaps] = np.nan
    joint = said[999:].calibrated_by(CalibrationSet(said[:999], y[:999], method))
    y = y[999:]
    found, distance = scores.pit(joint, y), scores.distance_pit(joint, y)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(y))
    some = ~np.isnan(y).all(axis=1)
    for level in (0.1, 0.5, 0.9, 0.97):
        held = np.mean(np.abs(2 * found - 1)[~np.isnan(y)] <= level)
        assert held == pytest.approx(scores.marginal_coverage(joint, y, level=level), abs=2e-3)
        assert held == pytest.approx(level, abs=0.04)
        held = np.mean(distance[some] <= level)
        assert held == pytest.approx(scores.joint_coverage(joint, y, level=level), abs=2e-3)
        assert held == pytest.approx(level, abs=0.04)
        # the other way round: a share q lies below the quantile q
        below = np.nanmean(np.where(np.isnan(y), np.nan, found <= level))
        shares = np.nanmean(np.where(np.isnan(y), np.nan, y <= joint.quantile(level)))
        assert below == pytest.approx(shares, abs=2e-3)
    plain = joint.calibrated_by(None)
    for score in (scores.pit, scores.distance_pit):
        by_model = score(joint, y, method="model")
        np.testing.assert_array_equal(by_model, score(plain, y))
        assert np.nanmean(np.abs(by_model - 0.5)) > 0.35
        with pytest.raises(InputError, match="`method` must be"):
            score(joint, y, method="conformal")
    for score in (scores.crps, scores.energy_score, scores.negative_log_likelihood):
        np.testing.assert_array_equal(score(joint, y), score(plain, y))


def test_pits_of_what_is_known_or_told():
    joint = MultivariateNormal(np.zeros((50, 3)), covariance=np.eye(3) + 0.5)
    y = 2 * joint.sample(1, seed=1)[0]
    joint = joint[:4].calibrated_by(CalibrationSet(joint, y, "conformal"))
    given = np.where(np.eye(4, 3, dtype=bool), 0.3, np.nan)
    told = joint.conditional(given)
    for score in (scores.pit, scores.distance_pit):
        found = score(told, y[:4])
        for row in range(4):
            free = np.flatnonzero(np.isnan(given[row]))
            alone = joint[row].conditional(given[[row]]).marginal(free)
            expected = score(alone, y[[row]][:, free])[0]
            got = found[row, free] if found.ndim == 2 else found[row]
            np.testing.assert_allclose(got, expected)
    np.testing.assert_array_equal(np.isnan(scores.pit(told, y[:4])), ~np.isnan(given))
    perfect = scores.pit(joint, joint.mean)
    np.testing.assert_array_equal(perfect, 0.5)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("kind", KINDS[:3])
def test_coverage_is_the_level_on_draws_from_the_truth(kind, level):
    n = 1000
    joint = draw(kind, n=1, d=3, seed=1)[np.zeros(n, dtype=int)]
    y = joint.sample(1, seed=4)[0]
    y[::4, 1] = np.nan
    error = 3.5 * np.sqrt(level * (1 - level) / n)
    assert scores.joint_coverage(joint, y, level=level) == pytest.approx(level, abs=error + 0.005)
    assert scores.marginal_coverage(joint, y, level=level) == pytest.approx(level, abs=error)
    each = scores.marginal_coverage(joint, y, level=level, per_target=True)
    np.testing.assert_allclose(each, level, atol=1.2 * error)


def test_coverage_counts_what_was_observed():
    joint = MultivariateNormal(np.zeros((4, 2)), covariance=np.eye(2))
    nan = np.nan
    y = [[0.0, 0.0], [9.0, nan], [0.5, nan], [nan, nan]]
    assert scores.joint_coverage(joint, y) == pytest.approx(2 / 3)
    assert scores.marginal_coverage(joint, y) == pytest.approx(3 / 4)
    assert scores.marginal_coverage(joint, y, per_target=True) == pytest.approx([2 / 3, 1.0])
    y = np.full((4, 2), nan)
    assert np.isnan(scores.joint_coverage(joint, y))
    assert np.isnan(scores.marginal_coverage(joint, y))
    y[0, 0] = 0.0
    np.testing.assert_array_equal(scores.marginal_coverage(joint, y, per_target=True), [1, nan])
    # 1.9 lies within each interval, but both together lie outside the region
    y = np.full((4, 2), 1.9)
    assert scores.marginal_coverage(joint, y, level=0.95) == 1
    assert scores.joint_coverage(joint, y, level=0.95) == 0


@pytest.mark.parametrize("name", PER_ROW + PER_TARGET)
@pytest.mark.parametrize("kind", KINDS)
def test_gaps_leave_the_marginal_of_what_was_observed(kind, name):
    score = getattr(scores, name)
    joint = draw(kind, n=8, d=4, freedom=3.0)
    y = with_gaps(joint.sample(1, seed=1)[0])
    found = score(joint, y)
    assert found.shape == (y.shape if name in PER_TARGET else (8,))
    empty = found[0]
    assert np.all(empty == 0) if name == "negative_log_likelihood" else np.isnan(empty).all()
    for row in range(1, 8):
        chosen = np.flatnonzero(~np.isnan(y[row])).tolist()
        if not chosen:
            continue
        expected = score(joint[row].marginal(chosen), y[row, chosen])
        if name == "distance_pit" and isinstance(joint, Mixture):
            one = joint.moment_matched()[row].marginal(chosen)
            expected = score(one, y[row, chosen])
        own = found[row, chosen] if name in PER_TARGET else found[row]
        np.testing.assert_allclose(own, np.squeeze(expected), rtol=1e-7)
    if name in PER_TARGET:
        np.testing.assert_array_equal(np.isnan(found), np.isnan(y))


@pytest.mark.parametrize("name", PER_ROW + PER_TARGET)
@pytest.mark.parametrize("kind", KINDS)
def test_known_targets_are_not_scored(kind, name):
    score = getattr(scores, name)
    joint = draw(kind)
    y = joint.sample(1, seed=1)[0]
    given = np.full_like(y, np.nan)
    given[:4, 1], given[0] = y[:4, 1], y[0]
    after = joint.conditional(given)
    found = score(after, y)
    part = {"b": y[1:4, 1]}
    expected = score(joint[1:4].conditional(part), y[1:4][:, [0, 2]])
    own = found[1:4][:, [0, 2]] if name in PER_TARGET else found[1:4]
    np.testing.assert_allclose(own, expected, rtol=1e-7)
    np.testing.assert_allclose(found[4:], score(joint, y)[4:], rtol=1e-7)
    assert np.all(found[0] == 0) if name == PER_ROW[0] else np.isnan(found[0]).all()
    if name in PER_TARGET:
        assert np.isnan(found[:4, 1]).all()


def test_known_targets_do_not_count_as_covered():
    joint = draw("normal", n=400)
    y = joint.sample(1, seed=0)[0] + joint.stddev
    after = joint.conditional(np.where([False, True, False], y, np.nan))
    rest, others = joint.conditional({"b": y[:, 1]}), y[:, [0, 2]]
    assert scores.marginal_coverage(after, y) == scores.marginal_coverage(rest, others)
    assert scores.joint_coverage(after, y) == scores.joint_coverage(rest, others)
    share = scores.marginal_coverage(after, y, per_target=True)
    np.testing.assert_array_equal(np.isnan(share), [False, True, False])


@pytest.mark.parametrize("name", PER_ROW + PER_TARGET)
@pytest.mark.parametrize("kind", KINDS)
def test_one_row_one_target_and_no_row(kind, name):
    score = getattr(scores, name)
    for n, d in ((1, 1), (1, 3), (5, 1)):
        joint = draw(kind, n=n, d=d)
        y = joint.sample(1, seed=1)[0]
        found = score(joint, y)
        assert found.shape == ((n, d) if name in PER_TARGET else (n,))
        single = name == "variogram_score" and d == 1  # no pair
        assert np.isnan(found).all() if single else np.isfinite(found).all()
    joint = draw(kind)
    assert score(joint[[]], np.empty((0, 3))).shape == ((0, 3) if name in PER_TARGET else (0,))
    y = joint.sample(1, seed=1)[0]
    whole = score(joint, y)
    np.testing.assert_allclose(score(joint[2], y[2]), whole[2:3], rtol=1e-9)


def test_rows_are_scored_alike_in_chunks(monkeypatch):
    joint = draw("mixture of t", n=7)
    y = with_gaps(joint.sample(1, seed=1)[0])
    whole = scores.energy_score(joint, y)
    monkeypatch.setattr(scores, "CHUNK", 3)
    np.testing.assert_allclose(scores.energy_score(joint, y), whole, rtol=1e-12)


@pytest.mark.parametrize("name", PER_ROW + PER_TARGET + COVERAGES)
def test_frames_are_read_by_column_and_bad_input_is_refused(name):
    score = getattr(scores, name)
    joint = draw("normal")
    y = joint.sample(1, seed=1)[0]
    frame = pd.DataFrame(y, columns=list("abc"))[["c", "a", "b"]]
    np.testing.assert_array_equal(score(joint, frame), score(joint, y))
    before = y.copy()
    score(joint, y)
    np.testing.assert_array_equal(y, before)
    with pytest.raises(InputError, match=r"`y` must have shape \(6, 3\)"):
        score(joint, y[:, :2])
    with pytest.raises(InputError, match="Lacking: \\['b'\\]"):
        score(joint, frame[["a", "c"]])
    with pytest.raises(InputError, match="infinity for 'b'"):
        score(joint, np.where([False, True, False], np.inf, y))
    with pytest.raises(InputError, match=r"Expected a distribution, .* Received ndarray"):
        score(y, joint)


@pytest.mark.parametrize("name", ["interval_score", *COVERAGES])
def test_bad_levels_are_refused(name):
    joint = draw("normal")
    with pytest.raises(InputError, match=r"Did you mean 0\.9"):
        getattr(scores, name)(joint, joint.mean, level=90)


@pytest.mark.parametrize("order", [0, -1, 2.5, np.nan, [0.5, 1.0], "half"])
def test_bad_orders_are_refused(order):
    joint = draw("normal")
    with pytest.raises(InputError, match="`order` must be"):
        scores.variogram_score(joint, joint.mean, order=order)


def test_the_examples_run():
    failed, attempted = doctest.testmod(covey.scores)
    assert attempted
    assert not failed
