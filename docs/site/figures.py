"""Figures of matplotlib as two SVGs: one for a light page, one for a dark one.

What follows matplotlib's settings (text, axes, ticks) is drawn in an ink of its own, and what has
the colour of the page in a paper of its own; the two pictures differ in these two colours alone.
Data keep theirs, which are chosen to stand out on both.
"""

from io import StringIO
from typing import Any

INK, PAPER = "#24292e", "#fefefd"  # as nothing else is coloured
LIGHT = {INK: "#24292e", PAPER: "#ffffff"}
DARK = {INK: "#ced6dd", PAPER: "#14181e"}  # text and background of the theme

_IN_INK = (
    *("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "xtick.color"),
    *("ytick.color", "legend.labelcolor", "patch.edgecolor", "hatch.color"),
)
SETTINGS: dict[str, Any] = {
    **dict.fromkeys(_IN_INK, INK),
    "axes.facecolor": PAPER,
    "legend.facecolor": PAPER,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "grid.color": "#8c959f",
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 10.5,
    "svg.fonttype": "path",
    "svg.hashsalt": "covey",
}


def pictures(figure: Any) -> dict[str, str]:
    """A figure as text of SVG, "light" and "dark"."""
    file = StringIO()
    figure.savefig(file, format="svg", bbox_inches="tight", metadata={"Date": None})
    drawn = file.getvalue()
    return {"light": _coloured(drawn, LIGHT), "dark": _coloured(drawn, DARK)}


def described(figure: Any) -> str:
    """What a figure shows, for those who cannot see it: its titles and the names of its axes."""
    said = [figure.get_suptitle()]
    for ax in figure.axes:
        said += [ax.get_title(), ax.get_xlabel(), ax.get_ylabel()]
    words = list(dict.fromkeys(" ".join(each.split()) for each in said if each.strip()))
    plain = "; ".join(words[:8]).translate(str.maketrans("", "", "[]$\\`|<>{}"))
    return f"Figure: {plain}" if plain else "Figure drawn by the code above"


def _coloured(drawn: str, colours: dict[str, str]) -> str:
    for own, shown in colours.items():
        drawn = drawn.replace(own, shown)
    return drawn
