"""Protocol A: the simulation of O'Malley et al., where the truth is known.

O'Malley, Sykulski, Lumpkin, Schuler (2021), Multivariate Probabilistic Regression with Natural
Gradient Boosting, arXiv 2106.03823, section 4: N rows and 300 more to stop on, 1,000 to test.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import covey
from benchmarks.quality.scores import LEVEL

SIZES = (500, 1000, 3000, 10_000)
STOPPING_ROWS, TEST_ROWS = 300, 1000
ORACLE = 0.7227  # integrated NLL of the truth, in nats per row
# N: best NLL, best KL of the methods in the paper's table
PUBLISHED = {
    500: (1.048, 0.564),
    1000: (0.888, 0.257),
    3000: (0.832, 0.106),
    10_000: (0.775, 0.043),
}


def simulate(
    n: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, covey.MultivariateNormal]:
    """Features (n, 1), targets (n, 2) and the distributions they were drawn from."""
    x = generator.uniform(0, np.pi, n)
    mean = np.column_stack(
        [np.sin(2.5 * x) * np.sin(1.5 * x) + x, np.cos(3.5 * x) * np.cos(0.5 * x) - x**2]
    )
    variance = 0.01 + 0.25 * (1 - np.column_stack([np.sin(2.5 * x), np.cos(3.5 * x)])) ** 2
    covariance = np.zeros((n, 2, 2))
    covariance[:, [0, 1], [0, 1]] = variance
    between = np.sin(2.5 * x) * np.cos(0.5 * x) * np.sqrt(variance.prod(axis=1))
    covariance[:, 0, 1] = covariance[:, 1, 0] = between
    truth = covey.MultivariateNormal(mean, covariance=covariance)
    return x[:, None], truth.sample(1, seed=generator)[0], truth


def run(n: int, repetition: int, **settings: Any) -> dict[str, Any]:
    """One repetition at one size; `settings` are for `JointRegressor`, none by default."""
    generator = np.random.default_rng([n, repetition])
    X, Y, _ = simulate(n + STOPPING_ROWS, generator)
    X_test, Y_test, truth = simulate(TEST_ROWS, generator)
    model = covey.JointRegressor(random_state=repetition, verbose=0, **settings).fit(X, Y)
    joint = model.predict_distribution(X_test)
    region = joint.region(LEVEL)
    return {
        "rows": n,
        "repetition": repetition,
        "family": model.family_,
        "nll": float(-joint.log_prob(Y_test).mean()),
        "mixture_nll": float(-model.predict_mixture(X_test).log_prob(Y_test).mean()),
        "oracle_nll": float(-truth.log_prob(Y_test).mean()),
        "kl": float(joint.kl_divergence(truth).mean()),
        "rmse": float(np.sqrt(np.square(joint.mean - Y_test).mean())),
        "coverage": float(region.contains(Y_test).mean()),
        "area": float(region.volume().mean()),
    }
