"""Cross-fitted training: K members in one network, each stopped early on rows it never saw."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from covey.batches import Batches
from covey.engine import keras
from covey.errors import CoveyWarning
from covey.held_out import MOST_SCORED, HeldOut
from covey.losses import NegativeLogLikelihood
from covey.network import Network, read_weights, write_weights
from covey.optimizers import MemberAdamW
from covey.recipe import Recipe
from covey.whitened import Whitened

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Fold = tuple[Rows, Rows]  # rows to train on, rows held out

CLIPNORM = 5.0  # largest norm of the gradient of one member's mean loss
AVERAGED = 1 / 9  # share of the steps so far that the running average of weights spans


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
    scores: Array
    steps: int
    setup: float


def train(
    network: Network,
    inputs: NDArray[np.float32],
    whitened: Whitened,
    folds: Sequence[Fold],
    recipe: Recipe,
    *,
    sample_weight: Array | None = None,
    weights: list[NDArray[np.float32]] | None = None,
    callbacks: Sequence[Any] = (),
    seed: int = 0,
    verbose: int = 1,
    started: float | None = None,
    reserve: float = 0.0,
) -> tuple[Any, Trained]:
    """Train all members at once.

    What is scored and kept is a running average of the weights, over the last ninth of the steps so
    far: at each moment it has the accuracy that a smaller learning rate would bring (Polyak,
    Juditsky 1992, Acceleration of Stochastic Approximation by Averaging, doi 10.1137/0330046).

    Args:
        network: what to build.
        inputs: array of shape (N, F).
        whitened: targets of N rows for K members.
        folds: for each member, the rows to train on and the rows to stop on.
        recipe: how long and how fast.
        sample_weight: array of shape (N,), of mean 1, or None.
        weights: where to start, as `read_weights` gives them; at the linear model by default.
        callbacks: Keras callbacks of the user.
        seed: of the initial weights, the batches and the dropout.
        verbose: 0 is silent, 1 shows a progress bar.
        started: `time.monotonic()` from which `max_time` counts; now by default.
        reserve: seconds that must be left of `max_time`, or there is no training.

    Returns:
        (model, trained): the model, holding the best weights, and what is known about them.
    """
    begun = time.monotonic()
    generator = np.random.default_rng(seed)
    model = network.build(seed=int(generator.integers(2**31)))
    write_weights(model, network.initial_weights(generator) if weights is None else weights)
    tests = [test for _, test in folds]
    held_out = HeldOut.gather(inputs, whitened, tests, sample_weight)
    batches = Batches(
        inputs,
        whitened,
        [training for training, _ in folds],
        sample_weight,
        recipe.batch_size,
        _steps_per_look(recipe, len(inputs), len(folds)),
        generator,
    )
    # dividing by the number of terms, not by their weights, keeps the members apart
    loss = NegativeLogLikelihood(
        network.family,
        missing=batches.gaps > 0,
        complete=batches.complete,
        scale_tril=whitened.scale_tril if batches.gaps else None,
        reduction="sum_over_batch_size",
    )
    clipnorm = CLIPNORM / network.members  # the loss is a mean over members too
    model.compile(MemberAdamW(recipe.schedule, recipe.weight_decay, clipnorm), loss=loss)
    keeper = _BestWeights(held_out, network, recipe, len(batches), verbose)
    own = [keeper]
    left = np.inf
    if recipe.max_time is not None:
        deadline = recipe.max_time + (begun if started is None else started)
        left = deadline - time.monotonic()
        own.append(_Deadline(deadline))
    try:
        if left > reserve:
            model.fit(
                batches,
                epochs=recipe.max_steps // len(batches),
                callbacks=[*own, *callbacks],
                shuffle=False,  # Keras would shuffle the batches by Python's global generator
                verbose=0,
            )
        else:
            keeper.set_model(model)
            keeper.on_train_begin()
    finally:
        keeper.close()
    write_weights(model, keeper.weights)
    if keeper.diverged:
        warnings.warn(
            f"The score of members {sorted(keeper.diverged)} became infinite or NaN during "
            "training; they keep their best weights from before. A smaller `learning_rate` may "
            "help.",
            CoveyWarning,
            stacklevel=3,
        )
    return model, keeper.trained(begun)


def _steps_per_look(recipe: Recipe, n_rows: int, members: int) -> int:
    """A look costs about a third of a step per K * batch_size rows; it may take a tenth of all."""
    scored = min(n_rows, members * MOST_SCORED)
    look = scored * 3 // (members * recipe.batch_size)
    looks = -(-recipe.max_steps // max(min(recipe.max_steps // 100, 50), look, 1))
    return recipe.max_steps // looks


class _BestWeights(keras.callbacks.Callback):  # type: ignore[misc]
    """Averages the weights, keeps each member's best average, and ends the training."""

    def __init__(
        self,
        held_out: HeldOut,
        network: Network,
        recipe: Recipe,
        steps_per_look: int,
        verbose: int,
    ) -> None:
        super().__init__()
        self.held_out = held_out
        self.network = network
        self.recipe = recipe
        self.steps_per_look = steps_per_look
        self.verbose = verbose
        self.steps = 0
        self.begun = 0
        self.first_step: float | None = None
        self.bar: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Score the linear start."""
        self.twin = self.network.build()  # holds the average; the optimiser goes on with the model
        self.average = read_weights(self.model)
        self.weights = [weight.copy() for weight in self.average]
        write_weights(self.twin, self.average)
        self.scorers = self.held_out.scorers(self.twin, self.network.family)
        self.scores = self.held_out.score(self.scorers)
        self.start = self.score
        self.best_steps = np.zeros(self.network.members, dtype=np.int64)
        self.diverged: set[int] = set()
        self.bar = tqdm(
            total=self.recipe.max_steps,
            unit="step",
            disable=not self.verbose,
            desc=f"covey: {self.network.members} {self.network.family_name} members",
            leave=True,
        )
        self._show()

    @property
    def score(self) -> float:
        """Out-of-fold score of the best weights so far, in nats per row."""
        return float(self.held_out.share @ self.scores)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Take the time when the first step is behind; a hook at its end would hold up the next."""
        self.begun += 1
        if self.begun == 2:
            self.first_step = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep an average that is better; stop when no member has improved for long."""
        self.steps += self.steps_per_look
        renewed = min(self.steps_per_look / (AVERAGED * self.steps), 1.0)
        for average, now in zip(self.average, read_weights(self.model), strict=True):
            average += renewed * (now - average)
        write_weights(self.twin, self.average)
        scores = self.held_out.score(self.scorers)
        self.diverged |= set(np.flatnonzero(~np.isfinite(scores)).tolist())
        better = np.flatnonzero(scores > self.scores)  # never true for NaN
        if len(better):
            for best, average in zip(self.weights, self.average, strict=True):
                best[better] = average[better]
            self.scores[better] = scores[better]
            self.best_steps[better] = self.steps
        if logs is not None:
            logs["out_of_fold_score"] = self.score  # for the callbacks that come after
        waiting = self.steps - self.best_steps
        if np.all(waiting >= self.recipe.patience * self.recipe.max_steps):
            self.model.stop_training = True
        self._show()

    def _show(self) -> None:
        self.bar.set_postfix_str(
            f"out-of-fold score {self.score:.3f} nats/row (linear start {self.start:.3f})",
            refresh=False,
        )
        self.bar.update(min(self.steps, self.recipe.max_steps) - self.bar.n)

    def close(self) -> None:
        """End the progress bar, also when training was interrupted."""
        if self.bar is not None:
            self.bar.close()

    def trained(self, begun: float) -> Trained:
        """What is known about the best weights."""
        first_step = time.monotonic() if self.first_step is None else self.first_step
        return Trained(
            weights=self.weights,
            best_steps=self.best_steps,
            scores=self.scores,
            steps=self.steps,
            setup=first_step - begun,
        )


class _Deadline(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends the training at a time of the monotonic clock."""

    def __init__(self, deadline: float) -> None:
        super().__init__()
        self.deadline = deadline

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Look at the clock; the best weights are kept at the end of the "epoch"."""
        if time.monotonic() >= self.deadline:
            self.model.stop_training = True
