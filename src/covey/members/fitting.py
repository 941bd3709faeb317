"""From a table that is ready to a fitted ensemble, the family that is kept, and its calibration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covey.arguments.family import AUTO, MIXTURE, STUDENT_T
from covey.assess.calibration import as_pooled, calibration_rows, pooled_scales
from covey.assess.evaluation import evaluate, row_width
from covey.assess.fingerprints import Fingerprints
from covey.backend import compilation, processes
from covey.distributions.conformal import CalibrationSet
from covey.distributions.internals import rescaled, transformed, with_labels
from covey.distributions.transforms import Transforms
from covey.errors import InputError, clipped
from covey.members.architecture import Architecture, quantile_knots
from covey.members.candidates import Candidate, train_candidates
from covey.members.fitted_model import FittedModel
from covey.members.held_back import held_back
from covey.members.plan import plan_of
from covey.members.recipe import Recipe
from covey.members.run import Run
from covey.members.selection import better
from covey.members.trees import TreesBeside
from covey.rows.training_table import TrainingTable, network_inputs
from covey.start.baseline import Baseline, regressor_name
from covey.start.mean_model import MeanModel, PredictionError
from covey.start.ridge import Ridge, fit_ridge
from covey.start.rounding import Rounding
from covey.start.start import unbounded_columns
from covey.start.target_transforms import TargetTransforms, choose
from covey.table import TargetText
from covey.table.cells import listed
from covey.table.inputs import Inputs
from covey.table.training_data import TrainingData
from covey.types import Groups

MOST_ROWS = 200_000  # of a member, that it starts from
SETTINGS = ("max_steps", "batch_size", "learning_rate", "weight_decay", "max_time")  # of a recipe


def fit_table(
    table: TrainingTable, parameters: Mapping[str, Any], *, seed: int, started: float
) -> FittedModel:
    """Train the families, keep the better one, and correct how wide it is where that helps.

    Where several processes train together, each with a table of its own, they start from what the
    first of them has, learn from all tables, and each calibrates by its own.

    Args:
        table: what to learn from.
        parameters: those of the `JointRegressor`, by name.
        seed: of the initial weights, the batches, the dropout, and the rows that are kept.
        started: `time.monotonic()` from which `max_time` counts.

    Returns:
        What the estimator is to hold.

    Raises:
        InputError: a parameter cannot be used; the message names it.
        EngineError: Keras cannot train here: see `compilation.check_can_fit`.
    """
    compilation.check_can_fit()
    workers = processes.count()
    if workers > 1:
        seed, table = processes.agreed(seed), _as_the_first(table)
        if parameters["base"] is not None:
            raise InputError(
                "`base` is fitted in one process. Received one, with a training over "
                f"{workers}: leave it out, or fit without a distribution."
            )
    base, mean_model = parameters["base"], None
    through = choose(parameters["transform"], table.data, parameters["family"])
    through = processes.agreed(through)
    data = replace(table.data, Y=through.transforms.latent(table.data.Y))
    count = len(data.targets)
    rows_in_all = int(processes.summed(np.array(len(data.Y), dtype=np.float64)))
    gaps = bool(processes.summed(np.array(float(np.isnan(data.Y).any()))))
    plan = plan_of(
        parameters["family"],
        parameters["rank"],
        count,
        0 if gaps else rows_in_all,
        parameters["max_steps"],
    )
    architecture = plan.architecture(
        architecture_of(parameters, data.inputs.matrix, count, len(data.folds))
    )
    architecture = processes.agreed(architecture)
    settings = {name: parameters[name] for name in SETTINGS}
    recipe = Recipe.for_table(
        rows_in_all, count, **settings, outputs=architecture.family.packed_size
    )
    recipe = replace(recipe, batch_size=max(recipe.batch_size // workers, 1))
    if base is not None:
        mean_model, offsets = _fitted_base(base, table, data)
        data = replace(data, inputs=Inputs(data.inputs.matrix, offsets))
        table = replace(table, data=replace(table.data, inputs=data.inputs))
    ridges = _ridges(data)
    linear, covariances = processes.agreed(
        (
            tuple(plan.start(ridge) for ridge in ridges),
            [plan.constant_covariance(ridge) for ridge in ridges],
        )
    )
    name = None if base is None else regressor_name(base)
    baseline = Baseline.of(linear, covariances, name)
    run = Run.of(parameters, seed=seed, started=started)
    with run.interruption:
        beside = {"trees": parameters["trees"], "max_time": parameters["max_time"]}
        with TreesBeside.of(data, linear, run, **beside) as trees:
            trained = train_candidates(data, plan, architecture, linear, recipe, run)
            candidates = trees.stacked(trained)
        fitted = select_and_calibrate(
            candidates,
            table,
            parameters["family"],
            baseline,
            seed=seed,
            mean_model=mean_model,
            through=through,
        )
    return replace(fitted, interrupted=run.interruption.asked)


def _fitted_base(base: Any, table: TrainingTable, data: TrainingData) -> tuple[MeanModel, Any]:
    """Cross-fit the user's own regressor; names the columns that are no numbers where it fails."""
    given = table.schema.as_given(table.frame)
    try:
        return MeanModel.fit(base, given, data, one_dimensional=table.one_dimensional)
    except PredictionError:
        raise
    except Exception as error:  # of a regressor, of any kind
        said = error.__cause__ if isinstance(error, InputError) else error
        frame = table.frame
        other = [name for name, dtype in frame.dtypes.items() if dtype.kind not in "biuf"]
        if said is None or not other:
            raise
        raise InputError(
            f"`base` gets the columns of `X` as they are. {regressor_name(base)} could not be "
            f"fitted to them. These hold no numbers: {listed(other)}. Encode them in a Pipeline "
            "that you give as `base` (labels by a OneHotEncoder, dates as numbers), or leave them "
            f"out. The error was: {clipped(str(said))}"
        ) from error


