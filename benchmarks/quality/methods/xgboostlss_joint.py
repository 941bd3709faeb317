"""XGBoostLSS with a multivariate normal or Student-t; argument 3 says which, "mvn" or "mvt".

Gradients stabilised by their L2 norm: without, or by their median, it often diverges. Of two
response functions and two learning rates the best on the validation rows is kept.
"""

import sys

import numpy as np
import torch
import xgboost as xgb
from worker import Job
from xgboostlss.distributions.MVN import MVN
from xgboostlss.distributions.MVT import MVT
from xgboostlss.model import XGBoostLSS

job = Job()
torch.set_num_threads(job.threads)
D = job.Y.shape[1]
KIND = {"mvn": MVN, "mvt": MVT}[sys.argv[3]]


def matrix(X, Y=None):
    return xgb.DMatrix(X, label=Y, nthread=job.threads)


def attempt(response, eta):
    (X, Y), (X_held, Y_held) = job.parts()
    model = XGBoostLSS(KIND(D=D, stabilization="L2", response_fn=response))
    settings = {"eta": eta, "max_depth": 4, "nthread": job.threads, "seed": job.seed}
    rows, losses = matrix(X, Y), {}
    model.train(
        settings,
        rows,
        num_boost_round=500,
        evals=[(rows, "train"), (matrix(X_held, Y_held), "held")],
        early_stopping_rounds=20,
        verbose_eval=False,
        evals_result=losses,
    )
    return np.nanmin([*losses["held"]["nll"], np.inf]), model


def fit():
    attempts = [attempt(response, eta) for response in ("exp", "softplus") for eta in (0.1, 0.03)]
    return min(attempts, key=lambda pair: pair[0])[1]


def predict(model, X):
    family = model.dist
    data = matrix(X)
    data.set_base_margin((np.ones((len(X), 1)) * model.start_values).flatten())
    best = (0, model.booster.best_iteration + 1)
    raw = model.booster.predict(data, output_margin=True, iteration_range=best)
    columns = torch.tensor(raw.reshape(-1, family.n_dist_param)).split(1, dim=1)
    arrays = family.param_transform(list(columns), family.param_dict, D, rank=None, n_obs=len(X))
    named = dict(zip(family.distribution_arg_names, arrays, strict=True))
    found = {"mean": named["loc"].numpy(), "scale_tril": named["scale_tril"].numpy()}
    if "df" in named:  # at most 2 has no covariance: the regions need one, the density hardly moves
        found["degrees_of_freedom"] = np.maximum(named["df"].numpy(), 2.0001)
    return found


job.run(fit, predict)
