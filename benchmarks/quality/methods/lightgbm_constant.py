"""LightGBM, one model for each target, and the covariance of out-of-fold residuals.

With the argument "blocks" the folds are contiguous blocks of the rows as they stand.
"""

import sys

from boosted_means import cross_fitted, predict_all
from worker import Job, constant_covariance

job = Job()


def fit():
    models, held_out = cross_fitted(job, blocks="blocks" in sys.argv[3:])
    return models, job.standardised - held_out


def predict(model, X):
    models, residuals = model
    return {
        "mean": predict_all(models, X),
        "scale_tril": constant_covariance(residuals, len(X)),
        "residuals": residuals,
    }


job.run(fit, predict)
