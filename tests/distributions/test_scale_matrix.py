"""Every form of scale matrix against the dense matrices: the formulas of elliptical.md."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from covey.distributions.cholesky_scale import CholeskyScale
from covey.distributions.low_rank_scale import LowRankScale
from covey.distributions.radial import NormalLaw, StudentLaw
from covey.errors import InputError

N, D = 3, 4


def cholesky():
    r = np.random.default_rng(0)
    diagonal = np.eye(D) * np.array([0.5, 1.2, 3.0])[:, None, None]
    return CholeskyScale(np.tril(r.normal(size=(N, D, D)), -1) + diagonal)


def low_rank(rank):
    r = np.random.default_rng(rank)
    return LowRankScale(r.uniform(0.2, 3, (N, D)), r.normal(size=(N, D, rank)))


SCALES = {"cholesky": cholesky(), **{f"rank {rank}": low_rank(rank) for rank in (0, 1, 3)}}
each_scale = pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES.keys())
X = np.random.default_rng(9).normal(size=(N, D))
GAPS = np.where([[0, 0, 0, 0], [0, 1, 0, 1], [1, 1, 1, 1]], np.nan, X)  # all, some, none


def dense(scale):
    diagonal, columns = scale.parts
    return np.eye(D) * diagonal[:, None] + columns @ np.swapaxes(columns, 1, 2)


@each_scale
def test_what_is_read_off_the_matrices(scale):
    S = dense(scale)
    assert_allclose(scale.matrices(), S, atol=1e-12)
    assert_allclose(scale.matrices(np.arange(1.0, N + 1)), S * [[[1]], [[2]], [[3]]], atol=1e-12)
    assert_array_equal(scale.matrices(), np.swapaxes(scale.matrices(), 1, 2))
    assert_allclose(scale.root_diagonal, np.sqrt(np.diagonal(S, axis1=1, axis2=2)))
    assert_allclose(scale.log_root, np.linalg.slogdet(S)[1] / 2)
    assert_allclose(scale.cholesky(), np.linalg.cholesky(S), atol=1e-12)
    root = scale.root_diagonal
    assert_allclose(scale.correlation(), S / root[:, :, None] / root[:, None], atol=1e-12)
    assert not scale.observed.any()


@each_scale
def test_observed_targets(scale):
    S, found = dense(scale), scale.distance(GAPS)
    given = scale.conditional(GAPS)
    left = dense(given.scale)
    P, Px = scale.precision_diagonal(~np.isnan(GAPS)), scale.precision_times(GAPS)
    for n, x in enumerate(GAPS):
        a, b = np.flatnonzero(~np.isnan(x)), np.flatnonzero(np.isnan(x))
        inverse = np.linalg.inv(S[n][np.ix_(a, a)])
        squares = x[a] @ inverse @ x[a]
        assert found.n_observed[n] == given.n_observed[n] == len(a)
        assert_allclose([found.squares[n], given.squares[n]], squares)
        assert_allclose(found.log_root[n], -np.linalg.slogdet(inverse)[1] / 2, atol=1e-12)
        assert_allclose(Px[n, a], inverse @ x[a])
        assert_allclose(P[n, a], np.diag(inverse))
        assert np.isnan(P[n, b]).all()
        assert np.isnan(Px[n, b]).all()
        gain = S[n][np.ix_(b, a)] @ inverse
        assert_allclose(given.shift[n, b], gain @ x[a], atol=1e-12)
        assert_array_equal(given.shift[n, a], 0)
        rest = S[n][np.ix_(b, b)] - gain @ S[n][np.ix_(a, b)]
        assert_allclose(left[n][np.ix_(b, b)], rest, atol=1e-12)
        assert_array_equal(left[n][a], 0)
        assert_array_equal(given.scale.observed[n], ~np.isnan(x))


@each_scale
def test_roots_and_samples(scale):
    S, z = dense(scale), np.random.default_rng(1).normal(size=(5, N, D))
    root = np.moveaxis(scale.colour(np.eye(D)[:, None]), 0, 2)  # B, column by column
    assert_allclose(root @ np.swapaxes(root, 1, 2), S, atol=1e-11)
    assert_allclose(scale.colour(z), np.einsum("nij,snj->sni", root, z), atol=1e-11)
    assert_allclose(scale.whiten(scale.colour(z)), z, atol=1e-10)
    for other in SCALES.values():
        expected = np.trace(np.linalg.solve(S, dense(other)), axis1=1, axis2=2)
        assert_allclose(scale.trace_of_ratio(other), expected)
    drawn = scale.draw(40_000, np.random.default_rng(2))
    assert_allclose(np.einsum("sni,snj->nij", drawn, drawn) / 40_000, S, atol=0.05 * S.max())


@each_scale
def test_other_matrices(scale):
    S, r = dense(scale), np.random.default_rng(3)
    scales = r.uniform(0.1, 9, (N, D))
    assert_allclose(dense(scale.scaled(scales)), S * scales[:, :, None] * scales[:, None])
    assert_allclose(dense(scale.scaled(scales[0])), S * scales[0][:, None] * scales[0])
    assert_allclose(dense(scale.uncorrelated()), S * np.eye(D), atol=1e-12)
    for share in (0.0, 0.3, 0.9):
        expected = (1 - share) * S + share * S * np.eye(D)
        assert_allclose(dense(scale.shrunk(share)), expected, atol=1e-12)
        assert_allclose(scale.shrunk(share).root_diagonal, scale.root_diagonal)
    some = scale.marginal([3, 0])
    assert_allclose(some.matrices(), S[:, [3, 0]][:, :, [3, 0]], atol=1e-12)
    for A in (r.normal(size=(N, 2, D)), r.normal(size=(1, D, D)), np.diag([1.0, -2, 3, 4])[None]):
        mapped = scale.mapped(A)
        assert_allclose(mapped.matrices(), A @ S @ np.swapaxes(A, 1, 2), atol=1e-10)
    with pytest.raises(InputError, match="linearly independent"):
        scale.mapped(np.ones((1, 2, D)))


@each_scale
def test_known_targets_are_left_out(scale):
    """What is said of the others is said by the matrices of the others."""
    known = scale.scaled(np.array([1.0, 0, 1, 0]))
    others = scale.marginal([0, 2])
    x = np.where([True, False, True, False], X, np.nan)
    assert_array_equal(known.observed, [[False, True, False, True]] * N)
    assert_array_equal(known.matrices()[:, 1], 0)
    assert_allclose(known.log_root, others.log_root)
    assert_allclose(known.distance(x).squares, others.distance(x[:, [0, 2]]).squares)
    assert_array_equal(known.correlation()[:, 1], [[0, 1, 0, 0]] * N)
    box = np.full((N, D), -0.5), np.full((N, D), 2.0)
    expected = others.box(box[0][:, :2], box[1][:, :2], None)
    assert_allclose(known.box(*box, None), expected, atol=1e-9)


@pytest.mark.parametrize("m", [1, 2, 7])
def test_radial_laws_are_those_of_scipy(m):
    nu, s = np.array([2.5, 6.0, 40.0]), np.array([0.1, 2.0, 30.0])
    count, y = np.full(N, m), np.zeros((N, m))
    y[:, 0] = np.sqrt(s)
    normal, student = NormalLaw(N), StudentLaw(nu)
    normals = [stats.multivariate_normal(np.zeros(m))] * N
    students = [stats.multivariate_t(np.zeros(m), df=one) for one in nu]
    for law, laws in ((normal, normals), (student, students)):
        expected = [one.logpdf(at) for one, at in zip(laws, y, strict=True)]
        assert_allclose(law.log_density(s, m), expected)
        assert_allclose(law.entropy(count), [one.entropy() for one in laws], rtol=1e-6)
    assert_allclose(student.covariance_ratio, stats.t(nu).var())
    for law, squares in (
        (normal, stats.chi2(count)),
        (student, stats.f(count, nu, scale=count)),
    ):
        found = law.squared_distance(count)
        for name, at in (("cdf", s), ("sf", s), ("ppf", 0.3), ("isf", 0.3)):
            assert_allclose(getattr(found, name)(at), getattr(squares, name)(at), rtol=1e-8)
    widening, given = student.given(s, count)
    assert_allclose(widening, np.sqrt((nu + s) / (nu + m)))
    assert_allclose(given.degrees_of_freedom, nu + m)
    assert_array_equal(normal.given(s, count)[0], 1)
    assert_array_equal(normal.entropy(np.zeros(N, dtype=int)), 0)
    assert_array_equal(student.entropy(np.zeros(N, dtype=int)), 0)
