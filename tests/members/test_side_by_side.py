"""Which of a Student-t and a mixture is not trained further."""

import numpy as np
import pytest

from covey.members.side_by_side import FROM, LEAD, worth_alone
from tests.training import training_data


def rows(Y):
    n = len(Y)
    halves = [np.arange(n // 2), np.arange(n // 2, n)]
    return training_data(np.zeros((n, 1)), Y, [halves, halves[::-1]])


CONTINUOUS = rows(np.random.default_rng(0).normal(size=(200, 2)))


@pytest.mark.parametrize(
    ("student", "mixture", "worth"),
    [
        (-1.0, -1.0, "auto"),
        (-1.0, -1.0 + 1.9 * LEAD, "auto"),  # of two targets
        (-1.0, -1.0 + 2.1 * LEAD, "mixture"),
        (-1.0, -1.0 - 1.9 * LEAD, "auto"),
        (-1.0, -1.0 - 2.1 * LEAD, "student_t"),
        (-np.inf, -1.0, "mixture"),
        (-1.0, np.nan, "auto"),
    ],
)
def test_who_is_far_behind_per_target_is_given_up(student, mixture, worth):
    assert worth_alone("student_t", student, mixture, CONTINUOUS, verbose=0) == worth


@pytest.mark.parametrize("kind", ["rounded", "heaped"])
def test_scores_of_targets_with_ties_give_nobody_up(kind):
    Y = np.random.default_rng(0).normal(size=(200, 2))
    Y = Y.round() if kind == "rounded" else np.maximum(Y, 0.0)
    assert worth_alone("student_t", 5.0, -5.0, rows(Y), verbose=0) == "auto"


def test_it_is_said_who_is_given_up(capsys):
    worth_alone("student_t", -1.0, 0.0, CONTINUOUS, verbose=1)
    said = capsys.readouterr().err
    assert "student_t is not trained further: 0.500 nats per target behind mixture" in said
    assert f"{FROM:.0%} of the steps" in said
    worth_alone("student_t", -1.0, -1.0, CONTINUOUS, verbose=1)
    assert capsys.readouterr().err == ""