def _as_the_first(table: TrainingTable) -> TrainingTable:
    """The table of this process, its features as process 0 would read them."""
    schema = processes.agreed(table.schema)
    inputs = Inputs(network_inputs(schema, table.frame, schema.named))
    return replace(table, schema=schema, data=replace(table.data, inputs=inputs))


def _ridges(data: TrainingData) -> list[Ridge]:
    """For each member, the regressions of its training rows, or of so many as tell enough."""
    unbounded = unbounded_columns(data.inputs.matrix)
    ridges = []
    for member, every in enumerate(data.folds.trains):
        chosen = np.flatnonzero(data.weight[every] > 0)
        if len(chosen) > MOST_ROWS:
            chosen = np.sort(np.random.default_rng(member).permutation(chosen)[:MOST_ROWS])
        rows, blocks = every[chosen], data.folds.inner_blocks(member)
        inputs = data.inputs[rows]
        ridges.append(
            fit_ridge(
                inputs.matrix,
                data.Y[rows],
                sample_weight=data.weight[rows],
                blocks=None if blocks is None else blocks[chosen],
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
        family_name=STUDENT_T,
        knots=quantile_knots(inputs),
    )


def select_and_calibrate(
    candidates: Sequence[Candidate],
    table: TrainingTable,
    family: str,
    baseline: Baseline,
    *,
    seed: int,
    mean_model: MeanModel | None = None,
    n_rows: int | None = None,
    through: TargetTransforms | None = None,
) -> FittedModel:
    """Keep one family, and correct how wide it is where that helps.

    Args:
        candidates: the families that were trained; the ensemble of the better one is changed.
        table: the rows that they are judged by.
        family: the one to keep, or "auto" for the one that `selection` chooses.
        baseline: the simple prediction beside which the fit is judged.
        seed: of the choice of rows.
        mean_model: the user's mean models, or None.
        n_rows: how many rows were trained on, if the table is a sample of them; their out-of-fold
            distributions are not kept then.
        through: the transforms of the targets that the candidates learned, whose linear starts and
            distributions are of the latent variables; None for none.

    Returns:
        What the estimator is to hold.
    """
    data, rows = table.data, table.data.folds.held_out
    if through is None:
        through = TargetTransforms.none(len(data.targets))
    transforms = through.transforms
    latent = replace(data, Y=transforms.latent(data.Y))
    blocks = None
    if table.order is not None:
        blocks = data.folds.holders
        candidates = [held_back(each, latent, blocks, seed) for each in candidates]
    asked = [candidate for candidate in candidates if family in (AUTO, candidate.family)]
    best = better(asked, latent, seed)
    out_of_fold = transformed(best.out_of_fold, transforms)
    baseline = replace(baseline, transforms=transforms)
    evaluation = evaluate(
        out_of_fold,
        data.Y[rows],
        baseline.held_out(data),
        baseline.description,
        sample_weight=data.weight[rows],
        all_scores=False,
    )
    order = None if table.order is None else table.order.to_manifest()
    labels = None if table.labels is None else table.labels[rows]
    return FittedModel(
        schema=table.schema,
        one_dimensional=table.one_dimensional,
        target_texts=table.target_texts or (TargetText(),) * len(data.targets),
        ensemble=best.ensemble,
        mean_model=mean_model,
        family_scores=_in_target_units(candidates, latent, transforms),
        evaluation={
            **evaluation,
            "order": order,
            "transforms": through.figures(data.targets),
            "trees": best.ensemble.tree_weights,
            "rounding": _rounding(data) if best.family == MIXTURE and not transforms else {},
            "caution": None if best.ensemble.caution is None else asdict(best.ensemble.caution),
        },
        baseline=baseline,
        calibration_set=_calibrate(best, latent, seed, blocks),
        training_fingerprints=Fingerprints.of(data.inputs.matrix, data.Y, n_rows),
        out_of_fold=with_labels(out_of_fold, labels) if n_rows is None else None,
        out_of_fold_rows=table.rows[rows] if n_rows is None else None,
        transforms=transforms,
    )


def _rounding(data: TrainingData) -> dict[str, float]:
    """The targets whose rounding a mixture was told of, and their steps, in target units."""
    found = Rounding.of(data.Y)
    return {
        name: float(step)
        for name, step, coarse in zip(data.targets, found.steps, found.coarse, strict=True)
        if coarse
    }


def _in_target_units(
    candidates: Sequence[Candidate], latent: TrainingData, transforms: Transforms
) -> dict[str, float]:
    """The scores of the families as densities of targets: less the mean of log |dy / dz|."""
    if not transforms:
        return {candidate.family: candidate.score for candidate in candidates}
    rows = latent.folds.held_out
    weight = latent.weight[rows]
    total = weight @ transforms.log_slope(latent.Y[rows])
    total, count = processes.summed(np.array([total, weight.sum()]))
    return {candidate.family: candidate.score - float(total / count) for candidate in candidates}


def _calibrate(
    best: Candidate, data: TrainingData, seed: int, blocks: Groups | None
) -> CalibrationSet:
    """Correct the scales of the ensemble, and choose the rows that regions are calibrated on.

    Args:
        best: the candidate; its ensemble is changed.
        data: the rows; those held out are chosen from.
        seed: of the choice of rows.
        blocks: of each row that was held out, where these are blocks of rows; None otherwise.

    Returns:
        The chosen rows: what the calibrated ensemble predicts of them, and the observed values.
    """
    rows, weight = data.folds.held_out, data.uneven_weight
    share = None if weight is None else weight[rows]
    chosen = calibration_rows(data.Y[rows], share, seed, row_width(best.out_of_fold))
    rows, share = rows[chosen], None if share is None else share[chosen]
    blocks = None if blocks is None else blocks[chosen]
    joint, y = best.out_of_fold[chosen], data.Y[rows]
    trees = None if best.trees is None else best.trees[rows]
    members = best.ensemble.mixture(data.inputs[rows], trees)
    order = np.random.default_rng(seed).permutation(len(rows))
    scales = pooled_scales(
        joint[order],
        members[order],
        y[order],
        None if share is None else share[order],
        None if blocks is None else blocks[order],
    )
    best.ensemble.scales = processes.agreed(scales)
    pooled = rescaled(as_pooled(joint, members), best.ensemble.scales)
    return CalibrationSet(pooled, y, "out_of_fold", share, blocks)
