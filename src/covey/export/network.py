"""The networks of an ensemble as ONNX nodes: what `members/forward.py` does in NumPy."""

from __future__ import annotations

import numpy as np

from covey.export.activations import activation
from covey.export.graph import Graph
from covey.members.ensemble import Ensemble

FAR = np.float32(1e9)  # where an empty bin begins, which nothing reaches


def raw_outputs(graph: Graph, ensemble: Ensemble, matrix: str) -> str:
    """What the K networks put out for rows, before it is constrained.

    Args:
        graph: to add to.
        ensemble: whose networks these are.
        matrix: their inputs, shape (N, F), in single precision.

    Returns:
        Value of shape (K, N, P), in single precision.
    """
    bends, weights = ensemble.architecture.bends, list(ensemble.weights)
    hidden = graph.unsqueezed(matrix, 0)
    if bends[0]:
        hidden = _embedded(graph, matrix, bends, weights.pop(0))
    apply = activation(ensemble.architecture.activation)
    pairs = list(zip(weights[::2], weights[1::2], strict=True))
    for number, (kernel, bias) in enumerate(pairs):
        hidden = graph.op("Add", graph.op("MatMul", hidden, kernel), bias[:, None])
        if number < len(pairs) - 1:
            hidden = apply(graph, hidden)
    return hidden


def _embedded(
    graph: Graph,
    matrix: str,
    bends: tuple[list[int], np.ndarray[tuple[int, ...], np.dtype[np.float32]]],
    kernel: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> str:
    """The inputs, and piecewise linear functions of single ones, shape (K, N, F + C U)."""
    columns, knots = bends
    members, _, _, units = kernel.shape
    lower, width = knots[:, None, :-1], np.diff(knots, axis=1)[:, None]
    chosen = graph.op("Gather", matrix, np.array(columns, dtype=np.int64), axis=1)
    chosen = graph.unsqueezed(graph.op("Transpose", chosen, perm=[1, 0]), 2)  # C, N, 1
    step = graph.op("Sub", chosen, np.where(width > 0, lower, FAR))
    step = graph.op("Div", step, np.where(width > 0, width, np.float32(1)))
    step = graph.clipped(step, np.float32(0), np.float32(1))
    progress = graph.op("Sub", step, np.asarray(0.5, dtype=np.float32))  # C, N, T
    functions = graph.op("MatMul", progress, kernel)  # K, C, N, U
    functions = graph.op("Transpose", functions, perm=[0, 2, 1, 3])
    functions = graph.reshaped(functions, 0, 0, len(columns) * units)
    # of all members alike: a sum with zeros makes as many of it as there are members
    zeros = np.zeros((members, 1, 1), dtype=np.float32)
    each = graph.op("Add", graph.unsqueezed(matrix, 0), zeros)
    return graph.op("Concat", each, functions, axis=2)
