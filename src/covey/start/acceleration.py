"""Expectation-maximisation (EM) in pairs of steps, accelerated by extrapolation."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from covey.types import Array

Step = Callable[[Array], tuple[float, Array]]
Landing = Callable[[Array, Array], Array]


def pairs_of_steps(
    step: Step, state: Array, *, landing: Landing, longest: float
) -> Iterator[tuple[Array, Array, Array]]:
    """Take EM steps in pairs, each pair from where the last one leads.

    What the second step of a pair turns away from the first tells how far the two lead: to
    state + 2 a r + a^2 v, with r the first step, v the second less the first, and a = |r| / |v|.

    Args:
        step: takes a state of any shape; returns (objective there, next state). Where the objective
            has fallen since the second state of the last pair, the leap is undone.
        state: where to start.
        landing: takes where a leap leads and the state that the pair came to; returns where to go
            on from.
        longest: bound of a.

    Yields:
        (state before, after one step, after two); the caller says when to stop.

    References:
        Varadhan, Roland (2008), Simple and globally convergent methods for accelerating the
        convergence of any EM algorithm, doi 10.1111/j.1467-9469.2007.00585.x.
    """
    least, second = -np.inf, state
    while True:
        objective, first = step(state)
        if objective < least:  # too far
            state = second
            _, first = step(state)
        least, second = step(first)
        yield state, first, second
        change = first - state
        turn = second - first - change
        far, bend = float(np.linalg.norm(change)), float(np.linalg.norm(turn))
        length = min(far / bend, longest) if bend > 0 else 1.0
        if length > 1:
            state = landing(state + 2 * length * change + length**2 * turn, second)
        else:
            state = second
