"""Time per training step of an ensemble of K members: from look to look, looks included."""

from answers import clock, serve  # isort: skip

import time

import numpy as np

import covey
import covey.members.fitting
from covey.backend.select import keras


class Looks(keras.callbacks.Callback):
    """When each look at the held-out rows was over."""

    def __init__(self):
        super().__init__()
        self.times = []

    def on_epoch_end(self, epoch, logs=None):
        self.times.append(time.perf_counter())


def prepare(job):
    with np.load(job["data"]) as arrays:
        X, Y = arrays["X"], arrays["Y"]

    def repeat():
        looks = Looks()
        model = covey.JointRegressor(
            "student_t",  # one training only
            job["members"],
            hidden_units=job["hidden"],
            max_steps=job["max_steps"],
            callbacks=[looks],
            random_state=0,
            verbose=0,
        )
        seconds = clock(model.fit, X, Y)
        # the first is over once all is compiled
        times, steps = looks.times, job["max_steps"] / len(looks.times)
        each = (times[-1] - times[0]) / (steps * max(len(times) - 1, 1))
        return {"step_ms": round(1000 * each, 4), "looks": len(times), "fit_seconds": seconds}

    return {}, repeat


PACKAGES = ("covey", "keras", "jax", "numpy")

if __name__ == "__main__":
    serve(prepare, PACKAGES)
