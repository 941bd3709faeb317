"""What is trained for what was asked."""

import pytest

from covey.errors import InputError
from covey.members.plan import MANY, FullPlan, LowRankPlan, default_rank, plan_of


def test_what_is_asked_is_done():
    assert plan_of("auto", None, MANY - 1, 10**4) == FullPlan(normal=True)
    assert plan_of("auto", None, MANY, 10**4) == LowRankPlan(rank=24)
    assert plan_of("normal", None, 5 * MANY, 10**4) == FullPlan(normal=True)
    assert plan_of("student_t", None, 5 * MANY, 10**4) == FullPlan(normal=False)
    assert plan_of("mixture", None, 5, 50) == FullPlan(first="mixture")
    assert plan_of("low_rank", None, 4, 10**4) == LowRankPlan(rank=1)
    assert plan_of("low_rank", 0, 4, 10**4) == LowRankPlan(rank=0)


@pytest.mark.parametrize(
    ("targets", "rows", "steps", "tried"),
    [
        (2, 400, None, True),
        (32, 400, 500, True),
        (2, 399, None, False),
        (33, 10**4, None, False),
        (2, 10**4, 499, False),
    ],
)
def test_auto_tries_a_mixture_where_there_is_enough_to_learn_a_shape(targets, rows, steps, tried):
    assert plan_of("auto", None, targets, rows, steps) == FullPlan(normal=True, mixture=tried)


@pytest.mark.parametrize("family", ["auto", "normal", "student_t", "mixture"])
def test_a_rank_is_for_low_rank_alone(family):
    with pytest.raises(InputError, match="`rank` is for family='low_rank' alone"):
        plan_of(family, 3, 500, 100)


def test_factors_are_a_share_of_the_targets_and_so_many_at_most():
    assert [default_rank(d) for d in (1, 2, 8, 40, 93, 500, 1000, 2000, 10_000)] == [
        1,
        1,
        2,
        10,
        23,
        24,
        12,
        8,
        8,
    ]
