"""Trees for each fold, and those for new rows: they learn what they may see, and nothing else."""

from types import SimpleNamespace

import numpy as np
import pytest

from covey.stacking import growth
from covey.stacking.growth import grow
from covey.table.folds import Folds
from tests.training import training_data

N, F = 400, 3
LOCATION, SCALE = np.array([100.0, -2.0]), np.array([10.0, 0.5])


def table(seed=0):
    """Two targets that are steps of the features, next to no noise."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(N, F)).astype(np.float32)
    steps = np.stack([np.sign(X[:, 0]), np.where(X[:, 1] > 0.5, 2.0, 0.0)], axis=1)
    return X, LOCATION + SCALE * (steps + 0.05 * generator.normal(size=(N, 2)))


def starts(count):
    return [SimpleNamespace(location=LOCATION, scale=SCALE)] * count


def grown(X, Y, members=3, weight=None, offsets=None):
    folds = Folds.split(N, members, seed=0)
    data = training_data(X, Y, folds, weight, offsets)
    return data, grow(data, starts(members), seed=0)


def new_means(X, trees):
    return trees.location + trees.scale * trees.forest.predict(X)


def test_steps_are_learned_for_rows_held_out_and_for_new_ones():
    X, Y = table()
    data, trees = grown(X, Y)
    for test, means in zip(data.folds.tests, trees.held_out, strict=True):
        assert np.sqrt(np.mean(np.square((means - Y[test]) / SCALE))) < 0.3
    new, truth = table(1)
    error = (new_means(new, trees) - truth) / SCALE
    assert np.sqrt(np.mean(np.square(error))) < 0.3
    assert (trees.counts > 0).all()
    # half as many again, for each target
    assert len(trees.forest) == np.round(1.5 * trees.counts).sum()


def test_what_is_said_of_rows_held_out_does_not_depend_on_their_targets():
    X, Y = table()
    data, trees = grown(X, Y)
    test = data.folds.tests[0]
    other = Y.copy()
    other[test] += 1e-3 * SCALE  # so little that as many trees are best
    again = grown(X, other)[1]
    np.testing.assert_array_equal(again.counts, trees.counts)  # or the next line says nothing
    np.testing.assert_array_equal(again.held_out[0], trees.held_out[0])
    # but what new rows are told does
    assert not np.array_equal(new_means(X, again), new_means(X, trees))


def test_the_same_seed_gives_the_same_trees():
    X, Y = table()
    first, second = grown(X, Y)[1], grown(X, Y)[1]
    for name, array in first.forest.to_arrays().items():
        np.testing.assert_array_equal(second.forest.to_arrays()[name], array)


def test_targets_are_learned_from_the_rows_that_hold_them():
    X, Y = table()
    gaps = np.random.default_rng(5).random(Y.shape) < 0.4
    trees = grown(X, np.where(gaps, np.nan, Y))[1]
    new, truth = table(1)
    assert np.sqrt(np.mean(np.square((new_means(new, trees) - truth) / SCALE))) < 0.4
    for means in trees.held_out:
        assert np.isfinite(means).all()


def test_a_target_that_few_rows_hold_has_no_trees():
    X, Y = table()
    Y[25:, 1] = np.nan
    trees = grown(X, Y)[1]
    assert trees.counts[0] > 0
    assert trees.counts[1] == 0
    assert set(trees.forest.output) == {0}


def test_heavier_rows_count_for_more():
    X = np.zeros((N, F), dtype=np.float32)
    X[:, 0] = np.arange(N) % 2
    Y = np.tile(LOCATION, (N, 1))
    heavy = np.arange(N) % 4 < 2  # of both kinds of rows
    Y[heavy] += SCALE
    weight = np.where(heavy, 1.9, 0.1)
    trees = grown(X, Y, weight=weight)[1]
    np.testing.assert_allclose((new_means(X, trees) - LOCATION) / SCALE, 0.95, atol=0.1)


def test_the_mean_of_a_base_is_left_out_and_added_again():
    X, Y = table()
    offsets = 1000.0 * np.random.default_rng(3).normal(size=(3, N, 2))
    folds = Folds.split(N, 3, seed=0)
    # what each member trains on, and holds out, is off by an offset of its own
    for member, test in enumerate(folds.tests):
        shifted = Y + offsets[member]
        data = training_data(X, shifted, folds, offsets=offsets)
        trees = grow(data, starts(3), seed=0)
        error = (trees.held_out[member] - shifted[test]) / SCALE
        # few trees: the other members, who learn offsets that are not theirs, have a say in it
        assert np.sqrt(np.mean(np.square(error))) < 0.6


def test_trees_that_are_no_longer_wanted_are_given_up():
    X, Y = table()
    data = training_data(X, Y, Folds.split(N, 3, seed=0))
    left = iter([True, True])
    assert grow(data, starts(3), seed=0, wanted=lambda: next(left, False)) is None


@pytest.mark.parametrize("constant", [0.0, 7.5])
def test_a_target_that_never_varies_is_no_hindrance(constant):
    X, Y = table()
    Y[:, 1] = LOCATION[1] + constant
    trees = grown(X, Y)[1]
    np.testing.assert_allclose(new_means(X, trees)[:, 1], Y[:, 1], rtol=1e-4)


def test_trees_that_are_of_no_use_are_not_grown_and_nobody_hears_of_any(monkeypatch, capfd):
    X, Y = table()
    grows = []
    grow_more = growth._Judged.grow
    monkeypatch.setattr(growth._Judged, "grow", lambda *given: grows.append(1) or grow_more(*given))
    _, early = grown(X, Y)
    until = len(grows)
    monkeypatch.setattr(growth, "PATIENCE", 10**6)
    _, late = grown(X, Y)
    assert until < 0.7 * (len(grows) - until)
    np.testing.assert_array_equal(early.counts, late.counts)
    for one, two in zip(early.held_out, late.held_out, strict=True):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(new_means(X, early), new_means(X, late))
    assert capfd.readouterr() == ("", "")
