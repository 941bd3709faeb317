"""LightGBM, one model for each target, and the covariance of out-of-fold residuals.

With the argument "blocks" the folds are contiguous blocks of the rows as they stand.
"""

import sys

from boosted_means import cross_fitted, cross_fitted_in_blocks, predict_all
from worker import Job, constant_covariance

job = Job()


def fit():
    way = cross_fitted_in_blocks if "blocks" in sys.argv[3:] else cross_fitted
    models, held_out = way(job)
    return models, job.standardised - held_out


def predict(model, X):
    models, residuals = model
    return {
        "mean": predict_all(models, X),
        "scale_tril": constant_covariance(residuals, len(X)),
        "residuals": residuals,
    }


job.run(fit, predict)
