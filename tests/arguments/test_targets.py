"""Names of targets."""

from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covey.arguments.targets import covariance_column, target_names
from covey.distributions import MultivariateNormal
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


def numbered(*names):
    mean = 10.0 * np.arange(1, len(names) + 1)
    return MultivariateNormal(mean, covariance=np.eye(len(names)), targets=names)


def test_columns_named_by_numbers_are_these_columns():
    joint = numbered(1, 2)  # of a table whose columns are called so
    assert joint.marginal(1).mean == 10.0
    assert joint.marginal(np.int64(2)).mean == 20.0
    assert joint.marginal([2, 1]).targets == ("2", "1")
    assert joint.conditional({1: 10.5}).targets == ("2",)
    assert joint.affine({"s": {1: 1.0, 2: -1.0}}).mean == -10.0
    assert joint.affine(pd.DataFrame([[1.0, -1.0]], columns=[2, 1])).mean == 10.0
    assert joint.probability(upper={2: 20.0}) == pytest.approx(0.5)
    assert joint.sum().mean == 30.0
    assert joint.log_prob(pd.DataFrame([[20.0, 10.0]], columns=[2, 1])) == joint.log_prob([10, 20])
    assert MultivariateNormal.from_frame(joint.to_frame()).marginal(1).mean == 10.0


def test_a_number_that_may_mean_two_things_is_refused():
    for joint in (numbered(1, 2), numbered("price", 2020)):
        for number in (0, -1, 5):
            with pytest.raises(InputError, match="numbers are names here and no positions"):
                joint.marginal(number)
    joint = numbered(0, 1)  # as pandas calls columns by itself: name and position are one
    assert joint.marginal(1).targets == joint.marginal(-1).targets == ("1",)
    assert numbered("a", "b").marginal(-1).targets == ("b",)
    for number in (True, np.True_):
        with pytest.raises(InputError, match=r"Received: .*True"):
            numbered("a", "b").marginal(number)


def test_numbers_that_are_not_whole_are_names_too():
    """pandas finds the column 1.0 by 1, and the column 1 by 1.0."""
    joint = numbered(*pd.DataFrame([[0.0, 0.0]], columns=[1.0, 2.5]))
    assert joint.targets == ("1.0", "2.5")
    assert joint.marginal(1).mean == joint.marginal(1.0).mean == 10.0
    assert joint.marginal(np.float64(2.5)).mean == joint.conditional({1: 0.0}).mean == 20.0
    for number in (0, -1):
        with pytest.raises(InputError, match="numbers are names here and no positions"):
            joint.marginal(number)
    assert numbered(1, 2).marginal(1.0).mean == 10.0
    assert numbered("0.0", "1.0").marginal(-1).targets == ("1.0",)  # name and position are one
    with pytest.raises(InputError, match="Expected one of the targets"):
        numbered("a", "b").marginal(1.0)


def test_columns_of_two_headers_are_named_by_pairs():
    table = pd.DataFrame([[1.0, 2.0]], columns=pd.MultiIndex.from_product([["air"], ["a", "b"]]))
    joint = MultivariateNormal(table, covariance=np.eye(2), targets=table.columns)
    assert joint.marginal(("air", "b")).mean == 2.0
    years = numbered(("air", 2020), ("air", 2021))
    assert years.marginal(("air", np.int64(2021))).mean == years.marginal(("air", 2021)).mean == 20
    assert joint.marginal([("air", "b"), ("air", "a")]).mean.tolist() == [[2.0, 1.0]]
    assert joint.conditional({("air", "a"): 3.0}).mean == 2.0
    assert joint.log_prob(table) == joint.log_prob([[1.0, 2.0]])


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


def test_what_gives_one_column_twice_is_found_among_many_names():
    many = [f"sensor_{i}_{kind}" for i in range(1000) for kind in ("low", "high")]
    assert target_names(many, 2000) == tuple(many)
    with pytest.raises(InputError, match=r"\('a_b', 'c'\) and \('a', 'b_c'\)"):
        target_names(["a_b", *many, "c", "a", "b_c"], 2004)


@settings(max_examples=200, derandomize=True)
@given(st.lists(st.text("ab_", max_size=5), min_size=1, max_size=6, unique=True))
def test_names_are_refused_exactly_if_two_pairs_give_one_column(names):
    columns = [covariance_column(*pair) for pair in combinations_with_replacement(names, 2)]
    if len(set(columns)) == len(columns):
        assert target_names(names, len(names)) == tuple(names)
    else:
        with pytest.raises(InputError, match="both give"):
            target_names(names, len(names))
