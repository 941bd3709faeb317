"""Pictures of covariances: what is drawn is right."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.testing import assert_allclose, assert_array_equal

from covey import plot
from covey.errors import InputError
from covey.plot import canvas
from tests.plot.pictures import any_kind, contrast, draw, legend_of, matched, texts


@any_kind
def test_the_heat_map_holds_mean_and_deviation(kind):
    joint = draw(kind, n=25)
    ax = plot.correlation_heatmap(joint)
    mean, spread = matched(joint).correlation.mean(axis=0), matched(joint).correlation.std(axis=0)
    mesh = ax.collections[0]
    assert mesh.get_clim() == (-1, 1)
    off = ~np.eye(3, dtype=bool)
    cells = mesh.get_array().reshape(3, 3)
    assert_allclose(cells[off], mean[off])
    assert cells.mask[~off].all()
    found = {}
    for text in ax.texts:
        x, y = text.get_position()
        found.setdefault((int(y), int(x)), []).append(text.get_text())
    for i in range(3):
        for j in range(3):
            both = [f"{mean[i, j]:.2f}".replace("-", "\N{MINUS SIGN}"), f"±{spread[i, j]:.2f}"]
            assert found[i, j] == (both if i != j else ["1"])
    assert [label.get_text() for label in ax.get_xticklabels()] == list(joint.targets)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(joint.targets)
    assert ax.yaxis_inverted()
    assert ax.figure.axes[1].get_ylabel() == "correlation, mean and deviation over 25 rows"


def test_colours_of_correlations_are_centred_and_legible():
    shades = canvas.shade(np.array([-1, -0.5, 0, 0.5, 1]))
    assert_allclose(shades[:2, :3], [to_rgb(canvas.BLUE)] * 2)
    assert_allclose(shades[3:, :3], [to_rgb(canvas.ORANGE)] * 2)
    assert_allclose(shades[:, 3], canvas.DEEPEST * np.array([1, 0.5, 0, 0.5, 1]))
    ax = plot.correlation_heatmap(draw())
    assert ax.collections[0].get_cmap()(127)[3] == 0
    assert_allclose(ax.collections[0].get_cmap()(0), shades[0])
    for page, ink in (("#ffffff", "#222222"), ("#16181d", "#dde1e7")):
        for shade in shades[[0, -1]]:
            under = shade[3] * shade[:3] + (1 - shade[3]) * np.array(to_rgb(page))
            assert contrast(under, ink) > 4.5


def test_rows_in_which_a_target_is_known_do_not_count_in_the_heat_map():
    joint = draw(n=6)
    given = np.full((6, 3), np.nan)
    given[:4, 0] = 10.0
    given[:, 2] = 10.0
    known = joint.conditional(given)
    cells = plot.correlation_heatmap(known).collections[0].get_array().reshape(3, 3)
    assert_allclose(cells[0, 1], known.correlation[4:, 0, 1].mean())
    assert cells.mask[0, 2]
    assert cells.mask[2, 1]


def test_the_heat_map_drops_what_there_is_no_room_for():
    assert len(plot.correlation_heatmap(draw(d=2)).texts) == 6
    assert len(plot.correlation_heatmap(draw(n=1, d=2)).texts) == 4
    assert texts(plot.correlation_heatmap(draw(d=1))) == ["1"]
    assert len(plot.correlation_heatmap(draw(n=3, d=12)).texts) == 12 + 2 * 132
    assert texts(plot.correlation_heatmap(draw(n=3, d=13))) == []
    assert texts(plot.correlation_heatmap(draw(), annotate=False)) == []


def test_the_two_parts_are_shares_of_the_standard_deviation():
    mixture = draw("mixture", n=50)
    ax = plot.aleatoric_vs_epistemic(mixture)
    total = np.sqrt(np.diagonal(mixture.covariance, axis1=1, axis2=2))
    dots = [line for line in ax.get_lines() if line.get_marker() == "o"]
    parts = {"aleatoric": mixture.aleatoric, "epistemic": mixture.epistemic}
    for number, covariance in enumerate(parts.values()):
        share = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2)) / total
        ends = np.quantile(share, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0)
        lines = np.array(ax.collections[number].get_segments())
        assert_allclose(lines[:, :, 0].T, ends[[0, 4]])
        assert_allclose(dots[number].get_xdata(), ends[2])
        bars = ax.patches[3 * number : 3 * number + 3]
        assert_allclose([bar.get_x() for bar in bars], ends[1])
        assert_allclose([bar.get_width() for bar in bars], ends[3] - ends[1])
        assert_allclose(np.round([bar.get_y() + bar.get_height() / 2 for bar in bars]), range(3))
    assert legend_of(ax) == list(parts)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(mixture.targets)
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_a_target_that_is_always_known_has_no_parts():
    mixture = draw("mixture", n=4).conditional(np.array([[np.nan, 9.0, np.nan]] * 4))
    dots = plot.aleatoric_vs_epistemic(mixture).get_lines()[0].get_xdata()
    assert_array_equal(np.isnan(dots), [False, True, False])


def test_the_two_parts_need_a_mixture():
    with pytest.raises(InputError, match=r"predict_mixture\(X\).*MultivariateNormal"):
        plot.aleatoric_vs_epistemic(draw())
