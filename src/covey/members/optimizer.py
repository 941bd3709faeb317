"""AdamW for an ensemble in one network: members do not feel each other's gradients."""

from typing import Any

from covey.backend.select import keras
from covey.types import Tensor

ops = keras.ops

_SCHEDULED = keras.initializers.Constant(-1.0)  # nobody has set a learning rate


@keras.saving.register_keras_serializable(package="covey")
class MemberAdamW(keras.optimizers.AdamW):  # type: ignore[misc]
    """AdamW that clips the gradient of each member on its own.

    Every variable has the member axis in front. Keras' own clipping takes the norm over all
    members, so that one member's outlier would hold up the others.

    A learning rate that is set, as Keras' callbacks do, holds from there on, also where there was a
    schedule.

    Args:
        learning_rate: a number or a Keras schedule.
        weight_decay: as for `keras.optimizers.AdamW`.
        member_clipnorm: largest norm of one member's gradient, over all its variables.
        name: name of the optimizer.

    References:
        Loshchilov, Hutter (2019), Decoupled Weight Decay Regularization, arXiv 1711.05101.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        member_clipnorm: float = 1.0,
        name: str = "member_adamw",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate, weight_decay=weight_decay, name=name, **kwargs
        )
        self.member_clipnorm = member_clipnorm

    def build(self, variables: list[Any]) -> None:
        """Create the optimizer's variables."""
        super().build(variables)
        # a variable, so that what is compiled already does what a callback says
        self._rate = self.add_variable((), initializer=_SCHEDULED, name="set_learning_rate")

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
        scheduled = super()._get_current_learning_rate()
        if not self.built:
            return scheduled
        rate = ops.convert_to_tensor(self._rate)
        return ops.where(rate >= 0, rate, ops.cast(scheduled, rate.dtype))

    def apply(self, grads: list[Tensor], trainable_variables: Any = None) -> None:
        """Clip, then update the variables."""
        squares = [ops.sum(ops.square(g), axis=tuple(range(1, len(g.shape)))) for g in grads]
        norm = ops.sqrt(sum(squares[1:], squares[0]))
        factor = self.member_clipnorm / ops.maximum(norm, self.member_clipnorm)
        grads = [g * ops.reshape(factor, (-1, *[1] * (len(g.shape) - 1))) for g in grads]
        super().apply(grads, trainable_variables)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "member_clipnorm": self.member_clipnorm}
