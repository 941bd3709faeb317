"""How long and how fast to train, chosen from the size of the table alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from covey.arguments.numbers import is_number
from covey.errors import InputError, shown
from covey.types import Array, Counts

LEAST_STEPS, STEPS_PER_ROW, MOST_STEPS = 2000, 0.15, 8000
PATIENCE = (0.1, 0.3)
SMALLEST_BATCH, LARGEST_BATCH = 32, 256
WIDE = 325  # outputs from which on batches become smaller: those of a Student-t of 24 targets


@dataclass(frozen=True)
class Recipe:
    """How long and how fast to train.

    Attributes:
        max_steps: gradient steps at most.
        batch_size: rows per member and step.
        learning_rate: its peak, after the warm-up; it decays along a half cosine.
        weight_decay: of AdamW, relative to the learning rate.
        patience: least and largest share of `max_steps` without improvement after which a member
            is done; in between it is half of the steps until its best.
        max_time: seconds after which training stops, or None.

    Raises:
        InputError: an attribute lies outside its range.
    """

    max_steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    patience: tuple[float, float]
    max_time: float | None

    def __post_init__(self) -> None:
        for name, least in (
            ("max_steps", 1),
            ("batch_size", 1),
            ("learning_rate", 0),
            ("weight_decay", 0),
            ("max_time", 0),
        ):
            value = getattr(self, name)
            whole = name in ("max_steps", "batch_size")
            if value is None and name == "max_time":
                continue
            if not is_number(value, whole=whole) or not least <= value < np.inf:
                raise InputError(
                    f"`{name}` must be a number of at least {least}, finite"
                    f"{' and whole' if whole else ''}. Received: {name}={shown(value)}."
                )

    @classmethod
    def for_table(
        cls,
        n_rows: int,
        n_targets: int,
        *,
        learning_rate: float,
        weight_decay: float,
        max_steps: int | None = None,
        batch_size: int | None = None,
        max_time: float | None = None,
        passes: float = 0.0,
        outputs: int | None = None,
    ) -> Recipe:
        """The recipe for a table of that size.

        Small tables want steps, not epochs. With many targets a row costs much, so that batches
        become smaller.

        Args:
            n_rows: N.
            n_targets: D.
            learning_rate: its peak.
            weight_decay: of AdamW.
            max_steps: given by the user, or None.
            batch_size: given by the user, or None.
            max_time: in seconds, or None.
            passes: how often a member should see each row at least, unless the user says how many
                steps.
            outputs: width of the network's output; by default that of a Student-t.

        Returns:
            The recipe.
        """
        width = n_targets * (n_targets + 3) / 2 + 1 if outputs is None else outputs
        most = LARGEST_BATCH * min(WIDE / width, 1.0)
        rows = 2 ** round(np.log2(max(min(n_rows / 8, most), SMALLEST_BATCH)))
        steps = min(LEAST_STEPS + int(STEPS_PER_ROW * n_rows) // 100 * 100, MOST_STEPS)
        batch_size = rows if batch_size is None else batch_size
        if passes and is_number(batch_size, whole=True) and batch_size > 0:
            steps = max(steps, math.ceil(passes * n_rows / batch_size))
        return cls(
            max_steps=steps if max_steps is None else max_steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            patience=PATIENCE,
            max_time=max_time,
        )

    def waits(self, best_steps: Counts) -> Array:
        """How many steps without improvement members wait, given the step of their best, (K,)."""
        least, most = self.max_steps * np.array(self.patience)
        return np.clip(best_steps / 2, least, most)
