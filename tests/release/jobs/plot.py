"""`covey[plot]`: a picture."""

import sys
from importlib.util import find_spec

import matplotlib

matplotlib.use("Agg")
import covey

assert find_spec("jax") is None
assert find_spec("jinja2") is None
joint = covey.MultivariateNormal([[0.0, 1.0]], covariance=[[[1.0, 0.5], [0.5, 2.0]]])
covey.plot.ellipses(joint, y=[[0.5, 0.5]]).figure.savefig("ellipses.png")
covey.plot.pairs(joint)[0, 0].figure.savefig("pairs.png")
covey.load(sys.argv[1])
