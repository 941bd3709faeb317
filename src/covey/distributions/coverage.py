"""Which observed values the intervals of distributions hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import logit

from covey.distributions.joint import Joint
from covey.distributions.mixture import Mixture
from covey.types import Array


def held_by_intervals(joint: Joint, values: Array, levels: Sequence[float]) -> list[Array]:
    """Whether the central interval of each target holds its value, for several levels.

    Args:
        joint: N distributions over D targets.
        values: shape (N, D), in target units; NaN where not observed.
        levels: probabilities that intervals hold.

    Returns:
        For each level an array of shape (N, D): 1 if `interval(level)` holds the value, 0 if not,
        NaN where not observed.
    """
    unknown = np.isnan(values)
    if not isinstance(joint, Mixture) or joint.observed.any():
        ends = [joint.interval(level) for level in levels]
        held = [(lower <= values) & (values <= upper) for lower, upper in ends]
    else:  # without the ends, each of which is found by several steps of Newton's method
        scores = joint._interval_scores(values, inward=True)
        limits = [joint._interval_limits(level, 1 - level) for level in levels]
        held = [
            scores <= (logit(level) if limit is None else limit)
            for level, limit in zip(levels, limits, strict=True)
        ]
    return [np.where(unknown, np.nan, each) for each in held]
