"""Moments gathered in pieces are those of all rows."""

import numpy as np
import pytest

from covey.start.moments import FoldMoments, Moments


def reference(values, weight):
    mean = np.average(values, axis=0, weights=weight)
    centred = values - mean
    return mean, (centred * weight[:, None]).T @ centred


@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_pieces_add_up(offset):
    r = np.random.default_rng(0)
    values, weight = r.normal(size=(1000, 4)) + offset, r.uniform(0.1, 2, 1000)
    total = Moments.empty(4)
    for piece in np.array_split(np.arange(1000), [10, 11, 11, 500]):
        total.add(Moments.of(values[piece], weight[piece]))
    mean, scatter = reference(values, weight)
    assert total.rows == 1000
    assert total.weight == pytest.approx(weight.sum())
    assert total.mean == pytest.approx(mean, rel=1e-14)
    assert total.scatter == pytest.approx(scatter, rel=1e-6, abs=1e-5)


def test_equal_weights_are_ones():
    values = np.random.default_rng(1).normal(size=(50, 3))
    one, other = Moments.of(values, None), Moments.of(values, np.ones(50))
    assert one.scatter == pytest.approx(other.scatter)
    assert one.weight == other.weight == 50


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
            values = np.column_stack([X[rows], Y[rows, target]])
            mean, scatter = reference(values, weight[rows])
            found = moments.of(number, [target])
            assert found.rows == rows.sum()
            assert found.mean == pytest.approx(mean)
            assert found.scatter == pytest.approx(scatter)


def test_without_gaps_targets_stay_together():
    r = np.random.default_rng(3)
    X, Y = r.normal(size=(60, 2)), r.normal(size=(60, 3))
    moments = FoldMoments(2, 2, 3)
    moments.add(X, Y, None, np.arange(60) % 2)
    assert moments.observed_alike() == [[0, 1, 2]]
    mean, scatter = reference(np.column_stack([X, Y])[1::2], np.ones(30))
    assert moments.of(1, [0, 1, 2]).mean == pytest.approx(mean)
    assert moments.of(1, [0, 1, 2]).scatter == pytest.approx(scatter)
    assert moments.size == 2 * 25
