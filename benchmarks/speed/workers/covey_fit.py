"""`JointRegressor`: seconds of the first fit in a process and of the same fit once more."""

from answers import clock, serve  # isort: skip

import numpy as np

import covey
import covey.members.fitting  # what is imported on first use is not fitting


def prepare(job):
    with np.load(job["data"]) as arrays:
        X, Y, X_test, Y_test = (arrays[k] for k in ("X", "Y", "X_test", "Y_test"))

    def repeat():
        model = covey.JointRegressor(random_state=job["seed"], verbose=0, **job["settings"])
        seconds = clock(model.fit, X, Y)
        nll = -model.predict_distribution(X_test).log_prob(Y_test).mean()
        again = clock(model.fit, X, Y)
        return {
            "fit_seconds": seconds,
            "again_seconds": again,
            "nll": round(float(nll), 4),
            "note": model.family_,
        }

    return {}, repeat


PACKAGES = ("covey", "keras", "jax", "numpy")

if __name__ == "__main__":
    serve(prepare, PACKAGES)
