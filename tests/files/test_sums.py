"""What stands below long tables: sums of columns of text, each looked at once."""

import pyarrow as pa
import pytest

from covey.files import read_table
from covey.files.dialect import Dialect, tabbed
from covey.files.foot import footers
from covey.files.sums import Sums
from covey.files.tail import find_tail

# cells, and the sum and count that a person sees in them: with points, and with commas
CELLS = [
    (["1.5", "-2", "", "x", None, "3e2"], (299.5, 3)),
    (["1,234.50", "$2", "7 %", "2024-01-05", "12:30"], (1243.5, 3)),
    (["<0.5", "1\u00a0000", "+4", "NA", "?"], (1004.5, 3)),
]
WITH_COMMAS = [
    (["1,5", "1.234,25", "-3", "x"], (1232.75, 3)),
    (["2.000.000", "0,5 €"], (2000000.5, 2)),
]


@pytest.mark.parametrize(
    ("cells", "meant", "comma"),
    [(*each, False) for each in CELLS] + [(*each, True) for each in WITH_COMMAS],
)
def test_a_column_has_the_sum_that_a_person_sees(cells, meant, comma):
    column = pa.chunked_array([pa.array(cells, type=pa.string())])
    last = [[cell or ""] for cell in cells]
    for rows, block in (([], 0), (last, len(last))):
        assert Sums(lambda _: column, rows).above(block)(0, comma) == pytest.approx(meant)
    # and the last rows count as the others do
    twice = Sums(lambda _: column, [*last, ["5"]]).above(1)(0, comma)
    assert twice == pytest.approx((2 * meant[0], 2 * meant[1]))


def test_a_column_is_looked_at_once_however_many_totals_follow():
    asked = []
    values = [[str(number), str(2 * number)] for number in range(1, 301)]
    columns = [pa.chunked_array([pa.array(cells)]) for cells in zip(*values, strict=True)]

    def column(number):
        asked.append(number)
        return columns[number]

    named = [["", *row] for row in values]
    words = ["Subtotal", "Total", "Sum", "Grand total", "Max", "Min", "Total"]
    rows = named[-5:] + [[word, "45150", "90300"] for word in words]
    columns = [column.slice(0, 295) for column in columns]
    count, _ = footers(rows, named[:-5][-200:], 0, lambda number: column(number - 1))
    assert count == 7
    assert len(asked) <= 6  # two columns: sums with points and with commas, and all numbers


@pytest.mark.parametrize("word", ["Totale", "Suma", "Insgesamt", "Totaal", "Sub-total"])
def test_a_total_of_another_width_is_no_row(word, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(f"name,x,y\nAnn,2,3\nBob,5,6\nEva,7,7\n{word},14\n")
    with pytest.warns(UserWarning, match=f"left out .'{word}; 14'"):
        assert len(read_table(path)) == 3


@pytest.mark.parametrize("label", ["n", "min", "max", "count", "median"])
def test_a_row_that_is_called_like_a_statistic_needs_no_word(label, tmp_path, recwarn):
    path = tmp_path / "t.csv"
    path.write_text(f"name,x\nmin,2\nsd,5\nn,7\n{label},4\n")
    assert len(read_table(path)) == 4
    assert not recwarn.list


# Time in proportion to the letters: these would take hours if it grew with their square


def test_many_comments_and_notes():
    body = "".join(f"# {number}\n{number},2\n" for number in range(100_000))
    columns = [pa.chunked_array([pa.array(["1", "2"])])] * 2
    comments = [f"# {number}" for number in range(100_000)]
    assert find_tail(columns, comments, body, Dialect(","), ValueError).comments == 100_000


def test_long_runs_of_blanks():
    blanks = " \t" * 200_000
    assert tabbed(f"a{blanks}b{blanks}\n{blanks}1 2\n") == "a\tb\n1\t2\n"
