"""Cross-fitted training: K members in one network, each stopped early on rows it never saw."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from covey.backend import compilation
from covey.backend.compilation import STEPS
from covey.backend.select import keras
from covey.errors import warn
from covey.members.architecture import Architecture, write_weights
from covey.members.averaging import Looks
from covey.members.batches import Source, Stretch
from covey.members.callbacks import EACH_BATCH, hears, listed
from covey.members.recipe import Recipe
from covey.members.steps import Runner, runner
from covey.members.validation import HeldOut
from covey.types import Snapshot

AT_ONCE = 0.5  # seconds that steps may take between two looks at the clock


@dataclass(frozen=True)
class Trained:
    """What training leaves.

    Attributes:
        weights: the best average weights of each member, as `read_weights` gives them.
        best_steps: step at which each member was best, shape (K,); 0 is the linear start.
        scores: held-out score of each member at its best step, shape (K,), in nats per row.
        steps: gradient steps taken.
        setup: seconds until the first step was done: mostly compilation.
    """

    weights: list[NDArray[np.float32]]
    best_steps: NDArray[np.int64]
    scores: NDArray[np.float64]
    steps: int
    setup: float


def train(
    architecture: Architecture,
    source: Source,
    held_out: HeldOut,
    recipe: Recipe,
    *,
    weights: list[NDArray[np.float32]] | None = None,
    callbacks: Any = None,
    seed: int = 0,
    verbose: int = 1,
    started: float | None = None,
    reserve: float = 0.0,
    resume: Snapshot | None = None,
    keep: Callable[[Snapshot], None] | None = None,
) -> tuple[Any, Trained]:
    """Train all members at once.

    What is scored and kept is a running average of the weights, over the last ninth of the steps so
    far: at each moment it has the accuracy that a smaller learning rate would bring (Polyak,
    Juditsky 1992, Acceleration of Stochastic Approximation by Averaging, doi 10.1137/0330046).

    Args:
        architecture: what to build.
        source: where the rows to train on come from.
        held_out: the rows to stop on.
        recipe: how long and how fast.
        weights: where to start, as `read_weights` gives them; at the linear model by default.
        callbacks: Keras callbacks of the user: one, several or None. An "epoch" is the stretch
            between two looks at the held-out rows. They see the model as it is, and what they
            change counts; those for batches have steps taken one by one, which is slower.
        seed: of the initial weights and the dropout.
        verbose: 0 is silent, 1 shows a progress bar.
        started: `time.monotonic()` from which `max_time` counts; now by default.
        reserve: seconds that must be left of `max_time`, or there is no training.
        resume: a snapshot of the same training, from which to go on.
        keep: called with a snapshot after every look; it may be written to a file.

    Returns:
        (model, trained): the model, holding the best weights, and what is known about them.
    """
    begun = time.monotonic()
    generator = np.random.default_rng(seed)
    model = architecture.build(seed=int(generator.integers(2**31)))
    write_weights(model, architecture.initial_weights(generator) if weights is None else weights)
    steps = runner(architecture, model, source, recipe)
    looks = Looks(held_out.scorer(architecture), held_out.share, steps.weights())
    if resume is not None:
        steps.restore(resume)
        looks.restore(resume)
        source.restore(resume)
    deadline = np.inf
    if recipe.max_time is not None:
        deadline = recipe.max_time + (begun if started is None else started)
    stretch = compilation.agreed(_steps_per_look(recipe, held_out))
    patience = recipe.patience * recipe.max_steps
    told = {"epochs": -(-recipe.max_steps // stretch), "steps": stretch, "verbose": verbose}
    others = _Callbacks(listed(callbacks), model, steps, told)
    model.stop_training = False
    others.call("on_train_begin")
    logs: dict[str, float] = {}
    first_step = None
    together = compilation.processes() > 1  # then all must do the same, whatever their clocks say
    at_once = 1  # the first step compiles, and then it is known how long one takes
    late = compilation.agreed(time.monotonic() + reserve >= deadline)
    with _bar(architecture, recipe, looks.steps, verbose) as bar:
        _show(bar, looks)
        while looks.steps < recipe.max_steps and not late:
            others.call("on_epoch_begin", looks.number)
            loss, taken = 0.0, 0
            until = min(stretch, recipe.max_steps - looks.steps)
            while taken < until and not late:
                # how many are drawn must not hang on the time they take: a seed would not suffice
                data, order = source.draw(until - taken)
                while len(order) and not late:
                    now = time.monotonic()
                    if others.each_batch:
                        at_once = 1
                        others.call("on_train_batch_begin", taken)
                    loss += steps.run(Stretch(data, order[:at_once]))
                    done = len(order[:at_once])
                    taken, order = taken + done, order[at_once:]
                    first_step = first_step or time.monotonic()
                    if others.each_batch:
                        others.call("on_train_batch_end", taken - 1, {"loss": loss / taken})
                    pace = (time.monotonic() - now) / done
                    quick = int(np.clip(AT_ONCE / pace, 1, STEPS)) if taken > 1 else 2
                    at_once = STEPS if together else quick
                    late = not together and (model.stop_training or time.monotonic() >= deadline)
            looks.look(steps.weights(), taken)
            _show(bar, looks)
            logs = {"loss": loss / taken, "out_of_fold_score": looks.score}
            others.call("on_epoch_end", looks.number - 1, logs)
            if keep is not None:
                keep(_joined(steps.snapshot(), looks.snapshot(), source.snapshot()))
            late = compilation.agreed(late or time.monotonic() >= deadline)
            over = model.stop_training or bool(np.all(looks.waiting >= patience))
            if compilation.agreed(over):
                break
        others.call("on_train_end", logs)
    write_weights(model, looks.weights)
    if looks.diverged:
        warn(
            f"The score of members {sorted(looks.diverged)} became infinite or NaN during "
            "training; they keep their best weights from before. A smaller `learning_rate` may "
            "help."
        )
    setup = (first_step or time.monotonic()) - begun
    return model, Trained(looks.weights, looks.best_steps, looks.scores, looks.steps, setup)


class _Callbacks:
    """The user's callbacks, who see the model as it is and may change it."""

    def __init__(
        self, callbacks: list[Any], model: Any, steps: Runner, told: dict[str, int]
    ) -> None:
        self.each_batch = any(hears(callback, EACH_BATCH) for callback in callbacks)
        self._list: Any = None
        if callbacks:
            self._list = keras.callbacks.CallbackList(callbacks, model=model, **told)
        self._steps = steps

    def call(self, hook: str, *arguments: Any) -> None:
        """Call a hook of all of them."""
        if self._list is None:
            return
        self._steps.publish()
        getattr(self._list, hook)(*arguments)
        self._steps.adopt()


def _steps_per_look(recipe: Recipe, held_out: HeldOut) -> int:
    """A look costs about a third of a step per K * batch_size rows; it may take a tenth of all."""
    least = 10 * held_out.size // (3 * len(held_out.share) * recipe.batch_size)
    looks = -(-recipe.max_steps // max(min(recipe.max_steps // 100, 50), least, 1))
    return -(-recipe.max_steps // looks)


def _joined(*parts: Snapshot) -> Snapshot:
    whole = Snapshot({}, {})
    for part in parts:
        whole.manifest.update(part.manifest)
        whole.arrays.update(part.arrays)
    return whole


def _bar(architecture: Architecture, recipe: Recipe, steps: int, verbose: int) -> Any:
    return tqdm(
        total=recipe.max_steps,
        initial=steps,
        unit="row",  # that each member has seen
        unit_scale=recipe.batch_size,
        disable=not verbose,
        desc=f"covey: {architecture.members} {architecture.family_name} members",
        leave=True,
    )


def _show(bar: Any, looks: Looks) -> None:
    bar.set_postfix_str(
        f"out-of-fold score {looks.score:.3f} nats/row (linear start {looks.start:.3f})",
        refresh=False,
    )
    bar.update(looks.steps - bar.n)
