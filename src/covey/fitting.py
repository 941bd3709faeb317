"""From a table that is ready to a fitted ensemble, the better family, and its calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covey.calibration import as_pooled, pooled_scales, reference_rows, scaled
from covey.candidates import Candidate, train_candidates
from covey.distributions import Elliptical
from covey.distributions.reference import Reference
from covey.ensemble import Ensemble
from covey.evaluation import LINEAR, UNCORRELATED, evaluate, simple_model, uncorrelated
from covey.families.student_t import START
from covey.linear import LinearModel
from covey.mean_model import MeanModel
from covey.network import Network, quantile_knots
from covey.recipe import Recipe
from covey.training_table import TrainingTable

Array = NDArray[np.float64]


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
    rows = folds.held_out
    observed, share = Y[rows], None if weight is None else weight[rows]
    joint = best.out_of_fold
    tests = [test for _, test in folds.pairs]
    baselines = {
        LINEAR: best.ensemble.linear_held_out(inputs, tests, rows, offsets),
        UNCORRELATED: uncorrelated(joint),
    }
    return Fitted(
        best.family,
        {found.family: found.score for found in candidates},
        best.ensemble,
        means,
        joint,
        evaluate(
            joint,
            observed,
            baselines,
            all_scores=False,
            simple=simple_model(None if means is None else means.estimators),
        ),
        _calibrate(best, inputs, rows, observed, share, offsets, seed),
    )


def _calibrate(
    best: Candidate,
    inputs: NDArray[np.float32],
    rows: NDArray[np.int64],
    Y: Array,
    weight: Array | None,
    offsets: Array | None,
    seed: int,
) -> Reference:
    """Correct the scales of the ensemble, and keep rows by which regions are made as wide.

    Args:
        best: the candidate; its ensemble is changed.
        inputs: of all training rows.
        rows: which of them were held out.
        Y: their targets.
        weight: their sample weights, or None.
        offsets: of all training rows, or None.
        seed: of the choice of rows.
    """
    kept = reference_rows(Y, weight, seed)
    at, share = rows[kept], None if weight is None else weight[kept]
    joint, y = best.out_of_fold[kept], Y[kept]
    members = best.ensemble.mixture(inputs[at], None if offsets is None else offsets[:, at])
    order = np.random.default_rng(seed).permutation(len(kept))
    best.ensemble.scales = pooled_scales(
        joint[order], members[order], y[order], None if share is None else share[order]
    )
    pooled = scaled(as_pooled(joint, members), best.ensemble.scales)
    return Reference(pooled, y, "out_of_fold", share)
