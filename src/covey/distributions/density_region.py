"""Regions of all values whose density is high enough: of any shape, perhaps in several parts."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Self

import numpy as np

from covey.algebra.patterns import by_pattern
from covey.arguments.check import check_size, read_values
from covey.distributions.batch import frozen, row_index
from covey.distributions.density_levels import points_of
from covey.errors import EngineError, InputError
from covey.types import Array, Mask, Observations, Selection

POINTS, PARTS = 2048, 8  # of a volume: points in all, and parts whose differences tell the accuracy
GRID = 160  # points along each side, between which boundaries are drawn
ROUNDING = 1e-9  # of scores, so that a row as far out as a row of the calibration set is inside
MARGIN = 0.08  # of the width of what is drawn
MOST_GROWTHS = 60  # of a grid, until all of a region is on it


class DensityRegion:
    """For each of N rows, all y whose density p(y) is at least c, c differing from row to row.

    Of all regions that hold the targets together with the same probability by the model it is the
    smallest. Its level is P(p(Y) > c) by the row's own distribution, found by an average over 512
    points, and then set by the rows it is calibrated on: whatever the error of that average, it
    is the same for all rows, so that split conformal prediction keeps its guarantee. Regions come
    from `joint.region(level, shape="density")`.

    Attributes:
        level: probability that the region holds.
        log_threshold: log c, shape (N,), in nats.
        method: what c is calibrated on: "model", nothing but the distributions themselves;
            "out_of_fold", rows that were held out while the model was fitted; "conformal", the rows
            given to `calibrate`.

    References:
        Hyndman (1996), Computing and graphing highest density regions, The American Statistician
        50(2), doi 10.1080/00031305.1996.10474359.
        Izbicki, Shimizu, Stern (2022), CD-split and HPD-split, JMLR 23(87).
    """

    level: float
    method: str

    def __init__(self, joint: Any, score: Array, level: float, method: str = "model") -> None:
        """Not for users.

        Args:
            joint: a `Mixture` of N rows.
            score: log-odds of the level of what is on the boundary, shape (N,).
            level: probability that the region holds.
            method: what this score is calibrated on.
        """
        self._joint = joint
        self._score, self.level, self.method = frozen(np.array(score)), level, method

    def __len__(self) -> int:
        return len(self._score)

    def __getitem__(self, rows: Selection) -> Self:
        """The regions of some rows; an integer gives a batch of length 1."""
        index = row_index(rows, len(self), self._joint.index)
        return type(self)(self._joint[index], self._score[index], self.level, self.method)

    def __repr__(self) -> str:
        n, d = len(self), len(self.targets)
        return (
            f"DensityRegion of level {self.level:g} ({self.method}): {n} "
            f"{'row' if n == 1 else 'rows'}, {d} {'target' if d == 1 else 'targets'} "
            f"({', '.join(self.targets)})"
        )

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the D targets."""
        names: tuple[str, ...] = self._joint.targets
        return names

    @property
    def center(self) -> Array:
        """The means, shape (N, D), in target units; perhaps outside, if there are several parts."""
        center: Array = self._joint.mean
        return center

    @cached_property
    def log_threshold(self) -> Array:
        """Log of the least density inside, shape (N,), in nats: of the targets not known."""
        return frozen(self._joint._log_density_of(self._score))

    def contains(self, y: Observations) -> Mask:
        """Whether each row's region holds an observation.

        Args:
            y: array of shape (N, D) in target units, or a frame with the targets as columns. A row
                with NaN is compared with the region of the same level of the targets it has, that
                of `joint.marginal`.

        Returns:
            Boolean array of shape (N,); True for a row without any observed target.

        Raises:
            InputError: the shape, the columns or the row labels do not fit, or a value is infinite.
        """
        joint = self._joint
        values = read_values(y, self.center.shape, self.targets, rows=joint.index)
        values = np.where(joint.observed, np.nan, values)
        present, limit = ~np.isnan(values), np.array(self._score)
        gaps = np.flatnonzero(present.any(axis=1) & (present != ~joint.observed).any(axis=1))
        if len(gaps) and self.method != "model":
            limit[gaps] = joint[gaps]._calibrated_limit(self.level, "density", present[gaps])
        score = joint._region_scores(values, "density")
        slack = ROUNDING * (1 + np.abs(np.where(np.isfinite(limit), limit, 0.0)))
        return np.asarray(score <= limit + slack)

    @cached_property
    def _volumes(self) -> tuple[Array, Array]:
        """Logarithms of volumes, and their relative standard errors, each of shape (N,).

        The volume is the mean of 1 / p over what the region holds: E[1{p(Y) >= c} / p(Y)].
        """
        joint, n = self._joint, len(self)
        logs, errors = np.zeros(n), np.zeros(n)
        for pattern_rows, known in by_pattern(joint.observed):
            free = np.flatnonzero(~known).tolist()
            if not free:
                continue
            part, bound = joint[pattern_rows]._marginal(free), self.log_threshold[pattern_rows]
            for rows, _, density, mass in points_of(part, POINTS):
                least = bound[rows]
                with np.errstate(divide="ignore"):
                    terms = np.where(density >= least[:, None], np.log(mass) - density, -np.inf)
                top = terms.max(axis=1, keepdims=True)
                top = np.where(np.isfinite(top), top, 0.0)
                share = np.exp(terms - top)
                sums = np.stack([share[:, part::PARTS].sum(axis=1) for part in range(PARTS)])
                total, at = sums.sum(axis=0), pattern_rows[rows]
                with np.errstate(divide="ignore", invalid="ignore"):
                    logs[at] = np.log(total) + top[:, 0]
                    spread = sums.std(axis=0, ddof=1) * np.sqrt(PARTS) / total
                logs[at] = np.where(np.isneginf(least), np.inf, logs[at])
                errors[at] = np.where(total > 0, spread, 0.0)
                # further out than all points: how far, they cannot tell
                errors[at[(density >= least[:, None]).all(axis=1)]] = np.inf
        return logs, errors

    def log_volume(self) -> Array:
        """Logarithm of the volume, shape (N,); see `volume`."""
        return self._volumes[0]

    def volume(self) -> Array:
        """Volume, shape (N,), in the product of target units; length for one target.

        An average over 2,048 points, always the same; `volume_error` tells how good. It is that of
        the targets not known exactly, and 1 where all are known; infinite for an infinite region.
        """
        return np.exp(self.log_volume())

    def volume_error(self) -> Array:
        """Standard error of `volume` as a share of it, shape (N,).

        Infinite where a region reaches beyond all the points: its volume is at least `volume`. That
        takes a level of nearly 1, or rows to calibrate on that are far out.
        """
        return self._volumes[1]

    def boundary(self, points: int = GRID) -> list[list[Array]]:
        """Closed lines around regions of two targets, for drawing: a region may have several parts.

        Args:
            points: along each side of the grid between whose points the lines are interpolated.

        Returns:
            For each of N rows a list of arrays of shape (M, 2), in target units.

        Raises:
            InputError: there are not two targets (take the `marginal` of two first), one is known
                exactly, or a region is infinite.
            EngineError: matplotlib is not installed.
        """
        size = max(check_size(points, "points"), 8)
        joint = self._joint
        if len(self.targets) != 2 or joint.observed.any():
            raise InputError(
                f"A boundary is drawn for two targets that are not known. Received "
                f"{len(self.targets)}: {list(self.targets)}. Use joint.marginal([a, b])."
            )
        if np.isneginf(self.log_threshold).any():
            raise InputError(
                f"A region of level {self.level:g} is infinite, for want of rows to calibrate on, "
                "and has no boundary. Use more rows, or a lower level."
            )
        try:
            from contourpy import contour_generator
        except ImportError as error:
            raise EngineError(
                "Boundaries are drawn by contourpy, which comes with matplotlib. Install the extra "
                "`covey[plot]`."
            ) from error
        found: list[list[Array]] = []
        for row in range(len(self)):
            part, least = joint[row], self.log_threshold[row]
            _, cloud, density, _ = next(iter(points_of(part, POINTS)))
            inside = cloud[density[0] >= least, 0]
            inside = inside if len(inside) else cloud[[density[0].argmax()], 0]
            axes, heights = _grid(part, least, inside.min(axis=0), inside.max(axis=0), size)
            lines: Any = contour_generator(x=axes[0], y=axes[1], z=heights).lines(float(least))
            found.append(lines)
        return found


def _grid(part: Any, least: float, low: Array, high: Array, size: int) -> tuple[list[Array], Array]:
    """A grid that holds all of a region of two targets with a margin, and log-densities on it.

    Args:
        part: a `Mixture` of one row.
        least: log-density on the boundary.
        low: lower end of each target, of points that are inside, shape (2,).
        high: upper ends.
        size: G, points along each side.

    Returns:
        (axes, log-densities): two arrays of shape (G,), in target units, and one of shape (G, G).
    """
    width = np.maximum(high - low, 1e-9 * part.stddev[0])
    low, high = low - MARGIN * width, high + MARGIN * width
    for _ in range(MOST_GROWTHS):
        axes = [np.linspace(a, b, size) for a, b in zip(low, high, strict=True)]
        points = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 1, 2)
        heights = part._log_prob_at(points).reshape(size, size)
        below = (heights[:, 0] >= least).any(), (heights[0] >= least).any()
        above = (heights[:, -1] >= least).any(), (heights[-1] >= least).any()
        if not np.any([below, above]):
            break  # else a line would end there
        width = (high - low) / 2
        low, high = low - np.where(below, width, 0.0), high + np.where(above, width, 0.0)
    return axes, heights
