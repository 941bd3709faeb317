"""Boosted trees for each member and target, fitted to the rows that the member trains on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from covey.stacking.forest import Forest, joined
from covey.stacking.library import lightgbm
from covey.start.start import LinearStart
from covey.table.training_data import TrainingData
from covey.types import Array, Rows

FEW = 1000  # rows up to which larger steps, of fewer trees, are as good
MANY = 2000  # training rows from which on trees are fewer and larger, for the sake of prediction
LEAST_ROWS = 20  # with a target, that a fold must train on for trees of it
FEATURES = 30  # that each tree may choose from
STEP = 10  # trees from one look at the held-out rows to the next
PATIENCE = 4  # looks without a smaller error, after which a target has trees enough
ENOUGH = 1.005  # times the least squared error, for which fewer trees are taken
FINER = 1.5  # times as many trees for new rows, with steps as much smaller
BAGGED = {"bagging_fraction": 0.8, "bagging_freq": 1}  # each tree learns from a part of the rows


@dataclass(frozen=True)
class GrownTrees:
    """Trees for D targets, and what others, which did not see a row, say of it.

    Attributes:
        forest: D outputs, the targets, standardised; it was fitted to all rows.
        location: of the standardised targets, shape (D,), in target units.
        scale: the same.
        held_out: for each member, the means of the rows it holds out, (n_k, D), in target units, by
            trees that were fitted to the rows it trains on.
        counts: how many trees there were of each target for a member, shape (D,); 0 for none.
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
    """Fit trees to each target: for each member on the rows it trains on, and then on all rows.

    The trees of a member tell how good they are, and how many there should be: as few as make the
    squared error of the rows held out next to the least. Those for new rows are fitted to all
    rows, half as many again with smaller steps, each to a part of them: they are as good as the
    mean over members, for a fraction of the price. They learn y less the mean of the user's
    regressor, if there is one.

    Args:
        data: the rows.
        linear: the K linear starts, by whose location and scale targets are standardised.
        seed: of the choice of features and rows.
        wanted: asked before each fit; the trees are given up if it says no.

    Returns:
        The trees; None if they were given up.

    Raises:
        EngineError: LightGBM cannot be loaded.

    References:
        Ke et al. (2017), LightGBM: A Highly Efficient Gradient Boosting Decision Tree, NeurIPS 30;
        Friedman (2002), Stochastic gradient boosting, doi 10.1016/S0167-9473(01)00065-2.
    """
    folds, d = data.folds, len(data.targets)
    settings = _settings(data, seed)
    looks = range(STEP, settings["num_iterations"] + 1, STEP)
    squares, some = np.zeros((len(looks), d)), np.ones(d, dtype=bool)
    paths, honest = [], data.Y - data.inputs.offset(0)  # rows that none holds out keep this
    together = []
    for member, (train, test) in enumerate(zip(folds.trains, folds.tests, strict=True)):
        rest = data.Y - data.inputs.offset(member)
        honest[test] = rest[test]
        rest = (rest - linear[member].location) / linear[member].scale
        learning = _Learning.of(data, rest, train, {**settings, "seed": seed + member})
        some &= learning.enough
        path = np.zeros((len(looks), len(test), d))
        paths.append(path)
        judged = _Judged(learning, data.inputs.matrix[test], rest[test], data.weight[test], path)
        if len(data.Y) < MANY:
            together.append(judged)
            continue
        for target in np.flatnonzero(learning.enough).tolist():
            if not wanted():
                return None
            judged.follow(learning.begun(target), target, looks)
            squares[:, target] += judged.squares(target)
    if together and not _grown_together(together, squares, some, looks, wanted):
        return None
    chosen = (squares <= ENOUGH * squares.min(axis=0)).argmax(axis=0)
    counts = np.where(some, np.array(looks)[chosen], 0)
    location = np.mean([start.location for start in linear], axis=0)
    scale = np.mean([start.scale for start in linear], axis=0)
    finer = {"learning_rate": settings["learning_rate"] / FINER, **BAGGED}
    rows = np.arange(len(data.Y))
    learning = _Learning.of(data, (honest - location) / scale, rows, settings | finer)
    parts = []
    for target in np.flatnonzero(some).tolist():
        if not wanted():
            return None
        booster = learning.fitted(target, round(FINER * counts[target]))
        parts.append((target, booster.model_to_string()))
    forest = joined(parts, data.inputs.matrix.shape[1], d)
    held_out = tuple(
        data.inputs[test].offset(member)
        + linear[member].location
        + linear[member].scale * path[chosen, :, range(d)].T
        for member, (path, test) in enumerate(zip(paths, folds.tests, strict=True))
    )
    return GrownTrees(forest, location, scale, held_out, counts)


