"""Engression: a network that is trained on the energy score and gives samples.

Its defaults, which are 500 steps with all rows at 1e-4, and two settings at 1e-3 with batches of
256 rows and 200 epochs, or as many as make 5,000 steps; of the three, each stopped on the
validation rows, the best on these is kept.
"""

import numpy as np
import torch
from engression import engression
from worker import Job

SAMPLES = 200
BATCH, LEAST_EPOCHS, LEAST_STEPS = 256, 200, 5000
job = Job()
epochs = max(LEAST_EPOCHS, LEAST_STEPS * BATCH // len(job.X))
LONGER = {"lr": 1e-3, "batch_size": min(BATCH, len(job.X) // 4), "num_epochs": epochs}
SETTINGS = ({}, LONGER, {**LONGER, "hidden_dim": 200, "num_layer": 3})
torch.set_num_threads(job.threads)
torch.manual_seed(job.seed)
# a feature without any spread says nothing
X_VARIES = np.ptp(job.X[~job.validation], axis=0) > 0


def tensor(X):
    return torch.tensor(X[:, X_VARIES], dtype=torch.float32)


def fit():
    (X, Y), (X_held, Y_held) = job.parts()
    X, X_held = tensor(X), tensor(X_held)
    Y, Y_held = (torch.tensor(part, dtype=torch.float32) for part in (Y, Y_held))
    found = []
    for setting in SETTINGS:
        model = engression(X, Y, x_val=X_held, y_val=Y_held, verbose=False, **setting)
        loss = model.eval_loss(X_held, Y_held, loss_type="energy", sample_size=100)
        found.append((loss if np.isfinite(loss) else np.inf, model))
    return min(found, key=lambda pair: pair[0])[1]


def predict(model, X):
    drawn = model.sample(tensor(X), sample_size=SAMPLES)
    return {"samples": np.moveaxis(drawn.numpy(), -1, 0).reshape(SAMPLES, len(X), -1)}


job.run(fit, predict)
