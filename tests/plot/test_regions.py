"""Regions and pair grids: what is drawn is right."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from numpy.testing import assert_allclose

from covey import plot
from covey.errors import InputError
from covey.plot import canvas
from tests.plot.pictures import NAMES, any_kind, came, closed_lines, draw, legend_of, matched, texts


@any_kind
def test_ellipses_lie_at_the_radius_of_their_region(kind):
    joint = draw(kind, n=30)
    y = came(joint, gaps=0)
    ax = plot.ellipses(joint, targets=["NO2", "CO"], y=y, levels=(0.9, 0.5), rows=[4, 7])
    part = joint.marginal(["NO2", "CO"])
    lines = closed_lines(ax)
    assert len(lines) == 4
    for number, line in enumerate(lines):
        row, level = [4, 7][number // 2], [0.5, 0.9][number % 2]
        at = matched(part)[np.full(len(line.get_xdata()), row)].mahalanobis(line.get_xydata())
        assert_allclose(at, part[row].region(level).radius[0], rtol=1e-9)
    assert len({line.get_color() for line in lines}) == 2
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("NO2", "CO")
    assert legend_of(ax) == ["row 4", "row 7"]
    assert "50% and 90%" in ax.get_title()
    marked = [line.get_xydata() for line in ax.get_lines() if len(line.get_xdata()) == 1]
    assert_allclose(np.concatenate(marked), y[[4, 7]][:, [2, 0]])


def test_ellipses_are_of_at_most_ten_rows_evenly_chosen():
    ax = plot.ellipses(draw(n=1000), levels=0.5)
    assert legend_of(ax) == [f"row {i}" for i in range(0, 1000, 111)]
    assert len(closed_lines(ax)) == 10
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("CO", "NOx")
    looks = {(h.get_color(), h.get_marker()) for h in ax.get_lines() if h.get_label()[0] == "r"}
    assert len(looks) == 4  # without observations, colours alone
    many = plot.ellipses(draw(n=40), rows=slice(None))
    assert many.get_legend() is None
    assert len(closed_lines(many)) == 80


def test_an_observation_with_a_gap_has_no_marker():
    joint = draw(n=3)
    y = came(joint, gaps=0)
    y[1, 0] = np.nan
    y[2, 2] = np.nan  # of another target
    ax = plot.ellipses(joint, y=pd.DataFrame(y, columns=joint.targets))
    marked = [line.get_xydata()[0] for line in ax.get_lines() if len(line.get_xdata()) == 1]
    assert_allclose(marked, y[[0, 2]][:, :2])


def test_markers_and_colours_tell_ten_rows_apart():
    joint = draw(n=10)
    ax = plot.ellipses(joint, y=came(joint, gaps=0))
    looks = {(h.get_color(), h.get_marker()) for h in ax.get_lines() if h.get_label()[0] == "r"}
    assert len(looks) == 10


@any_kind
def test_pairs_draws_densities_regions_and_correlations(kind):
    joint = draw(kind, n=5)
    y = came(joint, gaps=0)
    axes = plot.pairs(joint, row=3, y=y, levels=(0.5, 0.9))
    assert axes.shape == (3, 3)
    for i in range(3):
        curve, seen = axes[i, i].get_lines()
        at = curve.get_xdata()
        density = joint.marginal(i)[np.full(len(at), 3)].log_prob(at[:, None])
        assert_allclose(curve.get_ydata(), np.exp(density))
        assert 0.97 < np.trapezoid(curve.get_ydata(), at) < 1.001
        assert_allclose(seen.get_xdata(), y[3, i])
        shaded = axes[i, i].collections[0].get_paths()[0].vertices[:, 0]
        lower, upper = (end[3, i] for end in joint.interval(0.5))
        assert_allclose([shaded.min(), shaded.max()], [lower, upper])
        assert axes[2, i].get_xlabel() == NAMES[i]
        assert axes[i, 0].get_ylabel() == NAMES[i]
        for j in range(3):
            if i < j:
                value = matched(joint).correlation[3, i, j]
                assert texts(axes[i, j]) == [f"{value:.2f}".replace("-", "\N{MINUS SIGN}")]
                shade = canvas.BLUE if value < 0 else canvas.ORANGE
                assert_allclose(
                    axes[i, j].get_facecolor(), (*to_rgb(shade), canvas.DEEPEST * abs(value))
                )
            elif i > j:
                part = joint.marginal([j, i])[3]
                *lines, mark = axes[i, j].get_lines()
                for line, level in zip(lines, (0.5, 0.9), strict=True):
                    rows = np.zeros(len(line.get_xdata()), dtype=int)
                    distance = matched(part)[rows].mahalanobis(line.get_xydata())
                    assert_allclose(distance, part.region(level).radius[0], rtol=1e-9)
                    for side, ends in ((0, axes[i, j].get_xlim()), (1, axes[i, j].get_ylim())):
                        drawn = line.get_xydata()[:, side]
                        assert ends[0] < drawn.min() < drawn.max() < ends[1]
                assert_allclose(mark.get_xydata(), y[3][None, [j, i]])
                assert axes[i, j].get_xlim() == axes[j, j].get_xlim()
                assert axes[i, j].get_ylim() == axes[i, i].get_xlim()


def test_pairs_shows_a_known_target_as_a_line_and_hides_gaps():
    joint = draw(n=4).conditional(np.array([[np.nan, 9.0, np.nan]] * 4))
    axes = plot.pairs(joint, y=np.full((4, 3), np.nan))
    assert [texts(axes[i, j]) == ["known"] for i, j in ((0, 1), (0, 2), (1, 2))] == [1, 0, 1]
    (line,) = axes[1, 1].get_lines()
    assert_allclose(line.get_xdata(), 9.0)
    assert len(axes[0, 0].get_lines()) == 1  # the density, and no mark
    assert len(axes[2, 0].get_lines()) == 2
    axes[0, 0].figure.draw_without_rendering()


def test_pairs_of_one_target_and_of_too_many():
    axes = plot.pairs(draw(d=1), row=-1)
    assert axes.shape == (1, 1)
    assert axes[0, 0].get_ylabel() == "density"
    with pytest.raises(InputError, match=r"at most 12.*Received 13.*marginal"):
        plot.pairs(draw(n=2, d=13))
