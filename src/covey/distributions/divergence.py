"""Entropies and Kullback-Leibler divergences without a closed form, by quasi-Monte Carlo.

With components p_k of weights w_k, a single distribution being one of them,

    KL(p || q) = sum_k w_k E_k[log p - log q]
    H(p)       = sum_k w_k H(p_k) - sum_k w_k E_k[log p - log p_k]

where E_k is an average over points of the component k. For the entropy, log p - log p_k is 0 where
the components agree and log w_k where they lie far apart: in both cases there is no error.

Points and rows are processed in chunks, so that no array is larger than `MOST_NUMBERS`, or one
point of one row if that is more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from covey.algebra.patterns import by_pattern
from covey.algebra.points import unit_points
from covey.arguments.labels import check_rows
from covey.distributions.joint import Joint
from covey.distributions.kind import Kind
from covey.distributions.radial import LOG_2PI
from covey.errors import InputError, counted
from covey.types import Array

POINTS = 4096  # of each row, shared by its components
LEAST_POINTS = 512  # of each component
MOST_NUMBERS = 2**20  # in an array of points of rows, 8 MB


def kl_divergence(first: Joint, second: Joint) -> Array:
    """KL(first || second), row by row, of the targets that are not known exactly.

    Args:
        first: N distributions, or one.
        second: N distributions over the same targets, or one.

    Returns:
        Array of shape (N,), in nats.

    Raises:
        InputError: `second` is no distribution, the targets differ, the numbers or labels of rows
            do not fit, or the two do not know the same targets exactly.
    """
    if not isinstance(second, Joint):
        raise InputError(
            "Expected a distribution of Covey to measure the divergence from. "
            f"Received {type(second).__name__}."
        )
    if first.targets != second.targets:
        raise InputError(
            f"Expected a distribution over the targets {list(first.targets)}, in this order. "
            f"Received one over {list(second.targets)}."
        )
    if len(second) not in (1, len(first)) and len(first) != 1:
        raise InputError(
            f"Expected a distribution of {counted(len(first), 'row')}, or of one row for all. "
            f"Received {counted(len(second), 'row')}."
        )
    check_rows(first.index, second.index, "other", of="the first")
    n = len(first) if len(second) == 1 else len(second)
    first, second = (
        joint if len(joint) == n else joint[np.zeros(n, dtype=int)] for joint in (first, second)
    )
    differ = (first.observed != second.observed).any(axis=1)
    if differ.any():
        raise InputError(
            "Expected a distribution that knows the same targets exactly. Received others in "
            f"row {int(np.flatnonzero(differ)[0])}."
        )
    found = np.zeros(n)
    for rows, known in by_pattern(first.observed):
        free = np.flatnonzero(~known).tolist()
        if free:
            part = first[rows]._marginal(free), second[rows]._marginal(free)
            found[rows] = part[1]._divergence_from(part[0])
    return np.maximum(found, 0.0)  # below 0 is the error of an average


def divergence(first: Kind, second: Kind) -> Array:
    """KL(first || second) of as many rows, no target of which is known, by averages.

    Args:
        first: distributions of N rows.
        second: distributions of N rows over the same targets.

    Returns:
        Array of shape (N,), in nats.
    """

    def gap(rows: slice, number: int) -> Callable[[Array], Array]:
        one, two = first[rows], second[rows]
        return lambda points: one._log_prob_at(points) - two._log_prob_at(points)

    return _averaged(first, gap)


def divergence_from_normal(first: Kind, normal: Any) -> Array:
    """KL(first || normal) of as many rows, no target of which is known, in closed form.

    The first enters by its entropy and its first two moments alone:

        D/2 log(2 pi) + log |B| - H(first) + 1/2 sum_k w_k (|B^-1 (mu - mu_k)|^2 + tr S^-1 Sigma_k)

    Args:
        first: distributions of N rows, of any kind.
        normal: normal distributions of N rows over the same targets.

    Returns:
        Array of shape (N,), in nats.
    """
    components, weights = first._components
    total = normal._scale.log_root - first.entropy() + len(normal.targets) * LOG_2PI / 2
    for component, weight in zip(components, weights.T, strict=True):
        shift = normal._scale.whiten(normal.mean - component.mean)
        squares = np.einsum("ni,ni->n", shift, shift)
        trace = normal._scale.trace_of_ratio(component._scale)
        total += weight * (squares + trace * component._radial.covariance_ratio) / 2
    return total


def mixture_entropy(mixture: Kind) -> Array:
    """Differential entropy of mixtures, no target of which is known.

    Args:
        mixture: a `Mixture` of N rows.

    Returns:
        Array of shape (N,), in nats.
    """

    def gap(rows: slice, number: int) -> Callable[[Array], Array]:
        whole = mixture[rows]
        own = whole._components[0][number]
        return lambda points: whole._log_prob_at(points) - own._log_prob_at(points)

    components, weights = mixture._components
    own = np.stack([component.entropy() for component in components], axis=1)
    return np.einsum("nk,nk->n", weights, own) - _averaged(mixture, gap)


def _averaged(joint: Kind, gap: Callable[[slice, int], Callable[[Array], Array]]) -> Array:
    """Averages over points of each component, weighted by the components' weights.

    Args:
        joint: distributions of N rows and D targets.
        gap: gives for some rows and a component a function of points of shape (S, R, D), of shape
            (S, R).

    Returns:
        Array of shape (N,).
    """
    components, weights = joint._components
    n, d = len(joint), len(joint.targets)
    least = max(POINTS // len(components), LEAST_POINTS)
    uniform = unit_points(d + 1, 2 ** int(np.ceil(np.log2(least))))
    found = np.zeros(n)
    for rows in _parts(n, len(uniform) * d):
        for number, component in enumerate(components):
            part, of = component[rows], gap(rows, number)
            for some in _parts(len(uniform), d * len(part)):
                total = of(part._at(uniform[some])).sum(axis=0)
                found[rows] += weights[rows, number] * total / len(uniform)
    return found


def _parts(count: int, numbers: int) -> Iterator[slice]:
    """Slices of `count` items of `numbers` numbers each, of at most `MOST_NUMBERS` together."""
    size = max(MOST_NUMBERS // max(numbers, 1), 1)
    return (slice(start, start + size) for start in range(0, count, size))
