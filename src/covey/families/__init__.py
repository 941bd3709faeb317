"""Families: what a network puts out, as a distribution.

A family knows the width of the output (`packed_size`), turns raw outputs into packed parameters
(`constrain`), gives their log-density in Keras ops on any backend (`log_prob`) and, outside the
network, the NumPy object a user holds (`distribution`). It touches only the last axis, whatever
stands in front: (rows, P) for a plain model, (rows, members, P) for an ensemble.
"""

from covey.families.low_rank import LowRankNormal
from covey.families.mixture import Mixture
from covey.families.normal import Normal
from covey.families.student_t import StudentT

__all__ = ["LowRankNormal", "Mixture", "Normal", "StudentT"]


def __dir__() -> list[str]:
    return __all__
