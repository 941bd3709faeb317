"""The well-known answer: a small Keras 2 network that ends in TFP's MultivariateNormalTriL layer.

Two hidden layers of 24 and 12 units, Adam, at most 100 epochs of batches of 100, stopped early and
restored to the best epoch. Inputs and targets are standardised.
"""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
import tf_keras
from worker import Job

job = Job()
tf.config.threading.set_intra_op_parallelism_threads(job.threads)
tf.config.threading.set_inter_op_parallelism_threads(1)
tf_keras.utils.set_random_seed(job.seed)
CENTER = job.X.mean(axis=0)
SCALE = np.where(job.X.std(axis=0) > 0, job.X.std(axis=0), 1.0)


def inputs(X):
    return ((X - CENTER) / SCALE).astype(np.float32)


def fit():
    d = job.Y.shape[1]
    layer = tfp.layers.MultivariateNormalTriL
    model = tf_keras.Sequential(
        [
            tf_keras.layers.Dense(24, activation="relu"),
            tf_keras.layers.Dense(12, activation="relu"),
            tf_keras.layers.Dense(layer.params_size(d)),
            layer(d),
        ]
    )
    model.compile("adam", loss=lambda y, joint: -joint.log_prob(y))
    (X, Y), (X_held, Y_held) = job.parts()
    model.fit(
        inputs(X),
        Y.astype(np.float32),
        validation_data=(inputs(X_held), Y_held.astype(np.float32)),
        epochs=100,
        batch_size=100,
        verbose=0,
        callbacks=[tf_keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)],
    )
    return model


def predict(model, X):
    joint = model(inputs(X))
    return {"mean": joint.mean().numpy(), "scale_tril": joint.scale.to_dense().numpy()}


job.run(fit, predict)
