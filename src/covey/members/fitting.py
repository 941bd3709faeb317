"""From a table that is ready to a fitted ensemble, the better family, and its calibration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covey.assess.calibration import as_pooled, pooled_scales, reference_rows, scaled
from covey.assess.evaluation import evaluate, row_width
from covey.assess.seen import Seen
from covey.assess.summary import family_sentence
from covey.assess.verdict import verdict
from covey.backend import compilation
from covey.distributions import Elliptical
from covey.distributions.reference import Reference
from covey.errors import InputError
from covey.members.architecture import Architecture, quantile_knots
from covey.members.candidates import Candidate, train_candidates
from covey.members.ensemble import Ensemble
from covey.members.plan import plan_of
from covey.members.recipe import Recipe
from covey.members.run import Run
from covey.rows.training_table import TrainingTable, network_inputs
from covey.start.baseline import Baseline, regressor_name
from covey.start.full import Ridge, fit_ridge
from covey.start.mean_model import MeanModel
from covey.start.start import unbounded_columns
from covey.table.inputs import Inputs
from covey.table.training_data import TrainingData

SETTINGS = ("max_steps", "batch_size", "learning_rate", "weight_decay", "max_time")  # of a recipe


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
        baseline: the simple prediction beside which the fit is judged.
        reference: the calibration set of regions: some of these rows, and their observed values.
        seen: fingerprints of the training rows.
    """

    family: str
    scores: dict[str, float]
    ensemble: Ensemble
    means: MeanModel | None
    out_of_fold: Elliptical
    evaluation: dict[str, Any]
    baseline: Baseline
    reference: Reference
    seen: Seen


