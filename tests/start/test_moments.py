"""Moments gathered in pieces are those of all rows."""

import numpy as np
import pytest

from covey.start.moments import FoldMoments, Moments


def check(moments, X, Y, weight):
    """Against deviations from the means of all rows."""
    x, y = (part - np.average(part, axis=0, weights=weight) for part in (X, Y))
    assert moments.rows == len(X)
    assert moments.weight == pytest.approx(weight.sum())
    assert moments.feature_mean == pytest.approx(np.average(X, axis=0, weights=weight), rel=1e-14)
    assert moments.target_mean == pytest.approx(np.average(Y, axis=0, weights=weight), rel=1e-14)
    close = {"rel": 1e-6, "abs": 1e-5}
    assert moments.gram == pytest.approx((x * weight[:, None]).T @ x, **close)
    assert moments.cross == pytest.approx((x * weight[:, None]).T @ y, **close)
    assert moments.squares == pytest.approx(weight @ y**2, **close)


@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_pieces_add_up(offset):
    r = np.random.default_rng(0)
    X, Y, weight = r.normal(size=(1000, 4)), r.normal(size=(1000, 2)), r.uniform(0.1, 2, 1000)
    X, Y = X + offset, Y - 3 * offset
    total = Moments.empty(4, 2)
    for piece in np.array_split(np.arange(1000), [10, 11, 11, 500]):
        total.add(Moments.of(X[piece], Y[piece], weight[piece]))
    check(total, X, Y, weight)


def test_equal_weights_are_ones():
    X = np.random.default_rng(1).normal(size=(50, 3))
    one, other = Moments.of(X, X[:, :1], None), Moments.of(X, X[:, :1], np.ones(50))
    assert one.gram == pytest.approx(other.gram)
    assert one.weight == other.weight == 50


def test_some_features_and_targets_in_other_units():
    r = np.random.default_rng(2)
    X, Y, weight = r.normal(size=(50, 3)), r.normal(size=(50, 3)) + 9, np.ones(50)
    location, scale = np.array([9.0, 1.0]), np.array([10.0, 1e-3])
    some = Moments.of(X, Y, None).part(features=[2, 0], targets=[1, 2])
    check(some.standardised(location, scale), X[:, [2, 0]], (Y[:, 1:] - location) / scale, weight)


def test_each_target_has_the_rows_that_hold_it():
    r = np.random.default_rng(2)
    X, Y, weight = r.normal(size=(800, 3)), r.normal(size=(800, 2)), r.uniform(1, 2, 800)
    Y[r.random(Y.shape) < 0.3] = np.nan
    fold = r.integers(3, size=800)
    moments = FoldMoments(3, 3, 2)
    for piece in np.array_split(np.arange(800), 5):
        moments.add(X[piece], Y[piece], weight[piece], fold[piece])
    assert moments.observed_alike() == [[0], [1]]
    for number in range(3):
        for target in range(2):
            rows = (fold == number) & ~np.isnan(Y[:, target])
            check(moments.of(number, [target]), X[rows], Y[rows, target, None], weight[rows])


def test_without_gaps_targets_stay_together():
    r = np.random.default_rng(3)
    X, Y = r.normal(size=(60, 2)), r.normal(size=(60, 3))
    moments = FoldMoments(2, 2, 3)
    moments.add(X, Y, None, np.arange(60) % 2)
    assert moments.observed_alike() == [[0, 1, 2]]
    check(moments.of(1, [0, 1, 2]), X[1::2], Y[1::2], np.ones(30))
    assert moments.size == 2 * (2 * 2 + 2 * 3 + 3)
