"""Transformed distributions against SciPy's quadrature, closed forms and samples."""

import itertools
import pickle

import numpy as np
import pandas as pd
import pytest
import scoringrules
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate, stats

from covey import Mixture, MultivariateNormal, MultivariateT, Transformed, scores
from covey.distributions.conformal import CalibrationSet
from covey.distributions.transform import Clip, Log, Log1p, Sqrt
from covey.distributions.transforms import Transforms
from covey.errors import InputError

NAMES = ["a", "b", "c", "d", "e"]
STRAIGHT = {"a": Clip(), "b": Log1p(2.0, 20.0), "c": Sqrt(1.0, 9.0), "d": Log(top=30.0)}
ENDLESS = {"a": "clip", "b": "log1p", "c": "sqrt", "d": "log"}
R = np.array(
    [
        [1.0, 0.8, -0.5, 0.3, 0.1],
        [0.8, 1.0, -0.2, 0.4, 0.0],
        [-0.5, -0.2, 1.0, 0.6, 0.2],
        [0.3, 0.4, 0.6, 1.0, -0.3],
        [0.1, 0.0, 0.2, -0.3, 1.0],
    ]
)
R = 0.7 * R + 0.3 * np.eye(5)
SD = np.array([0.7, 1.2, 0.9, 0.8, 2.0])
MEAN = np.array([[1.0, 0.5, 0.3, 2.0, -1.0], [-2.0, 3.0, 0.5, 0.0, 5.0], [5.0, 4.0, 6.0, 3.0, 0]])
NU = np.array([2.7, 4.0, 30.0])


def latent(kind):
    factor = np.linalg.cholesky(R * SD[:, None] * SD)
    if kind == "student_t":
        factors = np.broadcast_to(factor, (3, 5, 5))
        return MultivariateT(MEAN, scale_tril=factors, degrees_of_freedom=NU, targets=NAMES)
    one = MultivariateNormal(MEAN, scale_tril=np.broadcast_to(factor, (3, 5, 5)), targets=NAMES)
    if kind == "normal":
        return one
    other = MultivariateNormal(MEAN + 1, covariance=np.diag(SD**2), targets=NAMES)
    return Mixture([one, other], [[0.3, 0.7], [0.5, 0.5], [1.0, 0.0]])


def example(kind):
    return Transformed(latent(kind), ENDLESS if kind == "normal" else STRAIGHT)


any_kind = pytest.mark.parametrize("kind", ["normal", "student_t", "mixture"])


def law(kind, row):
    return stats.norm if kind == "normal" else stats.t(NU[row])


def expected(function, transform, kind, row, i):
    """E[function(y)] by SciPy, in parts between the ends of the curve."""

    def integrand(x):
        y = max(float(transform.restored(np.array(MEAN[row, i] + SD[i] * x))), 0.0)
        return function(y) * law(kind, row).pdf(x)

    ends = (np.array([transform.at_zero, transform.at_top]) - MEAN[row, i]) / SD[i]
    far = 40.0 if kind == "normal" else np.inf
    points = [-far, *sorted(ends[np.isfinite(ends)]), far]
    options = {"epsabs": 1e-13, "epsrel": 1e-12, "limit": 500}
    pairs = itertools.pairwise(points)
    return sum(integrate.quad(integrand, *pair, **options)[0] for pair in pairs)


@pytest.mark.parametrize("kind", ["normal", "student_t"])
@pytest.mark.parametrize("i", range(4))
def test_means_and_standard_deviations_are_scipys_integrals(kind, i):
    joint = example(kind)
    transform = joint.transforms.each[i]
    for row in range(3):
        mean = expected(lambda y: y, transform, kind, row, i)
        variance = expected(lambda y, m=mean: (y - m) ** 2, transform, kind, row, i)
        assert_allclose(joint.mean[row, i], mean, rtol=1e-8)
        assert_allclose(joint.stddev[row, i], np.sqrt(variance), rtol=1e-8)


