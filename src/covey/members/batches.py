"""Batches for members that train side by side, each on its own rows in its own order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from covey.backend import compilation, processes
from covey.backend.compilation import placed
from covey.start.whitening import Whitened
from covey.table.training_data import TrainingData
from covey.types import Array, Rows, Snapshot


class BatchRows(NamedTuple):
    """Rows to train on.

    Attributes:
        inputs: shape (R, F).
        targets: of each member, shape (R, K, D).
        weight: sample weights, shape (R,), or None.
        position_weight: by which the row at each position of a batch counts, shape (batch, K), or
            None.
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]
    weight: NDArray[np.float32] | None
    position_weight: NDArray[np.float32] | None


class Chunk(NamedTuple):
    """Some training steps, to be taken one after the other.

    Attributes:
        data: rows, as `covey.backend.compilation.placed` gives them: on the device already.
        order: which of them are in each batch, shape (steps, batch, K).
    """

    data: BatchRows
    order: NDArray[np.int32]


def gather(data: BatchRows, rows: Any) -> tuple[Any, ...]:
    """A batch as Keras takes it: (inputs, targets) or (inputs, targets, weight).

    Args:
        data: arrays, of NumPy or of the backend.
        rows: row numbers of shape (batch, K), likewise.

    Returns:
        Inputs of shape (batch, K, F), targets (batch, K, D) and weights (batch, K).
    """
    batch = data.inputs[rows], data.targets[rows, np.arange(data.targets.shape[1])]
    if data.weight is None:
        return batch if data.position_weight is None else (*batch, data.position_weight)
    weight = data.weight[rows]
    return (*batch, weight if data.position_weight is None else data.position_weight * weight)


def rows_per_kind(share: Array, batch_size: int) -> tuple[int, int]:
    """How many rows of a batch are complete, and how many have gaps.

    Args:
        share: of complete rows and of rows with gaps in the rows of each member, shape (2, K).
        batch_size: rows of a batch; at least 2 are taken if there are rows of both kinds.

    Returns:
        Two numbers, about in proportion to the shares in the mean over members.
    """
    mean = share[0].mean()
    mixed = 0 < mean < 1
    batch_size = max(batch_size, 2) if mixed else batch_size  # one row of each kind
    at_most = batch_size - 1 if mixed else batch_size
    complete = int(np.clip(round(mean * batch_size), int(mixed), at_most))
    return complete, batch_size - complete


def position_weights(share: Array, complete: int, gaps: int) -> NDArray[np.float32] | None:
    """By how much the row at each position of a batch counts, so that kinds count by their share.

    Args:
        share: as for `rows_per_kind`.
        complete: complete rows of a batch, which come first.
        gaps: rows of a batch that have gaps.

    Returns:
        Array of shape (complete + gaps, K); None if there is one kind of rows only.
    """
    if not complete or not gaps:
        return None
    kinds = zip(share * (complete + gaps), (complete, gaps), strict=True)
    each = [np.broadcast_to(part / size, (size, len(part))) for part, size in kinds]
    return np.concatenate(each).astype(np.float32)


class Source(ABC):
    """Where the rows that members train on come from.

    Complete rows come first, rows with gaps behind them, as many of each in every batch, so that
    shapes are fixed and complete rows keep their fast path.

    Attributes:
        complete: rows of each batch that are complete, for every member.
        gaps: rows of each batch that have gaps.
        scale_tril: B, by which a complete row y = B z is whitened, shape (members, D, D).
    """

    complete: int
    gaps: int
    scale_tril: Array

    @abstractmethod
    def draw(self, at_most: int) -> Chunk:
        """The next steps, from one to `at_most` of them; each member goes on where it was.

        For 0 there are none, of the same shapes, where the rows are in memory.
        """

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """How far each member has come, for `restore`."""

    @abstractmethod
    def restore(self, snapshot: Snapshot) -> None:
        """Draw on from where each member was when the snapshot was taken."""


class Batches(Source):
    """Batches of rows in memory: each member walks through its own rows in its own order.

    Complete rows and rows with gaps are in every batch in about their share of all rows; weights
    make up for the rounding of these numbers.

    Args:
        data: N rows for K members.
        whitened: their targets, in the units of each member's linear start.
        batch_size: rows per member and batch; at least 2 if there are rows of both kinds.
        generator: source of randomness.
    """

    def __init__(
        self,
        data: TrainingData,
        whitened: Whitened,
        batch_size: int,
        generator: np.random.Generator,
    ) -> None:
        training = data.folds.trains
        self.scale_tril = whitened.scale_tril
        self.generator = generator
        whole = [rows[whitened.complete[rows]] for rows in training]
        gaps = [rows[~whitened.complete[rows]] for rows in training]
        counts = np.array([[len(rows) for rows in whole], [len(rows) for rows in gaps]])
        share = counts / counts.sum(axis=0)  # (2, K): complete, with gaps
        everywhere = processes.summed(counts.astype(np.float64))  # all processes must have the same
        self.complete, self.gaps = rows_per_kind(everywhere / everywhere.sum(axis=0), batch_size)
        self.walks = []
        for kind, size in zip((whole, gaps), (self.complete, self.gaps), strict=True):
            if size == 0:
                continue
            # a member without rows of this kind gets others, and their weight is 0
            filled = [own if len(own) else rows for own, rows in zip(kind, training, strict=True)]
            self.walks.append([_Walk(rows, size, generator) for rows in filled])
        position_weight = position_weights(share, self.complete, self.gaps)
        uneven = data.uneven_weight
        weight = None if uneven is None else uneven.astype(np.float32)
        rows = BatchRows(
            compilation.padded(data.inputs.matrix),
            compilation.padded(whitened.y),
            None if weight is None else compilation.padded(weight),
            position_weight,
        )
        self.data = placed(rows)

    def draw(self, at_most: int) -> Chunk:
        """The next steps, exactly `at_most` of them."""
        drawn = [[walk.draw(at_most) for walk in kind] for kind in self.walks]
        order = np.concatenate([np.stack(kind, axis=-1) for kind in drawn], axis=1)
        return Chunk(self.data, order.astype(np.int32))

    def snapshot(self) -> Snapshot:
        """The rows that each walk has left of its pass, and the state of the generator."""
        walks = [walk for kind in self.walks for walk in kind]
        left = {f"left_{number:03d}": walk.left for number, walk in enumerate(walks)}
        return Snapshot({"generator": self.generator.bit_generator.state}, left)

    def restore(self, snapshot: Snapshot) -> None:
        """See `Source`."""
        manifest, left = snapshot
        self.generator.bit_generator.state = manifest["generator"]
        walks = [walk for kind in self.walks for walk in kind]
        for number, walk in enumerate(walks):
            walk.left = left[f"left_{number:03d}"]


class _Walk:
    """The rows of one member and kind in random order, pass after pass, in parts of `size` rows."""

    def __init__(self, rows: Rows, size: int, generator: np.random.Generator) -> None:
        self.rows, self.size, self.generator = rows, size, generator
        self.left = rows[:0]

    def draw(self, batches: int) -> Rows:
        """The next rows, shape (batches, size), from the next pass where this one ends."""
        needed = batches * self.size
        passes = [self.left]
        while sum(map(len, passes)) < needed:
            passes.append(self.generator.permutation(self.rows))
        joined = np.concatenate(passes)
        self.left = joined[needed:]
        return joined[:needed].reshape(batches, self.size)
