"""Batches for members who train side by side, each on its own rows in its own order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from covey.backend.compilation import placed, summed
from covey.start.whitening import Whitened
from covey.types import Array, Rows


class Data(NamedTuple):
    """Rows to train on.

    Attributes:
        inputs: shape (R, F).
        targets: of each member, shape (R, K, D).
        weight: sample weights, shape (R,), or None.
        slot_weight: by which each place of a batch counts, shape (batch, K), or None.
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]
    weight: NDArray[np.float32] | None
    slot_weight: NDArray[np.float32] | None


class Stretch(NamedTuple):
    """Some training steps.

    Attributes:
        data: rows, as `covey.backend.compilation.placed` gives them: on the device already.
        order: which of them are in each batch, shape (steps, batch, K).
    """

    data: Data
    order: NDArray[np.int32]


def gather(data: Data, rows: Any) -> tuple[Any, ...]:
    """A batch as Keras takes it: (inputs, targets) or (inputs, targets, weight).

    Args:
        data: arrays, of NumPy or of the engine.
        rows: row numbers of shape (batch, K), likewise.

    Returns:
        Inputs of shape (batch, K, F), targets (batch, K, D) and weights (batch, K).
    """
    batch = data.inputs[rows], data.targets[rows, np.arange(data.targets.shape[1])]
    if data.weight is None:
        return batch if data.slot_weight is None else (*batch, data.slot_weight)
    weight = data.weight[rows]
    return (*batch, weight if data.slot_weight is None else data.slot_weight * weight)


def places(share: Array, batch_size: int) -> tuple[int, int]:
    """How many places of a batch are for complete rows, and how many for rows with gaps.

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


def slot_weights(share: Array, complete: int, gaps: int) -> NDArray[np.float32] | None:
    """By how much each place of a batch counts, so that both kinds count by their share of rows.

    Args:
        share: as for `places`.
        complete: places for complete rows.
        gaps: places for rows with gaps.

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
        scale_tril: K, by which a complete row y = K z is whitened, shape (members, D, D).
    """

    complete: int
    gaps: int
    scale_tril: Array

    @abstractmethod
    def draw(self, at_most: int) -> Stretch:
        """The next steps, at least one of them; going on where each member was."""

    @abstractmethod
    def snapshot(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """(what JSON can hold, arrays): how far each member has come, for `restore`."""

    @abstractmethod
    def restore(self, snapshot: tuple[dict[str, Any], dict[str, NDArray[Any]]]) -> None:
        """Go on from there."""


class Batches(Source):
    """Batches of rows in memory: each member walks through its own rows in its own order.

    Complete rows and rows with gaps are in every batch in about their share of all rows; weights
    make up for the rounding of these numbers.

    Args:
        inputs: array of shape (N, F).
        whitened: targets of N rows for K members.
        training: for each member, the rows it trains on.
        sample_weight: array of shape (N,), or None.
        batch_size: rows per member and batch; at least 2 if there are rows of both kinds.
        generator: source of randomness.
    """

    def __init__(
        self,
        inputs: NDArray[np.float32],
        whitened: Whitened,
        training: Sequence[Rows],
        sample_weight: Array | None,
        batch_size: int,
        generator: np.random.Generator,
    ) -> None:
        self.scale_tril = whitened.scale_tril
        self.generator = generator
        whole = [rows[whitened.complete[rows]] for rows in training]
        gaps = [rows[~whitened.complete[rows]] for rows in training]
        counts = np.array([[len(rows) for rows in whole], [len(rows) for rows in gaps]])
        share = counts / counts.sum(axis=0)  # (2, K): complete, with gaps
        everywhere = summed(counts.astype(np.float64))  # all processes must have the same places
        self.complete, self.gaps = places(everywhere / everywhere.sum(axis=0), batch_size)
        self.streams = []
        for kind, size in zip((whole, gaps), (self.complete, self.gaps), strict=True):
            if size == 0:
                continue
            # a member without rows of this kind gets others, and their weight is 0
            filled = [own if len(own) else rows for own, rows in zip(kind, training, strict=True)]
            self.streams.append([_Stream(rows, size, generator) for rows in filled])
        slot_weight = slot_weights(share, self.complete, self.gaps)
        weight = None if sample_weight is None else sample_weight.astype(np.float32)
        self.data = placed(Data(inputs, whitened.y, weight, slot_weight))

    def draw(self, at_most: int) -> Stretch:
        """The next steps, exactly so many of them."""
        drawn = [[own.draw(at_most) for own in kind] for kind in self.streams]
        order = np.concatenate([np.stack(kind, axis=-1) for kind in drawn], axis=1)
        return Stretch(self.data, order.astype(np.int32))

    def snapshot(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Where each member is in its permutation, and the source of the next ones."""
        every = [own for kind in self.streams for own in kind]
        left = {f"left_{number:03d}": own.left for number, own in enumerate(every)}
        return {"generator": self.generator.bit_generator.state}, left

    def restore(self, snapshot: tuple[dict[str, Any], dict[str, NDArray[Any]]]) -> None:
        """Go on from there."""
        manifest, left = snapshot
        self.generator.bit_generator.state = manifest["generator"]
        every = [own for kind in self.streams for own in kind]
        for number, own in enumerate(every):
            own.left = left[f"left_{number:03d}"]


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
