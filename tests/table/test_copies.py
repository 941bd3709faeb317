"""Features that hold a target: found among many, and told in few words."""

import warnings

import numpy as np
import pandas as pd
import pytest

from covey.errors import CoveyWarning, InputError
from covey.table import copies
from covey.table.cells import decode
from covey.table.copies import FEW, check_features


def table(n=2000, f=4, d=3, seed=0):
    r = np.random.default_rng(seed)
    X = pd.DataFrame(r.normal(size=(n, f)), columns=[f"x{i}" for i in range(f)])
    return X, r.normal(size=(n, d)), tuple(f"y{i}" for i in range(d))


def said(X, Y, names):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_features(X, Y, names, names)
    return [str(warning.message) for warning in caught]


def test_a_row_that_was_not_looked_at_first_tells_two_apart():
    X, Y, names = table()
    assert said(X, Y, names) == []
    first = np.linspace(0, len(Y) - 1, FEW).astype(int)
    for rows in (first, np.delete(np.arange(len(Y)), 1)):  # the same in these, and not in all
        assert 1 not in rows
        same = X["x0"].to_numpy().copy()
        same[rows] = Y[rows, 1]
        assert said(X.assign(copy=same), Y, names) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda y: y,
        lambda y: y.astype("float32"),
        lambda y: y.where(np.arange(len(y)) % 2 == 0),
        lambda y: y.where(np.arange(len(y)) >= 900),  # nothing in the first rows
        lambda y: y.astype(object),
        lambda y: y.astype("Float64"),
    ],
    ids=["itself", "float32", "gaps", "a late start", "objects", "of pandas"],
)
def test_copies_of_any_kind_are_found(change):
    X, Y, names = table()
    same = change(pd.Series(Y[:, 2]))
    text = X.assign(text="a", copy=same)
    assert len(found := said(text, Y, names)) == 1
    assert "'copy' (target 'y2'). Unless" in found[0]
    with pytest.raises(InputError, match="the name and the values of a target: 'y2'"):
        check_features(X.assign(y2=same), Y, names, names)


def test_a_copy_is_found_where_a_few_rows_vary_less_than_all():
    """Rounded to float32 it differs by more than a millionth of how the few vary."""
    X, Y, names = table()
    Y[:, 0] = 1e6 + Y[:, 0]
    Y[1, 0] = 0.0  # not among the few
    assert len(said(X.assign(copy=Y[:, 0].astype("float32")), Y, names)) == 1


def test_few_copies_are_named_and_all_are_counted():
    X, Y, names = table(d=20)
    many = X.join(pd.DataFrame(Y, columns=[f"copy{i}" for i in range(20)]))
    assert len(found := said(many, Y, names)) == 1
    assert "'copy4' (target 'y4') and 15 more, 20 in all. Unless" in found[0]
    assert "copy5" not in found[0]
    five = X.join(pd.DataFrame(Y[:, :5], columns=[f"copy{i}" for i in range(5)]))
    assert "'copy4' (target 'y4'). Unless" in said(five, Y, names)[0]


def test_all_rows_are_read_of_columns_alone_that_a_few_do_not_tell_apart(monkeypatch):
    X, Y, names = table(f=50)
    lengths = []
    monkeypatch.setattr(
        copies, "decode", lambda column: (lengths.append(len(column)), decode(column))[1]
    )
    with pytest.warns(CoveyWarning, match="'copy'"):
        check_features(X.assign(copy=Y[:, 0]), Y, names, names)
    assert lengths.count(len(Y)) == 1
    assert max(length for length in lengths if length != len(Y)) <= FEW
