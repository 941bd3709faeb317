"""Rows for training, streamed: a shuffle buffer on the device while the next one is filled."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from covey.backend.compilation import placed
from covey.members.batches import (
    BatchRows,
    Chunk,
    Source,
    position_weights,
    rows_per_kind,
)
from covey.rows.training_table import network_inputs
from covey.start.rounding import Rounding
from covey.start.whitener import Whitener
from covey.start.whitening import LEAST_COMPLETE
from covey.stream.dataset import ParquetTable
from covey.stream.first_pass import FirstPass
from covey.stream.hash_folds import HashFolds
from covey.stream.rows import Roles, TrainingRows
from covey.types import Array, Groups, Mask, Rows, Snapshot

MOST_ROWS = 2**17  # of a buffer
MOST_BYTES = 2**26  # of a buffer


class Position(NamedTuple):
    """Where a buffer begins.

    Attributes:
        number: of the pass.
        row: of its rows, how many were read before.
    """

    number: int
    row: int


class Streamed(Source):
    """Batches from a buffer of rows that is replaced when each member has walked through it.

    A background thread reads, encodes and whitens the rows of the next buffer. Rows of one buffer
    come from row groups all over the files, and each member walks through its own rows of it in an
    order of its own. What is drawn follows from the position of the buffer alone, so that a
    training can go on from there.

    Args:
        table: the files.
        roles: which columns are what.
        folds: which member holds out which rows.
        first_pass: what is known of all rows.
        batch_size: rows per member and batch; at least 2 if there are rows of both kinds.
        seed: of all orders.
        most_rows: of a buffer.
        rounding: of the targets, where noise as wide is to be added; None for no noise.
    """

    def __init__(
        self,
        table: ParquetTable,
        roles: Roles,
        folds: HashFolds,
        first_pass: FirstPass,
        batch_size: int,
        seed: int,
        most_rows: int = MOST_ROWS,
        rounding: Rounding | None = None,
    ) -> None:
        self.table, self.roles, self.folds, self.first_pass = table, roles, folds, first_pass
        self.seed, self.rounding = seed, rounding
        self.whitener = Whitener(first_pass.linear)
        self.scale_tril = self.whitener.factors
        share = first_pass.complete / first_pass.training
        # with few complete rows none is whitened, as in `Whitened.under`
        if not first_pass.complete.all() or share.mean() < LEAST_COMPLETE:
            share = np.zeros_like(share)
        self.whiten = bool(share.any())
        self.complete, self.gaps = rows_per_kind(np.stack([share, 1 - share]), batch_size)
        k, d = self.whitener.shape
        width = 4 * (first_pass.inputs.shape[1] + k * d + 2)
        self.size = min(most_rows, max(MOST_BYTES // width, 1024), first_pass.rows)
        self.position, self.taken = Position(0, 0), 0
        self.buffers: Iterator[_Buffer] | None = None
        self.reader = ThreadPoolExecutor(1, thread_name_prefix="covey-reader")
        self.next: Future[_Buffer] | None = None
        self.buffer: _Buffer | None = None

    def draw(self, at_most: int) -> Chunk:
        """The next steps; fewer than wanted at the end of a buffer."""
        while self.buffer is None or self.taken == len(self.buffer.order):
            if self.buffer is not None:
                self.taken = 0
            self.buffer = None  # let go of it before the next one is placed
            found = self._read()
            self.buffer = found._replace(data=placed(found.data))
            self.position = found.position
        order = self.buffer.order[self.taken : self.taken + at_most]
        self.taken += len(order)
        return Chunk(self.buffer.data, order)

    def snapshot(self) -> Snapshot:
        """Where the buffer began, and how many of its batches were drawn."""
        return Snapshot({"source": [*self.position, self.taken]}, {})

    def restore(self, snapshot: Snapshot) -> None:
        """See `Source`."""
        number, row, taken = snapshot.manifest["source"]
        self.close()
        self.position, self.taken, self.buffer = Position(number, row), taken, None
        self.reader = ThreadPoolExecutor(1, thread_name_prefix="covey-reader")

    def close(self) -> None:
        """Stop reading, and let all rows go."""
        import pyarrow as pa

        self.reader.shutdown(wait=True, cancel_futures=True)
        self.buffers = self.next = self.buffer = None
        pa.default_memory_pool().release_unused()

    def _read(self) -> _Buffer:
        if self.buffers is None:
            self.buffers = self._filled(self.position)
            self.next = self.reader.submit(next, self.buffers)
        assert self.next is not None
        found = self.next.result()
        self.next = self.reader.submit(next, self.buffers)
        return found

    def _filled(self, position: Position) -> Iterator[_Buffer]:
        """Buffers from a position on, without end."""
        number, skip = position
        filling = None
        while True:
            before = skip
            columns = self.roles.columns
            for numbers, part in self.table.shuffled(columns, self.seed, number, skip):
                rows = TrainingRows.of(numbers, part, self.roles, self.folds)
                read = _Read.of(rows, self.first_pass, self.roles)
                taken = 0
                while taken < len(rows):
                    if filling is None:
                        place = Position(number, before + int(rows.place[taken]))
                        filling = _Filling(place, self.size, read)
                    taken += filling.add(read, taken)
                    if filling.full:
                        yield self._buffer(filling)
                        filling = None
                before += len(numbers)
            number, skip = number + 1, 0

    def _buffer(self, filling: _Filling) -> _Buffer:
        rows = filling.read
        k, d = self.whitener.shape
        complete = np.asarray(~np.isnan(rows.Y).any(axis=1) & self.whiten)
        # one row more, of weight 0, for places that no row fits
        inputs = np.zeros((self.size + 1, rows.inputs.shape[1]), dtype=np.float32)
        inputs[:-1] = rows.inputs
        targets = np.zeros((self.size + 1, k, d), dtype=np.float32)
        Y = rows.Y
        if self.rounding is not None:
            Y = self.rounding.spread(Y, np.random.default_rng([self.seed, 2, *filling.position]))
        targets[:-1] = self.whitener(rows.inputs, Y, complete)
        weight = None
        if rows.weight is not None:
            weight = np.append(rows.weight / self.first_pass.mean_weight, 0.0).astype(np.float32)
        own = ~self.folds.held_out[:, rows.fold]
        kinds = own & complete, own & ~complete
        counts = np.array([kind.sum(axis=1) for kind in kinds])
        total = np.maximum(counts.sum(axis=0), 1)
        sizes = self.complete, self.gaps
        steps = max(int(total.mean()) // sum(sizes), 1)
        generator = np.random.default_rng([self.seed, *filling.position])
        order = np.concatenate(
            [
                np.stack([self._walk(of, steps, size, generator) for of in kind], axis=-1)
                for kind, size in zip(kinds, sizes, strict=True)
            ],
            axis=1,
        )
        position_weight = position_weights(counts / total, *sizes)
        if self.roles.groups is not None or self.folds.together:
            # a member that holds out most rows here, of a large group or near in time, has few
            # others, and sees them often
            often = np.minimum(counts.sum(axis=0) / (steps * sum(sizes)), 1.0).astype(np.float32)
            every = np.ones((sum(sizes), k), dtype=np.float32)
            position_weight = (every if position_weight is None else position_weight) * often
        data = BatchRows(inputs, targets, weight, position_weight)
        return _Buffer(filling.position, data, order.astype(np.int32))

    def _walk(self, own: Mask, steps: int, size: int, generator: np.random.Generator) -> Rows:
        """The rows of a member and kind in random order, shape (steps, size)."""
        rows = np.flatnonzero(own)
        if not len(rows):
            return np.full((steps, size), self.size)
        walks = -(-steps * size // len(rows))
        joined = [generator.permutation(rows) for _ in range(walks)]
        return np.concatenate([rows[:0], *joined])[: steps * size].reshape(steps, size)


class _Buffer(NamedTuple):
    """A buffer to train on."""

    position: Position
    data: Any
    order: NDArray[np.int32]


@dataclass(frozen=True)
class _Read:
    """Rows that were read and encoded."""

    inputs: NDArray[np.float32]
    Y: Array
    weight: Array | None
    fold: Groups

    @classmethod
    def of(cls, rows: TrainingRows, first_pass: FirstPass, roles: Roles) -> _Read:
        frame = rows.frame(roles.features)
        inputs = network_inputs(first_pass.schema, frame, True, training=True)
        return cls(inputs, rows.Y, rows.weight, rows.fold)

    @property
    def arrays(self) -> list[NDArray[Any]]:
        every = (self.inputs, self.Y, self.weight, self.fold)
        return [array for array in every if array is not None]


class _Filling:
    """A buffer that is being filled."""

    def __init__(self, position: Position, size: int, like: _Read) -> None:
        self.position, self.size, self.held = position, size, 0
        empty = [np.empty((size, *a.shape[1:]), dtype=a.dtype) for a in like.arrays]
        inputs, Y, *weight, fold = empty
        self.read = _Read(inputs, Y, weight[0] if weight else None, fold)

    @property
    def full(self) -> bool:
        return self.held == self.size

    def add(self, read: _Read, first: int) -> int:
        """Add rows from the first one on; returns how many fitted in."""
        count = min(self.size - self.held, len(read.Y) - first)
        for mine, theirs in zip(self.read.arrays, read.arrays, strict=True):
            mine[self.held : self.held + count] = theirs[first : first + count]
        self.held += count
        return count
