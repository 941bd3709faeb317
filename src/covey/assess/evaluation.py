"""How good predictions were, in plain numbers, beside simpler predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from covey import scores
from covey.distributions import Elliptical, Mixture, Transformed
from covey.distributions.batch import evenly
from covey.distributions.coverage import held_by_intervals
from covey.distributions.internals import (
    calibration_set_of,
    in_units,
    latent_of,
    uncorrelated,
    uncorrelated_log_prob,
)
from covey.errors import warn
from covey.types import Array, Mask

LEVELS = (0.5, 0.8, 0.9, 0.95)
MOST_ROWS = 50_000  # that figures are computed from, evenly spaced
ROWS_OF_VOLUMES = 500  # of mixtures
FEW_ROWS = 5000  # for the scores that cost more than a density
MOST_NUMBERS = 50_000_000  # in the distributions of these rows
MANY = 200  # targets beyond which the energy and the variogram score take too long
MOST_ENTRIES = 20_000_000  # of matrices for those scores, five times as many for a mean correlation
ODD = 1e-4  # how improbable a row is that counts as such
CONSTANT = "constant_covariance"  # keys of the baselines, the same for every model
UNCORRELATED = "uncorrelated"


def evaluate(
    joint: Elliptical | Mixture | Transformed,
    Y: Array,
    constant: Elliptical | Transformed,
    description: str,
    *,
    sample_weight: Array | None = None,
    all_scores: bool = True,
) -> dict[str, Any]:
    """Score predictions against the observed values.

    Args:
        joint: predictions for N rows over D targets.
        Y: observed values, shape (N, D), in target units; NaN where not observed.
        constant: simple predictions for the same rows, with one covariance for all.
        description: what they are, in words.
        sample_weight: shape (N,), non-negative: the share of each row in every average. A row of
            weight 0 is as if it were not there. Equal weights by default.
        all_scores: also the energy and the variogram score, which take longest.

    Returns:
        Plain numbers, text, lists and dicts, as JSON has them; None for what cannot be said (a
        target that was never observed):

        * `rows` that figures are computed from, at most 50,000, and 5,000 of mixtures (for the
          energy and variogram scores, `crps`, `interval_score`, `volume` and `correlation` 5,000
          of any, or fewer with many targets), evenly chosen `of_rows` with a target;
        * `effective_rows`: how many rows of equal weight tell as much (Kish 1965);
        * `cells` (observed), `targets`, `family`, `calibration` (what regions are calibrated
          on) and `calibration_rows` (how many rows 90% regions use: those with all targets
          observed or, if they are too few, with any);
        * `negative_log_likelihood`, in nats per row, and `_per_target`, in nats per observed cell;
        * `energy_score`, `variogram_score` (of order 0.5), means over rows, of targets divided by
          their standard deviation in `Y`; None for more than 200 targets;
        * `per_target`: for each its `observed` cells, `bias` (mean of observed less predicted),
          `mae`, `rmse`, `crps`, `interval_score` (level 0.9), `conditional_error` (all in target
          units), `r2`, the mean predicted `stddev`, and `below_zero`, of a target that never is:
          the shares of its means and of its 90% intervals that go below 0, or None;
        * `coverage`: for each level, as text, the share of rows within the `joint` region, of cells
          within their `interval`, of each target's (`per_target`), and of rows within the region
          that the `model` alone would draw;
        * `volume`: of the 90% regions to the power 1/D, geometric mean over complete rows (at most
          500 of mixtures), in the same unit as the energy score;
        * `correlation`: the strongest mean correlation as `[target, other, value]`, or None;
        * `improbable`: rows farther out than one in 10,000, the number `expected`, and the number
          there is, by their share of the weight;
        * `baselines`: two simpler predictions, by keys that are the same for every model:
          "constant_covariance" is `constant`, "uncorrelated" is `joint` with all correlations
          ignored. For each its `description`, `negative_log_likelihood`, `_per_target`,
          `energy_score` and the coverage of its own 90% regions (None for the latter of a mixture),
          and the `gain` of `joint` over it, in nats per observed cell, with its `standard_error` if
          rows are independent.
    """
    weight = np.ones(len(Y)) if sample_weight is None else sample_weight
    rows = np.flatnonzero(~np.isnan(Y).all(axis=1) & (weight > 0))
    found = len(rows)
    shape = isinstance(latent_of(joint), Mixture)
    rows = rows[evenly(found, FEW_ROWS if shape else MOST_ROWS)]
    if len(rows) < len(Y):
        joint, constant, Y, weight = joint[rows], constant[rows], Y[rows], weight[rows]
    some = evenly(len(rows), max(min(FEW_ROWS, MOST_NUMBERS // row_width(joint)), 1))
    few, y = (joint, Y) if len(some) == len(rows) else (joint[some], Y[some])
    share = weight[some]
    scale = np.array([_stddev(column, weight) for column in Y.T])
    scale = np.where(scale > 0, scale, 1.0)
    observed = ~np.isnan(Y)
    distance = scores.distance_pit(joint, Y, method="model")
    loss = scores.negative_log_likelihood(joint, Y)
    others = {
        CONSTANT: (description, constant),
        UNCORRELATED: (
            "this model with all correlations ignored",
            None if shape else uncorrelated(joint),
        ),
    }
    costly = {"energy_score": scores.energy_score, "variogram_score": scores.variogram_score}
    fewer = some[evenly(len(some), max(MOST_ENTRIES // len(scale) ** 2, 1))]

    def mean_of(score: Callable[..., Array], other: Any) -> float | None:
        if len(scale) > MANY:
            return None
        return _mean(score(in_units(other[fewer], scale), Y[fewer] / scale), weight[fewer])

    def beside(description: str, other: Any) -> dict[str, Any]:
        alone = other is None  # a mixture's targets, each on its own: no kind of distribution
        theirs = (
            -uncorrelated_log_prob(joint, Y) if alone else scores.negative_log_likelihood(other, Y)
        )
        energy = None if alone or not all_scores else mean_of(scores.energy_score, other)
        inside = None
        if not alone:
            pit = scores.distance_pit(other, Y, method="model")
            inside = _mean((pit <= 0.9).astype(float), weight)
        return {
            "description": description,
            **_densities(theirs, observed, weight),
            **_gain(theirs - loss, observed, weight),
            "coverage": inside,
            **({"energy_score": energy} if all_scores else {}),
        }

    return {
        "rows": len(rows),
        "of_rows": found,
        "effective_rows": effective_rows(weight),
        "cells": int(observed.sum()),
        "targets": list(joint.targets),
        "family": type(latent_of(joint)).__name__,
        "calibration": joint.calibration,
        "calibration_rows": _calibration_rows(joint),
        **_densities(loss, observed, weight),
        **({name: mean_of(score, joint) for name, score in costly.items()} if all_scores else {}),
        "per_target": _per_target(joint, Y, weight, few, y, share),
        "coverage": {
            f"{level:g}": _coverage(joint, Y, weight, level, inside, distance)
            for level, inside in zip(LEVELS, held_by_intervals(joint, Y, LEVELS), strict=True)
        },
        "volume": _volume(few, y, share, scale),
        "correlation": _strongest(few, share),
        "improbable": {
            "expected": round(ODD * len(rows), 3),
            "rows": round(len(rows) * (_mean((distance > 1 - ODD).astype(float), weight) or 0.0)),
        },
        "baselines": {name: beside(*other) for name, other in others.items()},
    }


def effective_rows(weight: Array) -> float:
    """How many rows of equal weight make a mean as sure as rows of these weights (Kish 1965)."""
    return float(weight.sum() ** 2 / np.square(weight).sum()) if len(weight) else 0.0


def _gain(more: Array, observed: Mask, weight: Array) -> dict[str, float | None]:
    """What a baseline loses more, in nats per observed cell, and the standard error of that."""
    count = observed.sum(axis=1)
    cells = float(weight @ count)
    if not cells:
        return {"gain": None, "standard_error": None}
    gain = float(weight @ more) / cells
    error = float(np.sqrt(np.square(weight * (more - gain * count)).sum())) / cells
    few = effective_rows(weight)  # the mean was fitted to the same rows
    error = error * np.sqrt(few / (few - 1)) if few > 1 else np.nan
    return {"gain": _number(gain), "standard_error": _number(error)}


def _calibration_rows(joint: Elliptical | Mixture | Transformed) -> int | None:
    rows = calibration_set_of(joint)
    return None if rows is None or not len(joint) else rows.rows_at(0.9)


def mean_r2(Y: Array, mean: Array, sample_weight: Array | None = None) -> float:
    """Coefficient of determination, averaged over the targets that were observed.

    Args:
        Y: observed values, shape (N, D); each target counts on the rows that hold it.
        mean: what was predicted, shape (N, D).
        sample_weight: shape (N,), non-negative; rows of weight 0 do not count.

    Returns:
        R^2: 1 for perfect means; NaN, with scikit-learn's warning, if no target was observed twice.
    """
    from sklearn.metrics import r2_score

    weight = np.ones(len(Y)) if sample_weight is None else sample_weight
    counted = ~np.isnan(Y) & (weight > 0)[:, None]
    parts = zip(counted.T, Y.T, mean.T, strict=True)
    each = [r2_score(y[k], m[k], sample_weight=weight[k]) for k, y, m in parts if k.sum() > 1]
    if not each:
        message = "R^2 score is not well-defined with less than two samples."
        warn(message, UndefinedMetricWarning)
    return float(np.mean(each)) if each else float("nan")


def _densities(loss: Array, observed: Mask, weight: Array) -> dict[str, float | None]:
    total, cells = float(weight @ loss), float(weight @ observed.sum(axis=1))
    return {
        "negative_log_likelihood": _number(total / weight.sum() if len(loss) else np.nan),
        "negative_log_likelihood_per_target": _number(total / cells if cells else np.nan),
    }


def row_width(joint: Any) -> int:
    """How many numbers the distribution of a row has."""
    one = joint[:1]
    return max(sum(array.size for array in one.to_arrays().values()) // max(len(one), 1), 1)


def _per_target(
    joint: Any, Y: Array, weight: Array, few: Any, y: Array, share: Array
) -> dict[str, dict[str, Any]]:
    error = Y - joint.mean
    crps, interval = scores.crps(few, y), scores.interval_score(few, y)
    conditional = scores.conditional_error(joint, Y)
    found = {}
    for i, name in enumerate(joint.targets):
        squared = _mean(np.square(error[:, i]), weight)
        spread = _stddev(Y[:, i], weight) ** 2
        found[name] = {
            "observed": int((~np.isnan(Y[:, i])).sum()),
            "bias": _mean(error[:, i], weight),
            "mae": _mean(np.abs(error[:, i]), weight),
            "rmse": _root(squared),
            "r2": None if squared is None or spread == 0 else _number(1 - squared / spread),
            "crps": _mean(crps[:, i], share),
            "interval_score": _mean(interval[:, i], share),
            "conditional_error": _mean(conditional[:, i], weight),
            "stddev": _mean(joint.stddev[:, i], weight),
            "below_zero": _below_zero(joint, i, Y[:, i], weight),
        }
    return found


def _below_zero(joint: Any, target: int, y: Array, weight: Array) -> list[float] | None:
    """The share of means and of intervals below 0, for a target that never is."""
    known = y[~np.isnan(y)]
    if not len(known) or known.min() < 0 or known.min() == known.max():
        return None
    lower, _ = joint.marginal([joint.targets[target]]).interval(0.9)
    ends = (joint.mean[:, target], lower[:, 0])
    shares = [_mean((end < 0).astype(float), weight) or 0.0 for end in ends]
    return shares if max(shares) > 0 else None


def _coverage(
    joint: Any, Y: Array, weight: Array, level: float, inside: Array, distance: Array
) -> dict[str, Any]:
    if not len(Y):
        return {"joint": None, "interval": None, "per_target": {}, "model": None}
    every = np.broadcast_to(weight[:, None], Y.shape)
    each = [_mean(column, weight) for column in inside.T]
    return {
        "joint": _mean(joint.region(level).contains(Y).astype(float), weight),
        "interval": _mean(inside.ravel(), every.ravel()),
        "per_target": dict(zip(joint.targets, each, strict=True)),
        "model": _mean((distance <= level).astype(float), weight),
    }


def _volume(few: Any, y: Array, weight: Array, scale: Array) -> float | None:
    whole = np.flatnonzero(~np.isnan(y).any(axis=1))
    if not len(whole):
        return None
    if isinstance(latent_of(few), Mixture):  # whose volumes are averages over many points
        whole = whole[evenly(len(whole), ROWS_OF_VOLUMES)]
    logs = few[whole].region(0.9).log_volume() - np.log(scale).sum()
    return _number(float(np.exp(np.average(logs, weights=weight[whole]) / len(scale))))


def _strongest(few: Any, weight: Array) -> list[Any] | None:
    d = len(few.targets)
    if d == 1 or not len(few):
        return None
    rows = evenly(len(few), max(5 * MOST_ENTRIES // d**2, 1))
    size = max(MOST_ENTRIES // (10 * d**2), 1)
    parts = (rows[start : start + size] for start in range(0, len(rows), size))
    mean = sum(np.tensordot(weight[part], few[part].correlation, 1) for part in parts)
    mean = mean / weight[rows].sum()
    first, second = np.triu_indices(d, 1)
    most = int(np.argmax(np.abs(mean[first, second])))
    i, j = int(first[most]), int(second[most])
    return [few.targets[i], few.targets[j], _number(mean[i, j])]


def _mean(values: Array, weight: Array) -> float | None:
    """The weighted mean of what is not NaN; None of nothing."""
    known = ~np.isnan(values)
    return _number(np.average(values[known], weights=weight[known])) if known.any() else None


def _stddev(values: Array, weight: Array) -> float:
    """The weighted standard deviation of what is not NaN; 0 of nothing, and of one value twice."""
    known = ~np.isnan(values)
    values, weight = values[known], weight[known]
    if not len(values) or np.ptp(values) == 0:
        return 0.0
    center = np.average(values, weights=weight)
    return float(np.sqrt(np.average(np.square(values - center), weights=weight)))


def _root(value: float | None) -> float | None:
    return None if value is None else float(np.sqrt(value))


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
