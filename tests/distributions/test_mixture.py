"""The mixture against its components, SciPy, and the law of total covariance."""

import copy
import doctest
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.special import logsumexp

import covey.distributions.mixture
from covey.distributions import Mixture, MultivariateNormal, MultivariateT
from covey.distributions.conformal import CalibrationSet
from covey.errors import InputError

from .test_joint import draw as draw_kind

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
def test_moments_are_those_of_the_scores_now_total_covariance(k, n, d):
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


# The interface that all distributions share


@each_shape
def test_correlations_are_covariances_over_standard_deviations(k, n, d):
    mixture = draw(k, n, d)
    for row in range(n):
        scale = np.sqrt(np.diagonal(mixture.covariance[row]))
        expected = mixture.covariance[row] / np.outer(scale, scale)
        assert_allclose(mixture.correlation[row], expected, atol=1e-12)
    assert_array_equal(mixture.correlation[:, range(d), range(d)], 1)
    told = mixture.conditional(np.where(np.arange(d) == 0, 1.0, np.full((n, d), np.nan)))
    assert_array_equal(told.correlation[:, 0], np.tile(np.eye(d)[0], (n, 1)))
    assert_array_equal(told.mean[:, 0], 1)  # to the last digit, though weights are rounded
    assert_array_equal(told.covariance[:, 0], 0)


@each_shape
def test_a_table_holds_the_moments(k, n, d):
    mixture = draw(k, n, d)
    frame = mixture.to_frame()
    assert list(frame.columns) == list(mixture.moment_matched().to_frame().columns)
    assert_allclose(frame["mean_y0"], mixture.mean[:, 0])
    assert_allclose(frame[f"cov_y0_y{d - 1}"], mixture.covariance[:, 0, -1])
    normal = MultivariateNormal.from_frame(frame)
    assert_allclose(normal.covariance, mixture.covariance, rtol=1e-9, atol=1e-12)
    heavy = draw_kind("mixture", 2, 2)
    assert "degrees_of_freedom" not in heavy.to_frame()
    assert_allclose(heavy.to_frame()["cov_t1_t1"], heavy.stddev[:, 1] ** 2)


def line(kind, means, scales, weights):
    """A mixture of one target, and SciPy's density of it."""
    if kind == "normal":
        parts = [
            MultivariateNormal([[m]], scale_tril=[[s]]) for m, s in zip(means, scales, strict=True)
        ]
        laws = [stats.norm(m, s) for m, s in zip(means, scales, strict=True)]
    else:
        parts = [
            MultivariateT([[m]], degrees_of_freedom=4.0, scale_tril=[[s]])
            for m, s in zip(means, scales, strict=True)
        ]
        laws = [stats.t(4.0, m, s) for m, s in zip(means, scales, strict=True)]
    return Mixture(parts, weights), lambda y: sum(
        w * law.pdf(y) for w, law in zip(weights, laws, strict=True)
    )


LINES = [
    ([0.0, 1.0], [1.0, 0.5], [0.5, 0.5]),
    ([-2.0, 0.0, 2.5], [1.0, 0.3, 2.0], [0.2, 0.5, 0.3]),
    ([-30.0, 30.0], [1.0, 2.0], [0.7, 0.3]),
    ([0.0, 0.0], [1.0, 1.0], [0.9, 0.1]),
]
Y = np.arctanh(np.linspace(-1, 1, 400_003)[1:-1]) * 60  # a grid, dense around 0, to 400
STEP = np.gradient(Y)


