"""A uniform sample of bounded size, of rows that are read piece by piece."""

from __future__ import annotations

from typing import Any

import numpy as np

from covey.stream.hashes import Keys
from covey.types import Rows


class Reservoir:
    """The rows with the smallest keys of all that were added.

    With random keys that is a uniform sample without replacement. Which rows it holds does not
    depend on the order in which they are added, nor in which pieces.

    Args:
        capacity: rows that are kept.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.limit = np.iinfo(np.uint64).max
        self.keys: list[Keys] = []
        self.numbers: list[Rows] = []
        self.pieces: list[Any] = []
        self.held = 0

    def add(self, keys: Keys, numbers: Rows, table: Any) -> None:
        """Take those of some rows that belong into the sample.

        Args:
            keys: random numbers of N rows, distinct.
            numbers: of these rows, shape (N,).
            table: the rows, a `pyarrow.Table`.
        """
        low = np.flatnonzero(keys <= self.limit)
        if not len(low):
            return
        self.keys.append(keys[low])
        self.numbers.append(numbers[low])
        self.pieces.append(table.take(low))
        self.held += len(low)
        if self.held > 2 * self.capacity:
            self._shrink()

    def rows(self) -> tuple[Rows, Any]:
        """The sample: numbers of its rows, ascending, and the rows as a `pyarrow.Table`."""
        self._shrink()
        order = np.argsort(self.numbers[0], kind="stable")
        return self.numbers[0][order], self.pieces[0].take(order)

    def _shrink(self) -> None:
        import pyarrow as pa

        keys, numbers = np.concatenate(self.keys), np.concatenate(self.numbers)
        table = pa.concat_tables(self.pieces, promote_options="permissive")
        if len(keys) > self.capacity:
            self.limit = np.partition(keys, self.capacity - 1)[self.capacity - 1]
            low = np.flatnonzero(keys <= self.limit)
            keys, numbers, table = keys[low], numbers[low], table.take(low)
        self.keys, self.numbers, self.pieces = [keys], [numbers], [table]
        self.held = len(keys)
