"""How good predictions were, in plain numbers, beside simpler predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import r2_score

from covey import scores
from covey.distributions import Elliptical
from covey.distributions.batch import evenly

Array = NDArray[np.float64]

LEVELS = (0.5, 0.8, 0.9, 0.95)
MOST_ROWS = 50_000  # that figures are computed from, evenly spaced
FEW_ROWS = 5000  # for the scores that cost more than a density
MOST_NUMBERS = 50_000_000  # in the distributions of these rows
MANY = 200  # targets beyond which the energy and the variogram score take too long
MOST_ENTRIES = 20_000_000  # of matrices for those scores, five times as many for a mean correlation
ODD = 1e-4  # how improbable a row is that counts as such
LINEAR = "ridge, constant covariance"
UNCORRELATED = "correlations ignored"


def evaluate(
    joint: Elliptical,
    Y: Array,
    baselines: Mapping[str, Elliptical],
    *,
    all_scores: bool = True,
    simple: str = "ridge regression",
) -> dict[str, Any]:
    """Score predictions against what came.

    Args:
        joint: predictions for N rows over D targets.
        Y: what came, shape (N, D), in target units; NaN where not observed.
        baselines: other predictions for the same rows, by name.
        all_scores: also the energy and the variogram score, which take longest.
        simple: what the means of the first baseline are.

    Returns:
        Plain numbers, text, lists and dicts, as JSON has them; None for what cannot be said (a
        target that was never observed):

        * `rows` that figures are computed from, at most 50,000 (5,000, or fewer with many targets,
          for the energy and variogram scores, `crps`, `interval_score`, `volume` and
          `correlation`), evenly chosen `of_rows` with a target;
        * `cells` (observed), `targets`, `family`, `calibration` (what regions go by) and
          `calibration_rows` (how many of these 90% regions go by: those that hold all targets, or,
          if they are too few, any);
        * `negative_log_likelihood`, in nats per row, and `_per_target`, in nats per observed cell;
        * `energy_score`, `variogram_score` (of order 0.5), means over rows, of targets divided by
          their standard deviation in `Y`; None for more than 200 targets;
        * `per_target`: for each its `observed` cells, `bias` (mean of observed less predicted),
          `mae`, `rmse`, `crps`, `interval_score` (level 0.9), `conditional_error` (all in target
          units), `r2`, and the mean predicted `stddev`;
        * `coverage`: for each level, as text, the share of rows within the `joint` region, of cells
          within their `interval`, of each target's (`per_target`), and of rows within the region
          that the `model` alone would draw;
        * `volume`: of the 90% regions to the power 1/D, geometric mean over complete rows, in the
          same unit as the energy score;
        * `correlation`: the strongest mean correlation as `[target, other, value]`, or None;
        * `improbable`: rows farther out than one in 10,000, the number `expected`, and the number;
        * `simple`, what the means of the first baseline are;
        * `baselines`: `negative_log_likelihood`, `_per_target`, `energy_score`, the coverage of
          their own 90% regions, and the `gain` of `joint` over them, in nats per observed cell,
          with its `standard_error` if rows are independent.
    """
    rows = np.flatnonzero(~np.isnan(Y).all(axis=1))
    found = len(rows)
    rows = rows[evenly(found, MOST_ROWS)]
    if len(rows) < len(Y):
        joint, Y = joint[rows], Y[rows]
        baselines = {name: other[rows] for name, other in baselines.items()}
    some = evenly(len(rows), max(min(FEW_ROWS, MOST_NUMBERS // row_width(joint)), 1))
    few, y = (joint, Y) if len(some) == len(rows) else (joint[some], Y[some])
    observed = [column[~np.isnan(column)] for column in Y.T]
    scale = np.array([column.std() if len(column) else 0.0 for column in observed])
    scale = np.where(scale > 0, scale, 1.0)
    cells = int((~np.isnan(Y)).sum())
    distance = scores.distance_pit(joint, Y, method="model")
    loss = scores.negative_log_likelihood(joint, Y)
    costly = {"energy_score": scores.energy_score, "variogram_score": scores.variogram_score}
    fewer = some[evenly(len(some), max(MOST_ENTRIES // len(scale) ** 2, 1))]

    def mean_of(score: Any, other: Any) -> float | None:
        if len(scale) > MANY:
            return None
        return _mean(score(_scaled(other[fewer], scale), Y[fewer] / scale))

    return {
        "rows": len(rows),
        "of_rows": found,
        "cells": cells,
        "targets": list(joint.targets),
        "family": type(joint).__name__,
        "calibration": joint.calibration,
        "simple": simple,
        "calibration_rows": None if joint._reference is None else joint._reference.rows_at(0.9),
        **_densities(loss, cells),
        **({name: mean_of(score, joint) for name, score in costly.items()} if all_scores else {}),
        "per_target": _per_target(joint, Y, few, y),
        "coverage": {f"{level:g}": _coverage(joint, Y, level, distance) for level in LEVELS},
        "volume": _volume(few, y, scale),
        "correlation": _strongest(few),
        "improbable": {
            "expected": round(ODD * len(rows), 3),
            "rows": int(np.sum(distance > 1 - ODD)),
        },
        "baselines": {
            name: _beside(loss, other, Y, cells)
            | ({"energy_score": mean_of(scores.energy_score, other)} if all_scores else {})
            for name, other in baselines.items()
        },
    }


def _beside(loss: Array, other: Elliptical, Y: Array, cells: int) -> dict[str, float | None]:
    """A baseline, and what the predictions that lose `loss` in each row gain over it."""
    theirs = scores.negative_log_likelihood(other, Y)
    error = np.std(theirs - loss) * np.sqrt(len(Y)) / cells if cells else np.nan
    return {
        **_densities(theirs, cells),
        "gain": _number((theirs - loss).sum() / cells if cells else np.nan),
        "standard_error": _number(error),
        "coverage": _mean((scores.distance_pit(other, Y, method="model") <= 0.9).astype(float)),
    }


def simple_model(bases: Any) -> str:
    """What a linear start is called: ridge regression, or the regressor that the user brought."""
    return "ridge regression" if bases is None else f"the {type(bases[0]).__name__} alone,"


def mean_r2(Y: Array, mean: Array, sample_weight: ArrayLike | None = None) -> float:
    """Coefficient of determination, averaged over the targets that were observed.

    Args:
        Y: what came, shape (N, D); each target counts on the rows that hold it.
        mean: what was predicted, shape (N, D).
        sample_weight: shape (N,), or None.

    Returns:
        R^2: 1 for perfect means; NaN if no target was observed twice.
    """
    weight = np.ones(len(Y)) if sample_weight is None else np.asarray(sample_weight)
    parts = zip(~np.isnan(Y).T, Y.T, mean.T, strict=True)
    each = [r2_score(y[k], m[k], sample_weight=weight[k]) for k, y, m in parts if k.sum() > 1]
    return float(np.mean(each)) if each else float("nan")


def uncorrelated(joint: Any) -> Any:
    """The same means, standard deviations and tails, all correlations zero.

    Args:
        joint: an `Elliptical`.

    Returns:
        Distributions of the same kind, whose regions go by the model.
    """
    return joint._uncorrelated()


def _densities(loss: Array, cells: int) -> dict[str, float | None]:
    total = float(loss.sum())
    return {
        "negative_log_likelihood": _number(total / len(loss) if len(loss) else np.nan),
        "negative_log_likelihood_per_target": _number(total / cells if cells else np.nan),
    }


def _scaled(few: Any, scale: Array) -> Any:
    return few._stretched(1 / scale)._with(few.targets, mean=few.mean / scale)


def row_width(joint: Any) -> int:
    """How many numbers the distribution of a row has."""
    return max(sum(array.size for array in joint.to_arrays().values()) // max(len(joint), 1), 1)


def _per_target(joint: Any, Y: Array, few: Any, y: Array) -> dict[str, dict[str, Any]]:
    error = Y - joint.mean
    crps, interval = scores.crps(few, y), scores.interval_score(few, y)
    conditional = scores.conditional_error(joint, Y)
    found = {}
    for i, name in enumerate(joint.targets):
        seen = ~np.isnan(Y[:, i])
        spread = np.sum(np.square(Y[seen, i] - Y[seen, i].mean())) if seen.any() else 0.0
        found[name] = {
            "observed": int(seen.sum()),
            "bias": _mean(error[:, i]),
            "mae": _mean(np.abs(error[:, i])),
            "rmse": _root(_mean(np.square(error[:, i]))),
            "r2": _number(1 - np.sum(np.square(error[seen, i])) / spread if spread > 0 else np.nan),
            "crps": _mean(crps[:, i]),
            "interval_score": _mean(interval[:, i]),
            "conditional_error": _mean(conditional[:, i]),
            "stddev": _mean(joint.stddev[:, i]),
        }
    return found


def _coverage(joint: Any, Y: Array, level: float, distance: Array) -> dict[str, Any]:
    if not len(Y):
        return {"joint": None, "interval": None, "per_target": {}, "model": None}
    each: Any = scores.marginal_coverage(joint, Y, level, per_target=True)
    count = (~np.isnan(Y)).sum(axis=0)
    return {
        "joint": _number(scores.joint_coverage(joint, Y, level)),
        "interval": _number(np.nansum(each * count) / count.sum()),
        "per_target": dict(zip(joint.targets, map(_number, each), strict=True)),
        "model": _number(np.mean(distance <= level)),
    }


def _volume(few: Any, y: Array, scale: Array) -> float | None:
    whole = few[np.flatnonzero(~np.isnan(y).any(axis=1))]
    if not len(whole):
        return None
    logs = whole.region(0.9).log_volume() - np.log(scale).sum()
    return _number(float(np.exp(np.mean(logs) / len(scale))))


def _strongest(few: Any) -> list[Any] | None:
    d = len(few.targets)
    if d == 1 or not len(few):
        return None
    rows = evenly(len(few), max(5 * MOST_ENTRIES // d**2, 1))
    size = max(MOST_ENTRIES // (10 * d**2), 1)
    parts = (few[rows[i : i + size]].correlation.sum(axis=0) for i in range(0, len(rows), size))
    mean = sum(parts) / len(rows)
    first, second = np.triu_indices(d, 1)
    most = int(np.argmax(np.abs(mean[first, second])))
    i, j = int(first[most]), int(second[most])
    return [few.targets[i], few.targets[j], _number(mean[i, j])]


def _mean(values: Array) -> float | None:
    return _number(np.nanmean(values)) if np.any(~np.isnan(values)) else None


def _root(value: float | None) -> float | None:
    return None if value is None else float(np.sqrt(value))


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
