"""Work that is compiled once for many calls, on jax.

Keras compiles anew for every model, and under jax returns to Python after every step. Here weights
are arguments, so that what is compiled serves all models of one shape, and one dispatch takes many
steps. Other backends use Keras' own `fit` and `predict`, which do the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from covey.backend import forks
from covey.backend.select import check_can_train, keras
from covey.errors import EngineError
from covey.types import Tensor

STEPS = 64  # at most, in one dispatch
MOST_DOUBLED = 2**14  # rows up to which as many again may be added


def available() -> bool:
    """Whether Keras runs on jax, so that what is compiled can be shared."""
    return bool(keras.config.backend() == "jax")


def alone() -> bool:
    """Whether steps are taken on one device, without a distribution over several."""
    return keras.distribution.distribution() is None


def shared() -> bool:
    """Whether what is compiled once serves all networks of the same shape: see `Steps`."""
    return available() and alone()


def check_process() -> None:
    """Refuse jax in a copy of a process in which it was at work: it would wait forever.

    Raises:
        EngineError: this process was forked from such a one.
    """
    if available() and forks.forked_from() not in (None, os.getpid()):
        raise EngineError(
            "Expected a process of its own for jax. Received one that was forked from process "
            f"{forks.forked_from()} after jax had worked there (Covey fitted, or Keras built a "
            "model), and here jax would wait forever. Start processes by "
            'multiprocessing.get_context("spawn") (joblib\'s default does). A fitted model '
            "predicts in any process."
        )


def check_can_fit() -> None:
    """Refuse to train where that cannot end well, before anything is done.

    Raises:
        EngineError: the backend can only predict, or this process is a copy (see `check_process`).
    """
    check_can_train()
    check_process()


class State(NamedTuple):
    """All that a training step changes, in the order in which Keras' own steps take it.

    Attributes:
        trainable: values of the model's trainable variables.
        other: values of its other variables.
        optimizer: values of the optimizer's variables.
        metrics: values of the variables of the metrics, the loss among them.
    """

    trainable: list[Tensor]
    other: list[Tensor]
    optimizer: list[Tensor]
    metrics: list[Tensor]

    @classmethod
    def of(cls, model: Any) -> State:
        """The state in which a compiled model is."""
        return cls(*([variable.value for variable in group] for group in cls._variables(model)))

    def write(self, model: Any) -> None:
        """Bring a compiled model into this state."""
        for variables, values in zip(self._variables(model), self, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    @staticmethod
    def _variables(model: Any) -> tuple[list[Any], ...]:
        return (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )


class Steps:
    """A step, taken many times in one dispatch.

    What it starts from is left as it is, so that a failure loses no more than the dispatch.

    Args:
        step: from (carry, batch) to the next carry, a nest of arrays of the same shapes and dtypes.
        gather: from (data, rows) to a batch: indexing of arrays, alone.
        read: from the carry after the last step to what is wanted of it here.
    """

    def __init__(
        self,
        step: Callable[[Any, Any], Any],
        gather: Callable[[Any, Tensor], Any],
        read: Callable[[Any], Any],
    ) -> None:
        import jax

        def many(carry: Any, data: Any, order: Tensor, count: Tensor) -> tuple[Any, Any]:
            def body(number: Tensor, carry: Any) -> Any:
                return step(carry, gather(data, order[number]))

            # a loop whose length is an argument, so that a shorter one is not compiled again
            carry = jax.lax.fori_loop(0, count, body, carry)
            return carry, read(carry)

        self._step = lambda carry, data, rows: step(carry, gather(data, rows))
        self._many = _jit(many)

    def trace(self, carry: Any, data: Any, order: NDArray[Any]) -> bool:
        """Go through the Python code of a step, which a call of the same shapes does not do again.

        Args:
            carry: as for a call.
            data: as for a call.
            order: as for a call.

        Returns:
            Whether the carry keeps its shapes and dtypes, without which there is no call.

        Raises:
            Exception: whatever the code of a step raises.
        """
        import jax

        try:
            self._many.trace(carry, data, *_steps(order))
        except Exception:
            jax.eval_shape(self._step, carry, data, order[0])  # raises, unless it was the loop
            return False
        return True

    def __call__(self, carry: Any, data: Any, order: NDArray[Any]) -> tuple[Any, Any]:
        """Take the steps.

        Args:
            carry: where to start.
            data: what `gather` takes, as `placed` gives it.
            order: what `gather` takes, for each of at most `STEPS` steps; fewer are taken at the
                price of what they are.

        Returns:
            (carry, read): the carry after the last step, and what `read` finds there; both are
            there when this returns, and what went wrong on the way is raised here.
        """
        import jax

        carry, read = self._many(carry, data, *_steps(order))
        return carry, jax.block_until_ready(read)


def gradient_step(
    model: Any, optimizer: Any, loss: Callable[[Tensor, Tensor, Tensor], Tensor]
) -> Callable[[tuple[State, Tensor], tuple[Tensor, ...]], tuple[State, Tensor]]:
    """A step of a model and an optimizer of which only the structure matters, for `Steps`.

    Args:
        model: a Keras model.
        optimizer: a Keras optimizer, built for the model's trainable variables.
        loss: from (y, outputs, weight) to a number.

    Returns:
        From ((state, total), batch), where a batch is (x, y) or (x, y, weight), to the state after
        the step and the total with the step's loss added.
    """
    import jax

    def step(carry: tuple[State, Tensor], batch: tuple[Tensor, ...]) -> tuple[State, Tensor]:
        state, total = carry
        x, y, weight = batch if len(batch) == 3 else (*batch, None)

        def objective(trainable: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
            outputs, other, penalties = model.stateless_call(
                trainable, state.other, x, training=True, return_losses=True
            )
            return loss(y, outputs, weight) + sum(penalties), other

        differentiate = jax.value_and_grad(objective, has_aux=True)
        (value, other), gradients = differentiate(state.trainable)
        trainable, slots = optimizer.stateless_apply(state.optimizer, gradients, state.trainable)
        return State(trainable, other, slots, state.metrics), total + value

    return step


def build(function: Callable[..., Any], *arguments: Any, variables: Sequence[Any]) -> None:
    """Let a function of arrays create the variables that it needs, without computing anything.

    Args:
        function: what to call.
        arguments: arrays, and nests of them.
        variables: the variables that it finds; they stay what they are.
    """
    import jax

    with keras.StatelessScope(state_mapping=[(each, each.value) for each in variables]):
        jax.eval_shape(function, *arguments)


def placed(data: Any) -> Any:
    """Put arrays on the device, on jax without a distribution; otherwise return them unchanged."""
    if not shared():
        return data
    import jax

    return jax.tree.map(jax.device_put, data)


def padded(rows: NDArray[Any]) -> NDArray[Any]:
    """The rows, and some of zeros behind them: what is compiled for them serves other numbers too.

    Args:
        rows: array of N rows.

    Returns:
        Array whose length is the next power of two, or from 16,384 on the next multiple of 8,192;
        the same array where nothing is shared.
    """
    return _padded(rows, _size(len(rows))) if shared() else rows


def _size(rows: int) -> int:
    if rows > MOST_DOUBLED:
        return -(-rows // (MOST_DOUBLED // 2)) * (MOST_DOUBLED // 2)
    return 1 << max(rows - 1, 0).bit_length()


def _jit(function: Callable[..., Any], **options: Any) -> Any:
    import jax

    @wraps(function)
    def exact(*arguments: Any) -> Any:
        # accelerators would round what is multiplied to 10 bits, residuals of targets among it
        with jax.default_matmul_precision("float32"):
            return function(*arguments)

    return jax.jit(exact, **options)


def _steps(order: NDArray[Any]) -> tuple[NDArray[np.int32], int]:
    """The order of at most `STEPS` steps in an array of `STEPS`, and how many there are."""
    padded = np.zeros((STEPS, *order.shape[1:]), dtype=np.int32)
    padded[: len(order)] = order
    return padded, len(order)


def _padded(rows: Any, size: int) -> Any:
    if len(rows) == size:
        return rows
    padded = np.zeros((size, *rows.shape[1:]), dtype=rows.dtype)
    padded[: len(rows)] = rows
    return padded
