"""Pictures that hold predictions against what was observed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from covey.arguments.check import check_level, check_size
from covey.arguments.targets import target_position
from covey.distributions.batch import evenly
from covey.distributions.internals import latent_of
from covey.distributions.joint import Joint
from covey.distributions.mixture import Mixture
from covey.errors import InputError, counted
from covey.plot import canvas
from covey.plot.names import short_name, short_names
from covey.types import Array, Mask, Observations

if TYPE_CHECKING:
    from matplotlib.axes import Axes


LEVELS = np.arange(1, 20) / 20
ERROR = 0.95  # probability of a band of binomial error
BAND = 0.15  # opacity
MOST_MIXED = 500  # rows of a mixture whose regions are computed
MOST_NAMED = 8  # targets that a legend names
LEGEND, PANEL, AXIS = 24, 26, 42  # letters of a name in a legend, above a panel, along an axis


def calibration_curve(
    distribution: Joint,
    y: Observations,
    *,
    levels: float | Iterable[float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how often regions and intervals held what was observed, against how often they should.

    The bold line is `distribution.region(level)`, the thin ones are `distribution.interval(level)`
    of each target. Above the diagonal the distributions are too wide, below it too narrow. The band
    is where the bold line of distributions that are right lies with a probability of 95% at each
    level, if rows are independent.

    Args:
        distribution: N distributions over D targets. The regions of a `Mixture` take long: of these
            at most 500 rows, evenly chosen, count for the bold line.
        y: what was observed: array of shape (N, D) in target units, or a frame with the targets as
            columns. NaN means "not observed"; a target never observed has no line.
        levels: in (0, 1); 0.05, 0.1, ..., 0.95 by default.
        ax: axes to draw on; those of a new figure by default.

    Returns:
        The axes.

    Raises:
        InputError: matplotlib is not installed, nothing was observed, or an argument does not fit.
    """
    canvas.check_distribution(distribution)
    steps = canvas.read_levels(LEVELS if levels is None else levels)
    values, seen = canvas.unknown(distribution, y)
    rows = np.flatnonzero(seen.any(axis=1))
    if isinstance(latent_of(distribution), Mixture):
        rows = rows[evenly(len(rows), MOST_MIXED)]
    together = _together(distribution[rows], values[rows], steps)
    alone = _alone(distribution, values, seen, steps)
    ax = canvas.panel(ax, (4.8, 4.6))
    n, grey = len(rows), canvas.ink(ax)
    at = np.array([0.0, *steps, 1.0])
    label = f"95% error, {counted(n, 'row')}"
    ax.fill_between(at, *_band(n, at), color=grey, alpha=BAND, linewidth=0, label=label)
    ax.plot([0, 1], [0, 1], color=grey, linewidth=0.8, linestyle=":", label="exact")
    mark = "o" if len(steps) == 1 else ""
    named = len(distribution.targets) <= MOST_NAMED
    names = short_names(distribution.targets, LEGEND)
    for i, name in enumerate(names):
        if seen[:, i].any():
            look = canvas.style(i) if named else {"color": canvas.BLUE, "alpha": 0.5}
            ax.plot(steps, alone[:, i], linewidth=1.3, marker=mark, label=name, **look)
    ax.plot(steps, together, color=grey, linewidth=2.4, marker=mark, label="all together")
    band, exact, *thin, bold = zip(*ax.get_legend_handles_labels(), strict=True)
    if not named:
        thin = [(thin[0][0], f"each of {len(thin)} targets")]
    handles, labels = zip(bold, *thin, exact, band, strict=True)
    canvas.legend(ax, handles=handles, labels=labels, loc="upper left")
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="level", ylabel="share of rows inside")
    ax.set_aspect("equal")
    canvas.percent(ax.xaxis, ax.yaxis)
    return ax


