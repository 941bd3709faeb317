"""Distributions to draw, every picture of them, and what can be read off one."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from covey import plot
from covey.distributions import Mixture, MultivariateNormal, MultivariateT

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


def by_label(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def texts(ax):
    return [text.get_text() for text in ax.texts]


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def closed_lines(ax):
    lines = [line for line in ax.get_lines() if len(line.get_xdata()) > 50]
    return [line for line in lines if np.isfinite(line.get_xydata()).all()]


def contrast(one, two):
    """Contrast of two colours, from 1 to 21, by WCAG 2.1."""
    light = []
    for colour in (one, two):
        value = np.asarray(to_rgb(colour))
        linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
        light.append(linear @ [0.2126, 0.7152, 0.0722] + 0.05)
    return max(light) / min(light)