def fit_table(
    table: TrainingTable, parameters: Mapping[str, Any], *, seed: int, started: float
) -> tuple[TrainingTable, Fitted]:
    """Train the families, keep the better one, and correct how wide it is where that helps.

    Where several processes train together, each with a table of its own, they start from what the
    first of them has, learn from all tables, and each calibrates by its own.

    Args:
        table: what to learn from.
        parameters: those of the `JointRegressor`, by name.
        seed: of the initial weights, the batches, the dropout, and the rows that are kept.
        started: `time.monotonic()` from which `max_time` counts.

    Returns:
        (table, fitted): the table, its features as the fit takes them, and the fit.

    Raises:
        InputError: a parameter cannot be used; the message names it.
        EngineError: Keras cannot train here: see `compilation.check_can_fit`.
    """
    compilation.check_can_fit()
    processes = compilation.processes()
    if processes > 1:
        seed, table = compilation.agreed(seed), _as_the_first(table)
        if parameters["base"] is not None:
            raise InputError(
                "`base` is fitted in one process. Received one, with a training over "
                f"{processes}: leave it out, or fit without a distribution."
            )
    data, base, means = table.data, parameters["base"], None
    count = len(data.targets)
    plan = plan_of(parameters["family"], parameters["rank"], count)
    architecture = plan.architecture(
        architecture_of(parameters, data.inputs.matrix, count, len(data.folds))
    )
    architecture = compilation.agreed(architecture)
    settings = {name: parameters[name] for name in SETTINGS}
    rows_in_all = int(compilation.summed(np.array(len(data.Y), dtype=np.float64)))
    recipe = Recipe.for_table(
        rows_in_all, count, **settings, outputs=architecture.family.packed_size
    )
    recipe = replace(recipe, batch_size=max(recipe.batch_size // processes, 1))
    if base is not None:
        given = table.schema.as_given(table.frame)
        means, offsets = MeanModel.fit(base, given, data, flat=table.flat)
        data = replace(data, inputs=Inputs(data.inputs.matrix, offsets))
        table = replace(table, data=data)
    ridges = _ridges(data)
    linear = compilation.agreed(tuple(plan.start(ridge) for ridge in ridges))
    covariances = [plan.constant_covariance(ridge) for ridge in ridges]
    name = None if base is None else regressor_name(base)
    baseline = Baseline.of(linear, compilation.agreed(covariances), name)
    run = Run.of(parameters, seed=seed, started=started)
    candidates = train_candidates(data, plan, architecture, linear, recipe, run)
    fitted = select_and_calibrate(
        candidates, table, parameters["family"], baseline, seed=seed, means=means
    )
    return table, fitted


def _as_the_first(table: TrainingTable) -> TrainingTable:
    """The table of this process, its features as process 0 would read them."""
    schema = compilation.agreed(table.schema)
    inputs = Inputs(network_inputs(schema, table.frame, schema.named))
    return replace(table, schema=schema, data=replace(table.data, inputs=inputs))


def _ridges(data: TrainingData) -> list[Ridge]:
    """For each member, the regressions of its training rows."""
    unbounded = unbounded_columns(data.inputs.matrix)
    ridges = []
    for member, rows in enumerate(data.folds.trains):
        inputs = data.inputs[rows]
        ridges.append(
            fit_ridge(
                inputs.features,
                data.Y[rows],
                sample_weight=data.weight[rows],
                blocks=data.folds.inner_blocks(member),
                offset=None if inputs.offsets is None else inputs.offsets[member],
                unbounded=unbounded,
            )
        )
    return ridges


def architecture_of(
    parameters: Mapping[str, Any], inputs: NDArray[np.float32], n_targets: int, members: int
) -> Architecture:
    """The architecture that the user asks for, with a Student-t for its family.

    Args:
        parameters: those of the `JointRegressor`, by name.
        inputs: features of rows that stand for all, shape (N, F).
        n_targets: D.
        members: K.

    Returns:
        The architecture.

    Raises:
        InputError: a parameter cannot be used; the message names it.
    """
    units = parameters["hidden_units"]
    several = isinstance(units, Iterable) and not isinstance(units, str)
    return Architecture(
        n_features=inputs.shape[1],
        n_targets=n_targets,
        members=members,
        hidden_units=tuple(units) if several else (units,),
        activation=parameters["activation"],
        dropout=parameters["dropout"],
        family_name="student_t",
        knots=quantile_knots(inputs),
    )


def select_and_calibrate(
    candidates: Sequence[Candidate],
    table: TrainingTable,
    family: str,
    baseline: Baseline,
    *,
    seed: int,
    means: MeanModel | None = None,
    n_rows: int | None = None,
) -> Fitted:
    """Keep the better family, and correct how wide it is where that helps.

    Args:
        candidates: the families that were trained; the ensemble of the better one is changed.
        table: the rows that they are judged by.
        family: the one to keep, or "auto" for the one with the better out-of-fold score.
        baseline: the simple prediction beside which the fit is judged.
        seed: of the choice of rows.
        means: the user's mean models, or None.
        n_rows: how many rows were trained on, if the table is a sample of them.

    Returns:
        The fit.
    """
    asked = [candidate for candidate in candidates if family in ("auto", candidate.family)]
    best = max(asked, key=lambda candidate: candidate.score)
    data, rows = table.data, table.data.folds.held_out
    evaluation = evaluate(
        best.out_of_fold,
        data.Y[rows],
        baseline.held_out(data),
        baseline.description,
        sample_weight=data.weight[rows],
        all_scores=False,
    )
    order = None if table.order is None else table.order.to_manifest()
    return Fitted(
        family=best.family,
        scores={candidate.family: candidate.score for candidate in candidates},
        ensemble=best.ensemble,
        means=means,
        out_of_fold=best.out_of_fold,
        evaluation=evaluation | {"order": order},
        baseline=baseline,
        reference=_calibrate(best, data, seed),
        seen=Seen.of(data.inputs.matrix, data.Y, n_rows),
    )


def hand_over(fitted: Fitted, table: TrainingTable, model: Any, *, of_all: bool = True) -> None:
    """Make an estimator a fitted one; say what came out if it is verbose.

    Args:
        fitted: the fit.
        table: what it is judged by.
        model: the `JointRegressor`.
        of_all: whether the table holds all rows, so that their out-of-fold distributions are kept.
    """
    model.targets_ = table.data.targets
    model.n_features_in_ = len(table.schema.names)
    model.family_ = fitted.family
    model.family_scores_ = fitted.scores
    model.base_ = None if fitted.means is None else fitted.means.estimators
    model.ensemble_ = fitted.ensemble
    model.out_of_fold_score_ = fitted.scores[fitted.family]
    model.out_of_fold_evaluation_ = fitted.evaluation
    own = {
        "feature_names_in_": table.schema.named and np.array(table.schema.names, dtype=object),
        "out_of_fold_": of_all and fitted.out_of_fold._labelled(_held_out_labels(table)),
        "out_of_fold_rows_": of_all and table.rows[table.data.folds.held_out],
    }
    for name, value in own.items():
        if value is not False:
            setattr(model, name, value)
        elif hasattr(model, name):
            delattr(model, name)  # of an earlier fit
    model._reference = fitted.reference
    model._means = fitted.means
    model._baseline = fitted.baseline
    model._seen, model._seen_in_calibration = fitted.seen, None
    model._schema = table.schema
    model._flat = table.flat
    if model.verbose:
        d = len(table.data.targets)
        if table.order is not None and table.order.sentence:
            print(f"covey: {table.order.sentence}")
        print(f"covey: {family_sentence(model.family, fitted.family, fitted.scores, d)}")
        print("\n".join(verdict(fitted.evaluation, held_out=True)))


def _held_out_labels(table: TrainingTable) -> Any:
    return None if table.labels is None else table.labels[table.data.folds.held_out]


def _calibrate(best: Candidate, data: TrainingData, seed: int) -> Reference:
    """Correct the scales of the ensemble, and choose the rows that regions are calibrated on.

    Args:
        best: the candidate; its ensemble is changed.
        data: the rows; those held out are chosen from.
        seed: of the choice of rows.

    Returns:
        The chosen rows: what the calibrated ensemble predicts of them, and the observed values.
    """
    rows, weight = data.folds.held_out, data.uneven_weight
    share = None if weight is None else weight[rows]
    chosen = reference_rows(data.Y[rows], share, seed, row_width(best.out_of_fold))
    rows, share = rows[chosen], None if share is None else share[chosen]
    joint, y = best.out_of_fold[chosen], data.Y[rows]
    members = best.ensemble.mixture(data.inputs[rows])
    order = np.random.default_rng(seed).permutation(len(rows))
    scales = pooled_scales(
        joint[order], members[order], y[order], None if share is None else share[order]
    )
    best.ensemble.scales = compilation.agreed(scales)
    pooled = scaled(as_pooled(joint, members), best.ensemble.scales)
    return Reference(pooled, y, "out_of_fold", share)
