"""Names of columns as people type them."""

import pytest

from covey.cli.columns import cells, choose, quoted
from covey.errors import InputError

COLUMNS = ["id", "CO", "NOx", "strength (MPa, megapascals)", "a,b", "a", "b", " blank ", 'say "x"']


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["CO,NOx"], ["CO", "NOx"]),
        (["CO", "NOx"], ["CO", "NOx"]),
        (["CO, NOx", "id"], ["CO", "NOx", "id"]),
        (["NOx,CO,NOx", "CO"], ["NOx", "CO"]),
        (["strength (MPa, megapascals)"], ["strength (MPa, megapascals)"]),
        (
            ['"strength (MPa, megapascals)",CO', "NOx"],
            ["strength (MPa, megapascals)", "CO", "NOx"],
        ),
        (['CO, "strength (MPa, megapascals)"'], ["CO", "strength (MPa, megapascals)"]),
        (["a,b"], ["a,b"]),  # a whole word that is a column is that column
        (["b,a"], ["b", "a"]),
        (['"a","b"'], ["a", "b"]),
        (["blank"], [" blank "]),
        ([" blank "], [" blank "]),
        (['"say ""x"""'], ['say "x"']),
        (['say "x"'], ['say "x"']),
        (None, []),
        ([], []),
    ],
)
def test_names_are_found(words, expected):
    assert choose(COLUMNS, words, "--targets", "t.csv") == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["Nox"], "Received: 'Nox'. Did you mean NOx?"),
        (["co,nox"], "Received: 'co', 'nox'. Did you mean CO or NOx?"),
        (["NOX2"], "Did you mean NOx?"),
        (["strength (MPa, megapascals),CO"], "mean '\"strength (MPa, megapascals)\"'?"),
        (["temperature"], "Received: 'temperature'. There are: id, CO, NOx, '\"strength"),
    ],
)
def test_close_names_are_offered(words, said):
    with pytest.raises(InputError) as raised:
        choose(COLUMNS, words, "--targets", "t.csv")
    assert "Expected names of columns of t.csv with --targets." in str(raised.value)
    assert said in str(raised.value)


@pytest.mark.parametrize("word", ["", ",", "a,,b", "a,", " "])
def test_empty_names_are_refused(word):
    with pytest.raises(InputError, match="names separated by commas"):
        cells(word)


def test_a_name_can_be_typed_as_it_is_offered():
    import shlex

    for name in COLUMNS:
        assert choose(COLUMNS, shlex.split(quoted(name)), "--targets", "t") == [name], name
    typed = shlex.split(f"CO,{quoted(COLUMNS[3])}")
    assert choose(COLUMNS, typed, "--targets", "t") == ["CO", COLUMNS[3]]


def test_many_columns_are_not_all_listed():
    many = [f"column {number}" for number in range(500)]
    with pytest.raises(InputError) as raised:
        choose(many, ["nothing like it"], "--drop", "t.csv")
    assert len(str(raised.value)) < 1000
