"""Covey with its defaults, on the table as it is: one fit, its joint prediction and its mixture."""

import sys
import time

import numpy as np
import pandas as pd

import covey

source, target, table, *settings = sys.argv[1:]
with np.load(source) as arrays:
    Y, seed = arrays["Y_train"], int(arrays["seed"])
X, X_test = pd.read_parquet(table), pd.read_parquet(table.replace("train", "test"))
covey.JointRegressor  # what is imported on first use is not fitting  # noqa: B018
import covey.members.candidates  # noqa: E402

options = dict(pair.split("=") for pair in settings)
started = time.perf_counter()
model = covey.JointRegressor(
    random_state=seed, verbose=0, **{name: int(value) for name, value in options.items()}
).fit(X, Y)
fitted = time.perf_counter()
joint = model.predict_distribution(X_test)
predicted = time.perf_counter()


def arrays(distribution):
    """Of one normal or Student-t per row; of several, stacked, and what each weighs."""
    if not isinstance(distribution, covey.Mixture):
        return distribution.to_arrays()
    each = [component.to_arrays() for component in distribution.components]
    stacked = {name: np.stack([one[name] for one in each]) for name in each[0]}
    return stacked | {"weights": distribution.weights}


members = arrays(model.predict_mixture(X_test))
np.savez(
    target,
    **arrays(joint),
    **{f"mixture_{name}": array for name, array in members.items()},
    fit_seconds=fitted - started,
    predict_seconds=predicted - fitted,
    note=model.family_,
)
