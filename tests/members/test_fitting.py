"""What members start from on tables of more rows than a start needs."""

from dataclasses import replace

import numpy as np
import pytest

from covey.members import fitting
from tests.training import training_data

TRUTH = np.array([[1.0, 0.0], [-0.5, 2.0], [0.0, 0.3]])


def table(n=6000, seed=0):
    r = np.random.default_rng(seed)
    inputs = r.normal(size=(n, 3)).astype(np.float32)
    noise = r.normal(size=(n, 2)) * [0.5, 1.0]
    rows = r.permutation(n)
    folds = [(np.sort(rows[n // 2 :]), np.sort(rows[: n // 2])), (rows[: n // 2], rows[n // 2 :])]
    return training_data(inputs, inputs @ TRUTH + noise, folds)


@pytest.mark.parametrize("most", [400, 10**6])
def test_a_start_is_close_to_the_truth_whether_it_has_all_rows_or_some(monkeypatch, most):
    monkeypatch.setattr(fitting, "MOST_ROWS", most)
    data = table()
    ridges = fitting._ridges(data)
    used = min(most, 3000)
    for ridge in ridges:
        assert len(ridge.residuals) == used
        both = ridge.regression.coef * ridge.regression.scale  # with a bound, and without
        coef = both[:3] + both[3:]
        error = np.array([0.5, 1.0]) / np.sqrt(used)
        assert (np.abs(coef - TRUTH) < 4.5 * error).all()
    first, second = (ridge.regression.coef for ridge in ridges)
    assert not np.array_equal(first, second)


def test_rows_without_weight_are_not_among_the_chosen(monkeypatch):
    monkeypatch.setattr(fitting, "MOST_ROWS", 400)
    data = table()
    weight = np.zeros(len(data.Y))
    weight[::7] = 1.0
    poisoned = np.where(weight[:, None] > 0, data.Y, 1e9)
    (first, _) = fitting._ridges(replace(data, Y=poisoned, weight=weight))
    assert len(first.residuals) == 400
    assert np.abs(first.regression.location).max() < 1
