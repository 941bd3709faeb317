"""Pictures of calibration: what is drawn is right."""

import numpy as np
from numpy.testing import assert_allclose
from scipy import stats

from covey import plot
from covey.distributions.conformal import CalibrationSet
from tests.plot.pictures import any_kind, by_label, came, draw, legend_of


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


@any_kind
def test_observed_against_predicted(kind):
    joint = draw(kind, n=101)
    y = came(joint, gaps=0.2)
    ax = plot.observed_vs_predicted(joint, y, target="NOx", level=0.6, max_rows=20)
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
