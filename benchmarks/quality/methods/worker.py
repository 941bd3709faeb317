"""What the scripts of all methods share: arrays in, timed, arrays out. NumPy alone."""

import sys
import time

import numpy as np


class Job:
    """One table to fit and to predict.

    Attributes:
        X, Y: training rows; X_test: rows to predict; validation: training rows to stop early on.
        seed, threads: integers.
        center, scale: mean and standard deviation of each target over the training rows.
    """

    def __init__(self):
        self.source, self.target = sys.argv[1:3]
        with np.load(self.source) as arrays:
            self.X, self.Y, self.X_test = (arrays[k] for k in ("X_train", "Y_train", "X_test"))
            self.validation = arrays["validation"]
            self.seed, self.threads = int(arrays["seed"]), int(arrays["threads"])
        self.center, self.scale = self.Y.mean(axis=0), self.Y.std(axis=0)
        self.scale = np.where(self.scale > 0, self.scale, 1.0)

    @property
    def standardised(self):
        return (self.Y - self.center) / self.scale

    def parts(self):
        """(X, Y) to fit on and (X, Y) to stop on, the targets standardised."""
        Y, held = self.standardised, self.validation
        return (self.X[~held], Y[~held]), (self.X[held], Y[held])

    def folds(self, count=5, *, blocks=False):
        """(train, test) rows, shuffled; or contiguous blocks of the rows as they stand."""
        order = np.arange(len(self.X))
        if not blocks:
            order = np.random.default_rng(self.seed).permutation(order)
        for part in np.array_split(order, count):
            yield np.setdiff1d(order, part), part

    def run(self, fit, predict, note=""):
        """fit() -> model; predict(model, X) -> arrays in standardised units.

        The arrays are `mean` (N, D) and `scale_tril` (N, D, D), or `samples` (S, N, D); and
        `residuals` (M, D) of training rows, if a method can say how good it takes itself to be.
        """
        started = time.perf_counter()
        model = fit()
        fitted = time.perf_counter()
        arrays = predict(model, self.X_test)
        predicted = time.perf_counter()
        arrays = {key: np.asarray(value, dtype=np.float64) for key, value in arrays.items()}
        for name in {"mean", "samples"} & arrays.keys():
            arrays[name] = arrays[name] * self.scale + self.center
        if "scale_tril" in arrays:
            arrays["scale_tril"] = arrays["scale_tril"] * self.scale[:, None]
        np.savez(
            self.target,
            **arrays,
            fit_seconds=fitted - started,
            predict_seconds=predicted - fitted,
            note=note,
        )


def constant_covariance(residuals, count):
    """The Cholesky factor of the covariance of residuals, repeated for each row."""
    covariance = np.atleast_2d(np.cov(residuals.T, bias=True))
    covariance += 1e-9 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    return np.repeat(np.linalg.cholesky(covariance)[None], count, axis=0)
