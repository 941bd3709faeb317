"""`MultivariateT` against SciPy, against sampling, and against the normal, its limit."""

import doctest
import pickle

import numpy as np
import pytest
from scipy.stats import multivariate_t, t

import covey.distributions.student_t
from covey.distributions import MultivariateNormal, MultivariateT
from covey.errors import InputError

SIZES = [1, 2, 3, 5, 8, 12]


def draw(d, n=4, seed=0, least=2.5):
    r = np.random.default_rng(seed)
    scale = 10.0 ** r.uniform(-1, 1, d)  # further apart, SciPy takes a matrix for singular
    factor = np.tril(r.normal(size=(n, d, d)), -1) + np.eye(d) * r.uniform(0.5, 2, (n, 1, d))
    return MultivariateT(
        r.normal(size=(n, d)) * scale,
        degrees_of_freedom=least + r.exponential(5, n),
        scale_tril=factor * scale[:, None],
        targets=[f"t{i}" for i in range(d)],
    )


def scipy_log_prob(joint, row, y, kept):
    shape = joint.scale_tril[row] @ joint.scale_tril[row].T
    frozen = multivariate_t(
        joint.mean[row, kept], shape[np.ix_(kept, kept)], df=joint.degrees_of_freedom[row]
    )
    return frozen.logpdf(y[row, kept])


@pytest.mark.parametrize("d", SIZES)
def test_the_log_density_is_scipys(d):
    joint = draw(d)
    y = joint.sample(1, seed=1)[0]
    expected = [scipy_log_prob(joint, row, y, range(d)) for row in range(4)]
    np.testing.assert_allclose(joint.log_prob(y), expected, rtol=1e-9)


@pytest.mark.parametrize("d", SIZES[1:])
def test_missing_entries_are_marginalised(d):
    joint = draw(d)
    y = joint.sample(1, seed=1)[0]
    gaps = np.random.default_rng(2).random(y.shape) < 0.5
    gaps[0], gaps[1] = True, False
    density = joint.log_prob(np.where(gaps, np.nan, y))
    assert density[0] == 0
    for row in range(1, 4):
        kept = np.flatnonzero(~gaps[row])
        if len(kept):
            expected = scipy_log_prob(joint, row, y, kept)
            assert density[row] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("d", SIZES)
def test_samples_have_the_moments(d):
    joint = draw(d, n=2, least=8.0)
    samples = joint.sample(400_000, seed=3)
    for row in range(2):
        unit = (samples[:, row] - joint.mean[row]) / joint.stddev[row]
        np.testing.assert_allclose(unit.mean(axis=0), 0, atol=0.01)
        np.testing.assert_allclose(np.cov(unit.T), joint.correlation[row], atol=0.04)


def test_samples_have_the_tails():
    joint = MultivariateT([[0.0, 0.0]], degrees_of_freedom=3.0, scale_tril=np.eye(2))
    y = joint.sample(200_000, seed=0)[:, 0]
    # |z|^2 / D follows an F distribution with D and nu degrees of freedom: at D = 2 in closed form
    for level in (0.5, 0.9, 0.99):
        radius = 3 * ((1 - level) ** (-2 / 3) - 1)
        assert np.mean(np.square(y).sum(axis=1) < radius) == pytest.approx(level, abs=0.004)
    # heavy tails are shared: uncorrelated is not independent
    assert np.corrcoef(np.abs(y.T))[0, 1] > 0.1


def test_the_covariance_is_not_the_scale_matrix():
    joint = MultivariateT([[0.0, 0.0]], degrees_of_freedom=4.0, scale_tril=np.diag([1.0, 3.0]))
    np.testing.assert_allclose(joint.covariance, [np.diag([2.0, 18.0])])
    np.testing.assert_allclose(joint.stddev, [[np.sqrt(2), np.sqrt(18)]])
    again = MultivariateT([[0.0, 0.0]], degrees_of_freedom=4.0, covariance=joint.covariance)
    np.testing.assert_allclose(again.scale_tril, joint.scale_tril)
    assert joint.mahalanobis([[2.0, 0.0]]) == pytest.approx(2 / np.sqrt(2))


def test_the_limit_is_the_normal():
    joint = draw(3)
    wide = MultivariateT(
        joint.mean, degrees_of_freedom=1e9, covariance=joint.covariance, targets=joint.targets
    )
    normal = MultivariateNormal(joint.mean, covariance=joint.covariance, targets=joint.targets)
    y = normal.sample(1, seed=0)[0]
    np.testing.assert_allclose(wide.log_prob(y), normal.log_prob(y), atol=1e-6)
    np.testing.assert_allclose(wide.entropy(), normal.entropy(), atol=1e-6)
    np.testing.assert_allclose(wide.interval(0.9), normal.interval(0.9), rtol=1e-6)


def test_entropy_is_the_mean_surprise():
    joint = draw(3, n=3)
    surprise = -np.mean([joint.log_prob(y) for y in joint.sample(20_000, seed=0)], axis=0)
    np.testing.assert_allclose(joint.entropy(), surprise, atol=0.06)


