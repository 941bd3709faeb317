"""Boosted trees as an ONNX operator."""

from __future__ import annotations

import numpy as np

from covey.export.graph import ML, Graph
from covey.stacking.forest import Forest
from covey.stacking.stack import Stack


def tree_means(graph: Graph, stack: Stack, matrix: str) -> str:
    """What the trees say of rows.

    The operator sums in double precision, and rounds the sum, in standardised units, to single.

    Args:
        graph: to add to.
        stack: of the trees.
        matrix: inputs of the networks, shape (N, F), in single precision.

    Returns:
        Value of shape (N, D), in target units.
    """
    found = graph.double(_forest(graph, stack.forest, graph.double(matrix)))
    return graph.op("Add", graph.op("Mul", found, stack.scale), stack.location)


def _forest(graph: Graph, forest: Forest, matrix: str) -> str:
    """A forest as `TreeEnsembleRegressor`: nodes of a tree come first, then its leaves."""
    leaves = forest.leaves.astype(np.int64)
    trees = np.arange(len(leaves))
    inner_tree, leaf_tree = np.repeat(trees, leaves - 1), np.repeat(trees, leaves)
    inner_start = np.cumsum(leaves - 1) - (leaves - 1)
    leaf_start = np.cumsum(leaves) - leaves
    inner_id = np.arange(len(inner_tree)) - inner_start[inner_tree]
    leaf_id = np.arange(len(leaf_tree)) - leaf_start[leaf_tree] + (leaves - 1)[leaf_tree]
    # the operator wants the nodes of a tree together
    tree = np.concatenate([inner_tree, leaf_tree])
    order = np.argsort(tree, kind="stable")
    none = np.zeros(len(leaf_tree), dtype=np.int64)

    def child(which: np.ndarray[tuple[int, ...], np.dtype[np.int32]]) -> list[int]:
        places = which.astype(np.int64)
        # -1, -2, ... are the leaves 0, 1, ..., which stand behind the nodes
        places = np.where(places >= 0, places, (leaves - 1)[inner_tree] - 1 - places)
        return np.concatenate([places, none])[order].tolist()

    modes = np.array(["BRANCH_LEQ", "LEAF"])[np.repeat([0, 1], [len(inner_tree), len(leaf_tree)])]
    thresholds = np.concatenate([forest.threshold, np.zeros(len(leaf_tree))])[order]
    attributes = {
        "n_targets": forest.n_outputs,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        "nodes_treeids": tree[order].tolist(),
        "nodes_nodeids": np.concatenate([inner_id, leaf_id])[order].tolist(),
        "nodes_featureids": np.concatenate([forest.feature, none])[order].tolist(),
        "nodes_modes": modes[order].tolist(),
        "nodes_truenodeids": child(forest.left),
        "nodes_falsenodeids": child(forest.right),
        "nodes_values_as_tensor": graph.tensor(thresholds.astype(np.float64)),
        "target_treeids": leaf_tree.tolist(),
        "target_nodeids": leaf_id.tolist(),
        "target_ids": forest.output[leaf_tree].tolist(),
        "target_weights_as_tensor": graph.tensor(forest.value.astype(np.float64)),
    }
    return graph.op("TreeEnsembleRegressor", matrix, domain=ML, **attributes)
