"""What a user of one package waits for: imports, fits, cross-validation, one row, many rows.

The job says which package. Each gives mean and covariance of every row, or samples.
"""

from answers import clock, serve  # isort: skip

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "quality" / "methods"))
VALIDATION = 0.15  # share of the training rows on which some packages stop
AT_ONCE = 100_000  # rows that are predicted together
SAMPLES = 200


class Table:
    """Rows to fit, as the scripts of the benchmark of quality take them."""

    def __init__(self, X, Y):
        self.X, self.Y, self.seed, self.threads = X, Y, 0, 2
        self.center, self.scale = Y.mean(axis=0), Y.std(axis=0)
        self.validation = np.random.default_rng(0).random(len(X)) < VALIDATION

    @property
    def standardised(self):
        return (self.Y - self.center) / self.scale

    def parts(self):
        Y, held = self.standardised, self.validation
        return (self.X[~held], Y[~held]), (self.X[held], Y[held])

    def folds(self, count=5):
        order = np.random.default_rng(self.seed).permutation(len(self.X))
        for part in np.array_split(order, count):
            yield np.setdiff1d(order, part), part


def covey(**options):
    import covey
    import covey.members.fitting

    def fit(table):
        return covey.JointRegressor(random_state=0, verbose=0, **options).fit(table.X, table.Y)

    def predict(model, X):
        joint = model.predict_distribution(X)
        return joint.mean, joint.covariance

    return fit, predict


def lightgbm():
    from boosted_means import cross_fitted, predict_all

    def fit(table):
        models, held_out = cross_fitted(table)
        return models, np.cov((table.standardised - held_out).T)

    def predict(model, X):
        models, covariance = model
        return predict_all(models, X), np.repeat(covariance[None], len(X), axis=0)

    return fit, predict


def ngboost():
    from ngboost import NGBRegressor
    from ngboost.distns import MultivariateNormal

    def fit(table):
        (X, Y), (X_held, Y_held) = table.parts()
        return NGBRegressor(
            Dist=MultivariateNormal(Y.shape[1]),
            n_estimators=300,
            learning_rate=0.05,
            early_stopping_rounds=20,
            random_state=0,
            verbose=False,
        ).fit(X, Y, X_val=X_held, Y_val=Y_held)

    def predict(model, X):
        joint = model.pred_dist(X, max_iter=getattr(model, "best_val_loss_itr", None))
        return joint.mean(), np.asarray(joint.cov)

    return fit, predict


def xgboostlss():
    import xgboost as xgb
    from xgboostlss.distributions.MVN import MVN
    from xgboostlss.model import XGBoostLSS
    from xgboostlss_fit import moments

    def fit(table):
        (X, Y), (X_held, Y_held) = table.parts()
        model = XGBoostLSS(MVN(D=Y.shape[1], stabilization="L2", response_fn="exp"))
        rows = xgb.DMatrix(X, label=Y)
        model.train(
            {"eta": 0.1, "max_depth": 4, "seed": 0},
            rows,
            num_boost_round=500,
            evals=[(rows, "train"), (xgb.DMatrix(X_held, label=Y_held), "held")],
            early_stopping_rounds=20,
            verbose_eval=False,
        )
        return model, Y.shape[1]

    def predict(model, X):
        mean, factor = moments(model[0], X, model[1])
        return mean, factor @ factor.transpose(0, 2, 1)

    return fit, predict


def treeffuser():
    from treeffuser import Treeffuser

    def fit(table):
        return Treeffuser(seed=0, n_jobs=2).fit(table.X, table.standardised)

    def predict(model, X):
        return model.sample(X, n_samples=SAMPLES, n_parallel=SAMPLES, seed=0)

    return fit, predict


METHODS = {
    "covey": covey,
    "lightgbm": lightgbm,
    "ngboost": ngboost,
    "xgboostlss": xgboostlss,
    "treeffuser": treeffuser,
}
PACKAGES = ("covey", "keras", "jax", "numpy", "lightgbm", "ngboost", "scikit-learn", "xgboostlss")
PACKAGES += ("xgboost", "torch", "treeffuser")  # of which each environment has some


def prepare(job):
    begun = time.perf_counter()
    fit, predict = METHODS[job["package"]](**job["options"])
    imports = round(time.perf_counter() - begun, 3)
    features, targets = job["features"], job["targets"]

    def table(rows):
        r = np.random.default_rng(0)
        X = r.normal(size=(rows, features))
        mixing = np.tril(r.normal(size=(targets, targets)))
        noise = 0.3 * r.normal(size=(rows, targets)) @ mixing
        return Table(X, np.sin(2 * X[:, :targets]) + noise)

    small, searched = table(job["rows"]), table(job["searched"])
    first = clock(fit, small)
    model = fit(small)
    many = np.random.default_rng(1).normal(size=(job["many"], features))

    def crossed():
        for train, _ in searched.folds():
            fit(Table(searched.X[train], searched.Y[train]))

    def score():
        for at in range(0, len(many), AT_ONCE):
            predict(model, many[at : at + AT_ONCE])

    def repeat():
        ones = sorted(clock(predict, model, many[n : n + 1]) for n in range(job["single"]))
        return {
            "fit_seconds": clock(fit, small),
            "folds_seconds": clock(crossed),
            "row_seconds": ones[len(ones) // 2],
            "rows_per_second": round(len(many) / clock(score), 1),
        }

    return {"package_seconds": imports, "first_seconds": first}, repeat


if __name__ == "__main__":
    serve(prepare, PACKAGES)
