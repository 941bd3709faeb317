"""AdamW for an ensemble in one network: members do not feel each other's gradients."""

from math import pi
from typing import Any

from covey.backend.select import keras
from covey.errors import InputError
from covey.members.layers import Filled
from covey.types import Tensor

ops = keras.ops

UNSET = -1.0  # of the learning rate: nobody has set it
WARM_UP = 1 / 20  # share of the steps in which the learning rate rises
LOWEST = 1 / 50, 1 / 100  # share of its peak at which it begins, and ends


@keras.saving.register_keras_serializable(package="covey")
class MemberAdamW(keras.optimizers.AdamW):  # type: ignore[misc]
    """AdamW that clips the gradient of each member on its own.

    Every variable has the member axis in front. Keras' own clipping takes the norm over all
    members, so that one member's outlier would hold up the others.

    The learning rate, its steps and the decay of weights are variables: what is compiled for one
    training serves those with others.

    A learning rate that is set, as Keras' callbacks do, holds from there on, also where there was a
    schedule.

    Args:
        learning_rate: a number or a Keras schedule; a number, the peak, with `decay_steps`.
        weight_decay: as for `keras.optimizers.AdamW`.
        member_clipnorm: largest norm of one member's gradient, over all its variables.
        decay_steps: after a twentieth of so many steps in which the learning rate rises, it falls
            along a half cosine until the last of them. None leaves it as it is.
        name: name of the optimizer.

    Raises:
        InputError: there are `decay_steps` and a schedule.

    References:
        Loshchilov, Hutter (2019), Decoupled Weight Decay Regularization, arXiv 1711.05101.
        Loshchilov, Hutter (2017), SGDR: Stochastic Gradient Descent with Warm Restarts, arXiv
        1608.03983.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        member_clipnorm: float = 1.0,
        decay_steps: int | None = None,
        name: str = "member_adamw",
        **kwargs: Any,
    ) -> None:
        schedule = isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule)
        if decay_steps is not None and schedule:
            raise InputError(
                "With `decay_steps`, `learning_rate` must be a number, the peak of the schedule. "
                "Received a schedule: leave `decay_steps` out."
            )
        super().__init__(
            learning_rate=learning_rate, weight_decay=weight_decay, name=name, **kwargs
        )
        self.member_clipnorm = member_clipnorm
        self.decay_steps = decay_steps

    def build(self, variables: list[Any]) -> None:
        """Create the optimizer's variables."""
        super().build(variables)
        # variables, so that what is compiled already does what a callback says, and what another
        # training wants
        self._rate = self.add_variable((), initializer=Filled(UNSET), name="set_learning_rate")
        peak = 0.0
        if self.decay_steps is not None:
            set_before = ops.convert_to_tensor(super()._get_current_learning_rate())
            peak = float(ops.convert_to_numpy(set_before))
        numbers = {"peak": peak, "steps": self.decay_steps or 1, "decay": self.weight_decay}
        self._numbers = [
            self.add_variable((), initializer=Filled(value), name=name)
            for name, value in numbers.items()
        ]

    def add_variable_from_reference(
        self, reference_variable: Any, name: str | None = None, initializer: Any = "zeros"
    ) -> Any:
        """As Keras does, with nothing compiled for zeros."""
        own = Filled(0.0) if initializer == "zeros" else initializer
        return super().add_variable_from_reference(reference_variable, name, own)

    @property
    def learning_rate(self) -> Tensor:
        """The rate of the next step."""
        return self._get_current_learning_rate()

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if not self.built or isinstance(value, keras.optimizers.schedules.LearningRateSchedule):
            keras.optimizers.AdamW.learning_rate.fset(self, value)
        else:
            self._rate.assign(value)

    def _get_current_learning_rate(self) -> Tensor:
        # what Keras goes by in its steps, and for the decay of weights on torch
        if not self.built:
            return super()._get_current_learning_rate()
        rate = ops.convert_to_tensor(self._rate)
        if self.decay_steps is None:
            scheduled = ops.cast(super()._get_current_learning_rate(), rate.dtype)
        else:
            scheduled = self._scheduled()
        return ops.where(rate >= 0, rate, scheduled)

    def _scheduled(self) -> Tensor:
        """The rate after so many steps, by the variables."""
        peak, steps, _ = map(ops.convert_to_tensor, self._numbers)
        done = ops.cast(self.iterations, peak.dtype)
        first, last = LOWEST
        warm = ops.maximum(ops.floor(steps * WARM_UP), 1.0)
        rising = first + (1 - first) * done / warm
        share = ops.minimum((done - warm) / ops.maximum(steps - warm, 1.0), 1.0)
        falling = last + (1 - last) * 0.5 * (1 + ops.cos(pi * share))
        return peak * ops.where(done < warm, rising, falling)

    def _apply_weight_decay(self, variables: list[Any]) -> None:
        # Keras' own takes a constant
        left = 1 - ops.convert_to_tensor(self._numbers[2]) * self.learning_rate
        for variable in variables:
            if self._use_weight_decay(variable):
                variable.assign(variable * left)

    def apply(self, grads: list[Tensor], trainable_variables: Any = None) -> None:
        """Clip, then update the variables."""
        squares = [ops.sum(ops.square(g), axis=tuple(range(1, len(g.shape)))) for g in grads]
        norm = ops.sqrt(sum(squares[1:], squares[0]))
        factor = self.member_clipnorm / ops.maximum(norm, self.member_clipnorm)
        grads = [g * ops.reshape(factor, (-1, *[1] * (len(g.shape) - 1))) for g in grads]
        super().apply(grads, trainable_variables)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        own = {"member_clipnorm": self.member_clipnorm, "decay_steps": self.decay_steps}
        return {**super().get_config(), **own}
