"""A Student-t and a mixture side by side: what is far behind early on is not trained further."""

from __future__ import annotations

import sys

import numpy as np

from covey.arguments.family import AUTO, MIXTURE
from covey.start.rounding import Rounding
from covey.table.training_data import TrainingData

FROM = 0.2  # share of the steps after which the two are compared
LEAD = 0.03  # nats per target: on no table tried has one that was so far behind caught up


def worth_alone(
    name: str, student: float, mixture: float, data: TrainingData, *, verbose: int
) -> str:
    """Which of the two alone is worth going on with.

    Args:
        name: of the other family than the mixture.
        student: its out-of-fold score after so many steps, in nats per row.
        mixture: that of the mixture, which is scored on targets without ties.
        data: the rows that both are scored on.
        verbose: 0 says nothing.

    Returns:
        The name of one, or "auto" for both: if they are close, or targets are rounded such that the
        two scores tell nothing of each other.
    """
    rounding = Rounding.of(data.Y)
    if rounding.coarse.any() or any(len(values) for values, _ in rounding.heaps):
        return AUTO
    lead = (mixture - student) / len(data.targets)
    if np.isnan(lead) or abs(lead) <= LEAD:
        return AUTO
    best, other = (MIXTURE, name) if lead > 0 else (name, MIXTURE)
    if verbose:
        print(
            f"covey: {other} is not trained further: {abs(lead):.3f} nats per target behind {best} "
            f"after {FROM:.0%} of the steps",
            file=sys.stderr,
        )
    return best
