"""Means by LightGBM or ridge, and the covariance of the residuals of the nearest training rows.

Residuals are out of fold; each target has the mean that is better out of fold. The covariance of a
row is that of the residuals of its k nearest training rows, shrunk to that of all. How many, by
how much, and whether near is meant by standardised features or by predicted means, is what gives
the validation rows (from the other training rows) the best likelihood.
"""

import numpy as np
from boosted_means import cross_fitted, predict_all
from sklearn.linear_model import RidgeCV
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from worker import Job

COUNTS = (10, 20, 40, 80, 160, 320, 640, 1280)
SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)  # of the covariance of all; 1: constant
AT_ONCE = 256  # rows
job = Job()


def ridge():
    alphas = np.logspace(-3, 6, 28)
    return make_pipeline(StandardScaler(), RidgeCV(alphas=alphas, alpha_per_target=True))


def covariances(residuals, near, share, everyone):
    """Of the residuals of the rows in `near`, shape (N, k): shape (N, D, D)."""
    k = near.shape[1]
    found = np.empty((len(near), *everyone.shape))
    for start in range(0, len(near), AT_ONCE):
        some = residuals[near[start : start + AT_ONCE]]
        found[start : start + AT_ONCE] = np.einsum("nki,nkj->nij", some, some) / k
    return (1 - share) * found + share * everyone


def loss(residuals, covariance):
    """Mean negative log-likelihood of residuals, in nats per row, but for a constant."""
    factor = np.linalg.cholesky(covariance)
    z = np.linalg.solve(factor, residuals[..., None])[..., 0]
    return float(
        np.mean(np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(-1) + (z**2).sum(-1) / 2)
    )


def fit():
    Y = job.standardised
    models, boosted = cross_fitted(job)
    linear = np.empty_like(Y)
    for train, test in job.folds():
        linear[test] = ridge().fit(job.X[train], Y[train]).predict(job.X[test])
    trees = np.mean((Y - boosted) ** 2, axis=0) < np.mean((Y - linear) ** 2, axis=0)
    means = np.where(trees, boosted, linear)
    residuals = Y - means
    everyone = residuals.T @ residuals / len(residuals)
    everyone += 1e-6 * np.trace(everyone) / len(everyone) * np.eye(len(everyone))
    held, scaler = job.validation, StandardScaler().fit(job.X)
    best = (np.inf,)
    for kind, points in (("features", scaler.transform(job.X)), ("means", means)):
        others = NearestNeighbors().fit(points[~held])
        counts = [k for k in COUNTS if k <= np.sum(~held) // 2]
        near = others.kneighbors(points[held], max(counts), return_distance=False)
        for k in counts:
            for share in SHARES:
                tried = covariances(residuals[~held], near[:, :k], share, everyone)
                best = min(best, (loss(residuals[held], tried), kind, k, share))
    return models, ridge().fit(job.X, Y), trees, scaler, means, residuals, everyone, best


def predict(model, X):
    models, linear, trees, scaler, means, residuals, everyone, (_, kind, k, share) = model
    mean = np.where(trees, predict_all(models, X), linear.predict(X))
    if kind == "features":
        points, asked = scaler.transform(job.X), scaler.transform(X)
    else:
        points, asked = means, mean
    near = NearestNeighbors().fit(points).kneighbors(asked, k, return_distance=False)
    covariance = covariances(residuals, near, share, everyone)
    return {"mean": mean, "scale_tril": np.linalg.cholesky(covariance)}


job.run(fit, predict)
