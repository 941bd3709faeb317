"""Means, variances and covariances of targets y = max(h(z), 0), z normal or Student-t.

Of one target with z = m + s x, the mean and the variance are integrals over the part of the real
line where y > 0, by Gauss-Legendre nodes (for `clip`, which Student-t distributions have too, in
closed form). Two targets whose x are standard normals of correlation r have (Mehler 1866; Lancaster
1957, Biometrika 44)

    cov(y_i, y_j) = sum over k >= 1 of r^k a_ik a_jk,    a_ik = E[y_i He_k(x_i)] / sqrt(k!)

Each term is a positive semidefinite matrix (Schur's product theorem) and the first is positive
definite, since y increases with x; so what leaves here is a covariance matrix however many terms
are summed. A Student-t is a normal given its mixing variable V: the law of total covariance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import gammaln, ndtr, stdtr

from covey.distributions.norms import mixing_moment, nodes
from covey.distributions.transforms import Clip, Log, Transform, Transforms
from covey.types import Array

NODES = 96  # of an integral over x
REACH = 8.5  # standard deviations beyond which a normal's density is nothing
STEEPEST = 2.0  # the second moment of exp(s x) lies at 2 s
CHUNK = 2**21  # numbers in an array
TERMS = 320  # of the series, at most
ACCURATE = 1e-12  # of the first term that is left out, as a share of the variances
LEAST = 1e-9  # standard deviation, as a share of that of h(z) at 0: a variance is never 0
_X, _W = np.polynomial.legendre.leggauss(NODES)


def mean_and_stddev(base: Any, transforms: Transforms) -> tuple[Array, Array]:
    """Means and standard deviations of transformed targets.

    Args:
        base: N distributions of z, an `Elliptical`.
        transforms: those of its D targets.

    Returns:
        Two arrays of shape (N, D), in target units; where z is known exactly, y and 0.
    """
    z_mean, z_stddev = base.mean, base.stddev
    mean, stddev = np.array(z_mean), np.array(z_stddev)
    for i, transform in enumerate(transforms.each):
        if transform is None:
            continue
        free = np.flatnonzero(~base.observed[:, i])
        mean[:, i] = np.maximum(transform.restored(z_mean[:, i]), 0.0)
        if isinstance(transform, Clip):
            freedom = base._radial.degrees_of_freedom
            root = base._scale.root_diagonal[free, i]
            nu = None if freedom is None else freedom[free]
            mean[free, i], stddev[free, i] = _of_clipped(z_mean[free, i], root, nu)
        else:
            size = max(CHUNK // NODES, 1)
            for start in range(0, len(free), size):
                rows = free[start : start + size]
                mean[rows, i], stddev[rows, i] = _of_normal(
                    transform, z_mean[rows, i], z_stddev[rows, i]
                )
    return mean, stddev


def _of_normal(transform: Transform, mean: Array, stddev: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of max(h(z), 0), z normal, by integration over its positive part.

    Args:
        transform: of the target.
        mean: of z, shape (N,).
        stddev: of z, shape (N,), positive.

    Returns:
        Two arrays of shape (N,), in target units.
    """
    start = (transform.at_zero - mean) / stddev
    low = np.clip(start, -REACH, None)
    high = np.maximum(REACH + STEEPEST * stddev, low + REACH)
    x = low[:, None] + (high - low)[:, None] * (_X + 1) / 2
    density = np.exp(-np.square(x) / 2) / np.sqrt(2 * np.pi) * _W * (high - low)[:, None] / 2
    y = np.maximum(transform.restored(mean[:, None] + stddev[:, None] * x), 0.0)
    found = (y * density).sum(axis=1)
    at_bound = ndtr(start)
    variance = (np.square(y - found[:, None]) * density).sum(axis=1) + np.square(found) * at_bound
    return found, np.maximum(np.sqrt(variance), _least(transform, mean, stddev))


def _of_clipped(mean: Array, root: Array, nu: Array | None) -> tuple[Array, Array]:
    """The same for max(z, 0), z normal or Student-t of this location and scale, in closed form.

    With M_k the integral of t^k f(t) from x = -mean / root on, M_1 = (nu + x^2) / (nu - 1) f(x) and
    M_2 = ((nu - 1) x M_1 + nu M_0) / (nu - 2); f(x) and x M_1 + M_0 for a normal.
    """
    x = -mean / root
    if nu is None:
        above, below = ndtr(-x), ndtr(x)
        first = np.exp(-np.square(x) / 2) / np.sqrt(2 * np.pi)
        second = x * first + above
    else:
        above, below = stdtr(nu, -x), stdtr(nu, x)
        log_density = gammaln((nu + 1) / 2) - gammaln(nu / 2) - np.log(nu * np.pi) / 2
        log_density = log_density - (nu + 1) / 2 * np.log1p(np.square(x) / nu)
        first = (nu + np.square(x)) / (nu - 1) * np.exp(log_density)
        second = ((nu - 1) * x * first + nu * above) / (nu - 2)
    # mean = root (first - x above) and E[t; t > x], about c = mean of max(t, x)
    found = root * np.maximum(first - x * above, 0.0)
    center = np.where(x < 0, first + x * below, 0.0)  # mean of max(t, x), small where x is far off
    center = np.where(x < 0, center, found / root + x)
    inner = second - 2 * center * first + np.square(center) * above
    variance = inner + np.square(found / root) * below
    return found, root * np.sqrt(np.maximum(variance, LEAST**2))


