"""Pictures of joint distributions, on matplotlib (`pip install "covey[plot]"`).

Every function takes distributions and, where it needs them, observations; draws on the axes it is
given, or on a new figure; and returns the axes. Nothing global is changed and nothing is shown or
closed. Colours of data are fixed and meant for white and dark backgrounds alike; text, axes and
neutral lines take the colours of the axes, so that `matplotlib.rc_context` recolours them.
"""

from covey.plot.checks import calibration_curve, observed_vs_predicted, pit_histograms
from covey.plot.covariances import aleatoric_vs_epistemic, correlation_heatmap
from covey.plot.regions import ellipses, pairs

__all__ = [
    "aleatoric_vs_epistemic",
    "calibration_curve",
    "correlation_heatmap",
    "ellipses",
    "observed_vs_predicted",
    "pairs",
    "pit_histograms",
]


def __dir__() -> list[str]:
    return __all__
