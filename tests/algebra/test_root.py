"""Roots of many functions at once."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import ndtr, ndtri

from covey.algebra.root import newton_root


def count_calls(function, low, high, **options):
    calls = []

    def counted(x, rows):
        calls.append(1)
        return function(x, rows)

    return newton_root(counted, low, high, (low + high) / 2, **options), len(calls)


def test_normal_quantiles_by_their_distribution_function():
    p = np.concatenate([[1e-9, 1 - 1e-9], np.random.default_rng(0).uniform(size=(200))])[:, None]
    low, high = np.full((202, 1), -50.0), np.full((202, 1), 40.0)

    def gap(x, rows):
        return ndtr(x) - p[rows], np.exp(-np.square(x) / 2) / np.sqrt(2 * np.pi)

    found, calls = count_calls(gap, low, high)
    assert_allclose(found, ndtri(p), atol=1e-12)
    assert calls < 30
    _, fewer = count_calls(gap, low, high, accuracy=1e-4)
    assert fewer < calls


@pytest.mark.parametrize("root", [0.0, -1.0, 1e-30, 3.7, 10.0])
@pytest.mark.parametrize("power", [1, 3, 21])
def test_roots_of_many_folds(root, power):
    found, _ = count_calls(
        lambda x, rows: ((x - root) ** power, power * (x - root) ** (power - 1)),
        np.array([[-1.0]]),
        np.array([[10.0]]),
    )
    assert_allclose(found, root, atol=1e-11)  # steps of 1e-13 at a root of many folds


def test_no_root_depends_on_those_beside_it():
    offset, high = np.array([[0.3], [0.7], [1e-3]]), np.array([[1.0], [1e6], [2.0]])

    def cubes(of):
        return lambda x, rows: (x**3 - of[rows], 3 * x**2)

    together, _ = count_calls(cubes(offset), np.zeros((3, 1)), high)
    for k in range(3):
        alone, _ = count_calls(cubes(offset[[k]]), np.zeros((1, 1)), high[[k]])
        assert alone[0] == together[k]
    assert_allclose(together, np.cbrt(offset), rtol=1e-12)


def test_no_functions_at_all():
    found, calls = count_calls(None, np.zeros((0, 3)), np.ones((0, 3)))
    assert found.shape == (0, 3)
    assert calls == 0


def test_newtons_roots_are_those_of_scipy():
    r = np.random.default_rng(1)
    shift, scale = r.normal(size=(50, 3)) * 10, np.exp(3 * r.normal(size=(50, 3)))
    calls = []

    def steep(x, rows):  # arctan is where Newton's method alone runs away
        calls.append(len(rows))
        z = (x - shift[rows]) / scale[rows]
        return np.arctan(z), 1 / (1 + z**2) / scale[rows]

    low = shift - scale * 10 ** r.uniform(-2, 4, size=(50, 1))
    high = shift + 77.0 * scale
    found = newton_root(steep, low, high, low)
    np.testing.assert_allclose(found, shift, atol=1e-9, rtol=0)
    assert len(calls) < 80
    assert sum(calls) < 50 * len(calls)  # rows are left alone once they are found
    alone = newton_root(lambda x, rows: steep(x, rows + 7), low[7:9], high[7:9], low[7:9])
    np.testing.assert_array_equal(alone, found[7:9])


def test_newtons_method_meets_flat_stretches_and_ends():
    def step(x, rows):
        return np.where(x < 0.3, -1.0, 1.0), np.zeros_like(x)

    found = newton_root(step, np.zeros((1, 2)), np.array([[1.0, 0.0]]), np.zeros((1, 2)))
    np.testing.assert_allclose(found, [[0.3, 0.0]], atol=1e-12)
    ends = np.array([[0.0, 1.0]])
    found = newton_root(lambda x, rows: (x - ends, np.ones_like(x)), ends - 1, ends, ends - 0.5)
    np.testing.assert_allclose(found, ends, atol=1e-12)
