"""The families tried on one table: a Student-t, the normal that starts from it, and a mixture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Self, cast

import numpy as np
from numpy.typing import NDArray

from covey.arguments.family import AUTO, MIXTURE, NORMAL
from covey.backend import compilation, processes
from covey.distributions import Elliptical, Mixture, MultivariateT
from covey.members.architecture import Architecture
from covey.members.batches import Batches, Source
from covey.members.ensemble import Ensemble
from covey.members.loop import Training
from covey.members.plan import Plan
from covey.members.recipe import Recipe
from covey.members.run import Run
from covey.members.side_by_side import FROM, worth_alone
from covey.members.trained import CheckpointStore, Trained
from covey.members.validation import HeldOut
from covey.start.rounding import Rounding
from covey.start.start import LinearStart
from covey.start.whitening import Whitened
from covey.table.training_data import TrainingData
from covey.types import Array, Rows

NORMAL_SHARE = 0.15  # of the steps of the Student-t, for the normal that starts from it
NORMAL_RATE = 1 / 3  # of its learning rate
NORMAL_PATIENCE = (0.3, 0.3)  # of its own steps, which are few
MIXTURE_FROM = 0.5  # share of the time that the two may take, if a mixture comes after them
LEAST_RATIO = 1e-6  # of a covariance to a scale matrix


@dataclass(frozen=True)
class Candidate:
    """One family, trained, and what it is worth.

    Attributes:
        family: a key of `covey.members.registry.FAMILIES`.
        ensemble: the fitted members.
        out_of_fold: distributions of the held-out rows by members that did not train on them.
        score: mean log-density of these rows, in nats per row.
        trees: what trees that did not see a row say of it, shape (N, D), in target units; NaN for
            rows that none held out. None if trees have no share in the means.
        setup: seconds until its first step was done: mostly compilation.
    """

    family: str
    ensemble: Ensemble
    out_of_fold: Elliptical | Mixture
    score: float
    trees: Array | None = None
    setup: float = 0.0

    def scored_on(self, data: TrainingData) -> Self:
        """The same, scored on these rows, which hold the targets that the user gave."""
        return replace(self, score=mean_score(self.out_of_fold, data))


def train_candidates(
    data: TrainingData,
    plan: Plan,
    architecture: Architecture,
    linear: Sequence[LinearStart],
    recipe: Recipe,
    run: Run,
    *,
    source: Source | None = None,
    store: CheckpointStore | None = None,
) -> list[Candidate]:
    """Train the families of a plan: a normal goes on from where a Student-t ended.

    A normal trained from scratch on data with outliers is stopped by whichever fold holds the worst
    of them. One that starts from a Student-t has its mean and its shape already and learns how wide
    it must be.

    A mixture starts anew. It learns targets without ties, and is stopped on them: see
    `start.rounding`. Without callbacks, snapshots or a limit of time, it and the Student-t are
    trained side by side, and what is far behind early on not further: see `side_by_side`.

    Args:
        data: the rows that members are stopped and scored on, and that they learn from unless
            `source` says otherwise.
        plan: whether to train a normal too, and from which weights to start.
        architecture: what to build first.
        linear: where each of the K members starts.
        recipe: how long and how fast.
        run: seed, clock, callbacks and progress bar.
        source: where the rows to train on come from, if not from `data`.
        store: keeps what was reached.

    Returns:
        The family of the architecture, then the normal and the mixture if they were asked for.
    """
    shapes = partial(
        _Trainings.of, without_ties(data, run.seed), linear, recipe, run, source, store
    )
    if architecture.family_name == MIXTURE:
        return [shapes().candidate(architecture, recipe).scored_on(data)]
    training = _Trainings.of(data, linear, recipe, run, source, store)
    if not plan.normal:
        weights = plan.weights(architecture, linear, run.seed)
        return [training.candidate(architecture, recipe, weights)]
    if not plan.mixture:
        return training.both(architecture, recipe)
    of_mixture = architecture.as_mixture()
    pool, begun = ThreadPoolExecutor(1), None
    try:
        # what Keras and jax know of devices, they know in the main thread alone
        if source is None and recipe.max_time is None and compilation.shared():
            # it is compiled while the others are trained
            begun = pool.submit(lambda: shapes().ready(of_mixture, recipe))
        if begun is not None and store is None and not run.callbacks:
            return training.with_mixture(architecture, of_mixture, recipe, begun.result)
        found = training.both(architecture, _until(recipe, MIXTURE_FROM))
        if run.interruption.asked:
            return found
        third = shapes() if begun is None else begun.result()
        mixture = third.candidate(of_mixture, recipe, reserve=found[0].setup)
        return [*found, mixture.scored_on(data)]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # after Ctrl-C nobody waits for it


def without_ties(data: TrainingData, seed: int) -> TrainingData:
    """The rows, with noise on their targets as wide as these are rounded."""
    generator = np.random.default_rng([seed, 2])
    return replace(data, Y=Rounding.of(data.Y).spread(data.Y, generator))


def _until(recipe: Recipe, share: float) -> Recipe:
    """The recipe, with a share of its time."""
    return replace(recipe, max_time=None if recipe.max_time is None else share * recipe.max_time)


def mean_score(joint: Elliptical | Mixture, data: TrainingData) -> float:
    """Mean log-density of the rows `data.folds.held_out`, in nats per row."""
    rows = data.folds.held_out
    weight, density = data.weight[rows], joint.log_prob(data.Y[rows])
    total, count = processes.summed(np.array([weight @ density, weight.sum()]))
    return float(total / count)


@dataclass(frozen=True)
class _Trainings:
    """What the trainings of one fit share."""

    data: TrainingData
    linear: tuple[LinearStart, ...]
    source: Source
    held_out: HeldOut
    run: Run
    store: CheckpointStore | None
    first: Training | None = None  # compiled already

    @classmethod
    def of(
        cls,
        data: TrainingData,
        linear: Sequence[LinearStart],
        recipe: Recipe,
        run: Run,
        source: Source | None,
        store: CheckpointStore | None,
    ) -> Self:
        """What is whitened and gathered once; arguments as for `train_candidates`."""
        whitened = Whitened.under(linear, data)
        if source is None:
            generator = np.random.default_rng([run.seed, 1])
            source = Batches(data, whitened, recipe.batch_size, generator)
        return cls(data, tuple(linear), source, HeldOut.gather(data, whitened), run, store)

    def ready(self, architecture: Architecture, recipe: Recipe) -> Self:
        """The same, the first training of a family compiled."""
        training = Training(architecture, self.source, self.held_out, recipe, self.run)
        return replace(self, first=training.compiled())

    def with_mixture(
        self,
        architecture: Architecture,
        of_mixture: Architecture,
        recipe: Recipe,
        third: Callable[[], Self],
    ) -> list[Candidate]:
        """Train a Student-t, a normal and a mixture, but none that is far behind early on.

        Args:
            architecture: of the Student-t.
            of_mixture: of the mixture.
            recipe: of each.
            third: waits for the mixture's training, which is compiled.

        Returns:
            Those that were trained to the end: all three; or the mixture alone, or the others.
        """
        run, until, name = self.run, round(FROM * recipe.max_steps), architecture.family_name
        student = Training(architecture, self.source, self.held_out, recipe, run)
        student.run(until=until)
        if run.interruption.asked:  # nobody waits for what is compiled
            return self.both(architecture, recipe, student)
        others = third()
        mixture = cast(Training, others.first)
        mixture.run(until=until)
        best = AUTO
        if not run.interruption.asked:
            best = worth_alone(name, student.score, mixture.score, self.data, verbose=run.verbose)
        found = [] if best == MIXTURE else self.both(architecture, recipe, student)
        if best == name:
            return found
        last = others._candidate(of_mixture, mixture.run())
        return [*found, last.scored_on(self.data)]

    def both(
        self, architecture: Architecture, recipe: Recipe, begun: Training | None = None
    ) -> list[Candidate]:
        """Train a Student-t, and the normal that starts from it.

        Args:
            architecture: of the Student-t.
            recipe: of both together.
            begun: the training of the Student-t, if it goes on.

        Returns:
            The two.
        """
        if begun is None:
            student = self.candidate(architecture, _until(recipe, 1 - NORMAL_SHARE))
        else:
            student = self._candidate(architecture, begun.run())
        log_ratio = processes.agreed(_log_scale_ratios(student.ensemble, self.data))
        start = architecture.nearly_normal(student.ensemble.weights, log_ratio)
        shorter = replace(
            recipe,
            max_steps=max(1, round(NORMAL_SHARE * recipe.max_steps)),
            learning_rate=NORMAL_RATE * recipe.learning_rate,
            patience=NORMAL_PATIENCE,
        )
        reserve = 0.0 if compilation.shared() else student.setup  # it is compiled already
        trained = self._trained(architecture, shorter, NORMAL, start, reserve)
        return [student, self._of_weights(*architecture.as_normal(trained.weights), trained.setup)]

    def candidate(
        self,
        architecture: Architecture,
        recipe: Recipe,
        weights: list[NDArray[np.float32]] | None = None,
        reserve: float = 0.0,
    ) -> Candidate:
        """Train a family; arguments as for `Training`."""
        name = architecture.family_name
        trained = self._trained(architecture, recipe, name, weights, reserve)
        return self._candidate(architecture, trained)

    def _trained(
        self,
        architecture: Architecture,
        recipe: Recipe,
        name: str,
        weights: list[NDArray[np.float32]] | None,
        reserve: float,
    ) -> Trained:
        """What a training leaves, or what an earlier one of that name left."""
        over = None if self.store is None else self.store.finished(name)
        if over is not None:
            trained, place = over
            self.source.restore(place)
            return trained
        training = self.first or Training(
            architecture, self.source, self.held_out, recipe, self.run, weights=weights, name=name
        )
        trained = training.run(reserve=reserve, store=self.store)
        if self.store is not None:
            self.store.finish(name, trained, self.source.snapshot())
        return trained

    def _candidate(self, architecture: Architecture, trained: Trained) -> Candidate:
        return self._of_weights(architecture, trained.weights, trained.setup)

    def _of_weights(
        self, architecture: Architecture, weights: list[NDArray[np.float32]], setup: float
    ) -> Candidate:
        ensemble = Ensemble(self.linear, architecture, weights, self.data.targets)
        joint = ensemble.held_out(self.data)
        score = mean_score(joint, self.data)
        return Candidate(architecture.family_name, ensemble, joint, score, setup=setup)


def _log_scale_ratios(ensemble: Ensemble, data: TrainingData) -> Array:
    """By how much the covariance of a normal must exceed a Student-t's scale matrix.

    A member must not learn from the rows it is scored on. So the distances are of its own training
    rows, under the members that held those out; under itself where no other did.

    Args:
        ensemble: K members, whose family is the Student-t.
        data: the rows they were trained on.

    Returns:
        For each member, half the logarithm of the ratio, shape (K,).
    """

    def squares(rows: Sequence[Rows]) -> list[Array]:
        joints = ensemble.by_member(data.inputs, rows)
        return [_squares(joint, data.Y[which]) for joint, which in zip(joints, rows, strict=True)]

    weight, tests, trains = data.weight, data.folds.tests, data.folds.trains
    held_out = squares(tests)
    ratios = np.empty(len(tests))
    for member, own in enumerate(trains):
        others = [number for number in range(len(tests)) if number != member]
        rows = np.concatenate([tests[number] for number in others] or [own[:0]])
        usable = np.isin(rows, own) & (weight[rows] > 0)
        if usable.any():
            distances = np.concatenate([held_out[number] for number in others])[usable]
            ratios[member] = _log_scale_ratio(distances, weight[rows[usable]])
        else:
            ratios[member] = _log_scale_ratio(squares(trains)[member], weight[own])
    return ratios


def _squares(joint: MultivariateT, Y: Array) -> Array:
    """Squared distances from the location, per observed target, shape (N,), without unit.

    Args:
        joint: of N rows.
        Y: observed values, shape (N, D), in target units.

    Returns:
        |z|^2 / D of each row, D the number observed, z whitened by the scale matrix and not by the
        covariance.
    """
    freedom = joint.degrees_of_freedom
    observed = np.maximum((~np.isnan(Y)).sum(axis=1), 1)
    return np.asarray(np.square(joint.mahalanobis(Y)) * freedom / (freedom - 2) / observed)


def _log_scale_ratio(squares: Array, weight: Array) -> float:
    """Half the logarithm of the weighted mean of squares, which is the likeliest for a normal."""
    return float(0.5 * np.log(max(np.average(squares, weights=weight), LEAST_RATIO)))
