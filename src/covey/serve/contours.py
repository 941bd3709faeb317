"""Lines around the regions of two targets of one row, for drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covey.distributions import DensityRegion
from covey.serve.model import Model
from covey.types import Array

if TYPE_CHECKING:
    import pandas as pd

POINTS = 73  # around an ellipse
GRID = 64  # points along each side, between which a density is interpolated
DIGITS = 6


def explore(
    model: Model,
    frame: pd.DataFrame,
    given: Array | None,
    pair: tuple[str, str],
    levels: tuple[float, ...],
) -> list[dict[str, Any]]:
    """The regions of two targets of one row, whatever the others are.

    Args:
        model: a fitted estimator.
        frame: table of one row.
        given: shape (1, D), observed targets, NaN where not observed; or None.
        pair: names of two targets.
        levels: probabilities that the regions hold.

    Returns:
        For each level its `lines`: closed ones, each a list of points, in target units; an interval
        as a line of two points where one of the two is given, and none where both are.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # such lines are left out
        part = model.predict_distribution(frame, given=given, keep=True).marginal(list(pair))
        known = part.observed[0]
        return [
            {"level": level, "lines": [] if known.all() else _finite(_lines(part, level, known))}
            for level in levels
        ]


def _lines(part: Any, level: float, known: Any) -> list[Any]:
    if known.any():
        ends = np.stack(part.interval(level))[:, 0]  # (2, 2): lower and upper of both
        return [_rounded(ends, part)] if np.isfinite(ends).all() else []
    region = part.region(level)
    if isinstance(region, DensityRegion):
        if not np.isfinite(region.log_threshold).all():
            return []
        return [_rounded(line, part) for line in region.boundary(GRID)[0]]
    if not np.isfinite(region.radius).all():
        return []
    return [_rounded(region.boundary(POINTS)[0], part)]


def _finite(lines: list[Any]) -> list[Any]:
    """Without the lines that lead beyond all numbers."""
    return [line for line in lines if np.isfinite(line).all()]


def _rounded(line: Array, part: Any) -> list[list[float]]:
    """Points to a millionth of the spread: fewer bytes, and nothing that anybody sees."""
    stddev = part.stddev[0]
    if not np.isfinite(stddev).all():
        whole: list[list[float]] = line.tolist()
        return whole
    some = stddev > np.finfo(np.float64).tiny * 10.0 ** (DIGITS + 1)  # so that a unit is none
    unit = 10.0 ** (np.floor(np.log10(np.where(some, stddev, 1.0))) - DIGITS)
    rounded: list[list[float]] = np.where(some, np.round(line / unit) * unit, line).tolist()
    return rounded
