"""The networks of an ensemble as one `keras.Model`, to be trained."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from covey.backend.select import keras
from covey.members.architecture import Architecture
from covey.members.layers import MemberDense, MemberHead, PiecewiseLinear, members_first


def build(architecture: Architecture, seed: int = 0) -> Any:
    """A model from inputs (rows, K, F) to packed parameters (rows, K, P).

    Args:
        architecture: what to build.
        seed: seed of the dropout.

    Returns:
        A `keras.Model`; its weights are yet to be set.
    """
    inputs = keras.Input((architecture.members, architecture.n_features), dtype="float32")
    hidden = members_first(inputs)
    columns, knots = architecture.bends
    if columns:
        hidden = PiecewiseLinear(columns, knots, architecture.functions or 0)(hidden)
    for number, units in enumerate(architecture.hidden_units):
        # whatever the global policy is: a saved model predicts the same everywhere
        hidden = MemberDense(
            units, activation=architecture.activation, kernel_initializer="zeros", dtype="float32"
        )(hidden)
        if architecture.dropout:
            # one draw for all members, who see different rows anyway
            noise = (1, None, units)
            hidden = keras.layers.Dropout(
                architecture.dropout, noise, seed=seed + number, dtype="float32"
            )(hidden)
    return keras.Model(inputs, MemberHead(architecture.family)(hidden))


def read_weights(model: Any) -> list[NDArray[np.float32]]:
    """The trainable weights of a model, as arrays with the member axis in front."""
    values = [variable.value for variable in model.trainable_variables]
    # a copy: some backends hand out views of what the next training step overwrites
    return [np.array(keras.ops.convert_to_numpy(value)) for value in values]


def write_weights(model: Any, weights: list[NDArray[np.float32]]) -> None:
    """Set the trainable weights of a model."""
    for variable, array in zip(model.trainable_variables, weights, strict=True):
        variable.assign(array)
