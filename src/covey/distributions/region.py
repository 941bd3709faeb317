"""Ellipsoids that hold all targets together with some probability."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Self

import numpy as np
from scipy.special import gammaln

from covey.arguments.check import check_size, read_values
from covey.distributions.batch import frozen, row_index
from covey.distributions.kind import Kind
from covey.errors import InputError
from covey.types import Array, Mask, Observations, Rows, Selection


class Region:
    """For each of N rows, the ellipsoid of all y within a Mahalanobis distance of the mean.

    With the covariance Sigma of the row, of all shapes that hold the targets together with the same
    probability the ellipsoid

        { y : sqrt((y - mean)' Sigma^-1 (y - mean)) <= radius }

    is the smallest, if the distribution is a normal or a Student-t. Regions come from
    `joint.region(level)`.

    Attributes:
        level: probability that the region holds.
        radius: Mahalanobis distance from the center to the boundary, shape (N,), without unit.
        method: what the radius is calibrated on: "model", nothing but the distributions themselves;
            "out_of_fold", rows that were held out while the model was fitted; "conformal", the rows
            given to `calibrate`.
    """

    level: float
    radius: Array
    method: str

    def __init__(
        self, joint: Kind, shape: Any, radius: Array, level: float, method: str = "model"
    ) -> None:
        """Not for users.

        Args:
            joint: the distributions the region is of.
            shape: `Elliptical` distributions, for the centers and the axes (their file imports
                this one).
            radius: array of shape (N,).
            level: probability that the region holds.
            method: what the radius is calibrated on.
        """
        self._joint, self._shape = joint, shape
        self.radius, self.level, self.method = frozen(radius), level, method

    def __len__(self) -> int:
        return len(self.radius)

    def __getitem__(self, rows: Selection) -> Self:
        """The regions of some rows; an integer gives a batch of length 1."""
        index = row_index(rows, len(self))
        return type(self)(
            self._joint[index], self._shape[index], self.radius[index], self.level, self.method
        )

    def __repr__(self) -> str:
        n, d = self.center.shape
        return (
            f"Region of level {self.level:g} ({self.method}): {n} {'row' if n == 1 else 'rows'}, "
            f"{d} {'target' if d == 1 else 'targets'} ({', '.join(self.targets)})"
        )

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the D targets."""
        names: tuple[str, ...] = self._shape.targets
        return names

    @property
    def center(self) -> Array:
        """Centers, shape (N, D), in target units: the means."""
        center: Array = self._shape.mean
        return center

    @property
    def _unit(self) -> Array:
        """B of the ellipsoid of radius 1: center + B (unit ball), shape (N, D, D)."""
        factor: Array = (
            self._shape.scale_tril * np.sqrt(self._shape._radial.covariance_ratio)[:, None, None]
        )
        return factor

    @cached_property
    def _factor(self) -> Array:
        """B with region = center + B (unit ball), shape (N, D, D)."""
        factor = self._unit
        with np.errstate(invalid="ignore"):  # a radius may be infinite
            return np.where(factor == 0, 0.0, factor * self.radius[:, None, None])

    def contains(self, y: Observations) -> Mask:
        """Whether each row's region holds an observation.

        Args:
            y: array of shape (N, D) in target units, or a frame with the targets as columns. A row
                with NaN is compared with the region of the same level of the targets it has, that
                of `joint.marginal`: incomplete observations should be held as often as complete
                ones.

        Returns:
            Boolean array of shape (N,); True for a row without any observed target.

        Raises:
            InputError: the shape, the columns or the row labels do not fit, or a value is infinite.
        """
        shape = self._shape
        values = read_values(y, self.center.shape, self.targets, rows=self._joint.index)
        unknown = ~shape.observed
        present = ~np.isnan(values) & unknown
        squares, count = shape._squares(np.where(present, values, np.nan))
        radius = np.array(self.radius)
        gaps = np.flatnonzero((count > 0) & (present != unknown).any(axis=1))
        if len(gaps):
            radius[gaps] = self._radius_of(gaps, present[gaps])
        return np.asarray(
            (np.sqrt(squares / shape._radial.covariance_ratio) <= radius) | (count == 0)
        )

    def _radius_of(self, rows: Rows, present: Mask) -> Array:
        """Radii of some rows, at the same level, for some of their targets."""
        joint = self._joint[rows]
        found: Array | None = None
        if self.method != "model":
            found = joint._calibrated_radius(self.level, present)
        return joint._radius(self.level, present) if found is None else found

    def log_volume(self) -> Array:
        """Logarithm of the volume, shape (N,); the volume is in the product of target units.

        It is that of the targets not known exactly, and 0 where all are known.
        """
        shape = self._shape
        count = (~shape.observed).sum(axis=1)
        unit_ball = count / 2 * np.log(np.pi) - gammaln(count / 2 + 1)
        with np.errstate(divide="ignore"):  # a radius may be 0, where all are known
            length = np.log(self.radius) + np.log(shape._radial.covariance_ratio) / 2
        stretch = np.where(count > 0, count * np.where(count > 0, length, 0.0), 0.0)
        return np.asarray(unit_ball + shape._scale.log_root + stretch)

    def volume(self) -> Array:
        """Volume, shape (N,), in the product of target units; length for one target, area for two.

        It is that of the targets not known exactly, and 1 where all are known.
        """
        return np.exp(self.log_volume())

    def axes(self) -> Array:
        """Half axes of the ellipsoids, orthogonal to each other, the longest first.

        Returns:
            Array of shape (N, D, D): `axes[n, k]` leads from the center of row n to a point of the
            boundary, in target units. What is longest depends on the units. A target known exactly
            makes an axis of length 0.
        """
        directions, lengths, _ = np.linalg.svd(self._unit)
        with np.errstate(invalid="ignore"):  # a radius may be infinite
            axes = directions * (lengths * self.radius[:, None])[:, None, :]
        return np.swapaxes(np.where(directions * lengths[:, None, :] == 0, 0.0, axes), 1, 2)

    def boundary(self, points: int = 100) -> Array:
        """Points on the boundary of regions of two targets, for drawing.

        Args:
            points: how many, at least 1; the last is the first again, so that the line is closed.

        Returns:
            Array of shape (N, points, 2), in target units.

        Raises:
            InputError: there are not two targets (take the `marginal` of two first), or a region is
                infinite.
        """
        if len(self.targets) != 2:
            raise InputError(
                f"A boundary is a line for two targets only. Received {len(self.targets)}: "
                f"{list(self.targets)}. Use joint.marginal([a, b]).region(level)."
            )
        if np.isinf(self.radius).any():
            raise InputError(
                f"A region of level {self.level:g} is infinite, for want of rows to calibrate on, "
                "and has no boundary. Use more rows, or a lower level."
            )
        angle = np.linspace(0, 2 * np.pi, check_size(points, "points"))
        circle = np.stack([np.cos(angle), np.sin(angle)])
        return self.center[:, None, :] + np.swapaxes(self._factor @ circle, 1, 2)
