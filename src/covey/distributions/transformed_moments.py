"""Means, variances and covariances of targets y = max(h(z), 0), z normal or Student-t.

Of one target the mean and the variance are sums of integrals over three parts of the real line:
where y is 0, where h is curved (by Gauss-Legendre nodes), and where it is a straight line (in
closed form). Two targets whose x are standard normals of correlation r have (Mehler 1866; Lancaster
1957, Biometrika 44)

    cov(y_i, y_j) = sum over k >= 1 of r^k a_ik a_jk,    a_ik = E[y_i He_k(x_i)] / sqrt(k!)

Each term is a positive semidefinite matrix (Schur's product theorem) and the first is positive
definite, since y increases with x; so what leaves here is a covariance matrix however many terms
are summed. A Student-t is a normal given its mixing variable V: the law of total covariance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import gammaln, ndtr, stdtr

from covey.distributions.norms import mixing_moment, nodes
from covey.distributions.transform import NODES, REACH, Transform
from covey.distributions.transforms import Transforms
from covey.types import Array, Rows

FARTHEST = 20.0  # inverse hyperbolic sine of a Student-t beyond which nothing counts
CHUNK = 2**21  # numbers in an array
TERMS = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 320)  # of the series: as few as are accurate
ACCURATE = 1e-12  # of the first term that is left out, as a share of the variances
ACCURATE_MIXED = 1e-5  # the same, given the mixing variable of a Student-t
FEW_NODES = 24  # of means and variances given the mixing variable
LEAST = 1e-9  # standard deviation, as a share of that of h(z) at 0: a variance is never 0
_RULES = {count: np.polynomial.legendre.leggauss(count) for count in (NODES, FEW_NODES)}


def mean_and_stddev(base: Any, transforms: Transforms) -> tuple[Array, Array]:
    """Means and standard deviations of transformed targets.

    Args:
        base: N distributions of z, an `Elliptical`.
        transforms: those of its D targets.

    Returns:
        Two arrays of shape (N, D), in target units; where z is known exactly, y and 0.
    """
    mean, stddev = np.array(base.mean), np.array(base.stddev)
    for i, transform, free, law in _each(base, transforms):
        known = np.maximum(transform.restored(base.mean[:, i]), 0.0)
        mean[:, i] = known
        mean[free, i], stddev[free, i] = _moments(transform, law)
    return mean, stddev


def mean_log_slope(base: Any, transforms: Transforms) -> Array:
    """E[log h'(z)], summed over the targets that are not known exactly.

    Args:
        base: N distributions of z, an `Elliptical`.
        transforms: those of its D targets.

    Returns:
        Array of shape (N,), in nats.
    """
    total = np.zeros(len(base))
    for _, transform, free, law in _each(base, transforms):
        z, density = law.between(transform.at_zero, transform.at_top)
        found = (transform.log_slope(z) * density).sum(axis=1)
        for end, sign in ((transform.at_zero, -1.0), (transform.at_top, 1.0)):
            if np.isfinite(end):
                share = law.tail(end, sign)
                found += transform.log_slope(np.array(end)) * share
        total[free] += found
    return total


def _each(base: Any, transforms: Transforms) -> Iterator[tuple[int, Transform, Rows, _Law]]:
    """Yield (position, transform, rows, law) of the targets with one, where they are not known."""
    freedom = base._radial.degrees_of_freedom
    root = base._scale.root_diagonal
    size = max(CHUNK // NODES, 1)
    for i, transform in enumerate(transforms.each):
        rows = np.flatnonzero(~base.observed[:, i])
        if transform is None:
            continue
        for start in range(0, max(len(rows), 1), size):
            free = rows[start : start + size]
            nu = None if freedom is None else freedom[free]
            yield i, transform, free, _Law(base.mean[free, i], root[free, i], nu)


@dataclass(frozen=True)
class _Law:
    """z = mean + root t, t standard normal or of a Student-t distribution, in N rows."""

    mean: Array
    root: Array
    nu: Array | None
    nodes: int = NODES

    def between(self, low: float, high: float) -> tuple[Array, Array]:
        """Nodes z between two values, and their weights times the density: (N, nodes) each."""
        x, share = _RULES[self.nodes]
        ends = (np.array([[low], [high]]) - self.mean) / self.root
        if self.nu is None:
            # exp(s t) and its square lie s and 2 s higher
            lower = np.clip(ends[0], -REACH, None)
            upper = np.clip(ends[1], None, np.maximum(REACH + 2 * self.root, lower + REACH))
            lower = np.minimum(lower, upper)
            t = lower[:, None] + (upper - lower)[:, None] * (x + 1) / 2
            weight = (upper - lower)[:, None] / 2 * share
            density = np.exp(-np.square(t) / 2) / np.sqrt(2 * np.pi)
        else:
            lower, upper = np.clip(np.arcsinh(ends), -FARTHEST, FARTHEST)
            place = lower[:, None] + (upper - lower)[:, None] * (x + 1) / 2
            t = np.sinh(place)
            weight = (upper - lower)[:, None] / 2 * share * np.cosh(place)
            density = _student_t(t, self.nu[:, None])
        return self.mean[:, None] + self.root[:, None] * t, weight * density

    def tail(self, z: float, sign: float) -> Array:
        """P(Z > z) for sign 1, P(Z < z) for -1, shape (N,)."""
        t = sign * (self.mean - z) / self.root
        return np.asarray(ndtr(t) if self.nu is None else stdtr(self.nu, t))

    def partial(self, z: float) -> tuple[Array, Array, Array]:
        """The integrals of f(t), t f(t) and t^2 f(t) from z on, shape (N,) each."""
        x, above = (z - self.mean) / self.root, self.tail(z, 1.0)
        if self.nu is None:
            first = np.exp(-np.square(x) / 2) / np.sqrt(2 * np.pi)
            return above, first, x * first + above
        nu = self.nu
        first = (nu + np.square(x)) / (nu - 1) * _student_t(x, nu)
        return above, first, ((nu - 1) * x * first + nu * above) / (nu - 2)


def _student_t(t: Array, nu: Array) -> Array:
    """The density of a Student-t distribution."""
    log = gammaln((nu + 1) / 2) - gammaln(nu / 2) - np.log(nu * np.pi) / 2
    return np.asarray(np.exp(log - (nu + 1) / 2 * np.log1p(np.square(t) / nu)))


def _moments(transform: Transform, law: _Law) -> tuple[Array, Array]:
    """Mean and standard deviation of max(h(z), 0), in target units, shape (N,) each.

    Args:
        transform: of the target.
        law: of z.
    """
    found = np.zeros(len(law.mean))
    curved = transform.top > 0
    y, density = np.zeros((len(found), 1)), np.zeros((len(found), 1))
    if curved:
        z, density = law.between(transform.at_zero, transform.at_top)
        y = transform.restored(z)
        found += (y * density).sum(axis=1)
    slope, above = np.zeros(1), np.zeros(len(found))
    if np.isfinite(transform.top):  # y = start + slope root t from there on
        slope = np.exp(transform.log_slope(np.array(transform.at_top)))
        above, first, second = law.partial(transform.at_top)
        step = slope * law.root
        start = transform.top + slope * (law.mean - transform.at_top)
        found += np.maximum(start * above + step * first, 0.0)
    variance = (np.square(y - found[:, None]) * density).sum(axis=1)
    if np.isfinite(transform.at_zero):
        variance += np.square(found) * law.tail(transform.at_zero, -1.0)
    if np.isfinite(transform.top):
        shift = start - found
        line = np.square(shift) * above + 2 * shift * step * first + np.square(step) * second
        variance += np.maximum(line, 0.0)
    least = LEAST * law.root * np.exp(transform.log_slope(law.mean))
    return found, np.maximum(np.sqrt(variance), least)


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
    accurate = ACCURATE if base._radial.degrees_of_freedom is None else ACCURATE_MIXED
    counts = _counts(base.correlation, accurate) if transforms else np.ones(n, dtype=np.intp)
    values = mixing_moment(base._radial, 1.0)[1].shape[1] if n else 1
    for count in np.unique(counts):  # each row has as many terms as it needs itself
        every = np.flatnonzero(counts == count)
        size = max(CHUNK // (d * max(d, count) * values), 1)
        for start in range(0, len(every), size):
            rows = every[start : start + size]
            part = base[rows]._labelled(None)
            found[rows] = _correlation(part, transforms, int(count))
    return found * _squared(stddev)


def _counts(latent: Array, accurate: float) -> Rows:
    """How many terms of the series each row takes, shape (N,)."""
    off = ~np.eye(latent.shape[1], dtype=bool)
    largest = np.abs(latent[:, off]).max(axis=1, initial=0.0)
    wanted = np.log(accurate) / np.log(np.clip(largest, 1e-3, 1 - 1e-9))
    return np.array(TERMS)[np.searchsorted(TERMS, np.minimum(wanted, TERMS[-1]))]


def _correlation(base: Any, transforms: Transforms, count: int) -> Array:
    """Correlation matrices, 1 on the diagonal and 0 beside targets known exactly."""
    latent, known = base.correlation, base.observed
    root = np.where(known, 1.0, base._scale.root_diagonal)
    # E[f] = E[V] times the average of f / V by the measure that V weighs; a normal has V = 1
    growth = mixing_moment(base._radial, 1.0)[1].T
    share = nodes(len(growth))[1][:, None] * growth
    stddev = root / np.sqrt(growth)[:, :, None]
    series, means, variance = _given_mixing(base.mean, stddev, transforms, count)
    weight = np.sqrt(share)[:, :, None]
    center = np.einsum("jn,jni->ni", share / share.sum(axis=0), means)
    found = _summed(weight * (means - center))
    # what the series leaves of the variances goes on with its last power
    rest = np.sqrt(np.maximum(variance - np.square(series).sum(axis=0), 0.0))
    power = np.ones_like(latent)
    for term in (*series, rest):
        power = power * latent
        found += power * _summed(weight * term)
    own = np.arange(found.shape[1])
    scale = np.sqrt(np.where(known, 1.0, found[:, own, own]))
    found = found / _squared(scale)
    found = np.where(known[:, :, None] | known[:, None, :], 0.0, found)
    found[:, own, own] = 1.0
    return found


def _given_mixing(
    mean: Array, stddev: Array, transforms: Transforms, count: int
) -> tuple[Array, Array, Array]:
    """What max(h(z), 0) is made of, z normal given each of J values of a mixing variable.

    Args:
        mean: of z, shape (N, D).
        stddev: of z, shape (J, N, D), positive.
        transforms: of the D targets.
        count: K, of terms.

    Returns:
        The terms of the series, of shape (K, J, N, D), and means and variances, of shape (J, N, D),
        in target units and their squares.
    """
    series = np.zeros((count, *stddev.shape))
    means, variance = np.array(np.broadcast_to(mean, stddev.shape)), np.square(stddev)
    few = FEW_NODES if len(stddev) > 1 else NODES
    for i, transform in enumerate(transforms.each):
        if transform is None:
            series[0, ..., i] = stddev[..., i]
            continue
        law = _Law(means[..., i].ravel(), stddev[..., i].ravel(), None, few)
        found = transform.coefficients(law.mean, law.root, count)
        series[..., i] = found.reshape(count, *stddev.shape[:2])
        each, spread = (part.reshape(stddev.shape[:2]) for part in _moments(transform, law))
        means[..., i], variance[..., i] = each, np.square(spread)
    return series, means, variance


def _summed(values: Array) -> Array:
    """The products of all pairs, summed over J, symmetric: (J, N, D) gives (N, D, D)."""
    if len(values) == 1:
        return _squared(values[0])
    columns = np.ascontiguousarray(np.moveaxis(values, 0, 2))
    found = columns @ np.swapaxes(columns, 1, 2)
    return np.asarray(found + np.swapaxes(found, 1, 2)) / 2


def _squared(values: Array) -> Array:
    """The products of all pairs, symmetric to the last digit: (N, D) gives (N, D, D)."""
    return values[:, :, None] * values[:, None, :]
