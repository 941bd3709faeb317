"""Boosted trees as arrays: for files, and for a library that predicts by them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from covey.stacking.library import lightgbm
from covey.types import Array

FEW = 1000  # rows that one thread predicts
MOST = 2**31 - 1  # what LightGBM counts with
_PROCESS = os.getpid()  # a copy of it lacks the threads that LightGBM started here


@dataclass(frozen=True, eq=False, repr=False)  # of arrays, neither is of use
class Forest:
    """Trees of which each adds to one of M outputs: an output is the sum of its trees.

    Each tree of L leaves has L - 1 nodes, numbered from 0 at its root. At a node a row goes left if
    its feature is at most the threshold. A child of 0 or more is a node of the same tree, with a
    larger number; -1, -2, ... are its leaves 0, 1, ...

    Attributes:
        n_features: F, how many features the rows have.
        n_outputs: M.
        output: the output that each tree adds to, shape (T,), in ascending order.
        leaves: how many leaves each tree has, shape (T,).
        feature: number of the feature of each node, tree after tree, shape (sum of L - 1,).
        threshold: of each node, in the units of the features.
        left: child of each node.
        right: other child of each node.
        value: of each leaf, tree after tree, shape (sum of L,), in the units of the outputs.
    """

    n_features: int
    n_outputs: int
    output: NDArray[np.int32]
    leaves: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float32]

    def __getstate__(self) -> dict[str, Any]:
        return {part.name: getattr(self, part.name) for part in fields(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __len__(self) -> int:
        return len(self.output)

    def predict(self, matrix: NDArray[np.float32]) -> Array:
        """The outputs for rows.

        Args:
            matrix: features, shape (N, F), finite.

        Returns:
            Array of shape (N, M).
        """
        if not len(matrix):
            return np.zeros((0, self.n_outputs))
        # to wake other threads takes longer; and in a copy of a process they are not there
        alone = len(matrix) < FEW or os.getpid() != _PROCESS
        found = self._booster.predict(matrix, raw_score=True, num_threads=int(alone))
        return np.asarray(found, dtype=np.float64).reshape(len(matrix), self.n_outputs)

    def only(self, wanted: NDArray[np.bool_]) -> Self:
        """The same without the trees of some outputs, which are 0 then.

        Args:
            wanted: which outputs keep theirs, shape (M,).

        Returns:
            A forest of as many outputs.
        """
        trees = wanted[self.output]
        nodes, leaves = np.repeat(trees, self.leaves - 1), np.repeat(trees, self.leaves)
        kept = {"output": trees, "leaves": trees, "value": leaves}
        arrays = {name: array[kept.get(name, nodes)] for name, array in self.to_arrays().items()}
        return type(self)(self.n_features, self.n_outputs, **arrays)

    @cached_property
    def _booster(self) -> Any:
        return lightgbm().Booster(model_str=self._text())

    def _text(self) -> str:
        """The trees as LightGBM reads them: one for each output in turn, again and again."""
        ends, leaf_ends = np.cumsum(self.leaves - 1), np.cumsum(self.leaves)
        trees: list[list[str]] = [[] for _ in range(self.n_outputs)]
        for tree, output in enumerate(self.output):
            count = int(self.leaves[tree])
            nodes = slice(ends[tree] - count + 1, ends[tree])
            values = self.value[leaf_ends[tree] - count : leaf_ends[tree]]
            trees[output].append(_tree_text(self, nodes, values))
        longest = max(map(len, trees), default=0)
        nothing = _tree_text(self, slice(0, 0), np.zeros(1, dtype=np.float32))
        blocks = [
            f"Tree={number * self.n_outputs + output}\n"
            + (own[number] if number < len(own) else nothing)
            for number in range(max(longest, 1))
            for output, own in enumerate(trees)
        ]
        head = {
            "version": "v4",
            "num_class": self.n_outputs,
            "num_tree_per_iteration": self.n_outputs,
            "label_index": 0,
            "max_feature_idx": self.n_features - 1,
            "feature_names": " ".join(f"f{number}" for number in range(self.n_features)),
            "feature_infos": " ".join(["[-inf:inf]"] * self.n_features),
            "tree_sizes": " ".join(str(len(block)) for block in blocks),
        }
        lines = "\n".join(f"{name}={value}" for name, value in head.items())
        return f"tree\n{lines}\n\n{''.join(blocks)}end of trees\n\nparameters:\nend of parameters\n"

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All but the two counts, by name."""
        return {part.name: getattr(self, part.name) for part in fields(self)[2:]}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], n_features: int, n_outputs: int
    ) -> Self:
        """Rebuild what `to_arrays` gave, and check that native code can follow it.

        Raises:
            KeyError: an array is lacking.
            ValueError: the arrays are no trees: a number, a shape or a type is out of place.
        """
        kinds = {"threshold": np.float32, "value": np.float32}
        found = {part.name: arrays[part.name] for part in fields(cls)[2:]}
        for name, array in found.items():
            if array.dtype != kinds.get(name, np.int32) or array.ndim != 1:
                raise ValueError(f"the {name}s of trees")
            if name in kinds and not np.isfinite(array).all():
                raise ValueError(f"{name}s of trees that are not finite")
        forest = cls(n_features, n_outputs, **found)
        forest._check()
        return forest

    def _check(self) -> None:
        """Refuse arrays that are no trees."""
        leaves = self.leaves.astype(np.int64)
        nodes = int((leaves - 1).sum())
        shapes = {
            *(len(getattr(self, name)) == nodes for name in ("feature", "threshold")),
            *(len(getattr(self, name)) == nodes for name in ("left", "right")),
            len(self.output) == len(leaves) and len(self.value) == leaves.sum() < MOST,
        }
        if shapes != {True} or (leaves < 1).any():
            raise ValueError("the number of nodes of trees")
        within(self.output, np.zeros(1), self.n_outputs)
        within(self.feature, np.zeros(1), self.n_features)
        if (np.diff(self.output) < 0).any():
            raise ValueError("the order of trees")
        starts = np.cumsum(leaves - 1) - (leaves - 1)
        counts = np.repeat(leaves, leaves - 1)
        own = np.arange(nodes) - np.repeat(starts, leaves - 1)
        # each node but the root, and each leaf, is the child of one node with a smaller number
        places = []
        for child in (self.left.astype(np.int64), self.right.astype(np.int64)):
            inner = child >= 0
            within(child, np.where(inner, own + 1, -counts), np.where(inner, counts - 1, 0))
            place = np.where(inner, child, counts - 2 - child)  # behind the nodes, the leaves
            places.append(place + np.repeat(2 * starts, leaves - 1))
        if len(np.unique(places)) != 2 * nodes:
            raise ValueError("nodes of trees with two parents")


