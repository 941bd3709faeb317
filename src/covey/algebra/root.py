"""Roots of many increasing functions at once."""

from collections.abc import Callable

import numpy as np

from covey.types import Array

MOST_STEPS = 200


def increasing_root(
    function: Callable[[Array], Array], low: Array, high: Array, *, accuracy: float = 1e-14
) -> Array:
    """Where increasing functions are zero, by Chandrupatla's method.

    Each step is one of inverse quadratic interpolation where three points allow it, else it halves
    the bracket.

    Args:
        function: of an array of the shape of `low`, elementwise; at most 0 at `low`, at least 0 at
            `high`, up to rounding.
        low: lower ends of the brackets.
        high: upper ends.
        accuracy: of the roots, as a share of themselves or of the bracket.

    Returns:
        The roots, of the shape of `low`.

    References:
        Chandrupatla (1997), A new hybrid quadratic/bisection algorithm for finding the zero of a
        nonlinear function without using derivatives, Advances in Engineering Software 28(3), doi
        10.1016/S0965-9978(96)00051-8.
    """
    x1, x2 = np.array(high), np.array(low)  # the newest point, and the other end of the bracket
    f1, f2 = np.maximum(function(x1), 0.0), np.minimum(function(x2), 0.0)
    narrow = accuracy * (x1 - x2)
    share = np.full(x1.shape, 0.5)
    best = x1
    for _ in range(MOST_STEPS):
        best = np.where(np.abs(f1) < np.abs(f2), x1, x2)
        width = np.abs(x2 - x1)
        least = np.divide(
            narrow + accuracy * np.abs(best), width, out=np.ones_like(width), where=width > 0
        )
        left = (least < 0.5) & (f1 != 0) & (f2 != 0)
        if not left.any():
            break
        x = x1 + np.clip(share, least, np.maximum(1 - least, least)) * (x2 - x1)
        f = np.where(left, function(np.where(left, x, best)), 0.0)
        same = (f < 0) == (f1 < 0)
        x3, f3 = np.where(same, x1, x2), np.where(same, f1, f2)
        x2, f2 = (
            np.where(left & ~same, x1, x2),
            np.where(left & ~same, f1, f2),
        )
        x1, f1 = np.where(left, x, x1), np.where(left, f, f1)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            xi, phi = (x1 - x2) / (x3 - x2), (f1 - f2) / (f3 - f2)
            quadratic = f1 / (f2 - f1) * f3 / (f2 - f3)
            quadratic += (x3 - x1) / (x2 - x1) * f1 / (f3 - f1) * f2 / (f3 - f2)
        usable = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi) & np.isfinite(quadratic)
        share = np.where(usable, quadratic, 0.5)
    return best
