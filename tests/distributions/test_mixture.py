"""The mixture against its components, SciPy, and the law of total covariance."""

import doctest

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.special import logsumexp

import covey.distributions.mixture
from covey.distributions import Mixture, MultivariateNormal

SHAPES = [(1, 1, 1), (3, 3, 3), (2, 4, 2), (5, 3, 3)]  # (K, N, D)
each_shape = pytest.mark.parametrize(("k", "n", "d"), SHAPES)


def draw(k, n, d):
    rng = np.random.default_rng([k, n, d])
    rows = rng.normal(size=(k, n, d, d + 2))
    means = 2 * rng.normal(size=(k, n, d))
    return Mixture(
        [
            MultivariateNormal(m, covariance=a @ np.swapaxes(a, 1, 2))
            for m, a in zip(means, rows, strict=True)
        ]
    )


@each_shape
def test_moments_are_those_of_the_law_of_total_covariance(k, n, d):
    mixture = draw(k, n, d)
    means = np.stack([c.mean for c in mixture.components])
    second = sum(c.covariance + c.mean[:, :, None] * c.mean[:, None] for c in mixture.components)
    assert_allclose(mixture.mean, means.mean(axis=0))
    expected = second / k - mixture.mean[:, :, None] * mixture.mean[:, None]
    assert_allclose(mixture.covariance, expected, atol=1e-12)
    for i in range(n):
        between = np.cov(means[:, i], rowvar=False, bias=True)
        assert_allclose(mixture.epistemic[i], between.reshape(d, d), atol=1e-12)
    assert_allclose(mixture.aleatoric, mixture.covariance - mixture.epistemic, atol=1e-12)
    assert_allclose(mixture.stddev**2, np.diagonal(mixture.covariance, axis1=1, axis2=2))
    matched = mixture.moment_matched()
    assert_array_equal(matched.mean, mixture.mean)
    assert_allclose(matched.covariance, mixture.covariance)
    assert len(mixture) == len(matched) == n
    assert mixture.targets == matched.targets == mixture.components[0].targets


@each_shape
def test_log_prob_is_scipys_with_missing_entries_marginalised(k, n, d):
    mixture = draw(k, n, d)
    rng = np.random.default_rng(0)
    y = np.where(rng.random((n, d)) < 0.3, np.nan, mixture.mean + rng.normal(size=(n, d)))
    y[-1] = np.nan
    for i, seen in enumerate(~np.isnan(y)):
        densities = [
            stats.multivariate_normal(c.mean[i, seen], c.covariance[i][np.ix_(seen, seen)]).logpdf(
                y[i, seen]
            )
            for c in mixture.components
            if seen.any()
        ]
        expected = logsumexp(densities) - np.log(k) if seen.any() else 0
        assert_allclose(mixture.log_prob(y)[i], expected, atol=1e-12)


def test_samples_have_the_moments():
    mixture, size = draw(3, 2, 2), 100_000
    y = mixture.sample(size, seed=0)
    assert y.shape == (size, 2, 2)
    standard_error = mixture.stddev / np.sqrt(size)
    assert np.all(np.abs(y.mean(axis=0) - mixture.mean) < 5 * standard_error)
    outer = np.outer(mixture.stddev, mixture.stddev)
    both = np.zeros((4, 4))
    both[:2, :2], both[2:, 2:] = mixture.covariance
    assert np.all(np.abs(np.cov(y.reshape(size, 4), rowvar=False) - both) < 8 / size**0.5 * outer)
    assert_array_equal(mixture.sample(5, seed=3), mixture.sample(5, seed=3))


def test_samples_come_from_single_components():
    far = [MultivariateNormal([[c, -c]], covariance=np.eye(2)) for c in (-50.0, 0.0, 50.0)]
    y = Mixture(far).sample(3000, seed=0)[:, 0]
    nearest = np.round(y[:, 0] / 50)
    assert np.all(np.abs(y - 50 * nearest[:, None] * [1, -1]) < 6)
    assert np.all(np.abs(np.unique(nearest, return_counts=True)[1] - 1000) < 150)


def test_members_that_agree_leave_no_epistemic_part():
    joint = draw(1, 4, 3).components[0]
    mixture = Mixture([joint, joint])
    assert_array_equal(mixture.epistemic, 0)
    y = joint.mean + 1
    assert_allclose(mixture.log_prob(y), joint.log_prob(y))


@pytest.mark.parametrize("rows", [0, -1, slice(1, 3), slice(0), [2, 0], np.arange(4) > 1], ids=str)
def test_rows_of_a_mixture_are_rows_of_its_components(rows):
    mixture = draw(2, 4, 2)
    part = mixture[rows]
    for component, whole in zip(part.components, mixture.components, strict=True):
        assert_array_equal(component.mean, whole[rows].mean)
    assert part.covariance.shape == part.moment_matched().covariance.shape == (len(part), 2, 2)
    assert part.sample(3).shape == (3, len(part), 2)


