"""`LowRankMultivariateNormal` against the `MultivariateNormal` of the same covariance.

Every kind is held against brute force in `test_joint.py`, `test_region.py`, `test_conformal.py` and
`test_calibration.py`; so is this one.
"""

import doctest
import pickle
import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

import covey.distributions.low_rank
from covey import scores
from covey.distributions import (
    LowRankMultivariateNormal,
    Mixture,
    MultivariateNormal,
    MultivariateT,
)
from covey.errors import InputError

# (N, D, R): N == D, R == D, more factors than targets, and none
SHAPES = [(3, 4, 2), (3, 3, 1), (1, 1, 1), (4, 5, 0), (2, 3, 5), (4, 4, 4), (5, 12, 3)]
each_shape = pytest.mark.parametrize(("n", "d", "rank"), SHAPES)


def draw(n, d, rank, seed=0):
    """A batch whose rows, targets and factors all differ."""
    r = np.random.default_rng([seed, n, d, rank])
    return LowRankMultivariateNormal(
        r.normal(size=(n, d)),
        diagonal=r.uniform(0.1, 2, (n, d)),
        factor=r.normal(size=(n, d, rank)) * r.uniform(0.3, 2, (n, d, 1)),
        targets=[f"t{i}" for i in range(d)],
    )


def full(joint):
    return MultivariateNormal(joint.mean, covariance=joint.covariance, targets=joint.targets)


def holed(y, seed=2):
    """Some entries missing; the last row entirely."""
    y = np.where(np.random.default_rng(seed).random(y.shape) < 0.4, np.nan, y)
    y[-1] = np.nan
    return y


@each_shape
def test_the_matrices_are_those_of_the_factors(n, d, rank):
    joint = draw(n, d, rank)
    expected = np.stack(
        [np.diag(v) + f @ f.T for v, f in zip(joint.diagonal, joint.factor, strict=True)]
    )
    assert_allclose(joint.covariance, expected, rtol=1e-12, atol=1e-14)
    assert_array_equal(joint.covariance, np.swapaxes(joint.covariance, 1, 2))
    assert_allclose(joint.scale_tril @ np.swapaxes(joint.scale_tril, 1, 2), expected, atol=1e-12)
    assert_array_equal(joint.scale_tril, np.tril(joint.scale_tril))
    assert_allclose(joint.stddev, np.sqrt(np.diagonal(expected, axis1=1, axis2=2)))
    assert_allclose(joint.correlation, full(joint).correlation, atol=1e-12)
    assert joint.rank == rank


@each_shape
def test_densities_are_scipys_with_gaps_marginalised(n, d, rank):
    joint = draw(n, d, rank)
    y = joint.sample(1, seed=0)[0]
    for values in (y, holed(y)):
        for row, seen in enumerate(~np.isnan(values)):
            if not seen.any():
                assert joint.log_prob(values)[row] == joint.mahalanobis(values)[row] == 0
                continue
            law = stats.multivariate_normal(
                joint.mean[row, seen], joint.covariance[row][np.ix_(seen, seen)]
            )
            assert_allclose(joint.log_prob(values)[row], law.logpdf(values[row, seen]))
        assert_allclose(joint.mahalanobis(values), full(joint).mahalanobis(values))


@each_shape
def test_all_else_is_that_of_the_full_normal(n, d, rank):
    joint, y = draw(n, d, rank), draw(n, d, rank).sample(1, seed=3)[0]
    other, given = full(joint), holed(y)
    assert_allclose(joint.entropy(), other.entropy())
    assert_allclose(joint.interval(0.8), other.interval(0.8))
    assert_allclose(joint.region(0.9).volume(), other.region(0.9).volume())
    assert_allclose(joint.region(0.9).contains(given), other.region(0.9).contains(given))
    low, high = joint.mean - joint.stddev, joint.mean + 0.5 * joint.stddev
    assert_allclose(joint.probability(low, high), other.probability(low, high), atol=2e-4)
    assert_allclose(
        joint.probability(upper={"t0": 0.3}),
        stats.norm.cdf((0.3 - joint.mean) / joint.stddev)[:, 0],
    )
    assert_array_equal(joint.probability(), 1.0)
    for score in (scores.energy_score, scores.variogram_score, scores.crps):
        assert_allclose(score(joint, given), score(other, given), rtol=1e-6)
    assert_allclose(
        scores.conditional_error(joint, given), scores.conditional_error(other, given), atol=1e-10
    )
    told, expected = joint.conditional(given), other.conditional(given)
    assert type(told) is LowRankMultivariateNormal
    assert told.rank == rank
    assert_array_equal(told.observed, expected.observed)
    assert_allclose(told.mean, expected.mean, atol=1e-12)
    assert_allclose(told.covariance, expected.covariance, atol=1e-11)
    assert_allclose(told.log_prob(y), expected.log_prob(y), atol=1e-9)
    assert_allclose(told.entropy(), expected.entropy(), atol=1e-9)
    assert_allclose(told.sum().stddev, expected.sum().stddev)


