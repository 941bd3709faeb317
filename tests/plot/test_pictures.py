"""What holds of every picture: its axes, its text, what it refuses; nothing else is touched."""

import subprocess
import sys
import warnings

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_rgba
from numpy.testing import assert_allclose

from covey import plot
from covey.distributions import Mixture, MultivariateNormal
from covey.distributions.conformal import CalibrationSet
from covey.errors import InputError
from covey.plot import canvas
from tests.plot.pictures import (
    PICTURES,
    by_label,
    came,
    closed_lines,
    draw,
    each_picture,
)

SETTINGS = dict(matplotlib.rcParams)


def test_every_public_function_has_a_case_here():
    assert sorted(PICTURES) == sorted(plot.__all__)


@each_picture
@pytest.mark.parametrize(("n", "d"), [(1, 2), (1, 1), (30, 1), (30, 3)])
def test_pictures_of_all_sizes_are_drawn_on_new_figures(name, n, d):
    joint = draw("mixture", n=n, d=d)
    y = came(joint, gaps=0.2 if n > 1 else 0)
    if name == "ellipses" and d == 1:
        with pytest.raises(InputError, match="needs two of the targets"):
            plot.ellipses(joint)
        return
    found = PICTURES[name][0](joint, y, None)
    assert dict(matplotlib.rcParams) == SETTINGS
    first = np.array(found, dtype=object).ravel()[0]
    assert isinstance(first, matplotlib.axes.Axes)
    assert len(pyplot.get_fignums()) == 1
    first.figure.draw_without_rendering()


@each_picture
def test_pictures_use_the_axes_they_are_given(name, monkeypatch):
    joint = draw("mixture", n=20, d=3)
    function, count = PICTURES[name]
    number = count(3) if count else 1
    figure, axes = pyplot.subplots(1, number, squeeze=False)
    given = axes.ravel() if number > 1 else axes[0, 0]
    monkeypatch.setattr(pyplot, "subplots", None)
    monkeypatch.setattr(pyplot, "close", None)
    found = function(joint, came(joint), given)
    assert dict(matplotlib.rcParams) == SETTINGS
    assert matplotlib.get_backend().lower() == "agg"
    for ours, theirs in zip(np.ravel(found), np.ravel(given), strict=True):
        assert ours is theirs
        assert ours.has_data() or ours.texts
    assert pyplot.get_fignums() == [figure.number]
    monkeypatch.undo()


@each_picture
def test_text_and_neutral_lines_take_the_ink_of_the_axes(name):
    joint = draw("mixture", n=20, d=2)
    inks = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    with matplotlib.rc_context({**dict.fromkeys(inks, "#123456"), "grid.color": "#123456"}):
        found = PICTURES[name][0](joint, came(joint, gaps=0), None)
    figure = np.ravel(np.array(found, dtype=object))[0].figure
    known = {to_rgba(colour)[:3] for colour in ("#123456", *canvas.COLOURS)}
    for text in figure.findobj(matplotlib.text.Text):
        if text.get_text():
            assert to_rgba(text.get_color())[:3] in {to_rgba("#123456")[:3]}, text
    for ax in figure.axes:
        for line in ax.get_lines():
            assert to_rgba(line.get_color())[:3] in known


@each_picture
def test_wrong_axes_are_refused(name):
    joint = draw("mixture", n=3, d=2)
    function, count = PICTURES[name]
    for wrong in (pyplot.figure(), "axes"):
        given = [wrong] * count(2) if count and count(2) > 1 else wrong
        with pytest.raises(
            InputError, match=rf"Expected .*axes.*Received a {type(wrong).__name__}"
        ):
            function(joint, came(joint, gaps=0), given)
    if count and count(2) > 1:
        with pytest.raises(InputError, match=rf"Expected {count(2)} matplotlib axes.*Received 1"):
            function(joint, came(joint, gaps=0), pyplot.subplots()[1])


