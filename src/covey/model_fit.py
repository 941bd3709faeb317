"""`covey.fit`: what `model.fit` does to a Keras model, with many steps in one dispatch on jax."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from covey import dispatch
from covey.engine import keras
from covey.errors import InputError
from covey.losses import NegativeLogLikelihood

Tensor = Any  # whatever the engine calls one


def fit(
    model: Any,
    X: Any,
    Y: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    epochs: int = 1,
    batch_size: int = 32,
    validation_data: Sequence[Any] | None = None,
    shuffle: bool = True,
    callbacks: Sequence[Any] = (),
    seed: int | None = None,
    verbose: int = 1,
) -> Any:
    """Train a compiled Keras model on arrays, as `model.fit` does.

    Under jax, Keras returns to Python after every step, which costs small networks more than the
    step itself. Here the data are put on the device once, one dispatch takes up to 64 steps, and a
    partial last batch is filled up with rows of weight 0, so that nothing is compiled twice. On
    other engines, and for models that need more than that (metrics besides the loss, a `train_step`
    of their own, batch normalisation, several outputs, a distribution over devices), and for those
    that are subclasses or not built yet, this calls `model.fit`.

    Args:
        model: a Keras model, compiled with an optimizer and a loss.
        X: array of shape (N, ...), or several as the model takes them.
        Y: targets, array of shape (N, ...).
        sample_weight: array of shape (N,).
        epochs: passes through the rows.
        batch_size: rows per gradient step.
        validation_data: (X, Y) or (X, Y, sample_weight), for "val_loss" after each epoch.
        shuffle: whether each epoch has its own order of the rows.
        callbacks: Keras callbacks; those for batches are called once for each dispatch.
        seed: of the order (not where it is left to Keras); another one every time by default.
        verbose: as for Keras: 0 is silent, 1 a progress bar, 2 a line per epoch.

    Returns:
        A `keras.callbacks.History`: its `history` holds "loss", and "val_loss" where there are
        validation data, for each epoch.

    Raises:
        InputError: the model is not compiled, or the numbers of rows differ.
        EngineError: Keras runs on an engine that can only predict, or this process is a copy of one
            in which jax was at work.

    Example:
        >>> import covey, keras, numpy as np
        >>> family = covey.families.Normal(2)
        >>> inputs = keras.Input((3,))
        >>> outputs = covey.layers.DistributionHead(family)(keras.layers.Dense(8)(inputs))
        >>> model = keras.Model(inputs, outputs)
        >>> model.compile("adam", loss=covey.losses.NegativeLogLikelihood(family))
        >>> X, Y = np.random.default_rng(0).normal(size=(2, 100, 3))
        >>> history = covey.fit(model, X, Y[:, :2], epochs=3, verbose=0)
        >>> sorted(history.history)
        ['loss']
    """
    dispatch.check_can_fit()
    if not getattr(model, "compiled", False):
        raise InputError(
            "`model` must be a compiled Keras model: call model.compile(optimizer, loss=...) "
            f"first. Received: {model!r}."
        )
    inputs, targets, weight = _rows(X, Y, sample_weight)
    held_out = None if validation_data is None else _rows(*validation_data)
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise InputError(f"`{name}` must be a positive integer. Received: {name}={value!r}.")
    if not (dispatch.available() and dispatch.alone() and _suits(model)):
        return model.fit(
            inputs,
            targets,
            sample_weight=weight,
            epochs=epochs,
            batch_size=batch_size,
            validation_data=held_out,
            shuffle=shuffle,
            callbacks=list(callbacks),
            verbose=verbose,
        )
    return _fit(
        model,
        (inputs, targets, weight),
        held_out,
        _Order(len(targets), int(batch_size), np.random.default_rng(seed) if shuffle else None),
        int(epochs),
        callbacks,
        verbose,
    )


class _Order:
    """Which rows are in each batch of an epoch."""

    def __init__(self, rows: int, size: int, generator: np.random.Generator | None) -> None:
        self.rows, self.size, self.generator = rows, min(size, rows), generator
        self.steps = -(-rows // self.size)

    def draw(self) -> list[tuple[NDArray[np.int32], int]]:
        """For each dispatch (row numbers of shape (steps, size), how many rows these are).

        A partial last batch is filled up with -1, and has a dispatch of its own, since its loss
        counts less in the mean of the epoch.
        """
        flat = np.full(self.steps * self.size, -1, dtype=np.int32)
        every = np.arange(self.rows)
        flat[: self.rows] = every if self.generator is None else self.generator.permutation(every)
        order = flat.reshape(self.steps, self.size)
        whole, rest = divmod(self.rows, self.size)
        parts = [order[i : min(i + dispatch.STEPS, whole)] for i in range(0, whole, dispatch.STEPS)]
        return [(part, part.size) for part in parts] + ([(order[-1:], rest)] if rest else [])


def _fit(
    model: Any,
    rows: tuple[Any, Any, Any],
    held_out: tuple[Any, Any, Any] | None,
    order: _Order,
    epochs: int,
    callbacks: Sequence[Any],
    verbose: int,
) -> Any:
    optimizer = model.optimizer
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    weighted = rows[2] is not None or order.rows % order.size > 0
    steps, evaluate = _program(model, gaps=bool(np.isnan(rows[1]).any()), weighted=weighted)
    data = dispatch.placed(rows)
    history = keras.callbacks.History()
    everybody = keras.callbacks.CallbackList(
        [*callbacks, history],
        add_progbar=bool(verbose),
        model=model,
        verbose=verbose,
        epochs=epochs,
        steps=order.steps,
    )
    model.stop_training = False
    everybody.on_train_begin()
    state = dispatch.State.of(model, optimizer)
    try:
        for epoch in range(epochs):
            everybody.on_epoch_begin(epoch)
            total, seen, taken = 0.0, 0, 0
            for batches, count in order.draw():
                everybody.on_train_batch_begin(taken)
                state, loss = steps(state, data, batches)
                total += float(loss) * count / len(batches)
                seen, taken = seen + count, taken + len(batches)
                everybody.on_train_batch_end(taken - 1, {"loss": total / seen})
            logs = {"loss": total / seen}
            if held_out is not None:
                logs["val_loss"] = evaluate(state, *held_out)
            if callbacks:  # they may look at the model, and change it
                state.write(model, optimizer)
            everybody.on_epoch_end(epoch, logs)
            if callbacks:
                state = dispatch.State.of(model, optimizer)
            if model.stop_training:
                break
    finally:
        state.write(model, optimizer)  # also when interrupted
    everybody.on_train_end()
    return history


def _program(
    model: Any, *, gaps: bool, weighted: bool
) -> tuple[dispatch.Steps, Callable[..., float]]:
    """What is compiled for a model; it stays with the model, for the next call."""
    optimizer, loss = model.optimizer, keras.losses.get(model.loss)
    key = (optimizer, model.loss, gaps, weighted)
    kept = getattr(model, "_covey_program", None)
    if kept is not None and kept[0] == key:
        return kept[1], kept[2]
    if isinstance(loss, NegativeLogLikelihood):
        complete = loss if gaps else loss.for_complete_rows()
    else:
        loss = complete = loss if isinstance(loss, keras.losses.Loss) else _Function(loss)
    steps = dispatch.Steps(model, optimizer, complete, _weighted if weighted else _whole)
    outputs = dispatch.Forward(model, 256)
    compiled = dispatch.compiled(loss)

    @dispatch.compiled
    def penalty(trainable: Any, other: Any, rows: Any) -> Tensor:
        options = {"training": False, "return_losses": True}
        return sum(model.stateless_call(trainable, other, rows, **options)[2])

    def evaluate(state: dispatch.State, inputs: Any, targets: Any, weight: Any) -> float:
        found = outputs(state.trainable, state.other, *keras.tree.flatten(inputs))
        some = keras.tree.map_structure(lambda x: x[:32], inputs)
        own = penalty(state.trainable, state.other, some)  # of weights: the same for all rows
        return float(compiled(targets, found, weight)) + float(own)

    model._covey_program = (key, steps, evaluate)
    return steps, evaluate


def _whole(data: Any, rows: Tensor) -> tuple[Tensor, Tensor]:
    """A batch of rows that all count alike."""
    return cast(tuple[Tensor, Tensor], keras.tree.map_structure(lambda x: x[rows], data[:2]))


def _weighted(data: Any, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A batch; weights of 1 in the mean over the rows that there are, and 0 for -1."""
    inputs, targets, weight = data
    real = keras.ops.cast(rows >= 0, "float32")
    share = real / keras.ops.mean(real)
    batch = keras.tree.map_structure(lambda x: x[rows], (inputs, targets))
    return (*batch, share if weight is None else share * weight[rows])


