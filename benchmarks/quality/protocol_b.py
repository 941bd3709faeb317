"""Protocol B: the volume of conformal regions, as in Braun, Berta, Jordan and Bach.

Multivariate Standardized Residuals for Conformal Prediction, arXiv 2507.20941: a random split into
70% to train, 10% to stop on, 10% to calibrate and 10% to test; features and targets through a
quantile transform to the normal that is fitted on the training part.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import QuantileTransformer

import covey
from benchmarks.quality.scores import LEVEL, log_volume
from benchmarks.quality.tables import data_folder

# volume of the published learned covariance, and of its closest rival there
PUBLISHED = {
    "mvcs_bias": (1.07, 1.09),
    "mvcs_casp": (1.37, 1.30),
    "mvcs_house": (1.00, 1.15),
    "rf1": (0.28, 0.28),
    "scm20d": (1.29, 1.49),
    "mvcs_taxi": (3.33, 2.64),
}
TITLES = {
    "mvcs_bias": "Bias",
    "mvcs_casp": "CASP",
    "mvcs_house": "House",
    "rf1": "rf1",
    "scm20d": "scm20d",
    "mvcs_taxi": "Taxi",
}


def prepare(name: str, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The transformed (X, Y) of each part: "fit" (training and stopping rows), and the others."""
    folder = data_folder()
    described = json.loads((folder / "manifest.json").read_text())[name]
    table = pd.read_parquet(folder / described["file"])
    X = table[described["features"]].to_numpy(np.float64)
    Y = table[described["targets"]].to_numpy(np.float64)
    order = np.random.default_rng(seed).permutation(len(X))
    train, stop, calibration, test = np.split(
        order, (np.array([0.7, 0.8, 0.9]) * len(X)).astype(int)
    )
    X = np.where(np.isnan(X), np.nanmedian(X[train], axis=0), X)
    parts = {}
    for part, rows in (
        ("fit", np.concatenate([train, stop])),
        ("calibration", calibration),
        ("test", test),
    ):
        sides = []
        for values in (X, Y):
            transform = QuantileTransformer(
                output_distribution="normal", n_quantiles=1000, random_state=0
            ).fit(values[train])
            sides.append(transform.transform(values[rows]))
        parts[part] = (sides[0], sides[1])
    return parts


def conformal_radius(distance: np.ndarray, level: float) -> float:
    """The ceil((n + 1) level)-th smallest of n distances: covers a fresh row with `level`."""
    rank = int(np.ceil((len(distance) + 1) * level))
    return float(np.sort(distance)[rank - 1]) if rank <= len(distance) else np.inf


def run(name: str, seed: int, **settings: Any) -> dict[str, Any]:
    """One split of one set; `settings` are for `JointRegressor`, none by default."""
    parts = prepare(name, seed)
    model = covey.JointRegressor(random_state=seed, verbose=0, **settings).fit(*parts["fit"])
    calibration = model.predict_distribution(parts["calibration"][0])
    radius = conformal_radius(calibration.mahalanobis(parts["calibration"][1]), LEVEL)
    joint = model.predict_distribution(parts["test"][0])
    d = joint.mean.shape[1]
    return {
        "table": name,
        "seed": seed,
        "family": model.family_,
        "volume": float(np.exp(log_volume(joint, np.full(len(joint), radius)) / d).mean()),
        "coverage": float(np.mean(joint.mahalanobis(parts["test"][1]) <= radius)),
        "test_rows": len(joint),
    }
