"""Which values intervals hold, against their ends."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from covey.distributions.conformal import CalibrationSet
from covey.distributions.coverage import held_by_intervals

from .test_joint import any_kind, draw, each_kind


@pytest.mark.parametrize("stretch", [0.3, 1.0, 30.0])
@pytest.mark.parametrize("calibrated", [False, True])
@any_kind
def test_what_intervals_hold(kind, calibrated, stretch):
    """The values of the rows that they are calibrated on are ends of intervals, too."""
    levels, joint = (0.02, 0.5, 0.9, 0.99), draw(kind, 60, 3)
    values = joint.mean + stretch * (joint.sample(1, 0)[0] - joint.mean)
    values[::7, 1] = np.nan
    if calibrated:
        joint = joint.calibrated_by(CalibrationSet(joint, values, "out_of_fold"))
    held = held_by_intervals(joint, values, levels)
    assert stretch > 1 or 0 < np.nanmean(held) < 1
    for level, found in zip(levels, held, strict=True):
        lower, upper = joint.interval(level)
        inside = (lower <= values) & (values <= upper)
        assert_array_equal(found, np.where(np.isnan(values), np.nan, inside))


@each_kind
def test_an_interval_holds_what_is_known(kind):
    joint = draw(kind, 4, 4)
    known = joint.conditional(np.where([False, True, False, True], joint.mean, np.nan), keep=True)
    (held,) = held_by_intervals(known, known.mean, [0.5])
    assert_array_equal(held, np.ones((4, 4)))
