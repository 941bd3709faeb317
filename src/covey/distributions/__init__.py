"""What a user holds: batches of distributions as frozen NumPy float64 value objects."""

from covey.distributions.mixture import NormalMixture
from covey.distributions.normal import MultivariateNormal

__all__ = ["MultivariateNormal", "NormalMixture"]
