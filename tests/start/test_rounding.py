"""Rounding is found, and noise is as wide as it is."""

import numpy as np
import pytest

from covey.start.rounding import Rounding, step_of

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("values", "step"),
    [
        (RNG.integers(0, 20, 500), 1.0),
        (7.0 * RNG.integers(0, 60, 500), 7.0),  # whole weeks, in days
        (RNG.normal(size=500).round(1), 0.1),
        (RNG.normal(size=500).round(1) + 0.05, 0.1),
        (6 * RNG.integers(0, 50, 400) + 15 * RNG.integers(0, 50, 400), 3.0),  # a common divisor
        (RNG.normal(size=500), 0.0),
        (RNG.normal(size=500).astype(np.float32), 0.0),
        (np.full(9, 3.0), 0.0),
        (np.array([1.0]), 0.0),
    ],
)
def test_the_step_of_rounded_values(values, step):
    found = step_of(np.asarray(values, dtype=np.float64))
    if step == 0.0:  # of float32 there is one, but none that counts
        assert found < 1e-4
    else:
        assert found == pytest.approx(step, rel=1e-6)


def test_noise_is_as_wide_as_the_rounding_and_even():
    Y = np.column_stack([RNG.integers(0, 12, 4000), RNG.normal(size=4000)]).astype(np.float64)
    Y[::7, 0] = np.nan
    spread = Rounding.of(Y).spread(Y, np.random.default_rng(1))
    move = (spread - Y)[:, 0]
    assert np.array_equal(np.isnan(move), np.isnan(Y[:, 0]))
    move = move[~np.isnan(move)]
    assert -0.5 <= move.min() < -0.49
    assert 0.49 < move.max() <= 0.5
    assert move.std() == pytest.approx(1 / np.sqrt(12), rel=0.03)  # of an even distribution
    np.testing.assert_allclose(spread[:, 1], Y[:, 1], atol=1e-5)


def test_a_heap_is_spread_and_its_neighbours_are_not():
    """A third of the rows are exactly 0, as of an amount; the others are continuous."""
    y = np.where(RNG.random(3000) < 1 / 3, 0.0, RNG.lognormal(size=3000))[:, None]
    spread = Rounding.of(y).spread(y, np.random.default_rng(1))
    heap = y[:, 0] == 0
    np.testing.assert_allclose(spread[~heap], y[~heap], atol=1e-4)
    assert len(np.unique(spread[heap])) == heap.sum()
    assert np.abs(spread[heap]).max() <= 0.1 * y.std() * (1 + 1e-9)
    assert np.abs(spread[heap]).max() > 0.05 * y.std()


def test_the_same_seed_gives_the_same_noise():
    Y = RNG.integers(0, 5, size=(50, 2)).astype(np.float64)
    one, two = (Rounding.of(Y).spread(Y, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_coarse_rounding_is_told_from_fine():
    Y = np.column_stack([RNG.integers(0, 9, 500), RNG.normal(size=500).round(3)]).astype(np.float64)
    assert Rounding.of(Y).coarse.tolist() == [True, False]


def test_a_few_far_values_do_not_widen_the_noise_on_all_others():
    """Counts, and six rows of a code for "missing" that nobody took out."""
    values = np.random.default_rng(0).poisson(3, 2000).astype(float)
    values[:6] = -9999.0
    moved = Rounding.of(values[:, None]).spread(values[:, None], np.random.default_rng(1))[:, 0]
    assert np.abs(moved - values)[6:].max() <= 5
    assert np.abs(moved - values)[values == 3].max() >= 0.4
