"""Colours of pictures stand out from pages and from each other."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from covey.plot import canvas
from tests.plot.pictures import contrast


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
