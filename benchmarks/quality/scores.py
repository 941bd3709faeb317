"""One place that scores every method's predictive distributions, in float64.

A prediction is a dict of arrays: `mean` (N, D), `scale_tril` (N, D, D) and, for a Student-t,
`degrees_of_freedom` (N,); with one more axis in front, of K components, it is a mixture, which has
equal weights unless there are `weights` (N, K).
A method that gives no density but samples has `samples` (S, N, D) alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from covey import Mixture, MultivariateNormal, MultivariateT
from covey.distributions import Region

Arrays = Mapping[str, np.ndarray]
LEVEL = 0.9
SAMPLES = 200  # of each test row, for the energy score


def distribution(prediction: Arrays) -> MultivariateNormal | MultivariateT | Mixture:
    """The prediction as an object that knows its density."""
    if prediction["mean"].ndim == 3:
        parts = {key: array for key, array in prediction.items() if key != "weights"}
        components = [
            distribution({key: array[k] for key, array in parts.items()})
            for k in range(len(prediction["mean"]))
        ]
        return Mixture(components, weights=prediction.get("weights"))
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
        coverage and volume (of the 90% region; the volume^(1/D), geometric mean over rows). Of
        samples, energy and rmse alone.
    """
    scale = Y_train.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    d = len(scale)
    if "samples" in prediction:
        return _of_samples(prediction["samples"] / scale, Y_test / scale)
    joint = distribution(prediction).affine(np.diag(1 / scale), -Y_train.mean(axis=0) / scale)
    y = (Y_test - Y_train.mean(axis=0)) / scale
    one = joint.moment_matched() if isinstance(joint, Mixture) else joint
    region = one.region(LEVEL)
    return {
        "nll": float(-joint.log_prob(y).mean() / d),
        "energy": energy_score(joint, y),
        "rmse": float(np.sqrt(np.mean(np.square(one.mean - y)))),
        "coverage": float(region.contains(y).mean()),
        "volume": float(np.exp(region.log_volume().mean() / d)),
    }


def log_volume(
    joint: MultivariateNormal | MultivariateT | Mixture, radius: float | np.ndarray
) -> np.ndarray:
    """Logarithm of the volume of the ellipsoids of that Mahalanobis radius, shape (N,)."""
    one = joint.moment_matched() if isinstance(joint, Mixture) else joint
    return Region(one, one, np.broadcast_to(radius, len(one)), LEVEL).log_volume()


def energy_score(joint: MultivariateNormal | MultivariateT | Mixture, y: np.ndarray) -> float:
    """E|Y - y| - 1/2 E|Y - Y'|, from samples paired with their neighbours."""
    return _energy(joint.sample(SAMPLES, seed=0), y)


def _energy(samples: np.ndarray, y: np.ndarray) -> float:
    near = np.linalg.norm(samples - y, axis=-1).mean()
    apart = np.linalg.norm(samples - np.roll(samples, 1, axis=0), axis=-1).mean()
    return float(near - apart / 2)


def _of_samples(samples: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Without bias: what the energy score and the rmse would be of ever more samples.

    The mean of S samples is off by its variance over S, which is not the method's fault.
    """
    square = np.square(samples.mean(axis=0) - y) - samples.var(axis=0, ddof=1) / len(samples)
    return {"energy": _energy(samples, y), "rmse": float(np.sqrt(max(square.mean(), 0.0)))}
