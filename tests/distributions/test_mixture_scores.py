"""Scores and quantiles of mixtures of many Student-t, against SciPy and simulation."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm, t

from covey import Mixture, MultivariateNormal, MultivariateT, scores
from covey.distributions import mixture_scores

EACH = 4e-3  # of an energy score of one row by points, mostly; four times that at worst


def many(k=12, n=20, d=3, seed=0, *, far=0.5, wide=0.7, nu=None, weights=None):
    """Mixtures whose components lie `far` apart, of widths that differ by factors of e^wide."""
    r = np.random.default_rng(seed)
    parts = []
    for _ in range(k):
        factor = np.tril(0.5 * r.normal(size=(n, d, d)), -1) + np.eye(d)
        factor *= np.exp(wide * r.normal(size=(n, 1, 1)))
        freedom = 2.6 + r.exponential(6.0, n) if nu is None else nu
        mean = far * r.normal(size=(n, d))
        parts.append(MultivariateT(mean, scale_tril=factor, degrees_of_freedom=freedom))
    return Mixture(parts, r.dirichlet(np.ones(k), n) if weights is None else weights)


def marginal_parts(mixture, row, target=0):
    """Weight and SciPy's distribution of each component of one target."""
    return [
        (
            mixture.weights[row, k],
            t(part.degrees_of_freedom[row], part.mean[row, target], np.sqrt(variance)),
        )
        for k, part in enumerate(mixture.components)
        for variance in [np.square(part.scale_tril[row, target]).sum()]
    ]


def integrated_crps(parts, y):
    """The integral of (F - 1{x >= y})^2 over stretches between quantiles of the components."""
    ends = np.unique([p.ppf(q) for _, p in parts for q in (1e-12, 1e-4, 0.05, 0.5, 0.95, 0.9999)])
    ends = np.unique(np.concatenate([ends, [p.ppf(1 - 1e-12) for _, p in parts], [y]]))
    points, weights = np.polynomial.legendre.leggauss(40)
    width = np.diff(ends)
    x = ends[:-1, None] + width[:, None] * (points + 1) / 2
    below = sum(w * p.cdf(x) for w, p in parts)
    above = sum(w * p.sf(x) for w, p in parts)
    return (width / 2) @ (np.where(x < y, below, above) ** 2 @ weights)


CASES = {
    "like": {},
    "heavy": {"nu": 2.6},
    "equal": {"nu": 2.6, "far": 0.0, "wide": 0.0},
    "far": {"far": 50.0},
    "of other widths": {"wide": 2.0},
    "tiny weights": {"weights": [0.9, 0.1 - 1e-6, *[1e-7] * 10]},
}


@pytest.mark.parametrize("case", CASES)
def test_the_crps_is_its_integral(case):
    joint = many(n=6, d=2, **CASES[case])
    y = joint.sample(1, seed=1)[0]
    y[0] = joint.mean[0] + 40 * joint.stddev[0]
    found = scores.crps(joint, y)
    expected = [
        [integrated_crps(marginal_parts(joint, i, j), y[i, j]) for j in (0, 1)] for i in range(6)
    ]
    np.testing.assert_allclose(found, expected, rtol=2e-4)


