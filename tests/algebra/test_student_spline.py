"""Piecewise linear distribution functions against SciPy's Student-t and against integration."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm, t

from covey.algebra.student_spline import NODES, half_gap_of_splines, student_splines


def spline(nu):
    found = student_splines(np.array([nu]))
    return found.nodes[0], found.kinks[0], found.half_gap[0]


def values_at_nodes(nodes, kinks):
    return np.append(0.0, np.cumsum(np.cumsum(kinks)[:-1] * np.diff(nodes)))


@pytest.mark.parametrize("nu", [2.02, 2.1, 2.6, 4.0, 7.0, 12.0, 300.0, 1e8])
def test_they_are_near_the_distribution_function(nu):
    nodes, kinks, half_gap = spline(nu)
    values = values_at_nodes(nodes, kinks)
    assert nodes.shape == (NODES,)
    assert np.all(np.diff(nodes) > 0)
    assert np.all(np.diff(values) > 0)
    assert values[-1] == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(nodes, -nodes[::-1], rtol=1e-12)
    x = np.linspace(-30, 30, 3001)
    np.testing.assert_allclose(np.interp(x, nodes, values), t(nu).cdf(x), atol=3e-3)
    # E|X - X'| / 2 = integral of F (1 - F), by SciPy in x = sinh u
    expected = (
        2 * quad(lambda u: t(nu).cdf(-np.sinh(u)) * t(nu).cdf(np.sinh(u)) * np.cosh(u), 0, 25)[0]
    )
    assert half_gap == pytest.approx(expected, rel=3e-5)
    assert half_gap == pytest.approx(half_gap_of_splines(nodes[None], kinks[None])[0], rel=1e-9)


def test_expected_distances_from_any_point_are_near():
    for nu in (2.6, 5.0, 50.0):
        nodes, kinks, _ = spline(nu)
        values = values_at_nodes(nodes, kinks)
        mass, middle = np.diff(values), (nodes[1:] + nodes[:-1]) / 2
        for x in (-40.0, -3.3, -1.1, -0.2, 0.0, 0.5, 2.0, 7.0, 500.0):
            # E|X - x| of a uniform slice, and by SciPy
            half = np.diff(nodes) / 2
            away = np.abs(x - middle)
            distance = np.where(away > half, away, (np.square(x - middle) / half + half) / 2)
            far = abs(x) + quad(lambda u, nu=nu: 2 * t(nu).cdf(-u), abs(x), np.inf)[0]
            assert mass @ distance == pytest.approx(far, rel=4e-4 if abs(x) < 30 else 5e-5)


def test_the_pass_over_nodes_is_the_integral():
    r = np.random.default_rng(0)
    k = 7
    splines = student_splines(2.1 + r.exponential(5, (1, k)))
    mean, scale, weight = (
        r.normal(size=(1, k, 1)),
        np.exp(r.normal(size=(1, k, 1))),
        np.full(k, 1 / k),
    )
    nodes = mean + scale * splines.nodes
    kinks = weight[:, None] * splines.kinks / scale
    found = half_gap_of_splines(nodes.reshape(1, -1), kinks.reshape(1, -1))[0]
    parts = [
        (nodes[0, j], weight[j] * values_at_nodes(splines.nodes[0, j], splines.kinks[0, j]))
        for j in range(k)
    ]
    x = np.unique(nodes)
    total = sum(np.interp(x, *part) for part in parts)
    middle = (total[1:] + total[:-1]) / 2  # Simpson's rule is exact for squares
    g = [each * (1 - each) for each in (total[:-1], middle, total[1:])]
    expected = np.diff(x) @ (g[0] + 4 * g[1] + g[2]) / 6
    assert found == pytest.approx(expected, rel=1e-9)


def test_many_degrees_of_freedom_are_the_normal():
    nodes, kinks, half_gap = spline(1e12)
    values = values_at_nodes(nodes, kinks)
    np.testing.assert_allclose(values[1:-1], norm.cdf(nodes[1:-1]), atol=3e-3)
    assert half_gap == pytest.approx(1 / np.sqrt(np.pi), rel=2e-5)