def test_affine_acts_on_every_component():
    mixture = draw(3, 4, 3)
    A, b = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]]), np.array([5.0, 6.0])
    image = mixture.affine(A, b, ["p", "q"])
    assert image.targets == ("p", "q")
    assert_allclose(image.mean, mixture.mean @ A.T + b)
    assert_allclose(image.epistemic, A @ mixture.epistemic @ A.T, atol=1e-12)
    assert_allclose(image.aleatoric, A @ mixture.aleatoric @ A.T, atol=1e-12)


@pytest.mark.parametrize("name", ["mean", "aleatoric", "epistemic"])
def test_nothing_can_be_changed(name):
    mixture = draw(2, 3, 2)
    with pytest.raises(ValueError, match="read-only"):
        getattr(mixture, name)[0] = 1
    with pytest.raises(AttributeError, match="immutable"):
        mixture.components = ()


def test_repr():
    assert repr(draw(2, 3, 2)).startswith("Mixture of 2: 3 rows, 2 targets")


def test_the_example_runs():
    failed, attempted = doctest.testmod(covey.distributions.mixture)
    assert attempted
    assert not failed


def test_weights_are_those_of_a_component_drawn_by_chance():
    mixture = draw(3, 4, 2)
    weights = np.array([[1.0, 2.0, 1.0], [0.0, 0.0, 5.0], [1.0, 1.0, 1.0], [0.5, 0.5, 0.0]])
    weighted = Mixture(mixture.components, weights)
    share = weights / weights.sum(axis=1, keepdims=True)
    assert_allclose(weighted.weights, share)
    means = np.stack([c.mean for c in mixture.components])
    assert_allclose(weighted.mean, np.einsum("nk,kni->ni", share, means))
    second = sum(
        share[:, k, None, None] * (c.covariance + c.mean[:, :, None] * c.mean[:, None])
        for k, c in enumerate(mixture.components)
    )
    outer = weighted.mean[:, :, None] * weighted.mean[:, None]
    assert_allclose(weighted.covariance, second - outer, atol=1e-12)
    assert_allclose(weighted.moment_matched().covariance, weighted.covariance)
    y = mixture.mean + 0.5
    densities = np.stack([c.log_prob(y) for c in mixture.components], axis=1)
    assert_allclose(np.exp(weighted.log_prob(y)), np.sum(share * np.exp(densities), axis=1))
    assert_allclose(weighted[1].log_prob(y[1]), mixture.components[2][1].log_prob(y[1]))
    assert_array_equal(weighted[2:].weights, weighted.weights[2:])
    samples = weighted.sample(100_000, seed=0)
    assert_allclose(samples.mean(axis=0), weighted.mean, atol=0.05)
    expected = Mixture(mixture.components, [1, 1, 1])
    assert_allclose(expected.weights, mixture.weights)


def test_what_no_member_had_foreseen_leaves_the_weights():
    mixture = Mixture(draw(2, 1, 2).components, [0.3, 0.7])
    told = mixture.conditional({"y0": 1e160})
    assert_array_equal(told.weights, mixture.weights)


def test_a_conditional_trusts_the_member_that_had_foreseen_it():
    near = MultivariateNormal([[0.0, 0.0]], covariance=[[1.0, 0.5], [0.5, 1.0]])
    far = MultivariateNormal([[8.0, 5.0]], covariance=[[1.0, 0.0], [0.0, 1.0]])
    rest = Mixture([near, far]).conditional({"y0": 8.0})
    assert rest.weights[0, 1] > 0.99999
    assert_allclose(rest.mean, 5.0, atol=1e-3)
    # so far out that both densities are 0 in float64
    rest = Mixture([near, far]).conditional({"y0": 1e6})
    assert_allclose(rest.weights, [[0.0, 1.0]])
    assert np.isfinite(rest.covariance).all()


@pytest.mark.parametrize(
    "weights", [[1.0], [-1.0, 2.0], [0.0, 0.0], [np.nan, 1.0], [[1.0, 1.0]] * 3]
)
def test_bad_weights_are_refused(weights):
    with pytest.raises(ValueError, match="`weights` must"):
        Mixture(draw(2, 2, 2).components, weights)


def test_components_that_know_different_targets_are_refused():
    a, b = draw(2, 1, 2).components
    with pytest.raises(ValueError, match="know the same targets"):
        Mixture([a.conditional([[1.0, np.nan]]), b])
