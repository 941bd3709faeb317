"""What out-of-fold predictions teach about how wide predictions should be."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize

from covey.distributions import Elliptical, Mixture
from covey.distributions.internals import each_component, location_slope, rescaled, with_mean
from covey.distributions.members import member_means
from covey.types import Array, Groups, Rows

MOST_ROWS = 5000  # of a calibration set: a level of 0.9 is met to 0.004
MOST_NUMBERS = 2_000_000  # in their distributions, 16 MB
ENOUGH_ROWS = 200  # that may take more numbers than that,
MOST_FOR_ENOUGH = 10_000_000  # up to this many, 80 MB
SCALED_ROWS = 2000  # enough to learn a few scales from
PULL = 50.0  # rows that would have to say so for a target to differ from the others
PARTS = 5  # of the rows, each scored by scales learned from the others
SURE = 2.0  # standard errors by which scales must help there
SURE_OF_BLOCKS = 1.0  # the same, where each block counts as one


def calibration_rows(
    Y: Array, weight: Array | None = None, seed: int = 0, width: int | None = None
) -> Rows:
    """Choose the rows of a calibration set.

    Args:
        Y: observed values, shape (N, D), in target units; NaN where not observed.
        weight: sample weights, shape (N,), or None.
        seed: of the choice, where there are more rows than are kept.
        width: how many numbers the distribution of a row has; by default as many as a mean and a
            covariance.

    Returns:
        Numbers of rows that hold a target, at most 5,000 and as many as make 2 million numbers with
        their distributions (10 million, if it takes these for 200 rows), whatever N: a random
        choice keeps every guarantee.
    """
    usable = ~np.isnan(Y).all(axis=1)
    if weight is not None:
        usable &= weight > 0
    rows = np.flatnonzero(usable)
    d = Y.shape[1]
    width = (d * (d + 1) + 1 if width is None else width) + d
    enough = min(ENOUGH_ROWS, MOST_FOR_ENOUGH // width)
    most = max(min(MOST_ROWS, MOST_NUMBERS // width), enough, 1)
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def as_pooled(joint: Any, members: Mixture, times: float = 1.0) -> Any:
    """Out-of-fold distributions, as wide as predictions of all members are.

    The covariance of a prediction holds what the members disagree on; that of the one member that
    held a row out does not. The residual of that member is larger than that of the mean of all, by
    the same matrix in the mean (the decomposition of Krogh and Vedelsby, 1995, Neural Network
    Ensembles, Cross Validation, and Active Learning): adding it once leaves a margin, adding it
    twice leaves none. But most members have seen these rows and disagree less on them than they
    will on others.

    Args:
        joint: predictions for N rows by members that held them out.
        members: what all members say of these rows.
        times: how often the covariance of their means is added.

    Returns:
        The same, with that much more covariance.
    """
    away = [np.sqrt(times) * (mean - members.mean) for mean in member_means(members)]

    def widened(one: Any) -> Any:
        parts = [with_mean(one, one.mean + move) for move in away]
        return with_mean(Mixture(parts).moment_matched(), one.mean)

    return each_component(joint, widened)


def pooled_scales(
    joint: Any,
    members: Mixture,
    Y: Array,
    weight: Array | None = None,
    blocks: Groups | None = None,
) -> Array:
    """By how much to widen each target's prediction about its mean: out-of-fold rows tell.

    They tell bounds, as `as_pooled` explains: a scale below 1 that is fitted with a margin is
    wanted in any case, and so is one above 1 that is fitted without. In between nothing is done.
    Where rows of a block depend on each other, blocks must agree that predictions are too wide.

    Args:
        joint: predictions for N rows by members that held them out.
        members: what all members say of these rows.
        Y: observed values, shape (N, D), in target units; NaN where not observed.
        weight: sample weights, shape (N,), or None.
        blocks: a label for each row, shape (N,): rows of one label depend on each other. None if
            each stands alone.

    Returns:
        Array of shape (D,), positive; ones where no correction is sure to help.
    """
    high = fit_scales(as_pooled(joint, members), Y, weight)
    margin = len(member_means(members)) > 1 and np.any(high > 1)
    low = fit_scales(as_pooled(joint, members, 2.0), Y, weight) if margin else high
    if blocks is not None:
        high = fit_scales(as_pooled(joint, members), Y, weight, blocks)
    return np.where(high < 1, high, np.maximum(low, 1.0))


def fit_scales(
    joint: Elliptical | Mixture, Y: Array, weight: Array | None = None, blocks: Groups | None = None
) -> Array:
    """The scales that fit the observed values, if they help on rows they are not fitted to.

    Their logarithms maximise the likelihood, less a penalty that pulls those of the targets towards
    each other. One scale for all and one for each are tried on a part of the rows at a time, with
    scales learned from the others; what does not help there by two standard errors is not done.
    Where rows come in blocks, these are the parts, and one standard error of their means is asked.

    Args:
        joint: predictions for N rows that had no part in them; the first 2,000 count.
        Y: observed values, shape (N, D), in target units; NaN where not observed.
        weight: sample weights, shape (N,), or None.
        blocks: a label for each row, shape (N,), or None.

    Returns:
        Array of shape (D,), positive; ones where no correction helps.
    """
    d = Y.shape[1]
    rows = np.flatnonzero(~np.isnan(Y).all(axis=1))[:SCALED_ROWS]
    if len(rows) < 2 * PARTS:
        return np.ones(d)
    share = np.ones(len(rows)) if weight is None else weight[rows] / weight[rows].mean()
    joint, Y = joint[rows], Y[rows]
    parts = np.arange(len(rows)) % PARTS
    if blocks is not None:
        parts = np.unique(blocks[rows], return_inverse=True)[1]
    count = parts.max() + 1
    if count < 2:
        return np.ones(d)
    before = joint.log_prob(Y)

    def helps(gain: Array) -> bool:
        if blocks is None:
            return _helps(gain, SURE)
        means = np.bincount(parts, weights=gain) / np.bincount(parts, weights=share)
        return _helps(means, SURE_OF_BLOCKS * np.sqrt(count / (count - 1)))

    best, most = np.ones(d), 0.0
    for pull in (np.inf, PULL) if d > 1 else (np.inf,):
        whole = _scales(joint, Y, share, pull, np.zeros(d))
        if not helps((rescaled(joint, whole).log_prob(Y) - before) * share):
            continue  # not even on the rows it was fitted to
        gain = np.empty(len(rows))
        for part in range(count):
            held, others = parts == part, parts != part
            scales = _scales(joint[others], Y[others], share[others], pull, np.log(whole))
            gain[held] = rescaled(joint[held], scales).log_prob(Y[held]) - before[held]
        gain *= share
        if gain.mean() > most and helps(gain):
            best, most = whole, float(gain.mean())
    return best


def _helps(gain: Array, sure: float) -> bool:
    return bool(gain.mean() > sure * gain.std() / np.sqrt(len(gain)))


def _scales(
    joint: Elliptical | Mixture, Y: Array, weight: Array, pull: float, start: Array
) -> Array:
    """The scales of highest penalised likelihood; one for all targets if `pull` is infinite."""
    d = Y.shape[1]
    one = np.isinf(pull)

    def loss(theta: Array) -> tuple[float, Array]:
        logs = np.full(d, theta[0]) if one else theta
        widened = rescaled(joint, np.exp(logs))
        slope = (_slopes(widened, Y) * weight[:, None]).sum(axis=0)
        value = float(widened.log_prob(Y) @ weight)
        if one:
            return -value, -slope.sum(keepdims=True)
        apart = logs - logs.mean()
        return -value + pull * float(apart @ apart), -slope + 2 * pull * apart

    start = start[:1] if one else start
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(-3.0, 3.0)] * len(start))
    return np.broadcast_to(np.exp(found.x), (d,)).copy()


def _slopes(joint: Elliptical | Mixture, values: Array) -> Array:
    """Derivative of each row's log-density by the log-scale of each target, shape (N, D).

    With r = y - mean it is -1 + r_i (d log p / d mean_i) for what is observed, 0 for what is not.
    """
    slopes = (values - joint.mean) * location_slope(joint, values) - 1
    return np.where(np.isnan(values), 0.0, slopes)
