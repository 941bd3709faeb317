"""Keras' activations in NumPy, under the names that Keras gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, expit, log_softmax, softmax

Numbers = NDArray[np.float32]
Activation = Callable[[Numbers], Numbers]

HALF = np.float32(0.5)
# of SELU: Klambauer et al. (2017), arXiv 1706.02515
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


def _exponential(x: Numbers) -> Numbers:
    with np.errstate(over="ignore"):
        return np.exp(x)


def _log_sigmoid(x: Numbers) -> Numbers:
    return -np.logaddexp(-x, np.float32(0))


def _sparse_plus(x: Numbers) -> Numbers:
    return np.where(x >= 1, x, np.square(np.clip(x, -1, 1) + 1) / 4)


def _sparsemax(x: Numbers) -> Numbers:
    # as Keras 3 computes it, whose threshold comes of all partial sums (and not of the last alone)
    ordered = -np.sort(-x, axis=-1)
    partial = np.cumsum(ordered, axis=-1)
    support = ordered > (partial - 1) / np.arange(1, x.shape[-1] + 1, dtype=np.float32)
    total = np.where(support, partial, 0).sum(axis=-1, keepdims=True)
    threshold = (total - 1) / support.sum(axis=-1, keepdims=True, dtype=np.float32)
    return np.maximum(x - threshold, 0)


ACTIVATIONS: dict[str, Activation] = {
    "celu": _elu,
    "elu": _elu,
    "exponential": _exponential,
    "gelu": _gelu,
    "hard_shrink": lambda x: np.where(np.abs(x) > HALF, x, 0),
    "hard_sigmoid": lambda x: np.clip(x / 6 + HALF, 0, 1),
    "hard_silu": lambda x: x * np.clip(x / 6 + HALF, 0, 1),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "leaky_relu": _leaky_relu,
    "linear": lambda x: x,
    "log_sigmoid": _log_sigmoid,
    "log_softmax": lambda x: log_softmax(x, axis=-1),
    "mish": _mish,
    "relu": _relu,
    "relu6": lambda x: np.clip(x, 0, 6),
    "selu": _selu,
    "sigmoid": expit,
    "silu": _silu,
    "soft_shrink": lambda x: x - np.clip(x, -HALF, HALF),
    "softmax": lambda x: softmax(x, axis=-1),
    "softplus": _softplus,
    "softsign": _softsign,
    "sparse_plus": _sparse_plus,
    "sparse_sigmoid": lambda x: np.clip(HALF * (x + 1), 0, 1),
    "sparsemax": _sparsemax,
    "squareplus": lambda x: HALF * (x + np.sqrt(np.square(x) + 4)),
    "tanh": np.tanh,
    "tanh_shrink": lambda x: x - np.tanh(x),
}
ACTIVATIONS |= {"swish": _silu, "hard_swish": ACTIVATIONS["hard_silu"]}
OTHERS = ("glu", "threshold")  # of Keras, that change a width or need more arguments


def is_activation(name: str) -> bool:
    """Whether a layer can have an activation of that name: Keras is asked for one not here."""
    if name in ACTIVATIONS or name in OTHERS:
        return name not in OTHERS
    try:
        return _keras().activations.get(name) is not None
    except ValueError:
        return False


def activation(name: str) -> Activation:
    """The activation of that name; on the backend for one that only a later Keras has."""
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    from covey.backend.compilation import check_process

    check_process()
    keras = _keras()
    function = keras.activations.get(name)
    return lambda x: np.array(keras.ops.convert_to_numpy(function(x)), dtype=np.float32)


def _keras() -> Any:
    from covey.backend.select import keras

    return keras
