"""The families tried on one table: a Student-t first, then the normal that starts from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from covey.backend import compilation
from covey.distributions import Elliptical, MultivariateT
from covey.members.batches import Batches, Source
from covey.members.ensemble import Ensemble
from covey.members.loop import Snapshot, Trained, train
from covey.members.network import Network
from covey.members.recipe import Recipe
from covey.members.validation import HeldOut
from covey.start.start import LinearStart
from covey.start.whitening import Whitened
from covey.table.folds import Folds
from covey.types import Array

NORMAL_SHARE = 0.15  # of the steps of the Student-t, for the normal that starts from it
NORMAL_RATE = 1 / 3  # of its learning rate


@dataclass(frozen=True)
class Candidate:
    """One family, trained, and what it is worth.

    Attributes:
        family: a key of `covey.families.FAMILIES`.
        ensemble: the fitted members.
        out_of_fold: distributions of the held-out rows by members that did not train on them.
        score: mean log-density of these rows, in nats per row.
    """

    family: str
    ensemble: Ensemble
    out_of_fold: Elliptical
    score: float


class Keeper(Protocol):
    """Keeps what was reached, so that an interrupted fit can go on."""

    def finished(self, family: str) -> tuple[Trained, Snapshot] | None:
        """What a training left, and where its source of rows was then; None if it is not over."""

    def resume(self, family: str) -> Snapshot | None:
        """The last snapshot of a training, or None."""

    def keep(self, family: str, snapshot: Snapshot) -> None:
        """Take a snapshot of a training."""

    def finish(self, family: str, trained: Trained, source: Snapshot) -> None:
        """Take what a training left."""


def train_candidates(
    network: Network,
    inputs: NDArray[np.float32],
    Y: Array,
    linear: Sequence[LinearStart],
    folds: Folds,
    recipe: Recipe,
    targets: tuple[str, ...],
    *,
    normal: bool,
    weights: list[NDArray[np.float32]] | None = None,
    offsets: Array | None = None,
    sample_weight: Array | None = None,
    callbacks: Any = None,
    seed: int = 0,
    verbose: int = 1,
    started: float,
    source: Source | None = None,
    keeper: Keeper | None = None,
) -> list[Candidate]:
    """Train a network and, if it is a Student-t's, on request a normal from there.

    A normal trained from scratch on data with outliers is stopped by whichever fold holds the worst
    of them. One that starts from a Student-t has its mean and its shape already and learns how wide
    it must be.

    Args:
        network: what to build first.
        inputs: array of shape (N, F).
        Y: array of shape (N, D), in target units, NaN where not observed.
        linear: where each member starts.
        folds: who trains on what.
        recipe: how long and how fast.
        targets: D names.
        normal: whether to train a normal too, after a Student-t.
        weights: where to start; at the family's standard distribution by default.
        offsets: for each member, what is taken from Y before anything else, shape (K, N, D).
        sample_weight: array of shape (N,), of mean 1, or None.
        callbacks: Keras callbacks of the user.
        seed: of the initial weights, the batches and the dropout.
        verbose: 0 is silent, 1 shows a progress bar.
        started: `time.monotonic()` from which the recipe's `max_time` counts.
        source: where the rows to train on come from; by default they are the N rows. If they come
            from elsewhere, the N rows are those that members are stopped and scored on.
        keeper: keeps what was reached.

    Returns:
        The family of the network, then the normal if it was asked for.
    """
    whitened = Whitened.under(linear, inputs.astype(np.float64), Y, folds, offsets)
    tests = [test for _, test in folds.pairs]
    rows = folds.held_out
    rows_from = source or Batches(
        inputs,
        whitened,
        [training for training, _ in folds.pairs],
        sample_weight,
        recipe.batch_size,
        np.random.default_rng([seed, 1]),
    )
    held_out = HeldOut.gather(inputs, whitened, tests, sample_weight)

    def trained(
        network: Network, recipe: Recipe, weights: Any = None, reserve: float = 0.0
    ) -> tuple[Candidate, Trained]:
        name = network.family_name
        over = None if keeper is None else keeper.finished(name)
        if over is None:
            model, result = train(
                network,
                rows_from,
                held_out,
                recipe,
                weights=weights,
                callbacks=callbacks,
                seed=seed,
                verbose=verbose,
                started=started,
                reserve=reserve,
                resume=None if keeper is None else keeper.resume(name),
                keep=None if keeper is None else partial(keeper.keep, name),
            )
            if keeper is not None:
                keeper.finish(name, result, rows_from.snapshot())
        else:
            model, (result, place) = None, over
            rows_from.restore(place)
        ensemble = Ensemble(tuple(linear), network, result.weights, targets)
        if model is not None:
            ensemble.keep(model)
        joint = ensemble.held_out(inputs, tests, rows, offsets)
        weight = np.ones(len(rows)) if sample_weight is None else sample_weight[rows]
        total, count = compilation.summed(
            np.array([weight @ joint.log_prob(Y[rows]), weight.sum()])
        )
        score = total / count
        return Candidate(network.family_name, ensemble, joint, float(score)), result

    if not normal:
        return [trained(network, recipe, weights)[0]]
    limit = recipe.max_time
    early = None if limit is None else (1 - NORMAL_SHARE) * limit
    student, log = trained(network, replace(recipe, max_time=early))
    stretch = _log_stretches(student.ensemble, inputs, Y, folds, offsets, sample_weight)
    stretch = compilation.agreed(stretch)
    network, weights = network.as_normal(student.ensemble.weights, stretch)
    shorter = replace(
        recipe,
        max_steps=max(1, round(NORMAL_SHARE * recipe.max_steps)),
        learning_rate=NORMAL_RATE * recipe.learning_rate,
    )
    return [student, trained(network, shorter, weights, log.setup)[0]]


def _log_stretches(
    ensemble: Ensemble,
    inputs: NDArray[np.float32],
    Y: Array,
    folds: Folds,
    offsets: Array | None,
    sample_weight: Array | None,
) -> Array:
    """For each member, the logarithm of how much wider a normal must be, shape (K,).

    A member must not learn from the rows it is scored on. So the distances are of its own training
    rows, under the members that held those out; under itself where no other did.
    """

    def squares(rows: Sequence[NDArray[np.int64]]) -> list[Array]:
        joints = ensemble.held_out_parts(inputs, rows, offsets)
        return [_squares(joint, Y[which]) for joint, which in zip(joints, rows, strict=True)]

    weight = np.ones(len(Y)) if sample_weight is None else sample_weight
    tests = [test for _, test in folds.pairs]
    held_out = squares(tests)
    found = np.empty(len(tests))
    for member, (own, _) in enumerate(folds.pairs):
        others = [number for number in range(len(tests)) if number != member]
        rows = np.concatenate([tests[number] for number in others] or [own[:0]])
        usable = np.isin(rows, own) & (weight[rows] > 0)
        if usable.any():
            distances = np.concatenate([held_out[number] for number in others])[usable]
            found[member] = _log_stretch(distances, weight[rows[usable]])
        else:
            inside = squares([train for train, _ in folds.pairs])[member]
            found[member] = _log_stretch(inside, weight[own])
    return found


def _squares(joint: MultivariateT, Y: Array) -> Array:
    """|z|^2 / D of each row, D the number observed, the scale matrix in the covariance's place."""
    freedom = joint.degrees_of_freedom
    observed = np.maximum((~np.isnan(Y)).sum(axis=1), 1)
    return np.asarray(np.square(joint.mahalanobis(Y)) * freedom / (freedom - 2) / observed)


def _log_stretch(squares: Array, weight: Array) -> float:
    """Half the logarithm of their mean."""
    return float(0.5 * np.log(max(np.average(squares, weights=weight), 1e-6)))
