"""How the families of a fit are trained: from which linear start, and which after which."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from covey.arguments.family import AUTO, LOW_RANK, MIXTURE, NORMAL, STUDENT_T
from covey.errors import InputError, shown
from covey.families.internals import raw_outputs
from covey.families.student_t import START
from covey.members.architecture import Architecture
from covey.start.covariance import residual_factor
from covey.start.full import LinearModel
from covey.start.low_rank import LowRankLinearModel, residual_factors
from covey.start.ridge import Ridge
from covey.start.start import LinearStart
from covey.types import Array

MANY = 100  # targets from which on "auto" is of low rank; up to there full covariances score better
MOST_FACTORS, LEAST_FACTORS = 24, 8
ROWS_FOR_SHAPES, TARGETS_FOR_SHAPES = 400, 32  # fewer rows tell too little of a shape
STEPS_FOR_SHAPES = 500
MOST_LOADINGS = 12_000  # by which a network can be wide, and still take its steps in a second


class Plan(ABC):
    """How the families of a fit are trained.

    Attributes:
        normal: whether a normal is to be trained too, that starts from a Student-t.
        mixture: whether a mixture of Student-t components is to be trained too.
    """

    normal: bool
    mixture: bool

    @abstractmethod
    def architecture(self, architecture: Architecture) -> Architecture:
        """The given architecture, with the family that is trained first."""

    @abstractmethod
    def start(self, ridge: Ridge) -> LinearStart:
        """The linear start of a member."""

    @abstractmethod
    def constant_covariance(self, ridge: Ridge) -> dict[str, Array]:
        """The normal covariance of the simplest mean's residuals, as arrays of a start."""

    @abstractmethod
    def weights(
        self, architecture: Architecture, linear: Sequence[Any], seed: int
    ) -> list[NDArray[np.float32]] | None:
        """Weights to start from; None for the standard distribution of whitened residuals."""


@final
@dataclass(frozen=True)
class FullPlan(Plan):
    """A Student-t with any scale matrix, and perhaps a normal that starts from it, and a mixture.

    Attributes:
        first: the family that is trained first: the Student-t, or the mixture alone.
    """

    normal: bool = False
    mixture: bool = False
    first: str = STUDENT_T

    def architecture(self, architecture: Architecture) -> Architecture:
        """See `Plan`."""
        if self.first == MIXTURE:
            return architecture.as_mixture()
        return replace(architecture, family_name=STUDENT_T)

    def start(self, ridge: Ridge) -> LinearStart:
        """See `Plan`."""
        return LinearModel.of(ridge, START)

    def constant_covariance(self, ridge: Ridge) -> dict[str, Array]:
        """See `Plan`."""
        return {"residual_scale_tril": residual_factor(ridge.simple_residuals, ridge.weight)}

    def weights(self, architecture: Architecture, linear: Sequence[Any], seed: int) -> None:
        """See `Plan`."""


@final
@dataclass(frozen=True)
class LowRankPlan(Plan):
    """A normal with a low-rank covariance, alone.

    Attributes:
        rank: R, the number of factors.
    """

    rank: int
    normal: bool = False
    mixture: bool = False

    def architecture(self, architecture: Architecture) -> Architecture:
        """See `Plan`."""
        return replace(architecture, family_name=LOW_RANK, rank=self.rank)

    def start(self, ridge: Ridge) -> LinearStart:
        """See `Plan`."""
        return LowRankLinearModel.of(ridge, self.rank)

    def constant_covariance(self, ridge: Ridge) -> dict[str, Array]:
        """See `Plan`."""
        return residual_factors(ridge.simple_residuals, ridge.weight, self.rank)

    def weights(
        self, architecture: Architecture, linear: Sequence[Any], seed: int
    ) -> list[NDArray[np.float32]]:
        """See `Plan`."""
        parts = [(s.residual_specific, s.residual_loadings) for s in linear]
        own, loadings = map(np.stack, zip(*parts, strict=True))
        head = raw_outputs(architecture.family, np.zeros_like(own), own, loadings)
        return architecture.initial_weights(np.random.default_rng(seed), head)


def plan_of(
    family: str,
    rank: int | None,
    n_targets: int,
    n_rows: int,
    max_steps: int | None = None,
) -> Plan:
    """The plan for the family that a user asks for.

    Args:
        family: "auto", "normal", "student_t", "mixture" or "low_rank".
        rank: of the factors, for "low_rank"; None for the default.
        n_targets: D.
        n_rows: N; "auto" tries a mixture from 400 on, and up to 32 targets. 0 where targets have
            gaps: a factorisation for each component and row takes too long.
        max_steps: given by the user, or None; below 500 "auto" tries no mixture, whose components
            have hardly parted by then.

    Returns:
        The plan.

    Raises:
        InputError: a rank is asked for where there is none, or it is out of range.
    """
    low = family == LOW_RANK or (family == AUTO and n_targets >= MANY)
    if rank is not None and family != LOW_RANK:
        raise InputError(
            f"`rank` is for family='low_rank' alone. Received: rank={shown(rank)}, "
            f"family={shown(family)}."
        )
    if family == MIXTURE:
        return FullPlan(first=MIXTURE)
    if not low:
        enough = n_rows >= ROWS_FOR_SHAPES and n_targets <= TARGETS_FOR_SHAPES
        enough = enough and (max_steps is None or max_steps >= STEPS_FOR_SHAPES)
        return FullPlan(family in (AUTO, NORMAL), family == AUTO and enough)
    return LowRankPlan(default_rank(n_targets) if rank is None else rank)


def default_rank(n_targets: int) -> int:
    """The number of factors by default: a quarter of the targets, at most 24 and 12,000 / D.

    With fewer they explain too little of constant covariances, with more they cost too much.
    """
    affordable = max(MOST_LOADINGS // n_targets, LEAST_FACTORS)
    return max(min(n_targets // 4, MOST_FACTORS, affordable), 1)
