"""Activations as ONNX operators, in single precision, as `members/activations.py` has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from covey.errors import InputError
from covey.export.graph import Graph
from covey.members.activations import ALPHA, SCALE

Activation = Callable[[Graph, str], str]


def _of(value: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.asarray(value, dtype=np.float32)


def _operator(kind: str, **attributes: Any) -> Activation:
    return lambda graph, x: graph.op(kind, x, **attributes)


def _bounded(low: float, high: float, slope: float = 1.0, shift: float = 0.0) -> Activation:
    """Of slope x + shift, held between two bounds."""

    def apply(graph: Graph, x: str) -> str:
        if slope != 1.0:
            x = graph.op("Mul", x, _of(slope))
        if shift:
            x = graph.op("Add", x, _of(shift))
        return graph.clipped(x, _of(low), _of(high))

    return apply


def _gated(gate: Activation) -> Activation:
    """X times another activation of x."""
    return lambda graph, x: graph.op("Mul", x, gate(graph, x))


def _less(other: Activation) -> Activation:
    """X less another activation of x."""
    return lambda graph, x: graph.op("Sub", x, other(graph, x))


def _gelu(graph: Graph, x: str) -> str:
    bell = graph.op("Erf", graph.op("Div", x, _of(np.sqrt(2))))
    return graph.op("Mul", graph.op("Mul", x, _of(0.5)), graph.op("Add", bell, _of(1)))


def _log_sigmoid(graph: Graph, x: str) -> str:
    return graph.op("Neg", graph.op("Softplus", graph.op("Neg", x)))


def _sparse_plus(graph: Graph, x: str) -> str:
    middle = graph.op("Add", graph.clipped(x, _of(-1), _of(1)), _of(1))
    bent = graph.op("Div", graph.squared(middle), _of(4))
    return graph.op("Where", graph.op("GreaterOrEqual", x, _of(1)), x, bent)


def _hard_shrink(graph: Graph, x: str) -> str:
    far = graph.op("Greater", graph.op("Abs", x), _of(0.5))
    return graph.op("Where", far, x, _of(0))


def _squareplus(graph: Graph, x: str) -> str:
    root = graph.op("Sqrt", graph.op("Add", graph.squared(x), _of(4)))
    return graph.op("Mul", graph.op("Add", x, root), _of(0.5))


_ELU = _operator("Elu", alpha=1.0)
_SILU = _gated(_operator("Sigmoid"))
_HARD_SIGMOID = _bounded(0, 1, 1 / 6, 0.5)
ACTIVATIONS: dict[str, Activation] = {
    "celu": _ELU,
    "elu": _ELU,
    "exponential": _operator("Exp"),
    "gelu": _gelu,
    "hard_shrink": _hard_shrink,
    "hard_sigmoid": _HARD_SIGMOID,
    "hard_silu": _gated(_HARD_SIGMOID),
    "hard_swish": _gated(_HARD_SIGMOID),
    "hard_tanh": _bounded(-1, 1),
    "leaky_relu": _operator("LeakyRelu", alpha=0.2),
    "linear": _operator("Identity"),
    "log_sigmoid": _log_sigmoid,
    "log_softmax": _operator("LogSoftmax"),
    "mish": _gated(lambda graph, x: graph.op("Tanh", graph.op("Softplus", x))),
    "relu": _operator("Relu"),
    "relu6": _bounded(0, 6),
    "selu": _operator("Selu", alpha=ALPHA, gamma=SCALE),
    "sigmoid": _operator("Sigmoid"),
    "silu": _SILU,
    "soft_shrink": _less(_bounded(-0.5, 0.5)),
    "softmax": _operator("Softmax"),
    "softplus": _operator("Softplus"),
    "softsign": _operator("Softsign"),
    "sparse_plus": _sparse_plus,
    "sparse_sigmoid": _bounded(0, 1, 0.5, 0.5),
    "squareplus": _squareplus,
    "swish": _SILU,
    "tanh": _operator("Tanh"),
    "tanh_shrink": _less(_operator("Tanh")),
}


def activation(name: str) -> Activation:
    """The activation of that name.

    Raises:
        InputError: it has no form of a few ONNX operators.
    """
    if name not in ACTIVATIONS:
        raise InputError(
            f"Expected an activation that ONNX can express. Received: activation={name!r}. Fit "
            f"with one of {', '.join(ACTIVATIONS)}."
        )
    return ACTIVATIONS[name]
