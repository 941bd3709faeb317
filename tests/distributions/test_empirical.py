"""From levels to scores and back, by ranks and interpolated."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit, logit

from covey.distributions.empirical import ConformalQuantile, ScoreDistribution

LEVELS = np.r_[1e-12, np.linspace(0.001, 0.999, 333), 1 - 1e-11]


def scores_of(n, exact, seed=0, weight=None):
    return ScoreDistribution.of(np.random.default_rng(seed).normal(size=n), weight, exact=exact)


def quantile_of(whole, some):
    return ConformalQuantile(lambda: whole, lambda: some)


@pytest.mark.parametrize("n", [1, 2, 9, 50])
def test_ranks_are_those_of_split_conformal_prediction(n):
    """A new score, put among n others at random, has each rank with the same probability."""
    one = scores_of(n, exact=True)
    for rank in range(1, n + 1):
        level = rank / (n + 1)
        assert one.quantile(level, 1 - level) == one.scores[rank - 1]
        assert one.quantile(level + 1e-6, 1 - level - 1e-6) == (
            one.scores[rank] if rank < n else np.inf
        )
    assert one.highest_level == n / (n + 1)
    assert one.supports(one.highest_level, 1 - one.highest_level)
    assert not one.supports(one.highest_level + 1e-6, 1 - one.highest_level - 1e-6)
    assert one.quantile(1e-15, 1.0) == one.scores[0]  # and not the largest


@pytest.mark.parametrize("n", [1, 9, 50])
def test_levels_of_scores_by_rank_are_between_those_that_hold_them(n):
    one = scores_of(n, exact=True)
    new = np.r_[one.scores, one.scores + 1e-9, -9.0, 9.0]
    for score, level in zip(new, one.level_of(new), strict=True):
        for part in (-0.4, 0.4):
            at = level + part / (n + 1)
            assert at > n / (n + 1) or one.quantile(at, 1 - at) >= score
        below = level - 0.6 / (n + 1)
        assert below < 0 or one.quantile(below, 1 - below) < score


@pytest.mark.parametrize("n", [0, 1, 9, 50])
@pytest.mark.parametrize("weighted", [False, True])
def test_interpolated_levels_lead_back_to_scores(n, weighted):
    weight = np.random.default_rng(1).uniform(0.1, 3, n) if weighted else None
    one = scores_of(n, exact=False, weight=weight)
    found = np.array([one.quantile(level, 1 - level) for level in LEVELS])
    assert (np.diff(found) > 0).all()
    assert_allclose(one.level_of(found), LEVELS, atol=1e-9)
    if n == 0:
        assert_allclose(found, logit(LEVELS), rtol=1e-9, atol=1e-12)
    assert one.level_of(np.array([-np.inf]))[0] == 0
    assert one.level_of(np.array([np.inf]))[0] == 1
    # far out it goes on as the predictions do
    far = [one.quantile(expit(odds), expit(-odds)) for odds in (16.0, 26.0, 40.0, 90.0)]
    assert far[1] - far[0] == pytest.approx(10)
    assert far[1] < far[2] == far[3]  # as far as probabilities tell


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("n", [0, 1, 5, 40])
@pytest.mark.parametrize("lower", [False, True])
def test_what_some_rows_hold_counts_where_whole_ones_are_too_few(exact, n, lower):
    whole = scores_of(n, exact)
    some = scores_of(60, exact, seed=1)
    if lower:  # what has gaps lies nearer
        some = ScoreDistribution(some.scores - 5, some.odds)
    both = quantile_of(whole, some)
    found = np.array([both.at(level) for level in LEVELS])
    assert (found[1:] >= found[:-1]).all()
    for level, score in zip(LEVELS, found, strict=True):
        if level <= n / (n + 1) - 1e-9:
            assert score == whole.quantile(level, 1 - level)
        else:
            assert score >= max(whole.largest, some.quantile(level, 1 - level))
    # what a region of some level holds has a level below it, to one rank
    new = np.linspace(-8, 4, 60)
    level = both.level_of(new)
    assert (np.diff(level) >= 0).all()
    slack = 1 / (n + 1) + 1 / 61 if exact else 1e-9
    for one, at in zip(new, level, strict=True):
        if at + slack < 1:
            assert both.at(at + slack) >= one - 1e-9
        if at - slack > 0 and at - slack > 1 / (n + 1):
            assert both.at(at - slack) <= one + 1e-9


def test_rows_with_gaps_are_looked_at_only_where_they_must():
    def never():
        raise AssertionError

    only = ConformalQuantile(lambda: scores_of(20, exact=True), never)
    assert np.isfinite(only.at(0.9))
    assert not only.needs_partial_rows(0.9)
    only.level_of(np.array([-1.0, 0.0]))
    with pytest.raises(AssertionError):
        only.at(0.99)