@pytest.mark.parametrize("kind", ["normal", "student_t"])
@pytest.mark.parametrize(("means", "scales", "weights"), LINES)
def test_entropies_and_divergences_are_integrals(kind, means, scales, weights):
    mixture, density = line(kind, means, scales, weights)
    other, others = line(kind, [0.5, -1.0], [1.5, 20.0], [0.6, 0.4])
    p, q = density(Y), others(Y)
    assert np.sum(p * STEP) == pytest.approx(1, abs=1e-4)
    log = np.log(np.maximum(p, 1e-300))
    entropy = -np.sum(p * log * STEP)
    assert mixture.entropy()[0] == pytest.approx(entropy, abs=5e-3)
    gap = np.sum(p * (log - np.log(np.maximum(q, 1e-300))) * STEP)
    assert mixture.kl_divergence(other)[0] == pytest.approx(gap, abs=1e-2, rel=0.02)
    normal = MultivariateNormal([[1.0]], covariance=[[9.0]])
    # the tails of a Student-t reach beyond the grid: its second moment is known
    cross = (mixture.covariance[0, 0, 0] + (mixture.mean[0, 0] - 1) ** 2) / 18 + np.log(
        3 * np.sqrt(2 * np.pi)
    )
    assert mixture.kl_divergence(normal)[0] == pytest.approx(cross - entropy, abs=5e-3)
    backwards = np.sum(
        stats.norm.pdf(Y, 1, 3) * (stats.norm.logpdf(Y, 1, 3) - np.log(np.maximum(p, 1e-300)))
        * STEP
    )  # fmt: skip
    if backwards < 50:
        assert normal.kl_divergence(mixture)[0] == pytest.approx(backwards, abs=1e-2, rel=0.02)


@pytest.mark.parametrize("kind", ["normal", "student_t", "low_rank"])
def test_what_is_known_of_entropies_and_divergences(kind):
    one = draw_kind(kind, 3, 3)
    same = Mixture([one, one, one], [0.2, 0.3, 0.5])
    assert_allclose(same.entropy(), one.entropy(), rtol=1e-9)
    assert_allclose(same.kl_divergence(one), 0, atol=1e-9)
    assert_allclose(one.kl_divergence(same), 0, atol=1e-9)
    other = draw_kind(kind, 3, 3, seed=9)
    exact = 1e-9 if kind != "student_t" else 0.02
    assert_allclose(same.kl_divergence(other), one.kl_divergence(other), rtol=exact, atol=0.005)
    # far apart: which component it is comes on top
    far = one._with(one.targets, mean=one.mean + 1e4)
    apart = Mixture([one, far], [0.25, 0.75])
    which = -0.25 * np.log(0.25) - 0.75 * np.log(0.75)
    assert_allclose(apart.entropy(), one.entropy() + which, rtol=1e-3)
    # a target that is known takes no part
    given = np.array([[1.0, np.nan, np.nan], [np.nan] * 3, [1.0, 2.0, 3.0]])
    mixture = Mixture([one, other])
    told = mixture.conditional(given)
    alone = told[0].marginal([1, 2])
    assert_allclose(told.entropy()[0], alone.entropy()[0])
    assert told.entropy()[2] == 0
    reverse = Mixture([other, one]).conditional(given)
    assert_allclose(told.kl_divergence(reverse), 0, atol=0.02)
    # affine maps shift the entropy by the logarithm of what they stretch by
    stretched = mixture.affine(np.diag([1.0, 10.0, 0.1 * np.e]))
    assert_allclose(stretched.entropy(), mixture.entropy() + 1, atol=1e-6)


def test_divergences_are_refused_where_there_are_none():
    mixture = draw(2, 3, 2)
    for joint in (mixture, mixture.components[0]):
        for bad, message in (
            (mixture.marginal([1, 0]), "over the targets"),
            (draw(2, 2, 3).marginal([0, 1])[:2], "2 rows"),
            (mixture.conditional([[1.0, np.nan]] * 3), "same targets exactly"),
            (np.zeros((3, 2)), "Received ndarray"),
            (None, "Received NoneType"),
        ):
            with pytest.raises(InputError, match=message):
                joint.kl_divergence(bad)


def test_one_row_stands_for_all():
    mixture, one = draw(2, 3, 2), draw(3, 1, 2)
    each = [mixture[row].kl_divergence(one)[0] for row in range(3)]
    assert_allclose(mixture.kl_divergence(one), each, rtol=1e-9)
    each = [one.kl_divergence(mixture[row])[0] for row in range(3)]
    assert_allclose(one.kl_divergence(mixture), each, rtol=1e-9)