class _Function(keras.losses.Loss):  # type: ignore[misc]
    """A function of (y, outputs) as a Keras loss."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """What the function says."""
        return self.function(y_true, y_pred)


def _suits(model: Any) -> bool:
    """Whether a step is no more than the mean loss of one output, and an update."""
    loss = model.loss
    means = ("sum_over_batch_size", "mean", "mean_with_sample_weight")
    return bool(
        (getattr(loss, "reduction", None) in means or isinstance(loss, str) or _is_function(loss))
        and type(model).train_step is keras.Model.train_step
        and len(model.metrics) <= 1
        and not model.run_eagerly
        and not isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
        and len(getattr(model, "outputs", ())) == 1  # none: subclassed, or not built yet
        and not _normalises(model)
    )


def _is_function(loss: Any) -> bool:
    return callable(loss) and not isinstance(loss, keras.losses.Loss)


def _normalises(model: Any) -> bool:
    """Whether rows feel their neighbours, those that fill up a batch too."""
    return any(
        isinstance(layer, keras.layers.BatchNormalization)
        or (isinstance(layer, keras.Model) and _normalises(layer))
        for layer in model.layers
    )


def _rows(X: Any, Y: Any, weight: Any = None) -> tuple[Any, Any, Any]:
    """Arrays, in float32 where they were in float64, all of one length."""
    several = isinstance(X, dict) or (isinstance(X, (list, tuple)) and hasattr(X[0], "shape"))
    inputs = keras.tree.map_structure(_array, X) if several else _array(X)
    targets, weight = _array(Y), None if weight is None else _array(weight)
    arrays = [*keras.tree.flatten(inputs), targets, *([] if weight is None else [weight])]
    lengths = sorted({len(array) for array in arrays})
    if len(lengths) > 1 or 0 in lengths:
        raise InputError(
            "Expected `X`, `Y` and the weights to have the same number of rows, at least 1. "
            f"Received: {lengths}."
        )
    return inputs, targets, weight


def _array(values: Any) -> Any:
    array = np.asarray(values)
    return array.astype(np.float32) if array.dtype == np.float64 else array
