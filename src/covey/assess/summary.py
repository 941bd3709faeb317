"""A fitted model in words."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from covey.arguments.family import AUTO, LOW_RANK, MIXTURE, STUDENT_T
from covey.assess.advice import verdict_with_advice
from covey.distributions import MultivariateT
from covey.distributions.text import html_block, html_table
from covey.errors import counted

REGIONS = {  # what regions are calibrated on, by the name of the method
    "out_of_fold": "rows held out while the model was fitted",
    "conformal": "fresh rows (split conformal)",
}
WIDEST = 12  # targets whose correlations are shown
TREES = "boosted trees share in the means, with a weight of "
FEW_BLOCKS = "few blocks tell little of rows to come: "
SMALL = 0.005  # share of correlations that is not worth a word
NAMED = 6  # targets whose trees are spoken of
CHANCE = ", which chance or rounded targets may explain"
LONGEST = 50  # targets that are listed
WIDE = 8  # letters of a name that is the head of a column


def family_sentence(asked: str, chosen: str, scores: Mapping[str, float], n_targets: int) -> str:
    """Say which family was chosen, and how the score of the other compares.

    Args:
        asked: the parameter `family`.
        chosen: the family of the fitted model.
        scores: out-of-fold score of each family that was trained to the end, in nats per row.
        n_targets: D.

    Returns:
        One line.
    """
    by = f"for {n_targets} targets" if chosen == LOW_RANK else "by out-of-fold rows"
    why = f"chosen {by}" if asked == AUTO else "as asked"
    line = f"family {chosen}, {why}"
    if asked == AUTO and chosen == MIXTURE and len(scores) == 1:
        line += "; the others were far behind early on, and were not trained further"
    for other, score in scores.items():
        if other != chosen:
            gain = (score - scores[chosen]) / n_targets
            more, less = f"; {other} would gain {gain:.3f}", f", {-gain:.3f} above {other}"
            line += f"{more if gain > 0 else less} (nats per target)"
            line += CHANCE if gain > 0 and asked == AUTO else ""
    return line


def trees_sentence(weights: Mapping[str, float]) -> list[str]:
    """Say in which means boosted trees have a share, and how large it typically is.

    Args:
        weights: their typical weight for each target that has any.

    Returns:
        One line, the largest first; none without trees.
    """
    if not weights:
        return []
    largest = sorted(weights.items(), key=lambda pair: (-pair[1], pair[0]))
    named = [f"{name} {weight:.2f}" for name, weight in largest]
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return [f"{TREES}{', '.join(named[:NAMED])}{more}"]


def rounding_sentence(steps: Mapping[str, float]) -> list[str]:
    """Say which targets a mixture took to be rounded.

    Args:
        steps: of rounding, for each target that is rounded coarsely.

    Returns:
        One line; none without such targets.
    """
    if not steps:
        return []
    named = [f"{name} to {step:.4g}" for name, step in steps.items()]
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return [
        f"taken to be rounded: {', '.join(named[:NAMED])}{more}; the mixture learned them with "
        "noise as wide, so that no component is narrower"
    ]


def caution_sentence(caution: Mapping[str, float] | None, family: str) -> list[str]:
    """Say what few blocks of rows leave unknown, and what was done about it.

    Args:
        caution: the attributes of a `Caution`, or None.
        family: of the fitted model.

    Returns:
        One line; none without caution, or where it changes nothing.
    """
    if caution is None:
        return []
    parts = []
    if family in (STUDENT_T, MIXTURE):
        parts.append(f"tails have at most {caution['freedom']:g} degrees of freedom")
    if caution["shrinkage"] >= SMALL:
        parts.append(f"correlations are {1 - caution['shrinkage']:.2f} of what members say")
    return [f"{FEW_BLOCKS}{', '.join(parts)}"] if parts else []


def fit_lines(fitted: Any, asked: str) -> list[str]:
    """The lines that a fit prints when it is done.

    Args:
        fitted: the `FittedModel`.
        asked: the parameter `family`.

    Returns:
        Lines: why whole blocks of rows were held out, where that was not asked for; which family
        was chosen; where trees share in the means; which targets a mixture took to be rounded; what
        few blocks leave unknown; and the verdict on the held-out rows.
    """
    order = fitted.evaluation["order"]
    sentences = [order["said"]] if order is not None and order["said"] else []
    count = len(fitted.targets)
    sentences.append(family_sentence(asked, fitted.family, fitted.family_scores, count))
    sentences += trees_sentence(fitted.evaluation.get("trees", {}))
    sentences += rounding_sentence(fitted.evaluation.get("rounding", {}))
    sentences += caution_sentence(fitted.evaluation.get("caution"), fitted.family)
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
    said, title, cells, rest = _summary(fitted, asked)
    width = max(len(row[0]) for row in cells)
    lines = [*said, f"{title}:"]
    lines += [f"{name:<{width}}" + "".join(f"{cell:>10}" for cell in row) for name, *row in cells]
    return "\n".join([*lines, *rest])


def summary_html(fitted: Any, asked: str) -> str:
    """The same as HTML for a notebook.

    Args:
        fitted: as for `summarise`.
        asked: as for `summarise`.

    Returns:
        A `<div>`.
    """
    said, title, cells, rest = _summary(fitted, asked)
    parts = [f"<p><strong>{escape(said[0])}</strong></p>"]
    parts += [f"<p>{escape(line)}</p>" for line in [*said[1:], f"{title}:"]]
    parts += [html_table(cells), *(f"<p><small>{escape(line)}</small></p>" for line in rest)]
    return html_block("".join(parts))


def _summary(fitted: Any, asked: str) -> tuple[list[str], str, list[list[str]], list[str]]:
    """Sentences, the title and the cells of a table of targets, and what it leaves out."""
    targets, d = fitted.targets, len(fitted.targets)
    # of a fit to files only the rows that regions are calibrated on are kept
    joint = fitted.calibration_set.joint if fitted.out_of_fold is None else fitted.out_of_fold
    rows, score = fitted.evaluation["of_rows"], fitted.out_of_fold_score
    columns, members = len(fitted.schema.names), len(fitted.ensemble.linear)
    lines = [
        f"JointRegressor: {counted(d, 'target')} from {counted(columns, 'column')}, "
        f"{counted(members, 'member')}",
        family_sentence(asked, fitted.family, fitted.family_scores, d),
        *trees_sentence(fitted.evaluation.get("trees", {})),
        *rounding_sentence(fitted.evaluation.get("rounding", {})),
        *caution_sentence(fitted.evaluation.get("caution"), fitted.family),
        f"out-of-fold score {score:.3f} nats per row ({score / d:.3f} per target), "
        f"{counted(rows, 'row')}",
    ]
    if isinstance(joint, MultivariateT):
        freedom = np.quantile(joint.degrees_of_freedom, [0.05, 0.5, 0.95])
        lines.append(
            "degrees of freedom {1:.3g} in the median row, {0:.3g} to {2:.3g} in nine of ten rows "
            "(infinite is normal)".format(*freedom)
        )
    if fitted.mean_model is not None:
        lines.append(f"mean model {fitted.mean_model.description}")
    names, shown = list(targets[:LONGEST]), list(targets)
    together = 1 < d <= WIDEST
    if together and max(map(len, targets)) > WIDE:  # cut, several names might be the same
        shown = [f"#{number + 1}" for number in range(d)]
        names = [f"{short} {name}" for short, name in zip(shown, names, strict=True)]
    cells = [["target", "std", *(shown if together else [])]]
    mean = joint.correlation.mean(axis=0) if together else np.empty((d, 0))
    for name, spread, row in zip(names, np.median(joint.stddev, axis=0), mean, strict=False):
        cells.append([name, f"{spread:.4g}", *(f"{value:.2f}" for value in row)])
    title = f"median standard deviation{' and mean correlation' if together else ''} over rows"
    more = [f"... {counted(d - LONGEST, 'more target')}"] if d > LONGEST else []
    return lines, title, cells, more