def pit_histograms(
    distribution: Joint,
    y: Observations,
    *,
    bins: int = 10,
    axes: NDArray[Any] | Sequence[Axes] | None = None,
    method: str = "auto",
) -> NDArray[Any]:
    """Draw histograms of the probability integral transform, one for each target and one for all.

    Each observation is turned into the probability that its distribution gave to less, and the
    distance of all targets together from the mean into the probability of less distance. Of
    distributions that are right these are uniform: the line at 1, within the band with a
    probability of 95% in each bin, if rows are independent. A valley says that distributions are
    too narrow, a hill that they are too wide, a slope that means are off; for the distance, a slope
    up that regions are too small. If the distributions carry a calibration set, these are the
    calibrated probabilities, of `quantile` and `region`.

    Args:
        distribution: N distributions over D targets.
        y: what was observed: array of shape (N, D) in target units, or a frame with the targets as
            columns. NaN means "not observed".
        bins: how many, of equal width.
        axes: D + 1 axes to draw on; those of a new figure by default.
        method: as for `distribution.region`: "model" shows what the distributions alone say.

    Returns:
        Array of shape (D + 1,), of axes: the targets in order, then the distance.

    Raises:
        InputError: matplotlib is not installed, nothing was observed, or an argument does not fit.
    """
    from covey.scores import distance_pit, pit  # what else is there takes long to load

    canvas.check_distribution(distribution)
    check_size(bins, "bins")
    values, _ = canvas.unknown(distribution, y)
    columns = [
        *pit(distribution, values, method=method).T,
        distance_pit(distribution, values, method=method),
    ]
    count = len(columns)
    width = count if count <= 4 else 3 if count <= 9 else 4
    found = canvas.panels(axes, count, width, (2.5, 2.1), sharex=True, sharey=True)
    highest, names = 1.0, [*short_names(distribution.targets, PANEL, 2), "distance of all"]
    long = max(map(len, names)) > PANEL - len(f", {len(values):,} rows")
    for number, (ax, column) in enumerate(zip(found, columns, strict=True)):
        column = column[~np.isnan(column)]
        last, n = number == len(distribution.targets), len(column)
        heights = np.histogram(column, bins, (0, 1))[0] * bins / max(n, 1)
        edges = np.linspace(0, 1, bins + 1)
        colour = canvas.ORANGE if last else canvas.BLUE
        ax.bar(edges[:-1], heights, 0.94 / bins, align="edge", color=colour)
        low, high = _band(n, np.array([1 / bins])) * bins if n else ([0], [0])
        ax.axhspan(low[0], high[0], color=canvas.ink(ax), alpha=BAND, linewidth=0)
        ax.axhline(1, color=canvas.ink(ax), linewidth=0.9)
        between = "\n" if long else ", "
        rows = f"{n:,} {'row' if n == 1 else 'rows'}"
        ax.set_title(f"{names[number]}{between}{rows}", fontsize="medium")
        if number + width >= count:
            ax.set_xlabel("PIT")
            ax.tick_params(labelbottom=True)
        if number % width == 0:
            ax.set_ylabel("density")
        highest = max(highest, heights.max(), high[0])
    for ax in found:
        ax.set(xlim=(0, 1), ylim=(0, 1.1 * highest))
        ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    return found


