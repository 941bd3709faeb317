"""Treeffuser with its defaults: boosted trees that learn a diffusion, and give samples.

It stops early on a tenth of its rows by itself. Sampling costs more than fitting: 200 samples of
each row, down to 10 where there are many rows and targets.
"""

import numpy as np
from treeffuser import Treeffuser
from worker import Job

SAMPLES, MOST_DRAWS = 200, 100_000
job = Job()
job_size = len(job.X_test) * job.Y.shape[1]
count = int(np.clip(MOST_DRAWS // job_size, 10, SAMPLES))


def fit():
    return Treeffuser(seed=job.seed, n_jobs=job.threads).fit(job.X, job.standardised)


def predict(model, X):
    samples = model.sample(X, n_samples=count, n_parallel=count, seed=job.seed)
    return {"samples": np.asarray(samples).reshape(count, len(X), -1)}


job.run(fit, predict, f"{count} samples of each row")
