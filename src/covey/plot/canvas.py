"""What all pictures share: colours, axes, and what may be drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from covey.arguments.check import check_level, read_values
from covey.distributions.joint import Joint
from covey.errors import InputError
from covey.types import Array, Mask

if TYPE_CHECKING:
    from matplotlib.axes import Axes


# Four of the colours of Okabe and Ito (2008): those with a contrast of 3 or more both on white and
# on a dark page. Further things are told apart by markers and dashes as well.
BLUE, ORANGE, GREEN, PURPLE = COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
MARKERS = ("o", "s", "^", "D", "v")
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1.2)))
DEEPEST = 0.7  # opacity at a correlation of 1: text stays legible on it, dark or light


def panel(ax: Any, size: tuple[float, float]) -> Axes:
    """The axes to draw on.

    Args:
        ax: axes, or None for those of a new figure.
        size: of the new figure, in inches.

    Raises:
        InputError: matplotlib is not installed, or `ax` is something else.
    """
    return panels(None if ax is None else [ax], 1, 1, size)[0]


def panels(axes: Any, count: int, columns: int, size: tuple[float, float], **shared: Any) -> Any:
    """Several axes to draw on.

    Args:
        axes: array of them in any shape, or None for those of a new figure.
        count: how many there must be.
        columns: of a new figure.
        size: of one panel of a new figure, in inches.
        **shared: passed on to `matplotlib.pyplot.subplots`.

    Returns:
        Array of shape (count,), of axes.

    Raises:
        InputError: matplotlib is not installed, or the axes are not that many.
    """
    try:
        from matplotlib.axes import Axes
    except ImportError:
        raise InputError(
            'Pictures need matplotlib, which is not installed. Run pip install "covey[plot]".'
        ) from None
    if axes is None:
        # pyplot may start a window system: not before a figure is wanted
        from matplotlib import pyplot

        rows = -(-count // columns)
        figure, axes = pyplot.subplots(
            rows,
            columns,
            figsize=(size[0] * columns, size[1] * rows),
            layout="constrained",
            squeeze=False,
            **shared,
        )
        for spare in axes.ravel()[count:]:
            figure.delaxes(spare)
        axes = axes.ravel()[:count]
    found = np.array(axes, dtype=object).ravel()
    wrong = [ax for ax in found if not isinstance(ax, Axes)]
    if len(found) != count or wrong:
        received = f"a {type(wrong[0]).__name__}" if wrong else f"{len(found)}"
        raise InputError(
            f"Expected {'matplotlib axes' if count == 1 else f'{count} matplotlib axes'}, or None "
            f"for a new figure. Received {received}."
        )
    for ax in found:
        ax.spines[["top", "right"]].set_visible(False)
    return found


def ink(ax: Axes) -> Any:
    """The colour of the text beside some axes, for neutral lines and text inside them."""
    return ax.xaxis.label.get_color()


def legend(ax: Axes, **where: Any) -> None:
    """A legend without a frame, in the ink of the axes."""
    ax.legend(frameon=False, fontsize="small", labelcolor=ink(ax), **where)


def percent(*axis: Any) -> None:
    """Write shares as percentages along some axes, `ax.xaxis` for one."""
    from matplotlib.ticker import PercentFormatter

    for one in axis:
        one.set_major_formatter(PercentFormatter(1, decimals=0))


def style(number: int) -> dict[str, Any]:
    """Colour and dashes of the so-many-th line; the first twelve differ."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "linestyle": DASHES[number % len(DASHES)],
    }


def shade(correlation: Any) -> Array:
    """Colours of correlations: (..., ) gives (..., 4); none at 0, orange above, blue below."""
    from matplotlib.colors import to_rgb

    value = np.asarray(correlation, dtype=np.float64)[..., None]
    colour = np.where(value < 0, to_rgb(BLUE), to_rgb(ORANGE))
    return np.concatenate([colour, DEEPEST * np.minimum(np.abs(value), 1.0)], axis=-1)


def signed(value: float, decimals: int = 2) -> str:
    """A correlation as text, with a true minus sign and without a negative zero."""
    return f"{round(float(value), decimals) + 0.0:.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def check_distribution(distribution: Any) -> None:
    """Raise an InputError unless it is a batch of at least one distribution."""
    if not isinstance(distribution, Joint):
        raise InputError(
            "`distribution` must be one, such as model.predict_distribution(X) gives. "
            f"Received a {type(distribution).__name__}."
        )
    if len(distribution) == 0:
        raise InputError("`distribution` must have at least one row. Received none.")


def observations(distribution: Joint, y: Any) -> Array:
    """Observations as an array of shape (N, D), NaN where there are none; all NaN for None."""
    shape = len(distribution), len(distribution.targets)
    return (
        np.full(shape, np.nan)
        if y is None
        else read_values(y, shape, distribution.targets, rows=distribution.index)
    )


def unknown(distribution: Joint, y: Any) -> tuple[Array, Mask]:
    """Observations, and which of them a prediction can be held against.

    Returns:
        (values, seen): of shape (N, D); `seen` is False where there is NaN or a target was known.

    Raises:
        InputError: there are none.
    """
    values = observations(distribution, y)
    seen = ~np.isnan(values) & ~distribution.observed
    if not seen.any():
        raise InputError(
            "Expected at least one observed value of a target that was not known. Received none."
        )
    return values, seen


def written(name: str) -> str:
    """A name as text of a picture: matplotlib would take what is between dollar signs for TeX."""
    return name.replace("$", r"\$")


def read_levels(levels: float | Iterable[float]) -> list[float]:
    """Levels in increasing order, each once.

    Raises:
        InputError: one lies outside (0, 1), or there is none.
    """
    several = levels if isinstance(levels, (Sequence, np.ndarray)) else [levels]
    found = sorted({check_level(level) for level in several})  # type: ignore[arg-type]
    if not found:
        raise InputError("`levels` must hold at least one number in (0, 1). Received none.")
    return found


def listed(levels: Sequence[float]) -> str:
    """Levels as text: "50%, 80% and 90%"."""
    words = [f"{100 * level:g}%" for level in levels]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
