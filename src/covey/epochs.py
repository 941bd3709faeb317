"""Epochs of a Keras model on rows in memory: the steps of Keras, many in one dispatch, on jax."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covey import dispatch
from covey.engine import keras
from covey.losses import NegativeLogLikelihood

Tensor = Any  # whatever the engine calls one
Rows = tuple[Any, ...]  # (x, y) or (x, y, sample_weight): arrays, and nests of them


class Order:
    """Which rows are in each batch of an epoch, as Keras has them.

    Args:
        rows: number of rows.
        size: rows of a batch.
        shuffle: whether each epoch draws an order of its own, from NumPy's global generator.
    """

    def __init__(self, rows: int, size: int, *, shuffle: bool) -> None:
        self.rows, self.size, self.shuffle = rows, min(size, rows), shuffle
        self.steps = -(-rows // self.size)

    def draw(self) -> NDArray[np.int64]:
        """The rows of an epoch, one batch behind the other."""
        return np.random.permutation(self.rows) if self.shuffle else np.arange(self.rows)

    def dispatches(self, *, first: bool = False) -> list[NDArray[np.int64]]:
        """Row numbers of shape (steps, rows of a batch), for each dispatch of an epoch.

        Args:
            first: whether the epoch is over after its first batch.

        Returns:
            Arrays; a partial last batch has one of its own.
        """
        drawn = self.draw()
        whole = self.rows // self.size
        batches = drawn[: whole * self.size].reshape(whole, self.size)
        if first:
            return [batches[:1]]
        parts = [batches[i : i + dispatch.STEPS] for i in range(0, whole, dispatch.STEPS)]
        rest = drawn[whole * self.size :]
        return [*parts, rest[None]] if len(rest) else parts


class Program:
    """What is compiled for a model, and stays with it until the model is compiled again.

    Attributes:
        key: objects of which there are new ones when the model is compiled again.
        met: whether the model has met a batch here.
    """

    def __init__(self, key: tuple[Any, ...]) -> None:
        self.key, self.met = key, False
        self._steps: dict[tuple[str, bool], dispatch.Steps] = {}

    @classmethod
    def of(cls, model: Any) -> Program:
        """The program that stays with a model, a new one if need be."""
        kept, key = getattr(model, "_covey_program", None), (model.metrics[0], model.optimizer)
        if kept is None or any(old is not new for old, new in zip(kept.key, key, strict=True)):
            kept = model._covey_program = cls(key)
        return kept

    def steps(self, model: Any, name: str, rows: Rows) -> dispatch.Steps:
        """The steps of a model on such rows.

        Args:
            model: the model.
            name: "train" or "test".
            rows: arrays of numbers.

        Returns:
            From `dispatch.State` to the same; what is read are the metrics, by their names.
        """
        gaps = any(y.dtype.kind == "f" and np.isnan(y).any() for y in keras.tree.flatten(rows[1]))
        if (name, gaps) not in self._steps:
            step = {"train": _train_step, "test": _test_step}[name](model, gaps)
            self._steps[name, gaps] = dispatch.Steps(step, _gather, _metrics(model))
        return self._steps[name, gaps]


class Epochs:
    """Training on rows in memory, with an evaluation after each epoch.

    Args:
        model: a compiled Keras model whose steps are Keras' own.
        rows: arrays of numbers, to train on.
        order: of these rows.
        held_out: arrays of numbers for the evaluation, or None.
        held_out_order: of these.
    """

    def __init__(
        self,
        model: Any,
        rows: Rows,
        order: Order,
        held_out: Rows | None = None,
        held_out_order: Order | None = None,
    ) -> None:
        self.model, self.order = model, order
        self._program = Program.of(model)
        self._first = keras.tree.map_structure(lambda array: array[: order.size], rows)
        self._train = self._program.steps(model, "train", rows)
        self._rows = dispatch.placed(rows)
        self._test: dispatch.Steps | None = None
        if held_out is not None and held_out_order is not None:
            self._test = self._program.steps(model, "test", held_out)
            self._held_out = dispatch.placed(held_out)
            self._parts = held_out_order.dispatches()

    def ready(self) -> bool:
        """Go through a step without taking it, as Keras does that meets a model for the first time.

        Returns:
            Whether steps can be taken here; otherwise Keras may be able to.

        Raises:
            Exception: whatever is raised in a step of the model; the model is as it was.
        """
        model, met = self.model, self._program.met
        fresh = not met and model.train_function is None and model.test_function is None
        if fresh:
            _build(model, self._first)
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        state, batch = dispatch.State.of(model), np.zeros((1, self.order.size), dtype=np.int64)
        steady = self._train.trace(state, self._rows, batch)
        if self._test is not None:
            steady = steady and self._test.trace(state, self._held_out, self._parts[0])
        if steady and fresh:
            self.order.draw()  # as Keras does, to look at a batch
        self._program.met = met or steady
        return steady

    def run(self, callbacks: list[Any], first: int, last: int, verbose: Any) -> Any:
        """Train.

        Args:
            callbacks: Keras callbacks that are called at epochs and at the ends of the training.
            first: number of the first epoch.
            last: number of the epoch before which to stop.
            verbose: as for Keras.

        Returns:
            The `keras.callbacks.History`.
        """
        model = self.model
        everybody = keras.callbacks.CallbackList(
            list(callbacks),
            add_history=True,
            add_progbar=verbose != 0,
            model=model,
            verbose=verbose,
            epochs=last,
            steps=self.order.steps,
        )
        model.stop_training = False
        everybody.on_train_begin()
        model.reset_metrics()
        # not on the device: whoever evaluates the model gives up what it holds there
        self._start = [np.array(variable.value) for variable in model.metrics_variables]
        state: dispatch.State | None = None  # None: it is in the model
        logs: dict[str, Any] = {}
        finished = False
        try:
            for epoch in range(first, last):
                if state is None:
                    model.reset_metrics()
                everybody.on_epoch_begin(epoch)
                state = dispatch.State.of(model) if state is None else self._started(state)
                taken = 0
                for batches in self.order.dispatches(first=model.stop_training):
                    everybody.on_train_batch_begin(taken)
                    state, logs = self._train(state, self._rows, batches)
                    taken += len(batches)
                    everybody.on_train_batch_end(taken - 1, logs)
                state, found = self._evaluate(state)
                logs = {**logs, **{f"val_{name}": value for name, value in found.items()}}
                if callbacks:  # they may look at the model, and change it
                    state.write(model)
                    state = None
                everybody.on_epoch_end(epoch, logs)
                if model.stop_training:
                    break
            finished = True
        finally:
            if state is not None:
                state.write(model)  # also when interrupted
            model.optimizer.finalize_variable_values(model.trainable_weights)
            if finished:
                everybody.on_train_end(logs)
        return model.history

    def _started(self, state: dispatch.State) -> dispatch.State:
        """The same state, with metrics that have seen nothing."""
        return state._replace(metrics=self._start)

    def _evaluate(self, state: dispatch.State) -> tuple[dispatch.State, dict[str, Any]]:
        if self._test is None:
            return state, {}
        state = self._started(state)
        found: dict[str, Any] = {}
        for batches in self._parts:
            state, found = self._test(state, self._held_out, batches)
        return state, found


def _build(model: Any, batch: Rows) -> None:
    """Create the variables of the metrics, as Keras does when it meets the first batch."""
    known = model.trainable_variables, model.non_trainable_variables
    trainable, other = ([variable.value for variable in group] for group in known)

    def evaluate(x: Any, y: Any, weight: Any = None) -> None:
        outputs = model.stateless_call(trainable, other, x, training=False)[0]
        model.compute_loss(x, y, outputs, weight, training=False)
        model.compute_metrics(x, y, outputs, weight)

    dispatch.build(evaluate, *batch, variables=[*known[0], *known[1]])


def _train_step(model: Any, gaps: bool) -> Any:
    def step(state: dispatch.State, batch: Rows) -> dispatch.State:
        with _told(model, gaps):
            _, after = model.train_step(tuple(state), batch)
        return dispatch.State(*map(list, after))

    return step


def _test_step(model: Any, gaps: bool) -> Any:
    def step(state: dispatch.State, batch: Rows) -> dispatch.State:
        with _told(model, gaps):
            _, after = model.test_step((state.trainable, state.other, state.metrics), batch)
        return state._replace(other=list(after[1]), metrics=list(after[2]))

    return step


@contextmanager
def _told(model: Any, gaps: bool) -> Iterator[None]:
    """Within, losses know that no target is missing, so that a step does without that branch."""
    losses = [
        loss
        for loss in keras.tree.flatten(model.loss)
        # with a scale, complete rows are not alike: the first are whitened, the others are not
        if isinstance(loss, NegativeLogLikelihood) and loss.missing and loss.scale_tril is None
    ]
    for loss in losses:
        loss.missing = gaps
    try:
        yield
    finally:
        for loss in losses:
            loss.missing = True


def _gather(rows: Rows, numbers: Tensor) -> Rows:
    return keras.tree.map_structure(lambda array: array[numbers], rows)


def _metrics(model: Any) -> Any:
    def read(state: dispatch.State) -> dict[str, Tensor]:
        mapping = list(zip(model.metrics_variables, state.metrics, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return model.get_metrics_result()

    return read