def test_a_logarithm_gives_scipys_lognormal():
    covariance = R * SD[:, None] * SD
    joint = Transformed(latent("normal"), "log")
    law = stats.lognorm(SD, scale=np.exp(MEAN))
    y = np.exp(MEAN + 0.3)
    assert_allclose(joint.mean, law.mean(), rtol=1e-9)
    assert_allclose(joint.stddev, law.std(), rtol=1e-9)
    product = joint.mean[:, :, None] * joint.mean[:, None, :]
    assert_allclose(joint.covariance, product * np.expm1(covariance), rtol=1e-8, atol=1e-9)
    assert_allclose(joint.quantile(0.7), law.ppf(0.7), rtol=1e-9)
    for i, name in enumerate(NAMES):
        alone = joint.marginal(name)
        assert_allclose(alone.log_prob(y[:, [i]]), law.logpdf(y)[:, i], rtol=1e-9)
        assert_allclose(alone.entropy(), np.broadcast_to(law.entropy(), (3, 5))[:, i], rtol=1e-9)
        found = scores.crps(alone, y[:, [i]])[:, 0]
        theirs = scoringrules.crps_lognormal(y[:, i], MEAN[:, i], SD[i], backend="numpy")
        assert_allclose(found, theirs, rtol=1e-7)


@pytest.mark.parametrize("rho", [-0.6, 0.0, 0.9, 0.999])
@pytest.mark.parametrize(
    ("first", "second"),
    [(Clip(), Clip()), (Log1p(1.0, 4.0), Clip()), (Sqrt(0.5, 3.0), Log(top=5.0))],
)
def test_covariances_are_double_integrals(rho, first, second):
    mean, sd = np.array([0.2, 0.5]), np.array([1.0, 0.8])
    covariance = np.outer(sd, sd) * [[1, rho], [rho, 1]]
    joint = Transformed(
        MultivariateNormal(mean, covariance=covariance), {"y0": first, "y1": second}
    )
    nodes, weights = np.polynomial.legendre.leggauss(60)

    def parts(transform, m, s, low, high):
        ends = [(end - m) / s for end in (transform.at_zero, transform.at_top) if np.isfinite(end)]
        points = np.clip([low, *sorted(ends), high], low, high)
        return [(a, b) for a, b in itertools.pairwise(points) if b > a]

    def inner(x):
        m, s = mean[1] + rho * sd[1] * x, sd[1] * np.sqrt(1 - rho**2)
        total = 0.0
        for a, b in parts(second, m, s, -9, 9):
            u = (a + b) / 2 + (b - a) / 2 * nodes
            y = np.maximum(second.restored(m + s * u), 0)
            total += weights @ (y * stats.norm.pdf(u)) * (b - a) / 2
        return max(float(first.restored(np.array(mean[0] + x))), 0) * total * stats.norm.pdf(x)

    product = sum(
        integrate.quad(inner, a, b, epsabs=1e-12, epsrel=1e-10, limit=400)[0]
        for a, b in parts(first, mean[0], 1.0, -9, 9)
    )
    found = joint.covariance[0]
    scale = np.sqrt(found[0, 0] * found[1, 1])
    exact = product - joint.mean[0, 0] * joint.mean[0, 1]
    assert_allclose(found[0, 1] / scale, exact / scale, atol=1e-8 if abs(rho) < 0.99 else 2e-5)


@pytest.mark.parametrize("rho", [0.2, 0.8, 0.95])
def test_correlations_of_a_student_t_average_those_of_its_mixing_variable(rho):
    factor, nu = np.linalg.cholesky([[1, rho], [rho, 1]]), 4.0
    joint = Transformed(MultivariateT([[0, 1]], scale_tril=factor, degrees_of_freedom=nu), "clip")

    def product(v):
        normal = MultivariateNormal([[0, 1]], scale_tril=factor * np.sqrt(v))
        given = Transformed(normal, "clip")
        return given.covariance[0, 0, 1] + given.mean[0, 0] * given.mean[0, 1]

    density = stats.chi2(nu).pdf
    whole = integrate.quad(
        lambda u: product(np.exp(u)) * density(nu * np.exp(-u)) * nu * np.exp(-u), -6, 40, limit=200
    )[0]
    covariance = whole - joint.mean[0, 0] * joint.mean[0, 1]
    assert_allclose(joint.covariance[0, 0, 1], covariance, rtol=1e-5)


