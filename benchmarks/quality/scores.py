"""One place that scores every method's predictive distributions, in float64.

A prediction is a dict of arrays: `mean` (N, D), `scale_tril` (N, D, D) and, for a Student-t,
`degrees_of_freedom` (N,); with one more axis in front, of K members, it is an equal-weight mixture.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import gammaln
from scipy.stats import chi2, f

from covey import Mixture, MultivariateNormal, MultivariateT

Arrays = Mapping[str, np.ndarray]
LEVEL = 0.9
SAMPLES = 200  # of each test row, for the energy score


def distribution(prediction: Arrays) -> MultivariateNormal | MultivariateT | Mixture:
    """The prediction as an object that knows its density."""
    if prediction["mean"].ndim == 3:
        members = len(prediction["mean"])
        return Mixture(
            [distribution({k: v[m] for k, v in prediction.items()}) for m in range(members)]
        )
    if "degrees_of_freedom" in prediction:
        return MultivariateT(
            prediction["mean"],
            degrees_of_freedom=prediction["degrees_of_freedom"],
            scale_tril=prediction["scale_tril"],
        )
    return MultivariateNormal(prediction["mean"], scale_tril=prediction["scale_tril"])


def scores(prediction: Arrays, Y_test: np.ndarray, Y_train: np.ndarray) -> dict[str, float]:
    """All figures of one method on one split, with targets standardised by the training part.

    Returns:
        nll (nats per target), energy (energy score), rmse (root mean square over rows and targets),
        coverage and volume (of the 90% region; the volume^(1/D), geometric mean over rows).
    """
    scale = Y_train.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    d = len(scale)
    joint = distribution(prediction).affine(np.diag(1 / scale), -Y_train.mean(axis=0) / scale)
    y = (Y_test - Y_train.mean(axis=0)) / scale
    one = joint.moment_matched() if isinstance(joint, Mixture) else joint
    radius = region_radius(one, LEVEL)
    distance = one.mahalanobis(y)
    return {
        "nll": float(-joint.log_prob(y).mean() / d),
        "energy": energy_score(joint, y),
        "rmse": float(np.sqrt(np.mean(np.square(one.mean - y)))),
        "coverage": float(np.mean(distance <= radius)),
        "volume": float(np.exp(log_volume(one, radius).mean() / d)),
    }


def region_radius(joint: MultivariateNormal | MultivariateT, level: float) -> np.ndarray:
    """Mahalanobis radius of the region of highest density that holds `level`, shape (N,)."""
    n, d = joint.mean.shape
    if isinstance(joint, MultivariateNormal):
        return np.full(n, np.sqrt(chi2.ppf(level, d)))
    freedom = joint.degrees_of_freedom
    # |z|^2 / D follows F(D, nu), and the covariance is nu / (nu - 2) times the scale matrix
    return np.sqrt(d * f.ppf(level, d, freedom) * (freedom - 2) / freedom)


def log_volume(joint: MultivariateNormal | MultivariateT, radius: np.ndarray) -> np.ndarray:
    """Logarithm of the volume of the ellipsoids of that Mahalanobis radius, shape (N,)."""
    d = joint.mean.shape[1]
    ball = d / 2 * np.log(np.pi) - gammaln(d / 2 + 1)
    half = np.log(np.diagonal(np.linalg.cholesky(joint.correlation), axis1=1, axis2=2)).sum(axis=1)
    return ball + d * np.log(radius) + half + np.log(joint.stddev).sum(axis=1)


def energy_score(joint: MultivariateNormal | MultivariateT | Mixture, y: np.ndarray) -> float:
    """E|Y - y| - 1/2 E|Y - Y'|, from samples paired with their neighbours."""
    samples = joint.sample(SAMPLES, seed=0)
    near = np.linalg.norm(samples - y, axis=-1).mean()
    apart = np.linalg.norm(samples - np.roll(samples, 1, axis=0), axis=-1).mean()
    return float(near - apart / 2)
