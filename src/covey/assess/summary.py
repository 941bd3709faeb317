"""A fitted model in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from covey.arguments.family import AUTO
from covey.assess.advice import verdict_with_advice
from covey.distributions import MultivariateT

REGIONS = {  # what regions are calibrated on, by the name of the method
    "out_of_fold": "rows held out while the model was fitted",
    "conformal": "fresh rows (split conformal)",
}
WIDEST = 12  # targets whose correlations are shown
LONGEST = 50  # targets that are listed


def family_sentence(asked: str, chosen: str, scores: Mapping[str, float], n_targets: int) -> str:
    """Say which family was chosen, and how the score of the other compares.

    Args:
        asked: the parameter `family`.
        chosen: the family of the fitted model.
        scores: out-of-fold score of each family that was trained, in nats per row.
        n_targets: D.

    Returns:
        One line.
    """
    by = f"for {n_targets} targets" if len(scores) == 1 else "by its out-of-fold score"
    why = f"chosen {by}" if asked == AUTO else "as asked"
    line = f"family {chosen}, {why}"
    for other, score in scores.items():
        if other != chosen:
            gain = (score - scores[chosen]) / n_targets
            more, less = f"; {other} would gain {gain:.3f}", f", {-gain:.3f} above {other}"
            line += f"{more if gain > 0 else less} (nats per target)"
    return line


def fit_lines(fitted: Any, asked: str) -> list[str]:
    """The lines that a fit prints when it is done.

    Args:
        fitted: the `FittedModel`.
        asked: the parameter `family`.

    Returns:
        Lines: why whole blocks of rows were held out, where that was not asked for; which family
        was chosen; and the verdict on the held-out rows.
    """
    order = fitted.evaluation["order"]
    sentences = [order["said"]] if order is not None and order["said"] else []
    count = len(fitted.targets)
    sentences.append(family_sentence(asked, fitted.family, fitted.family_scores, count))
    return [f"covey: {sentence}" for sentence in sentences] + verdict_with_advice(
        fitted.evaluation, held_out=True
    )


def summarise(fitted: Any, asked: str) -> str:
    """Describe a fitted model by its out-of-fold predictions.

    Args:
        fitted: the `FittedModel`.
        asked: the parameter `family`.

    Returns:
        Several lines: what was fitted, which family and why, how good it is, how uncertain each
        target typically is, and how the targets move together.
    """
    targets, d = fitted.targets, len(fitted.targets)
    # of a fit to files only the rows that regions are calibrated on are kept
    joint = fitted.calibration_set.joint if fitted.out_of_fold is None else fitted.out_of_fold
    rows, score = fitted.evaluation["of_rows"], fitted.out_of_fold_score
    lines = [
        f"JointRegressor: {d} targets from {len(fitted.schema.names)} columns, "
        f"{len(fitted.ensemble.linear)} members",
        family_sentence(asked, fitted.family, fitted.family_scores, d),
        f"out-of-fold score {score:.3f} nats per row ({score / d:.3f} per target), {rows} rows",
    ]
    if isinstance(joint, MultivariateT):
        freedom = np.quantile(joint.degrees_of_freedom, [0.05, 0.5, 0.95])
        lines.append(
            "degrees of freedom {1:.3g} in the median row, {0:.3g} to {2:.3g} in nine of ten rows "
            "(infinite is normal)".format(*freedom)
        )
    if fitted.mean_model is not None:
        lines.append(f"mean model {fitted.mean_model.description}")
    width = max(map(len, (*targets[:LONGEST], "target")))
    spread = np.median(joint.stddev, axis=0)
    titles = ["std"]
    columns = [[f"{value:.4g}" for value in spread]]
    if 1 < d <= WIDEST:
        mean = joint.correlation.mean(axis=0)
        titles += [name[:8] for name in targets]
        columns += [[f"{value:.2f}" for value in row] for row in mean]
        lines.append("median standard deviation and mean correlation over rows:")
    else:
        lines.append("median standard deviation over rows:")
    lines.append(f"{'target':<{width}}" + "".join(f"{title:>10}" for title in titles))
    for number, name in enumerate(targets[:LONGEST]):
        cells = "".join(f"{column[number]:>10}" for column in columns)
        lines.append(f"{name:<{width}}{cells}")
    if d > LONGEST:
        lines.append(f"... {d - LONGEST} more targets")
    return "\n".join(lines)
