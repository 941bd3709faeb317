"""Boosted trees beside the networks of a fit, and their share in the means."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Self

import numpy as np

from covey.arguments.family import AUTO
from covey.backend import processes
from covey.errors import EngineError, InputError, warn
from covey.members.candidates import Candidate, mean_score
from covey.members.interruption import Interruption
from covey.members.run import Run
from covey.stacking.growth import GrownTrees, grow
from covey.stacking.library import lightgbm
from covey.stacking.stack import Stack
from covey.stacking.weights import fit_shares
from covey.start.start import LinearStart
from covey.table.folds import collected
from covey.table.training_data import TrainingData

LEAST_ROWS = 50  # to train on, for trees to learn anything
MOST_MODELS = 160  # K D: above that they would take longer than the networks
MOST_ROWS = 1_000_000  # the same: steps of networks do not grow with the rows for ever


@dataclass
class TreesBeside:
    """Trees that grow in a thread of their own while networks are trained.

    They are the same whether or not anything runs beside them.

    Attributes:
        data: the rows.
        seed: of the trees, and of the choice of rows that their weights are learned from.
        always: give them a share in all means, whether or not it helps.
        interruption: whether Ctrl-C asked for the end.
    """

    data: TrainingData
    seed: int
    always: bool
    interruption: Interruption
    _growing: Future[GrownTrees | None] | None = None
    _pool: ThreadPoolExecutor | None = None
    _over: Event = field(default_factory=Event)

    @classmethod
    def of(
        cls,
        data: TrainingData,
        linear: Sequence[LinearStart],
        run: Run,
        *,
        trees: bool | str,
        max_time: float | None,
    ) -> Self:
        """Begin to grow trees, if they are wanted and affordable.

        Args:
            data: the rows.
            linear: where each of the K members starts.
            run: seed, clock, and whether Ctrl-C asked for the end.
            trees: the parameter of the `JointRegressor`.
            max_time: seconds after which trees are given up; None is no limit.

        Returns:
            What waits for them.

        Raises:
            InputError: they are asked for where there can be none.
            EngineError: the same, for want of the library.
        """
        always = trees != AUTO and bool(trees)
        found = cls(data, run.seed, always, run.interruption)
        if not always and not (trees == AUTO and _affordable(data)):
            return found
        if always and processes.count() > 1:
            raise InputError(
                "Boosted trees are grown in one process. Received trees=True, with a training over "
                f"{processes.count()}: use trees=False, or fit without a distribution."
            )
        try:
            lightgbm()
        except EngineError as error:
            if always:
                raise
            warn(f"The means have no share of boosted trees. {error}")
            return found
        deadline = np.inf if max_time is None else run.started + max_time

        def wanted() -> bool:
            stop = found._over.is_set() or run.interruption.asked
            return not stop and time.monotonic() < deadline

        found._pool = ThreadPoolExecutor(1)
        found._growing = found._pool.submit(grow, data, linear, seed=run.seed, wanted=wanted)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._pool is not None:
            self._pool.shutdown()

    def stacked(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Give the trees a share in the means, of the targets that are better for it.

        Args:
            candidates: families that were trained.

        Returns:
            The same families; those without trees where no target is better for them, or the trees
            were given up.
        """
        grown = None if self._growing is None else self._growing.result()
        if grown is None:
            if self.always and not self.interruption.asked:
                warn("`max_time` was over before boosted trees were grown: the means have none.")
            return list(candidates)
        return [self._stacked(candidate, grown) for candidate in candidates]

    def _stacked(self, candidate: Candidate, grown: GrownTrees) -> Candidate:
        data, ensemble = self.data, candidate.ensemble
        tests = data.folds.tests
        parts = ensemble.by_member(data.inputs, tests)
        rows = np.concatenate(tests)
        some = grown.counts > 0
        joint, trees = type(parts[0]).concatenate(parts), np.concatenate(grown.held_out)
        shares = fit_shares(joint, trees, data.Y[rows], data.weight[rows], some, self.seed)
        kept = some if self.always else shares.worth
        if not kept.any():
            return candidate
        stack = Stack.of(grown, shares, kept)
        moved = [stack.moved(*pair) for pair in zip(parts, grown.held_out, strict=True)]
        joint = collected(moved, data.folds)
        means = np.full(data.Y.shape, np.nan)
        means[rows] = trees
        score = mean_score(joint, data)
        return replace(
            candidate,
            ensemble=ensemble.with_stack(stack),
            out_of_fold=joint,
            score=score,
            trees=means,
        )


def _affordable(data: TrainingData) -> bool:
    """Whether there is enough to learn, and it takes less time than the networks do."""
    rows = min(len(train) for train in data.folds.trains)
    models = len(data.folds) * len(data.targets)
    affordable = len(data.Y) <= MOST_ROWS and models <= MOST_MODELS
    return affordable and rows >= LEAST_ROWS and processes.count() == 1
