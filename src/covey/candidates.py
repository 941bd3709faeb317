"""The families tried on one table: a Student-t first, then the normal that starts from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covey.distributions import Elliptical, MultivariateT
from covey.ensemble import Ensemble
from covey.folds import Folds
from covey.linear import LinearModel
from covey.network import Network
from covey.recipe import Recipe
from covey.training import Trained, train

Array = NDArray[np.float64]

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


def train_candidates(
    network: Network,
    inputs: NDArray[np.float32],
    Y: Array,
    linear: Sequence[LinearModel],
    folds: Folds,
    recipe: Recipe,
    targets: tuple[str, ...],
    *,
    normal: bool,
    offsets: Array | None = None,
    sample_weight: Array | None = None,
    callbacks: Sequence[Any] = (),
    seed: int = 0,
    verbose: int = 1,
    started: float,
) -> list[Candidate]:
    """Train a Student-t and, on request, a normal from there.

    A normal trained from scratch on data with outliers is stopped by whichever fold holds the worst
    of them. One that starts from a Student-t has its mean and its shape already and learns how wide
    it must be.

    Args:
        network: what to build, for the Student-t.
        inputs: array of shape (N, F).
        Y: array of shape (N, D), in target units.
        linear: where each member starts.
        folds: who trains on what.
        recipe: how long and how fast.
        targets: D names.
        normal: whether to train the normal too.
        offsets: for each member, what is taken from Y before anything else, shape (K, N, D).
        sample_weight: array of shape (N,), of mean 1, or None.
        callbacks: Keras callbacks of the user.
        seed: of the initial weights, the batches and the dropout.
        verbose: 0 is silent, 1 shows a progress bar.
        started: `time.monotonic()` from which the recipe's `max_time` counts.

    Returns:
        The Student-t, then the normal if it was asked for.
    """
    features = inputs.astype(np.float64)
    whitened = [
        start.whiten(features, Y if offsets is None else Y - offsets[member])
        for member, start in enumerate(linear)
    ]
    tests = [test for _, test in folds.pairs]
    rows = folds.held_out

    def trained(
        network: Network, recipe: Recipe, weights: Any = None, reserve: float = 0.0
    ) -> tuple[Candidate, Trained]:
        model, result = train(
            network,
            inputs,
            whitened,
            folds.pairs,
            recipe,
            sample_weight=sample_weight,
            log_scales=[start.log_scale for start in linear],
            weights=weights,
            callbacks=callbacks,
            seed=seed,
            verbose=verbose,
            started=started,
            reserve=reserve,
        )
        ensemble = Ensemble(tuple(linear), network, result.weights, targets)
        ensemble.keep(model)
        joint = ensemble.held_out(inputs, tests, rows, offsets)
        score = np.average(
            joint.log_prob(Y[rows]), weights=None if sample_weight is None else sample_weight[rows]
        )
        return Candidate(network.family_name, ensemble, joint, float(score)), result

    if not normal:
        return [trained(network, recipe)[0]]
    limit = recipe.max_time
    early = None if limit is None else (1 - NORMAL_SHARE) * limit
    student, log = trained(network, replace(recipe, max_time=early))
    parts = student.ensemble.held_out_parts(inputs, tests, offsets)
    stretch = [
        _log_stretch(part, Y[test], None if sample_weight is None else sample_weight[test])
        for part, test in zip(parts, tests, strict=True)
    ]
    network, weights = network.as_normal(student.ensemble.weights, np.array(stretch))
    shorter = replace(
        recipe,
        max_steps=max(1, round(NORMAL_SHARE * recipe.max_steps)),
        learning_rate=NORMAL_RATE * recipe.learning_rate,
    )
    return [student, trained(network, shorter, weights, log.setup)[0]]


def _log_stretch(joint: MultivariateT, Y: Array, weight: Array | None) -> float:
    """Half the logarithm of the mean of |z|^2 / D: by how much a normal must be wider."""
    factor = joint.degrees_of_freedom / (joint.degrees_of_freedom - 2)
    squares = np.average(np.square(joint.mahalanobis(Y)) * factor, weights=weight)
    return float(0.5 * np.log(max(squares / Y.shape[1], 1e-6)))