@any_kind
def test_covariances_are_positive_definite_and_those_of_samples(kind):
    joint = example(kind)
    assert_array_equal(joint.covariance, np.swapaxes(joint.covariance, 1, 2))
    assert (np.linalg.eigvalsh(joint.correlation) > 0).all()
    assert_allclose(np.sqrt(np.diagonal(joint.covariance, axis1=1, axis2=2)), joint.stddev)
    samples = joint.sample(200_000, seed=0)
    assert (samples[..., :4] >= 0).all()
    assert_allclose((samples.mean(axis=0) - joint.mean) / joint.stddev, 0, atol=0.02)
    if kind != "student_t":  # whose fourth moments are infinite
        found = np.stack([np.corrcoef(samples[:, row].T) for row in range(3)])
        assert_allclose(found, joint.correlation, atol=0.03)
    assert_allclose(joint.aleatoric + joint.epistemic, joint.covariance)


@pytest.mark.parametrize("rho", [1 - 1e-10, -1 + 1e-10])
def test_covariances_stay_valid_where_latent_ones_hardly_are(rho):
    normal = MultivariateNormal(
        [[-30, 2], [0, 0], [9, -3]], covariance=[[1, rho], [rho, 1]], targets=["a", "b"]
    )
    joint = Transformed(normal, {"a": "clip", "b": Log1p(1.0, 5.0)})
    assert np.isfinite(joint.covariance).all()
    assert (joint.stddev > 0).all()
    assert (joint.moment_matched().stddev > 0).all()


@any_kind
@pytest.mark.parametrize("i", range(4))
def test_a_density_and_the_probability_of_0_make_one(kind, i):
    joint = example(kind).marginal([i])
    for row in range(2):
        one = joint[row]
        points = np.log([1e-300, 1e-30, 1e-9, 1e-4, 0.1, 1.0, 9.0, 20.0, 30.0, 300.0, 1e12])

        def density(u, one=one):
            return float(np.exp(one.log_prob([[np.exp(u)]])[0] + u))

        whole = sum(
            integrate.quad(density, a, b, limit=400, epsabs=1e-11)[0]
            for a, b in itertools.pairwise(points)
        )
        assert_allclose(whole + one.probability(upper=0)[0], 1, atol=1e-8)


@any_kind
def test_densities_multiply_and_conditionals_are_those_of_the_latent_variables(kind):
    joint = example(kind)
    y = np.maximum(joint.sample(1, seed=2)[0], 1e-3)
    given = np.where([True, False, True, False, True], y, np.nan)
    rest = joint.conditional(given)
    assert_array_equal(rest.observed, ~np.isnan(given))
    assert_allclose(joint.log_prob(given) + rest.log_prob(y), joint.log_prob(y), rtol=1e-9)
    assert_allclose(rest.mean[rest.observed], given[rest.observed], rtol=1e-12)
    assert_array_equal(rest.stddev == 0, rest.observed)
    assert not rest.covariance[rest.observed].any()
    by_name = joint.conditional({"a": y[:, 0], "c": y[:, 2], "e": y[:, 4]})
    assert by_name.targets == ("b", "d")
    assert_allclose(by_name.mean, rest.mean[:, [1, 3]], rtol=1e-9)
    assert_allclose(by_name.covariance, rest.covariance[:, [1, 3]][:, :, [1, 3]], rtol=1e-9)
    z = joint.latent.conditional(joint.transforms.latent(given))
    assert_allclose(z.mean, rest.latent.mean)
    part = joint.marginal(["d", "a"])
    assert_allclose(part.log_prob(y[:, [3, 0]]), joint.log_prob(_only(y, [0, 3])), rtol=1e-9)
    assert_array_equal(joint.log_prob(np.full((3, 5), np.nan)), 0)


def _only(y, positions):
    kept = np.full(y.shape, np.nan)
    kept[:, positions] = y[:, positions]
    return kept


