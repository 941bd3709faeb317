"""Rows grouped by pattern: every row once, with its own pattern, in order."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from covey.algebra.patterns import by_pattern


@pytest.mark.parametrize("width", [1, 3, 8, 9, 64, 65, 200])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_groups_are_a_partition_by_equal_rows(width, share):
    mask = np.random.default_rng(width).random((300, width)) < share
    groups = list(by_pattern(mask))
    assert_array_equal(np.sort(np.concatenate([rows for rows, _ in groups])), np.arange(300))
    for rows, pattern in groups:
        assert_array_equal(mask[rows], np.broadcast_to(pattern, (len(rows), width)))
        assert np.all(np.diff(rows) > 0)
    assert len(groups) == len(np.unique(mask, axis=0))


def test_nothing_has_no_groups():
    assert list(by_pattern(np.zeros((0, 3), dtype=bool))) == []
    rows, pattern = next(iter(by_pattern(np.zeros((4, 0), dtype=bool))))
    assert len(rows) == 4
    assert pattern.shape == (0,)
