"""Trees as arrays: LightGBM says what they predict, and forged arrays never reach it."""

import pickle

import lightgbm
import numpy as np
import pytest

from covey.stacking.forest import Forest, joined

F, M = 4, 3
SETTINGS = {"objective": "l2", "num_leaves": 8, "min_data_in_leaf": 3, "verbose": -1}


@pytest.fixture(scope="module")
def boosters():
    """Trees for outputs 0 and 2; output 2 has fewer."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(200, F)).astype(np.float32)
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2]
    return X, {
        0: lightgbm.train(SETTINGS, lightgbm.Dataset(X, y), 20),
        2: lightgbm.train(SETTINGS, lightgbm.Dataset(X, y + 5), 7),
    }


@pytest.fixture
def forest(boosters):
    return joined([(n, b.model_to_string()) for n, b in boosters[1].items()], F, M)


def test_outputs_are_those_of_lightgbm(boosters, forest):
    X, own = boosters
    new = np.random.default_rng(1).normal(size=(500, F)).astype(np.float32)
    # values where a tree splits go left in both
    edges = np.tile(np.float32(forest.threshold)[:, None], (1, F))
    for rows in (X, new, edges):
        found = forest.predict(rows)
        np.testing.assert_array_equal(found[:, 1], 0)
        for number, booster in own.items():
            np.testing.assert_allclose(found[:, number], booster.predict(rows), atol=1e-5)


def test_rows_do_not_depend_on_each_other_and_none_is_none(forest):
    rows = np.random.default_rng(1).normal(size=(2500, F)).astype(np.float32)
    together = forest.predict(rows)
    np.testing.assert_array_equal(forest.predict(rows[7:8]), together[7:8])
    assert forest.predict(rows[:0]).shape == (0, M)


def test_a_target_that_never_varies_is_predicted_as_it_is():
    X = np.random.default_rng(0).normal(size=(50, F)).astype(np.float32)
    booster = lightgbm.train(SETTINGS, lightgbm.Dataset(X, np.full(50, 2.5)), 5)
    forest = joined([(1, booster.model_to_string())], F, M)
    np.testing.assert_allclose(forest.predict(X), np.tile([0, 2.5, 0], (50, 1)))


def test_trees_of_some_outputs_can_be_left_out(forest):
    rows = np.random.default_rng(1).normal(size=(20, F)).astype(np.float32)
    expected = forest.predict(rows) * [0, 1, 1]
    one = forest.only(np.array([False, True, True]))
    assert len(one) == 7
    np.testing.assert_array_equal(one.predict(rows), expected)
    none = forest.only(np.zeros(M, dtype=bool))
    np.testing.assert_array_equal(none.predict(rows), 0)


def test_arrays_and_pickles_bring_the_same_trees_back(forest):
    rows = np.random.default_rng(1).normal(size=(20, F)).astype(np.float32)
    expected = forest.predict(rows)
    again = Forest.from_arrays(forest.to_arrays(), F, M)
    np.testing.assert_array_equal(again.predict(rows), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(forest)).predict(rows), expected)


def first(value):
    def change(array):
        array[0] = value

    return change


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("feature", first(F)),
        ("feature", first(-1)),
        ("left", first(0)),  # a node that is its own child: rows would never arrive
        ("left", first(1000)),
        ("right", first(-1000)),
        ("right", first(-(2**31))),
        ("left", lambda array: array.__setitem__(slice(None), array[0])),  # two parents
        ("leaves", first(2**31 - 1)),
        ("leaves", first(0)),
        ("leaves", first(-5)),
        ("leaves", first(3)),
        ("output", first(M)),
        ("output", first(-1)),
        ("output", first(2)),  # out of order
        ("threshold", first(np.nan)),
        ("value", first(np.inf)),
    ],
)
def test_forged_arrays_are_refused(forest, name, change):
    arrays = {key: array.copy() for key, array in forest.to_arrays().items()}
    change(arrays[name])
    with pytest.raises(ValueError, match=r"tree|node"):
        Forest.from_arrays(arrays, F, M)


@pytest.mark.parametrize("name", ["left", "value", "output", "threshold", "leaves"])
def test_arrays_of_another_shape_or_type_are_refused(forest, name):
    arrays = forest.to_arrays()
    for forged in (arrays[name][:-1], arrays[name][None], arrays[name].astype(np.float64)):
        with pytest.raises(ValueError, match=r"tree|node"):
            Forest.from_arrays({**arrays, name: forged}, F, M)
    with pytest.raises(KeyError):
        Forest.from_arrays({key: a for key, a in arrays.items() if key != name}, F, M)
