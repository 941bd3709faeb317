"""What few blocks leave unknown: tails and correlations, against closed forms and simulations."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from covey.assess.caution import LEAST_FREEDOM, MOST_SHARE, PRIOR, Caution, fit_shrinkage
from covey.distributions import MultivariateNormal, MultivariateT
from tests.distributions.test_joint import draw, each_kind


def normal(n, correlation, units=(1.0, 100.0)):
    covariance = np.outer(units, units) * [[1, correlation], [correlation, 1]]
    return MultivariateNormal(np.zeros((n, 2)), covariance=covariance)


@pytest.mark.parametrize(("blocks", "true"), [(5, 0.9), (20, 0.9), (5, 0.75)])
def test_the_share_is_that_of_half_a_block_more_without_correlation(blocks, true):
    """At known variances the likeliest correlation of two normals is the mean of their products."""
    n = 40_000
    y = normal(n, true).sample(1, 1)[0]
    y /= y.std(axis=0)
    found = fit_shrinkage(normal(n, 0.9, y.std(axis=0)), y, np.arange(n) % blocks)
    expected = blocks * np.corrcoef(y.T)[0, 1] / (blocks + PRIOR)
    assert_allclose(0.9 * (1 - found), expected, atol=0.01)


def test_each_block_counts_as_one():
    """A long block in which targets err together, and four short ones in which they do not."""
    n, block = 6000, np.repeat([0, 1, 2, 3, 4], [4000, 500, 500, 500, 500])
    y = normal(n, 0.0).sample(1, 0)[0]
    y[block == 0] = normal(4000, 0.8).sample(1, 1)[0]
    joint = normal(n, 0.8)
    assert fit_shrinkage(joint, y, block) == pytest.approx(MOST_SHARE, abs=0.01)
    alike = fit_shrinkage(joint, y, np.arange(n) % 5)
    assert alike < 0.4
    weight = np.where(block == 0, 1e-9, 1.0)
    assert fit_shrinkage(joint, y, np.arange(n) % 5, weight) == pytest.approx(MOST_SHARE, abs=0.01)


@each_kind
def test_gaps_rows_without_weight_and_few_targets(kind):
    joint = draw(kind, 300, 3)
    y, block = joint.sample(1, 0)[0], np.arange(300) // 60
    whole = fit_shrinkage(joint, y, block)
    weight = np.ones(600)
    weight[::2] = 0
    twice = np.repeat(np.arange(300), 2)
    values = y[twice]
    values[::2] += 1e3 * joint.stddev
    again = fit_shrinkage(joint[twice], values, block[twice], weight)
    assert again == pytest.approx(whole, abs=1e-6)
    values[::2] = np.nan
    assert fit_shrinkage(joint[twice], values, block[twice]) == pytest.approx(whole, abs=1e-6)
    y[:, 1] = np.where(block > 0, np.nan, y[:, 1])
    assert 0 <= fit_shrinkage(joint, y, block) <= MOST_SHARE
    one = joint.marginal(["t0"])
    assert fit_shrinkage(one, y[:, :1], block) == 0
    assert fit_shrinkage(joint[:0], y[:0], block[:0]) == 0


def test_tails_are_those_of_a_scale_that_few_blocks_told():
    """Drift: blocks err by normal shifts, whose size the K blocks seen tell. The next is t_K."""
    r, count, worlds = np.random.default_rng(0), 5, 40_000
    shifts = r.normal(size=(worlds, count + 1))
    size = np.sqrt(np.square(shifts[:, :count]).mean(axis=1))
    said = MultivariateT(
        np.zeros((worlds, 1)), degrees_of_freedom=50.0, scale_tril=size[:, None, None]
    )
    later = shifts[:, count:]
    cautious = Caution.for_blocks(count).of(said)
    for level in (0.5, 0.9, 0.99):
        held = cautious.region(level).contains(later).mean()
        assert held == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / worlds))
    assert said.region(0.9).contains(later).mean() < 0.86
    assert cautious.log_prob(later).mean() > said.log_prob(later).mean() + 0.02
    assert_allclose(cautious.log_prob(later), stats.t(count, scale=size).logpdf(later[:, 0]))


@each_kind
def test_what_caution_changes(kind):
    joint = draw(kind, 6, 3)
    same = Caution.for_blocks(10**6).of(joint)
    assert_allclose(same.covariance, joint.covariance)
    held_back = Caution(4.0, 0.25).of(joint)
    assert_array_equal(held_back.mean, joint.mean)
    off = ~np.eye(3, dtype=bool)
    assert_allclose(held_back.correlation[:, off], 0.75 * joint.correlation[:, off], atol=1e-12)
    if isinstance(joint, MultivariateT):
        nu, least = joint.degrees_of_freedom, np.minimum(joint.degrees_of_freedom, 4.0)
        assert_array_equal(held_back.degrees_of_freedom, least)
        wider = least / (least - 2) * (nu - 2) / nu
        assert_allclose(held_back.stddev, joint.stddev * np.sqrt(wider)[:, None])
    else:
        assert_allclose(held_back.stddev, joint.stddev)


def test_few_blocks_leave_some_freedom():
    assert [Caution.for_blocks(k).freedom for k in (1, 4, 5, 10)] == [LEAST_FREEDOM, 4.0, 5.0, 10.0]


@pytest.mark.parametrize(
    "bad",
    [
        *({"freedom": 1.9}, {"freedom": np.inf}, {"freedom": "5"}),
        *({"shrinkage": 1.0}, {"shrinkage": True}),
    ],
)
def test_forged_numbers_are_refused(bad):
    good = {"freedom": 5.0, "shrinkage": 0.1}
    assert Caution.from_manifest(good) == Caution(5.0, 0.1)
    with pytest.raises(ValueError, match="caution"):
        Caution.from_manifest(good | bad)