@any_kind
def test_quantiles_intervals_and_boxes_hold_what_samples_say(kind):
    joint = example(kind)
    samples = joint.sample(100_000, seed=3)
    lower, upper = joint.interval(0.8)
    assert (lower[:, :4] >= 0).all()
    inside = ((samples >= lower) & (samples <= upper)).mean(axis=0)
    assert (inside > 0.79).all()
    assert_allclose(inside[lower > 0], 0.8, atol=0.01)
    assert_array_equal(joint.quantile(0.9), upper)
    low, high = joint.mean - joint.stddev, joint.mean + 0.5 * joint.stddev
    held = np.all((samples >= low) & (samples <= high), axis=2).mean(axis=0)
    assert_allclose(joint.probability(low, high), held, atol=0.01)
    assert_allclose(joint.probability(upper={"a": 0}), (samples[..., 0] <= 0).mean(0), atol=0.01)
    assert_array_equal(joint.probability(upper={"a": -1}), 0)
    assert_array_equal(joint.probability(upper={"d": 0}), 0)
    assert_allclose(joint.probability(lower={"a": 0, "b": -5}), 1)
    above = joint.quantile(0.97) > 0
    pit = scores.pit(joint, joint.quantile(0.97), method="model")
    assert_allclose(pit[above], 0.97, rtol=1e-9)
    assert (pit[~above] > 0.97).all()
    assert above.sum() > 12


@any_kind
def test_regions_hold_at_least_their_share_and_never_values_below_0(kind):
    joint = example(kind)
    region = joint.region(0.8)
    held = np.array([region.contains(y) for y in joint.sample(1500, seed=4)])
    assert (held.mean(axis=0) > 0.77).all()
    y = region.center.copy()
    assert region.contains(y)[[0, 2]].all()
    y[:, 0] = -1e-9
    assert not region.contains(y).any()
    away = latent(kind).mean + 8  # no value near the bound: the region is the ellipsoid's image
    far = Transformed(MultivariateNormal(away, covariance=np.eye(5), targets=NAMES), STRAIGHT)
    samples = far.sample(2000, seed=5)
    same = far.latent.region(0.8)
    for y in samples[:200]:
        assert_array_equal(far.region(0.8).contains(y), same.contains(far.transforms.latent(y)))


def test_a_region_holds_zeros_that_any_of_its_points_gives():
    normal = MultivariateNormal([[-3.0, 0.5, 2.0]], covariance=R[:3, :3])
    joint = Transformed(normal, "clip")
    region = joint.region(0.9)
    ball = np.random.default_rng(0).normal(size=(400_000, 3))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    ball *= np.random.default_rng(1).random((400_000, 1)) ** (1 / 3)
    inside = region.latent.center[0] + ball @ (
        region.radius[0] * np.linalg.cholesky(normal.covariance[0]).T
    )
    images = np.maximum(inside, 0)
    for y in images[::4000]:
        assert region.contains(y[None])[0]
    for other in ([0.0, 0.0, 9.0], [3.0, 0.5, 2.0]):
        near = np.abs(images - other).max(axis=1).min()
        assert near > 0.1
        assert not region.contains([other])[0]


def test_the_volume_of_a_region_is_that_of_a_grid():
    normal = MultivariateNormal([[0.5, 1.0]], covariance=[[1.0, 0.6], [0.6, 1.0]])
    joint = Transformed(normal, {"y0": "clip", "y1": Log1p(1.0, 30.0)})
    region = joint.region(0.8)
    side = np.linspace(1e-6, 16, 1200)
    points = np.stack(np.meshgrid(side[:600], side), axis=-1).reshape(-1, 2)
    z = joint.transforms.latent(points) - normal.mean[0]
    squares = np.einsum("ni,ij,nj->n", z, np.linalg.inv(normal.covariance[0]), z)
    area = (squares <= region.radius[0] ** 2).sum() * (side[1] - side[0]) ** 2
    assert_allclose(region.volume()[0], area, rtol=0.02)
    assert 0 < region.volume_error()[0] < 0.02
    line = region.boundary(50)
    assert line.shape == (1, 50, 2)
    assert (line >= 0).all()
    lower, upper = joint.marginal("y1").interval(0.8)
    assert_allclose(joint.marginal("y1").region(0.8).volume(), (upper - lower)[:, 0], rtol=1e-9)
    with pytest.raises(InputError, match=r"no ellipsoid.*region\.latent\.axes"):
        region.axes()


