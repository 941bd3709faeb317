"""Averages in place of integrals: how much memory they take, and that parts do not matter."""

import tracemalloc

import pytest
from numpy.testing import assert_allclose

from covey.algebra.points import unit_points
from covey.distributions import Mixture, divergence

from .test_joint import draw


@pytest.mark.parametrize("ask", ["divergence", "entropy", "mixed"])
def test_memory_is_bounded_whatever_the_targets_and_rows(ask):
    """99 targets: 4,096 points of 6 rows are 20 MB, of all 250 rows 800 MB."""
    n = 40 if ask == "divergence" else 6
    first, second = draw("student_t", n, 99), draw("student_t", n, 99, seed=1)
    mixture = Mixture([first, second])
    tracemalloc.start()
    try:
        if ask == "divergence":
            first.kl_divergence(second)
        elif ask == "entropy":
            mixture.entropy()
        else:
            first.kl_divergence(mixture)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100e6


def test_no_array_is_larger_than_it_may_be(monkeypatch):
    """Of rows and of points: a hundred rows of 30 targets, and one of 600."""
    sizes = []
    for n, d in ((100, 30), (1, 600)):
        joint = draw("student_t", n, d)
        at = type(joint)._at

        def measured(self, uniform, at=at):
            points = at(self, uniform)
            sizes.append(points.size)
            return points

        with monkeypatch.context() as patch:
            patch.setattr(type(joint), "_at", measured)
            joint.kl_divergence(joint)
    assert max(sizes) <= divergence.MOST_NUMBERS
    assert max(sizes) > divergence.MOST_NUMBERS / 4


def test_parts_do_not_matter(monkeypatch):
    joint, other = draw("student_t", 9, 4), draw("student_t", 9, 4, seed=1)
    mixture = Mixture([joint, other])
    whole = joint.kl_divergence(other), mixture.entropy(), other.kl_divergence(mixture)
    # by hand, all points at once
    uniform = unit_points(5, divergence.POINTS)
    points = joint._at(uniform)
    gap = joint._log_prob_at(points) - other._log_prob_at(points)
    assert_allclose(whole[0], gap.mean(axis=0), rtol=1e-9)
    for size in (64, 10_000, 4 * 4096 * 2):
        monkeypatch.setattr(divergence, "MOST_NUMBERS", size)
        parts = joint.kl_divergence(other), mixture.entropy(), other.kl_divergence(mixture)
        for found, expected in zip(parts, whole, strict=True):
            assert_allclose(found, expected, rtol=1e-9)
