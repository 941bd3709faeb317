"""Pictures as SVG inside a page: they take its colours of text, its font, and its light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from covey import plot
from covey.distributions import Elliptical, Mixture, Transformed
from covey.distributions.internals import latent_of, single
from covey.errors import InputError
from covey.plot.covariances import heatmap_size, parts_size
from covey.plot.names import short_names
from covey.types import Array

INK = "#123456"  # stands for the colour of the page's text, and is used for nothing else
STYLE = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a name may hold dollars
    "svg.hashsalt": "covey",
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "legend.facecolor": "none",
    "savefig.facecolor": "none",
    **dict.fromkeys(
        (
            "text.color",
            "axes.labelcolor",
            "axes.edgecolor",
            "axes.titlecolor",
            "xtick.color",
            "ytick.color",
            "xtick.labelcolor",
            "ytick.labelcolor",
            "legend.labelcolor",
            "legend.edgecolor",
        ),
        INK,
    ),
}
MOST_PANELS = 9  # targets that get a panel of their own
MOST_PAIRS = 6  # targets of a pair grid
LEAST_SIZE = 0.65  # of a picture on a narrow screen, which scrolls within the page then
MOST_CELLS = 30  # targets of a map of correlations


@dataclass(frozen=True)
class Picture:
    """One picture of the page.

    Attributes:
        name: what the page knows it by.
        svg: an `<svg>` element.
        says: what it shows, for whoever cannot see it.
    """

    name: str
    svg: str
    says: str


def draw_all(
    joint: Elliptical | Mixture | Transformed, mixture: Mixture | Transformed, y: Array
) -> dict[str, Picture]:
    """Draw what the page shows.

    Args:
        joint: predictions for N rows over D targets, at least one row with a target.
        mixture: the ensemble they come from.
        y: observed values, shape (N, D), in target units; NaN where not observed.

    Returns:
        Pictures by name; those that need two targets are absent where there is one.
    """
    seen = (~np.isnan(y)).sum(axis=0)
    order = np.argsort(-seen, kind="stable")
    shown = sorted(order[: min(MOST_PANELS, int((seen > 0).sum()))].tolist())
    part, values = joint.marginal(shown), y[:, shown]
    d, columns = len(shown), min(len(shown), 3)
    rows = -(-d // columns)
    found = [
        _picture(
            "predicted",
            "Observed against predicted values of each target, with 90% intervals.",
            (2.9 * columns, 2.7 * rows),
            lambda figure: _predicted(part, values, _grid(figure, d, columns)),
        ),
        _picture(
            "calibration",
            "Share of observations within regions and intervals, against the level promised.",
            (4.6, 4.6),
            lambda figure: plot.calibration_curve(part, values, ax=figure.subplots()),
        ),
        _picture(
            "transforms",
            "Histograms of the probability integral transform of each target and of the distance.",
            (2.2 * min(d + 1, 4), 1.9 * -(-(d + 1) // min(d + 1, 4))),
            lambda figure: plot.pit_histograms(
                part, values, axes=_grid(figure, d + 1, min(d + 1, 4), sharey=True)
            ),
        ),
        _picture(
            "uncertainty",
            "How much of the uncertainty of each target more data could remove.",
            parts_size(mixture.marginal(shown)),
            lambda figure: plot.aleatoric_vs_epistemic(
                mixture.marginal(shown), ax=figure.subplots()
            ),
        ),
    ]
    if len(joint.targets) > 1:
        wide = sorted(order[:MOST_CELLS].tolist())
        found.append(
            _picture(
                "correlations",
                "Mean correlation of each pair of targets over the rows, and its spread.",
                heatmap_size(joint.marginal(wide)),
                lambda figure: plot.correlation_heatmap(joint.marginal(wide), ax=figure.subplots()),
            )
        )
        few = sorted(order[:MOST_PAIRS].tolist())
        row = typical_row(joint, y)
        found.append(
            _picture(
                "pairs",
                "The joint distribution of one typical row, pair by pair, and what was observed.",
                (1.7 * len(few), 1.7 * len(few)),
                lambda figure: plot.pairs(
                    joint.marginal(few),
                    row=row,
                    y=y[:, few],
                    axes=figure.subplots(len(few), len(few), squeeze=False),
                ),
            )
        )
    return {picture.name: picture for picture in found}


def typical_row(joint: Elliptical | Mixture | Transformed, y: Array) -> int:
    """The row of median uncertainty among those with the most observed targets."""
    count = (~np.isnan(y)).sum(axis=1)
    rows = np.flatnonzero(count == count.max())
    part = joint[rows]
    # of mixtures an entropy is an average over many points
    spread = (single(part) if isinstance(latent_of(part), Mixture) else part).entropy()
    return int(rows[np.argsort(spread, kind="stable")[len(rows) // 2]])


def _predicted(joint: Elliptical | Mixture | Transformed, y: Array, axes: Array) -> None:
    """Panels that say in a caption what each would say by itself."""
    names = short_names(joint.targets, 30, 2)
    for number, ax in enumerate(axes):
        plot.observed_vs_predicted(joint, y, target=number, ax=ax)
        ax.set(title=names[number], xlabel="predicted", ylabel="observed")
        if number:
            ax.get_legend().remove()


def _grid(figure: Any, count: int, columns: int, **shared: Any) -> Array:
    axes = figure.subplots(-(-count // columns), columns, squeeze=False, **shared).ravel()
    for spare in axes[count:]:
        figure.delaxes(spare)
    found: Array = axes[:count]
    return found


def _picture(
    name: str, says: str, size: tuple[float, float], draw: Callable[[Any], Any]
) -> Picture:
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError(
            'A report needs matplotlib, which is not installed. Run pip install "covey[report]".'
        ) from None
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return Picture(name, _inline(text.getvalue(), name, says), says)


def _inline(text: str, name: str, says: str) -> str:
    """An SVG file as an element of a page: no names that clash, the page's colour for ink."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    used = set(re.findall(r"#([\w.-]+)[\")]", text))
    text = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", text)
    text = re.sub(
        r"(url\(#|href=\"#)([\w.-]+)",
        lambda m: f"{m[1]}{name}-{m[2]}" if m[2] in used else m[0],
        text,
    )
    text = re.sub(INK, "currentColor", text, flags=re.IGNORECASE)
    width, height = re.findall(r'(?:width|height)="([\d.]+)pt"', text)[:2]
    pixels = float(width) * 4 / 3
    head = (
        f'<svg role="img" aria-label="{says}" viewBox="0 0 {width} {height}" '
        f'style="max-width: {pixels:.0f}px; min-width: {LEAST_SIZE * pixels:.0f}px" '
        'xmlns="http://www.w3.org/2000/svg" '
        'xmlns:xlink="http://www.w3.org/1999/xlink">'
    )
    return head + text[text.index(">") + 1 :]