@any_kind
def test_calibration_is_that_of_the_latent_variables(kind):
    others, joint = latent(kind), example(kind)
    if kind == "mixture":
        others = others.moment_matched()
        joint = Transformed(latent(kind).moment_matched(), STRAIGHT)
    rows = np.arange(60) % 3
    values = others[rows].sample(1, seed=6)[0] * 1.5
    joint = joint.calibrated_by(CalibrationSet(others[rows], values, "conformal"))
    plain = joint.latent
    assert joint.calibration == "conformal"
    for level in (0.5, 0.9):
        for found, z in zip(joint.interval(level), plain.interval(level), strict=True):
            assert_allclose(found, joint.transforms.reported(z))
        assert_array_equal(joint.region(level).radius, plain.region(level).radius)
    assert_allclose(joint.quantile(0.05), joint.interval(0.9)[0])
    y = joint.sample(1, seed=7)[0]
    z = joint.transforms.latent(np.maximum(y, 1e-9))
    assert_allclose(scores.distance_pit(joint, np.maximum(y, 1e-9)), scores.distance_pit(plain, z))
    part = joint.conditional({"a": y[:, 0]}).marginal(["b", "e"])
    assert part.calibration == "conformal"
    whole = Transformed.concatenate([joint[:1], joint[1:]])
    assert whole.calibration == "conformal"
    assert_array_equal(whole.mean, joint.mean)


@any_kind
def test_entropy_and_divergence_are_averages_over_samples(kind):
    joint = example(kind)
    z = joint.latent.sample(100_000, seed=8)
    slope = joint.transforms.log_slope(z).mean(axis=0)
    assert_allclose(joint.entropy(), joint.latent.entropy() + slope, atol=0.03)
    wider = Transformed(joint.latent._rescaled(np.full(5, 1.3)), STRAIGHT)
    same = Transformed(joint.latent, STRAIGHT)
    assert_allclose(same.kl_divergence(wider), joint.latent.kl_divergence(wider.latent), rtol=1e-9)
    normal = same.moment_matched()
    y = same.transforms.restored(z[:20_000])
    density = same._log_prob_at(y) - normal._log_prob_at(y)
    assert_allclose(same.kl_divergence(normal), density.mean(axis=0), rtol=0.1, atol=0.1)
    assert np.isinf(normal.kl_divergence(same)).all()  # log: what is below 0 cannot be


@any_kind
def test_scores_are_averages_over_samples(kind):
    joint = example(kind)
    y = joint.sample(1, seed=9)[0]
    y[0, 1] = np.nan
    samples = joint.sample(100_000, seed=10)
    half = len(samples) // 2
    for i in range(5):
        gaps = np.abs(samples[:half, :, i] - samples[half:, :, i]).mean(axis=0)
        sampled = np.abs(samples[:, :, i] - y[:, i]).mean(axis=0) - gaps / 2
        found = scores.crps(joint, y)[:, i]
        assert_allclose(found, sampled, rtol=0.05, atol=0.01 * joint.stddev[:, i].max())
    seen = ~np.isnan(y)
    to_y = np.linalg.norm(np.where(seen, samples - np.nan_to_num(y), 0), axis=2).mean(axis=0)
    apart = np.linalg.norm(np.where(seen, samples[:half] - samples[half:], 0), axis=2).mean(axis=0)
    assert_allclose(scores.energy_score(joint, y), to_y - apart / 2, rtol=0.05)
    assert np.isfinite(scores.variogram_score(joint, y)).all()
    error = scores.conditional_error(joint, y)
    given = joint[1].conditional(_only(y, [0, 2, 3, 4])[[1]])
    assert_allclose(error[1, 1], abs(y[1, 1] - given.mean[0, 1]))


def test_a_clipped_normal_has_the_closed_crps_of_a_censored_one():
    normal = MultivariateNormal([[0.3], [-1.0], [2.0]], covariance=[[[0.5]], [[1.0]], [[4.0]]])
    joint, y = Transformed(normal, "clip"), np.array([[1.0], [0.0], [0.2]])
    theirs = scoringrules.crps_cnormal(
        y[:, 0], normal.mean[:, 0], normal.stddev[:, 0], lower=0.0, backend="numpy"
    )
    assert_allclose(scores.crps(joint, y)[:, 0], theirs, rtol=1e-8)


