"""What a user holds: batches of distributions as frozen NumPy float64 value objects."""

from covey.distributions.elliptical import Elliptical
from covey.distributions.low_rank import LowRankMultivariateNormal
from covey.distributions.mixture import Mixture
from covey.distributions.normal import MultivariateNormal
from covey.distributions.region import Region
from covey.distributions.student_t import MultivariateT

__all__ = [
    "Elliptical",
    "LowRankMultivariateNormal",
    "Mixture",
    "MultivariateNormal",
    "MultivariateT",
    "Region",
]


def __dir__() -> list[str]:
    return __all__
