"""Regions of targets that are never below 0: ellipsoids of their latent variables, transformed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from covey.algebra.patterns import by_pattern
from covey.algebra.points import CHUNK, unit_points
from covey.arguments.check import read_values
from covey.distributions.region import Region
from covey.distributions.transforms import Transforms
from covey.errors import InputError
from covey.types import Array, Mask

if TYPE_CHECKING:
    import pandas as pd

POINTS, PARTS = 4096, 8  # of a volume: points in all, and parts whose differences tell the accuracy
MOST_NUMBERS = 2**22  # in an array of points
SWEEPS = 500  # of the search for the nearest point below the bound
CLOSE = 1e-10  # change in standard deviations at which it ends


class TransformedRegion:
    """For each of N rows, all y = max(h(z), 0) with z in an ellipsoid: never below 0.

    It holds the targets as often as the ellipsoid holds z. Regions come from `joint.region(level)`.

    Attributes:
        latent: the regions of z, a `Region`.
        level: probability that the region holds.
        radius: Mahalanobis distance of z from its mean to the boundary, shape (N,), without unit.
        method: what the radius is calibrated on: "model", "out_of_fold" or "conformal".
    """

    def __init__(self, latent: Region, transforms: Transforms) -> None:
        """Not for users.

        Args:
            latent: the regions of z.
            transforms: of the D targets.
        """
        self.latent, self._transforms = latent, transforms

    def __len__(self) -> int:
        return len(self.latent)

    def __getitem__(self, rows: Any) -> Self:
        """The regions of some rows; an integer gives a batch of length 1."""
        return type(self)(self.latent[rows], self._transforms)

    def __repr__(self) -> str:
        return f"Transformed{self.latent!r}"

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the D targets."""
        return self.latent.targets

    @property
    def level(self) -> float:
        """Probability that the region holds."""
        return self.latent.level

    @property
    def radius(self) -> Array:
        """Mahalanobis distance of z to the boundary, shape (N,), without unit."""
        return self.latent.radius

    @property
    def method(self) -> str:
        """What the radius is calibrated on."""
        return self.latent.method

    @property
    def center(self) -> Array:
        """The transformed centers of the ellipsoids, shape (N, D), in target units: no means."""
        return self._transforms.reported(self.latent.center)

    @property
    def _known(self) -> Mask:
        known: Mask = self.latent._shape.observed
        return known

    def contains(self, y: ArrayLike | pd.DataFrame) -> Mask:
        """Whether each row's region holds an observation.

        Args:
            y: array of shape (N, D) in target units, or a frame with the targets as columns; NaN as
                for `Region.contains`. 0 stands for all z that give it.

        Returns:
            Boolean array of shape (N,); True for a row without any observed target.

        Raises:
            InputError: the shape, the columns or the row labels do not fit, or a value is infinite.
        """
        shape = self.center.shape
        values = read_values(y, shape, self.targets, rows=self.latent._joint.index)
        impossible = self._transforms.impossible(values) & ~self._known
        z = self._transforms.latent(np.where(impossible, np.nan, values))
        at_bound = (values == 0) & self._transforms.bounded & ~self._known & ~impossible
        rows = np.flatnonzero(at_bound.any(axis=1))
        if len(rows):
            z[rows] = _nearest(self.latent._shape[rows], z[rows], at_bound[rows])
        return self.latent.contains(z) & ~impossible.any(axis=1)

    @cached_property
    def _volumes(self) -> tuple[Array, Array]:
        """Logarithms of volumes, and their relative standard errors, each of shape (N,)."""
        n, d = self.center.shape
        free = (~self._known).sum(axis=1)
        logs, errors = np.array(self.latent.log_volume()), np.zeros(n)
        if not self._transforms or not n:
            return logs, errors
        ball = _ball(d, POINTS)
        finite = np.flatnonzero(np.isfinite(self.radius))
        size = max(min(CHUNK, MOST_NUMBERS // (POINTS * d)), 1)
        zero = self._transforms.at_zero
        for rows in (finite[start : start + size] for start in range(0, len(finite), size)):
            part = self.latent[rows]
            if (part._shape.observed.any(axis=1)).any():  # points of the free targets alone
                points = np.stack([_embedded_ball(one) for one in part._shape.observed], axis=1)
            else:
                points = np.broadcast_to(ball[:, None], (POINTS, len(part), d))
            z = part.center + np.einsum("nij,snj->sni", part._factor, points)
            inside = ((z > zero) | part._shape.observed).all(axis=2)
            z = np.where(part._shape.observed, np.nan, z)
            slope = np.where(inside, self._transforms.log_slope(z), -np.inf)
            top = np.where(np.isfinite(slope.max(axis=0)), slope.max(axis=0), 0.0)
            share = np.exp(slope - top).reshape(PARTS, -1, len(part)).mean(axis=1)
            mean = share.mean(axis=0)
            with np.errstate(divide="ignore", invalid="ignore"):
                logs[rows] += np.log(mean) + top
                spread = share.std(axis=0, ddof=1) / np.sqrt(PARTS) / mean
            errors[rows] = np.where(mean > 0, spread, 0.0)
        logs[free == 0] = 0.0
        return logs, errors

    def log_volume(self) -> Array:
        """Logarithm of the volume, shape (N,); see `volume`."""
        if self.center.shape[1] == 1:
            with np.errstate(divide="ignore"):
                length = np.log(self._length())
            return np.where(self._known[:, 0], 0.0, length)
        return self._volumes[0]

    def volume(self) -> Array:
        """Volume above 0, shape (N,), in the product of target units; length for one target.

        Exact for one target, else an average over 4,096 points of the ellipsoid, always the same.
        """
        return np.exp(self.log_volume())

    def volume_error(self) -> Array:
        """Standard error of `volume` as a share of it, shape (N,); 0 where it is exact."""
        if self.center.shape[1] == 1:
            return np.zeros(len(self))
        return self._volumes[1]

    def _length(self) -> Array:
        ends = self.latent.center[:, 0] + np.array([[-1.0], [1.0]]) * self.latent._factor[:, 0, 0]
        infinite = np.isinf(ends)
        y = self._transforms.reported(np.where(infinite, 0.0, ends)[..., None])[..., 0]
        lower = np.where(infinite[0], 0.0 if self._transforms else -np.inf, y[0])
        return np.asarray(np.where(infinite[1], np.inf, y[1]) - lower)

    def axes(self) -> Array:
        """Transformed regions have no axes.

        Raises:
            InputError: always; `region.latent.axes()` are those of the ellipsoid before it.
        """
        raise InputError(
            "A region of targets that are never below 0 is no ellipsoid, and has no axes. "
            "`region.latent.axes()` are those of the latent ellipsoid; `contains`, `volume` and "
            "`boundary` are in target units."
        )

    def boundary(self, points: int = 100) -> Array:
        """Points on the boundary of regions of two targets, for drawing.

        Args:
            points: how many, at least 1; the last is the first again, so that the line is closed.

        Returns:
            Array of shape (N, points, 2), in target units, never below 0.

        Raises:
            InputError: there are not two targets (take the `marginal` of two first), or a region is
                infinite.
        """
        return self._transforms.reported(self.latent.boundary(points))


def _nearest(shape: Any, z: Array, at_bound: Mask) -> Array:
    """The points closest to the mean among all z that give the same y, by coordinate descent.

    Args:
        shape: N elliptical distributions.
        z: shape (N, D), NaN where not observed.
        at_bound: where y is 0, so that any lower z gives it, too; shape (N, D).

    Returns:
        Array of shape (N, D): of what is at the bound, the value of the least Mahalanobis distance.
    """
    found, free = np.array(z), ~np.isnan(z) & ~shape.observed
    for rows, pattern in by_pattern(np.concatenate([free, at_bound & free], axis=1)):
        used, moved = (np.flatnonzero(part) for part in np.split(pattern, 2))
        if not len(moved):
            continue
        at = rows[:, None], used
        mean, bound = shape.mean[at], z[at]
        precision = np.linalg.inv(shape.covariance[np.ix_(rows, used, used)])
        x = bound - mean
        for _ in range(SWEEPS):
            before = x.copy()
            for i in np.searchsorted(used, moved):
                slope = np.einsum("nj,nj->n", precision[:, i], x)
                x[:, i] = np.minimum(bound[:, i] - mean[:, i], x[:, i] - slope / precision[:, i, i])
            change = np.abs(x - before) * np.sqrt(np.diagonal(precision, axis1=1, axis2=2))
            if change.max() < CLOSE:
                break
        found[at] = mean + x
    return found


def _ball(dimension: int, count: int) -> Array:
    """Points spread evenly over the unit ball, shape (count, D)."""
    uniform = unit_points(dimension + 1, count)
    normal = ndtri(uniform[:, :-1])
    length = uniform[:, -1:] ** (1 / dimension)
    return normal / np.linalg.norm(normal, axis=1, keepdims=True) * length


def _embedded_ball(known: Mask) -> Array:
    """Points of the unit ball of the targets that are not known, 0 for the others: (POINTS, D)."""
    found = np.zeros((POINTS, len(known)))
    free = np.flatnonzero(~known)
    if len(free):
        found[:, free] = _ball(len(free), POINTS)
    return found
