"""Pictures: what is drawn is right, and nothing else is touched."""

import subprocess
import sys
import warnings
from itertools import combinations

import matplotlib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from covey import plot
from covey.distributions import Mixture, MultivariateNormal, MultivariateT
from covey.distributions.conformal import CalibrationSet
from covey.errors import InputError
from covey.plot import canvas

matplotlib.use("Agg")

from matplotlib import pyplot
from matplotlib.colors import to_rgb, to_rgba

SETTINGS = dict(matplotlib.rcParams)
NAMES = ("CO", "NOx", "NO2", "O3")


def draw(kind="normal", n=40, d=3, seed=0):
    rng = np.random.default_rng(seed)
    mean = 10 + rng.normal(size=(n, d)) * np.arange(1, d + 1)
    factor = np.tril(rng.normal(size=(n, d, d)))
    factor[:, range(d), range(d)] = 0.5 + np.abs(factor[:, range(d), range(d)])
    names = NAMES[:d] if d <= len(NAMES) else [f"t{i}" for i in range(d)]
    if kind == "normal":
        return MultivariateNormal(mean, scale_tril=factor, targets=names)
    if kind == "student":
        return MultivariateT(mean, degrees_of_freedom=5, scale_tril=factor, targets=names)
    shift = rng.normal(size=(n, d))
    parts = [
        MultivariateNormal(mean + sign * shift, scale_tril=factor, targets=names)
        for sign in (-1, 1)
    ]
    return Mixture(parts, [0.3, 0.7])


def came(joint, gaps=0.2, seed=1):
    y = joint.sample(1, seed=seed)[0]
    y[np.random.default_rng(seed).random(y.shape) < gaps] = np.nan
    return y


def matched(joint):
    return joint.moment_matched() if isinstance(joint, Mixture) else joint


any_kind = pytest.mark.parametrize("kind", ["normal", "student", "mixture"])

# every picture, on axes of its own where none are given
PICTURES = {
    "ellipses": (lambda joint, y, ax: plot.ellipses(joint, y=y, ax=ax), lambda d: 1),
    "pairs": (lambda joint, y, ax: plot.pairs(joint, y=y, axes=ax), lambda d: d * d),
    "calibration_curve": (lambda joint, y, ax: plot.calibration_curve(joint, y, ax=ax), None),
    "pit_histograms": (
        lambda joint, y, ax: plot.pit_histograms(joint, y, axes=ax),
        lambda d: d + 1,
    ),
    "correlation_heatmap": (lambda joint, y, ax: plot.correlation_heatmap(joint, ax=ax), None),
    "observed_vs_predicted": (
        lambda joint, y, ax: plot.observed_vs_predicted(joint, y, ax=ax),
        None,
    ),
    "aleatoric_vs_epistemic": (
        lambda joint, y, ax: plot.aleatoric_vs_epistemic(joint, ax=ax),
        None,
    ),
}
each_picture = pytest.mark.parametrize("name", PICTURES)


@pytest.fixture(autouse=True)
def no_figures():
    yield
    pyplot.close("all")


