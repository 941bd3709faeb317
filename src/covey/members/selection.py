"""Which of the families that were trained is kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from covey.arguments.family import MIXTURE, NORMAL
from covey.backend import processes
from covey.members.candidates import Candidate, without_ties
from covey.table.training_data import TrainingData

CHALLENGERS = (NORMAL, MIXTURE)  # in this order
SURE = {NORMAL: 1.0, MIXTURE: 2.0}  # standard errors by which it must be ahead of those before it
LEAST_GAIN = {NORMAL: 0.0, MIXTURE: 0.01}  # nats per target; so many components must be worth it


def better(candidates: Sequence[Candidate], data: TrainingData, seed: int) -> Candidate:
    """The Student-t, unless a normal or a mixture is ahead of it beyond chance.

    A Student-t comes as near to a normal as the rows ask for and loses little where they are
    normal; a normal that was chosen by chance loses much. So does a mixture.

    They are compared on targets without ties, which a density cannot be driven up on: see
    `start.rounding`.

    Args:
        candidates: at least one.
        data: the rows that they are scored on.
        seed: of the noise on rounded targets.

    Returns:
        One of them.
    """
    order = sorted(candidates, key=_turn)
    best = order[0]
    for candidate in order[1:]:
        if processes.agreed(_is_ahead(candidate, best, data, seed)):
            best = candidate
    return best


def _turn(candidate: Candidate) -> int:
    """When it is its turn: the challengers last."""
    family = candidate.family
    return 1 + CHALLENGERS.index(family) if family in CHALLENGERS else 0


def _is_ahead(one: Candidate, other: Candidate, data: TrainingData, seed: int) -> bool:
    """Whether the first gains more than chance: over all rows, and from member to member."""
    if not np.isfinite(other.score):
        return bool(np.isfinite(one.score))
    rows = data.folds.held_out
    spread = without_ties(data, seed).Y[rows]
    gain = one.out_of_fold.log_prob(spread) - other.out_of_fold.log_prob(spread)
    weight = data.weight[rows] / data.weight[rows].sum()
    mean = float(weight @ gain)
    error = float(np.sqrt(np.square(weight * (gain - mean)).sum()))
    place = np.full(len(data.Y), -1)
    place[rows] = np.arange(len(rows))
    folds = [place[test] for test in data.folds.tests]
    counted = [fold for fold in folds if weight[fold].sum() > 0]
    means = np.array([gain[fold] @ weight[fold] / weight[fold].sum() for fold in counted])
    if len(means) > 1:  # rows of one fold may be alike
        error = max(error, float(means.std(ddof=1) / np.sqrt(len(means))))
    per_row = float(weight @ (~np.isnan(spread)).sum(axis=1))
    return bool(mean > max(SURE[one.family] * error, LEAST_GAIN[one.family] * per_row))
