"""From files larger than memory to a fitted ensemble."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from covey.arguments.family import AUTO, MIXTURE
from covey.backend import compilation, processes
from covey.errors import InputError, shown
from covey.members.candidates import train_candidates
from covey.members.fitted_model import FittedModel
from covey.members.fitting import SETTINGS, architecture_of, select_and_calibrate
from covey.members.plan import plan_of
from covey.members.recipe import Recipe
from covey.members.run import Run
from covey.rows.order import RowOrder
from covey.start.rounding import Rounding
from covey.start.start import LinearStart
from covey.stream.checkpoint import Checkpoint
from covey.stream.dataset import ParquetTable
from covey.stream.first_pass import FirstPass, FoldError
from covey.stream.hash_folds import HashFolds
from covey.stream.order import attempts
from covey.stream.paths import say_repeats
from covey.stream.rows import Roles
from covey.stream.source import Streamed
from covey.table import Declared
from covey.table.folds import BLOCKS, SHUFFLED
from covey.types import Snapshot

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]

PASSES = 1.0  # how often a member sees each of its rows at least
# parameters that may differ when a fit is resumed
FREE = ("max_time", "callbacks", "verbose", "random_state", "base", "transform", "trees")
FIRST_PASS, ORDER = "survey", "order"  # in checkpoints
OF_THE_FIT = ("members", "seed")  # what of folds is not kept beside them


def fit_files(
    paths: Paths,
    targets: str | Sequence[str],
    parameters: Mapping[str, Any],
    *,
    features: Sequence[str] | None,
    sample_weight: str | None,
    groups: str | None,
    checkpoint: str | os.PathLike[str] | None,
    resume: bool,
    seed: int,
) -> FittedModel:
    """Train on rows that are streamed, judged by a sample of them.

    Args:
        paths: files, folders and patterns of Parquet files.
        targets: names of the columns to predict.
        parameters: those of the `JointRegressor`, by name.
        features: names of the columns to predict from; None for all others.
        sample_weight: name of the column of sample weights, or None.
        groups: name of the column of group labels, or None.
        checkpoint: the file that keeps what was reached, or None.
        resume: whether to go on from there, if it is there.
        seed: of everything that is random.

    Returns:
        What the estimator is to hold.

    Raises:
        InputError: a file, a column or a parameter cannot be used; the message names it.
        EngineError: Keras cannot train here: see `compilation.check_can_fit`.
    """
    compilation.check_can_fit()
    _check(parameters, groups)
    paths = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    files = ParquetTable.open(paths)
    say_repeats(paths)
    declared = Declared.of(parameters["categorical"], parameters["dates"])
    roles = Roles.choose(files, targets, features, sample_weight, groups, declared)
    members, count = parameters["members"], len(roles.targets)
    settings = {name: parameters[name] for name in SETTINGS}
    # what is wrong with a parameter is said before hours are spent
    HashFolds(members, seed)
    plan = plan_of(parameters["family"], parameters["rank"], count, 0)
    stub = np.zeros((1, 1), dtype=np.float32)
    architecture = plan.architecture(architecture_of(parameters, stub, count, members))
    outputs = architecture.family.packed_size
    Recipe.for_table(len(files), count, **settings)
    about = _about(files, roles, parameters)
    with Checkpoint(checkpoint, about, seed, resume=resume) as kept:
        seed = kept.seed
        if FIRST_PASS in kept.entries:
            known = _restored(kept, members, architecture.classes.start)
        else:
            ways = attempts(files, roles, members, seed, parameters["cv"])
            options = {"plan": plan, "verbose": int(bool(parameters["verbose"]))}
            known = _first_that_serves(files, roles, ways, seed=seed, **options)
            _keep(kept, *known)
        first_pass, folds, order = known
        table = first_pass.table(
            roles, folds, one_dimensional=isinstance(targets, str), order=order
        )
        matrix = table.data.inputs.matrix
        architecture = plan.architecture(architecture_of(parameters, matrix, count, members))
        rows = int(first_pass.training.mean())
        recipe = Recipe.for_table(rows, count, **settings, outputs=outputs, passes=PASSES)
        rounded = architecture.family_name == MIXTURE
        source = Streamed(
            files,
            roles,
            folds,
            first_pass,
            recipe.batch_size,
            seed,
            rounding=Rounding.of(table.data.Y) if rounded else None,
        )
        try:
            candidates = train_candidates(
                table.data,
                plan,
                architecture,
                first_pass.linear,
                recipe,
                Run.of(parameters, seed=seed, started=kept.started),
                source=source,
                store=None if checkpoint is None else kept,
            )
        finally:
            source.close()
        return select_and_calibrate(
            candidates,
            table,
            parameters["family"],
            first_pass.baseline,
            seed=seed,
            n_rows=first_pass.rows,
        )


def _check(parameters: Mapping[str, Any], groups: str | None) -> None:
    """Refuse parameters that are for tables in memory alone, and a training by several processes.

    Args:
        parameters: those of the `JointRegressor`, by name.
        groups: name of the column of group labels, or None.

    Raises:
        InputError: one cannot be used; the message names it.
    """
    cv = parameters["cv"]
    if parameters["base"] is not None:
        raise InputError(
            "`base` is fitted to tables in memory. Received one for `fit_files`: leave it out, or "
            "read a part of the rows and use `fit`."
        )
    if parameters.get("transform") is not None:
        raise InputError(
            "`transform` is chosen on tables in memory. Received "
            f"transform={shown(parameters['transform'])} for `fit_files`: leave it out, or "
            "read a part of the rows and use `fit`."
        )
    if parameters.get("trees", AUTO) not in (AUTO, False):
        raise InputError(
            "Boosted trees are grown on tables in memory. Received "
            f"trees={shown(parameters['trees'])} for `fit_files`: leave it out, or read a part of "
            "the rows and use `fit`."
        )
    if cv is not None and not (isinstance(cv, str) and cv in (SHUFFLED, BLOCKS)):
        raise InputError(
            f'For `fit_files`, `cv` must be "{SHUFFLED}" or "{BLOCKS}": a splitter splits tables '
            f"in memory. Received: cv={shown(cv)}. Leave it out, or read a part of the rows and "
            "use `fit`."
        )
    if groups is not None and cv == BLOCKS:
        raise InputError(
            f"Rows of files are held out by `groups` or in blocks. Received: "
            f'groups={shown(groups)} and cv="{BLOCKS}". Leave one out.'
        )
    if processes.count() > 1:
        raise InputError(
            "`fit_files` trains in one process. Received a distribution over "
            f"{processes.count()}: end it by keras.distribution.set_distribution(None), or "
            "read a part of the rows in each process and use `fit`."
        )


def _about(files: ParquetTable, roles: Roles, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What must be the same for a fit that is resumed, as JSON has it."""
    random_state = parameters["random_state"]
    return {
        "files": files.fingerprint,
        "columns": [list(roles.targets), list(roles.features), roles.weight, roles.groups],
        "random_state": int(random_state) if isinstance(random_state, (int, np.integer)) else None,
        **{name: _plain(value) for name, value in parameters.items() if name not in FREE},
        **dict.fromkeys(("categorical", "dates")),
        **roles.declared.plain,
    }


