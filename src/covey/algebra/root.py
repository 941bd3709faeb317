"""Roots of many increasing functions at once."""

from collections.abc import Callable

import numpy as np
from scipy.optimize.elementwise import find_root

from covey.types import Array, Rows


def increasing_root(
    function: Callable[[Array], Array], low: Array, high: Array, *, accuracy: float = 1e-14
) -> Array:
    """Where increasing functions are zero, by Chandrupatla's method.

    Args:
        function: of an array of the shape of `low`, elementwise; at most 0 at `low`, at least 0 at
            `high`, up to rounding.
        low: lower ends of the brackets.
        high: upper ends.
        accuracy: of the roots, as a share of the bracket.

    Returns:
        The roots, of the shape of `low`.
    """
    width = high - low
    share = np.zeros(low.size)  # of each bracket, that lies below the newest guess

    def at(newest: Array, place: Rows) -> Array:
        # SciPy asks about the roots that are still sought; `function` answers for all
        share[place] = newest
        value = function(low + share.reshape(low.shape) * width).ravel()[place]
        # at its ends a bracket holds a root all the same where rounding says that it holds none
        value = np.where(newest == 0, np.minimum(value, 0.0), value)
        return np.where(newest == 1, np.maximum(value, 0.0), value)

    # each root is sought as a share of its own bracket, so that none depends on the others
    ends = np.zeros(low.size), np.ones(low.size)
    tolerances = {"xatol": accuracy, "xrtol": 0.0, "frtol": 0.0}
    found = find_root(at, ends, args=(np.arange(low.size),), tolerances=tolerances)
    return np.asarray(low + found.x.reshape(low.shape) * width)
