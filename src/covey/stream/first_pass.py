"""What two passes over the rows tell before training: a sample, counts, and the linear starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from covey.errors import ArtifactError, InputError
from covey.members.plan import MANY, Plan
from covey.members.progress import progress_bar
from covey.rows.order import RowOrder
from covey.rows.training_table import TrainingTable, network_inputs
from covey.start.baseline import Baseline
from covey.start.moments import FoldMoments
from covey.start.ridge import fit_ridge, ridge_of_folds
from covey.start.start import PREFIX, LinearStart, stacked, unbounded_columns, with_unbounded
from covey.stream.dataset import ParquetTable
from covey.stream.hash_folds import HashFolds
from covey.stream.hashes import row_keys
from covey.stream.reservoir import Reservoir
from covey.stream.rows import Roles, TrainingRows
from covey.table import FeatureSchema, NumericColumn, read_features, read_targets
from covey.table.cells import decode
from covey.table.copies import check_features
from covey.table.folds import Folds
from covey.table.inputs import Inputs
from covey.table.training_data import TrainingData
from covey.table.words import Lost
from covey.types import Array, Columns, Counts, Groups, Rows, Snapshot

MOST_ROWS = 100_000  # of the sample
MOST_CELLS = 10_000_000  # of the sample
MOST_SQUARES = 20_000_000  # numbers in the covariances that are predicted for the sample
ARRAYS = ("complete", "training", "numbers", "inputs", "Y")  # of a first pass, as they are
FOLD = "slot"  # what a checkpoint calls the fold of each row of the sample
MOST_MOMENTS = 2**25  # numbers, 256 MB: beyond, linear starts are fitted to the sample


@dataclass(frozen=True)
class FirstPass:
    """What is known of the rows that hold a target and have a weight.

    Attributes:
        schema: how features become numbers.
        rows: how many there are.
        mean_weight: of these rows; 1 without weights.
        complete: complete rows that each member trains on, shape (K,).
        training: rows that each member trains on, shape (K,).
        numbers: rows of the sample, shape (N,).
        inputs: their features, as the network reads them, shape (N, F).
        Y: their targets, shape (N, D), in target units; NaN where not observed.
        weight: their sample weights, of mean 1, shape (N,), or None.
        fold: of each, shape (N,).
        linear: where each of the K members starts.
        baseline: the simple prediction beside which the fit is judged.
    """

    schema: FeatureSchema
    rows: int
    mean_weight: float
    complete: Counts
    training: Counts
    numbers: Rows
    inputs: NDArray[np.float32]
    Y: Array
    weight: Array | None
    fold: Groups
    linear: tuple[LinearStart, ...]
    baseline: Baseline

    @classmethod
    def of(
        cls,
        table: ParquetTable,
        roles: Roles,
        folds: HashFolds,
        *,
        plan: Plan,
        seed: int,
        verbose: int = 0,
        most_rows: int = MOST_ROWS,
    ) -> Self:
        """Read all rows twice.

        Args:
            table: the files.
            roles: which columns are what.
            folds: who holds out which rows.
            plan: what is trained. Members start from linear models of the sample, whose
                regressions become those of all rows.
            seed: of the sample.
            verbose: 1 shows a progress bar.
            most_rows: of the sample; fewer if there are very many columns.

        Returns:
            What was learned of the rows.

        Raises:
            InputError: a column cannot be used, or a member would lack rows to train on or to be
                stopped on.
        """
        cells, d = len(roles.columns), len(roles.targets)
        squares = d * min(d, MANY)
        most_rows = min(most_rows, MOST_CELLS // cells, MOST_SQUARES // squares)
        reservoir = Reservoir(max(most_rows, 1000))
        with progress_bar(2 * len(table), "reading", verbose=verbose) as bar:
            counts, ranges = _Counts(folds, roles), _Ranges(table, roles)
            for rows in _scanned(table, roles, folds, bar):
                counts.add(rows)
                ranges.add(rows)
                keys = row_keys(rows.numbers, seed, "sample")
                reservoir.add(keys, rows.numbers, rows.table)
            counts.check()
            numbers, sample = reservoir.rows()
            rows = TrainingRows.of(numbers, sample, roles, folds)
            frame, named = read_features(rows.frame(roles.features))
            read_targets(rows.frame(roles.targets))  # for its warnings
            schema = FeatureSchema.fit(frame, named, roles.declared)
            frame = schema.typed(frame)
            check_features(frame, rows.Y, roles.targets, roles.targets)
            ranges.add_text(schema, _scanned(table, roles, folds, None))
            schema = schema.widened(ranges.seen, ranges.lost, ranges.doubts)
            inputs = network_inputs(schema, frame, named, training=True)
            weight = None if rows.weight is None else rows.weight / rows.weight.mean()
            unbounded = unbounded_columns(inputs)
            moments = _moments(table, roles, folds, schema, inputs.shape[1], unbounded, bar)
        Y, fold = rows.Y, rows.fold
        linear, covariances = [], []
        for held in folds.held_out:
            own = ~held[fold]
            share = None if weight is None else weight[own]
            ridge = fit_ridge(inputs[own], Y[own], share, fold[own], unbounded=unbounded)
            found = plan.start(ridge)
            covariances.append(plan.constant_covariance(ridge))
            if moments is not None:
                found = replace(found, **vars(ridge_of_folds(moments, held, unbounded)))
            linear.append(found)
        training = ~folds.held_out
        return cls(
            schema,
            int(counts.rows.sum()),
            float(counts.weight.sum() / counts.rows.sum()),
            training @ counts.complete,
            training @ counts.rows,
            numbers,
            inputs,
            Y,
            weight,
            fold,
            tuple(linear),
            Baseline.of(linear, covariances),
        )

    def folds(self, folds: HashFolds) -> Folds:
        """Which rows of the sample each member would train on, and which it holds out."""
        held = folds.held_out[:, self.fold]
        pairs = tuple((np.flatnonzero(~out), np.flatnonzero(out)) for out in held)
        return Folds(pairs, self.fold)

    def table(
        self,
        roles: Roles,
        folds: HashFolds,
        *,
        one_dimensional: bool,
        order: RowOrder | None = None,
    ) -> TrainingTable:
        """The sample as a table: what members are stopped, scored and calibrated on.

        Args:
            roles: which columns are what.
            folds: who holds out which rows.
            order: why folds are blocks of rows; None if they are not.
            one_dimensional: whether the targets had one dimension only.

        Returns:
            The table, without its frame.

        Raises:
            InputError: some member would lack rows of the sample.
        """
        split = self.folds(folds)
        for number, (train, test) in enumerate(split.pairs):
            if len(train) < 2 or len(test) < 1:
                raise InputError(
                    f"Fold {number} has {len(test)} of the {len(self.fold):,} rows that members "
                    "are judged by. " + _equal_only_if(folds, "groups")
                )
        weight = np.ones(len(self.Y)) if self.weight is None else self.weight
        data = TrainingData(Inputs(self.inputs), self.Y, weight, split, roles.targets)
        return TrainingTable(None, self.schema, data, one_dimensional, self.numbers, order=order)

    def snapshot(self) -> Snapshot:
        """All that `restored` needs."""
        manifest = {
            "schema": self.schema.to_manifest(),
            "rows": self.rows,
            "mean_weight": self.mean_weight,
        }
        arrays = {name: getattr(self, name) for name in ARRAYS}
        arrays[FOLD] = self.fold
        if self.weight is not None:
            arrays["weight"] = self.weight
        arrays |= stacked(self.linear)
        for name, array in self.baseline.to_arrays().items():
            arrays[f"baseline_{name}"] = array
        return Snapshot(manifest, arrays)

    @classmethod
    def restored(cls, snapshot: Snapshot, kind: type[LinearStart]) -> Self:
        """The first pass that `snapshot` describes, with linear starts of some kind."""
        manifest, arrays = snapshot
        linear = kind.from_arrays(arrays, len(arrays[PREFIX + "location"]))
        prefix = "baseline_"
        kept = {n.removeprefix(prefix): arrays[n] for n in arrays if n.startswith(prefix)}
        try:
            baseline = Baseline.from_arrays(linear, kept)
        except (KeyError, ValueError) as error:
            raise ArtifactError(
                "Expected a checkpoint of this version of Covey. It lacks or garbles "
                f"{error}; fit again without `resume`."
            ) from error
        return cls(
            schema=FeatureSchema.from_manifest(manifest["schema"]),
            rows=manifest["rows"],
            mean_weight=manifest["mean_weight"],
            weight=arrays.get("weight"),
            fold=arrays[FOLD],
            linear=linear,
            baseline=baseline,
            **{name: arrays[name] for name in ARRAYS},
        )


class FoldError(InputError):
    """A member would lack rows, or a target; other folds may do."""


class _Ranges:
    """The smallest and the largest value of each column of numbers, and how many there are.

    Of text also which cells are none, and what could mean something else.
    """

    def __init__(self, table: ParquetTable, roles: Roles) -> None:
        kinds = ("number", "date", "duration", "time")
        own = [name for name in roles.features if name not in roles.declared.dates]
        self.names = [name for name in own if table.kinds[name] in kinds]
        self.seen: dict[str, tuple[float, float, int]] = {}
        self.lost: dict[str, Lost] = {}
        self.doubts: dict[str, str] = {}

    def add(self, rows: TrainingRows) -> None:
        for name in self.names:
            self._see(name, decode(rows.table[name].to_pandas())[1])

    def add_text(self, schema: FeatureSchema, parts: Iterator[TrainingRows]) -> None:
        """Read all rows once more, if text or numbers have to be read as the schema says."""
        columns = [c for c in schema.columns if isinstance(c, NumericColumn)]
        columns = [c for c in columns if c.name not in self.names]
        if not columns:
            return
        total = 0
        for rows in parts:
            frame = rows.frame([column.name for column in columns])
            total += len(rows)
            for column in columns:
                found = column.read(frame[column.name], training=True)
                self._see(column.name, found.values)
                if found.lost is not None:
                    self._lose(column.name, found.lost, int(rows.numbers[found.lost.place]))
                if found.doubt is not None:
                    self.doubts.setdefault(column.name, found.doubt)
        self.lost = {name: replace(lost, cells=total) for name, lost in self.lost.items()}

    def _lose(self, name: str, lost: Lost, number: int) -> None:
        """Add cells that were lost of a column; `number` is that of the first row in the files."""
        lost = replace(lost, place=number)
        if (before := self.lost.get(name)) is not None:
            first = min(before, lost, key=lambda each: each.place)
            lost = replace(first, count=before.count + lost.count)
        self.lost[name] = lost

    def _see(self, name: str, values: Array) -> None:
        known = values[np.isfinite(values)]
        if len(known):
            low, high, count = self.seen.get(name, (np.inf, -np.inf, 0))
            ends = min(low, float(known.min())), max(high, float(known.max()))
            self.seen[name] = *ends, count + len(known)


class _Counts:
    """Rows of each fold, and checks that members have enough of them."""

    def __init__(self, folds: HashFolds, roles: Roles) -> None:
        self.folds, self.roles = folds, roles
        self.rows = np.zeros(len(folds), dtype=np.int64)
        self.complete = np.zeros(len(folds), dtype=np.int64)
        self.weight = np.zeros(len(folds))
        self.observed = np.zeros((len(folds), len(roles.targets)), dtype=np.int64)

    def add(self, rows: TrainingRows) -> None:
        observed = ~np.isnan(rows.Y)
        weight = np.ones(len(rows)) if rows.weight is None else rows.weight
        for fold in np.unique(rows.fold):
            here = rows.fold == fold
            self.rows[fold] += here.sum()
            self.weight[fold] += weight[here].sum()
            self.complete[fold] += observed[here].all(axis=1).sum()
            self.observed[fold] += observed[here].sum(axis=0)

    def check(self) -> None:
        held_out = self.folds.held_out
        for member, held in enumerate(held_out):
            counts = self.rows[~held].sum(), self.rows[held].sum()
            if counts[0] < 2 or counts[1] < 1:
                what = "rows" if self.roles.groups is None else "groups"
                raise FoldError(
                    f"Fold {member} needs rows with a target and a positive weight: 2 to train on "
                    f"and 1 held out. Received {counts[0]} and {counts[1]}. "
                    + _equal_only_if(self.folds, what)
                )
            lacking = np.flatnonzero(~self.observed[~held].any(axis=0))
            if len(lacking):
                names = ", ".join(repr(self.roles.targets[target]) for target in lacking)
                raise FoldError(
                    "Each target must be observed in the training rows of every fold. Fold "
                    f"{member} has no value of {names} to learn from (rows that hold one: "
                    f"{self.observed[:, lacking].sum(axis=0).tolist()}). Leave the target out, or "
                    "use fewer members."
                )


def _equal_only_if(folds: HashFolds, what: str) -> str:
    if folds.together:
        return 'Folds are blocks of the table here: use fewer members, or cv="shuffled".'
    return (
        f"Folds go by a hash here, so they are equal only if there are many {what}: use fewer "
        "members, or read the table and use `fit`."
    )


def _scanned(
    table: ParquetTable, roles: Roles, folds: HashFolds, bar: Any
) -> Iterator[TrainingRows]:
    for numbers, part in table.scan(roles.columns):
        yield TrainingRows.of(numbers, part, roles, folds)
        if bar is not None:
            bar.update(len(numbers))


def _moments(
    table: ParquetTable,
    roles: Roles,
    folds: HashFolds,
    schema: FeatureSchema,
    width: int,
    unbounded: Columns,
    bar: Any,
) -> FoldMoments | None:
    """The moments of all rows, unless they take too much memory."""
    moments = FoldMoments(len(folds), width + len(unbounded), len(roles.targets))
    for rows in _scanned(table, roles, folds, bar):
        frame = rows.frame(roles.features)
        inputs = with_unbounded(network_inputs(schema, frame, True, training=True), unbounded)
        moments.add(inputs, rows.Y, rows.weight, rows.fold)
        if moments.size > MOST_MOMENTS:
            bar.update(bar.total - bar.n)
            return None
    return moments
