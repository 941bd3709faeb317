"""Training steps of a network, on whichever backend Keras runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from covey.backend import compilation
from covey.backend.select import keras
from covey.members.architecture import Architecture
from covey.members.batches import Chunk, Source, gather
from covey.members.loss import WhitenedLikelihood
from covey.members.network import build, read_weights
from covey.members.optimizer import MemberAdamW
from covey.members.recipe import Recipe
from covey.types import Snapshot

CLIPNORM = 5.0  # largest norm of the gradient of one member's mean loss


class Runner(ABC):
    """Takes training steps on a model, chunk by chunk.

    Attributes:
        model: a Keras model, compiled, with the weights from which to start.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    @abstractmethod
    def run(self, chunk: Chunk) -> float:
        """Take the steps of a chunk: at most `compilation.STEPS`.

        Returns:
            The sum of their losses.
        """

    @abstractmethod
    def weights(self) -> list[NDArray[np.float32]]:
        """The trainable weights now, as `read_weights` gives them."""

    @abstractmethod
    def publish(self) -> None:
        """Bring `model` and its optimizer up to date, for those who read them."""

    @abstractmethod
    def adopt(self) -> None:
        """Take over the state of `model` and its optimizer, in case somebody changed it."""

    @final
    def snapshot(self) -> Snapshot:
        """Weights, random states and the optimizer's variables."""
        self.publish()
        values = map(keras.ops.convert_to_numpy, self._variables)
        arrays = {f"state_{number:03d}": np.array(value) for number, value in enumerate(values)}
        return Snapshot({}, arrays)

    @final
    def restore(self, snapshot: Snapshot) -> None:
        """Set all that `snapshot` took to what it was then."""
        for number, variable in enumerate(self._variables):
            variable.assign(snapshot.arrays[f"state_{number:03d}"])
        self.adopt()

    @property
    def _variables(self) -> list[Any]:
        return [*self.model.variables, *self.model.optimizer.variables]


def runner(architecture: Architecture, model: Any, source: Source, recipe: Recipe) -> Runner:
    """The fastest runner for the backend.

    Args:
        architecture: what the model is made of.
        model: as `network.build` gives it; it is compiled here.
        source: where the rows will come from.
        recipe: how long and how fast.

    Returns:
        A runner; what it compiles serves all networks of the same shape.
    """
    gaps = source.gaps > 0
    loss = _loss(architecture, source.complete, gaps, source.scale_tril if gaps else None)
    model.compile(_optimizer(architecture.members, recipe), loss=loss)
    model.optimizer.build(model.trainable_variables)
    if compilation.shared():
        steps = _steps(architecture.skeleton, source.complete, gaps)
        return _Compiled(model, steps, loss.scaling)
    return _Fitted(model)


@final
class _Compiled(Runner):
    """Many steps in one compiled call."""

    def __init__(self, model: Any, steps: compilation.Steps, scaling: Any) -> None:
        super().__init__(model)
        self.steps = steps
        self.scaling = compilation.placed(scaling)
        self.state = compilation.State.of(model)

    def run(self, chunk: Chunk) -> float:
        """See `Runner`."""
        data = (chunk.data, self.scaling)
        (self.state, _), loss = self.steps((self.state, np.float32(0)), data, chunk.order)
        return float(loss)

    def weights(self) -> list[NDArray[np.float32]]:
        """See `Runner`."""
        return [np.array(value) for value in self.state.trainable]

    def publish(self) -> None:
        """See `Runner`."""
        self.state.write(self.model)

    def adopt(self) -> None:
        """See `Runner`."""
        self.state = compilation.State.of(self.model)


@final
class _Fitted(Runner):
    """Keras' own `fit`, which every backend has."""

    def run(self, chunk: Chunk) -> float:
        """See `Runner`."""
        stopped = self.model.stop_training  # by a callback; `fit` forgets it
        # Keras would shuffle the batches by Python's global generator
        log = self.model.fit(_Dataset(chunk), shuffle=False, verbose=0)
        self.model.stop_training = stopped
        return float(log.history["loss"][0]) * len(chunk.order)

    def weights(self) -> list[NDArray[np.float32]]:
        """See `Runner`."""
        return read_weights(self.model)

    def publish(self) -> None:
        """See `Runner`."""

    def adopt(self) -> None:
        """See `Runner`."""


class _Dataset(keras.utils.PyDataset):  # type: ignore[misc]
    """The batches of a chunk."""

    def __init__(self, chunk: Chunk) -> None:
        super().__init__(workers=1)
        self.data, self.order = chunk

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], ...]:
        return gather(self.data, self.order[index])


def _optimizer(members: int, recipe: Recipe) -> MemberAdamW:
    clipnorm = CLIPNORM / members  # the loss is a mean over members too
    rates = float(recipe.learning_rate), float(recipe.weight_decay)  # Keras takes no other number
    return MemberAdamW(*rates, clipnorm, recipe.max_steps)


def _loss(
    architecture: Architecture, complete: int, gaps: bool, scale_tril: Any = None
) -> WhitenedLikelihood:
    # dividing by the number of terms, not by their weights, keeps the members apart
    return WhitenedLikelihood(
        architecture.family,
        missing=gaps,
        complete=complete,
        scale_tril=scale_tril,
        reduction="sum_over_batch_size",
    )


@lru_cache(maxsize=16)
def _steps(skeleton: Architecture, complete: int, gaps: bool) -> compilation.Steps:
    model, loss = build(skeleton), _loss(skeleton, complete, gaps)
    # what other recipes differ in are variables
    optimizer = MemberAdamW(1.0, 1.0, CLIPNORM / skeleton.members, decay_steps=1)
    optimizer.build(model.trainable_variables)

    def batch(data: Any, rows: Any) -> tuple[Any, ...]:
        inputs, targets, *weight = gather(data[0], rows)
        return inputs, (targets, data[1]), *weight

    def mean(y: Any, outputs: Any, weight: Any) -> Any:
        each = -loss.log_density(y[0], outputs, y[1])
        return keras.ops.mean(each if weight is None else each * weight)

    step = compilation.gradient_step(model, optimizer, mean)
    return compilation.Steps(step, batch, read=lambda carry: carry[1])
