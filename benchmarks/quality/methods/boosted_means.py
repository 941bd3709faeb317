"""One boosted model of LightGBM for each target, and what it leaves of rows it has not seen."""

import lightgbm
import numpy as np

MOST_ROUNDS, PATIENCE, LEARNING_RATE = 2000, 50, 0.05
STAGES = (25, 50, 100, 200, 400, 800)  # rounds


def _regressor(job, rounds):
    return lightgbm.LGBMRegressor(
        n_estimators=rounds,
        learning_rate=LEARNING_RATE,
        random_state=job.seed,
        n_jobs=job.threads,
        verbosity=-1,
    )


def rounds_of(job):
    """How many rounds each target wants: those that are best on the validation rows."""
    (X, Y), (X_held, Y_held) = job.parts()
    stop = lightgbm.early_stopping(PATIENCE, verbose=False)
    found = []
    for d in range(Y.shape[1]):
        model = _regressor(job, MOST_ROUNDS)
        model.fit(X, Y[:, d], eval_set=[(X_held, Y_held[:, d])], callbacks=[stop])
        found.append(max(model.best_iteration_, 1))
    return found


def fit_all(job, rows, rounds):
    """The models of all targets, fitted to some of the training rows."""
    Y = job.standardised
    return [_regressor(job, r).fit(job.X[rows], Y[rows, d]) for d, r in enumerate(rounds)]


def predict_all(models, X):
    """Their predictions, shape (N, D)."""
    return np.column_stack([model.predict(X) for model in models])


def cross_fitted(job):
    """(models of all rows, predictions of each training row by models that did not see it)."""
    rounds = rounds_of(job)
    held_out = np.empty_like(job.Y)
    for train, test in job.folds():
        held_out[test] = predict_all(fit_all(job, train, rounds), job.X[test])
    return fit_all(job, np.arange(len(job.X)), rounds), held_out


def cross_fitted_in_blocks(job):
    """The same, of blocks of the rows as they stand.

    Rounds are those of `STAGES` with the least squared error on blocks held out: rows drawn at
    random, or the latest alone, are a worse guide there.
    """
    Y = job.standardised
    staged = np.empty((len(STAGES), *Y.shape))
    for train, test in job.folds(blocks=True):
        for d, model in enumerate(fit_all(job, train, [max(STAGES)] * Y.shape[1])):
            for k, rounds in enumerate(STAGES):
                staged[k, test, d] = model.predict(job.X[test], num_iteration=rounds)
    best = np.mean((staged - Y) ** 2, axis=1).argmin(axis=0)
    held_out = np.column_stack([staged[k, :, d] for d, k in enumerate(best)])
    return fit_all(job, np.arange(len(job.X)), [STAGES[k] for k in best]), held_out
