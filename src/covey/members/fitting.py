"""From a table that is ready to a fitted ensemble, the better family, and its calibration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covey.assess.calibration import as_pooled, calibration_rows, pooled_scales
from covey.assess.evaluation import evaluate, row_width
from covey.assess.seen import Seen
from covey.assess.summary import family_sentence
from covey.assess.verdict import verdict
from covey.backend import compilation
from covey.distributions import Elliptical
from covey.distributions.conformal import CalibrationSet
from covey.distributions.internals import rescaled, with_labels
from covey.errors import InputError
from covey.members.callbacks import for_estimator
from covey.members.candidates import Candidate, train_candidates
from covey.members.ensemble import Ensemble
from covey.members.network import Network, quantile_knots
from covey.members.plan import plan_of
from covey.members.recipe import Recipe
from covey.rows.training_data import TrainingTable, network_inputs
from covey.start.baseline import Baseline, regressor_name
from covey.start.full import fit_ridge
from covey.start.mean_model import MeanModel
from covey.start.start import unbounded_columns
from covey.types import Array

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
        reference: some of these rows and what came, by which regions are made as wide as needed.
        seen: fingerprints of the training rows.
    """

    family: str
    scores: dict[str, float]
    ensemble: Ensemble
    means: MeanModel | None
    out_of_fold: Elliptical
    evaluation: dict[str, Any]
    baseline: Baseline
    reference: CalibrationSet
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
    folds, inputs, Y, weight = table.folds, table.inputs, table.Y, table.weight
    plan = plan_of(parameters["family"], parameters["rank"], Y.shape[1])
    network = plan.network(network_of(parameters, inputs, Y.shape[1], len(folds)))
    network = compilation.agreed(network)
    settings = {name: parameters[name] for name in SETTINGS}
    rows_in_all = int(compilation.summed(np.array(len(Y), dtype=np.float64)))
    recipe = Recipe.for_table(
        rows_in_all, Y.shape[1], **settings, outputs=network.family.packed_size
    )
    recipe = replace(recipe, batch_size=max(recipe.batch_size // processes, 1))
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
    features, unbounded = inputs.astype(np.float64), unbounded_columns(inputs)
    ridges = [
        fit_ridge(
            features[rows],
            Y[rows],
            sample_weight=None if weight is None else weight[rows],
            blocks=folds.inner_blocks(member),
            offset=None if offsets is None else offsets[member, rows],
            unbounded=unbounded,
        )
        for member, (rows, _) in enumerate(folds.pairs)
    ]
    linear = compilation.agreed(tuple(plan.start(ridge) for ridge in ridges))
    base = None if parameters["base"] is None else regressor_name(parameters["base"])
    covariances = [plan.constant_covariance(ridge) for ridge in ridges]
    baseline = Baseline.of(linear, compilation.agreed(covariances), base)
    candidates = train_candidates(
        network,
        inputs,
        Y,
        linear,
        folds,
        recipe,
        table.targets,
        weights=plan.weights(network, linear, seed),
        offsets=offsets,
        sample_weight=weight,
        seed=seed,
        started=started,
        normal=plan.normal,
        **options_of(parameters),
    )
    fitted = settle(
        candidates, table, parameters, baseline, seed=seed, means=means, offsets=offsets
    )
    return table, fitted


def _as_the_first(table: TrainingTable) -> TrainingTable:
    """The table of this process, its features as process 0 would read them."""
    schema = compilation.agreed(table.schema)
    inputs = network_inputs(schema, table.frame, schema.named)
    return replace(table, schema=schema, inputs=inputs)


def network_of(
    parameters: Mapping[str, Any], inputs: NDArray[np.float32], n_targets: int, members: int
) -> Network:
    """The network to train, for the Student-t.

    Args:
        parameters: those of the `JointRegressor`, by name.
        inputs: features of rows that stand for all, shape (N, F).
        n_targets: D.
        members: K.

    Returns:
        The network.

    Raises:
        InputError: a parameter cannot be used; the message names it.
    """
    units = parameters["hidden_units"]
    several = isinstance(units, Iterable) and not isinstance(units, str)
    return Network(
        n_features=inputs.shape[1],
        n_targets=n_targets,
        members=members,
        hidden_units=tuple(units) if several else (units,),
        activation=parameters["activation"],
        dropout=parameters["dropout"],
        family_name="student_t",
        knots=quantile_knots(inputs),
    )


def options_of(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `train_candidates` that are parameters of the `JointRegressor`."""
    return {
        "callbacks": for_estimator(parameters["callbacks"]),
        "verbose": int(bool(parameters["verbose"])),
    }


def settle(
    candidates: Sequence[Candidate],
    table: TrainingTable,
    parameters: Mapping[str, Any],
    baseline: Baseline,
    *,
    seed: int,
    means: MeanModel | None = None,
    offsets: Array | None = None,
    n_rows: int | None = None,
) -> Fitted:
    """Keep the better family, and correct how wide it is where that helps.

    Args:
        candidates: the families that were trained.
        table: the rows that they are judged by.
        parameters: those of the `JointRegressor`, by name.
        baseline: the simple prediction beside which the fit is judged.
        seed: of the choice of rows.
        means: the user's mean models, or None.
        offsets: what they say of the rows, shape (K, N, D), or None.
        n_rows: how many rows were trained on, if the table is a sample of them.

    Returns:
        The fit.
    """
    folds, inputs, Y, weight = table.folds, table.inputs, table.Y, table.weight
    asked = [found for found in candidates if parameters["family"] in ("auto", found.family)]
    best = max(asked, key=lambda found: found.score)
    rows = folds.held_out
    observed, share = Y[rows], None if weight is None else weight[rows]
    joint = best.out_of_fold
    tests = [test for _, test in folds.pairs]
    simple = baseline.held_out(inputs, tests, rows, table.targets, offsets)
    return Fitted(
        best.family,
        {found.family: found.score for found in candidates},
        best.ensemble,
        means,
        joint,
        evaluate(
            joint, observed, simple, baseline.description, sample_weight=share, all_scores=False
        )
        | {"order": None if table.order is None else table.order.to_manifest()},
        baseline,
        _calibrate(best, inputs, rows, observed, share, offsets, seed),
        Seen.of(inputs, Y, n_rows),
    )


def hand_over(fitted: Fitted, table: TrainingTable, model: Any, *, of_all: bool = True) -> None:
    """Make an estimator a fitted one; say what came out if it is verbose.

    Args:
        fitted: the fit.
        table: what it is judged by.
        model: the `JointRegressor`.
        of_all: whether the table holds all rows, so that their out-of-fold distributions are kept.
    """
    model.targets_ = table.targets
    model.n_features_in_ = len(table.schema.names)
    model.family_ = fitted.family
    model.family_scores_ = fitted.scores
    model.base_ = None if fitted.means is None else fitted.means.estimators
    model.ensemble_ = fitted.ensemble
    model.out_of_fold_score_ = fitted.scores[fitted.family]
    model.out_of_fold_evaluation_ = fitted.evaluation
    own = {
        "feature_names_in_": table.schema.named and np.array(table.schema.names, dtype=object),
        "out_of_fold_": of_all and with_labels(fitted.out_of_fold, _held_out_labels(table)),
        "out_of_fold_rows_": of_all and table.rows[table.folds.held_out],
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
        d = len(table.targets)
        if table.order is not None and table.order.sentence:
            print(f"covey: {table.order.sentence}")
        print(f"covey: {family_sentence(model.family, fitted.family, fitted.scores, d)}")
        print("\n".join(verdict(fitted.evaluation, held_out=True)))


def _held_out_labels(table: TrainingTable) -> Any:
    return None if table.labels is None else table.labels[table.folds.held_out]


def _calibrate(
    best: Candidate,
    inputs: NDArray[np.float32],
    rows: NDArray[np.int64],
    Y: Array,
    weight: Array | None,
    offsets: Array | None,
    seed: int,
) -> CalibrationSet:
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
    kept = calibration_rows(Y, weight, seed, row_width(best.out_of_fold))
    at, share = rows[kept], None if weight is None else weight[kept]
    joint, y = best.out_of_fold[kept], Y[kept]
    members = best.ensemble.mixture(inputs[at], None if offsets is None else offsets[:, at])
    order = np.random.default_rng(seed).permutation(len(kept))
    scales = pooled_scales(
        joint[order], members[order], y[order], None if share is None else share[order]
    )
    best.ensemble.scales = compilation.agreed(scales)
    pooled = rescaled(as_pooled(joint, members), best.ensemble.scales)
    return CalibrationSet(pooled, y, "out_of_fold", share)
