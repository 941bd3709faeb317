"""AdamW for an ensemble in one network: members do not feel each other's gradients."""

from typing import Any

from covey.engine import keras

ops = keras.ops
Tensor = Any  # whatever the engine calls one


@keras.saving.register_keras_serializable(package="covey")
class MemberAdamW(keras.optimizers.AdamW):  # type: ignore[misc]
    """AdamW that clips the gradient of each member on its own.

    Every variable has the member axis in front. Keras' own clipping takes the norm over all
    members, so that one member's outlier would hold up the others.

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
