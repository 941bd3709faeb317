"""Probabilities of boxes under normal and Student-t distributions."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.polynomial.chebyshev import chebpts1, chebvander
from scipy.special import gammaincinv, ndtr, ndtri, owens_t, stdtr, stdtrit
from scipy.stats import qmc

from covey.types import Array, Mask

MATRICES = 2**18  # numbers of the matrices of the rows that are worked on at a time
BLOCK = 2**16  # numbers of their points that are held at a time: they fit a processor's cache
SCRAMBLES = 8  # independent estimates of each probability: their scatter tells the error
FIRST, MOST, LAST = 2**5, 2**11, 2**15  # points of a scramble: at the start, at a time, at most
LEAST = 2**10  # points of all scrambles together, so that some fall into rare corners
THIN = 0.1  # scale of a target given others, by its own, from which on there are no rare corners
TOLERANCE = 1.2e-5  # of the standard error of a row
EXACT = 2  # targets whose probability has a formula
NEGLIGIBLE = 1e-7  # probability of a term that is left out
HUGE = 1e100  # scales from the mean: as good as no bound
THINNEST = 1e-12  # scale of a target given others, by its own: less is rounding
STEP, REACH = 0.25, 6.25  # of the sum over the radius, in normal quantiles
NODES, EDGE = 40, 6.5  # of the Chebyshev series: no normal quantile of a point lies beyond


def box_probability(
    lower: Array,
    upper: Array,
    scale_tril: Array,
    degrees_of_freedom: Array | None = None,
) -> Array:
    """Probability that all D targets lie between their bounds, for distributions around zero.

    Likely boxes are computed from their complements. With A_j for "target j lies within its
    bounds", and the targets in ascending order of P(A_j), of which the first K have at most 1/2,

        P(A_1 ... A_D) = P(A_1 ... A_K) - sum_{j > K} P(A_1 ... A_{j-1}, not A_j)

    Each term is one box, or two, and small, so that its error is small too. Boxes of one and two
    targets have formulas. The others are integrated as by Genz (1992), target by target given those
    before, in the order of Gibson, Glasbey and Elston (1994), over Sobol' points in more and more
    numbers. A Student-t is a normal of random size, which takes one more dimension (Genz and Bretz
    2002). The points are always the same, and no row depends on the others.

    Args:
        lower: array of shape (N, D), in target units from the mean; -inf where there is no bound.
        upper: array of shape (N, D), the same from above, with inf.
        scale_tril: array of shape (N, D, D), in target units: any factors L of the scale matrices
            `L @ L.T`. Zero rows are targets known exactly, which keep bounds that include 0.
        degrees_of_freedom: array of shape (N,), above 2, for Student-t's; else normals.

    Returns:
        Array of shape (N,). The error is below 1e-9 where at most two targets have bounds, else
        below 1e-4, and about 1e-5 mostly. A box whose lower bound is not below the upper one has
        probability 0.

    References:
        Genz (1992), Numerical Computation of Multivariate Normal Probabilities,
        doi:10.1080/10618600.1992.10477010.
        Gibson, Glasbey, Elston (1994), Monte Carlo Evaluation of Multivariate Normal Integrals and
        Sensitivity to Variate Ordering, in Advances in Numerical Methods and Applications.
        Genz, Bretz (2002), Comparison of Methods for the Computation of Multivariate t
        Probabilities, doi:10.1198/106186002394.
    """
    n, d = lower.shape
    found = np.empty(n)
    engines = [qmc.Sobol(d, seed=seed) for seed in range(SCRAMBLES if d > EXACT else 0)]
    step = max(1, MATRICES // d**2)
    for start in range(0, n, step):
        part = slice(start, start + step)
        nu = None if degrees_of_freedom is None else degrees_of_freedom[part]
        possible, low, high, unit = _scaled(lower[part], upper[part], scale_tril[part])
        found[part] = np.where(possible, _sum_of_terms(low, high, unit, nu, engines), 0.0)
    return found


def _scaled(lower: Array, upper: Array, scale_tril: Array) -> tuple[Mask, Array, Array, Array]:
    """Bounds in units of the scales, and none where they do not matter.

    Returns:
        (possible, lower, upper, unit): which boxes are not empty, shape (N,); bounds in scales; and
        the rows of `scale_tril` at length 1, whose products are the correlations.
    """
    scale = np.sqrt(np.einsum("nij,nij->ni", scale_tril, scale_tril))
    free = scale > 0
    possible: Mask = np.all(np.where(free, lower < upper, (lower <= 0) & (upper >= 0)), axis=1)
    bounded = free & possible[:, None]
    scale = np.where(free, scale, 1.0)
    with np.errstate(over="ignore"):
        low = np.where(bounded, lower / scale, -HUGE)
        high = np.where(bounded, upper / scale, HUGE)
    unit = scale_tril / scale[:, :, None]
    return possible, np.clip(low, -HUGE, HUGE), np.clip(high, -HUGE, HUGE), unit


def _sum_of_terms(
    lower: Array, upper: Array, unit: Array, nu: Array | None, engines: list[qmc.Sobol]
) -> Array:
    """The sum in `box_probability`, for bounds in units of the scales; shape (N,)."""
    n, d = lower.shape
    tails = np.stack([_cdf(lower, nu), _cdf(-upper, nu)])
    order = np.argsort(-tails.sum(axis=0), axis=1, kind="stable")
    lower, upper = (np.take_along_axis(ends, order, axis=1) for ends in (lower, upper))
    unit = np.take_along_axis(unit, order[:, :, None], axis=1)
    tails = np.take_along_axis(tails, order[None], axis=2)
    unlikely = np.sum(tails.sum(axis=0) > 0.5, axis=1)[:, None]

    position = np.arange(d)
    terms = np.empty((3, n, d), dtype=bool)  # by the last target: inside, below, above its bounds
    terms[0] = position + 1 == unlikely
    terms[1:] = (position >= unlikely) & (tails > np.where(position < EXACT, 0.0, NEGLIGIBLE))
    estimated = terms[:, :, EXACT:].sum(axis=(0, 2))
    tolerance = TOLERANCE / np.sqrt(np.maximum(estimated, 1))

    total = np.where(unlikely[:, 0] == 0, 1.0, 0.0)
    for j in range(d):
        where, rows = np.nonzero(terms[:, :, j])
        if len(rows) == 0:
            continue
        low, high = lower[rows, : j + 1], upper[rows, : j + 1]
        ends = low[:, j].copy(), high[:, j].copy()
        low[:, j] = np.choose(where, [ends[0], -HUGE, ends[1]])
        high[:, j] = np.choose(where, [ends[1], ends[0], HUGE])
        nu_of_rows = None if nu is None else nu[rows]
        turn = np.where(low + high > 0, -1.0, 1.0)  # to the lower tail: there no digits cancel
        low, high = np.minimum(low * turn, high * turn), np.maximum(low * turn, high * turn)
        directions = unit[rows, : j + 1] * turn[:, :, None]
        if j == 0:
            value = (_cdf(high, nu_of_rows) - _cdf(low, nu_of_rows))[:, 0]
        elif j == 1:
            value = _rectangle(low, high, directions, nu_of_rows)
        else:
            value = _estimate(low, high, directions, nu_of_rows, tolerance[rows], engines)
        np.add.at(total, rows, np.where(where == 0, value, -value))
    return np.clip(total, 0.0, 1.0)


def _cdf(z: Array, nu: Array | None) -> Array:
    return ndtr(z) if nu is None else stdtr(nu[:, None], z)


def _rectangle(lower: Array, upper: Array, unit: Array, nu: Array | None) -> Array:
    """Probabilities of two targets, for a Student-t by the trapezoidal rule over its radius."""
    rho = np.einsum("ni,ni->n", unit[:, 0], unit[:, 1])
    tilt = np.linalg.norm(unit[:, 1] - rho[:, None] * unit[:, 0], axis=1)
    tilt = np.maximum(tilt, THINNEST)
    if nu is None:
        return _normal_rectangle(lower, upper, rho, tilt)
    z = np.arange(-REACH, REACH + STEP, STEP)
    weights = np.exp(-(z**2) / 2)
    weights /= weights.sum()
    total = np.zeros(len(lower))
    for weight, r in zip(weights, np.exp(_log_radius(nu, z)).T[:, :, None], strict=True):
        total += weight * _normal_rectangle(lower * r, upper * r, rho, tilt)
    return total


def _normal_rectangle(lower: Array, upper: Array, rho: Array, tilt: Array) -> Array:
    """Owen's formula (1956), doi:10.1214/aoms/1177728074, at each corner; tilt^2 + rho^2 = 1."""

    def below(h: Array, k: Array) -> Array:
        both = (ndtr(h) + ndtr(k) - ((h < 0) != (k < 0))) / 2
        both -= owens_t(h, (k - rho * h) / (h * tilt))
        return both - owens_t(k, (h - rho * k) / (k * tilt))

    # 0 is the limit of any small number, and beyond 40 there is nothing
    lower, upper = (
        np.clip(np.where(np.abs(ends) < 1e-150, 1e-150, ends), -40.0, 40.0)
        for ends in (lower, upper)
    )
    (a, b), (c, d) = lower.T, upper.T
    return below(c, d) - below(a, d) - below(c, b) + below(a, b)


