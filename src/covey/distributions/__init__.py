"""What a user holds: batches of distributions as frozen NumPy float64 value objects.

`joint` has the methods that users call, `kind` what each kind of distribution computes for them,
and `internals` what the rest of the package asks of distributions.
"""

from covey.distributions.density_region import DensityRegion
from covey.distributions.elliptical import Elliptical
from covey.distributions.low_rank import LowRankMultivariateNormal
from covey.distributions.mixture import Mixture
from covey.distributions.normal import MultivariateNormal
from covey.distributions.region import Region
from covey.distributions.student_t import MultivariateT
from covey.distributions.transform import Clip, Log, Log1p, Sqrt
from covey.distributions.transformed import Transformed
from covey.distributions.transformed_region import TransformedRegion

__all__ = [
    "Clip",
    "DensityRegion",
    "Elliptical",
    "Log",
    "Log1p",
    "LowRankMultivariateNormal",
    "Mixture",
    "MultivariateNormal",
    "MultivariateT",
    "Region",
    "Sqrt",
    "Transformed",
    "TransformedRegion",
]


def __dir__() -> list[str]:
    return __all__
