"""Batches whose regions, intervals and quantiles may be calibrated on other rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from covey.distributions.batch import Batch, names_targets, row_index
from covey.distributions.conformal import (
    ROUNDING,
    CalibrationSet,
    nonconformity_score,
    squares_of_score,
)
from covey.distributions.empirical import SLACK, ConformalQuantile
from covey.distributions.joint import Joint
from covey.distributions.radial import RadialLaw
from covey.distributions.scale_matrix import ScaleMatrix
from covey.distributions.steps import Step
from covey.errors import warn
from covey.types import Array, Counts, Mask, Selection


class Calibrated(Batch, Joint):
    """N distributions whose probabilities of distances may be those of a calibration set.

    Attributes:
        mean: shape (N, D), in target units.
        targets: D names.
    """

    mean: Array
    _calibration_set: CalibrationSet | None = None

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

    def calibrated_by(self, calibration_set: CalibrationSet | None) -> Self:
        """The same distributions, with regions and intervals that are calibrated on other rows.

        Args:
            calibration_set: predictions and observed values of other rows, over the same targets;
                None to calibrate on none.

        Returns:
            A new batch, which shares its arrays with this one.
        """
        joint = self._with(self.targets)
        joint.__dict__["_calibration_set"] = calibration_set
        return joint

    @property
    def calibration(self) -> str:
        """What `region` and `interval` are calibrated on: "model", "out_of_fold" or "conformal"."""
        return "model" if self._calibration_set is None else self._calibration_set.method

    def _after(self, step: Step, joint: Self) -> Self:
        """The result of an operation on these distributions, with their calibration set."""
        if self._calibration_set is not None:
            joint.__dict__["_calibration_set"] = self._calibration_set.then(step)
        return joint

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """One batch out of several over the same targets, in order.

        Where all parts are calibrated on the same rows, after the same operations, so is the whole.
        Else it is not calibrated, and a warning says so.

        Args:
            parts: at least one batch of this kind.

        Returns:
            A batch of all their rows.

        Raises:
            InputError: there is no part, or they differ in kind or targets.
        """
        joint = cls._joined(parts)
        some = [part for part in parts if len(part)] or list(parts)
        sets = [part._calibration_set for part in some]
        if any(each is not None for each in sets):
            shared = CalibrationSet.shared(sets, [len(part) for part in some])
            if shared is None:
                kinds = sorted({part.calibration for part in some})
                warn(
                    "The parts are calibrated on different rows, or were conditioned, marginalised "
                    "or transformed in different ways, so that no calibration holds for all: "
                    "regions, intervals and quantiles of the whole are those of the model alone. "
                    f"Received parts with the calibrations {kinds}. To keep the calibration, "
                    "concatenate predictions of one model, or use the parts."
                )
            joint.__dict__["_calibration_set"] = shared
        return joint

    def __getitem__(self, rows: Selection) -> Self:
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
        wanted, scores = self._unknown(present), np.zeros(len(self))
        for rows, quantile in self._calibration_set.quantiles(wanted):
            scores[rows] = quantile.at(level)
            if quantile.needs_partial_rows(level):
                self._warn_of_few_rows(level, wanted[rows[0]], quantile)
        count = wanted.sum(axis=1)
        squares = squares_of_score(scores, self._radial.squared_distance(np.maximum(count, 1)))
        return np.where(count > 0, np.sqrt(squares / self._radial.covariance_ratio), 0.0)

    def _warn_of_few_rows(self, level: float, part: Mask, quantile: ConformalQuantile) -> None:
        if self._calibration_set is None or self._calibration_set.warned:
            return
        self._calibration_set.warned.append(level)
        names = [name for name, wanted in zip(self.targets, part, strict=True) if wanted]
        needed = int(np.ceil(level / (1 - level) - SLACK))
        warn(
            f"A guaranteed region of level {level:g} needs {needed} or more calibration rows in "
            f"which all of {names} are observed. Received {len(quantile.complete.scores)}. So all "
            f"{len(quantile.partial.scores)} rows are used, each by the targets that it has: "
            f"beyond level {quantile.complete.highest_level:.2g} regions hold as often as they "
            "should only for rows with such gaps. Calibrate on more complete rows, or ask for a "
            "lower level or for fewer targets. (This is said once, for the first such region.)"
        )

    def _calibrated_half_widths(self, level: float, tail: float) -> Array | None:
        if self._calibration_set is None:
            return None
        scores = np.zeros(self._shape)
        for rows, target, quantile in self._calibration_set.quantiles_of_each(~self.observed):
            scores[rows, target] = quantile.at(level, tail)
        law = self._radial.squared_distance(np.ones(len(self), dtype=np.intp))
        half = np.sqrt([squares_of_score(column, law) for column in scores.T]).T
        half *= self._scale.root_diagonal
        return np.where(self.observed, 0.0, half)

    def _calibrated_level(self, values: Array) -> Array | None:
        if self._calibration_set is None:
            return None
        level = np.full(len(self), np.nan)
        squares, count = self._squares(values)
        law = self._radial.squared_distance(np.maximum(count, 1))
        scores = nonconformity_score(squares / (1 + ROUNDING), law)
        for rows, quantile in self._calibration_set.quantiles(~np.isnan(values)):
            level[rows] = quantile.level_of(scores[rows])
        return level

    def _calibrated_cdf(self, values: Array) -> Array | None:
        if self._calibration_set is None:
            return None
        present = ~np.isnan(values)
        shift = np.where(present, values, self.mean) - self.mean
        scale = np.where(self.observed, 1.0, self._scale.root_diagonal)
        squares = np.square(shift / scale) / (1 + ROUNDING)
        law = self._radial.squared_distance(np.ones(len(self), dtype=np.intp))
        scores = np.stack([nonconformity_score(column, law) for column in squares.T], axis=1)
        level = np.zeros(self._shape)
        for rows, target, quantile in self._calibration_set.quantiles_of_each(present):
            level[rows, target] = quantile.level_of(scores[rows, target])
        return np.where(present, (1 + np.sign(shift) * level) / 2, np.nan)

    def _unknown(self, present: Mask | None) -> Mask:
        """The wanted targets that are not known exactly, shape (N, D)."""
        return ~self.observed if present is None else present & ~self.observed