def within(numbers: NDArray[Any], least: Any, beyond: Any) -> None:
    """Refuse numbers below `least`, or not below `beyond`."""
    if ((numbers < least) | (numbers >= beyond)).any():
        raise ValueError("numbers of nodes, features or outputs that there are not")


def joined(parts: list[tuple[int, str]], n_features: int, n_outputs: int) -> Forest:
    """The trees of several boosters as one forest.

    Args:
        parts: numbers of outputs, ascending, each with a booster of one output as LightGBM writes
            it.
        n_features: F.
        n_outputs: M.

    Returns:
        The forest.
    """
    output: list[int] = []
    leaves: list[int] = []
    arrays: dict[str, list[Array]] = {name: [] for name in WRITTEN}
    for number, text in parts:
        for block in text.split("end of trees")[0].split("\nTree=")[1:]:
            lines = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
            output.append(number)
            leaves.append(int(lines["num_leaves"]))
            for name, written in WRITTEN.items():
                values = lines.get(written, "").split() if leaves[-1] > 1 or name == "value" else []
                arrays[name].append(np.array(values, dtype=np.float64))
    flat = {name: np.concatenate([np.zeros(0), *each]) for name, each in arrays.items()}
    return Forest(
        n_features,
        n_outputs,
        np.array(output, dtype=np.int32),
        np.array(leaves, dtype=np.int32),
        threshold=_rounded_down(flat.pop("threshold")),
        value=flat.pop("value").astype(np.float32),
        **{name: array.astype(np.int32) for name, array in flat.items()},
    )


WRITTEN = {
    "feature": "split_feature",
    "threshold": "threshold",
    "left": "left_child",
    "right": "right_child",
    "value": "leaf_value",
}


def _rounded_down(thresholds: Array) -> NDArray[np.float32]:
    """The largest float32 not above each: float32 features go the same way by it."""
    found = thresholds.astype(np.float32)
    return np.where(found > thresholds, np.nextafter(found, np.float32(-np.inf)), found)


def _tree_text(forest: Forest, nodes: slice, values: NDArray[np.float32]) -> str:
    """One tree as LightGBM reads it."""
    lines: dict[str, Any] = {"num_leaves": len(values), "num_cat": 0}
    if len(values) > 1:
        lines |= {
            written: _numbers(getattr(forest, name)[nodes])
            for name, written in WRITTEN.items()
            if name != "value"
        }
        lines["decision_type"] = " ".join(["0"] * (len(values) - 1))
    lines["leaf_value"] = _numbers(values)
    lines |= {"is_linear": 0, "shrinkage": 1}
    return "".join(f"{name}={value}\n" for name, value in lines.items()) + "\n\n"


def _numbers(array: NDArray[Any]) -> str:
    """Numbers in text, from which the same are read."""
    return " ".join(map(repr, array.tolist()))
