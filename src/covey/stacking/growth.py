"""Boosted trees for each member and target, fitted to the rows that the member trains on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covey.stacking.forest import Forest, joined
from covey.stacking.library import lightgbm
from covey.start.start import LinearStart
from covey.table.training_data import TrainingData
from covey.types import Array

MANY = 2000  # training rows from which on trees are fewer and larger, for the sake of prediction
LEAST_ROWS = 20  # with a target, that a fold must train on for trees of it
FEATURES = 30  # that each tree may choose from
STEP = 10  # trees from one look at the held-out rows to the next
ENOUGH = 1.005  # times the least squared error, for which fewer trees are taken


@dataclass(frozen=True)
class GrownTrees:
    """Trees for K members and D targets, and what they say of rows held out.

    Attributes:
        forest: its outputs are the targets of member 0, of member 1, ..., standardised.
        location: of the standardised targets of each member, shape (K, D), in target units.
        scale: the same, shape (K, D).
        held_out: for each member, the means of the rows it holds out, (n_k, D), in target units.
        counts: how many trees a member has for each target, shape (D,); 0 where there are none.
    """

    forest: Forest
    location: Array
    scale: Array
    held_out: tuple[Array, ...]
    counts: NDArray[np.int64]


def grow(
    data: TrainingData,
    linear: Sequence[LinearStart],
    *,
    seed: int,
    wanted: Callable[[], bool] = lambda: True,
) -> GrownTrees | None:
    """Fit trees to each target, on the rows that each member trains on.

    They learn y less the mean of the user's regressor, if there is one. All members have as many
    trees for a target: as few as make the squared error of the rows that they hold out next to
    the least.

    Args:
        data: the rows.
        linear: the K linear starts, by whose location and scale targets are standardised.
        seed: of the choice of features.
        wanted: asked before each fit; the trees are given up if it says no.

    Returns:
        The trees; None if they were given up.

    Raises:
        EngineError: LightGBM cannot be loaded.

    References:
        Ke et al. (2017), LightGBM: A Highly Efficient Gradient Boosting Decision Tree, NeurIPS 30.
    """
    library = lightgbm()
    folds, d = data.folds, len(data.targets)
    settings = _settings(data, seed)
    looks = range(STEP, settings["num_iterations"] + 1, STEP)
    location = np.stack([start.location for start in linear])
    scale = np.stack([start.scale for start in linear])
    boosters: dict[tuple[int, int], Any] = {}
    squares = np.zeros((len(looks), d))
    paths = []
    for member, (train, test) in enumerate(zip(folds.trains, folds.tests, strict=True)):
        rest = (data.Y - data.inputs.offset(member) - location[member]) / scale[member]
        observed = ~np.isnan(rest)
        matrix, y = data.inputs.matrix[train], np.where(observed, rest, 0.0)[train]
        weight = data.weight[train, None] * observed[train]
        table = library.Dataset(matrix, y[:, 0], params=settings, free_raw_data=False)
        path = np.zeros((len(looks), len(test), d))
        for target in range(d):
            if not wanted():
                return None
            if (weight[:, target] > 0).sum() < LEAST_ROWS:
                continue
            table.set_label(y[:, target]).set_weight(weight[:, target])
            booster = library.train({**settings, "seed": seed + member}, table)
            boosters[member, target] = booster
            path[:, :, target] = _path(booster, data.inputs.matrix[test], looks)
        wrong = np.square(np.where(observed[test], path - rest[test], 0.0))
        squares += np.einsum("n,gnd->gd", data.weight[test], wrong)
        paths.append(path)
    chosen = (squares <= ENOUGH * squares.min(axis=0)).argmax(axis=0)
    parts = [
        (member * d + target, booster.model_to_string(num_iteration=looks[chosen[target]]))
        for (member, target), booster in boosters.items()
    ]
    some = np.zeros(d, dtype=bool)
    some[[target for _, target in boosters]] = True
    held_out = tuple(
        data.inputs[folds.tests[member]].offset(member)
        + location[member]
        + scale[member] * path[chosen, :, range(d)].T
        for member, path in enumerate(paths)
    )
    return GrownTrees(
        joined(parts, data.inputs.matrix.shape[1], len(folds) * d),
        location,
        scale,
        held_out,
        np.where(some, np.array(looks)[chosen], 0),
    )


def _settings(data: TrainingData, seed: int) -> dict[str, Any]:
    """Parameters of LightGBM: few trees, since each is followed for each row to predict."""
    rows, features = len(data.Y), data.inputs.matrix.shape[1]
    many = rows >= MANY
    return {
        "objective": "l2",
        "num_iterations": 60 if many else 120,
        "learning_rate": 0.2 if many else 0.15,
        "num_leaves": 63 if many else 31,
        "min_data_in_leaf": 20 if many else 5,
        "feature_fraction": min(1.0, FEATURES / features),
        "feature_pre_filter": False,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1,  # networks are trained beside
        "seed": seed,
        "verbose": -1,
    }


def _path(booster: Any, matrix: NDArray[np.float32], looks: range) -> Array:
    """What the first trees say, after each number of them, shape (looks, N)."""
    each = [
        booster.predict(matrix, start_iteration=look - looks.step, num_iteration=looks.step)
        for look in looks
    ]
    return np.cumsum(each, axis=0)
