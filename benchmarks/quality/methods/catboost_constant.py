"""CatBoost with its joint loss for several targets, and the covariance of out-of-fold residuals."""

import numpy as np
from catboost import CatBoostRegressor
from worker import Job, constant_covariance

job = Job()


def regressor(rounds):
    return CatBoostRegressor(
        loss_function="MultiRMSE",
        iterations=rounds,
        random_seed=job.seed,
        thread_count=job.threads,
        allow_writing_files=False,
        verbose=False,
    )


def fit():
    (X, Y), held = job.parts()
    stopped = regressor(1000).fit(X, Y, eval_set=held, early_stopping_rounds=50)
    rounds = max(stopped.tree_count_, 1)
    Y, residuals = job.standardised, np.empty_like(job.Y)
    for train, test in job.folds():
        model = regressor(rounds).fit(job.X[train], Y[train])
        residuals[test] = Y[test] - model.predict(job.X[test])
    return regressor(rounds).fit(job.X, Y), residuals


def predict(model, X):
    return {"mean": model[0].predict(X), "scale_tril": constant_covariance(model[1], len(X))}


job.run(fit, predict)
