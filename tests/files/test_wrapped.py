"""Unusual ways to write the cells of a text file."""

from __future__ import annotations

import warnings

import pytest

from covey.files import read_table


def read(path, content):
    path.write_text(content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frame = read_table(path)
    return frame.to_dict("list"), " ".join(str(each.message) for each in caught)


def test_lines_quoted_whole_are_rows(tmp_path):
    found, said = read(tmp_path / "t.csv", '"a,b"\n"""x, y"",2"\n"z,4"\n')
    assert found == {"a": ["x, y", "z"], "b": ["2", "4"]}
    assert "quotes around whole lines" in said


@pytest.mark.parametrize("lines", ['"note"\n"a, b"\n"c, d"\n', '"x"\n"1,5"\n"2,5"\n'])
def test_one_column_of_quoted_cells_stays_one(lines, tmp_path):
    found, said = read(tmp_path / "t.csv", lines)
    assert len(found) == 1
    assert "whole lines" not in said


@pytest.mark.parametrize("sep", ["^", "~", "\x01"])
def test_seldom_separators(sep, tmp_path):
    found, said = read(tmp_path / "t.csv", "a,b,c\n1,2,3\n4,5,6\n".replace(",", sep))
    assert found == {"a": ["1", "4"], "b": ["2", "5"], "c": ["3", "6"]}
    assert f"separator {sep!r}" in said


def test_marks_of_about_and_powers_do_not_separate(tmp_path):
    for name, cells in (("x", ["~0.5", "~0.7"]), ("m^2", ["1", "2"]), ("f", ["x^2", "y^2"])):
        found, _ = read(tmp_path / "t.csv", "\n".join([name, *cells]) + "\n")
        assert found == {name: cells}


def test_quotes_behind_backslashes(tmp_path):
    found, _ = read(tmp_path / "t.csv", 't,y\n"say \\"hi\\" 0",1\n"say \\"hi\\" 1",2\n')
    assert found == {"t": ['say "hi" 0', 'say "hi" 1'], "y": ["1", "2"]}
    found, _ = read(tmp_path / "u.csv", 't,y\n"C:\\a\\",1\n"C:\\b\\",2\n')
    assert found == {"t": ["C:\\a\\", "C:\\b\\"], "y": ["1", "2"]}


def test_a_source_with_commas_is_no_row(tmp_path):
    rows = "name,x,y\na,1,5\nb,2,3\nc,3,1\n"
    found, said = read(tmp_path / "t.csv", rows + "Source: World Bank, 2024, revised\n")
    assert found["name"] == ["a", "b", "c"]
    assert "'Source: World Bank; 2024; revised'" in said
    found, _ = read(tmp_path / "t.csv", rows + "Source: own, 2024, 3\n")
    assert len(found["name"]) == 4
