"""The names of the families: what people write, what files hold."""

from __future__ import annotations

from typing import Any

from covey.errors import InputError, shown

AUTO = "auto"  # the one that scores best, or the one for many targets
NORMAL, STUDENT_T, LOW_RANK, MIXTURE = "normal", "student_t", "low_rank", "mixture"
CHOICES = (AUTO, NORMAL, STUDENT_T, MIXTURE, LOW_RANK)


def check_family(family: Any) -> None:
    """Refuse what is no family to ask for.

    Args:
        family: the parameter of the `JointRegressor`.

    Raises:
        InputError: it is none of `CHOICES`.
    """
    if family not in CHOICES:
        raise InputError(
            f"`family` must be one of {', '.join(map(repr, CHOICES))}. "
            f"Received: family={shown(family)}."
        )