def by_label(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def texts(ax):
    return [text.get_text() for text in ax.texts]


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def closed_lines(ax):
    lines = [line for line in ax.get_lines() if len(line.get_xdata()) > 50]
    return [line for line in lines if np.isfinite(line.get_xydata()).all()]


def test_every_public_function_has_a_case_here():
    assert sorted(PICTURES) == sorted(plot.__all__)


# ellipses


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


# pairs


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


# calibration_curve


@any_kind
def test_the_calibration_curve_is_the_coverage(kind):
    joint = draw(kind, n=60)
    y = came(joint, gaps=0.4)
    y[::7] = np.nan
    levels = [0.9, 0.3, 0.7, 0.5]
    ax = plot.calibration_curve(joint, y, levels=levels)
    lines = by_label(ax)
    seen = ~np.isnan(y)
    some = seen.any(axis=1)
    for i, name in enumerate(joint.targets):
        for level, share in zip(*lines[name].get_data(), strict=True):
            lower, upper = (end[seen[:, i], i] for end in joint.interval(level))
            came_ = y[seen[:, i], i]
            assert_allclose(share, np.mean((lower <= came_) & (came_ <= upper)))
    bold = lines["all together"]
    assert_allclose(bold.get_xdata(), sorted(levels))
    expected = [joint[some].region(level).contains(y[some]).mean() for level in sorted(levels)]
    assert_allclose(bold.get_ydata(), expected)
    assert bold.get_linewidth() > 1.5 * max(lines[name].get_linewidth() for name in joint.targets)
    assert_allclose(lines["exact"].get_xydata(), [[0, 0], [1, 1]])
    label = f"95% error, {some.sum()} rows"
    assert legend_of(ax) == ["all together", *joint.targets, "exact", label]


def test_the_band_of_the_calibration_curve_is_binomial():
    joint = draw(n=200)
    ax = plot.calibration_curve(joint, came(joint, gaps=0), levels=[0.5, 0.8])
    vertices = ax.collections[0].get_paths()[0].vertices
    for level in (0.5, 0.8):
        found = vertices[np.isclose(vertices[:, 0], level), 1]
        low, high = stats.binom.ppf([0.025, 0.975], 200, level) / 200
        assert_allclose([found.min(), found.max()], [low, high])


def test_targets_never_observed_have_no_line_and_many_have_one_entry():
    joint = draw()
    y = came(joint, gaps=0)
    y[:, 1] = np.nan
    assert legend_of(plot.calibration_curve(joint, y))[1:3] == ["CO", "NO2"]
    joint = draw(d=9)
    ax = plot.calibration_curve(joint, came(joint))
    assert legend_of(ax)[:3] == ["all together", "each of 9 targets", "exact"]
    assert len(ax.get_lines()) == 11
    assert_allclose(ax.get_lines()[-1].get_xdata(), np.arange(0.05, 0.96, 0.05))


def test_a_known_target_does_not_count_for_coverage():
    joint = draw(n=30)
    y = came(joint, gaps=0)
    given = np.full((30, 3), np.nan)
    given[:10, 0] = y[:10, 0]
    lines = by_label(plot.calibration_curve(joint.conditional(given), y, levels=[0.5]))
    lower, upper = joint.interval(0.5)
    held = (lower <= y) & (y <= upper)
    assert_allclose(lines["CO"].get_ydata(), held[10:, 0].mean())


def test_the_regions_of_a_mixture_are_of_some_rows(monkeypatch):
    monkeypatch.setattr(plot.checks, "MOST_MIXED", 6)
    joint = draw("mixture", n=31)
    y = came(joint, gaps=0)
    ax = plot.calibration_curve(joint, y, levels=[0.4, 0.6])
    rows = np.arange(0, 31, 6)
    expected = [joint[rows].region(level).contains(y[rows]).mean() for level in (0.4, 0.6)]
    assert_allclose(by_label(ax)["all together"].get_ydata(), expected)
    assert legend_of(ax)[-1] == "95% error, 6 rows"


# pit_histograms


@any_kind
def test_pit_histograms_are_of_the_transform(kind):
    joint = draw(kind, n=80)
    y = came(joint, gaps=0.3)
    axes = plot.pit_histograms(joint, y, bins=5)
    assert axes.shape == (4,)
    parts = joint.components if kind == "mixture" else [joint]
    weights = joint.weights.T if kind == "mixture" else [1.0]
    for i, name in enumerate(joint.targets):
        rows = ~np.isnan(y[:, i])
        value = np.zeros(80)
        for part, weight in zip(parts, weights, strict=True):
            z = (y[:, i] - part.mean[:, i]) / np.sqrt(
                np.einsum("nk,nk->n", part.scale_tril[:, i], part.scale_tril[:, i])
            )
            value += weight * (stats.t.cdf(z, 5) if kind == "student" else stats.norm.cdf(z))
        expected = np.histogram(value[rows], 5, (0, 1))[0] * 5 / rows.sum()
        assert_allclose([bar.get_height() for bar in axes[i].patches[:5]], expected)
        assert axes[i].get_title() == f"{name}, {rows.sum()} rows"
    n = (~np.isnan(y)).any(axis=1).sum()
    assert axes[3].get_title() == f"distance of all, {n} rows"
    if kind == "normal":
        count = (~np.isnan(y)).sum(axis=1)
        value = stats.chi2.cdf(joint.mahalanobis(y) ** 2, np.maximum(count, 1))[count > 0]
        expected = np.histogram(value, 5, (0, 1))[0] * 5 / n
        assert_allclose([bar.get_height() for bar in axes[3].patches[:5]], expected)


def test_pit_histograms_are_calibrated_as_quantiles_are():
    """What came lies four times as far out as predicted: a valley by the model, else flat."""
    joint = draw(n=900)
    y = joint.mean + 4 * (joint.sample(1, seed=3)[0] - joint.mean)
    calibrated = joint[500:].calibrated_by(CalibrationSet(joint[:500], y[:500], "conformal"))

    def heights(asked, **options):
        axes = plot.pit_histograms(asked, y[500:], bins=5, **options)
        return np.array([[bar.get_height() for bar in ax.patches[:5]] for ax in axes])

    assert_allclose(heights(calibrated), 1, atol=0.45)
    by_model = heights(calibrated, method="model")
    assert_allclose(by_model, heights(joint[500:]))
    assert (by_model[:, -1] > 1.8).all()


def test_the_band_and_the_line_of_a_pit_histogram():
    joint = draw(n=90)
    y = came(joint, gaps=0)
    y[:30, 0] = np.nan
    axes = plot.pit_histograms(joint, y)
    for ax, n in zip(axes, (60, 90, 90, 90), strict=True):
        *bars, band = ax.patches
        assert len(bars) == 10
        assert_allclose(sum(bar.get_height() for bar in bars), 10)
        assert_allclose([bar.get_x() for bar in bars], np.arange(10) / 10)
        low, high = stats.binom.ppf([0.025, 0.975], n, 0.1) * 10 / n
        assert_allclose([band.get_y(), band.get_y() + band.get_height()], [low, high])
        assert_allclose(ax.get_lines()[0].get_ydata(), 1)
        assert ax.get_ylim()[1] > max(bar.get_height() for bar in bars)
    y[:, 2] = np.nan
    assert plot.pit_histograms(joint, y)[2].get_title() == "NO2, 0 rows"


# correlation_heatmap


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
    assert ax.figure.axes[1].get_ylabel() == "correlation,\nmean and deviation over 25 rows"


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


# observed_vs_predicted


@any_kind
def test_observed_against_predicted(kind):
    joint = draw(kind, n=101)
    y = came(joint, gaps=0.2)
    ax = plot.observed_vs_predicted(joint, y, target="NOx", level=0.6, most=20)
    rows = np.flatnonzero(~np.isnan(y[:, 1]))
    chosen = rows[np.linspace(0, len(rows) - 1, 20).round().astype(int)]
    lower, upper = (end[:, 1] for end in joint.interval(0.6))
    inside = (lower <= y[:, 1]) & (y[:, 1] <= upper)
    bars = np.array(ax.collections[0].get_segments())
    assert bars.shape == (20, 2, 2)
    assert_allclose(bars[:, 0], np.stack([joint.mean[:, 1], lower], axis=1)[chosen])
    assert_allclose(bars[:, 1], np.stack([joint.mean[:, 1], upper], axis=1)[chosen])
    for label, held in (("inside", inside), ("outside", ~inside)):
        drawn = by_label(ax)[f"observed, {label}"].get_xydata()
        part = chosen[held[chosen]]
        assert_allclose(drawn, np.stack([joint.mean[part, 1], y[part, 1]], axis=1))
    share = f"{100 * inside[rows].mean():.1f}% inside the 60% interval"
    assert ax.get_title() == f"20 of {len(rows)} rows; {share}"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("NOx, predicted mean", "NOx, observed")
    assert legend_of(ax) == ["60% interval", "observed, inside", "observed, outside"]
    diagonal = ax.get_lines()[-1]
    assert diagonal.get_slope() == 1
    assert diagonal.get_xy1()[0] == diagonal.get_xy1()[1]


def test_observed_against_predicted_leaves_out_known_rows():
    joint = draw(n=12)
    given = np.full((12, 3), np.nan)
    given[:5, 0] = 1.0
    ax = plot.observed_vs_predicted(joint.conditional(given), came(joint, gaps=0))
    assert ax.get_title().startswith("7 rows; ")
    assert len(ax.collections[0].get_segments()) == 7


# aleatoric_vs_epistemic


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


# all of them


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
        ("observed_vs_predicted", {"y": Y, "most": 0}, r"positive integer. Received: most=0"),
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


def contrast(one, two):
    light = []
    for colour in (one, two):
        value = np.asarray(to_rgb(colour))
        linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
        light.append(linear @ [0.2126, 0.7152, 0.0722] + 0.05)
    return max(light) / min(light)


@pytest.mark.parametrize("page", ["#ffffff", "#16181d"])
def test_colours_stand_out_on_light_and_dark_pages(page):
    # WCAG 2.1 asks for 3 of graphics
    assert min(contrast(colour, page) for colour in canvas.COLOURS) >= 3


# Machado, Oliveira, Fernandes (2009), severity 1; on linear RGB
SIGHTS = {
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


@pytest.mark.parametrize("sight", SIGHTS)
def test_colours_differ_for_the_colour_blind(sight):
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    lab = []
    for colour in canvas.COLOURS:
        value = np.asarray(to_rgb(colour))
        linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
        x, y, z = np.cbrt(to_xyz @ np.clip(SIGHTS[sight] @ linear, 0, 1) / [0.9505, 1, 1.089])
        lab.append(np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)]))
    assert min(np.linalg.norm(a - b) for a, b in combinations(lab, 2)) > 15


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
