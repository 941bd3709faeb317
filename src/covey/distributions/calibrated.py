"""Distributions whose regions, intervals and quantiles may be calibrated on other rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Self

import numpy as np

from covey.distributions.conformal import CalibrationSet
from covey.distributions.empirical import SLACK, ConformalQuantile
from covey.distributions.joint import Joint
from covey.distributions.steps import Step
from covey.errors import warn
from covey.types import Array, Mask


class Calibrated(Joint):
    """N distributions whose regions and intervals may be as large as other rows say they must be.

    Attributes:
        mean: shape (N, D), in target units.
        targets: D names.
    """

    _calibration_set: CalibrationSet | None = None

    @abstractmethod
    def _uncalibrated(self) -> Self:
        """A new batch without calibration, which shares its arrays with this one."""

    @abstractmethod
    def _radius_of(self, scores: Array, present: Mask) -> Array:
        """Mahalanobis distances of points of the targets `present` that have scores, shape (N,)."""

    @abstractmethod
    def _ends_of(self, scores: Array) -> tuple[Array, Array]:
        """The lower and the upper value of each target that have scores, each of shape (N, D)."""

    def calibrated_by(self, calibration_set: CalibrationSet | None) -> Self:
        """The same distributions, with regions and intervals that are calibrated on other rows.

        Args:
            calibration_set: predictions and observed values of other rows, over the same targets;
                None to calibrate on none.

        Returns:
            A new batch, which shares its arrays with this one.
        """
        joint = self._uncalibrated()
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
    def _calibrated_as(cls, joint: Self, parts: Sequence[Self]) -> Self:
        """A batch of the rows of several, calibrated as these are if they all are alike."""
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

    def _calibrated_limit(
        self, level: float, shape: str, present: Mask | None = None
    ) -> Array | None:
        if self._calibration_set is None:
            return None
        wanted, scores = self._unknown(present), np.zeros(len(self))
        for rows, quantile in self._calibration_set.quantiles(wanted, shape):
            scores[rows] = quantile.at(level)
            if quantile.needs_partial_rows(level):
                self._warn_of_few_rows(level, wanted[rows[0]], quantile)
        return scores

    def _calibrated_radius(self, level: float, present: Mask | None = None) -> Array | None:
        scores = self._calibrated_limit(level, "ellipsoid", present)
        return None if scores is None else self._radius_of(scores, self._unknown(present))

    def _warn_of_few_rows(self, level: float, part: Mask, quantile: ConformalQuantile) -> None:
        if self._calibration_set is None or self._calibration_set.warned:
            return
        self._calibration_set.warned.append(level)
        names = [name for name, wanted in zip(self.targets, part, strict=True) if wanted]
        needed = int(np.ceil(level / (1 - level) - SLACK))
        warn(
            f"A guaranteed region of level {level:g} needs {needed} or more calibration rows in "
            f"which all of {names} are observed. Received {len(quantile.complete.scores)}. So "
            f"every row is used, by the targets that it has ({len(quantile.partial.scores)} in "
            f"all): beyond level {quantile.complete.highest_level:.2g} regions hold as often as "
            "they should only for rows with such gaps. Calibrate on more complete rows, or ask "
            "for a lower level or for fewer targets. (This is said once, for the first such "
            "region.)"
        )

    def _interval_limits(self, level: float, tail: float) -> Array | None:
        """The scores up to which intervals of this level hold values, shape (N, D)."""
        if self._calibration_set is None:
            return None
        scores = np.zeros(self._shape)
        for rows, target, quantile in self._calibration_set.quantiles_of_each(~self.observed):
            scores[rows, target] = quantile.at(level, tail)
        return scores

    def _calibrated_ends(self, level: float, tail: float) -> tuple[Array, Array] | None:
        scores = self._interval_limits(level, tail)
        if scores is None:
            return None
        lower, upper = self._ends_of(scores)
        return np.where(self.observed, self.mean, lower), np.where(self.observed, self.mean, upper)

    def _calibrated_level(self, values: Array, shape: str) -> Array | None:
        if self._calibration_set is None:
            return None
        level = np.full(len(self), np.nan)
        scores = self._region_scores(values, shape, inward=True)
        for rows, quantile in self._calibration_set.quantiles(~np.isnan(values), shape):
            level[rows] = quantile.level_of(scores[rows])
        return level

    def _calibrated_cdf(self, values: Array) -> Array | None:
        if self._calibration_set is None:
            return None
        present = ~np.isnan(values)
        scores, level = self._interval_scores(values, inward=True), np.zeros(self._shape)
        for rows, target, quantile in self._calibration_set.quantiles_of_each(present):
            level[rows, target] = quantile.level_of(scores[rows, target])
        side = np.sign(values - self._quantiles(0.5))
        return np.where(present, (1 + side * level) / 2, np.nan)

    def _unknown(self, present: Mask | None) -> Mask:
        """The wanted targets that are not known exactly, shape (N, D)."""
        return ~self.observed if present is None else present & ~self.observed
