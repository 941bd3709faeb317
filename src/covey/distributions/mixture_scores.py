"""Scores of mixtures of Student-t distributions, at a cost that grows with the components' number.

The CRPS is E|X - y| - E|X - X'| / 2. The first is in closed form for each component. The second is
that of the components' piecewise linear distribution functions, whose sum takes one sorted pass;
what they lack of a component's distance from itself is known and added.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import betaln, stdtr

from covey.algebra.student_spline import NODES, half_gap_of_splines, student_splines
from covey.distributions import energy_points, norms
from covey.distributions.elliptical import Elliptical
from covey.distributions.energy_points import degrees_of_freedom
from covey.types import Array

FEW = 5  # components whose distances from each other are integrated, pair by pair
NUMBERS = 2**18  # in an array of nodes, so that it stays in the cache of a core
LEAST_WIDTH = 1e-9  # of a component, as a share of the widths and distances of its row


def crps(parts: Sequence[Elliptical], weights: Array, y: Array) -> Array:
    """The CRPS of mixtures of Student-t distributions, target by target.

    Args:
        parts: K components, each of N rows and D targets.
        weights: shape (N, K).
        y: observed values, shape (N, D), in target units; NaN where not observed.

    Returns:
        Array of shape (N, D), in target units; NaN where not observed.
    """
    found = np.full(y.shape, np.nan)
    mean = np.stack([part.mean for part in parts], axis=2)
    scale = np.stack([part._scale.root_diagonal for part in parts], axis=2)
    nu = np.stack([degrees_of_freedom(part) for part in parts], axis=1)
    size = max(NUMBERS // (NODES * len(parts)), 1)
    for start in range(0, len(y), size):
        chunk = slice(start, start + size)
        splines, norm = student_splines(nu[chunk]), _log_norm(nu[chunk])
        lack = _half_gap(nu[chunk]) - splines.half_gap
        for i in range(y.shape[1]):
            seen = np.flatnonzero(~np.isnan(y[chunk, i]))
            rows = start + seen
            w, m, s, v = weights[rows], mean[rows, i], scale[rows, i], nu[rows]
            near = _mean_distance(v, norm[seen], (y[rows, i, None] - m) / s) * s
            extent = np.ptp(m, axis=1) + s.max(axis=1)
            s = np.maximum(s, LEAST_WIDTH * extent[:, None])
            nodes = m[..., None] + s[..., None] * splines.nodes[seen]
            kinks = (w / s)[..., None] * splines.kinks[seen]
            flat = len(seen), nodes.shape[1] * nodes.shape[2]
            apart = half_gap_of_splines(nodes.reshape(flat), kinks.reshape(flat))
            own = np.einsum("nk,nk,nk,nk->n", w, w, s, lack[seen])
            found[rows, i] = np.einsum("nk,nk->n", w, near) - apart - own
    return found


def energy(parts: Sequence[Elliptical], weights: Array, y: Array) -> Array:
    """The energy score of mixtures of Student-t distributions.

    Args:
        parts: K components, each of N rows and D targets.
        weights: shape (N, K).
        y: observed values, shape (N, D), in target units; NaN where not observed.

    Returns:
        Array of shape (N,), in target units; NaN for a row without any observed target.
    """
    count = (~np.isnan(y)).sum(axis=1)
    found = np.full(len(y), np.nan)
    one, several = np.flatnonzero(count == 1), np.flatnonzero(count > 1)
    if len(one):
        found[one] = np.nansum(crps([part[one] for part in parts], weights[one], y[one]), axis=1)
    if len(several):
        score = norms.energy if len(parts) <= FEW else energy_points.energy
        found[several] = score([part[several] for part in parts], weights[several], y[several])
    return found


def _log_norm(nu: Array) -> Array:
    """Logarithm of the density at 0."""
    return np.asarray(-betaln(nu / 2, 0.5) - np.log(nu) / 2)


def _half_gap(nu: Array) -> Array:
    """E|T - T'| / 2 of two draws of a standard Student-t (Jordan, Krueger, Lerch 2019)."""
    ratio = np.exp(betaln(0.5, nu - 0.5) - 2 * betaln(0.5, nu / 2))
    return np.asarray(2 * np.sqrt(nu) / (nu - 1) * ratio)


def _mean_distance(nu: Array, log_norm: Array, z: Array) -> Array:
    """E|T - z| of a standard Student-t T."""
    square = np.square(z)
    density = np.exp(log_norm - (nu + 1) / 2 * np.log1p(square / nu))
    return z * (2 * stdtr(nu, z) - 1) + 2 * density * (nu + square) / (nu - 1)
