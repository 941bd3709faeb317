"""What has been asked of a batch, to ask rows of known outcome the same.

Each step acts on a `Reference`, and may differ from row to row of the batch: which targets a row
was told, or a matrix of its own. `marks` tell such rows apart.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, final

import numpy as np

from covey.types import Array, Mask


class Step(ABC):
    """One thing that was asked of all N rows of a batch."""

    @abstractmethod
    def of(self, reference: Any) -> Any:
        """A `Reference` asked the same as the first row of the batch was."""

    def marks(self, n_rows: int) -> Mask:
        """What tells rows apart that were asked other things, shape (N, ...)."""
        return np.zeros((n_rows, 0), dtype=bool)

    def of_rows(self, index: Any) -> Step:
        """The step for some of the rows."""
        return self

    @property
    @abstractmethod
    def key(self) -> bytes:
        """What was asked of the first row, as a key to remember answers by."""

    @abstractmethod
    def after(self, step: Step) -> list[Step]:
        """Both, `step` being the one before: one step where they make one."""

    @abstractmethod
    def joined(self, steps: Sequence[Any], sizes: Sequence[int]) -> Step | None:
        """One step for the rows of several batches, this being the first; None if there is none."""


@final
@dataclass(frozen=True, eq=False)
class Kept(Step):
    """Some targets are kept, the others left out: their positions, in the order wanted."""

    positions: list[int]

    def of(self, reference: Any) -> Any:
        """The same asked of reference rows."""
        joint, values = reference.joint, reference.values
        return replace(
            reference, joint=joint._marginal(self.positions), values=values[:, self.positions]
        )

    @property
    def key(self) -> bytes:
        """The positions."""
        return np.array(self.positions).tobytes()

    def after(self, step: Step) -> list[Step]:
        """Of some of the targets some."""
        if isinstance(step, Kept):
            return [Kept([step.positions[position] for position in self.positions])]
        return [step, self]

    def joined(self, steps: Sequence[Any], sizes: Sequence[int]) -> Step | None:
        """Itself, where all batches kept the same targets."""
        same = all(isinstance(s, Kept) and s.positions == self.positions for s in steps)
        return self if same else None


@final
@dataclass(frozen=True, eq=False)
class Combined(Step):
    """The targets y are replaced by A y, A of shape (1, M, D) for all rows, or (N, M, D)."""

    matrix: Array

    @classmethod
    def by(cls, matrix: Array) -> Self:
        """The step of some matrices, which may all be the same."""
        same = len(matrix) > 1 and bool((matrix == matrix[:1]).all())
        return cls(matrix[:1] if same else matrix)

    def of(self, reference: Any) -> Any:
        """The same asked of reference rows; a target that is not observed takes others along."""
        matrix, values = self.matrix[0], reference.values
        names = tuple(f"y{number}" for number in range(len(matrix)))
        joint = reference.joint._mapped(matrix[None], np.zeros(len(matrix)), names)
        lacking = np.isnan(values).astype(float) @ (matrix != 0).T > 0
        combined = np.where(lacking, np.nan, np.nan_to_num(values) @ matrix.T)
        return replace(reference, joint=joint, values=combined)

    def marks(self, n_rows: int) -> Mask:
        """The bits of the matrices, where each row has its own."""
        if len(self.matrix) == 1:
            return super().marks(n_rows)
        flat = np.ascontiguousarray(self.matrix).reshape(n_rows, -1 if n_rows else 0)
        return np.unpackbits(flat.view(np.uint8), axis=1).astype(bool)

    def of_rows(self, index: Any) -> Step:
        """The matrices of some rows."""
        return self if len(self.matrix) == 1 else Combined(self.matrix[index])

    @property
    def key(self) -> bytes:
        """The matrix of the first row."""
        return self.matrix[0].tobytes()

    def after(self, step: Step) -> list[Step]:
        """Both: a combination has no step to go into."""
        return [step, self]

    def joined(self, steps: Sequence[Any], sizes: Sequence[int]) -> Step | None:
        """The matrices of all rows, or the one that all have."""
        if not all(isinstance(s, Combined) for s in steps):
            return None
        if all(np.array_equal(s.matrix, steps[0].matrix) and len(s.matrix) == 1 for s in steps):
            return self
        each = [
            np.broadcast_to(s.matrix, (size, *s.matrix.shape[1:]))
            for s, size in zip(steps, sizes, strict=True)
        ]
        return Combined(np.concatenate(each))


@final
@dataclass(frozen=True, eq=False)
class Told(Step):
    """Some targets were observed: which of them in each row, shape (N, D)."""

    pattern: Mask

    def of(self, reference: Any) -> Any:
        """What the first row was told is told to the reference rows that hold it."""
        pattern, values, weight = self.pattern[0], reference.values, reference.weight
        hold = ~np.isnan(values[:, pattern]).any(axis=1)
        joint, values = reference.joint[hold], values[hold]
        return replace(
            reference,
            joint=joint._conditional(np.where(pattern & ~joint.observed, values, np.nan)),
            values=values,
            weight=None if weight is None else weight[hold],
        )

    def marks(self, n_rows: int) -> Mask:
        """Which targets each row was told."""
        return self.pattern

    def of_rows(self, index: Any) -> Step:
        """What some rows were told."""
        return Told(self.pattern[index])

    @property
    def key(self) -> bytes:
        """What the first row was told."""
        return self.pattern[0].tobytes()

    def after(self, step: Step) -> list[Step]:
        """What was told in two steps is as if told at once."""
        return [Told(step.pattern | self.pattern)] if isinstance(step, Told) else [step, self]

    def joined(self, steps: Sequence[Any], sizes: Sequence[int]) -> Step | None:
        """What the rows of all batches were told."""
        if not all(isinstance(s, Told) for s in steps):
            return None
        return Told(np.concatenate([s.pattern for s in steps]))


def joined(batches: Sequence[tuple[Step, ...]], sizes: Sequence[int]) -> list[Step] | None:
    """The steps of the rows of several batches over the same targets, one after another.

    Args:
        batches: the steps of each.
        sizes: how many rows each has.

    Returns:
        Steps for all their rows; None where they were asked things that do not go together.
    """
    aligned = _aligned(batches, sizes)
    if len({len(steps) for steps in aligned}) > 1:
        return None
    found = [steps[0].joined(steps, sizes) for steps in zip(*aligned, strict=True)]
    return None if any(step is None for step in found) else [s for s in found if s is not None]


def _aligned(batches: Sequence[tuple[Step, ...]], sizes: Sequence[int]) -> list[list[Step]]:
    """The same, where a batch that was told nothing says so as long as another was told something.

    A batch of no rows, or one that was not told, differs from others in nothing else.
    """
    rows = [list(steps) for steps in batches]
    at = 0
    while any(at < len(steps) for steps in rows):
        here = [steps[at] if at < len(steps) else None for steps in rows]
        widths = {step.pattern.shape[1] for step in here if isinstance(step, Told)}
        for steps, step, size in zip(rows, here, sizes, strict=True):
            if widths and not isinstance(step, Told):
                nothing: Mask = np.zeros((size, max(widths)), dtype=np.bool_)
                steps.insert(at, Told(nothing))
        at += 1
    return rows