def _log_radius(nu: Array, z: Array) -> Array:
    """Log of sqrt(chi^2 / nu), at its quantiles Phi(z): (N,) and (M,) give (N, M)."""
    once, row = np.unique(nu, return_inverse=True)
    half = once[:, None] / 2
    return (np.log(gammaincinv(half, ndtr(z)) / half) / 2)[row]


def _estimate(
    lower: Array,
    upper: Array,
    unit: Array,
    nu: Array | None,
    tolerance: Array,
    engines: list[qmc.Sobol],
) -> Array:
    """Probabilities of three targets or more, by quasi-Monte Carlo.

    Args:
        lower: array of shape (N, M), in scales.
        upper: array of shape (N, M), in scales.
        unit: array of shape (N, M, D): vectors of length 1, whose products are the correlations.
        nu: array of shape (N,), or None.
        tolerance: array of shape (N,): the standard error at which a row is done.
        engines: the scrambles of the points.

    Returns:
        Array of shape (N,).
    """
    lower, upper, factor, thin = _ordered(lower, upper, unit)
    n, m = lower.shape
    below = _cdf(lower[:, :1], nu)
    mass = _cdf(upper[:, :1], nu) - below
    series = None if nu is None else _student_series(below, mass, nu)
    # what no point meets is an error that no scatter tells, if of a small mass a small one
    least = LEAST * np.clip(32 * mass[:, 0], 0.0, 1.0) * np.clip(THIN / thin, 1.0, 16.0)
    found, sums, rows = np.empty(n), np.zeros((n, SCRAMBLES)), np.arange(n)
    for size, uniform in _blocks(engines, m - (nu is None)):
        bases = [chebvander(ndtri(u) / EDGE, NODES - 1).T for u in uniform[:2] if series]
        step = max(1, BLOCK // (m * uniform.shape[1]))
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            stretch: Any = 1.0
            if nu is None or series is None:
                first = ndtri(_open(below[part] + uniform[0] * mass[part]))
            else:
                first = np.sinh(series[0][part] @ bases[0])
                of_part = nu[part, None]
                stretch = np.exp(series[1][part] @ bases[1])
                stretch *= np.sqrt((of_part + 1) / (of_part + first**2))
            products = _products(lower[part], upper[part], factor[part], first, stretch, uniform)
            sums[part] += products.reshape(len(part), SCRAMBLES, -1).sum(axis=2)
        if size & (size - 1):
            continue  # Sobol' points are balanced at powers of 2
        each = sums[rows] * mass[rows] / size
        error = np.std(each, axis=1, ddof=1) / np.sqrt(SCRAMBLES)
        done = (error < tolerance[rows]) & (size * SCRAMBLES >= least[rows]) | (size == LAST)
        found[rows[done]] = each[done].mean(axis=1)
        rows = rows[~done]
        if len(rows) == 0:
            break
    return found


def _blocks(engines: list[qmc.Sobol], dimension: int) -> Iterator[tuple[int, Array]]:
    """Yield (points of a scramble so far, the new points of all), of shape (dimension, P)."""
    for engine in engines:
        engine.reset()
    size = 0
    while size < LAST:
        new = min(max(size, FIRST), MOST)
        size += new
        points = np.stack([engine.random(new)[:, :dimension].T for engine in engines], axis=1)
        yield size, points.reshape(dimension, -1) + 2.0**-31  # multiples of 2^-30 may be 0


def _ordered(lower: Array, upper: Array, unit: Array) -> tuple[Array, Array, Array, Array]:
    """Put next the target least likely to keep its bounds, given what to expect of those before.

    By Gram-Schmidt orthogonalisation of the factor: a Cholesky decomposition of the correlations
    would lose the digits in which nearly collinear targets differ.

    Returns:
        (lower, upper, factor, thin): bounds of shape (N, M), in scales given the targets before;
        lower triangles of shape (N, M, M) with a diagonal of 1; and the least of the scales that
        this took away, shape (N,).
    """
    n, m = lower.shape
    every, rest = np.arange(n), unit.copy()
    order, waiting = np.empty((n, m), dtype=np.intp), np.ones((n, m), dtype=bool)
    known, factor = np.zeros((n, m)), np.zeros((n, m, m))
    for i in range(m):
        length = np.maximum(np.sqrt(np.einsum("nij,nij->ni", rest, rest)), THINNEST)
        a, b = (lower - known) / length, (upper - known) / length
        gap = np.where(a > 0, ndtr(-a) - ndtr(-b), ndtr(b) - ndtr(a))
        order[:, i] = np.argmin(np.where(waiting, gap, 2.0), axis=1)
        chosen = every, order[:, i]
        axis = rest[chosen] / length[chosen][:, None]
        factor[:, :, i] = np.einsum("nij,nj->ni", rest, axis)
        factor[:, :, i][chosen] = length[chosen]
        known += factor[:, :, i] * _expected(a[chosen], b[chosen], gap[chosen])[:, None]
        rest -= factor[:, :, i, None] * axis[:, None, :]
        rest[chosen] = 0.0
        waiting[chosen] = False
    into = every[:, None], order
    factor = np.tril(factor[into])
    scale = np.diagonal(factor, axis1=1, axis2=2)
    thin = scale.min(axis=1)
    return lower[into] / scale, upper[into] / scale, factor / scale[:, :, None], thin


def _expected(a: Array, b: Array, gap: Array) -> Array:
    """Mean of a normal between a and b, where it is found with probability `gap`."""
    mean = (np.exp(-(a**2) / 2) - np.exp(-(b**2) / 2)) / np.sqrt(2 * np.pi)
    return np.clip(np.where(gap > 1e-12, mean / np.maximum(gap, 1e-12), 0.0), a, b)


def _student_series(below: Array, mass: Array, nu: Array) -> tuple[Array, Array]:
    """What a Student-t needs of two uniform numbers, as Chebyshev series in their normal quantiles.

    The first target comes from its own distribution between its bounds. Given y, the others are a
    Student-t with one degree of freedom more, at sqrt((nu + y^2) / (nu + 1)) times the scale.

    Returns:
        Two arrays of shape (N, NODES): arsinh of the first target, and log of the others' radius.
    """
    nodes = chebpts1(NODES)
    inverse = np.linalg.inv(chebvander(nodes, NODES - 1)).T
    first = stdtrit(nu[:, None], _open(below + mass * ndtr(EDGE * nodes)))
    return np.arcsinh(first) @ inverse, _log_radius(nu + 1, EDGE * nodes) @ inverse


def _products(
    lower: Array, upper: Array, factor: Array, first: Array, stretch: Any, uniform: Array
) -> Array:
    """Probabilities of all targets but the first, each given a point of those before it.

    Args:
        lower: array of shape (N, M), in scales given the targets before.
        upper: array of shape (N, M), in scales given the targets before.
        factor: array of shape (N, M, M), lower triangular with a diagonal of 1.
        first: array of shape (N, P): the first target.
        stretch: array of shape (N, P), or 1: what turns a Student-t into a normal.
        uniform: array of shape (dimension, P), of which the last M - 2 are taken.

    Returns:
        Array of shape (N, P).
    """
    n, m = lower.shape
    y = np.empty((n, m - 1, uniform.shape[1]))
    y[:, 0] = first * stretch
    product: Any = 1.0
    for i in range(1, m):
        known = (factor[:, None, i, :i] @ y[:, :i])[:, 0]
        below = ndtr(lower[:, i, None] * stretch - known)
        gap = ndtr(upper[:, i, None] * stretch - known) - below
        product = product * gap
        if i < m - 1:
            y[:, i] = ndtri(_open(below + uniform[i - m + 1] * gap))
    return product


def _open(probability: Array) -> Array:
    """Keep off 0 and 1, where a quantile is infinite."""
    return np.clip(probability, 1e-300, 1 - 2**-53)