def _least(transform: Transform, mean: Array, stddev: Array) -> Array:
    at = mean if isinstance(transform, Log) else np.maximum(mean, 0.0)
    return LEAST * stddev * np.exp(transform.log_slope(at))


def covariance(base: Any, transforms: Transforms, mean: Array, stddev: Array) -> Array:
    """Covariance matrices of transformed targets.

    Args:
        base: N distributions of z, an `Elliptical`.
        transforms: those of its D targets.
        mean: what `mean_and_stddev` returned.
        stddev: and its second array.

    Returns:
        Array of shape (N, D, D), in products of target units, symmetric positive definite but for
        zeros where a target is known exactly.
    """
    n, d = mean.shape
    found = np.empty((n, d, d))
    size = max(CHUNK // (d * max(d, TERMS)), 1)
    for start in range(0, n, size):
        rows = slice(start, start + size)
        part = base[rows]._labelled(None)
        found[rows] = _correlation(part, transforms)
    return found * stddev[:, :, None] * stddev[:, None, :]


def _correlation(base: Any, transforms: Transforms) -> Array:
    """Correlation matrices, 1 on the diagonal and 0 beside targets known exactly."""
    latent, known = base.correlation, base.observed
    radial = base._radial
    root = np.where(known, 1.0, base._scale.root_diagonal)
    if radial.degrees_of_freedom is None:
        _, found = _given_mixing(base.mean, root, latent, transforms)
    else:
        # E[f] = E[V] times the average of f / V by the measure that V weighs
        weights = nodes(mixing_moment(radial, 1.0)[1].shape[1])[1]
        growth = mixing_moment(radial, 1.0)[1]
        parts = [
            _given_mixing(base.mean, root / np.sqrt(g)[:, None], latent, transforms)
            for g in growth.T
        ]
        means = np.stack([each for each, _ in parts])
        share = weights[:, None] * growth.T
        center = np.einsum("jn,jni->ni", share / share.sum(axis=0), means)
        apart = means - center
        found = np.einsum("jn,jnik->nik", share, np.stack([each for _, each in parts]))
        found += np.einsum("jn,jni,jnk->nik", share, apart, apart)
    own = np.arange(found.shape[1])
    scale = np.sqrt(np.where(known, 1.0, found[:, own, own]))
    found = found / scale[:, :, None] / scale[:, None, :]
    found = np.where(known[:, :, None] | known[:, None, :], 0.0, found)
    found[:, own, own] = 1.0
    return found


def _given_mixing(
    mean: Array, stddev: Array, latent: Array, transforms: Transforms
) -> tuple[Array, Array]:
    """Means and covariances of max(h(z), 0), z normal.

    Args:
        mean: of z, shape (N, D).
        stddev: of z, shape (N, D), positive.
        latent: correlations of z, shape (N, D, D).
        transforms: of the D targets.

    Returns:
        Arrays of shape (N, D) and (N, D, D), in target units and their products.
    """
    n, d = mean.shape
    off = latent[:, ~np.eye(d, dtype=bool)]
    largest = min(float(np.abs(off).max(initial=0.0)), 1 - 1e-9)
    wanted = np.log(ACCURATE) / np.log(largest) if largest > 0 else 1
    count = int(np.clip(np.ceil(wanted), 1, TERMS)) if transforms else 1
    series = np.zeros((count, n, d))
    means, variance = np.array(mean), np.square(stddev)
    for i, transform in enumerate(transforms.each):
        if transform is None:
            series[0, :, i] = stddev[:, i]
            continue
        series[:, :, i] = transform.coefficients(mean[:, i], stddev[:, i], count)
        of = _of_clipped if isinstance(transform, Clip) else None
        if of is not None:
            means[:, i], spread = of(mean[:, i], stddev[:, i], None)
        else:
            means[:, i], spread = _of_normal(transform, mean[:, i], stddev[:, i])
        variance[:, i] = np.square(spread)
    power = np.ones_like(latent)
    found = np.zeros_like(latent)
    for term in series:
        power = power * latent
        found += power * term[:, :, None] * term[:, None, :]
    # what the series leaves of the variances goes on with its last power
    rest = np.sqrt(np.maximum(variance - np.square(series).sum(axis=0), 0.0))
    return means, found + power * latent * rest[:, :, None] * rest[:, None, :]


def mean_log_slope(base: Any, transforms: Transforms) -> Array:
    """E[log h'(z)], summed over the targets that are not known exactly.

    Args:
        base: N distributions of z, an `Elliptical`.
        transforms: those of its D targets.

    Returns:
        Array of shape (N,), in nats.
    """
    total = np.zeros(len(base))
    for i, transform in enumerate(transforms.each):
        if transform is None or isinstance(transform, Clip):
            continue
        free = np.flatnonzero(~base.observed[:, i])
        mean, stddev = base.mean[free, i], base.stddev[free, i]
        if isinstance(transform, Log):
            total[free] += mean
            continue
        start = -mean / stddev
        low = np.clip(start, -REACH, None)
        x = low[:, None] + REACH * (_X + 1)  # two halves of [low, low + 2 REACH]
        density = np.exp(-np.square(x) / 2) / np.sqrt(2 * np.pi) * _W * REACH
        at_zero = transform.log_slope(np.zeros(1))[0]
        above = transform.log_slope(mean[:, None] + stddev[:, None] * x) - at_zero
        total[free] += at_zero + (above * density).sum(axis=1)
    return total