@dataclass(frozen=True)
class _Learning:
    """Rows as LightGBM takes them, and D targets to learn one after the other."""

    table: Any
    Y: Array
    weight: Array
    settings: dict[str, Any]

    @classmethod
    def of(cls, data: TrainingData, Y: Array, rows: Rows, settings: dict[str, Any]) -> Self:
        observed = ~np.isnan(Y[rows])
        y = np.where(observed, Y[rows], 0.0)
        matrix = data.inputs.matrix[rows]
        table = lightgbm().Dataset(matrix, y[:, 0], params=settings, free_raw_data=False)
        return cls(table, y, data.weight[rows, None] * observed, settings)

    @property
    def enough(self) -> NDArray[np.bool_]:
        """Which targets are observed often enough, shape (D,)."""
        return (self.weight > 0).sum(axis=0) >= LEAST_ROWS

    def begun(self, target: int) -> Any:
        """A booster for one target, without trees; until another is begun."""
        weight = np.ascontiguousarray(self.weight[:, target])
        self.table.set_label(np.ascontiguousarray(self.Y[:, target])).set_weight(weight)
        return lightgbm().Booster(self.settings, self.table)

    def fitted(self, target: int, count: int) -> Any:
        """So many trees for one target."""
        booster = self.begun(target)
        for _ in range(count):
            booster.update()
        return booster


@dataclass(frozen=True)
class _Judged:
    """What a member learns, and the rows that it holds out, by which its trees are judged.

    Attributes:
        learning: what it learns.
        matrix: inputs of the rows held out, shape (N, F).
        Y: their targets, shape (N, D), in standardised units, NaN where not observed.
        weight: of these rows, shape (N,).
        path: what the first trees say of them, after each look, shape (looks, N, D).
    """

    learning: _Learning
    matrix: NDArray[np.float32]
    Y: Array
    weight: Array
    path: Array

    def grow(self, booster: Any, target: int, number: int, look: int, step: int) -> float:
        """Grow `step` more trees, up to `look` of them; the weighted squared error with them."""
        for _ in range(step):
            booster.update()
        more = booster.predict(
            self.matrix,
            start_iteration=look - step,
            num_iteration=step,
            num_threads=1,  # of few rows and trees: others to be woken take longer
        )
        before = self.path[number - 1, :, target] if number else 0.0
        self.path[number, :, target] = before + more
        return float(self.squares(target)[number])

    def follow(self, booster: Any, target: int, looks: range) -> None:
        """Grow all trees of a target."""
        for number, look in enumerate(looks):
            self.grow(booster, target, number, look, looks.step)

    def squares(self, target: int) -> Array:
        """Weighted sums of squared errors after each look, shape (looks,)."""
        y = self.Y[:, target]
        wrong = np.where(np.isnan(y), 0.0, self.path[:, :, target] - y)
        return np.asarray(np.square(wrong) @ self.weight)


def _quiet() -> None:
    """Let LightGBM be silent in this thread: how much it says, it knows for each thread alone."""
    lightgbm().Dataset(np.zeros((2, 1)), params={"verbose": -1}).construct()


def _grown_together(
    members: Sequence[_Judged],
    squares: Array,
    some: NDArray[np.bool_],
    looks: range,
    wanted: Callable[[], bool],
) -> bool:
    """Grow the trees of all members side by side, and none that are of no use.

    The squared error of all held-out rows is looked at after each few trees; a target has enough
    when it has not become less for `PATIENCE` looks.

    Args:
        members: what each learns; its `path` is written.
        squares: squared errors after each look, shape (looks, D), to be written; infinite after the
            last look of a target.
        some: the targets that all members can learn, shape (D,).
        looks: numbers of trees.
        wanted: asked before each look.

    Returns:
        Whether they were wanted until the end.
    """
    with ThreadPoolExecutor(os.cpu_count(), initializer=_quiet) as pool:
        for target in np.flatnonzero(some).tolist():
            boosters = [member.learning.begun(target) for member in members]
            for number, look in enumerate(looks):
                if not wanted():
                    return False

                def more(pair: tuple[_Judged, Any], at: tuple[int, int, int]) -> float:
                    return pair[0].grow(pair[1], *at, looks.step)

                pairs = zip(members, boosters, strict=True)
                squares[number, target] = sum(pool.map(more, pairs, repeat((target, number, look))))
                if number - squares[: number + 1, target].argmin() >= PATIENCE:
                    squares[number + 1 :, target] = np.inf
                    break
    return True


def _settings(data: TrainingData, seed: int) -> dict[str, Any]:
    """Parameters of LightGBM: few trees, since each is followed for each row to predict."""
    rows, features = len(data.Y), data.inputs.matrix.shape[1]
    many, few = rows >= MANY, rows <= FEW
    return {
        "objective": "l2",
        "num_iterations": 60 if many else 300,
        "learning_rate": 0.2 if many else 0.1 if few else 0.07,
        "num_leaves": 63 if many else 15,
        "min_data_in_leaf": 20 if many else 5,
        "feature_fraction": min(1.0, FEATURES / features),
        "feature_pre_filter": False,
        **({} if many else BAGGED),
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1,  # networks are trained beside
        "seed": seed,
        "verbose": -1,
    }
