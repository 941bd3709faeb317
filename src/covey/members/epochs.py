"""Epochs of a Keras model on rows in memory: the steps of Keras, many in one dispatch, on jax."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from covey.backend import compilation
from covey.backend.select import keras
from covey.losses import NegativeLogLikelihood
from covey.members.loss import WhitenedLikelihood
from covey.types import Rows, Tensor

Examples = tuple[Any, ...]  # (x, y) or (x, y, sample_weight): arrays, and nests of them


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

    def draw(self) -> Rows:
        """Numbers of the rows of an epoch, in the order in which batches take them."""
        return np.random.permutation(self.rows) if self.shuffle else np.arange(self.rows)

    def dispatches(self, *, first: bool = False) -> list[Rows]:
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
        parts = [batches[i : i + compilation.STEPS] for i in range(0, whole, compilation.STEPS)]
        rest = drawn[whole * self.size :]
        return [*parts, rest[None]] if len(rest) else parts


class Program:
    """What is compiled for a model, and stays with it until the model is compiled again.

    Attributes:
        key: objects of which there are new ones when the model is compiled again.
    """

    def __init__(self, key: tuple[Any, ...] = ()) -> None:
        self.key = key
        self._steps: dict[tuple[str, bool], compilation.Steps] = {}

    @classmethod
    def of(cls, model: Any) -> Program:
        """The program that stays with a model, a new one if need be."""
        kept, key = getattr(model, "_covey_program", None), (model.metrics[0], model.optimizer)
        if kept is None or any(old is not new for old, new in zip(kept.key, key, strict=True)):
            kept = model._covey_program = cls(key)
        return kept

    def steps(self, model: Any, name: str, rows: Examples) -> compilation.Steps:
        """The steps of a model on such rows.

        Args:
            model: the model.
            name: "train" or "test".
            rows: arrays of numbers.

        Returns:
            From `compilation.State` to the same; what is read are the metrics, by their names.
        """
        gaps = any(y.dtype.kind == "f" and np.isnan(y).any() for y in keras.tree.flatten(rows[1]))
        if (name, gaps) not in self._steps:
            step = {"train": _train_step, "test": _test_step}[name](model, gaps)
            self._steps[name, gaps] = compilation.Steps(step, _gather, _metrics(model))
        return self._steps[name, gaps]


class Table:
    """Rows of an epoch, where they come from, and the steps that are taken on them.

    Args:
        model: a compiled Keras model.
        name: of the steps, "train" or "test".
        read: gives the rows as arrays of numbers, as they are now.
        order: of the rows.
        observed: whether somebody may change rows and model between two epochs, so that both are to
            be read again when an epoch begins.
    """

    def __init__(
        self, model: Any, name: str, read: Callable[[], Examples], order: Order, *, observed: bool
    ) -> None:
        self.order = order
        self._model, self._name, self._read, self._observed = model, name, read, observed
        self._program = Program.of(model)
        self._steps: compilation.Steps | None = None
        self._rows: Examples = ()

    def first(self) -> Examples:
        """The first rows, as many as a batch has."""
        return keras.tree.map_structure(lambda array: array[: self.order.size], self._read())

    def trace(self, state: compilation.State) -> bool:
        """Whether steps can be taken from a state; see `compilation.Steps.trace`."""
        batch = np.zeros((1, self.order.size), dtype=np.int64)
        if self._observed:
            # What a callback sets before the first step must be in the steps that are taken.
            rows = self._read()
            return Program().steps(self._model, self._name, rows).trace(state, rows, batch)
        steps, rows = self._ready()
        return steps.trace(state, rows, batch)

    def steps(self) -> Callable[[compilation.State, Rows], Any]:
        """A function that takes the steps of the next epoch, from a state and row numbers."""
        steps, rows = self._ready()
        return lambda state, batches: steps(state, rows, batches)

    def _ready(self) -> tuple[compilation.Steps, Examples]:
        if self._steps is None or self._observed:
            rows = self._read()
            self._steps = self._program.steps(self._model, self._name, rows)
            self._rows = compilation.placed(rows)
        return self._steps, self._rows


class Epochs:
    """Training on rows in memory, with an evaluation after each epoch.

    Args:
        model: a compiled Keras model whose steps are Keras' own.
        rows: to train on.
        held_out: for the evaluation, or None.
    """

    def __init__(self, model: Any, rows: Table, held_out: Table | None = None) -> None:
        self.model, self._rows, self._held_out = model, rows, held_out

    def ready(self) -> bool:
        """Build what the first step needs, as Keras does, and try a step without taking it.

        Returns:
            Whether steps can be taken here; otherwise Keras may be able to.

        Raises:
            Exception: whatever is raised in a step of the model; the model is as it was.
        """
        model = self.model
        if _unbuilt(model):
            _build(model, self._rows.first())
            self._rows.order.draw()  # as Keras does, to read a batch
        if not all(map(_is_reset_by_keras, _all_metrics(model))):
            return False
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        state = compilation.State.of(model)
        return self._rows.trace(state) and (self._held_out is None or self._held_out.trace(state))

    def run(self, callbacks: list[Any], first: int, last: int, verbose: Any) -> Any:
        """Train for some epochs.

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
            steps=self._rows.order.steps,
        )
        model.stop_training = False
        everybody.on_train_begin()
        model.reset_metrics()
        # not on the device: whoever evaluates the model gives up what it holds there
        self._start = [np.array(variable.value) for variable in model.metrics_variables]
        state: compilation.State | None = None  # None: it is in the model
        logs: dict[str, Any] = {}
        finished = False
        try:
            for epoch in range(first, last):
                if state is None:
                    model.reset_metrics()
                everybody.on_epoch_begin(epoch)
                state = compilation.State.of(model) if state is None else self._started(state)
                taken, take = 0, self._rows.steps()
                for batches in self._rows.order.dispatches(first=model.stop_training):
                    everybody.on_train_batch_begin(taken)
                    state, logs = take(state, batches)
                    taken += len(batches)
                    everybody.on_train_batch_end(taken - 1, logs)
                state, found = self._evaluate(state)
                logs = {**logs, **{f"val_{name}": value for name, value in found.items()}}
                if callbacks:  # they may read the model, and change it
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

    def _started(self, state: compilation.State) -> compilation.State:
        """The same state, with metrics that have seen nothing."""
        return state._replace(metrics=self._start)

    def _evaluate(self, state: compilation.State) -> tuple[compilation.State, dict[str, Any]]:
        if self._held_out is None:
            return state, {}
        state = self._started(state)
        found: dict[str, Any] = {}
        take = self._held_out.steps()
        for batches in self._held_out.order.dispatches():
            state, found = take(state, batches)
        return state, _flat(found)


