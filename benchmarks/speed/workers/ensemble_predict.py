"""`predict_distribution` of a fitted ensemble, or the bare forward pass of the same network."""

from answers import clock, serve  # isort: skip

import numpy as np

import covey
import covey.members.fitting
from covey.members.network import build, write_weights


def distribution(model, X):
    """What a user calls: a table in, means and covariances in target units out."""

    def predict():
        joint = model.predict_distribution(X)
        return joint.mean, joint.covariance

    return predict


def bare(model, X, batch):
    """Keras' own `predict` of the same members, on a matrix that is ready."""
    ensemble = model.ensemble_
    network = build(ensemble.architecture)
    write_weights(network, ensemble.weights)
    members = ensemble.architecture.members
    inputs = np.repeat(X[:, None].astype(np.float32), members, axis=1)
    return lambda: network.predict(inputs, batch_size=batch, verbose=0)


WAYS = {
    "distribution": distribution,
    "bare-256": lambda model, X: bare(model, X, 256),
    "bare-4096": lambda model, X: bare(model, X, 4096),
}


def prepare(job):
    with np.load(job["data"]) as arrays:
        X, Y = arrays["X"], arrays["Y"]
    model = covey.JointRegressor(
        job["family"],
        job["members"],
        hidden_units=job["hidden"],
        max_steps=job["max_steps"],
        random_state=0,
        verbose=0,
    ).fit(X[: job["fitted"]], Y[: job["fitted"]])
    predict = WAYS[job["way"]](model, X)
    first = clock(predict)

    def repeat():
        return {"predict_seconds": clock(lambda: [predict() for _ in range(job["passes"])])}

    repeat()
    return {"first_predict_seconds": first}, repeat


PACKAGES = ("covey", "keras", "jax", "numpy")

if __name__ == "__main__":
    serve(prepare, PACKAGES)
