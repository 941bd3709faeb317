"""The operations done on a batch, to do the same on the rows it is calibrated on.

Each operation acts on a `CalibrationSet`, and may differ from row to row of the batch: which
targets a row was conditioned on, or a matrix of its own. `marks` tell such rows apart.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, final

import numpy as np

from covey.types import Array, Mask, RowIndex


class Step(ABC):
    """One operation on all N rows of a batch."""

    @abstractmethod
    def applied_to(self, calibration_set: Any) -> Any:
        """The rows to calibrate on after the operation that was done on the first row of the batch.

        Args:
            calibration_set: a `CalibrationSet`, whose file imports this one.

        Returns:
            A `CalibrationSet`.
        """

    def marks(self, n_rows: int) -> Mask:
        """Bits that differ between rows with different operations, shape (N, ...)."""
        return np.zeros((n_rows, 0), dtype=bool)

    def of_rows(self, index: RowIndex) -> Step:
        """The step for some of the rows."""
        return self

    @property
    @abstractmethod
    def key(self) -> bytes:
        """The operation on the first row, as a key of a cache."""

    @abstractmethod
    def after(self, step: Step) -> list[Step]:
        """This step and the one before, as one step where they make one."""

    @abstractmethod
    def concatenated(self, steps: Sequence[Any], sizes: Sequence[int]) -> Step | None:
        """One step for the rows of several batches, this being the first; None if there is none."""


@final
@dataclass(frozen=True, eq=False)
class Marginalised(Step):
    """The marginal of some targets: their positions, in the order wanted."""

    positions: list[int]

    def applied_to(self, calibration_set: Any) -> Any:
        """The marginals of the calibration rows, and their values of these targets."""
        joint, values = calibration_set.joint, calibration_set.values
        return replace(
            calibration_set,
            joint=joint._marginal(self.positions),
            values=values[:, self.positions],
        )

    @property
    def key(self) -> bytes:
        """The positions."""
        return np.array(self.positions).tobytes()

    def after(self, step: Step) -> list[Step]:
        """A marginal of a marginal is one marginal."""
        if isinstance(step, Marginalised):
            return [Marginalised([step.positions[position] for position in self.positions])]
        return [step, self]

    def concatenated(self, steps: Sequence[Any], sizes: Sequence[int]) -> Step | None:
        """This step, where all batches are marginals of the same targets."""
        same = all(isinstance(s, Marginalised) and s.positions == self.positions for s in steps)
        return self if same else None


@final
@dataclass(frozen=True, eq=False)
class Transformed(Step):
    """The targets y were replaced by A y, A of shape (1, M, D) for all rows, or (N, M, D)."""

    matrix: Array

    @classmethod
    def by(cls, matrix: Array) -> Self:
        """The step of N matrices A, held as one if they are all the same."""
        same = len(matrix) > 1 and bool((matrix == matrix[:1]).all())
        return cls(matrix[:1] if same else matrix)

    def applied_to(self, calibration_set: Any) -> Any:
        """The calibration rows after A; A y is observed where all of its targets are."""
        matrix, values = self.matrix[0], calibration_set.values
        names = tuple(f"y{number}" for number in range(len(matrix)))
        joint = calibration_set.joint._mapped(matrix[None], np.zeros(len(matrix)), names)
        lacking = np.isnan(values).astype(float) @ (matrix != 0).T > 0
        transformed = np.where(lacking, np.nan, np.nan_to_num(values) @ matrix.T)
        return replace(calibration_set, joint=joint, values=transformed)

    def marks(self, n_rows: int) -> Mask:
        """The bits of the matrices, where each row has its own."""
        if len(self.matrix) == 1:
            return super().marks(n_rows)
        flat = np.ascontiguousarray(self.matrix).reshape(n_rows, -1 if n_rows else 0)
        return np.unpackbits(flat.view(np.uint8), axis=1).astype(bool)

    def of_rows(self, index: RowIndex) -> Step:
        """The matrices of some rows."""
        return self if len(self.matrix) == 1 else Transformed(self.matrix[index])

    @property
    def key(self) -> bytes:
        """The matrix of the first row."""
        return self.matrix[0].tobytes()

    def after(self, step: Step) -> list[Step]:
        """Both: of an incomplete row A B y may be observed where B y is not."""
        return [step, self]

    def concatenated(self, steps: Sequence[Any], sizes: Sequence[int]) -> Step | None:
        """The matrices of all rows, or the one that all have."""
        if not all(isinstance(s, Transformed) for s in steps):
            return None
        if all(np.array_equal(s.matrix, steps[0].matrix) and len(s.matrix) == 1 for s in steps):
            return self
        each = [
            np.broadcast_to(s.matrix, (size, *s.matrix.shape[1:]))
            for s, size in zip(steps, sizes, strict=True)
        ]
        return Transformed(np.concatenate(each))


@final
@dataclass(frozen=True, eq=False)
class Conditioned(Step):
    """The rows were conditioned on observed targets: which, in each row, shape (N, D)."""

    given: Mask

    def applied_to(self, calibration_set: Any) -> Any:
        """The calibration rows that have these targets, conditioned on their own values of them."""
        given, values = self.given[0], calibration_set.values
        weight, blocks = calibration_set.weight, calibration_set.blocks
        have = ~np.isnan(values[:, given]).any(axis=1)
        joint, values = calibration_set.joint[have], values[have]
        return replace(
            calibration_set,
            joint=joint._conditional(np.where(given & ~joint.observed, values, np.nan)),
            values=values,
            weight=None if weight is None else weight[have],
            blocks=None if blocks is None else blocks[have],
        )

    def marks(self, n_rows: int) -> Mask:
        """Which targets each row was conditioned on."""
        return self.given

    def of_rows(self, index: RowIndex) -> Step:
        """The targets that some rows were conditioned on."""
        return Conditioned(self.given[index])

    @property
    def key(self) -> bytes:
        """The targets that the first row was conditioned on."""
        return self.given[0].tobytes()

    def after(self, step: Step) -> list[Step]:
        """Conditioning twice is conditioning on all these targets at once."""
        if isinstance(step, Conditioned):
            return [Conditioned(step.given | self.given)]
        return [step, self]

    def concatenated(self, steps: Sequence[Any], sizes: Sequence[int]) -> Step | None:
        """The targets that the rows of all batches were conditioned on."""
        if not all(isinstance(s, Conditioned) for s in steps):
            return None
        return Conditioned(np.concatenate([s.given for s in steps]))


def concatenated(batches: Sequence[tuple[Step, ...]], sizes: Sequence[int]) -> list[Step] | None:
    """The steps of the rows of several batches over the same targets, one batch after another.

    Args:
        batches: the steps of each.
        sizes: how many rows each has.

    Returns:
        Steps for all their rows; None where no sequence of steps stands for all.
    """
    aligned = _aligned(batches, sizes)
    if len({len(steps) for steps in aligned}) > 1:
        return None
    found = [steps[0].concatenated(steps, sizes) for steps in zip(*aligned, strict=True)]
    return None if any(step is None for step in found) else [s for s in found if s is not None]


def _aligned(batches: Sequence[tuple[Step, ...]], sizes: Sequence[int]) -> list[list[Step]]:
    """The steps, with conditioning on no target put in where other batches were conditioned.

    A batch of no rows, or one that was not conditioned, differs from others in nothing else.
    """
    rows = [list(steps) for steps in batches]
    at = 0
    while any(at < len(steps) for steps in rows):
        here = [steps[at] if at < len(steps) else None for steps in rows]
        widths = {step.given.shape[1] for step in here if isinstance(step, Conditioned)}
        for steps, step, size in zip(rows, here, sizes, strict=True):
            if widths and not isinstance(step, Conditioned):
                nothing: Mask = np.zeros((size, max(widths)), dtype=np.bool_)
                steps.insert(at, Conditioned(nothing))
        at += 1
    return rows