def _keep(
    kept: Checkpoint, first_pass: FirstPass, folds: HashFolds, order: RowOrder | None
) -> None:
    """Write a first pass, its folds and what they follow from into a checkpoint."""
    own = {name: value for name, value in asdict(folds).items() if name not in OF_THE_FIT}
    kept.entries[FIRST_PASS] = first_pass.snapshot()
    seen = None if order is None else asdict(order)
    kept.entries[ORDER] = Snapshot({"slots": own, "order": seen}, {})
    kept.write()


def _restored(
    kept: Checkpoint, members: int, kind: type[LinearStart]
) -> tuple[FirstPass, HashFolds, RowOrder | None]:
    """Read what `_keep` wrote, for so many members with linear starts of some kind."""
    manifest = kept.entries[ORDER].manifest
    own, seen = manifest["slots"], manifest["order"]
    folds = HashFolds(members, kept.seed, **{**own, "edges": tuple(own["edges"])})
    order = None if seen is None else RowOrder(**seen)
    return FirstPass.restored(kept.entries[FIRST_PASS], kind), folds, order


def _first_that_serves(
    files: ParquetTable,
    roles: Roles,
    ways: Iterable[tuple[HashFolds, RowOrder | None]],
    **options: Any,
) -> tuple[FirstPass, HashFolds, RowOrder | None]:
    """The first pass by the first of some folds that leave each member enough rows."""
    refused: FoldError | None = None
    for folds, order in ways:
        try:
            return FirstPass.of(files, roles, folds, **options), folds, order
        except FoldError as error:
            refused = refused or error
    assert refused is not None
    raise refused


def _plain(value: Any) -> Any:
    """A parameter as JSON has it."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    return list(value) if isinstance(value, (list, tuple)) else value
