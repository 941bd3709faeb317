"""Batches whose regions, intervals and quantiles may go by rows of known outcome."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from covey.distributions.batch import Batch, names_targets, row_index
from covey.distributions.empirical import SLACK, Reach
from covey.distributions.joint import Joint
from covey.distributions.radial import RadialLaw
from covey.distributions.reference import ROUNDING, Reference, score, squares_at
from covey.distributions.scale_matrix import ScaleMatrix
from covey.distributions.steps import Step
from covey.errors import warn
from covey.types import Array, Mask

Counts = NDArray[np.intp]


class Calibrated(Batch, Joint):
    """N distributions with a law of distances, which rows of known outcome may stand in for.

    Attributes:
        mean: shape (N, D), in target units.
        targets: D names.
    """

    mean: Array
    _calibration_set: Reference | None = None  # rows of known outcome, if a fitted model gave any

    @property
    @abstractmethod
    def _scale(self) -> ScaleMatrix:
        """The scale matrices of the N rows."""

    @property
    @abstractmethod
    def _radial(self) -> RadialLaw:
        """The radial law of the N rows."""

    def _squares(self, values: Array) -> tuple[Array, Counts]:
        """|z|^2 of what is observed, and of how many targets that is, each of shape (N,)."""
        _, squares, count = self._scale.distance(values - self.mean)
        return squares, count

    def calibrated_by(self, reference: Reference | None) -> Self:
        """The same distributions, with regions and intervals that reach as far as others came.

        Args:
            reference: rows whose outcome is known, over the same targets; None for none.

        Returns:
            A new batch, which shares its arrays with this one.
        """
        joint = self._with(self.targets)
        joint.__dict__["_calibration_set"] = reference
        return joint

    @property
    def calibration(self) -> str:
        """What `region` and `interval` go by: "model", "out_of_fold" or "conformal"."""
        return "model" if self._calibration_set is None else self._calibration_set.method

    def _asked(self, joint: Self, step: Step) -> Self:
        """Hand the reference rows over to what came out of a step that they take too."""
        if self._calibration_set is not None:
            joint.__dict__["_calibration_set"] = self._calibration_set.then(step)
        return joint

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """One batch out of several over the same targets, in order.

        Where all parts go by the same rows of known outcome, asked the same, so does the whole.
        Else it goes by the model, and says so.

        Args:
            parts: at least one batch of this kind.

        Returns:
            A batch of all their rows.

        Raises:
            InputError: there is no part, or they differ in kind or targets.
        """
        joint = cls._joined(parts)
        some = [part for part in parts if len(part)] or list(parts)
        references = [part._calibration_set for part in some]
        if any(reference is not None for reference in references):
            shared = Reference.shared(references, [len(part) for part in some])
            if shared is None:
                kinds = sorted({part.calibration for part in some})
                warn(
                    "The parts are calibrated by different rows, or were asked other things, so "
                    "that no calibration holds for all: regions, intervals and quantiles of the "
                    f"whole go by the model alone. Received parts that go by {kinds}. To keep the "
                    "calibration, concatenate predictions of one model, or ask the parts."
                )
            joint.__dict__["_calibration_set"] = shared
        return joint

    def __getitem__(self, rows: Any) -> Self:
        """The distributions of some rows; an integer gives a batch of length 1.

        A name, or a list of names, gives the `marginal` of these targets.
        """
        if names_targets(rows):
            return self.marginal(rows)
        joint = super().__getitem__(rows)
        if self._calibration_set is not None:
            index = row_index(rows, len(self))
            joint.__dict__["_calibration_set"] = self._calibration_set.of_rows(index)
        return joint

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_calibration_set" in state:
            self.__dict__["_calibration_set"] = state["_calibration_set"]

    def _calibrated_radius(self, level: float, present: Mask | None = None) -> Array | None:
        if self._calibration_set is None:
            return None
        asked, reach = self._unknown(present), np.zeros(len(self))
        for rows, law in self._calibration_set.laws(asked):
            reach[rows] = law.at(level)
            if law.lacks(level):
                self._say_too_few(level, asked[rows[0]], law)
        count = asked.sum(axis=1)
        squares = squares_at(reach, self._radial.squared_distance(np.maximum(count, 1)))
        return np.where(count > 0, np.sqrt(squares / self._radial.covariance_ratio), 0.0)

    def _say_too_few(self, level: float, part: Mask, law: Reach) -> None:
        if self._calibration_set is None or self._calibration_set.said:
            return
        self._calibration_set.said.append(level)
        names = [name for name, asked in zip(self.targets, part, strict=True) if asked]
        needed = int(np.ceil(level / (1 - level) - SLACK))
        warn(
            f"Of the rows to calibrate on {len(law.whole.scores)} hold all of {names}, and a "
            f"region of level {level:g} takes {needed} to keep its promise. So all "
            f"{len(law.some.scores)} rows count by what they hold: beyond level "
            f"{law.whole.most:.2g} regions are right for rows with such gaps alone. Calibrate on "
            "more complete rows, or ask for a lower level or for fewer targets. (Said once, of "
            "the first such region.)"
        )

    def _calibrated_half_widths(self, level: float, tail: float) -> Array | None:
        if self._calibration_set is None:
            return None
        reach = np.zeros(self._shape)
        for rows, target, law in self._calibration_set.laws_of_each(~self.observed):
            reach[rows, target] = law.at(level, tail)
        radial = self._radial.squared_distance(np.ones(len(self), dtype=np.intp))
        half = np.sqrt([squares_at(column, radial) for column in reach.T]).T
        half *= self._scale.root_diagonal
        return np.where(self.observed, 0.0, half)

    def _calibrated_level(self, values: Array) -> Array | None:
        if self._calibration_set is None:
            return None
        level = np.full(len(self), np.nan)
        squares, count = self._squares(values)
        far = score(squares / (1 + ROUNDING), self._radial.squared_distance(np.maximum(count, 1)))
        for rows, law in self._calibration_set.laws(~np.isnan(values)):
            level[rows] = law.level_of(far[rows])
        return level

    def _calibrated_cdf(self, values: Array) -> Array | None:
        if self._calibration_set is None:
            return None
        present = ~np.isnan(values)
        shift = np.where(present, values, self.mean) - self.mean
        scale = np.where(self.observed, 1.0, self._scale.root_diagonal)
        squares = np.square(shift / scale) / (1 + ROUNDING)
        radial = self._radial.squared_distance(np.ones(len(self), dtype=np.intp))
        far = np.stack([score(column, radial) for column in squares.T], axis=1)
        level = np.zeros(self._shape)
        for rows, target, law in self._calibration_set.laws_of_each(present):
            level[rows, target] = law.level_of(far[rows, target])
        return np.where(present, (1 + np.sign(shift) * level) / 2, np.nan)

    def _unknown(self, present: Mask | None) -> Mask:
        """The targets asked for that are not known exactly, shape (N, D)."""
        return ~self.observed if present is None else present & ~self.observed
