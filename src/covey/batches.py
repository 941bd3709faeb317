"""Batches for members who train side by side, each on its own rows in its own order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from covey.engine import keras
from covey.whitened import Whitened

Rows = NDArray[np.int64]


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of shape (rows, K, ...): each member walks through its own rows in its own order.

    Complete rows come first, rows with gaps behind them, as many of each in every batch, so that
    shapes are fixed and complete rows keep their fast path. Weights make up for the rounding of
    these numbers. One "epoch" of Keras is the stretch between two looks at the held-out rows.

    Args:
        inputs: array of shape (N, F).
        whitened: targets of N rows for K members.
        training: for each member, the rows it trains on.
        sample_weight: array of shape (N,), or None.
        batch_size: rows per member and batch; at least 2 if there are rows of both kinds.
        length: batches per "epoch".
        generator: source of randomness.

    Attributes:
        complete: rows of each batch that are complete, for every member.
        gaps: rows of each batch that have gaps.
    """

    def __init__(
        self,
        inputs: NDArray[np.float32],
        whitened: Whitened,
        training: Sequence[Rows],
        sample_weight: NDArray[np.float64] | None,
        batch_size: int,
        length: int,
        generator: np.random.Generator,
    ) -> None:
        super().__init__(workers=1)
        self.inputs, self.targets = inputs, whitened.y
        self.length, self.generator = length, generator
        self.members = np.arange(len(training))
        whole = [rows[whitened.complete[rows]] for rows in training]
        gaps = [rows[~whitened.complete[rows]] for rows in training]
        counts = np.array([[len(rows) for rows in whole], [len(rows) for rows in gaps]])
        share = counts / counts.sum(axis=0)  # (2, K): complete, with gaps
        mixed = 0 < share[0].mean() < 1
        batch_size = max(batch_size, 2) if mixed else batch_size  # one row of each kind
        at_most = batch_size - 1 if mixed else batch_size
        self.complete = int(np.clip(round(share[0].mean() * batch_size), int(mixed), at_most))
        self.streams, weights = [], []
        self.gaps = batch_size - self.complete
        sizes = self.complete, self.gaps
        for kind, part, size in zip((whole, gaps), share, sizes, strict=True):
            if size == 0:
                continue
            # a member without rows of this kind gets others, and their weight is 0
            filled = [own if len(own) else rows for own, rows in zip(kind, training, strict=True)]
            self.streams.append([_Stream(rows, size, generator) for rows in filled])
            weights.append(np.broadcast_to(part * batch_size / size, (size, len(training))))
        self.slot_weight = np.concatenate(weights).astype(np.float32)
        self.weight = None if sample_weight is None else sample_weight.astype(np.float32)
        self.on_epoch_end()

    def __len__(self) -> int:
        return self.length

    def on_epoch_end(self) -> None:
        """Draw the rows of the next stretch, going on where each member's permutation was."""
        drawn = [[own.draw(self.length) for own in kind] for kind in self.streams]
        self.order = np.concatenate([np.stack(kind, axis=-1) for kind in drawn], axis=1)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], ...]:
        rows = self.order[index]
        batch = self.inputs[rows], self.targets[rows, self.members]
        if self.weight is None:
            return batch if len(self.streams) == 1 else (*batch, self.slot_weight)
        return (*batch, self.slot_weight * self.weight[rows])


class _Stream:
    """Rows in random order, over and over."""

    def __init__(self, rows: Rows, size: int, generator: np.random.Generator) -> None:
        self.rows, self.size, self.generator = rows, size, generator
        self.left = rows[:0]

    def draw(self, batches: int) -> Rows:
        """The next rows, shape (batches, size)."""
        needed = batches * self.size
        stream = [self.left]
        while sum(map(len, stream)) < needed:
            stream.append(self.generator.permutation(self.rows))
        joined = np.concatenate(stream)
        self.left = joined[needed:]
        return joined[:needed].reshape(batches, self.size)
