"""From a table that is ready to a fitted ensemble, the better family, and its calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from covey.calibration import as_pooled, fit_scales, reference_rows
from covey.candidates import train_candidates
from covey.distributions import Elliptical
from covey.distributions.reference import Reference
from covey.ensemble import Ensemble
from covey.evaluation import LINEAR, UNCORRELATED, evaluate, uncorrelated
from covey.families.student_t import START
from covey.linear import LinearModel
from covey.mean_model import MeanModel
from covey.network import Network, quantile_knots
from covey.recipe import Recipe
from covey.training_table import TrainingTable


@dataclass(frozen=True)
class Fitted:
    """What a fit leaves.

    Attributes:
        family: the family that is handed back.
        scores: out-of-fold score of each family that was trained, in nats per row.
        ensemble: the fitted members.
        means: the user's mean models, or None.
        out_of_fold: distributions of the held-out rows by members that did not train on them.
        evaluation: what `evaluate` says of `out_of_fold`, the energy and variogram scores apart.
        reference: some of these rows and what came, by which regions are made as wide as needed.
    """

    family: str
    scores: dict[str, float]
    ensemble: Ensemble
    means: MeanModel | None
    out_of_fold: Elliptical
    evaluation: dict[str, Any]
    reference: Reference


def fit_table(
    table: TrainingTable, parameters: Mapping[str, Any], *, seed: int, started: float
) -> Fitted:
    """Train the families, keep the better one, and correct how wide it is where that helps.

    Args:
        table: what to learn from.
        parameters: those of the `JointRegressor`, by name.
        seed: of the initial weights, the batches, the dropout, and the rows that are kept.
        started: `time.monotonic()` from which `max_time` counts.

    Returns:
        The fit.

    Raises:
        InputError: a parameter cannot be used; the message names it.
    """
    folds, inputs, Y, weight = table.folds, table.inputs, table.Y, table.weight
    network = Network(
        n_features=inputs.shape[1],
        n_targets=Y.shape[1],
        members=len(folds),
        hidden_units=tuple(np.atleast_1d(parameters["hidden_units"]).tolist()),
        activation=parameters["activation"],
        dropout=parameters["dropout"],
        family_name="student_t",
        knots=quantile_knots(inputs),
    )
    settings = ("max_steps", "batch_size", "learning_rate", "weight_decay", "max_time")
    recipe = Recipe.for_table(*Y.shape, **{name: parameters[name] for name in settings})
    means, offsets = None, None
    if parameters["base"] is not None:
        means, offsets = MeanModel.fit(
            parameters["base"],
            table.schema.as_given(table.frame),
            Y,
            folds,
            flat=table.flat,
            sample_weight=weight,
        )
    features = inputs.astype(np.float64)
    linear = tuple(
        LinearModel.fit(
            features[rows],
            Y[rows],
            None if weight is None else weight[rows],
            folds.inner_blocks(member),
            START,
            None if offsets is None else offsets[member, rows],
        )
        for member, (rows, _) in enumerate(folds.pairs)
    )
    callbacks = parameters["callbacks"]
    candidates = train_candidates(
        network,
        inputs,
        Y,
        linear,
        folds,
        recipe,
        table.targets,
        normal=parameters["family"] != "student_t",
        offsets=offsets,
        sample_weight=weight,
        callbacks=np.atleast_1d(callbacks).tolist() if callbacks else (),
        seed=seed,
        verbose=int(bool(parameters["verbose"])),
        started=started,
    )
    asked = [found for found in candidates if parameters["family"] in ("auto", found.family)]
    best = max(asked, key=lambda found: found.score)
    scores = {found.family: found.score for found in candidates}

    rows = folds.held_out
    observed, share = Y[rows], None if weight is None else weight[rows]
    tests = [test for _, test in folds.pairs]
    joint = best.out_of_fold
    scales = fit_scales(joint, observed, share, seed)
    if np.any(scales != 1):
        best.ensemble.scales = scales
        joint = best.ensemble.held_out(inputs, tests, rows, offsets)
        scores[best.family] = float(np.average(joint.log_prob(observed), weights=share))
    kept = reference_rows(observed, share, seed)
    at = rows[kept]
    members = best.ensemble.mixture(inputs[at], None if offsets is None else offsets[:, at])
    reference = Reference(
        as_pooled(joint[kept], members),
        observed[kept],
        "out_of_fold",
        None if share is None else share[kept],
    )
    baselines = {
        LINEAR: best.ensemble.linear_held_out(inputs, tests, rows, offsets),
        UNCORRELATED: uncorrelated(joint),
    }
    figures = evaluate(joint, observed, baselines, all_scores=False)
    return Fitted(best.family, scores, best.ensemble, means, joint, figures, reference)
