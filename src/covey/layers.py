"""The Keras layer that ends a model in a distribution."""

from typing import Any, Self

import covey.families  # noqa: F401  registers what a saved model names
from covey.backend.select import keras
from covey.errors import InputError, shown, warn
from covey.families.family import Family
from covey.types import Tensor

__all__ = ["DistributionHead"]


def __dir__() -> list[str]:
    return __all__


@keras.saving.register_keras_serializable(package="covey")
class DistributionHead(keras.layers.Layer):  # type: ignore[misc]
    """The last layer of a model that predicts a distribution.

    A dense projection to `family.packed_size` outputs, then `family.constrain`. Its kernel starts
    at zero and so the model starts at the standard normal, whatever the layers below do: train on
    targets that are roughly standardised. The output is one flat float32 tensor per row, also under
    a mixed-precision policy; `family.distribution(model.predict(X))` makes it an object.

    Args:
        family: for example `covey.families.Normal(5)`.
        kernel_regularizer: Keras regularizer of the projection's kernel.
        name: name of the layer.

    Raises:
        InputError: `family` is not a family.

    Example:
        >>> import keras
        >>> from covey.families import Normal
        >>> from covey.layers import DistributionHead
        >>> inputs = keras.Input((6,))
        >>> hidden = keras.layers.Dense(24, activation="relu")(inputs)
        >>> keras.Model(inputs, DistributionHead(Normal(5))(hidden)).output_shape
        (None, 20)
    """

    def __init__(
        self,
        family: Family,
        *,
        kernel_regularizer: keras.regularizers.Regularizer | str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if not hasattr(family, "packed_size") or isinstance(family, type):
            raise InputError(
                f"`family` must be a family such as covey.families.Normal(5). "
                f"Received: {shown(family)}."
            )
        # no backend has linear algebra for half precision on every device
        super().__init__(name=name, **{**kwargs, "dtype": "float32"})
        self.supports_masking = True
        self.family = family
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.projection = self._dense(
            family.packed_size,
            kernel_regularizer=self.kernel_regularizer,
            kernel_initializer="zeros",
            dtype="float32",
            name="projection",
        )

    def _dense(self, units: int, **options: Any) -> Any:
        return _Projection(units, **options)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights of the projection."""
        self.projection.build(input_shape)
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        """Packed parameters, shape (..., P), from hidden units, shape (..., units)."""
        return self.family.constrain(self.projection(inputs))

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor = None) -> Tensor:
        """Which rows (and steps in time, in front of the parameters) count in the loss."""
        return previous_mask

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Shape of the packed parameters."""
        return (*input_shape[:-1], self.family.packed_size)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "family": keras.saving.serialize_keras_object(self.family),
            "packing": self.family.packing,
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The layer that `get_config` describes.

        Raises:
            InputError: its weights are those of parameters in another order.
        """
        config = dict(config)
        family = keras.saving.deserialize_keras_object(config.pop("family"))
        packing = config.pop("packing", None)
        if packing is None:
            warn(
                "Expected a DistributionHead that says how its parameters are packed. Received one "
                "of an older Covey, which may have packed them otherwise: train the model anew.",
            )
        elif packing != family.packing:
            raise InputError(
                f"Expected a DistributionHead whose parameters are packed by {family.packing!r}. "
                f"Received one packed by {packing!r}, of another version of Covey: train the model "
                "anew, or read it with that version."
            )
        if config.pop("members", None) is not None:
            raise InputError(
                "Expected a DistributionHead of one network. Received one of several members, of "
                "an older Covey: train the model anew, or read it with that version."
            )
        return cls(family, **config)


class _Projection(keras.layers.Dense):  # type: ignore[misc]
    """The dense layer of a head, which stays as exact as the head is."""

    def quantize(self, mode: Any = None, type_check: bool = True, config: Any = None) -> None:
        """Say that this is not done: `keras.Model.quantize` then goes on to the next layer."""
        raise NotImplementedError(
            "A DistributionHead stays in float32: what a covariance loses by rounding is not small."
        )
