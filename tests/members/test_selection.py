"""Which family is kept: a lead by chance, or on ties, is none."""

import numpy as np
import pytest

import covey
from covey.members.candidates import Candidate, without_ties
from covey.members.selection import better
from tests.training import training_data


def rows_of(Y):
    """Rows for four members, of which each held out a quarter."""
    r = np.random.default_rng(5)
    n = len(Y)
    X = r.normal(size=(n, 2))
    tests = [np.sort(part) for part in np.array_split(r.permutation(n), 4)]
    trains = [np.setdiff1d(np.arange(n), part) for part in tests]
    return training_data(X, Y, zip(trains, tests, strict=True))


def candidate(family, joint, data):
    score = joint.log_prob(data.Y[data.folds.held_out]).mean()
    return Candidate(family, None, joint, float(score))


def normal(data, stddev):
    n, d = data.Y.shape
    covariance = np.broadcast_to(stddev**2 * np.eye(d), (n, d, d))
    joint = covey.MultivariateNormal(np.zeros((n, d)), covariance=covariance)
    return candidate("normal", joint, data)


def student_t(data, stddev, freedom):
    n, d = data.Y.shape
    covariance = np.broadcast_to(stddev**2 * np.eye(d), (n, d, d))
    joint = covey.MultivariateT(
        np.zeros((n, d)), degrees_of_freedom=np.full(n, freedom), covariance=covariance
    )
    return candidate("student_t", joint, data)


def mixture(data, wide, narrow):
    """Narrow components at the whole numbers, as likely as under a normal of some width."""
    n = len(data.Y)
    at = np.arange(-4, 5, dtype=float)
    parts = [
        covey.MultivariateNormal(np.full((n, 1), place), covariance=np.full((n, 1, 1), narrow**2))
        for place in at
    ]
    weights = np.exp(-0.5 * (at / wide) ** 2)
    return candidate("mixture", covey.Mixture(parts, weights / weights.sum()), data)


def test_rounded_targets_do_not_lure_it():
    """Narrow components at the whole numbers raise the density of whole numbers for ever."""
    Y = np.random.default_rng(3).normal(scale=1.5, size=(800, 1)).round().clip(-4, 4)
    data = rows_of(Y)
    plain, shapes = normal(data, 1.5), mixture(data, 1.5, 0.01)
    assert shapes.score > plain.score + 2
    assert better([plain, shapes], data, seed=0) is plain


def test_true_modes_are_taken():
    r = np.random.default_rng(3)
    Y = (r.integers(-3, 4, size=(800, 1)) + 0.01 * r.normal(size=(800, 1))).astype(float)
    data = rows_of(Y)
    plain, shapes = normal(data, 2.0), mixture(data, 2.0, 0.015)
    assert better([plain, shapes], data, seed=0) is shapes


def test_a_lead_of_a_mixture_within_its_error_is_not_enough():
    data = rows_of(np.random.default_rng(4).normal(size=(200, 1)))
    plain, shapes = normal(data, 1.0), mixture(data, 1.0, 0.45)
    far = Candidate("normal", None, plain.out_of_fold, plain.score)
    assert better([far, shapes], data, seed=0) is far
    assert better([shapes], data, seed=0) is shapes


@pytest.mark.parametrize("first", [True, False])
def test_a_normal_is_taken_where_there_are_rows_enough_to_tell(first):
    """The truth is normal. Of a Student-t of 20 degrees of freedom 60 rows cannot tell it."""
    Y = np.random.default_rng(4).normal(size=(20_000, 2))
    for n, chosen in ((60, "student_t"), (20_000, "normal")):
        data = rows_of(Y[:n])
        plain, tails = normal(data, 1.0), student_t(data, 1.0, 20.0)
        assert plain.score > tails.score  # a lead there is
        order = [plain, tails] if first else [tails, plain]
        assert better(order, data, seed=0).family == chosen


def test_an_outlier_that_one_fold_holds_does_not_make_a_normal():
    """One member in four says that the normal is far ahead, the others that it is behind."""
    Y = np.random.default_rng(2).normal(size=(4000, 1))
    data = rows_of(Y)
    rows = data.folds.held_out
    lucky = np.isin(rows, data.folds.tests[0])
    width = np.where(lucky, 3.0, 1.0)[:, None, None]  # of the Student-t: wrong in one fold
    joint = covey.MultivariateT(
        np.zeros((len(rows), 1)), degrees_of_freedom=np.full(len(rows), 50.0), covariance=width**2
    )
    plain, tails = normal(data, 1.15), candidate("student_t", joint, data)
    assert plain.score > tails.score + 0.1
    assert better([plain, tails], data, seed=0) is tails


def test_a_family_without_a_finite_score_is_not_kept():
    data = rows_of(np.random.default_rng(2).normal(size=(40, 1)))
    plain, tails = normal(data, 1.0), student_t(data, 1.0, 5.0)
    broken = Candidate("student_t", None, tails.out_of_fold, -np.inf)
    assert better([broken, plain], data, seed=0) is plain


def test_what_is_learned_without_ties_is_as_wide_as_they_are():
    Y = np.random.default_rng(3).integers(0, 6, size=(400, 1)).astype(float)
    move = without_ties(rows_of(Y), 1).Y - Y
    assert np.abs(move).max() <= 0.5
    assert np.abs(move).max() > 0.45
