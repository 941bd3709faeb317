"""Many fits of one shape in one process: how often is compiled, and what memory stays."""

from answers import clock, memory_mb, serve  # isort: skip

import gc

import numpy as np

import covey
import covey.members.fitting
from covey.backend.select import keras

COMPILED = "/jax/core/compile/backend_compile_duration"


def count_compilations():
    """A list that grows by the seconds of each compilation; None where nobody tells."""
    if keras.config.backend() != "jax":
        return None
    import jax

    seconds = []

    def listen(event, duration, **_):
        if event == COMPILED:
            seconds.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    return seconds


def prepare(job):
    compiled = count_compilations()

    def one(seed):
        r = np.random.default_rng(seed)
        X = r.normal(size=(job["rows"], 3))
        Y = X[:, :2] + r.normal(size=(job["rows"], 2))
        model = covey.JointRegressor(
            job["family"],
            members=2,
            hidden_units=(8,),
            max_steps=job["max_steps"],
            random_state=seed,
            verbose=0,
        )
        model.fit(X, Y).predict_distribution(X)

    def repeat():
        found = {"seconds": [], "compilations": [], "memory_mb": []}
        for number in range(job["fits"]):
            before = len(compiled or ())
            found["seconds"].append(round(clock(one, number), 3))
            found["compilations"].append(None if compiled is None else len(compiled) - before)
            gc.collect()
            found["memory_mb"].append(memory_mb("VmRSS"))
        return found

    return {"facts": {"engine": keras.config.backend()}}, repeat


PACKAGES = ("covey", "keras", "jax", "numpy")

if __name__ == "__main__":
    serve(prepare, PACKAGES)
