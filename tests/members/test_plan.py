"""What is trained for what was asked."""

import pytest

from covey.errors import InputError
from covey.members.plan import MANY, FullPlan, LowRankPlan, default_rank, plan_of


def test_what_is_asked_is_done():
    assert plan_of("auto", None, MANY - 1) == FullPlan(normal=True)
    assert plan_of("auto", None, MANY) == LowRankPlan(rank=24)
    assert plan_of("normal", None, 5 * MANY) == FullPlan(normal=True)
    assert plan_of("student_t", None, 5 * MANY) == FullPlan(normal=False)
    assert plan_of("low_rank", None, 4) == LowRankPlan(rank=1)
    assert plan_of("low_rank", 0, 4) == LowRankPlan(rank=0)


@pytest.mark.parametrize("family", ["auto", "normal", "student_t"])
def test_a_rank_is_for_low_rank_alone(family):
    with pytest.raises(InputError, match="`rank` is for family='low_rank' alone"):
        plan_of(family, 3, 500)


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