def test_the_integral_is_that_of_scipy():
    joint = many(n=1, d=1, k=4)
    parts = marginal_parts(joint, 0)

    def term(u):
        x = 0.3 + np.sinh(u)
        share = sum(w * (p.cdf(x) if u < 0 else p.sf(x)) for w, p in parts)
        return share**2 * np.cosh(u)

    expected = sum(quad(term, *ends, epsrel=1e-9, limit=300)[0] for ends in ((-12, 0), (0, 12)))
    assert integrated_crps(parts, 0.3) == pytest.approx(expected, rel=1e-6)
    assert scores.crps(joint, [[0.3]])[0, 0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("d", [2, 3, 6])
def test_points_and_pairs_give_one_energy_score(monkeypatch, case, d):
    joint = many(d=d, **CASES[case])
    y = joint.sample(1, seed=2)[0]
    by_points = scores.energy_score(joint, y)
    monkeypatch.setattr(mixture_scores, "FEW", 12)
    by_pairs = scores.energy_score(joint, y)
    error = by_points / by_pairs - 1
    assert np.sqrt(np.mean(np.square(error))) < EACH
    assert np.abs(error).max() < 4 * EACH
    assert np.abs(error.mean()) < EACH / 2


def test_the_energy_score_agrees_with_a_large_simulation():
    joint = many(k=30, n=2, nu=4.0)
    y = joint.sample(1, seed=5)[0]
    expected = np.zeros(2)
    for seed in range(8):
        a, b = (joint.sample(250_000, seed=[seed, side]) for side in (0, 1))
        gaps = [np.linalg.norm(x, axis=2).mean(axis=0) for x in (a - y, b - y, a - b)]
        expected += (gaps[0] + gaps[1] - gaps[2]) / 2 / 8
    np.testing.assert_allclose(scores.energy_score(joint, y), expected, rtol=4 * EACH)


def test_order_and_splitting_of_components_do_not_matter():
    joint = many(k=10, n=30)
    y = joint.sample(1, seed=3)[0]
    order = np.random.default_rng(0).permutation(10)
    turned = Mixture([joint.components[k] for k in order], joint.weights[:, order])
    halves = Mixture([*joint.components, *joint.components], np.tile(joint.weights / 2, 2))
    empty = Mixture(
        [*joint.components, *many(k=3, n=30, seed=9, far=99.0).components],
        np.pad(joint.weights, ((0, 0), (0, 3))),
    )
    for other in (turned, halves, empty):
        np.testing.assert_allclose(scores.crps(other, y), scores.crps(joint, y), rtol=2e-4)
        energy = scores.energy_score(other, y) / scores.energy_score(joint, y) - 1
        assert np.sqrt(np.mean(np.square(energy))) < 1.5 * EACH
        np.testing.assert_allclose(other.quantile(0.9), joint.quantile(0.9), rtol=1e-10)
    np.testing.assert_allclose(scores.crps(turned, y), scores.crps(joint, y), rtol=1e-9)
    np.testing.assert_allclose(scores.crps(empty, y), scores.crps(joint, y), rtol=1e-9)


def test_gaps_and_known_targets_leave_the_marginal_of_the_others():
    joint = many(k=8, n=6)
    y = joint.sample(1, seed=4)[0]
    gaps = y.copy()
    gaps[0], gaps[1, 1:], gaps[2, 0], gaps[3, 2] = np.nan, np.nan, np.nan, np.nan
    energy = scores.energy_score(joint, gaps)
    crps = scores.crps(joint, gaps)
    np.testing.assert_array_equal(np.isnan(crps), np.isnan(gaps))
    np.testing.assert_array_equal(crps[~np.isnan(gaps)], scores.crps(joint, y)[~np.isnan(gaps)])
    assert np.isnan(energy[0])
    assert energy[1] == pytest.approx(crps[1, 0], rel=1e-12)
    for row, targets in ((2, [1, 2]), (3, [0, 1])):
        expected = scores.energy_score(joint[row].marginal(targets), y[[row]][:, targets])
        assert energy[row] == pytest.approx(expected[0], rel=4 * EACH)
    told = joint.conditional({"y0": y[:, 0]}, keep=True)
    rest = joint.conditional({"y0": y[:, 0]})
    np.testing.assert_allclose(
        scores.energy_score(told, y), scores.energy_score(rest, y[:, 1:]), rtol=4 * EACH
    )
    np.testing.assert_allclose(scores.crps(told, y)[:, 1:], scores.crps(rest, y[:, 1:]), rtol=1e-9)


def test_a_row_is_scored_by_itself_in_any_unit():
    joint = many(k=9, n=7)
    y = joint.sample(1, seed=6)[0]
    for score in (scores.energy_score, scores.crps):
        whole = score(joint, y)
        np.testing.assert_allclose(score(joint[3:5], y[3:5]), whole[3:5], rtol=1e-6)
        np.testing.assert_array_equal(score(joint, y), whole)
        for size in (1e-9, 1e9):
            scaled = score(joint.affine(size * np.eye(3), np.full(3, size)), size * (y + 1))
            np.testing.assert_allclose(scaled, size * whole, rtol=1e-5)


@pytest.mark.parametrize("probability", [1e-6, 0.05, 0.5, 0.95, 0.9999])
def test_quantiles_are_those_of_scipy(probability):
    for case in CASES.values():
        joint = many(n=4, d=1, **case)
        found = joint.quantile(probability)[:, 0]
        for row in range(4):
            parts = marginal_parts(joint, row)
            ends = [p.ppf(probability) for _, p in parts]

            def gap(x, parts=parts):
                return sum(w * p.cdf(x) for w, p in parts) - probability

            low, high = min(ends) - 1e-6, max(ends) + 1e-6
            assert found[row] == pytest.approx(
                brentq(gap, low, high, xtol=1e-13), rel=1e-6, abs=1e-9
            )


def test_quantiles_of_normals_and_of_known_targets():
    far = [MultivariateNormal(np.full((2, 2), m), covariance=np.eye(2)) for m in (-30.0, 0.0, 50.0)]
    joint = Mixture(far, [0.25, 0.25, 0.5])
    np.testing.assert_allclose(joint.quantile(0.375), 0.0, atol=1e-9)
    np.testing.assert_allclose(joint.quantile(0.75), 50.0, rtol=1e-12)
    np.testing.assert_allclose(joint.quantile(0.01), -30 + norm.ppf(0.04), rtol=1e-12)
    told = many(k=3, n=2).conditional({"y1": [5.0, -4.0]}, keep=True)
    np.testing.assert_array_equal(told.quantile(0.3)[:, 1], [5.0, -4.0])
    assert np.isfinite(told.quantile(0.3)).all()
