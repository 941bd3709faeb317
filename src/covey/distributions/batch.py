"""Immutable batches: arrays with one entry per row, names of targets and labels of rows."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeGuard

import numpy as np

from covey.arguments.labels import DISTRIBUTIONS, check_rows
from covey.distributions.immutable import Immutable
from covey.errors import InputError, shown
from covey.types import Array, RowIndex, Rows, Selection

if TYPE_CHECKING:
    import pandas as pd


class Batch(Immutable, ABC):
    """N distributions over the same D named targets, immutable.

    Attributes:
        targets: D names.
        index: row labels, a pandas Index of N, or None.
    """

    targets: tuple[str, ...]
    index: pd.Index | None = None
    _arrays: ClassVar[tuple[str, ...]]  # attributes that hold one entry per row

    @classmethod
    def _trusted(cls, targets: tuple[str, ...], **arrays: Array) -> Self:
        """Build from valid arrays, without checks or copies."""
        self = cls.__new__(cls)
        self._set(targets, arrays)
        return self

    def _set(self, targets: tuple[str, ...], arrays: dict[str, Array]) -> None:
        self.__dict__.update(
            targets=targets, **{name: frozen(arrays[name]) for name in self._arrays}
        )

    def _with(self, targets: tuple[str, ...], **changed: Array) -> Self:
        """The same rows with some of the arrays replaced, and without a calibration set."""
        kept = {name: getattr(self, name) for name in self._arrays}
        return self._trusted(targets, **{**kept, **changed})._labelled(self.index)

    def _labelled(self, index: pd.Index | None) -> Self:
        """The same with other row labels: N of them, or None."""
        if index is self.index:
            return self
        labelled = type(self).__new__(type(self))
        labelled.__dict__.update(self.__dict__, index=index)
        return labelled

    @classmethod
    def _joined(cls, parts: Sequence[Self]) -> Self:
        """Concatenate the arrays; see `Calibrated.concatenate` for calibration."""
        parts = list(parts)
        if not parts or any(type(p) is not cls or p.targets != parts[0].targets for p in parts):
            received = [f"{type(part).__name__} over {list(part.targets)}" for part in parts]
            raise InputError(
                f"Expected one or more {cls.__name__}, all over the same targets. "
                f"Received {shown(received)}."
            )
        arrays = {n: np.concatenate([getattr(part, n) for part in parts]) for n in cls._arrays}
        every = [part.index for part in parts if part.index is not None]
        labels = every[0].append(every[1:]) if len(every) == len(parts) else None
        return cls._trusted(parts[0].targets, **arrays)._labelled(labels)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # a pickled or copied array is writable again
        self._set(state["targets"], state)
        self.__dict__["index"] = state.get("index")

    def __len__(self) -> int:
        return len(getattr(self, self._arrays[0]))

    def __getitem__(self, rows: Selection) -> Self:
        """The distributions of some rows; an integer gives a batch of length 1."""
        index = row_index(rows, len(self), self.index)
        joint = self._trusted(
            self.targets, **{name: getattr(self, name)[index] for name in self._arrays}
        )
        return joint._labelled(None if self.index is None else self.index[index])

    def to_arrays(self) -> dict[str, Array]:
        """The arrays that make up the distributions, by the names of their attributes."""
        return {name: getattr(self, name) for name in self._arrays}


def row_index(rows: Selection, n_rows: int, labels: pd.Index | None = None) -> RowIndex:
    """An index that selects rows and keeps their axis.

    Args:
        rows: an integer, a slice, or a one-dimensional array of integers or booleans.
        n_rows: N.
        labels: of the N rows, or None.

    Returns:
        A slice or an array.

    Raises:
        IndexError: an integer is out of range.
        InputError: `rows` is something else, or booleans with other labels.
    """
    if isinstance(rows, (int, np.integer)) and not isinstance(rows, bool):
        number = range(n_rows)[rows]  # raises IndexError and resolves negative numbers
        return slice(number, number + 1)
    if isinstance(rows, slice):
        return rows
    index = np.asarray(rows if np.size(rows) else [], dtype=None if np.size(rows) else int)
    if index.dtype == object and all(isinstance(each, (bool, np.bool_)) for each in index):
        index = index.astype(np.bool_)  # of a column of pandas or Arrow
    if index.dtype.kind == "b":  # which say something of each row; numbers have labels of their own
        check_rows(labels, rows, "rows", of=DISTRIBUTIONS)
    if index.ndim != 1 or index.dtype.kind not in "biu":
        raise InputError(
            "Rows are selected by an integer, a slice, or a one-dimensional array of "
            f"integers or booleans. Received an array of shape {index.shape} of {index.dtype}."
        )
    return index


def names_targets(key: Any) -> TypeGuard[str | list[str]]:
    """Whether the key in `joint[key]` is a name of a target, or several, and not rows."""
    if isinstance(key, str):
        return True
    several = np.ndim(key) == 1 and not isinstance(key, slice) and len(key) > 0
    return several and all(isinstance(one, str) for one in key)


def evenly(count: int, most: int) -> Rows:
    """At most `most` of the numbers 0 to count - 1, evenly spaced, first and last included."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.intp))


def frozen(array: Array) -> Array:
    """Make an array read-only."""
    array.flags.writeable = False
    return array
