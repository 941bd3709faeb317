"""The network behind MAPIE's experimental multivariate score: a mean and a covariance per row.

Its own settings: 300 epochs of batches of 32, the weights of the best epoch. Inputs and targets are
standardised.
"""

import numpy as np
import torch
from mapie.experimental.conformity_scores.bounds.utils import Trainer
from worker import Job

job = Job()
torch.set_num_threads(job.threads)
torch.manual_seed(job.seed)
CENTER = job.X.mean(axis=0)
SCALE = np.where(job.X.std(axis=0) > 0, job.X.std(axis=0), 1.0)


def fit():
    (X, Y), (X_held, Y_held) = job.parts()
    network = Trainer(X.shape[1], Y.shape[1])
    network.fit((X - CENTER) / SCALE, Y, X_val=(X_held - CENTER) / SCALE, y_val=Y_held)
    return network


def predict(network, X):
    X = (X - CENTER) / SCALE
    mean, _ = network.get_distribution(X)
    covariance = np.asarray(network.get_covariance_matrix(X), dtype=np.float64)
    return {"mean": np.asarray(mean), "scale_tril": np.linalg.cholesky(covariance)}


job.run(fit, predict)