def observed_vs_predicted(
    distribution: Joint,
    y: Observations,
    *,
    target: str | int | None = None,
    level: float = 0.9,
    max_rows: int = 300,
    ax: Axes | None = None,
) -> Axes:
    """Draw observed values of a target against their predicted means, with intervals.

    Args:
        distribution: N distributions over D targets.
        y: what was observed: array of shape (N, D) in target units, or a frame with the targets as
            columns. NaN means "not observed".
        target: a name or number; the first by default.
        level: probability that each interval holds, in (0, 1).
        max_rows: how many rows are drawn at most, evenly chosen among those observed. The share
            inside, in the title, is that of all of them. Intervals without end reach as far as
            others do.
        ax: axes to draw on; those of a new figure by default.

    Returns:
        The axes.

    Raises:
        InputError: matplotlib is not installed, the target is unknown or was not observed, or an
            argument does not fit.
    """
    canvas.check_distribution(distribution)
    level, max_rows = check_level(level), check_size(max_rows, "max_rows")
    number = 0 if target is None else target_position(target, distribution.targets)
    values, seen = canvas.unknown(distribution, y)
    rows = np.flatnonzero(seen[:, number])
    if len(rows) == 0:
        raise InputError(
            f"Expected observed values of {distribution.targets[number]!r}. `y` holds none."
        )
    alone = distribution.marginal([number])[rows]
    observed, mean = values[rows, number], alone.mean[:, 0]
    lower, upper = (end[:, 0] for end in alone.interval(level))
    inside = (observed >= lower) & (observed <= upper)
    shown = evenly(len(rows), max_rows)
    drawn = np.concatenate([end[shown] for end in (lower, upper, mean, observed)])
    drawn = drawn[np.isfinite(drawn)]
    lower, upper = np.maximum(lower, drawn.min()), np.minimum(upper, drawn.max())
    ax = canvas.panel(ax, (4.8, 4.6))
    grey = canvas.ink(ax)
    ax.vlines(
        mean[shown],
        lower[shown],
        upper[shown],
        color=grey,
        alpha=0.22,
        linewidth=1.2,
        label=f"{100 * level:g}% interval",
    )
    for held, colour, marker, label in (
        (inside[shown], canvas.BLUE, "o", "inside"),
        (~inside[shown], canvas.ORANGE, "D", "outside"),
    ):
        look: dict[str, Any] = {
            "color": colour,
            "marker": marker,
            "markersize": 3.5,
            "linestyle": "",
        }
        ax.plot(mean[shown][held], observed[shown][held], label=f"observed, {label}", **look)
    ax.axline((mean[0], mean[0]), slope=1, color=grey, linewidth=0.8, linestyle=":")
    name = short_name(distribution.targets[number], AXIS - len(", predicted mean"), 2)
    between = ",\n" if "\n" in name else ", "
    ax.set(xlabel=f"{name}{between}predicted mean", ylabel=f"{name}{between}observed")
    some = f"{len(rows):,} {'row' if len(rows) == 1 else 'rows'}"
    if len(shown) < len(rows):
        some = f"{len(shown):,} of {some}"
    share = f"{100 * inside.mean():.1f}% inside the {100 * level:g}% interval"
    ax.set_title(f"{some}; {share}", fontsize="medium")
    canvas.legend(ax, loc="upper left")
    return ax


def _together(distribution: Any, values: Array, levels: list[float]) -> Array:
    """How often the regions of each level held, shape (L,).

    Regions of rising levels lie within each other, so that of each row the first one that holds is
    found by halving: five regions instead of twenty.
    """
    fails, holds = np.full(len(values), -1), np.full(len(values), len(levels))
    while (open_ := holds - fails > 1).any():
        middle = (fails + holds) // 2
        for number in np.unique(middle[open_]):
            rows = np.flatnonzero(open_ & (middle == number))
            held = distribution[rows].region(levels[number]).contains(values[rows])
            holds[rows[held]] = number
            fails[rows[~held]] = number
    return (holds[:, None] <= np.arange(len(levels))).mean(axis=0)


def _alone(distribution: Joint, values: Array, seen: Mask, levels: list[float]) -> Array:
    """How often the intervals of each level and target held, shape (L, D)."""
    found = np.empty((len(levels), len(distribution.targets)))
    for share, level in zip(found, levels, strict=True):
        lower, upper = distribution.interval(level)
        held = (values >= lower) & (values <= upper) & seen
        share[:] = held.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    return found


def _band(n: int, probability: Array) -> Array:
    """Ends of the share of n rows that something of this probability befalls, shape (2, L)."""
    tail = (1 - ERROR) / 2
    return np.stack([binom.ppf(tail, n, probability), binom.ppf(1 - tail, n, probability)]) / n
