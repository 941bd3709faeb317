"""No picture outlives its test."""

import matplotlib
import pytest

matplotlib.use("Agg")

from matplotlib import pyplot


@pytest.fixture(autouse=True)
def no_figures():
    yield
    pyplot.close("all")