NOTHING = np.full((5, 2), np.nan)
Y = np.ones((5, 2))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("ellipses", {"targets": ["CO"]}, r"two of the targets \['CO', 'NOx'\].*Received \['CO'\]"),
        ("ellipses", {"targets": ["CO", "O3"]}, r"Received: 'O3'"),
        ("ellipses", {"levels": 90}, r"Did you mean 0.9"),
        ("ellipses", {"levels": []}, r"at least one number"),
        ("ellipses", {"levels": [0.5, "x"]}, r"Received: level='x'"),
        ("ellipses", {"rows": []}, r"at least one row"),
        ("ellipses", {"rows": [5]}, r"rows from 0 to 4"),
        ("ellipses", {"y": np.ones((4, 2))}, r"must have shape \(5, 2\)"),
        ("pairs", {"row": 5}, r"rows from 0 to 4. Received 5"),
        ("pairs", {"y": np.full((5, 2), np.inf)}, r"must be finite"),
        ("calibration_curve", {"y": NOTHING}, r"at least one observed value"),
        ("calibration_curve", {"y": Y, "levels": [0, 0.5]}, r"must lie in \(0, 1\)"),
        ("pit_histograms", {"y": NOTHING}, r"at least one observed value"),
        ("pit_histograms", {"y": Y, "bins": 0}, r"positive integer. Received: bins=0"),
        ("observed_vs_predicted", {"y": Y, "target": "O3"}, r"Received: 'O3'"),
        (
            "observed_vs_predicted",
            {"y": Y, "max_rows": 0},
            r"positive integer. Received: max_rows=0",
        ),
        ("observed_vs_predicted", {"y": Y, "level": 90}, r"Did you mean 0.9"),
        ("observed_vs_predicted", {"y": [[np.nan, 1.0]] * 5}, r"observed values of 'CO'"),
    ],
)
def test_bad_input_is_refused_before_a_figure_opens(name, arguments, message):
    with pytest.raises(InputError, match=message):
        getattr(plot, name)(draw(n=5, d=2), **arguments)
    assert pyplot.get_fignums() == []


@each_picture
def test_what_is_no_distribution_is_refused(name):
    with pytest.raises(InputError, match=r"model\.predict_.*Received a ndarray"):
        PICTURES[name][0](Y, Y, None)
    with pytest.raises(InputError, match=r"at least one row. Received none"):
        PICTURES[name][0](draw("mixture", n=2)[[]], np.empty((0, 3)), None)


@each_picture
def test_without_matplotlib_it_is_said_what_to_install(name, monkeypatch):
    joint = draw("mixture", n=5, d=2)
    for module in [key for key in sys.modules if key.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=r'pip install "covey\[plot\]"'):
        PICTURES[name][0](joint, came(joint, gaps=0), None)


def test_importing_the_module_loads_no_matplotlib_and_no_keras():
    code = (
        "import sys, covey.plot; "
        "print({'matplotlib', 'keras', 'scoringrules', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_regions_and_intervals_without_end():
    few = draw(n=5)
    joint = draw(n=8).calibrated_by(CalibrationSet(few, came(few, gaps=0), "conformal"))
    y = came(joint, gaps=0)
    assert np.isinf(joint.region(0.9).radius).all()
    assert len(closed_lines(plot.ellipses(joint, y=y))) == 8  # of the level 0.5
    axes = plot.pairs(joint, y=y)
    assert np.isfinite([ax.get_xlim() for ax in axes.ravel()]).all()
    axes[0, 0].figure.draw_without_rendering()
    ax = plot.observed_vs_predicted(joint, y)
    bars = np.array(ax.collections[0].get_segments())[:, :, 1]
    values = np.concatenate([y[:, 0], joint.mean[:, 0]])
    assert_allclose(bars, [[values.min(), values.max()]] * 8)
    assert "100.0% inside" in ax.get_title()
    curve = by_label(plot.calibration_curve(joint, y, levels=[0.5, 0.9]))
    shares = curve["all together"].get_ydata()
    assert shares[1] == 1


def test_thousands_of_rows_draw_few_marks():
    joint = draw(n=5000, d=3)
    y = came(joint)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax = plot.observed_vs_predicted(joint, y)
    assert len(ax.collections[0].get_segments()) == 300
    assert "300 of " in ax.get_title()


@pytest.mark.parametrize("picture", PICTURES)
def test_dollar_signs_in_names_are_dollar_signs(picture, monkeypatch):
    """Between two of them matplotlib would set TeX, or fail at what is none."""
    joint = draw("mixture", d=2)
    names = ("cost $ per m_", "a $_^ and $")
    parts = [
        MultivariateNormal(part.mean, scale_tril=part.scale_tril, targets=names)
        for part in joint.components
    ]
    seen = []
    parse = matplotlib.text.Text._preprocess_math

    def look(text, words):
        seen.append(parse(text, words))
        return seen[-1]

    monkeypatch.setattr(matplotlib.text.Text, "_preprocess_math", look)
    joint = Mixture(parts, joint.weights)
    PICTURES[picture][0](joint, came(joint), None)
    pyplot.gcf().canvas.draw()
    pyplot.close("all")
    assert {math for words, math in seen if "cost" in words or "_^" in words} == {False}
    assert any("$ per m_" in words for words, _ in seen)
