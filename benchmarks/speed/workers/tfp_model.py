"""The well-known answer: a Keras 2 network that ends in TFP's MultivariateNormalTriL layer."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

from answers import ADAM, PREDICTED_AT_ONCE, serve, training  # isort: skip

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
import tf_keras


def make(job, X, Y):
    tf_keras.utils.set_random_seed(0)
    d = Y.shape[1]
    layer = tfp.layers.MultivariateNormalTriL
    model = tf_keras.Sequential(
        [
            *(tf_keras.layers.Dense(units, activation="relu") for units in job["hidden"]),
            tf_keras.layers.Dense(layer.params_size(d)),
            layer(d),
        ]
    )
    model.compile(
        tf_keras.optimizers.Adam(ADAM),
        loss=lambda y, joint: -joint.log_prob(y),
        jit_compile=job["xla"],
        steps_per_execution=job.get("steps", 1),
    )

    @tf.function(jit_compile=job["xla"])
    def moments(rows):
        joint = model(rows)
        return joint.mean(), joint.covariance()

    def predict():
        starts = range(0, len(X), PREDICTED_AT_ONCE)
        found = [moments(X[start : start + PREDICTED_AT_ONCE]) for start in starts]
        return [np.concatenate([part.numpy() for part in parts]) for parts in zip(*found)]  # noqa: B905

    def train(epochs):
        model.fit(X, Y, epochs=epochs, batch_size=job["batch"], verbose=0)

    accelerated = tf.config.list_physical_devices("GPU")
    return {"engine": "tensorflow", "device": "gpu" if accelerated else "cpu"}, train, predict


PACKAGES = ("tensorflow", "tensorflow-probability", "tf_keras", "numpy")
prepare = training(make)

if __name__ == "__main__":
    serve(prepare, PACKAGES)
