"""Rounded and repeated targets: noise of their own width, so that no density rests on a tie.

A density has no limit at a value that comes again and again: a component narrower than the rounding
of a target raises it for ever and tells nothing. So a mixture learns, stops and is chosen by values
to which even noise as wide as their rounding was added once (dequantisation: Theis, van den Oord,
Bethge 2016, A note on the evaluation of generative models, arXiv 1511.01844).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from covey.types import Array, Mask

LEAST = 1e-6  # of a standard deviation: steps below are no rounding
COARSE = 0.02  # of a standard deviation: from there on a step explains all ties
HEAPED = 0.002  # share of rows from which on a value that comes again is a heap,
LEAST_HEAP = 5  # and number of rows
WIDEST = 0.2  # of a standard deviation, of the noise on heaps
MOST_ROUNDS = 40  # of Euclid's algorithm


@dataclass(frozen=True)
class Rounding:
    """How wide the noise on each value of D targets is.

    A value that far more rows have than rounding explains (an amount of 0, say) is a heap: its
    noise reaches half as many rows of other values on the side where they are nearer, but is not
    wider than a fifth of a standard deviation.

    Attributes:
        steps: of rounding, shape (D,), in target units; 0 for none.
        heaps: for each target the values that are heaps, and the width of noise on each.
        coarse: which targets are rounded so coarsely that it is worth a word, shape (D,).
    """

    steps: Array
    heaps: tuple[tuple[Array, Array], ...]
    coarse: Mask

    @classmethod
    def of(cls, Y: Array) -> Self:
        """Find it in rows of targets, shape (N, D), in target units; NaN where not observed."""
        columns = [column[~np.isnan(column)] for column in Y.T]
        steps = np.array([step_of(values) for values in columns])
        heaps = [_heaps(values, step) for values, step in zip(columns, steps, strict=True)]
        spreads = np.array([values.std() if len(values) else 0.0 for values in columns])
        return cls(steps, tuple(heaps), (steps > 0) & (steps >= COARSE * spreads))

    def spread(self, Y: Array, generator: np.random.Generator) -> Array:
        """Targets with even noise as wide as their rounding; of continuous ones with none.

        Args:
            Y: shape (N, D), in target units; NaN where not observed.
            generator: source of the noise.

        Returns:
            Array of shape (N, D), in target units.
        """
        width = np.array(np.broadcast_to(self.steps, Y.shape))
        for target, (values, widths) in enumerate(self.heaps):
            if len(values):
                place = np.minimum(np.searchsorted(values, Y[:, target]), len(values) - 1)
                heaped = values[place] == Y[:, target]
                width[heaped, target] = widths[place[heaped]]
        return np.asarray(Y + width * (generator.random(Y.shape) - 0.5))


def step_of(values: Array) -> float:
    """The largest step of which all differences are multiples; 0 if it is no rounding.

    Args:
        values: of one target, shape (N,), in target units; none is NaN.

    Returns:
        The step, in target units, found by Euclid's algorithm.
    """
    distinct = np.unique(values)
    if len(distinct) < 2:
        return 0.0
    least = LEAST * float(values.std())
    gaps = np.diff(distinct)
    step = float(gaps.min())
    for _ in range(MOST_ROUNDS):
        if step <= least:
            return 0.0
        rest = np.abs(gaps - step * np.round(gaps / step))
        left = rest[rest > least]
        if not len(left):
            return step
        step = float(left.min())
    return 0.0


def _heaps(values: Array, step: float) -> tuple[Array, Array]:
    """The heaps among the values of one target, ascending, and the width of the noise on each."""
    none = np.zeros(0), np.zeros(0)
    spread = float(values.std()) if len(values) > 1 else 0.0
    if not spread or step >= COARSE * spread:
        return none
    ordered = np.sort(values)
    distinct, counts = np.unique(values, return_counts=True)
    heaped = counts >= max(LEAST_HEAP, HEAPED * len(values))
    found, counts = distinct[heaped], counts[heaped]
    first = np.searchsorted(ordered, found)
    below = found - ordered[np.maximum(first - counts // 2, 0)]
    last = np.minimum(first + counts + counts // 2, len(ordered) - 1)
    above = ordered[last] - found
    # the nearer ones: on the other side there may be nothing, or a far outlier alone
    nearer = np.where((below > 0) & (above > 0), np.minimum(below, above), below + above)
    reach = 2 * nearer
    return found, np.maximum(np.minimum(reach, WIDEST * spread), step)
