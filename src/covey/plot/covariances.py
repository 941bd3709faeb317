"""Pictures of what covariances are like over all rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covey.distributions.internals import latent_of
from covey.distributions.joint import Joint
from covey.distributions.mixture import Mixture
from covey.distributions.transformed import Transformed
from covey.errors import InputError
from covey.plot import canvas
from covey.plot.names import short_names
from covey.types import Array, Mask

if TYPE_CHECKING:
    from matplotlib.axes import Axes


MOST_ANNOTATED = 12  # targets, for numbers in the cells of a heat map
LONGEST = 26  # letters of a name
LETTER = 0.085  # inches, about
LEAST = 3.4  # inches of a heat map's height, for the title of its colour bar
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)  # of rows: ends of the line and the bar, and the dot


def correlation_heatmap(
    distribution: Joint, *, ax: Axes | None = None, annotate: bool = True
) -> Axes:
    """Draw the correlations of all pairs of targets, averaged over rows.

    Each cell holds the mean over rows and, below it, the standard deviation over rows: how far the
    correlation depends on the features. A row in which one of the two targets is known exactly does
    not count for the pair; where none is left, the cell is empty. The diagonal has no colour.

    Args:
        distribution: N distributions over D targets; of a `Mixture`, the moments.
        ax: axes to draw on; those of a new figure by default.
        annotate: whether to write numbers into the cells; above 12 targets there is no room.

    Returns:
        The axes; the colour bar has axes of its own, in the same figure.

    Raises:
        InputError: matplotlib is not installed, or an argument does not fit.
    """
    canvas.check_distribution(distribution)
    mean, spread = _over_rows(distribution.correlation, distribution.observed)
    d = len(distribution.targets)
    names = short_names(distribution.targets, LONGEST)
    turned = _turned(names)
    ax = canvas.panel(ax, heatmap_size(distribution))
    from matplotlib.colors import ListedColormap

    colours = ListedColormap(canvas.shade(np.linspace(-1, 1, 255)), name="correlation")
    shown = np.ma.masked_array(mean, np.isnan(mean) | np.eye(d, dtype=bool))
    mesh = ax.pcolormesh(shown, cmap=colours, vmin=-1, vmax=1)
    ink = canvas.ink(ax)
    annotated = annotate and d <= MOST_ANNOTATED
    if annotated:
        for i, j in zip(*np.nonzero(~np.isnan(mean)), strict=True):
            two = i != j and len(distribution) > 1
            text = canvas.signed(mean[i, j]) if i != j else "1"
            look = {"ha": "center", "va": "center", "color": ink}
            ax.text(j + 0.5, i + (0.4 if two else 0.5), text, fontsize="medium", **look)
            if two:
                ax.text(j + 0.5, i + 0.72, f"±{spread[i, j]:.2f}", fontsize="x-small", **look)
    turn: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(np.arange(d) + 0.5, names, **(turn if turned else {}))
    ax.set_yticks(np.arange(d) + 0.5, names)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.invert_yaxis()
    ax.set_aspect("equal")
    bar = ax.figure.colorbar(mesh, ax=ax, ticks=[-1, -0.5, 0, 0.5, 1], shrink=0.8, aspect=16)
    bar.outline.set_visible(False)
    bar.ax.set_yticklabels([canvas.signed(tick, 1) for tick in bar.get_ticks()])
    bar.ax.tick_params(length=0, labelsize="small", labelcolor=ink)
    several = "mean and deviation over" if annotated else "mean over"
    rows = "1 row" if len(distribution) == 1 else f"{several} {len(distribution):,} rows"
    between = ", " if d > 3 else ",\n"  # the bar is as high as the map
    bar.set_label(f"correlation{between}{rows}", color=ink, fontsize="small")
    return ax


def aleatoric_vs_epistemic(distribution: Mixture | Transformed, *, ax: Axes | None = None) -> Axes:
    """Draw what the standard deviation of each target is made of.

    The aleatoric part is what no further training row would remove, the epistemic one what the
    members do not agree on. Each is shown as a share of the whole standard deviation, row by row:
    the squares of the two add up to 1. The dot is the median over rows, the bar holds half of the
    rows, the line 90% of them. Rows in which a target is known exactly do not count for it.

    Args:
        distribution: N mixtures, as `model.predict_mixture(X)` gives.
        ax: axes to draw on; those of a new figure by default.

    Returns:
        The axes.

    Raises:
        InputError: matplotlib is not installed, or `distribution` is something else.
    """
    if not isinstance(latent_of(distribution), Mixture):
        raise InputError(
            "`distribution` must be a `Mixture`, which alone has the two parts: take "
            f"model.predict_mixture(X). Received a {type(distribution).__name__}."
        )
    canvas.check_distribution(distribution)
    d = len(distribution.targets)
    names = short_names(distribution.targets, LONGEST, 2)
    ax = canvas.panel(ax, parts_size(distribution))
    total = distribution.stddev
    parts = (
        ("aleatoric", distribution.aleatoric, canvas.BLUE, -0.17),
        ("epistemic", distribution.epistemic, canvas.ORANGE, 0.17),
    )
    for label, covariance, colour, shift in parts:
        deviation = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
        found = np.full((d, len(SHARES)), np.nan)
        for i in range(d):
            free = ~distribution.observed[:, i]
            if free.any():
                found[i] = np.quantile(deviation[free, i] / total[free, i], SHARES)
        at = np.arange(d) + shift
        ax.hlines(at, found[:, 0], found[:, 4], color=colour, linewidth=1.2)
        width = found[:, 3] - found[:, 1]
        ax.barh(at, width, 0.2, left=found[:, 1], color=colour, label=label)
        look: dict[str, Any] = {"marker": "o", "markersize": 5.5, "linestyle": "", "color": colour}
        ax.plot(found[:, 2], at, markeredgecolor=canvas.ink(ax), markeredgewidth=1.0, **look)
    ax.set_yticks(np.arange(d), names)
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(0, 1.02), ylim=(d - 0.5, -0.5))
    ax.set_xlabel(
        "share of the standard deviation\n(dot: median, bar: half, line: 90% of the rows)"
    )
    canvas.percent(ax.xaxis)
    ax.grid(axis="x", alpha=0.4, linewidth=0.6)
    ax.set_axisbelow(True)
    canvas.legend(ax, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return ax


def heatmap_size(distribution: Joint) -> tuple[float, float]:
    """Width and height of a figure, in inches, on which a heat map and its names have room."""
    names = short_names(distribution.targets, LONGEST)
    side, beside = max(_side(len(names)) * len(names), 2.0), LETTER * max(map(len, names))
    below = 0.75 * beside if _turned(names) else 0.2
    return side + beside + 1.5, max(side + below + 0.4, LEAST)


def parts_size(mixture: Joint) -> tuple[float, float]:
    """The same for the parts of the standard deviation."""
    names = short_names(mixture.targets, LONGEST, 2)
    beside = LETTER * max(len(line) for name in names for line in name.split("\n"))
    return 4.6 + beside, 1.5 + 0.5 * len(names)


def _turned(names: list[str]) -> bool:
    """Whether names below a heat map would meet if they were level."""
    return LETTER * max(map(len, names)) > _side(len(names))


def _side(count: int) -> float:
    """Inches of a cell."""
    return 0.72 if count <= MOST_ANNOTATED else 0.42


def _over_rows(correlation: Array, known: Mask) -> tuple[Array, Array]:
    """Mean and standard deviation over rows in which neither target is known, shape (D, D)."""
    if not known.any():
        return correlation.mean(axis=0), correlation.std(axis=0)
    free = ~known[:, :, None] & ~known[:, None, :]
    count = free.sum(axis=0)
    weight = np.where(count > 0, count, np.nan)
    mean = correlation.sum(axis=0, where=free) / weight
    return mean, np.sqrt(np.square(correlation - mean).sum(axis=0, where=free) / weight)
