"""Roots of many increasing functions at once."""

from collections.abc import Callable

import numpy as np

from covey.types import Array, Rows

MOST_STEPS = 200  # bisections alone need 50


def newton_root(
    function: Callable[[Array, Rows], tuple[Array, Array]],
    low: Array,
    high: Array,
    start: Array,
    *,
    accuracy: float = 1e-14,
) -> Array:
    """Where increasing functions are zero, by Newton's method within a bracket that shrinks.

    A step that leaves the bracket, or is more than half of the one before the last, gives way to a
    bisection. Each root is sought on its own, and no more once it is found.

    Source: Press et al. (2007), Numerical Recipes, section 9.4.

    Args:
        function: of an array of shape (R, D) and the numbers of these R rows, elementwise: its
            values, and its slopes, both of shape (R, D).
        low: lower ends of the brackets, shape (N, D).
        high: upper ends; where equal to the lower ones, they are the root.
        start: first guesses, within the brackets.
        accuracy: of the roots, as a share of the bracket.

    Returns:
        The roots, shape (N, D).
    """
    low, high, root = low.copy(), high.copy(), start.copy()
    tolerance = accuracy * (high - low) + np.spacing(np.maximum(np.abs(low), np.abs(high)))
    sought = high > low
    last = before = high - low
    for _ in range(MOST_STEPS):
        rows = np.flatnonzero(sought.any(axis=1))
        if not len(rows):
            break
        x, active = root[rows], sought[rows]
        value, slope = function(x, rows)
        low[rows] = np.where(active & (value <= 0), x, low[rows])
        high[rows] = np.where(active & (value >= 0), x, high[rows])
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.where(value == 0, 0.0, -value / slope)
        trusted = (x + step >= low[rows]) & (x + step <= high[rows])
        trusted &= np.abs(step) <= before[rows] / 2
        step = np.where(trusted, step, (low[rows] + high[rows]) / 2 - x)
        root[rows] = np.where(active, x + step, x)
        sought[rows] = active & (np.abs(step) > tolerance[rows])
        before, last = last, last.copy()
        last[rows] = np.abs(step)
    return root