def _flat(logs: dict[str, Any]) -> dict[str, Any]:
    """Values of metrics in one flat dict, names in order; dicts within are merged into it."""
    flat: dict[str, Any] = {}
    for name, value in sorted(logs.items()):
        flat |= _flat(value) if isinstance(value, dict) else {name: value}
    return flat


def _unbuilt(model: Any) -> bool:
    """Whether the loss or metrics are not built, so that Keras reads a batch before it trains."""
    parts = (getattr(model, name, None) for name in ("_compile_loss", "_compile_metrics"))
    return any(part is not None and not part.built for part in parts)


def _all_metrics(model: Any) -> Iterator[Any]:
    """The metrics of a model, and those that are held by one of Keras' own."""
    for metric in model.metrics:
        yield from (metric, *getattr(metric, "metrics", ()))


def _is_reset_by_keras(metric: Any) -> bool:
    """Whether Keras' own code resets a metric, so to the same numbers each time."""
    method = "reset_state" not in vars(metric) and type(metric).reset_state
    return bool(method) and method.__module__.partition(".")[0] == "keras"


def _build(model: Any, batch: Examples) -> None:
    """Create the variables of the metrics, as Keras does when it meets the first batch."""
    known = model.trainable_variables, model.non_trainable_variables
    trainable, other = ([variable.value for variable in group] for group in known)

    def evaluate(x: Any, y: Any, weight: Any = None) -> None:
        outputs = model.stateless_call(trainable, other, x, training=False)[0]
        model.compute_loss(x, y, outputs, weight, training=False)
        model.compute_metrics(x, y, outputs, weight)

    compilation.build(evaluate, *batch, variables=[*known[0], *known[1]])


def _train_step(model: Any, gaps: bool) -> Any:
    def step(state: compilation.State, batch: Examples) -> compilation.State:
        with _branches(model, gaps):
            _, after = model.train_step(tuple(state), batch)
        return compilation.State(*map(list, after))

    return step


def _test_step(model: Any, gaps: bool) -> Any:
    def step(state: compilation.State, batch: Examples) -> compilation.State:
        with _branches(model, gaps):
            _, after = model.test_step((state.trainable, state.other, state.metrics), batch)
        return state._replace(other=list(after[1]), metrics=list(after[2]))

    return step


@contextmanager
def _branches(model: Any, gaps: bool) -> Iterator[None]:
    """A context in which losses have no branch for missing targets unless there are some."""
    losses = [
        loss
        for loss in keras.tree.flatten(model.loss)
        # rows of a `WhitenedLikelihood` are not alike: the first are whitened
        if isinstance(loss, NegativeLogLikelihood)
        and loss.missing
        and not isinstance(loss, WhitenedLikelihood)
    ]
    for loss in losses:
        loss.missing = gaps
    try:
        yield
    finally:
        for loss in losses:
            loss.missing = True


def _gather(rows: Examples, numbers: Tensor) -> Examples:
    return keras.tree.map_structure(lambda array: array[numbers], rows)


def _metrics(model: Any) -> Any:
    def read(state: compilation.State) -> dict[str, Tensor]:
        mapping = list(zip(model.metrics_variables, state.metrics, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return model.get_metrics_result()

    return read
