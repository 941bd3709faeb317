"""The smooth bound within which networks read numbers, and the way back."""

from __future__ import annotations

import numpy as np

from covey.types import Array

EDGE = 3.0  # what encoded numbers stay below
FAR = 100.0  # encoded numbers are told apart up to here, in spreads


def clipped(values: Array, center: Array | float, scale: Array | float) -> Array:
    """(values - center) / scale, held smoothly in (-3, 3); NaN where a value is.

    Args:
        values: of any shape.
        center: a number, or one for each of the last axis.
        scale: the same, positive.

    Returns:
        Array of the same shape.
    """
    with np.errstate(over="ignore"):
        # a value that has overflowed or would when squared ends up at 3 all the same
        z = np.clip((values - center) / scale, -1e100, 1e100)
    return np.asarray(z / np.sqrt(1.0 + (z / EDGE) ** 2))


def unclipped(encoded: Array) -> Array:
    """Undo the smooth bound of `NumericColumn.encode`: (x - center) / scale, in [-100, 100].

    Args:
        encoded: numbers in [-3, 3], of any shape.

    Returns:
        Array of the same shape.
    """
    most = FAR / np.sqrt(1.0 + (FAR / EDGE) ** 2)
    bounded = np.clip(encoded, -most, most)
    return np.asarray(bounded / np.sqrt(1.0 - (bounded / EDGE) ** 2))