@each_shape
def test_divergences_in_both_directions(n, d, rank):
    joint, other = draw(n, d, rank), draw(n, d, rank, seed=1)
    expected = full(joint).kl_divergence(full(other))
    assert_allclose(joint.kl_divergence(other), expected)
    assert_allclose(full(joint).kl_divergence(other), expected)
    assert_allclose(joint.kl_divergence(full(other)), expected)
    assert_allclose(joint.kl_divergence(joint), 0, atol=1e-12)
    tails = MultivariateT(
        other.mean, degrees_of_freedom=5.0, covariance=other.covariance, targets=other.targets
    )
    assert_allclose(tails.kl_divergence(joint), tails.kl_divergence(full(joint)))
    assert_allclose(
        joint.kl_divergence(tails), full(joint).kl_divergence(tails), rtol=0.02, atol=0.002
    )


@each_shape
def test_roots_are_square_roots_and_their_inverses(n, d, rank):
    joint, z = draw(n, d, rank), np.random.default_rng(0).normal(size=(6, n, d))
    assert_allclose(joint._scale.whiten(joint._scale.colour(z)), z, atol=1e-10)
    columns = joint._scale.colour(np.eye(d)[:, None])  # (D, N, D)
    assert_allclose(np.einsum("kni,knj->nij", columns, columns), joint.covariance, atol=1e-11)


def test_samples_have_the_moments():
    joint, size = draw(2, 4, 2), 200_000
    y = joint.sample(size, seed=0)
    assert np.all(np.abs(y.mean(axis=0) - joint.mean) < 5 * joint.stddev / np.sqrt(size))
    for row in range(2):
        assert_allclose(np.corrcoef(y[:, row].T), joint.correlation[row], atol=0.01)
        assert_allclose(y[:, row].std(axis=0), joint.stddev[row], rtol=0.01)
    assert_array_equal(y[:3], joint.sample(size, seed=0)[:3])


def test_maps_in_which_each_target_enters_once_stay_of_low_rank():
    joint = draw(3, 4, 2)
    r = np.random.default_rng(0)
    scale, shift = r.uniform(0.5, 2, 4) * [1, -1, 1, 1], r.normal(size=4)
    pairs = np.array([[1.0, 2.0, 0, 0], [0, 0, -1.0, 3.0]])
    for A in (np.diag(scale), np.eye(4)[[2, 0, 3, 1]], pairs, r.normal(size=(3, 1, 4))):
        image = joint.affine(A, shift[: A.shape[-2]])
        assert type(image) is LowRankMultivariateNormal
        assert_allclose(image.covariance, full(joint).affine(A).covariance, atol=1e-11)
        assert_allclose(image.mean, (A @ joint.mean[:, :, None])[..., 0] + shift[: A.shape[-2]])
    assert joint.affine(np.diag(scale)).targets == joint.targets
    assert type(joint.sum()) is LowRankMultivariateNormal


@pytest.mark.parametrize("per_row", [False, True])
def test_other_maps_give_a_full_normal(per_row):
    joint, r = draw(3, 4, 2), np.random.default_rng(0)
    A = r.normal(size=(3, 2, 4) if per_row else (2, 4))
    image = joint.affine(A)
    assert type(image) is MultivariateNormal
    assert_allclose(image.covariance, full(joint).affine(A).covariance)
    told = joint.conditional({"t1": 0.5, "t3": np.array([1.0, np.nan, 2.0])}).affine(
        [[1.0, 1.0], [1.0, -1.0]]
    )
    assert_allclose(
        told.covariance,
        full(joint)
        .conditional({"t1": 0.5, "t3": np.array([1.0, np.nan, 2.0])})
        .affine([[1.0, 1.0], [1.0, -1.0]])
        .covariance,
    )


