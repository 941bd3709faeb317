"""A fitted estimator in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

REGIONS = {  # what regions are calibrated on, by the name of the method
    "out_of_fold": "rows held out while the model was fitted",
    "conformal": "fresh rows (split conformal)",
}
WIDEST = 12  # targets whose correlations are shown
LONGEST = 50  # targets that are listed


def family_sentence(asked: str, chosen: str, scores: Mapping[str, float], n_targets: int) -> str:
    """What was chosen, and what the other family would have been worth.

    Args:
        asked: the parameter `family`.
        chosen: the family that is handed back.
        scores: out-of-fold score of each family that was trained, in nats per row.
        n_targets: D.

    Returns:
        One line.
    """
    by = f"for {n_targets} targets" if len(scores) == 1 else "by its out-of-fold score"
    why = f"chosen {by}" if asked == "auto" else "as asked"
    line = f"family {chosen}, {why}"
    for other, score in scores.items():
        if other != chosen:
            gain = (score - scores[chosen]) / n_targets
            more, less = f"; {other} would gain {gain:.3f}", f", {-gain:.3f} above {other}"
            line += f"{more if gain > 0 else less} (nats per target)"
    return line


def summarise(model: Any) -> str:
    """Describe a fitted `JointRegressor`, from what it predicted out of fold.

    Args:
        model: the estimator.

    Returns:
        Several lines: what was fitted, which family and why, how good it is, how uncertain each
        target typically is, and how the targets move together.
    """
    d = len(model.targets_)
    # a fit to files keeps only the rows that regions are calibrated on
    joint = getattr(model, "out_of_fold_", model._reference.joint)
    rows = model.out_of_fold_evaluation_["of_rows"]
    score = model.out_of_fold_score_
    shown = (model.family, model.family_, model.family_scores_, d)
    lines = [
        f"JointRegressor: {d} targets from {model.n_features_in_} columns, "
        f"{len(model.ensemble_.linear)} members",
        family_sentence(*shown),
        f"out-of-fold score {score:.3f} nats per row ({score / d:.3f} per target), {rows} rows",
    ]
    if model.family_ == "student_t":
        freedom = np.quantile(joint.degrees_of_freedom, [0.05, 0.5, 0.95])
        lines.append(
            "degrees of freedom {1:.3g} in the median row, {0:.3g} to {2:.3g} in nine of ten rows "
            "(infinite is normal)".format(*freedom)
        )
    if model.base_ is not None:
        lines.append(f"mean model {' '.join(repr(model.base_[0]).split())}")
    width = max(map(len, (*model.targets_[:LONGEST], "target")))
    spread = np.median(joint.stddev, axis=0)
    titles = ["std"]
    columns = [[f"{value:.4g}" for value in spread]]
    if 1 < d <= WIDEST:
        mean = joint.correlation.mean(axis=0)
        titles += [name[:8] for name in model.targets_]
        columns += [[f"{value:.2f}" for value in row] for row in mean]
        lines.append("median standard deviation and mean correlation over rows:")
    else:
        lines.append("median standard deviation over rows:")
    lines.append(f"{'target':<{width}}" + "".join(f"{title:>10}" for title in titles))
    for number, name in enumerate(model.targets_[:LONGEST]):
        cells = "".join(f"{column[number]:>10}" for column in columns)
        lines.append(f"{name:<{width}}{cells}")
    if d > LONGEST:
        lines.append(f"... {d - LONGEST} more targets")
    return "\n".join(lines)
