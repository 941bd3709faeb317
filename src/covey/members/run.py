"""What the trainings of one fit have in common, beside what they learn from."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from covey.members.callbacks import for_estimator
from covey.members.interruption import Interruption


@dataclass(frozen=True)
class Run:
    """Seed, clock, callbacks and progress bar of a fit.

    Attributes:
        seed: of the initial weights, the batches and the dropout.
        started: `time.monotonic()` from which the `max_time` of a recipe counts; now by default.
        callbacks: Keras callbacks of the user: one, several or None. An "epoch" is the time from
            one validation to the next. They see the model as it is, and what they change counts;
            those for batches have steps taken one by one, which is slower.
        verbose: 0 is silent, 1 shows a progress bar.
        interruption: whether Ctrl-C asked for the end.
    """

    seed: int = 0
    started: float = field(default_factory=time.monotonic)
    callbacks: Any = None
    verbose: int = 0
    interruption: Interruption = field(default_factory=Interruption)

    @classmethod
    def of(cls, parameters: Mapping[str, Any], *, seed: int, started: float) -> Self:
        """The run that a `JointRegressor` asks for.

        Args:
            parameters: those of the estimator, by name.
            seed: as above.
            started: as above.

        Returns:
            The run.

        Raises:
            InputError: a callback cannot be used; the message says why.
        """
        callbacks = for_estimator(parameters["callbacks"])
        return cls(seed, started, callbacks, int(bool(parameters["verbose"])))
