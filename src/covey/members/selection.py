"""Which of the families that were trained is kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from covey.arguments.family import MIXTURE
from covey.backend import processes
from covey.members.candidates import Candidate, without_ties
from covey.table.training_data import TrainingData

SURE = 2.0  # standard errors by which a mixture must be ahead
LEAST_GAIN = 0.01  # nats per target: less is not worth what so many components cost


def better(candidates: Sequence[Candidate], data: TrainingData, seed: int) -> Candidate:
    """The candidate of the best score; a mixture must be ahead of the others beyond chance.

    It is compared with the best of them on targets without ties, which a density cannot be driven
    up on: see `start.rounding`.

    Args:
        candidates: at least one.
        data: the rows that they are scored on.
        seed: of the noise on rounded targets.

    Returns:
        One of them.
    """
    others = [candidate for candidate in candidates if candidate.family != MIXTURE]
    shapes = [candidate for candidate in candidates if candidate.family == MIXTURE]
    if not others or not shapes:
        return max(candidates, key=lambda candidate: candidate.score)
    best = max(others, key=lambda candidate: candidate.score)
    return shapes[0] if processes.agreed(_is_ahead(shapes[0], best, data, seed)) else best


def _is_ahead(mixture: Candidate, other: Candidate, data: TrainingData, seed: int) -> bool:
    """Whether a mixture gains more than chance: over all rows, and from member to member."""
    rows = data.folds.held_out
    spread = without_ties(data, seed).Y[rows]
    gain = mixture.out_of_fold.log_prob(spread) - other.out_of_fold.log_prob(spread)
    weight = data.weight[rows] / data.weight[rows].sum()
    mean = float(weight @ gain)
    error = float(np.sqrt(np.square(weight * (gain - mean)).sum()))
    place = np.full(len(data.Y), -1)
    place[rows] = np.arange(len(rows))
    folds = [place[test] for test in data.folds.tests]
    counted = [one for one in folds if weight[one].sum() > 0]
    means = np.array([gain[one] @ weight[one] / weight[one].sum() for one in counted])
    if len(means) > 1:  # rows of one fold may be alike
        error = max(error, float(means.std(ddof=1) / np.sqrt(len(means))))
    per_row = float(weight @ (~np.isnan(spread)).sum(axis=1))
    return bool(mean > max(SURE * error, LEAST_GAIN * per_row))