def test_what_is_never_observed_has_no_density_and_is_not_given():
    joint = example("normal")
    y = np.maximum(joint.sample(1, seed=11)[0], 0.1)
    y[1, 0], y[2, 3] = -0.5, 0.0
    assert np.isfinite(joint.log_prob(y)[0])
    assert_array_equal(joint.log_prob(y)[1:], -np.inf)
    assert_array_equal(scores.pit(joint, y)[[1, 2], [0, 3]], 0)
    with pytest.raises(
        InputError, match=r"a is never below 0.*-0\.5 in row 1 .*Give 0 or more, or NaN"
    ):
        joint.conditional({"a": y[:, 0]})
    with pytest.raises(
        InputError, match=r"d is always above 0.*Received 0 in row 2 .*above 0, or NaN"
    ):
        joint.conditional({"d": y[:, 3]})
    named = joint._labelled(pd.Index(["x", "y", "z"]))
    with pytest.raises(InputError, match="in row 'y' to condition on"):
        named.conditional(pd.DataFrame({"a": y[:, 0]}, index=["x", "y", "z"]))


def test_the_divergence_between_transforms_is_scipys_integral():
    """Of a lognormal from one whose log(1 + y / u) is normal, and back."""
    mean, sd, unit = np.array([0.3, 1.0]), np.array([0.5, 0.8]), 0.7

    def normal(shift):
        return MultivariateNormal([mean + shift], covariance=np.diag(sd**2))

    one, other = Transformed(normal(0.0), "log"), Transformed(normal(0.4), Log1p(unit))

    def of_other(y, i):
        return stats.norm.logpdf(np.log1p(y / unit), mean[i] + 0.4, sd[i]) - np.log(unit + y)

    y = np.array([[[0.2, 3.0]], [[1.5, 0.01]]])
    lognormal = stats.lognorm(sd, scale=np.exp(mean)).logpdf(y).sum(axis=2)
    assert_allclose(one._log_prob_at(y), lognormal, rtol=1e-9)
    assert_allclose(other._log_prob_at(y), sum(of_other(y[..., i], i) for i in range(2)), rtol=1e-9)
    expected = 0.0
    for i in range(2):
        law = stats.lognorm(sd[i], scale=np.exp(mean[i]))

        def integrand(y, law=law, i=i):
            return law.pdf(y) * (law.logpdf(y) - of_other(y, i))

        expected += sum(
            integrate.quad(integrand, a, b)[0] for a, b in ((1e-9, 1), (1, 9), (9, 400))
        )
    assert_allclose(one.kl_divergence(other)[0], expected, rtol=0.02)


def test_units_may_change_and_sums_are_refused():
    joint = example("normal")
    A = np.diag([2.0, 3.0, 0.5, 10.0, -4.0])
    found, y = joint.affine(A, [0, 0, 0, 0, 7.0]), joint.sample(1, seed=12)[0]
    assert_allclose(found.mean, joint.mean @ A + [0, 0, 0, 0, 7], rtol=1e-9)
    assert_allclose(found.covariance, A @ joint.covariance @ A, rtol=1e-8)
    jacobian = np.log(np.abs(np.diag(A))).sum()
    moved = y @ A + [0, 0, 0, 0, 7]
    assert_allclose(found.log_prob(moved), joint.log_prob(y) - jacobian, rtol=1e-9)
    per_row = joint.affine({"e": {"e": [1.0, 2.0, 3.0]}})
    assert_allclose(per_row.mean[:, 0], joint.mean[:, 4] * [1, 2, 3])
    for bad in ({"s": {"a": 1, "b": 1}}, {"s": {"a": -1}}, {"s": {"a": [1.0, 2, 3]}}):
        with pytest.raises(InputError, match=r"'a'.*samples.*moment_matched"):
            joint.affine(bad)
    with pytest.raises(InputError, match="moment_matched"):
        joint.affine({"a": {"a": 1}}, {"a": 1.0})
    total = joint.moment_matched().sum()
    assert_allclose(total.mean[:, 0], joint.mean.sum(axis=1))
    assert_allclose(total.covariance[:, 0, 0], joint.covariance.sum(axis=(1, 2)))


