"""Pictures of the distributions of single rows: ellipses, and grids of all pairs of targets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from covey.arguments.targets import target_positions
from covey.distributions.batch import evenly, row_index
from covey.distributions.density_region import DensityRegion
from covey.distributions.joint import Joint
from covey.distributions.transformed import Transformed
from covey.errors import InputError, shown
from covey.plot import canvas
from covey.plot.names import short_names
from covey.types import Array, Observations, Rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes


MOST_ROWS = 10
MOST_NAMED = len(canvas.COLOURS) * len(canvas.MARKERS)  # rows that a legend can tell apart
MOST_TARGETS = 12
AXIS = 40  # letters of a name along an axis
LETTER = 0.105  # inches of a panel, its margin included, about
PANEL = 0.68  # share of the figure, over the number of panels, that axes have without margins
DIGIT, GAP = 0.065, 0.05  # inches of a digit beside an axis; share of the axis between two numbers
POINTS = 121  # of a boundary, or a density
FILL = 0.10  # opacity


def ellipses(
    distribution: Joint,
    *,
    targets: Iterable[str | int] | None = None,
    y: Observations | None = None,
    levels: float | Iterable[float] = (0.5, 0.9),
    rows: int | slice | ArrayLike | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw where two targets lie together, for some rows.

    A region without end, as of a conformal model that has too few rows for the level, is left out.

    Args:
        distribution: N distributions over D targets.
        targets: names or numbers of two; the first two by default.
        y: what was observed, drawn as one marker per row: array of shape (N, D) in target units, or
            a frame with the targets as columns. NaN means "not observed".
        levels: probabilities that the regions hold, in (0, 1).
        rows: an integer, a slice, or an array of integers or booleans; at most ten rows, evenly
            chosen, by default.
        ax: axes to draw on; those of a new figure by default.

    Returns:
        The axes.

    Raises:
        InputError: matplotlib is not installed, there are not two targets, no row is chosen, or an
            argument does not fit.
    """
    canvas.check_distribution(distribution)
    pair = _pair(distribution, targets)
    numbers = _rows(distribution, rows)
    steps = canvas.read_levels(levels)
    values = canvas.observations(distribution, y)[numbers][:, pair]
    part = distribution[numbers].marginal(pair)
    lines = [_boundaries(part, level) for level in steps]  # of each level, row and part
    ax = canvas.panel(ax, (5.6, 4.2))
    seen = np.asarray(~np.isnan(values).any(axis=1))
    for place, number in enumerate(numbers):
        colour = canvas.COLOURS[place % len(canvas.COLOURS)]
        marker = canvas.MARKERS[place % len(canvas.MARKERS)] if seen.any() else ""
        for of_level in lines:
            _fill(ax, of_level[place], colour)
        at = values[place : place + 1] if seen[place] else np.empty((0, 2))
        look: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 6, "linestyle": ""}
        ax.plot(*at.T, zorder=3, markeredgecolor=ax.get_facecolor(), **look)
        ax.plot([], [], color=colour, marker=marker, markersize=5, label=f"row {number}")
    across, up = short_names(part.targets, AXIS, 2)
    ax.set(xlabel=across, ylabel=up)
    ax.locator_params(axis="x", nbins=5)  # more long numbers would meet
    shown = "; markers: observed" if seen.any() else ""
    ax.set_title(f"regions of {canvas.listed(steps)}{shown}", fontsize="medium")
    if len(numbers) <= MOST_NAMED:
        canvas.legend(ax, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


def pairs(
    distribution: Joint,
    *,
    row: int = 0,
    y: Observations | None = None,
    levels: float | Iterable[float] = (0.5, 0.9),
    axes: NDArray[Any] | Sequence[Axes] | None = None,
) -> NDArray[Any]:
    """Draw the joint distribution of one row: each target alone, and each pair.

    On the diagonal is the density of each target, its interval of the lowest of the levels shaded;
    below, the regions of each pair; above, its correlation. What was observed is marked. A target
    known exactly is a line, and has no correlations. A region without end is left out.

    Args:
        distribution: N distributions over D targets, D at most 12.
        row: number of the row.
        y: what was observed: array of shape (N, D) in target units, or a frame with the targets as
            columns. NaN means "not observed".
        levels: probabilities that the regions hold, in (0, 1).
        axes: D * D axes to draw on, row by row; those of a new figure by default.

    Returns:
        Array of shape (D, D), of axes.

    Raises:
        InputError: matplotlib is not installed, there are more than twelve targets, there is no
            such row, or an argument does not fit.
    """
    canvas.check_distribution(distribution)
    d = len(distribution.targets)
    if d > MOST_TARGETS:
        raise InputError(
            f"A grid of all pairs is legible for at most {MOST_TARGETS} targets. Received {d}. "
            "Choose some: pairs(distribution.marginal([...]))."
        )
    number = int(_rows(distribution, row)[0])
    steps = canvas.read_levels(levels)
    value = canvas.observations(distribution, y)[number]
    one = distribution[number]
    size = max(1.75 - 0.06 * d, 1.1) if d > 1 else 3.2
    grid = canvas.panels(axes, d * d, d, (size, size)).reshape(d, d)
    low, high = _limits(one, value, steps)
    correlation = one.correlation[0]
    names = short_names(distribution.targets, int(size / LETTER), 3)
    for i in range(d):
        for j in range(d):
            ax = grid[i, j]
            if i == j:
                _density(ax, one, i, value[i], (low[i], high[i]), steps[0])
            elif i > j:
                _regions(ax, one, [j, i], value[[j, i]], steps)
                ax.set_ylim(low[i], high[i])
            else:
                known = one.observed[0, [i, j]].any()
                _correlation(ax, None if known else correlation[i, j])
            if i >= j:
                ax.set_xlim(low[j], high[j])
            _dress(ax, i, j, names)
    if axes is None:
        grid[0, 0].figure.align_ylabels(grid[:, 0])
    return grid


def _pair(distribution: Joint, targets: Any) -> list[int]:
    names = list(distribution.targets)
    if targets is None:
        targets = names[:2]
    pair = target_positions(targets, distribution.targets)
    if len(pair) != 2:
        raise InputError(
            f"An ellipse needs two of the targets {names}. Received "
            f"{[names[i] for i in pair]}; `pairs` draws one target as well, or all."
        )
    return pair


def _rows(distribution: Joint, rows: Any) -> Rows:
    """Numbers of the chosen rows."""
    n = len(distribution)
    if rows is None:
        return evenly(n, MOST_ROWS)
    try:
        found = np.arange(n)[row_index(rows, n, distribution.index)]
    except IndexError as error:
        raise InputError(
            f"Expected rows from 0 to {n - 1}. Received {shown(rows)}: {error}."
        ) from None
    if len(found) == 0:
        raise InputError("Expected at least one row. Received none.")
    return found


def _boundaries(part: Any, level: float) -> list[list[Array]]:
    """For each row the lines around its region, of shape (M, 2); none where it has no end."""
    region = part.region(level)
    if isinstance(region, DensityRegion):
        if part.observed.any():  # such a region is a line, as an ellipsoid is
            region = part.region(level, shape="ellipsoid")
        else:
            ends = np.isfinite(region.log_threshold)
            found = iter(region[ends].boundary())
            return [next(found) if end else [] for end in ends]
    ends = np.isfinite(region.radius)
    lines = iter(region[ends].boundary(POINTS))
    return [[next(lines)] if end else [] for end in ends]


def _fill(ax: Axes, parts: list[Array], colour: str) -> None:
    """Draw a region, which may have holes and several parts."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if not parts:
        return
    whole = Path.make_compound_path(*(Path(line, closed=True) for line in parts))
    ax.add_patch(PathPatch(whole, facecolor=colour, alpha=FILL, linewidth=0))
    for line in parts:
        ax.plot(*line.T, color=colour, linewidth=1.2)


def _limits(one: Any, value: Array, levels: list[float]) -> tuple[Array, Array]:
    """Ends of the axis of each target: its density, its widest region and what was observed."""
    if isinstance(one, Transformed):  # those of z, where what is far out is near
        with np.errstate(divide="ignore", invalid="ignore"):
            z = one.transforms.latent(value)
        ends = np.stack(_limits(one.latent, np.where(np.isfinite(z), z, np.nan), levels))
        low, high = one.transforms.reported(ends)
        return low - 0.02 * (high - low), high
    lower, upper = (end[0] for end in one.interval(max(0.99, levels[-1])))
    widest = np.zeros(len(value))
    for i in np.flatnonzero(~one.observed[0]):
        # of two targets a region reaches as far along either, whichever the other is
        pair = one.marginal([i, i - 1] if i else [0, len(value) - 1]) if len(value) > 1 else one
        widest[i] = pair.region(levels[-1], shape="ellipsoid").radius[0] * one.stddev[0, i]
    seen = np.where(np.isnan(value), one.mean[0], value)
    four = 4 * one.stddev[0]  # for what has no end
    reach = np.where(np.isfinite(widest), widest, four)
    lower = np.where(np.isfinite(lower), lower, one.mean[0] - four)
    upper = np.where(np.isfinite(upper), upper, one.mean[0] + four)
    low = np.minimum.reduce([lower, one.mean[0] - reach, seen])
    high = np.maximum.reduce([upper, one.mean[0] + reach, seen])
    margin = 0.06 * (high - low)
    margin = np.where(margin > 0, margin, 0.05 * np.maximum(np.abs(high), 1e-12))
    return low - margin, high + margin


def _density(
    ax: Axes, one: Any, target: int, value: float, ends: tuple[float, float], level: float
) -> None:
    alone = one.marginal([target])
    if alone.observed[0, 0]:
        ax.axvline(alone.mean[0, 0], color=canvas.BLUE, linewidth=1.4)
        return
    at = np.linspace(*ends, POINTS)
    density = np.exp(alone[np.zeros(POINTS, dtype=int)].log_prob(at[:, None]))
    lower, upper = (end[0, 0] for end in alone.interval(level))
    ax.plot(at, density, color=canvas.BLUE, linewidth=1.4)
    inside = np.clip(at, lower, upper)
    ax.fill_between(
        inside, np.interp(inside, at, density), color=canvas.BLUE, alpha=2 * FILL, linewidth=0
    )
    ax.set_ylim(0, 1.1 * density.max())
    if not np.isnan(value):
        ax.axvline(value, color=canvas.ORANGE, linewidth=1.4)


def _regions(ax: Axes, one: Any, pair: list[int], value: Array, levels: list[float]) -> None:
    part = one.marginal(pair)
    for level in levels:
        _fill(ax, _boundaries(part, level)[0], canvas.BLUE)
    if not np.isnan(value).any():
        ax.plot(*value, color=canvas.ORANGE, marker="o", markersize=5, linestyle="")


def _correlation(ax: Axes, value: float | None) -> None:
    if value is not None:
        ax.set_facecolor(canvas.shade(value))
    text = "known" if value is None else canvas.signed(value)
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=canvas.ink(ax))
    ax.spines[:].set_visible(False)


def _dress(ax: Axes, i: int, j: int, names: Sequence[str]) -> None:
    """Names and numbers along the left and the bottom of the grid only."""
    last = len(names) - 1
    inch = ax.figure.dpi * len(names) / PANEL
    width, height = ax.figure.bbox.width / inch, ax.figure.bbox.height / inch
    _ticks(ax.xaxis, 2 if last else 3, lambda texts: DIGIT * max(map(len, texts)) / width)
    _ticks(ax.yaxis, 3, lambda texts: 2 * DIGIT / height)
    ax.tick_params(labelsize="x-small" if last else "small")
    if i < j:
        ax.set(xticks=[], yticks=[])
    elif i == j:
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
    size = "small" if any("\n" in name for name in names) else "medium"
    if i < last:
        ax.tick_params(labelbottom=False)
    if j > 0:
        ax.tick_params(labelleft=False)
    if i == last:
        ax.set_xlabel(names[j], fontsize=size)
    if j == 0:
        ax.set_ylabel(names[i] if last else "density", fontsize=size)


def _ticks(axis: Any, most: int, size: Callable[[list[str]], float]) -> None:
    """Few numbers along an axis, none where it would meet another, or one of the next panel.

    Args:
        axis: of some axes whose limits are set.
        most: how many numbers.
        size: gives the share of the axis that the largest of some texts takes.
    """
    from matplotlib.ticker import MaxNLocator

    low, high = sorted(axis.get_view_interval())
    ticks = np.array(MaxNLocator(5).tick_values(low, high))
    texts = _numbers(ticks)
    place, share = (ticks - low) / (high - low), size(texts) + GAP
    inner = np.flatnonzero((place >= share / 2) & (place <= 1 - share / 2))
    if len(inner) > most:
        inner = inner[:: (len(inner) - 1) // (most - 1)][:most]
    if len(inner) > 1 and np.diff(place[inner]).min() < share:
        inner = inner[np.argsort(np.abs(place[inner] - 0.5))[:1]]
    axis.set_ticks(ticks[inner], [texts[number] for number in inner])


def _numbers(ticks: Array) -> list[str]:
    """Numbers with as many digits as tell them apart, without a factor that stands elsewhere."""
    step = np.diff(ticks).min()
    for digits in range(1, 17):
        texts = [f"{tick if abs(tick) > 1e-9 * step else 0.0:.{digits}g}" for tick in ticks]
        if all(
            abs(float(text) - tick) < 0.01 * step for text, tick in zip(texts, ticks, strict=True)
        ):
            break
    plain = [
        re.sub(r"e([+-])0*(\d+)", lambda m: f"e{m[1].strip('+')}{m[2]}", text) for text in texts
    ]
    whole = [f"{tick:.0f}" for tick in ticks] if step >= 1 and abs(ticks).max() < 1e6 else plain
    return [text.replace("-", "\N{MINUS SIGN}") for text in whole]
