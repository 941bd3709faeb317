"""Names of targets."""

import pytest

from covey.distributions import MultivariateNormal
from covey.distributions.targets import target_names
from covey.errors import InputError


@pytest.mark.parametrize(
    ("targets", "names"),
    [
        (None, ("y0", "y1", "y2")),
        (["CO", "NOx", "NO2"], ("CO", "NOx", "NO2")),
        ((name for name in "cab"), ("c", "a", "b")),
        ([3, 1, 2], ("3", "1", "2")),
        (["a_b", "b", "a"], ("a_b", "b", "a")),
        (["a b", "Ä", ""], ("a b", "Ä", "")),
    ],
)
def test_names(targets, names):
    joint = MultivariateNormal([[0, 0, 0]], covariance=[[4, 1, 0], [1, 9, 2], [0, 2, 1]])
    joint = joint.affine([[1, 0, 0], [0, 1, 0], [0, 0, 1]], targets=targets)
    assert joint.targets == names
    assert MultivariateNormal.from_frame(joint.to_frame()).targets == names


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (["a"], r"Expected 2 target names.* Received 1: \['a'\]"),
        (["a", "b", "c"], "Received 3"),
        (["a", "a"], r"more than once: \['a'\]"),
        ([1, "1"], r"more than once: \['1'\]"),
        ("ab", r"sequence of 2 names. Received the single string 'ab'; put it into a list"),
    ],
)
def test_names_that_cannot_be_used(targets, message):
    with pytest.raises(InputError, match=message):
        target_names(targets, 2)


def test_names_that_give_one_column_twice():
    with pytest.raises(InputError, match=r"\('a_b', 'c'\) and \('a', 'b_c'\).*'cov_a_b_c'"):
        target_names(["a_b", "c", "a", "b_c"], 4)