def test_tables_labels_copies_and_rows():
    index = pd.Index(["x", "y", "z"])
    joint = example("normal")._labelled(index)
    frame = joint.to_frame()
    assert_array_equal(frame.index, index)
    assert_allclose(frame["mean_b"], joint.mean[:, 1])
    assert_allclose(frame["cov_a_c"], joint.covariance[:, 0, 2])
    again = MultivariateNormal.from_frame(frame)
    assert_allclose(again.covariance, joint.covariance, rtol=1e-9, atol=1e-12)
    again = Transformed(MultivariateNormal.from_frame(joint.latent.to_frame()), ENDLESS)
    assert_allclose(again.mean, joint.mean, rtol=1e-9)
    copy = pickle.loads(pickle.dumps(joint))
    assert_array_equal(copy.covariance, joint.covariance)
    assert_array_equal(joint[[2, 0]].mean, joint.mean[[2, 0]])
    assert_array_equal(joint["b"].mean[:, 0], joint.mean[:, 1])
    assert "±" in repr(joint)
    with pytest.raises(AttributeError, match="immutable"):
        joint.latent = None
    with pytest.raises(InputError, match="same transforms"):
        Transformed.concatenate([joint, Transformed(joint.latent, "log")])


@pytest.mark.parametrize(
    ("joint", "transform", "message"),
    [
        (latent("normal"), {"x": "log"}, "Expected one of the targets"),
        (latent("normal"), {"a": "log2"}, r"transform of target 'a'.*'log2'"),
        (latent("normal"), 3, "transform of target 'a'"),
        (latent("student_t"), "log1p", "tails too heavy"),
        (np.zeros((3, 5)), "log", "Received ndarray"),
        (example("normal"), "log", "Received Transformed"),
    ],
)
def test_what_cannot_be_transformed_is_refused(joint, transform, message):
    with pytest.raises(InputError, match=message):
        Transformed(joint, transform)


@pytest.mark.parametrize("kind", [Clip, Log1p, Sqrt, Log])
@pytest.mark.parametrize(
    ("unit", "top", "message"),
    [
        (0.0, 5.0, r"`unit` of '\w+' must be a positive number.*Received: 0\.0"),
        (-1.0, 5.0, r"`unit`.*-1"),
        (np.nan, 5.0, "`unit`.*nan"),
        (np.inf, 5.0, "`unit`.*inf"),
        ("2", 5.0, "`unit`.*'2'"),
        (True, 5.0, "`unit`.*True"),
        (1.0, -5.0, r"`top` of '\w+' must be above 0.*Received: -5"),
        (1.0, np.nan, "`top`.*nan"),
        (1.0, None, "`top`.*None"),
    ],
)
def test_units_and_ends_of_curves_are_checked(kind, unit, top, message):
    with pytest.raises(InputError, match=message):
        kind(unit, top)
    if isinstance(unit, float) and isinstance(top, float) and kind is not Clip:
        manifest = {"name": kind.name, "unit": unit, "top": top}
        with pytest.raises(ValueError, match=f"a transform.*{kind.name}"):
            Transforms.from_manifest([manifest])


def test_a_curve_needs_some_room():
    with pytest.raises(InputError, match=r"`top` of 'log1p' must be above 0.*Received: 0\.0"):
        Log1p(1.0, 0.0)
    assert Clip(1.0, 0.0) == Clip()
    assert Log1p(np.float32(2.0), np.int64(3)).to_manifest() == {
        "name": "log1p",
        "unit": 2.0,
        "top": 3.0,
    }


@pytest.mark.parametrize("transform", [*STRAIGHT.values(), Log1p(), Sqrt(), Log()])
def test_a_transform_is_increasing_and_its_slope_is_its_derivative(transform):
    z = np.linspace(-3, 6, 91)
    y = transform.restored(z)
    assert (np.diff(y) > 0).all()
    ends = transform.restored(np.array([-np.inf, np.inf]))
    assert_array_equal(np.maximum(ends, 0), [0, np.inf])
    assert transform.latent(np.array(np.inf)) == np.inf
    assert_allclose(transform.latent(y), z, rtol=1e-9, atol=1e-12)
    step = 1e-6
    slope = (transform.restored(z + step) - transform.restored(z - step)) / (2 * step)
    smooth = np.abs(z - transform.at_zero) > 1e-3
    assert_allclose(transform.log_slope(z)[smooth], np.log(slope)[smooth], atol=1e-5)
    if np.isfinite(transform.at_zero):
        assert transform.restored(np.array(transform.at_zero)) == 0
    again = Transforms.from_manifest(Transforms((transform, None)).to_manifest())
    assert again == Transforms((transform, None))
