"""Which cells of a table cannot be used, and what the others mean."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from covey.serve.refusal import MOST_ROWS, Refusal
from covey.serve.rows import (
    MOST_NOTES,
    canonical,
    from_columns,
    from_records,
    notes,
    observed,
    problems,
    with_cells,
)
from tests.small_table import table

MANY = 3000


def frame(**columns):
    X, _ = table()
    return pd.DataFrame({name: [X[name][0]] * MANY for name in X}).assign(**columns)


@pytest.mark.parametrize("cell", ["warm", "inf", "-1e999"])
def test_one_bad_cell_of_many_is_found(model, cell):
    numbers = ["0.5"] * MANY
    numbers[MANY - 2] = cell
    (found,) = problems(frame(number=numbers), model.schema_).rows
    assert (found["row"], found["column"]) == (MANY - 2, "number")


def test_infinity_by_type_is_found(model):
    numbers = np.zeros(MANY)
    numbers[7] = np.inf
    (found,) = problems(frame(number=numbers), model.schema_).rows
    assert found["row"] == 7


def test_of_many_bad_cells_the_first_are_named(model):
    found = problems(frame(number=["warm"] * MANY), model.schema_)
    assert [each["row"] for each in found.rows] == list(range(MOST_ROWS))
    assert f"({MOST_ROWS - 1} more)" not in found.refusal.message
    assert f"(at least {MOST_ROWS - 1} more)" in found.refusal.message


@pytest.mark.parametrize("bad", [2, MOST_ROWS, MOST_ROWS + 1])
def test_the_count_of_bad_cells_is_right_or_said_to_be_the_least(model, bad):
    numbers = ["0.5"] * MANY
    numbers[5 : 5 + bad] = ["warm"] * bad
    found = problems(frame(number=numbers, gaps=["cold"] + ["0.5"] * (MANY - 1)), model.schema_)
    least = "at least " if bad > MOST_ROWS else ""
    assert f"({least}{min(bad, MOST_ROWS)} more)" in found.refusal.message


def test_marks_of_missing_values_are_no_problem(model):
    assert problems(frame(gaps=["NA"] * MANY, number=["1.5"] * MANY), model.schema_).rows == []
    numbers, joins = canonical(frame(number=["1.5"] * MANY), model.schema_)
    assert joins
    np.testing.assert_array_equal(numbers["number"], 1.5)


def test_notes_come_row_by_row(model):
    X, _ = table()
    low = X["number"].min() - 10.0
    numbers = np.full(MANY, X["number"].median())
    numbers[[4, 9]] = low
    (found,) = notes(frame(number=numbers), model.schema_, [slice(0, MANY)])
    assert [note["row"] for note in found] == [4, 9]
    assert "the smallest in training" in found[0]["reason"]


def test_each_part_has_its_own_notes(model):
    numbers = np.full(MANY, table()[0]["number"].max() + 1.0)
    numbers[100:110] = 0.0
    parts = [slice(0, 100), slice(100, 110), slice(110, 111), slice(111, MANY)]
    found = notes(frame(number=numbers), model.schema_, parts)
    expected = [list(range(MOST_NOTES)), [], [0], list(range(MOST_NOTES))]
    assert [[note["row"] for note in each] for each in found] == expected


def faulty(what, count, names):
    """Read a number of rows, no cell of which can be used."""
    schema = SimpleNamespace(names=names)
    if what == "records":
        return lambda: from_records([{}] * count, schema, count)
    if what == "rows":
        return lambda: from_records([1] * count, schema, count)
    if what == "columns":
        return lambda: from_columns({name: [[]] * count for name in names}, schema)
    if what == "targets":
        return lambda: with_cells({name: [True] * count for name in names})
    return lambda: observed([dict.fromkeys(names, "x")] * count, names, count, "given")


@pytest.mark.parametrize("what", ["records", "rows", "columns", "targets", "observed"])
def test_of_faulty_cells_the_first_are_kept_and_all_counted(what):
    names = tuple(f"feature {number}" for number in range(40))
    each = 1 if what == "rows" else 40
    read = faulty(what, 1000, names)
    tracemalloc.start()
    with pytest.raises(Refusal) as refused:
        read()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert f"({1000 * each - 1:,} more)" in str(refused.value)
    assert str(refused.value).startswith("row 0")
    assert len(refused.value.rows) == MOST_ROWS
    assert peak < 2**21  # 40,000 dicts of three have 7 MiB and more
