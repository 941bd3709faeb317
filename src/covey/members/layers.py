"""Keras layers of networks that stand side by side: members first, rows second."""

from typing import Any

import numpy as np

from covey.backend.select import keras
from covey.errors import InputError
from covey.layers import DistributionHead
from covey.types import Tensor

ops = keras.ops


def members_first(inputs: Tensor) -> Tensor:
    """(rows, members, ...) as a model is given them, to (members, rows, ...) as its layers work."""
    return ops.swapaxes(inputs, 0, 1)


def rows_first(outputs: Tensor) -> Tensor:
    """(members, rows, ...) back to (rows, members, ...)."""
    return ops.swapaxes(outputs, 0, 1)


class Filled(keras.initializers.Initializer):  # type: ignore[misc]
    """Copies numbers to where they are needed.

    On jax Keras' own initializers are compiled, for every shape anew: forty milliseconds each.

    Args:
        value: a number or an array, to be broadcast to the shape of the weight.
    """

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Tensor:
        """A tensor of that shape."""
        return ops.convert_to_tensor(np.full(shape, self.value, dtype=np.float32), dtype)


@keras.saving.register_keras_serializable(package="covey")
class MemberDense(keras.layers.Layer):  # type: ignore[misc]
    """K dense layers side by side, one for each member of an ensemble.

    out[k] = activation(in[k] @ kernel[k] + bias[k])

    Members come first and rows second: each member's product is one of plain matrices, and nothing
    is transposed between two layers, which would take as long as the products do.

    Args:
        units: width of the output of each member.
        activation: name of a Keras activation, or None.
        kernel_initializer: Keras initializer; one that goes by the fan-in suits every member.
        kernel_regularizer: Keras regularizer of the kernels.
        name: name of the layer.

    Example:
        >>> import keras
        >>> from covey.members.layers import MemberDense
        >>> from covey.members.layers import members_first
        >>> MemberDense(8)(members_first(keras.Input((5, 3)))).shape  # 5 members, 3 inputs each
        (5, None, 8)
    """

    def __init__(
        self,
        units: int,
        *,
        activation: Any = None,
        kernel_initializer: Any = "lecun_normal",
        kernel_regularizer: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.supports_masking = True
        self.units = units
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create one kernel and one bias per member."""
        members, _, width = input_shape
        if members is None or width is None:
            raise InputError(
                "The members and their inputs must be known: (K, rows, width). Received shape "
                f"{input_shape}; `members_first` brings (rows, K, width) into it."
            )

        def draw(shape: tuple[int, int, int], dtype: Any = None) -> Tensor:
            if isinstance(self.kernel_initializer, keras.initializers.Zeros):
                return Filled(0.0)(shape, dtype)
            # an initializer would take a leading member axis for a receptive field
            flat = self.kernel_initializer((width, members * self.units), dtype)
            return ops.transpose(ops.reshape(flat, (width, members, self.units)), (1, 0, 2))

        self.kernel = self.add_weight(
            name="kernel",
            shape=(members, width, self.units),
            initializer=draw,
            regularizer=self.kernel_regularizer,
        )
        self.bias = self.add_weight(
            name="bias", shape=(members, self.units), initializer=Filled(0.0)
        )
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        """Outputs of shape (members, rows, units) from inputs (members, rows, width)."""
        outputs = ops.matmul(inputs, self.kernel) + ops.expand_dims(self.bias, 1)
        return self.activation(outputs)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Shape of the outputs."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }


@keras.saving.register_keras_serializable(package="covey")
class MemberHead(DistributionHead):
    """K heads side by side, one for each member of an ensemble, with weights of their own.

    Inputs have the shape (K, rows, units), as `MemberDense` gives them, outputs (rows, K, P).

    Args:
        family: as for `DistributionHead`.
        kernel_regularizer: as for `DistributionHead`.
        name: name of the layer.
    """

    def _dense(self, units: int, **options: Any) -> Any:
        return MemberDense(units, **options)

    def call(self, inputs: Tensor) -> Tensor:
        """Packed parameters, shape (rows, K, P), from hidden units, shape (K, rows, units)."""
        return self.family.constrain(rows_first(self.projection(inputs)))

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor = None) -> Tensor:
        """Which rows (and steps in time, in front of the parameters) count in the loss."""
        return None if previous_mask is None else rows_first(previous_mask)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Shape of the packed parameters."""
        return (input_shape[1], input_shape[0], self.family.packed_size)


@keras.saving.register_keras_serializable(package="covey")
class PiecewiseLinear(keras.layers.Layer):  # type: ignore[misc]
    """Piecewise linear functions of single inputs, learned beside the inputs themselves.

    Input f is cut at its knots into T bins. How far it has come through each bin, a number in
    [0, 1], is a vector of length T (all of the bins below are 1, those above 0), and each member
    learns `units` linear combinations of it: functions of input f that bend at the knots. They are
    appended to the inputs.

    Args:
        columns: the C inputs, by number, that get such functions.
        knots: array of shape (C, T + 1), ascending in each row; equal knots make an empty bin.
        units: functions learned for each of these inputs.
        name: name of the layer.

    Raises:
        InputError: the knots do not ascend, or there is not one row for each column.

    References:
        Gorishniy, Rubachev, Babenko (2022), On Embeddings for Numerical Features in Tabular Deep
        Learning, arXiv 2203.05556.

    Example:
        >>> import keras
        >>> from covey.members.layers import PiecewiseLinear, members_first
        >>> layer = PiecewiseLinear([0, 2], [[0.0, 0.5, 1.0], [0.0, 0.1, 1.0]], units=4)
        >>> layer(members_first(keras.Input((5, 3)))).shape  # 5 members, 3 inputs each
        (5, None, 11)
    """

    def __init__(
        self, columns: Any, knots: Any, units: int, *, name: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **{**kwargs, "dtype": "float32"})
        self.supports_masking = True
        self.columns = [int(column) for column in columns]
        self.knots = np.asarray(knots, dtype=np.float32)
        self.units = units
        self.input_spec = keras.layers.InputSpec(ndim=3)
        if (
            self.knots.ndim != 2
            or len(self.knots) != len(self.columns)
            or not np.all(np.diff(self.knots, axis=1) >= 0)
        ):
            raise InputError(
                f"Expected ascending knots of shape ({len(self.columns)}, T + 1), a row for each "
                f"column. Received knots of shape {self.knots.shape}."
            )

    @property
    def kernel_shape(self) -> tuple[int, int, int]:
        """Shape of one member's kernel: (C, T, units)."""
        return (*np.shape(self.knots[:, 1:]), self.units)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create one kernel per member."""
        self.kernel = self.add_weight(
            name="kernel", shape=(input_shape[0], *self.kernel_shape), initializer=Filled(0.0)
        )
        # a weight and no constant, so that what is compiled serves the knots of another table too
        self.bends = self.add_weight(
            name="knots",
            shape=self.knots.shape,
            initializer=Filled(self.knots),
            trainable=False,
        )
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        """Outputs of shape (members, rows, F + C * units) from inputs (members, rows, F)."""
        lower = self.bends[:, None, :-1]
        width = self.bends[:, None, 1:] - lower
        # nothing ever reaches an empty bin
        lower, width = ops.where(width > 0, lower, 1e9), ops.where(width > 0, width, 1.0)
        chosen = ops.transpose(ops.take(inputs, self.columns, axis=-1), (0, 2, 1))
        progress = ops.clip((ops.expand_dims(chosen, -1) - lower) / width, 0.0, 1.0)  # K, C, n, T
        functions = ops.transpose(ops.matmul(progress - 0.5, self.kernel), (0, 2, 1, 3))
        size = len(self.columns) * self.units
        functions = ops.reshape(functions, (inputs.shape[0], -1, size))
        return ops.concatenate([inputs, functions], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Shape of the outputs."""
        width = input_shape[-1]
        more = len(self.columns) * self.units
        return (*input_shape[:-1], None if width is None else width + more)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "columns": self.columns,
            "knots": self.knots.tolist(),
            "units": self.units,
        }