def test_intervals_are_quantiles_of_each_target():
    joint = draw(2)
    lower, upper = joint.interval(0.8)
    scale = np.sqrt(np.einsum("nij,nij->ni", joint.scale_tril, joint.scale_tril))
    for row in range(4):
        expected = t(joint.degrees_of_freedom[row], joint.mean[row], scale[row]).ppf([[0.1], [0.9]])
        np.testing.assert_allclose([lower[row], upper[row]], expected, rtol=1e-9)


@pytest.mark.parametrize("square", [True, False])
def test_affine_keeps_the_degrees_of_freedom(square):
    joint = draw(3)
    r = np.random.default_rng(5)
    A, b = r.normal(size=(3 if square else 2, 3)), r.normal(size=3 if square else 2)
    image = joint.affine(A, b)
    assert isinstance(image, MultivariateT)
    np.testing.assert_array_equal(image.degrees_of_freedom, joint.degrees_of_freedom)
    np.testing.assert_allclose(image.mean, joint.mean @ A.T + b)
    expected = A @ joint.covariance @ A.T
    scale = np.sqrt(np.einsum("nii->ni", expected))
    np.testing.assert_allclose(
        (image.covariance - expected) / scale[:, :, None] / scale[:, None, :], 0, atol=1e-12
    )
    if square:
        y = joint.sample(1, seed=0)[0]
        moved = image.log_prob(y @ A.T + b) + np.linalg.slogdet(A)[1]
        np.testing.assert_allclose(moved, joint.log_prob(y), rtol=1e-9)


def monte_carlo(first, second, size=100_000):
    gaps = [first.log_prob(y) - second.log_prob(y) for y in first.sample(size, seed=0)]
    return np.mean(gaps, axis=0)


@pytest.mark.parametrize("kinds", ["tn", "nt", "tt"])
def test_divergences_agree_with_sampling(kinds):
    one = {"t": draw(2, least=5.0)}
    two = {"t": draw(2, seed=0, least=9.0)}
    for side in (one, two):
        shifted = side["t"].mean + 0.3 * side["t"].stddev * (side is two)
        side["n"] = MultivariateNormal(
            shifted, covariance=side["t"].covariance, targets=side["t"].targets
        )
    first, second = one[kinds[0]], two[kinds[1]]
    divergence = first.kl_divergence(second)
    assert (divergence > 0).all()
    np.testing.assert_allclose(divergence, monte_carlo(first, second, 20_000), rtol=0.15, atol=0.03)


def test_the_divergence_from_itself_is_zero_and_rows_may_be_shared():
    joint = draw(3)
    np.testing.assert_allclose(joint.kl_divergence(joint), 0, atol=1e-12)
    one = joint.kl_divergence(joint[:1])
    assert one.shape == (4,)
    assert one[0] == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(one[1], joint[1].kl_divergence(joint[0])[0])


def test_rows_frames_copies_and_concatenation():
    joint = draw(3)
    frame = joint[1:].to_frame()
    assert frame.columns[-1] == "degrees_of_freedom"
    again = MultivariateT.from_frame(frame)
    np.testing.assert_allclose(again.scale_tril, joint.scale_tril[1:], rtol=1e-9)
    np.testing.assert_array_equal(again.degrees_of_freedom, joint.degrees_of_freedom[1:])
    copied = pickle.loads(pickle.dumps(joint))
    np.testing.assert_array_equal(copied.degrees_of_freedom, joint.degrees_of_freedom)
    with pytest.raises(ValueError, match="read-only"):
        copied.degrees_of_freedom[0] = 3.0
    both = MultivariateT.concatenate([joint[:1], joint[2:]])
    np.testing.assert_array_equal(both.mean, joint.mean[[0, 2, 3]])
    np.testing.assert_array_equal(both.degrees_of_freedom, joint.degrees_of_freedom[[0, 2, 3]])
    assert repr(joint).startswith("MultivariateT: 4 rows, 3 targets")
    with pytest.raises(InputError, match="degrees_of_freedom"):
        MultivariateT.from_frame(frame.drop(columns="degrees_of_freedom"))


@pytest.mark.parametrize("bad", [2.0, 0.0, -3.0, np.nan, np.inf, [3.0, 3.0, 3.0], "many"])
def test_bad_degrees_of_freedom_are_refused(bad):
    with pytest.raises(InputError, match="`degrees_of_freedom` must"):
        MultivariateT(np.zeros((2, 1)), degrees_of_freedom=bad, scale_tril=np.eye(1))


def test_what_cannot_be_concatenated_is_refused():
    joint = draw(2)
    normal = MultivariateNormal(joint.mean, covariance=joint.covariance, targets=joint.targets)
    for parts in ([], [joint, normal], [joint, draw(3)]):
        with pytest.raises(InputError, match="all over the same targets"):
            MultivariateT.concatenate(parts)


def test_the_examples_run():
    failed, attempted = doctest.testmod(covey.distributions.student_t)
    assert attempted
    assert not failed


def test_a_table_of_student_ts_is_not_read_as_normal():
    joint = MultivariateT([[0.0, 1.0]], degrees_of_freedom=5.0, covariance=np.eye(2))
    with pytest.raises(InputError, match=r"MultivariateT\.from_frame"):
        MultivariateNormal.from_frame(joint.to_frame())
    normal = MultivariateNormal.from_frame(joint.to_frame().drop(columns="degrees_of_freedom"))
    np.testing.assert_allclose(normal.covariance, joint.covariance)
