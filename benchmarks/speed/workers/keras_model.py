"""A Keras model that ends in Covey's head; or the floor, which is as wide and learns by plain MSE.

A new way to train is one more function in `WAYS`; Covey and the floor are trained alike.
"""

from answers import ADAM, PREDICTED_AT_ONCE, serve, training  # isort: skip

import numpy as np

import covey
from covey.backend.select import keras
from covey.layers import DistributionHead
from covey.losses import NegativeLogLikelihood

STEPS = 32  # in one execution


def fit(model, loss, X, Y, batch):
    """As most people write it."""
    model.compile(keras.optimizers.Adam(ADAM), loss=loss)
    return lambda epochs: model.fit(X, Y, epochs=epochs, batch_size=batch, verbose=0)


def fit_steps(model, loss, X, Y, batch):
    """With what Keras itself offers for speed."""
    model.compile(keras.optimizers.Adam(ADAM), loss=loss, steps_per_execution=STEPS)
    return lambda epochs: model.fit(X, Y, epochs=epochs, batch_size=batch, verbose=0)


def fit_covey(model, loss, X, Y, batch):
    """With what Covey offers for speed."""
    model.compile(keras.optimizers.Adam(ADAM), loss=loss)
    return lambda epochs: covey.fit(model, X, Y, epochs=epochs, batch_size=batch, verbose=0)


WAYS = {"fit": fit, "steps": fit_steps, "covey": fit_covey}


def squares(y, outputs):
    """Plain MSE; what has no target is to be zero, so that the data are the same for all."""
    wide = keras.ops.pad(y, ((0, 0), (0, outputs.shape[-1] - y.shape[-1])))
    return keras.ops.mean(keras.ops.square(outputs - wide), axis=-1)


def family_of(job, d):
    if job.get("rank"):
        return covey.families.LowRankNormal(d, job["rank"])
    return covey.families.Normal(d)


def device():
    if keras.config.backend() == "jax":
        import jax

        return jax.devices()[0].device_kind
    return "cpu"


def make(job, X, Y):
    keras.utils.set_random_seed(0)
    family = family_of(job, Y.shape[1])
    inputs = hidden = keras.Input((X.shape[1],))
    for units in job["hidden"]:
        hidden = keras.layers.Dense(units, activation="relu")(hidden)
    floor = job["head"] != "normal"
    if floor:
        head, loss = keras.layers.Dense(family.packed_size), squares
    else:
        head, loss = DistributionHead(family), NegativeLogLikelihood(family)
    if job["head"] == "wide":
        Y, loss = np.pad(Y, ((0, 0), (0, family.packed_size - Y.shape[1]))), "mse"
    model = keras.Model(inputs, head(hidden))

    def predict():
        outputs = model.predict(X, batch_size=PREDICTED_AT_ONCE, verbose=0)
        if floor:
            return outputs
        joint = family.distribution(outputs)
        return joint.mean, joint.covariance if job.get("covariance", True) else None

    train = WAYS[job["way"]](model, loss, X, Y, job["batch"])
    return {"engine": keras.config.backend(), "device": device()}, train, predict


PACKAGES = ("covey", "keras", "jax", "tensorflow", "torch", "numpy")
prepare = training(make)

if __name__ == "__main__":
    serve(prepare, PACKAGES)
