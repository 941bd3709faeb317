"""Cross-fitted training: K members in one network, each stopped early on rows it never saw."""

from __future__ import annotations

import time
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from covey.backend import processes
from covey.backend.compilation import STEPS
from covey.backend.select import keras
from covey.errors import warn
from covey.members.architecture import Architecture
from covey.members.averaging import BestWeights
from covey.members.batches import Chunk, Source
from covey.members.callbacks import EACH_BATCH, hears, listed
from covey.members.network import build, write_weights
from covey.members.progress import finish, progress_bar, show
from covey.members.recipe import Recipe
from covey.members.run import Run
from covey.members.steps import Runner, runner
from covey.members.trained import CheckpointStore, Trained
from covey.members.validation import HeldOut
from covey.types import Snapshot

AT_ONCE = 0.5  # seconds that steps may take before the time is read again


class Training:
    """K members that train at once, ready to begin.

    What is scored and kept is a running average of the weights, over the last ninth of the steps so
    far: at each moment it has the accuracy that a smaller learning rate would bring (Polyak,
    Juditsky 1992, Acceleration of Stochastic Approximation by Averaging, doi 10.1137/0330046).

    Args:
        architecture: what to build.
        source: where the rows to train on come from.
        held_out: the rows to stop on.
        recipe: how long and how fast.
        run: seed, clock, callbacks and progress bar.
        weights: where to start, as `read_weights` gives them; at the linear model by default.
        name: what is trained; by default the name of the family.

    Attributes:
        model: a `keras.Model`; after `run` it holds the best weights.
    """

    def __init__(
        self,
        architecture: Architecture,
        source: Source,
        held_out: HeldOut,
        recipe: Recipe,
        run: Run,
        *,
        weights: list[NDArray[np.float32]] | None = None,
        name: str | None = None,
    ) -> None:
        begun = time.monotonic()
        self._source, self._held_out, self._recipe, self._run = source, held_out, recipe, run
        self._name = architecture.family_name if name is None else name
        generator = np.random.default_rng(run.seed)
        self.model = build(architecture, seed=int(generator.integers(2**31)))
        start = architecture.initial_weights(generator) if weights is None else weights
        write_weights(self.model, start)
        self._steps = runner(architecture, self.model, source, recipe)
        scorer = held_out.scorer(architecture)
        self._best = BestWeights(scorer, held_out.share, self._steps.weights())
        self._built = time.monotonic() - begun
        self._over = False  # whether no member has become better for long
        self._setup: float | None = None  # seconds until the first step was done

    def compiled(self) -> Self:
        """The same, its steps compiled already; for rows in memory."""
        self._steps.run(self._source.draw(0))
        return self

    @property
    def score(self) -> float:
        """Out-of-fold score of the best weights so far, in nats per row."""
        return self._best.score

    def run(
        self,
        *,
        reserve: float = 0.0,
        store: CheckpointStore | None = None,
        until: int | None = None,
    ) -> Trained:
        """Train, or go on with it.

        Args:
            reserve: seconds that must be left of the recipe's `max_time`, or there is no training.
            store: takes a snapshot after every validation, and gives the last one of this training,
                if there is any, from which to go on.
            until: steps after which it pauses, at the next validation, or when it is over; called
                again, it goes on, and says how it ended. On jax without a distribution.

        Returns:
            The best weights, and what is known about them.
        """
        begun = time.monotonic()
        model, steps, best, source = self.model, self._steps, self._best, self._source
        recipe, run, held_out, name = self._recipe, self._run, self._held_out, self._name
        snapshot = None if store is None else store.resume(name)
        if snapshot is not None:
            for part in (steps, best, source):
                part.restore(snapshot)
        deadline = np.inf if recipe.max_time is None else run.started + recipe.max_time
        late = time.monotonic() + reserve >= deadline or run.interruption.asked
        interval, late = processes.agreed((_steps_per_validation(recipe, held_out), late))
        epochs = {
            "epochs": -(-recipe.max_steps // interval),
            "steps": interval,
            "verbose": run.verbose,
        }
        callbacks = _Callbacks(listed(run.callbacks), model, steps, epochs)
        model.stop_training = False
        callbacks.call("on_train_begin")
        logs: dict[str, float] = {}
        first_step = None
        together = processes.count() > 1  # then all must do the same, whatever their clocks say
        at_once = 1  # the first step compiles, and then it is known how long one takes
        shown = {"scale": recipe.batch_size, "initial": best.steps, "verbose": run.verbose}
        over, most = self._over, recipe.max_steps if until is None else until
        with progress_bar(recipe.max_steps, name, **shown) as bar:
            show(bar, best.steps, best.score, best.start)
            while best.steps < min(most, recipe.max_steps) and not late and not over:
                callbacks.call("on_epoch_begin", best.validations)
                loss, taken = 0.0, 0
                wanted = min(interval, recipe.max_steps - best.steps)
                while taken < wanted and not late:
                    # how many are drawn must not depend on the time they take: a seed would not
                    # suffice
                    rows, order = source.draw(wanted - taken)
                    while len(order) and not late:
                        now = time.monotonic()
                        if callbacks.each_batch:
                            at_once = 1
                            callbacks.call("on_train_batch_begin", taken)
                        loss += steps.run(Chunk(rows, order[:at_once]))
                        done = len(order[:at_once])
                        taken, order = taken + done, order[at_once:]
                        first_step = first_step or time.monotonic()
                        if callbacks.each_batch:
                            callbacks.call("on_train_batch_end", taken - 1, {"loss": loss / taken})
                        pace = (time.monotonic() - now) / done
                        quick = int(np.clip(AT_ONCE / pace, 1, STEPS)) if taken > 1 else 2
                        at_once = STEPS if together else quick
                        ended = model.stop_training or run.interruption.asked
                        late = not together and (ended or time.monotonic() >= deadline)
                best.validate(steps.weights(), taken)
                show(bar, best.steps, best.score, best.start)
                logs = {"loss": loss / taken, "out_of_fold_score": best.score}
                callbacks.call("on_epoch_end", best.validations - 1, logs)
                if store is not None:
                    now_there = _joined(steps.snapshot(), best.snapshot(), source.snapshot())
                    store.keep(name, now_there)
                late = late or time.monotonic() >= deadline or run.interruption.asked
                over = model.stop_training or bool(
                    np.all(best.waiting >= recipe.waits(best.best_steps))
                )
                late, over = processes.agreed((late, over))
            self._over = over
            callbacks.call("on_train_end", logs)
            if run.interruption.asked:
                why = "ended by Ctrl-C"
            elif best.steps >= recipe.max_steps:
                why = ""
            else:
                why = "stopped early" if over else "time is up"
            paused = until is not None and not late and not run.interruption.asked
            if not paused:
                finish(bar, best.score, best.best_steps, why)
        if run.interruption.asked:
            run.interruption.say(best.steps, recipe.max_steps)
        write_weights(model, best.weights)
        if best.diverged and not paused:
            warn(
                f"The score of members {sorted(best.diverged)} became infinite or NaN during "
                "training; they keep their best weights from before. A smaller `learning_rate` may "
                "help."
            )
        if self._setup is None:
            self._setup = self._built + (first_step or time.monotonic()) - begun
        return Trained(best.weights, best.best_steps, best.scores, best.steps, self._setup)


class _Callbacks:
    """The user's callbacks, who see the model as it is and may change it."""

    def __init__(
        self, callbacks: list[Any], model: Any, steps: Runner, epochs: dict[str, int]
    ) -> None:
        self.each_batch = any(hears(callback, EACH_BATCH) for callback in callbacks)
        self._list: Any = None
        if callbacks:
            self._list = keras.callbacks.CallbackList(callbacks, model=model, **epochs)
        self._steps = steps

    def call(self, hook: str, *arguments: Any) -> None:
        """Call a hook of every callback, the model up to date before and what it became after."""
        if self._list is None:
            return
        self._steps.publish()
        getattr(self._list, hook)(*arguments)
        self._steps.adopt()


def _steps_per_validation(recipe: Recipe, held_out: HeldOut) -> int:
    """How many gradient steps are taken from one validation to the next.

    It costs about a third of a step per K * batch_size rows, and may take a tenth of all time.
    """
    least = 10 * held_out.size // (3 * len(held_out.share) * recipe.batch_size)
    validations = -(-recipe.max_steps // max(min(recipe.max_steps // 100, 50), least, 1))
    return -(-recipe.max_steps // validations)


def _joined(*parts: Snapshot) -> Snapshot:
    """One snapshot of several objects, whose names differ."""
    whole = Snapshot({}, {})
    for part in parts:
        whole.manifest.update(part.manifest)
        whole.arrays.update(part.arrays)
    return whole
