"""`covey[xarray]`: predictions with named dimensions, and back."""

from importlib.util import find_spec

import numpy as np

import covey

assert find_spec("jax") is None
joint = covey.MultivariateNormal(
    [[0.0, 1.0]], covariance=[[[1.0, 0.5], [0.5, 2.0]]], targets=["a", "b"]
)
there = covey.MultivariateNormal.from_frame(joint.to_xarray())
np.testing.assert_allclose(there.covariance, joint.covariance)
