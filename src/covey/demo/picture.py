"""The picture of the demo: what one analyser tells of two other gases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from covey.arguments.destination import write_whole
from covey.distributions import Elliptical, Mixture, Transformed
from covey.plot.canvas import BLUE, ORANGE
from covey.types import Mask

if TYPE_CHECKING:
    import os

    import pandas as pd

Predictions = Elliptical | Mixture | Transformed

LEVEL = 0.9
SHADES = (LEVEL, 0.7, 0.5, 0.3)
WEEK = 7 * 24  # hours
SIGNS = str.maketrans({"3": "\N{SUPERSCRIPT THREE}", "u": "\N{MICRO SIGN}"})  # of units
STYLE = {"font.size": 10.0, "axes.spines.top": False, "axes.spines.right": False}


def draw(
    path: str | os.PathLike[str],
    before: Predictions,
    after: Predictions,
    measured: pd.DataFrame,
    *,
    pair: tuple[str, str],
    given: list[str],
    silent: pd.Series,
    units: dict[str, str],
) -> None:
    """Draw one week, and one hour before and after some of the targets are known.

    Args:
        path: PNG file to write, as a whole or not at all.
        before: distributions of N hours over D targets.
        after: the same, once the targets `given` are known.
        measured: what was measured, N rows and D columns, labelled by hours; NaN where nothing was.
        pair: the two targets to show.
        given: names of the targets that are known first.
        silent: N booleans, True where the sensors said nothing.
        units: of each target.

    Raises:
        InputError: the file cannot be written there.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11.5, 5.0), layout="constrained")
        halves: Any = figure.subfigures(1, 2, width_ratios=(1.6, 1))
        left, right = halves
        units = {name: written.translate(SIGNS) for name, written in units.items()}
        _week(left, before, measured, pair, silent.to_numpy(), units)
        words = ("from the sensors", f"once {' and '.join(given)} is known")
        _hour(right, (before, after), measured, list(pair), units, words)

        def fill(stream: BinaryIO) -> Any:
            figure.savefig(stream, format="png", dpi=150)

        write_whole(path, fill, "a picture")


def _week(
    figure: Any,
    joint: Predictions,
    measured: pd.DataFrame,
    pair: tuple[str, str],
    silent: Mask,
    units: dict[str, str],
) -> None:
    """Intervals of two targets through the week in which most was measured."""
    hours = measured.index.to_numpy()
    ends = np.searchsorted(hours, hours + WEEK)
    counted = np.concatenate([[0], np.cumsum(measured.notna().all(axis=1))])
    first = int(np.argmax(counted[ends] - counted[:-1]))
    rows = np.arange(first, ends[first])
    days = (hours[rows] - hours[first]) / 24
    parts = np.split(np.arange(len(rows)), np.flatnonzero(np.diff(hours[rows]) > 1) + 1)
    axes = figure.subplots(2, 1, sharex=True)
    for ax, target in zip(axes, pair, strict=True):
        one = joint[rows][[target]]
        lower, upper = (end[:, 0] for end in one.interval(LEVEL))
        for part in parts:
            ax.fill_between(
                days[part], lower[part], upper[part], color=BLUE, alpha=0.25, linewidth=0
            )
            ax.plot(days[part], one.mean[part, 0], color=BLUE, linewidth=1.2)
        ax.plot(days, measured[target].iloc[rows], "o", color="black", markersize=2.5)
        ax.set(ylabel=f"{target}, {units[target]}", xlim=(days[0], days[-1]))
    quiet = days[silent[rows]]
    if len(quiet):
        middle = (quiet.min() + quiet.max()) / 2
        place = axes[0].get_xaxis_transform()  # days along, a share of the height up
        axes[0].margins(y=0.14)  # room for the words
        axes[0].text(middle, 1.0, "sensors silent", ha="center", va="top", transform=place)
    axes[1].set_xlabel("day of a week that was held out")
    axes[0].set_title(f"Hour by hour: mean and interval of {LEVEL:.0%}; dots: measured", loc="left")


def _hour(
    figure: Any,
    joints: tuple[Predictions, Predictions],
    measured: pd.DataFrame,
    pair: list[str],
    units: dict[str, str],
    words: tuple[str, str],
) -> None:
    """Regions of two targets in the typical hour of those in which everything was measured."""
    whole = np.flatnonzero(measured.notna().all(axis=1))
    before, after = (
        joint[whole][pair].region(LEVEL, shape="ellipsoid").volume() for joint in joints
    )
    order = np.argsort(after / before, kind="stable")
    row = int(whole[order[len(order) // 2]])
    ax = figure.subplots()
    for joint, colour, text, place in zip(joints, (BLUE, ORANGE), words, (0.99, 0.93), strict=True):
        part = joint[row][pair]
        lines: list[Any] = [part.region(level, shape="ellipsoid").boundary()[0] for level in SHADES]
        ax.fill(*lines[0].T, facecolor="white", linewidth=0)
        for line in lines:
            ax.fill(*line.T, facecolor=colour, alpha=0.12, linewidth=0)
        ax.plot(*lines[0].T, color=colour, linewidth=2)
        ax.text(0.02, place, text, color=colour, weight="bold", va="top", transform=ax.transAxes)
    ax.plot(*measured[pair].iloc[row], "o", color="black", markersize=6)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.18 * (high - low))  # room for the words
    ax.set(xlabel=f"{pair[0]}, {units[pair[0]]}", ylabel=f"{pair[1]}, {units[pair[1]]}")
    ax.set_title(f"A typical hour: regions of {LEVEL:.0%}", loc="left")
