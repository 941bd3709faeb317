"""Scores of distributions against observed values: how good they were, and whether to trust them.

| function | shape | unit | better | what it tells |
|---|---|---|---|---|
| `negative_log_likelihood` | (N,) | nats | lower | the whole joint density, tails included |
| `energy_score` | (N,) | target units | lower | the joint distribution; means and scales most |
| `variogram_score` | (N,) | target units^(2p) | lower | scales and correlations, pair by pair |
| `crps` | (N, D) | target units | lower | each target on its own |
| `interval_score` | (N, D) | target units | lower | each interval: narrow, and rarely missed |
| `conditional_error` | (N, D) | target units | lower | how well the other targets tell each one |
| `pit` | (N, D) | none | uniform | calibration of each target |
| `distance_pit` | (N,) | none | uniform | calibration of all targets together |
| `joint_coverage` | number | share | `level` | how often regions hold the observed values |
| `marginal_coverage` | number, (D,) | share | `level` | how often intervals hold them |

Every function takes N joint distributions over D targets, then `y`: an array of shape (N, D), or a
frame with the targets as columns, in target units. NaN means "not observed": each row is scored by
the marginal of the targets it has. A target known exactly (`distribution.observed`) counts as not
observed. What cannot be scored is NaN, so average with `numpy.nanmean`; only the negative
log-likelihood is 0 there. Nothing is random. Intervals, regions and both PITs are calibrated where
the distribution carries a calibration set; all else is by the model.

Every function raises an `InputError` if `y` does not fit the distribution (its row labels too, if
both have any: see `covey.arguments.labels`), a value is infinite, or `level` or `order` lies
outside its range.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from scipy.special import gamma, hyp1f1

from covey.arguments.numbers import is_number
from covey.distributions import mixture_scores, transformed_scores
from covey.distributions.internals import (
    cdf,
    components_of,
    level_of,
    mean_given_others,
    radial_law,
    read_observed,
    scale_matrix,
)
from covey.distributions.joint import Joint
from covey.distributions.norms import energy, mixing_moment, nodes
from covey.distributions.transformed import Transformed
from covey.errors import InputError, shown
from covey.types import Array, Observations

__all__ = [
    "conditional_error",
    "crps",
    "distance_pit",
    "energy_score",
    "interval_score",
    "joint_coverage",
    "marginal_coverage",
    "negative_log_likelihood",
    "pit",
    "variogram_score",
]


def __dir__() -> list[str]:
    return __all__


CHUNK = 1024  # rows of which matrices are held at a time
LIMIT = 1e8  # degrees of freedom beyond which the CRPS of a Student-t is lost to rounding


def negative_log_likelihood(distribution: Joint, y: Observations) -> Array:
    """Negative log-density of the observed values, -log p(y), in nats; lower is better.

    Source: Good (1952), doi 10.1111/j.2517-6161.1952.tb00104.x.

    Args:
        distribution: N joint distributions over D targets.
        y: shape (N, D) or a frame, in target units; NaN entries are marginalised.

    Returns:
        Array of shape (N,); 0 for a row without any observed target.
    """
    values = _read(distribution, y)
    return np.where(np.isnan(values).all(axis=1), 0.0, -distribution.log_prob(values))


def energy_score(distribution: Joint, y: Observations) -> Array:
    """Energy score E|X - y| - E|X - X'| / 2, in target units; lower is better.

    X and X' are independent draws of the observed targets, |.| is the Euclidean norm; with one
    target this is the CRPS. It is integrated, not sampled: good to 1e-7 of itself for normals and
    their mixtures, to 1e-5 for a Student-t and to 5e-4 for mixtures of up to five of them. Of more
    Student-t distributions it is an average over points, always the same: good to 0.4% in most rows
    (1.5% at worst), and to 0.1% in the average of rows. Of a `Transformed` it is one over about
    1,000 points, good to a few percent, and so is the variogram score. Where units differ, divide
    by typical sizes first, as below, or the largest numbers weigh most.

    Source: Gneiting, Raftery (2007), doi 10.1198/016214506000001437.

    Args:
        distribution: N joint distributions over D targets.
        y: shape (N, D) or a frame, in target units; NaN entries are marginalised.

    Returns:
        Array of shape (N,); NaN for a row without any observed target.

    Example:
        >>> import covey
        >>> joint = covey.MultivariateNormal([[0.0, 5.0]], covariance=[[1.0, 9.0], [9.0, 100.0]])
        >>> y, sizes = np.array([[1.0, 12.0]]), np.array([1.0, 10.0])
        >>> energy_score(joint.affine(np.diag(1 / sizes)), y / sizes).round(4)
        array([0.7426])
    """
    values = _read(distribution, y)
    if isinstance(distribution, Transformed):
        return transformed_scores.energy(distribution, values)
    parts, weights = components_of(distribution)
    mixed_t = len(parts) > 1 and radial_law(parts[0]).degrees_of_freedom is not None
    score = mixture_scores.energy if mixed_t else energy
    found = np.empty(len(values))
    for start in range(0, len(values), CHUNK):
        rows = slice(start, start + CHUNK)
        found[rows] = score([part[rows] for part in parts], weights[rows], values[rows])
    return found


def variogram_score(distribution: Joint, y: Observations, *, order: float = 0.5) -> Array:
    """Variogram score, the sum over pairs i < j of (E|X_i - X_j|^p - |y_i - y_j|^p)^2.

    In target units to the power 2p; lower is better. Each pair of observed targets counts once,
    with weight 1: sums over all i and j, as in `scoringrules`, are twice as large. A shift common
    to all targets goes unseen, so use it besides another score. Expectations are Kummer's function
    for normals, and its average over the scale, good to 1e-5, for the Student-t. Where units
    differ, divide by typical sizes first, as for `energy_score`.

    Source: Scheuerer, Hamill (2015), doi 10.1175/MWR-D-14-00269.1.

    Args:
        distribution: N joint distributions over D targets.
        y: shape (N, D) or a frame, in target units; pairs with NaN do not enter.
        order: p, in (0, 2].

    Returns:
        Array of shape (N,); NaN for a row of fewer than two observed targets.
    """
    values = _read(distribution, y)
    if not is_number(order) or not 0 < order <= 2:
        raise InputError(f"`order` must be a number in (0, 2]. Received: order={shown(order)}.")
    if isinstance(distribution, Transformed):
        return _sampled_variogram(distribution, values, float(order))
    parts, weights = components_of(distribution)
    half = float(order) / 2
    mixing = [mixing_moment(radial_law(part), half) for part in parts]
    specific, columns = zip(*(scale_matrix(part).parts for part in parts), strict=True)
    found = np.full(len(values), np.nan)
    for i, j in combinations(range(values.shape[1]), 2):
        observed = np.abs(values[:, i] - values[:, j]) ** order
        rows = np.flatnonzero(~np.isnan(observed))
        gap = -observed[rows]
        for k, (part, (factor, growth), weight) in enumerate(
            zip(parts, mixing, weights.T, strict=True)
        ):
            variance = np.square(columns[k][rows, i] - columns[k][rows, j]).sum(axis=1)
            variance += specific[k][rows, i] + specific[k][rows, j]
            square = np.square(part.mean[rows, i] - part.mean[rows, j]) / variance
            kummer = hyp1f1(-half, 0.5, -growth[rows] * square[:, None] / 2)
            mean = kummer @ nodes(growth.shape[1])[1] * gamma(half + 0.5) / np.sqrt(np.pi)
            gap += weight[rows] * factor[rows] * (2 * variance) ** half * mean
        found[rows] = np.nan_to_num(found[rows]) + np.square(gap)
    return found


def _sampled_variogram(distribution: Transformed, values: Array, order: float) -> Array:
    found = np.full(len(values), np.nan)
    for i, j in combinations(range(values.shape[1]), 2):
        observed = np.abs(values[:, i] - values[:, j]) ** order
        rows = np.flatnonzero(~np.isnan(observed))
        mean = transformed_scores.mean_variogram(distribution[rows], i, j, order)
        found[rows] = np.nan_to_num(found[rows]) + np.square(mean - observed[rows])
    return found


def crps(distribution: Joint, y: Observations) -> Array:
    """Continuous ranked probability score of each target, in target units; lower is better.

    The integral of (F(x) - 1{x >= y})^2 over x, F being the distribution function of the target.
    In closed form, but for mixtures of Student-t distributions: good to 1e-4 of itself,
    at a cost that grows with the number of components, not with its square. Of a `Transformed` it
    is integrated, good to 1e-8.

    Source: Matheson, Winkler (1976), doi 10.1287/mnsc.22.10.1087.

    Args:
        distribution: N joint distributions over D targets.
        y: shape (N, D) or a frame, in target units; NaN where not observed.

    Returns:
        Array of shape (N, D); NaN where not observed.

    Example:
        >>> import covey
        >>> joint = covey.MultivariateNormal([[0.0, 0.0]], covariance=[[1.0, 0.0], [0.0, 4.0]])
        >>> crps(joint, [[1.0, float("nan")]]).round(4)
        array([[0.6024,    nan]])
    """
    values = _read(distribution, y)
    if isinstance(distribution, Transformed):
        return transformed_scores.crps(distribution, values)
    parts, weights = components_of(distribution)
    import scoringrules

    nu = radial_law(parts[0]).degrees_of_freedom
    if nu is not None and len(parts) > 1:
        return mixture_scores.crps(parts, weights, values)
    mean = np.stack([part.mean for part in parts], axis=2)
    roots = [scale_matrix(part).root_diagonal for part in parts]
    scale = np.stack([np.where(np.isnan(values), 1.0, root) for root in roots], axis=2)
    if nu is not None:
        nu = np.minimum(nu, LIMIT)[:, None]
        return scoringrules.crps_t(values, nu, mean[..., 0], scale[..., 0], backend="numpy")
    each = zip(values.T, mean.swapaxes(0, 1), scale.swapaxes(0, 1), strict=True)
    found = [scoringrules.crps_mixnorm(*one, weights, backend="numpy") for one in each]
    return np.stack(found, axis=1)


def interval_score(distribution: Joint, y: Observations, *, level: float = 0.9) -> Array:
    """Interval (Winkler) score of each target's central interval (l, u), in target units.

    It is u - l, plus 2 / (1 - level) times the distance from y to the interval; lower is better.
    Source: Winkler (1972), doi 10.1080/01621459.1972.10481224.

    Args:
        distribution: N joint distributions over D targets.
        y: shape (N, D) or a frame, in target units; NaN where not observed.
        level: probability that each interval holds, in (0, 1).

    Returns:
        Array of shape (N, D); NaN where not observed.
    """
    import scoringrules

    values = _read(distribution, y)
    lower, upper = distribution.interval(level)
    endless = np.isinf(upper - lower) & ~np.isnan(values)  # of too few rows to calibrate on
    lower, upper = np.where(endless, 0.0, lower), np.where(endless, 0.0, upper)
    score = scoringrules.interval_score(values, lower, upper, 1 - level, backend="numpy")
    score = np.reshape(score, values.shape)  # axes of length 1 come back dropped
    return np.where(endless, np.inf, score)


def conditional_error(distribution: Joint, y: Observations) -> Array:
    """Error of each target's mean given the other observed ones, |y_i - E[y_i | y_-i]|.

    In target units; lower is better: right correlations take it below |y_i - E[y_i]|. Its average
    is known as TAC, "task-agnostic correlations".
    Source: Shukla, Salzmann, Alahi (2024), arXiv 2310.18953.

    Args:
        distribution: N joint distributions over D targets.
        y: shape (N, D) or a frame, in target units; NaN entries are marginalised.

    Returns:
        Array of shape (N, D); NaN where not observed.
    """
    values = _read(distribution, y)
    error: Array = np.abs(values - mean_given_others(distribution, values))
    return error


def pit(distribution: Joint, y: Observations, *, method: str = "auto") -> Array:
    """Probability integral transform F_i(y_i) of each target: uniform on (0, 1) if calibrated.

    Calibrated as `quantile` is, if the distribution carries a calibration set of n rows: then
    |2 pit - 1| is the level of the interval that ends at y_i, to 1 / (n + 1). Values crowd at both
    ends if predictions are too narrow, in the middle if too wide, at one end if biased.
    Source: Gneiting, Balabdaoui, Raftery (2007), doi 10.1111/j.1467-9868.2007.00587.x.

    Args:
        distribution: N joint distributions over D targets.
        y: shape (N, D) or a frame, in target units; NaN where not observed.
        method: as for `region`: "auto", or "model" for the distribution alone.

    Returns:
        Array of shape (N, D), without unit; NaN where not observed.
    """
    return cdf(distribution, _read(distribution, y), method)


def distance_pit(distribution: Joint, y: Observations, *, method: str = "auto") -> Array:
    """Level of the region on whose boundary y lies: uniform on (0, 1) if calibrated.

    Calibrated as `region` is, if the distribution carries a calibration set: the share of its rows
    with a lower nonconformity score. By the model it is the probability of a smaller distance: with
    m observed targets |L^-1 (y - mean)|^2 is chi-square with m degrees of freedom for a normal,
    m F(m, nu) for a Student-t; a mixture is judged by its `moment_matched` distribution. Values
    near 1 are too frequent if regions are too small.
    Source: Gneiting et al. (2008), doi 10.1007/s11749-008-0114-x.

    Args:
        distribution: N joint distributions over D targets.
        y: shape (N, D) or a frame, in target units; NaN entries are marginalised.
        method: as for `pit`.

    Returns:
        Array of shape (N,), without unit; NaN for a row without any observed target.
    """
    return level_of(distribution, _read(distribution, y), method)


def joint_coverage(distribution: Joint, y: Observations, *, level: float = 0.9) -> float:
    """Share of rows whose `region(level)` of the observed targets holds their values.

    Args:
        distribution: N joint distributions over D targets.
        y: shape (N, D) or a frame, in target units; NaN entries are marginalised.
        level: probability that a region holds, in (0, 1): the share aimed at.

    Returns:
        A number in [0, 1], of the rows with an observed target; NaN if there is none.
    """
    values = _read(distribution, y)
    held = distribution.region(level).contains(values)[~np.isnan(values).all(axis=1)]
    return float(held.mean()) if len(held) else np.nan


def marginal_coverage(
    distribution: Joint, y: Observations, *, level: float = 0.9, per_target: bool = False
) -> float | Array:
    """Share of observed values within the `interval(level)` of their target.

    Args:
        distribution: N joint distributions over D targets.
        y: shape (N, D) or a frame, in target units; NaN where not observed.
        level: probability that an interval holds, in (0, 1): the share aimed at.
        per_target: whether to count each target on its own.

    Returns:
        A number in [0, 1], or an array of shape (D,); NaN where nothing was observed.
    """
    values = _read(distribution, y)
    lower, upper = distribution.interval(level)
    axis = 0 if per_target else None
    held = ((lower <= values) & (values <= upper)).sum(axis=axis)
    count = (~np.isnan(values)).sum(axis=axis)
    share = np.where(count > 0, held / np.maximum(count, 1), np.nan)
    return share if per_target else float(share)


def _read(distribution: Joint, y: Any) -> Array:
    if not isinstance(distribution, Joint):
        raise InputError(
            "Expected a distribution, such as `model.predict_distribution(X)`, and then `y`. "
            f"Received {type(distribution).__name__}."
        )
    return read_observed(distribution, y)
