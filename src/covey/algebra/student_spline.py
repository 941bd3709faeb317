"""The distribution function of a Student-t as a piecewise linear one, for any degrees of freedom.

A mixture of piecewise linear functions is piecewise linear, so that integrals of it take one sorted
pass over its nodes, however many components it has. The nodes of one component are quantiles; the
values there are those that come nearest to the distribution function F in the mean square,

    minimise the integral of (F(x) - G(x))^2 over x,

which is half of the energy distance between the two, among those of the same E|X|: so that
distances from the middle, and from points far out, are exact. G is 0 and 1 from a node on that
keeps the mean of the tail. The expected distance of two draws of one Student-t is good to 2e-5 of
itself, that of a draw from any point to 3e-4 of the same (4e-4 near 2 degrees of freedom).

Nodes and values are smooth functions of 1 / nu: Chebyshev polynomials, fitted once in a process.

References: de Boor (2001), A Practical Guide to Splines, chapter 2 (splines of order 2 and their
best approximation); Baringhaus, Franz (2004), doi 10.1016/S0047-259X(03)00079-4 (the energy
distance).
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial.chebyshev import chebpts1, chebvander
from scipy.special import betaln, stdtr, stdtrit

from covey.types import Array

# probabilities beyond the nodes, by a search for small errors from 2.02 degrees of freedom to 100
_TAILS = "0.5 0.423 0.32 0.237 0.171 0.113 0.0671 0.0348 0.0184 8.74e-3 2.66e-3 4.91e-4 1.52e-4"
TAILS = np.array(_TAILS.split(), dtype=np.float64)
DEGREE = 24  # of polynomials of 1 / nu: far below the error of the nodes
QUADRATURE = 24  # points between two nodes
NODES = 2 * len(TAILS) + 1


class Splines(NamedTuple):
    """Piecewise linear distribution functions of standard Student-t distributions.

    Attributes:
        nodes: increasing, without unit, shape (..., M).
        kinks: by how much the slope increases at each node, shape (..., M).
        half_gap: the integral of G (1 - G), shape (...): half of the expected distance of two
            draws, as these functions have it.
    """

    nodes: Array
    kinks: Array
    half_gap: Array


def student_splines(nu: Array) -> Splines:
    """The piecewise linear functions that stand for Student-t distributions.

    Args:
        nu: degrees of freedom, above 2, of any shape.

    Returns:
        `Splines` of that shape and `NODES` nodes each.
    """
    nu = np.asarray(nu, dtype=np.float64)
    fitted = chebvander(4 / nu - 1, DEGREE) @ _polynomials()
    count = len(TAILS)
    positive = np.exp(fitted[..., :count])
    rise = fitted[..., count:]
    rise = rise / (2 * rise.sum(axis=-1, keepdims=True))
    above = np.concatenate([np.zeros_like(positive[..., :1]), positive], axis=-1)
    width = np.diff(above)
    slope = rise / width
    slope = np.concatenate([slope[..., ::-1], slope], axis=-1)
    kinks = np.diff(slope, axis=-1, prepend=0.0, append=0.0)
    start = 0.5 + np.cumsum(rise, axis=-1) - rise
    half_gap = 2 * (width * _mean_product(start, rise)).sum(axis=-1)
    nodes = np.concatenate([-positive[..., ::-1], above], axis=-1)
    return Splines(nodes, kinks, half_gap)


def half_gap_of_splines(nodes: Array, kinks: Array) -> Array:
    """The integral of G (1 - G), G being a sum of piecewise linear functions.

    It is half of the expected distance of two draws of G.

    Args:
        nodes: shape (N, M), in any order.
        kinks: by how much the slope of G increases at each node, shape (N, M).

    Returns:
        Array of shape (N,), in the unit of the nodes.
    """
    order = np.argsort(nodes, axis=1)
    width = np.diff(np.take_along_axis(nodes, order, axis=1))
    rise = np.take_along_axis(kinks, order, axis=1)[:, :-1]
    np.cumsum(rise, axis=1, out=rise)
    rise *= width
    start = np.cumsum(rise, axis=1)
    start -= rise
    return np.einsum("nm,nm->n", width, _mean_product(start, rise))


def _mean_product(start: Array, rise: Array) -> Array:
    """Average of g (1 - g) where g goes evenly from `start` up by `rise`."""
    middle = start + rise / 2
    return middle * (1 - middle) - np.square(rise) / 12


@cache
def _polynomials() -> Array:
    """Coefficients, by 4 / nu - 1, of the logarithms of positive nodes and of what G rises."""
    at = chebpts1(DEGREE + 1)
    values = np.stack([_fit(4 / (place + 1)) for place in at])
    return np.asarray(np.linalg.solve(chebvander(at, DEGREE), values))


def _fit(nu: float) -> Array:
    """Logarithms of the positive nodes, and the rises of G between 0 and them."""
    x = np.append(-stdtrit(nu, TAILS[1:]), 0.0)
    last = x[-2]
    log_density = -betaln(nu / 2, 0.5) - np.log(nu) / 2 - (nu + 1) / 2 * np.log1p(last**2 / nu)
    tail_mean = np.exp(log_density) * (nu + last**2) / (nu - 1) / TAILS[-1]
    x[-1] = 2 * tail_mean - last  # a uniform tail with the mean of the tail
    edges = np.append(0.0, x)
    points, weights = np.polynomial.legendre.leggauss(QUADRATURE)
    width = np.diff(edges)[:, None]
    share = (points + 1) / 2
    below = stdtr(nu, edges[:-1, None] + width * share) * weights / 2
    count = len(edges)
    gram, target = np.zeros((count, count)), np.zeros(count)
    for j, (size, part) in enumerate(zip(width[:, 0], below, strict=True)):
        gram[j : j + 2, j : j + 2] += size * np.array([[2.0, 1.0], [1.0, 2.0]]) / 6
        target[j : j + 2] += size * np.array([(part * (1 - share)).sum(), (part * share).sum()])
    target -= gram[:, 0] / 2 + gram[:, -1]  # G is 1/2 at 0 and 1 at the end
    size = gram.sum(axis=1)[1:-1, None]  # the integral of 1 - G over x > 0 is that of 1 - F
    mean = np.exp(-betaln(nu / 2, 0.5)) * np.sqrt(nu) / (nu - 1)
    left = edges[-1] - width[0, 0] / 4 - width[-1, 0] / 2 - mean
    system = np.block([[gram[1:-1, 1:-1], size], [size.T, np.zeros((1, 1))]])
    solved = np.linalg.solve(system, np.append(target[1:-1], left))[:-1]
    values = np.concatenate([[0.5], solved, [1.0]])
    return np.concatenate([np.log(x), np.diff(values)])
