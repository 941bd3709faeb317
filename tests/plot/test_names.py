"""Names find their place in pictures, however long and many they are."""

from itertools import combinations

import matplotlib
import numpy as np
import pytest
from matplotlib.text import Text

from covey.distributions import Mixture, MultivariateNormal
from covey.plot.names import short_name, short_names
from tests.plot.pictures import PICTURES

LONG = [
    f"concentration of nitrogen oxides at station {i} (micrograms per m3)" for i in range(100, 116)
]
KINDS = {
    "long": LONG,
    "alike but for the end": [f"{'temperature_' * 5}{i}" for i in range(16)],
    "alike but for the start": [f"{i}{'_temperature' * 5}" for i in range(16)],
    "one word": ["x" * (i + 50) for i in range(16)],
    "lines": [f"a name of two lines\nand number {i}, both longer than others" for i in range(16)],
    "dollars": [f"$price$ in {i} dollars ($) and many more words than fit" for i in range(16)],
    "mixed": ["CO", *LONG[1:15], "NO2"],
    "wide letters": [f"{'濃度測定値' * 9}{i}" for i in range(16)],
}


@pytest.mark.parametrize(("width", "lines"), [(13, 3), (24, 1), (26, 2), (42, 2)])
@pytest.mark.parametrize("kind", KINDS)
def test_names_fit_and_are_told_apart(kind, width, lines):
    for count in (2, 5, 16):
        found = [
            text.replace(r"\$", "$") for text in short_names(KINDS[kind][:count], width, lines)
        ]
        assert len(set(found)) == count
        for text in found:
            assert len(text.split("\n")) <= lines
            assert max(map(len, text.split("\n"))) <= width


def test_what_fits_is_left_as_it_is():
    names = ["CO", "NOx(GT)", "a name of 24 letters, no"]
    assert short_names(names, 24) == names
    assert short_name("two words", 9) == "two words"
    assert short_name("two words", 5, 2) == "two\nwords"


def test_what_is_left_out_is_the_middle_or_what_all_share():
    assert short_name("abcdefghijklmnop", 9) == "abcd…mnop"
    first, second = short_names(
        ["sensor at the inlet, 1 of them", "sensor at the inlet, 2 of them"], 14
    )
    assert "1" in first
    assert "2" in second
    assert first.startswith("sen")


def test_dollars_are_escaped_where_they_would_be_mathematics():
    assert short_name("$x_2$", 9) == r"\$x_2\$"
    with matplotlib.rc_context({"text.parse_math": False}):
        assert short_name("$x_2$", 9) == "$x_2$"


def drawn(name, names, kind):
    d = len(names)
    generator = np.random.default_rng(d)
    sizes = 10.0 ** generator.integers(-3, 6, size=d)
    mean = sizes * (generator.normal(size=(60, d)) + 50 * generator.integers(0, 2, size=d))
    factor = np.tril(generator.normal(size=(d, d))) * 0.3 + np.eye(d)
    parts = [
        MultivariateNormal(
            mean + shift * sizes, scale_tril=[sizes[:, None] * factor] * 60, targets=names
        )
        for shift in (-0.2, 0.2)
    ]
    joint = Mixture(parts) if name == "aleatoric_vs_epistemic" else Mixture(parts).moment_matched()
    joint = joint.affine(np.eye(d), 1e5 * sizes, targets=names) if kind == "far" else joint
    axes = PICTURES[name][0](joint, joint.sample(1, seed=0)[0], None)
    return np.ravel(axes)[0].figure


def out_of_view(ax):
    """Numbers of ticks that are not drawn, since they lie beyond the ends of their axis."""
    for axis in (ax.xaxis, ax.yaxis):
        low, high = sorted(axis.get_view_interval())
        slack = 1e-9 * (high - low)
        for tick in axis.get_major_ticks():
            if not low - slack <= tick.get_loc() <= high + slack:
                yield from (tick.label1, tick.label2)


def boxes(figure):
    """Where each visible text stands, in pixels."""
    renderer = figure.canvas.get_renderer()
    beyond = {id(text) for ax in figure.axes for text in out_of_view(ax)}
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip() and id(text) not in beyond:
            yield text, text.get_window_extent(renderer)


def overlap(one, other):
    wide = min(one.x1, other.x1) - max(one.x0, other.x0)
    high = min(one.y1, other.y1) - max(one.y0, other.y0)
    return wide > 1 and high > 1


@pytest.mark.parametrize("count", [1, 2, 5, 12])
@pytest.mark.parametrize("kind", ["long", "one word", "short", "far"])
@pytest.mark.parametrize("name", PICTURES)
def test_no_text_leaves_the_figure_or_meets_another(name, kind, count):
    if name == "ellipses" and count == 1:
        pytest.skip("an ellipse needs two targets")
    names = [f"t{i}" for i in range(count)] if kind not in KINDS else KINDS[kind][:count]
    figure = drawn(name, names, kind)
    figure.draw_without_rendering()
    found = list(boxes(figure))
    width, height = figure.canvas.get_width_height()
    for text, box in found:
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
        assert inside, text.get_text()
    level = [(text, box) for text, box in found if text.get_rotation() in (0, 90)]
    met = [
        (one.get_text(), other.get_text())
        for (one, box), (other, its) in combinations(level, 2)
        if overlap(box, its)
    ]
    assert not met
