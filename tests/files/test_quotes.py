"""Quotes that do not end where they should: a table of 1,000 rows is never one of 501."""

import pytest

from covey.errors import InputError
from covey.files import read_table

NUMBERS = [f"{i},{2 * i}" for i in range(1000)]
TEXTS = [f'{i},"name {i}",x{i}' for i in range(1000)]
QUOTED = [f'"n{i}","name {i}","x{i}"' for i in range(1000)]
ESCAPED = [rf'{i},"say \"{i}\" x",x' for i in range(1000)]
ALONE = [str(i) for i in range(1000)]


def read(tmp_path, names, rows, changed):
    rows = [changed.get(number, row) for number, row in enumerate(rows)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join([names, *rows]) + "\n")
    return read_table(path)


@pytest.mark.parametrize(
    ("names", "rows", "changed"),
    [
        ("a,b", NUMBERS, {500: '500,"1000'}),  # to the end of the file
        ("a,b", NUMBERS, {500: '"500,1000'}),
        ("a,b", NUMBERS, {500: '500,"1000', 501: '501,"1002'}),  # into the next cell
        ("a,b", NUMBERS, {500: '500,"1000', 700: '700,"1400'}),
        ("a,b", NUMBERS, {500: '500,"1000', 501: '501,1002"'}),  # to the end of the next
        ("a,b", NUMBERS, {500: '500,"1000', 700: '700,1400"'}),
        ("a,b,c", TEXTS, {500: '500,"name 500,x500'}),
        ("a,b,c", QUOTED, {500: '"n500","name 500,"x500"'}),
        ("a,b,c", QUOTED, {500: '"n500","name 500","x500'}),
        ("a,b,c", ESCAPED, {500: '500,"say x,x'}),
        ("a", ALONE, {500: '"500'}),
        ("a", ALONE, {500: '"500', 510: '510"'}),
        ("a\tb", [row.replace(",", "\t") for row in NUMBERS], {500: '500\t"1000'}),
        ("a b", [row.replace(",", " ") for row in NUMBERS], {500: '500 "1000'}),
    ],
)
def test_a_stray_quote_is_refused_by_its_line(names, rows, changed, tmp_path):
    with pytest.raises(InputError, match=r"in line 502\b"):
        read(tmp_path, names, rows, changed)


@pytest.mark.parametrize(
    ("names", "changed", "line"),
    [
        ("a,b", {999: '999,"1998'}, 1001),  # the very last cell
        ("a,b", {0: '0,"0'}, 2),
        ('a,"b', {}, 1),
        ('a,"b', {3: '3,"6'}, 1),
    ],
)
def test_a_stray_quote_at_either_end(names, changed, line, tmp_path):
    with pytest.raises(InputError, match=rf"Expected each quote .* in line {line} that does not"):
        read(tmp_path, names, NUMBERS, changed)


@pytest.mark.parametrize("closed", [{}, {99_000: '99000,"198000'}, {99_000: '99000,198000"'}])
def test_a_swallowed_table_may_be_long(closed, tmp_path):
    rows = [f"{i},{2 * i}" for i in range(100_000)]
    with pytest.raises(InputError, match=r"in line 502\b.* 9[89],\d\d\d lines below"):
        read(tmp_path, "a,b", rows, {500: '500,"1000', **closed})


def test_the_message_counts_the_lines(tmp_path):
    with pytest.raises(InputError, match=r"200 lines below it .*Delete this quote"):
        read(tmp_path, "a,b", NUMBERS, {500: '500,"1000', 700: '700,"1400'})


def test_a_table_may_be_full_of_cells_that_hold_tables(tmp_path):
    rows = [f'{i},"<p>\n1, 2\n3, 4\n</p>"' for i in range(1000)]
    frame = read(tmp_path, "a,b", rows, {})
    assert list(frame["b"]) == ["<p>\n1, 2\n3, 4\n</p>"] * 1000


@pytest.mark.parametrize(
    ("changed", "cell"),
    [
        ({5: '5,"a 5"" pipe",x'}, 'a 5" pipe'),
        ({5: '5,5" pipe,x'}, '5" pipe'),
        ({5: '5,"two\nlines",x'}, "two\nlines"),
        ({5: '5,"Dear all,\n\nsix, seven, eight\n1, 2, and 3\nyours, me, Ann",x'}, None),
        ({5: '5,"one, of three\n2, two, x\n" ,x'}, "one, of three\n2, two, x"),
    ],
)
def test_cells_of_several_lines_are_cells(changed, cell, tmp_path):
    frame = read(tmp_path, "a,b,c", TEXTS, changed)
    assert len(frame) == 1000
    assert frame["b"][5] == cell or cell is None
    assert frame["b"][999] == "name 999"
