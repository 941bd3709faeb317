"""`covey[jax]`, `[tensorflow]` or `[torch]`: a small fit, a file, and the same from it."""

import numpy as np

import covey

r = np.random.default_rng(0)
X = r.normal(size=(80, 2))
Y = X + r.normal(size=(80, 2)) @ [[1.0, 0.8], [0.0, 0.6]]
model = covey.JointRegressor("normal", members=2, max_steps=20, random_state=0, verbose=0)
model.fit(X, Y)
joint = model.predict_distribution(X)
assert joint.correlation[:, 0, 1].mean() > 0.2
model.save("model.covey")
np.testing.assert_array_equal(covey.load("model.covey").predict(X), joint.mean)