def test_parts_make_one_mixture():
    one, two = draw(2, 3, 2), draw(4, 5, 2)
    whole = Mixture.concatenate([one, two, one[:0]])
    assert len(whole) == 8
    y = np.concatenate([one.mean, two.mean]) + 0.3
    y[2, 0] = np.nan
    for question in ("log_prob", "mahalanobis"):
        each = [
            getattr(part, question)(y[at]) for part, at in ((one, slice(3)), (two, slice(3, 8)))
        ]
        assert_allclose(getattr(whole, question)(y), np.concatenate(each), rtol=1e-9)
    for name in ("mean", "covariance", "stddev"):
        each = [getattr(part, name) for part in (one, two)]
        assert_allclose(getattr(whole, name), np.concatenate(each), rtol=1e-9)
    assert_allclose(whole.weights.sum(axis=1), 1)
    radius = [part.region(0.8).radius for part in (one, two)]
    assert_allclose(whole.region(0.8).radius, np.concatenate(radius), rtol=1e-4)
    assert_array_equal(np.unique(whole.sample(50, seed=0)[:, 0]).size, 100)
    told = whole.conditional({"y0": 0.5})
    each = [part.conditional({"y0": 0.5}).mean for part in (one, two)]
    assert_allclose(told.mean, np.concatenate(each), rtol=1e-9)
    calibrated = [
        component.calibrated_by(CalibrationSet(component, component.mean, "conformal"))
        for component in one.components
    ]
    again = Mixture.concatenate([Mixture(calibrated), one])  # goes by the model in any case
    assert_allclose(again.covariance, np.concatenate([one.covariance, one.covariance]))
    heavy = draw_kind("mixture", 3, 2)
    for bad in (
        [],
        [one, two.marginal([1, 0])],
        [one, one.components[0]],
        [one, Mixture([MultivariateT(c.mean, degrees_of_freedom=5.0, scale_tril=c.scale_tril)
                       for c in one.components])],
        [heavy, one],
    ):  # fmt: skip
        with pytest.raises(InputError, match="Expected one or more mixtures"):
            Mixture.concatenate(bad)


@pytest.mark.parametrize("kind", ["normal", "student_t", "low_rank", "mixture"])
def test_a_name_in_brackets_is_a_marginal(kind):
    joint = draw_kind(kind, 3, 3)
    for key, chosen in (("t1", ["t1"]), (["t2", "t0"], ["t2", "t0"]), (("t1", "t2"), ["t1", "t2"])):
        part = joint[key]
        assert type(part) is type(joint)
        assert part.targets == tuple(chosen)
        assert_array_equal(part.mean, joint.marginal(chosen).mean)
        assert_array_equal(part.covariance, joint.marginal(chosen).covariance)
    assert len(joint["t1"]) == 3
    assert joint["t1"][0].targets == ("t1",)
    for bad in ("x", ["t0", "x"]):
        with pytest.raises(InputError, match="Expected one of the targets"):
            joint[bad]


def test_what_is_copied_or_pickled_is_the_same_and_as_immutable():
    mixture = draw_kind("mixture", 3, 2)
    y = mixture.mean + 0.4
    mixture.region(0.9), mixture.aleatoric
    for again in (pickle.loads(pickle.dumps(mixture)), copy.copy(mixture), copy.deepcopy(mixture)):
        assert_array_equal(again.log_prob(y), mixture.log_prob(y))
        assert_array_equal(again.region(0.9).radius, mixture.region(0.9).radius)
        for array in (again.weights, again.components[1].mean):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1
        with pytest.raises(AttributeError, match="immutable"):
            del again.components
    region = pickle.loads(pickle.dumps(mixture.region(0.8)))
    assert_array_equal(region.contains(y), mixture.region(0.8).contains(y))


def test_row_labels_go_along():
    mixture = draw(2, 3, 2)._labelled(pd.Index(["a", "b", "c"]))
    assert list(mixture.to_frame().index) == ["a", "b", "c"]
    assert list(mixture.to_frame(index=[3, 4, 5]).index) == [3, 4, 5]
    assert list(Mixture.concatenate([mixture, mixture[1]]).to_frame().index) == ["a", "b", "c", "b"]
    assert list(mixture["y1"].index) == ["a", "b", "c"]
    assert list(pickle.loads(pickle.dumps(mixture)).index) == ["a", "b", "c"]
    with pytest.raises(InputError, match="same order"):
        mixture.kl_divergence(mixture[::-1])
