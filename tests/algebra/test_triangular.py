"""Stacks of lower triangular matrices against LAPACK, one matrix at a time."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import linalg

from covey.algebra import triangular
from covey.algebra.triangular import (
    LEAST_EIGENVALUE,
    inverse_lower,
    lower_factor,
    solve_lower,
    well_conditioned,
)

each_shape = pytest.mark.parametrize(
    "shape", [(1, 1), (3, 3), (1, 4), (4, 2), (2, 3, 3), (0, 2)], ids=str
)


def lowers(shape, seed=0):
    rng = np.random.default_rng(seed)
    lower = np.tril(rng.normal(size=(*shape, shape[-1])), -1)
    lower += np.eye(shape[-1]) * rng.choice([-2, 1, 3], size=(*shape, 1))
    return lower


@each_shape
def test_solve_and_inverse(shape):
    lower, right = lowers(shape), np.random.default_rng(1).normal(size=shape)
    z, inverse = solve_lower(lower, right), inverse_lower(lower)
    assert z.shape == shape
    for i in np.ndindex(shape[:-1]):
        assert_allclose(z[i], linalg.solve_triangular(lower[i], right[i], lower=True))
        assert_allclose(inverse[i], np.linalg.inv(lower[i]), atol=1e-12)
    assert_array_equal(np.triu(inverse, 1), 0)


@pytest.mark.parametrize("d", [8, 9, 17, 30])
@pytest.mark.parametrize("cached", [1, 500, 2**20])
def test_inverses_by_halves_and_of_some_rows_at_a_time(d, cached, monkeypatch):
    monkeypatch.setattr(triangular, "CACHED", cached)
    lower = np.eye(d) + 0.3 * lowers((7, d))
    inverse = inverse_lower(lower)
    assert_allclose(inverse, np.linalg.inv(lower), rtol=1e-9, atol=1e-9)
    assert_array_equal(np.triu(inverse, 1), 0)


@pytest.mark.parametrize(
    ("lower", "right"), [((3,), (5, 3)), ((5, 3), (3,)), ((1, 3), (5, 3)), ((5, 1, 3), (5, 4, 3))]
)
def test_leading_axes_broadcast(lower, right):
    lower, right = lowers(lower), np.random.default_rng(1).normal(size=right)
    z = solve_lower(lower, right)
    assert_allclose((lower @ z[..., None])[..., 0], np.broadcast_to(right, z.shape))


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 2, 4), (3, 3, 3), (2, 3, 2, 6), (0, 2, 3)])
def test_lower_factor(shape):
    rows = np.random.default_rng(2).normal(size=shape)
    factor = lower_factor(rows)
    assert_allclose(factor @ np.swapaxes(factor, -1, -2), rows @ np.swapaxes(rows, -1, -2))
    assert_array_equal(np.triu(factor, 1), 0)
    assert np.all(np.diagonal(factor, axis1=-2, axis2=-1) > 0)


def test_lower_factor_keeps_the_digits_that_squaring_would_lose():
    tiny = 1e-12
    factor = lower_factor(np.array([[1.0, 0.0], [1.0, tiny]]))
    assert_allclose(factor, [[1, 0], [1, tiny]], rtol=1e-3, atol=1e-15)


def test_lower_factor_of_dependent_rows_ends_in_zero():
    assert abs(lower_factor(np.array([[1.0, 2.0], [2.0, 4.0]]))[1, 1]) < 1e-14


def test_only_what_is_nearly_singular_is_conditioned():
    rng = np.random.default_rng(0)
    good = np.tril(rng.normal(size=(3, 4, 4)), -1) + 2 * np.eye(4)
    assert well_conditioned(good) is good
    bad = good * np.array([1e-9, 1.0, 1e9, 1.0])[:, None]
    bad[1, 3] = [*bad[1, 2, :3], 1e-9]  # the last variable is almost the third
    mended = well_conditioned(bad)
    np.testing.assert_array_equal(mended[[0, 2]], bad[[0, 2]])
    ours, theirs = (np.sqrt(np.einsum("nij,nij->ni", x, x)) for x in (bad, mended))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    unit = mended / theirs[:, :, None]
    smallest = np.linalg.eigvalsh(unit @ np.swapaxes(unit, 1, 2))[:, 0]
    assert 0.9 * LEAST_EIGENVALUE < smallest[1] < 10 * LEAST_EIGENVALUE
    before = bad / ours[:, :, None]
    np.testing.assert_allclose(unit, before, atol=3e-6)
