"""How many members a fit has."""

import pytest

from covey.errors import InputError
from covey.table.member_count import check_members, count_of_members


@pytest.mark.parametrize("members", [0, -1, 2.5, "5", None, True])
def test_what_is_no_number_of_members(members):
    with pytest.raises(InputError, match="`members` must be a positive integer"):
        check_members(members)


@pytest.mark.parametrize(
    ("rows", "targets", "alone", "count"),
    [
        (49, 2, True, 5),
        (50, 2, True, 10),
        (999, 16, True, 10),
        (1000, 2, True, 5),
        (300, 17, True, 5),
        (300, 2, False, 5),
    ],
)
def test_few_rows_that_stand_alone_have_more_members(rows, targets, alone, count):
    assert count_of_members(None, rows, targets, alone=alone) == count
    assert count_of_members(3, rows, targets, alone=alone) == 3


def test_a_count_that_is_said_is_checked():
    with pytest.raises(InputError, match="`members` must be a positive integer"):
        count_of_members(0, 300, 2, alone=True)
