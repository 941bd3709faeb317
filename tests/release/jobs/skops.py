"""`covey[skops]`: scikit-learn's regressors are kept as those of a `base` are."""

from importlib.util import find_spec

import numpy as np
from sklearn.linear_model import Ridge

from covey.archive import scikit_learn

assert find_spec("jax") is None
X = np.arange(12.0).reshape(6, 2)
ridge = Ridge().fit(X, X[:, :1] + 1)
(there,) = scikit_learn.from_bytes(scikit_learn.to_bytes([ridge]))
np.testing.assert_array_equal(there.predict(X), ridge.predict(X))
