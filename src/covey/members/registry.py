"""The families that can be trained: for each name its Keras class, NumPy class and start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from covey import families
from covey.arguments.family import LOW_RANK, MIXTURE, NORMAL, STUDENT_T
from covey.distributions import (
    Elliptical,
    LowRankMultivariateNormal,
    Mixture,
    MultivariateNormal,
    MultivariateT,
)
from covey.distributions.internals import mixture_of_arrays
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
        read: makes one of `targets` and the arrays that `to_arrays` of the distribution gave.
    """

    family: type[Family]
    distribution: type[Elliptical] | type[Mixture]
    start: type[LinearStart]
    read: Callable[..., Any]


FAMILIES = {
    NORMAL: FamilyClasses(Normal, MultivariateNormal, LinearModel, MultivariateNormal),
    STUDENT_T: FamilyClasses(StudentT, MultivariateT, LinearModel, MultivariateT),
    MIXTURE: FamilyClasses(families.Mixture, Mixture, LinearModel, mixture_of_arrays),
    LOW_RANK: FamilyClasses(
        LowRankNormal, LowRankMultivariateNormal, LowRankLinearModel, LowRankMultivariateNormal
    ),
}
