"""Keras' activations in NumPy, under the names that Keras gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, expit

Numbers = NDArray[np.float32]
Activation = Callable[[Numbers], Numbers]

# of SELU, Klambauer et al. (2017), arXiv 1706.02515
ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805


def _elu(x: Numbers) -> Numbers:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def _gelu(x: Numbers) -> Numbers:
    return _kept(0.5 * x * (1 + erf(x / np.float32(np.sqrt(2)))))


def _leaky_relu(x: Numbers) -> Numbers:
    return np.where(x > 0, x, 0.2 * x)


def _mish(x: Numbers) -> Numbers:
    return _kept(x * np.tanh(_softplus(x)))


def _relu(x: Numbers) -> Numbers:
    return np.maximum(x, 0)


def _selu(x: Numbers) -> Numbers:
    return _kept(SCALE * np.where(x > 0, x, ALPHA * np.expm1(np.minimum(x, 0))))


def _silu(x: Numbers) -> Numbers:
    with np.errstate(over="ignore"):  # then the quotient is 0, as it should
        below = np.exp(-x)
    below += 1
    return np.divide(x, below, out=below)


def _softplus(x: Numbers) -> Numbers:
    return np.logaddexp(x, np.float32(0))


def _softsign(x: Numbers) -> Numbers:
    return x / (1 + np.abs(x))


def _kept(x: NDArray[np.floating]) -> Numbers:
    """In float32, whatever constants made of it."""
    return x.astype(np.float32, copy=False)


ACTIVATIONS: dict[str, Activation] = {
    "elu": _elu,
    "exponential": np.exp,
    "gelu": _gelu,
    "hard_sigmoid": lambda x: np.clip(x / 6 + np.float32(0.5), 0, 1),
    "hard_silu": lambda x: x * np.clip(x / 6 + np.float32(0.5), 0, 1),
    "leaky_relu": _leaky_relu,
    "linear": lambda x: x,
    "mish": _mish,
    "relu": _relu,
    "relu6": lambda x: np.clip(x, 0, 6),
    "selu": _selu,
    "sigmoid": expit,
    "silu": _silu,
    "softplus": _softplus,
    "softsign": _softsign,
    "tanh": np.tanh,
}
ACTIVATIONS |= {"swish": _silu, "hard_swish": ACTIVATIONS["hard_silu"]}


def is_activation(name: str) -> bool:
    """Whether Keras has an activation of that name; it is asked for one that is not here."""
    if name in ACTIVATIONS:
        return True
    try:
        return _keras().activations.get(name) is not None
    except ValueError:
        return False


def activation(name: str) -> Activation:
    """The activation of that name; Keras' own, on its backend, for one that is not here."""
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    keras = _keras()
    function = keras.activations.get(name)
    return lambda x: np.array(keras.ops.convert_to_numpy(function(x)), dtype=np.float32)


def _keras() -> Any:
    from covey.backend.select import keras

    return keras
