"""Kullback-Leibler divergences without a closed form, by quasi-Monte Carlo."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from covey.distributions.points import CHUNK, unit_points

Array = NDArray[np.float64]
POINTS = 4096


def divergence(first: Any, second: Any) -> Array:
    """KL(first || second), row by row.

    Args:
        first: distributions of N rows.
        second: distributions of N rows over the same targets.

    Returns:
        Array of shape (N,), in nats: averages over `POINTS` points.
    """
    uniform = unit_points(len(first.targets) + 1, POINTS)
    found = np.empty(len(first))
    for start in range(0, len(first), CHUNK):
        part = slice(start, start + CHUNK)
        points = first[part]._at(uniform)
        gap = first[part]._log_prob_at(points) - second[part]._log_prob_at(points)
        found[part] = gap.mean(axis=0)
    return found
