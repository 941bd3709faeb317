"""The rows that surprised the model most, and what was odd about them."""

from __future__ import annotations

from typing import Any

import numpy as np

from covey.distributions import Elliptical, Mixture, Transformed
from covey.distributions.internals import moments_given_others, nonconformity, read_observed
from covey.types import Array


def surprises(
    joint: Elliptical | Mixture | Transformed, y: Array, labels: Any, most: int = 10
) -> list[dict[str, Any]]:
    """Find the rows farthest out, under what was predicted for them.

    Args:
        joint: predictions for N rows over D targets.
        y: observed values, shape (N, D), in target units; NaN where not observed.
        labels: what the user calls the rows, N of them.
        most: how many rows.

    Returns:
        For each, the most surprising first: its `row`, `chance` (that a right prediction is as far
        off, as "1 in ..."), and of the target that the other targets leave most surprising its
        `target`, what was `observed`, `expected` with its `stddev`, and `given` the others with its
        `given_stddev` (None if no other was observed).
    """
    values = read_observed(joint, y)
    some = np.flatnonzero(~np.isnan(values).all(axis=1))
    far = nonconformity(joint[some], values[some])
    order = np.argsort(-far, kind="stable")[:most]
    rows, far = some[order], far[order]
    mean, stddev = moments_given_others(joint[rows], y[rows])
    found = []
    for number, row in enumerate(rows):
        z = np.abs(y[row] - mean[number]) / stddev[number]
        target = int(np.nanargmax(np.where(np.isnan(z), -1.0, z)))
        alone = (~np.isnan(y[row])).sum() < 2
        found.append(
            {
                "row": str(labels[row]),
                "chance": _one_in(float(far[number])),
                "target": joint.targets[target],
                "observed": float(y[row, target]),
                "expected": float(joint.mean[row, target]),
                "stddev": float(joint.stddev[row, target]),
                "given": None if alone else float(mean[number, target]),
                "given_stddev": None if alone else float(stddev[number, target]),
            }
        )
    return found


def _one_in(far: float) -> str:
    if far > np.log(1e9):
        return "less than 1 in a billion"
    times = 1 + np.exp(far)
    return f"1 in {times:.0f}" if times < 1000 else f"1 in {float(f'{times:.2g}'):,.0f}"
