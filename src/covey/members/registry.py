"""The families that can be trained: for each name its Keras class, NumPy class and start."""

from __future__ import annotations

from dataclasses import dataclass

from covey.arguments.family import LOW_RANK, NORMAL, STUDENT_T
from covey.distributions import (
    Elliptical,
    LowRankMultivariateNormal,
    MultivariateNormal,
    MultivariateT,
)
from covey.families import LowRankNormal, Normal, StudentT
from covey.families.family import Family
from covey.start.full import LinearModel
from covey.start.low_rank import LowRankLinearModel
from covey.start.start import LinearStart


@dataclass(frozen=True)
class FamilyClasses:
    """The three classes that a family consists of.

    Attributes:
        family: what turns the outputs of a network into parameters and log-densities, in Keras.
        distribution: what users hold, in NumPy.
        start: the linear model that members start from.
    """

    family: type[Family]
    distribution: type[Elliptical]
    start: type[LinearStart]


FAMILIES = {
    NORMAL: FamilyClasses(Normal, MultivariateNormal, LinearModel),
    STUDENT_T: FamilyClasses(StudentT, MultivariateT, LinearModel),
    LOW_RANK: FamilyClasses(LowRankNormal, LowRankMultivariateNormal, LowRankLinearModel),
}