def test_a_combination_of_known_targets_is_known():
    joint = draw(2, 4, 2).conditional(np.array([[1.0, 2.0, np.nan, np.nan]] * 2))
    for A in ([[1.0, 1, 0, 0], [0, 0, 1, 1]], [[1.0, 1, 0, 0], [0, 1, 1, 1]]):
        image = joint.affine(A)
        assert_array_equal(image.observed, [[True, False]] * 2)
        assert_allclose(image.mean[:, 0], 3.0)
    with pytest.raises(InputError, match="linearly independent in the targets that are not known"):
        joint.affine([[0.0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize("A", [np.zeros((1, 4)), [[1.0, 0, 0, 0], [0, 0, 0, 0]]])
def test_rows_of_nothing_are_refused(A):
    with pytest.raises(InputError, match="must be linearly independent"):
        draw(3, 4, 2).affine(A)


def mixtures(k, n, d, rank, weights=None):
    parts = [draw(n, d, rank, seed) for seed in range(k)]
    return Mixture(parts, weights), Mixture([full(part) for part in parts], weights)


@pytest.mark.parametrize(("k", "n", "d", "rank"), [(2, 3, 7, 2), (5, 4, 3, 1), (3, 2, 2, 2)])
def test_mixtures_are_those_of_full_normals(k, n, d, rank):
    weights = np.random.default_rng(0).uniform(0.2, 1, (n, k))
    ours, theirs = mixtures(k, n, d, rank, weights)
    matched = ours.moment_matched()
    assert type(matched) is LowRankMultivariateNormal
    assert matched.rank == min(k * (rank + 1), d)
    assert_allclose(matched.mean, theirs.mean)
    assert_allclose(matched.covariance, theirs.covariance)
    assert_allclose(ours.stddev, theirs.stddev)
    y = holed(ours.sample(1, seed=0)[0])
    assert_allclose(ours.log_prob(y), theirs.log_prob(y))
    assert_allclose(ours.conditional(y).mean, theirs.conditional(y).mean)
    # averaged over directions: the two see other ones
    assert_allclose(ours.region(0.9).radius, theirs.region(0.9).radius, rtol=0.02)
    assert_allclose(scores.energy_score(ours, y), scores.energy_score(theirs, y), rtol=1e-6)
    assert repr(ours).splitlines()[0].startswith(f"Mixture of {k}: {n} rows")


def test_components_that_differ_in_their_means_alone_share_one_factor():
    joint, r = draw(3, 9, 2), np.random.default_rng(0)
    parts = [joint._with(joint.targets, mean=joint.mean + r.normal(size=(3, 9))) for _ in range(4)]
    matched = Mixture(parts).moment_matched()
    assert matched.rank == 2 + 4
    assert_allclose(matched.covariance, Mixture([full(part) for part in parts]).covariance)


def test_a_mixture_that_knows_a_target_matches_it():
    given = np.array([[1.0, np.nan, np.nan]] * 2)
    ours, theirs = (mixture.conditional(given) for mixture in mixtures(3, 2, 3, 1))
    assert_array_equal(ours.moment_matched().observed, [[True, False, False]] * 2)
    assert_allclose(ours.moment_matched().covariance, theirs.covariance, atol=1e-12)


@pytest.mark.parametrize("shape", [(4,), (3, 4)])
def test_targets_widen_about_their_means(shape):
    joint, scales = draw(3, 4, 2), np.random.default_rng(0).uniform(0.2, 3, shape)
    wider, expected = joint._rescaled(scales), full(joint)._rescaled(scales)
    assert_array_equal(wider.mean, joint.mean)
    assert_allclose(wider.covariance, expected.covariance)
    assert_allclose(joint._uncorrelated().covariance, full(joint)._uncorrelated().covariance)


def test_rows_copies_frames_and_parts_of_other_rank():
    joint = draw(4, 3, 2)
    copied = pickle.loads(pickle.dumps(joint))
    for array in (copied.mean, copied.diagonal, copied.factor):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    assert_array_equal(copied.covariance, joint.covariance)
    assert_array_equal(joint[2].factor, joint.factor[2:3])
    again = LowRankMultivariateNormal.from_frame(joint.to_frame())
    assert_allclose(again.covariance, joint.covariance)
    assert_allclose(again.mean, joint.mean)
    known = joint.conditional(np.array([[1.0, np.nan, np.nan]] * 4))
    assert_array_equal(
        LowRankMultivariateNormal.from_frame(known.to_frame()).observed, known.observed
    )
    assert_allclose(MultivariateNormal.from_frame(joint.to_frame()).covariance, joint.covariance)
    wider = draw(2, 3, 4, seed=1)
    both = LowRankMultivariateNormal.concatenate([joint, wider])
    assert both.rank == 4
    assert_allclose(both.covariance, np.concatenate([joint.covariance, wider.covariance]))
    with pytest.raises(InputError, match="all over the same targets"):
        LowRankMultivariateNormal.concatenate([joint, full(joint)])
    assert repr(joint[0]).count("\n") == 7  # head, names, one row, and the correlations


def test_one_diagonal_and_one_factor_serve_all_rows():
    shared = LowRankMultivariateNormal(np.zeros((3, 2)), diagonal=[1.0, 2.0], factor=[[1.0], [0.5]])
    assert_allclose(shared.covariance, [[[2.0, 0.5], [0.5, 2.25]]] * 3)


@pytest.mark.parametrize("size", [1e-9, 1e9])
def test_units_do_not_matter(size):
    joint = draw(3, 4, 2)
    units = np.array([1.0, size, 1.0, 1 / size])
    scaled = joint.affine(np.diag(units))
    y = joint.sample(1, seed=0)[0]
    assert_allclose(scaled.log_prob(y * units), joint.log_prob(y) - np.log(units).sum())
    assert_allclose(scaled.correlation, joint.correlation, rtol=1e-12)
    assert_allclose(
        scaled.conditional({"t0": 0.5}).stddev, joint.conditional({"t0": 0.5}).stddev * units[1:]
    )


@pytest.mark.parametrize("own", [1e-3, 1e-6, 1e-8])
def test_factors_that_explain_nearly_all(own):
    r = np.random.default_rng(0)
    joint = LowRankMultivariateNormal(
        np.zeros((4, 40)), diagonal=np.full(40, own), factor=r.normal(size=(4, 40, 3))
    )
    y = joint.sample(1, seed=1)[0]
    assert_allclose(joint.log_prob(y), full(joint).log_prob(y), rtol=1e-4)
    assert_allclose(joint.mahalanobis(y), np.sqrt(40), rtol=0.4)
    np.linalg.cholesky(joint.correlation)
    np.linalg.cholesky(joint.conditional({"y0": 0.0}).correlation)
    mixture = Mixture([joint, joint._with(joint.targets, mean=joint.mean + 1e9)])
    np.linalg.cholesky(mixture.moment_matched().correlation)


def test_nothing_as_large_as_d_times_d_is_formed_unasked():
    d = 1000
    joint = draw(4, d, 3)
    y = holed(joint.sample(1, seed=0)[0])
    other = draw(4, d, 3, seed=1)
    tracemalloc.start()
    joint.log_prob(y), joint.mahalanobis(y), joint.entropy(), joint.stddev, joint.interval()
    (
        joint.conditional(y).marginal([5, 3]),
        joint.region(0.9).contains(y),
        joint.region().log_volume(),
    )
    joint.sum(), joint.kl_divergence(other), repr(joint), scores.conditional_error(joint, y)
    mixture = Mixture([joint, other])
    mixture.moment_matched().log_prob(y), mixture.stddev, repr(mixture)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 * d * d  # bytes: one matrix of one row


BAD = {
    "`diagonal` must have shape": {"diagonal": np.ones(3)},
    "`factor` must have shape": {"factor": np.ones((3, 1))},
    "`factor` must have shape ": {"factor": np.ones(2)},
    "`diagonal` must be positive": {"diagonal": [1.0, 0.0]},
    "`diagonal` must be positive. Row 0": {"diagonal": [1.0, -1.0]},
    "`diagonal` must be at least": {"diagonal": [1.0, 1e-12]},
    "`diagonal` must be finite": {"diagonal": [1.0, np.nan]},
    "`factor` must be finite": {"factor": [[1.0], [np.inf]]},
    "`factor` must be an array of numbers": {"factor": "many"},
    "`mean` must be finite": {"mean": [[np.nan, 0.0]]},
    "Expected 2 target names": {"targets": ["a"]},
}


@pytest.mark.parametrize(("message", "wrong"), BAD.items())
def test_bad_input_is_refused(message, wrong):
    good = {"mean": [[0.0, 0.0]], "diagonal": [1.0, 1.0], "factor": [[1.0], [1.0]]}
    arguments = {**good, **wrong}
    with pytest.raises(InputError, match=message):
        LowRankMultivariateNormal(arguments.pop("mean"), **arguments)


def test_the_example_runs():
    failed, attempted = doctest.testmod(covey.distributions.low_rank)
    assert attempted
    assert not failed
