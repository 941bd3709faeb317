"""XGBoostLSS with a multivariate normal: one fit, with the settings that the job says."""

from answers import clock, normal_nll, serve  # isort: skip

import numpy as np
import torch
import xgboost as xgb
from xgboostlss.distributions.MVN import MVN
from xgboostlss.model import XGBoostLSS


def prepare(job):
    with np.load(job["data"]) as arrays:
        X, Y, X_test, Y_test, held = (
            arrays[k] for k in ("X", "Y", "X_test", "Y_test", "validation")
        )
    center, scale = Y.mean(axis=0), Y.std(axis=0)
    Z, d = (Y - center) / scale, Y.shape[1]

    def fit(losses):
        model = XGBoostLSS(MVN(D=d, stabilization="L2", response_fn=job["response"]))
        rows = xgb.DMatrix(X[~held], label=Z[~held])
        model.train(
            {"eta": job["eta"], "max_depth": 4, "seed": job["seed"]},
            rows,
            num_boost_round=500,
            evals=[(rows, "train"), (xgb.DMatrix(X[held], label=Z[held]), "held")],
            early_stopping_rounds=20,
            verbose_eval=False,
            evals_result=losses,
        )
        return model

    def repeat():
        losses, models = {}, []
        seconds = clock(lambda: models.append(fit(losses)))
        mean, factor = moments(models[0], X_test, d)
        nll = normal_nll(mean, factor, (Y_test - center) / scale) + np.log(scale).sum()
        rounds = len(losses["held"]["nll"])
        return {"fit_seconds": seconds, "nll": round(float(nll), 4), "rounds": rounds}

    return {}, repeat


def moments(model, X, d):
    family = model.dist
    data = xgb.DMatrix(X)
    data.set_base_margin((np.ones((len(X), 1)) * model.start_values).flatten())
    best = (0, model.booster.best_iteration + 1)
    raw = model.booster.predict(data, output_margin=True, iteration_range=best)
    columns = torch.tensor(raw.reshape(-1, family.n_dist_param)).split(1, dim=1)
    arrays = family.param_transform(list(columns), family.param_dict, d, rank=None, n_obs=len(X))
    named = dict(zip(family.distribution_arg_names, arrays, strict=True))
    return named["loc"].numpy().astype(np.float64), named["scale_tril"].numpy().astype(np.float64)


PACKAGES = ("xgboostlss", "xgboost", "torch", "numpy")

if __name__ == "__main__":
    serve(prepare, PACKAGES)
