"""Text files as people and programs write them; what each means is what its writer meant."""

import warnings

import numpy as np
import pandas as pd
import pytest

from covey.errors import CoveyWarning, InputError
from covey.files import read_table

GAP = None


def read(path, content, **options):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frame = read_table(path, **options)
    assert all(issubclass(each.category, CoveyWarning) for each in caught)
    said = [str(each.message) for each in caught]
    assert len(said) <= 1
    return frame, "".join(said)


def cells(frame):
    return {
        name: [None if pd.isna(cell) else cell for cell in frame[name]] for name in frame.columns
    }


# name, content, the table that was meant, words that must be said ("" for nothing at all)
DIALECTS = [
    ("t.csv", "a,b\n1,x\n2,y\n", {"a": ["1", "2"], "b": ["x", "y"]}, ""),
    ("t.csv", "a,b\r\n1,x\r\n2,y\r\n", {"a": ["1", "2"], "b": ["x", "y"]}, ""),
    ("t.csv", "a,b\r1,x\r2,y", {"a": ["1", "2"], "b": ["x", "y"]}, ""),
    ("t.csv", "a,b\n\n1,x\n\n2,y\n\n\n", {"a": ["1", "2"], "b": ["x", "y"]}, ""),
    ("t.csv", "\ufeffa,b\n1,x\n", {"a": ["1"], "b": ["x"]}, ""),
    ("t.csv", "zip,n\n042,1\n0042,2\n", {"zip": ["042", "0042"], "n": ["1", "2"]}, ""),
    ("t.tsv", "a\tb\n1\tx y\n", {"a": ["1"], "b": ["x y"]}, ""),
    ("t.txt", "a\tb\n1\tx, y\n2\tz, u\n", {"a": ["1", "2"], "b": ["x, y", "z, u"]}, ""),
    ("t.csv", "a\tb\n1\tx\n2\ty\n", {"a": ["1", "2"], "b": ["x", "y"]}, "separator tab"),
    ("t.csv", "a;b\n1;x\n2;y\n", {"a": ["1", "2"], "b": ["x", "y"]}, "separator ';'"),
    ("t.csv", "a|b\n1|x\n2|y\n", {"a": ["1", "2"], "b": ["x", "y"]}, "separator '|'"),
    ("t.csv", "a;b\n1,5;2,25\n-3;,5\n", {"a": ["1.5", "-3"], "b": ["2.25", ".5"]}, "decimal ','"),
    (
        "t.csv",
        "a;b\n1.234,5;x\n2.345.678,25;y\n3.456;z\n7;u\n",
        {"a": ["1234.5", "2345678.25", "3456", "7"], "b": ["x", "y", "z", "u"]},
        "decimal ','",
    ),
    (
        "t.csv",
        "a;b\n1 234,5;x\n2\u00a0345,25;y\n3\u202f456;z\n4'567,5;u\n",
        {"a": ["1234.5", "2345.25", "3456", "4567.5"], "b": ["x", "y", "z", "u"]},
        "decimal ','",
    ),
    (
        "t.csv",
        "price;share;low;small\n1.234,50 €;52,30 %;<0,5;1,5e-3\n-2,00 €;7,5%;0,7;2,5E+4\n",
        {
            "price": ["1234.50 €", "-2.00 €"],
            "share": ["52.30 %", "7.5%"],
            "low": ["<0.5", "0.7"],
            "small": ["1.5e-3", "2.5E+4"],
        },
        "decimal ','",
    ),
    (
        "t.csv",
        "lira;real;rupee\n₺1.234,50;R$ 7,25;₹ 5,5\n₺2,00;R$ 1.000,50;₹ 1.000,75\n",
        {
            "lira": ["₺1234.50", "₺2.00"],
            "real": ["R$ 7.25", "R$ 1000.50"],
            "rupee": ["₹ 5.5", "₹ 1000.75"],
        },
        "decimal ','",
    ),
    # dates and codes have points too
    (
        "t.csv",
        "day;x;version;note\n01.02.2024;1,5;1.2.3;a, b\n13.02.2024;2,5;1.10.0;c\n",
        {
            "day": ["01.02.2024", "13.02.2024"],
            "x": ["1.5", "2.5"],
            "version": ["1.2.3", "1.10.0"],
            "note": ["a, b", "c"],
        },
        "decimal ','",
    ),
    # no thousands beside 3.14
    ("t.csv", "a;b\n1.234;1,5\n3.14;2,5\n", {"a": ["1.234", "3.14"], "b": ["1.5", "2.5"]}, "','"),
    ("t.csv", "a;b\n1.5;x\n2.25;y\n", {"a": ["1.5", "2.25"], "b": ["x", "y"]}, "separator ';'"),
    (
        "t.csv",
        "a;b\n1,234;x\n2,345;y\n",
        {"a": ["1.234", "2.345"], "b": ["x", "y"]},
        "'1,234' is read as 1.234, not as 1234",
    ),
    (
        "t.csv",
        "a;b\n1.500;x\n2.345;y\n3.456;z\n",
        {"a": ["1.500", "2.345", "3.456"], "b": ["x", "y", "z"]},
        "'1.500' is read as 1.5, not as 1500",
    ),
    # thousands in English: what they mean, the column's reader knows
    (
        "t.csv",
        'a,b\n"1,234.50",1\n"2,345.00",2\n',
        {"a": ["1,234.50", "2,345.00"], "b": ["1", "2"]},
        "",
    ),
    (
        "t.csv",
        'x,y\n"1,5","2,5"\n"3,25","4"\n',
        {"x": ["1.5", "3.25"], "y": ["2.5", "4"]},
        "decimal",
    ),
    ("t.csv", "x\n1,5\n2,5\n3,25\n", {"x": ["1.5", "2.5", "3.25"]}, "decimal ','"),
    ("t.csv", "x\n1.5\n\n2.5\n", {"x": ["1.5", GAP, "2.5"]}, ""),
    ("t.csv", 'x\n"a|b"\n"c, d"\n"e; f"\ng\n', {"x": ["a|b", "c, d", "e; f", "g"]}, ""),
    ("t.csv", "x y\nfoo bar\nspam\n", {"x y": ["foo bar", "spam"]}, ""),
    (
        "t.csv",
        "city\tx\nBerlin, Germany\t3\nParis, France\t4\n",
        {"city": ["Berlin, Germany", "Paris, France"], "x": ["3", "4"]},
        "separator tab",
    ),
    (
        "t.csv",
        "time,x\n2024-01-01 10:00:00,5\n2024-01-01 11:00:00,6\n",
        {"time": ["2024-01-01 10:00:00", "2024-01-01 11:00:00"], "x": ["5", "6"]},
        "",
    ),
    # blanks
    ("t.txt", "a b\n1.5 2\n3 4.5\n", {"a": ["1.5", "3"], "b": ["2", "4.5"]}, "separator blanks"),
    (
        "t.data",
        '18.0   8   307.0\t"chevrolet chevelle"\n15.0   ?   350.0\t"buick skylark"\n',
        {
            "x0": ["18.0", "15.0"],
            "x1": ["8", "?"],
            "x2": ["307.0", "350.0"],
            "x3": ["chevrolet chevelle", "buick skylark"],
        },
        "no line of names found: the columns are called x0 to x3",
    ),
    (
        "t.csv",
        "a, b ,c\n1, x ,3 \n2,  ,4\n",
        {"a": ["1", "2"], "b": ["x", GAP], "c": ["3", "4"]},
        "",
    ),
    ("t.csv", 'a, "b c"\n1, "x, y"\n2, "z"\n', {"a": ["1", "2"], "b c": ["x, y", "z"]}, ""),
    # quotes
    ("t.csv", '"a,b",c\n"x, y",2\n', {"a,b": ["x, y"], "c": ["2"]}, ""),
    (
        "t.csv",
        'a,b\n"say ""hi""",1\n5" pipe,2\n',
        {"a": ['say "hi"', '5" pipe'], "b": ["1", "2"]},
        "",
    ),
    ("t.csv", 'a,b\n"x\ny",1\nz,2\n', {"a": ["x\ny", "z"], "b": ["1", "2"]}, ""),
    ("t.csv", '"a\nb",c\n1,2\n', {"a b": ["1"], "c": ["2"]}, ""),
    ("t.csv", 'a,b\n1,"x \\"q\\", y"\n2,z\n', {"a": ["1", "2"], "b": ['x "q", y', "z"]}, ""),
    ("t.csv", 'a,b\n1,"say \\"x\\" y"\n2,z\n', {"a": ["1", "2"], "b": ['say "x" y', "z"]}, ""),
    ("t.csv", 'a,b\n1,"C:\\"\n2,"D:\\"\n', {"a": ["1", "2"], "b": ["C:\\", "D:\\"]}, ""),
    ("t.csv", "a,b\n1,'x, y'\n2,'z'\n", {"a": ["1", "2"], "b": ["x, y", "z"]}, "single quotes"),
    ("t.csv", "a,b\n1,it's\n2,'tis\n", {"a": ["1", "2"], "b": ["it's", "'tis"]}, ""),
    # missing
    (
        "t.csv",
        "a,b\nNA,NaN\nn/a,null\n#N/A,\n#DIV/0!,NULL\n?,-\n1,.\n",
        {"a": [GAP, GAP, GAP, GAP, "?", "1"], "b": [GAP, GAP, GAP, GAP, "-", "."]},
        "",
    ),
    # above the table
    ("t.csv", "sep=;\na;b\n1,5;2\n2,5;3\n", {"a": ["1.5", "2.5"], "b": ["2", "3"]}, "decimal ','"),
    (
        "t.csv",
        "# made by x, y\n# z\na,b\n1,2\n3,4\n",
        {"a": ["1", "3"], "b": ["2", "4"]},
        "2 lines before the table left out ('# made by x, y')",
    ),
    ("t.csv", "#a,b\n1,2\n3,4\n", {"a": ["1", "3"], "b": ["2", "4"]}, ""),
    ("t.txt", "# a b\n1.5 2.5\n3.5 4.5\n", {"a": ["1.5", "3.5"], "b": ["2.5", "4.5"]}, "blanks"),
    (
        "t.csv",
        "Monthly report\n\nDate;A;B\n01.02.2024;1,5;2\n02.02.2024;1,7;3\n",
        {"Date": ["01.02.2024", "02.02.2024"], "A": ["1.5", "1.7"], "B": ["2", "3"]},
        "1 line before the table left out ('Monthly report')",
    ),
    (
        "t.csv",
        "Report 2024;;;\n;;;\nDate;A;B;C\n1.2.2024;1,5;2;3\n2.2.2024;1,7;2;3\n",
        {"Date": ["1.2.2024", "2.2.2024"], "A": ["1.5", "1.7"], "B": ["2", "2"], "C": ["3", "3"]},
        "1 line before the table left out ('Report 2024')",
    ),
    (
        "t.csv",
        "Station:,Berlin\nUnit:,mm\n\nday,rain,snow\n1,2.5,0\n2,3.5,1\n3,0.5,0\n",
        {"day": ["1", "2", "3"], "rain": ["2.5", "3.5", "0.5"], "snow": ["0", "1", "0"]},
        "2 lines before the table left out",
    ),
    (
        "t.csv",
        "k1,v\nk2,v\nk3,v\nk4,v\nk5,v\n\na,b,c,d\n1,2,3,4\n5,6,7,8\n9,8,7,6\n",
        {"a": ["1", "5", "9"], "b": ["2", "6", "8"], "c": ["3", "7", "7"], "d": ["4", "8", "6"]},
        "5 lines before the table left out",
    ),
    (
        "t.csv",
        "time,temp,site\n[s],[°C],\n1,2,x\n2,3,y\n",
        {"time": ["1", "2"], "temp": ["2", "3"], "site": ["x", "y"]},
        "the line below the names left out ('[s]; [°C]')",
    ),
    (
        "t.md",
        "| a | b |\n|---|:--|\n| 1 | 2 |\n| 3 | 4 |\n",
        {"a": ["1", "3"], "b": ["2", "4"]},
        "2 columns without name",
    ),
    # names
    ("t.csv", "1.5,2\n2.5,3\n", {"x0": ["1.5", "2.5"], "x1": ["2", "3"]}, "no line of names"),
    (
        "t.csv",
        "5.1,3.5,setosa\n4.9,3.0,setosa\n7.0,3.2,versicolor\n",
        {
            "x0": ["5.1", "4.9", "7.0"],
            "x1": ["3.5", "3.0", "3.2"],
            "x2": ["setosa", "setosa", "versicolor"],
        },
        "the columns are called x0 to x2",
    ),
    ("t.csv", "0,1,2\n0.3,0.1,2\n", {"0": ["0.3"], "1": ["0.1"], "2": ["2"]}, ""),
    (
        "t.csv",
        "land,2019,2020\nx,1.5,2\ny,2.5,3\n",
        {"land": ["x", "y"], "2019": ["1.5", "2.5"], "2020": ["2", "3"]},
        "",
    ),
    ("t.csv", "a,b\nx,y\nz,u\n", {"a": ["x", "z"], "b": ["y", "u"]}, ""),
    ("t.csv", "a,2024\nx,5\n", {"a": ["x"], "2024": ["5"]}, ""),
    (
        "t.csv",
        "Volvo,1999\nSaab,2001\n",
        {"x0": ["Volvo", "Saab"], "x1": ["1999", "2001"]},
        "no line of names",
    ),
    # columns without name or values
    (
        "t.csv",
        "a,b,,\n1,2,,\n3,4,,\n",
        {"a": ["1", "3"], "b": ["2", "4"]},
        "2 columns without name",
    ),
    ("t.csv", "a,b\n1,2,\n3,4,\n", {"a": ["1", "3"], "b": ["2", "4"]}, "1 column without name"),
    (
        "t.csv",
        "a,,c\n1,x,3\n2,x,4\n",
        {"a": ["1", "2"], "Unnamed: 1": ["x", "x"], "c": ["3", "4"]},
        "column 2 has no name and is called 'Unnamed: 1'",
    ),
    ("t.csv", "a,b,c\n1,,3\n2,,4\n", {"a": ["1", "2"], "b": [GAP, GAP], "c": ["3", "4"]}, ""),
    ("t.csv", "a,b,\n1,2\n3,4\n", {"a": ["1", "3"], "b": ["2", "4"]}, ""),
    # row labels of other programs
    ("t.csv", ",a,b\n0,5,6\n1,7,8\n", {"a": ["5", "7"], "b": ["6", "8"]}, "row numbers"),
    ("t.csv", ",a\n7,5\n2,7\n9,1\n", {"a": ["5", "7", "1"]}, "row numbers"),
    ("t.csv", "Unnamed: 0,a\n0,5\n1,7\n", {"a": ["5", "7"]}, "'Unnamed: 0' left out"),
    ("t.csv", '"","mpg"\n"Mazda RX4",21\n"Merc",22\n', {"mpg": ["21", "22"]}, "row names"),
    ("t.txt", '"a" "b"\n"1" 1.5 2\n"2" 3 4\n', {"a": ["1.5", "3"], "b": ["2", "4"]}, "row numbers"),
    ("t.csv", ",a\nred,5\nred,7\n", {"Unnamed: 0": ["red", "red"], "a": ["5", "7"]}, "no name"),
    (
        "t.csv",
        ",a\n2024-01-01,5\n2024-01-02,7\n",
        {"Unnamed: 0": ["2024-01-01", "2024-01-02"], "a": ["5", "7"]},
        "no name",
    ),
    ("t.csv", "id,a\n0,5\n1,7\n", {"id": ["0", "1"], "a": ["5", "7"]}, ""),
    # between the rows
    ("t.csv", "a,b\n1,2\na,b\n3,4\n", {"a": ["1", "3"], "b": ["2", "4"]}, "comes 2 times"),
    ("t.csv", "a,b\n1,2\n#3,4\n5,6\n", {"a": ["1", "5"], "b": ["2", "6"]}, "1 line of comments"),
    (
        "t.csv",
        "a,b\n1,2\n# so far\n5,6\n",
        {"a": ["1", "5"], "b": ["2", "6"]},
        "1 line of comments",
    ),
    ("t.csv", "a\na\nb\n", {"a": ["a", "b"]}, ""),
    ("t.csv", "a,b\n#1,2\n#3,4\n", {"a": ["#1", "#3"], "b": ["2", "4"]}, ""),
    (
        "t.csv",
        "tag,b\n#red,2\nblue,4\nred,1\n",
        {"tag": ["#red", "blue", "red"], "b": ["2", "4", "1"]},
        "",
    ),
]


@pytest.mark.parametrize(("name", "content", "meant", "said"), DIALECTS)
def test_a_file_is_read_as_it_was_meant(name, content, meant, said, tmp_path):
    frame, heard = read(tmp_path / name, content)
    assert cells(frame) == meant
    assert said in heard
    assert bool(said) == bool(heard), heard


# the rows below "day,x,site", what is left of them, and what was said
ROWS = "2024-01-01,1.5,north\n2024-01-02,2.5,south\n2024-01-03,3.5,north\n"
BELOW = [
    "Total,7.5,\n",
    "Total:,7.5,\n",
    "TOTAL,,\n",
    ",,\nSum,7.5,\n",
    "Grand total,7.5,3 rows\n",
    "Mean,2.5,\n",
    "\nSource: World Bank\n",
    "Source: World Bank\n",
    "Source: World Bank, 2024\n",
    "Source: a, b, c\n",
    "Source: a, b, c, d and e\n",
    "\nData from database: Indicators\nLast Updated: 12/16/2021\n",
    "* provisional\n",
    "(3 rows affected)\n",
    "\nSome words on how this was measured\n",
    "Some words on how this was measured,,\n",
    "Total,7.5,\n\nSource: x\n",
    "\n\nTotal,7.5,\n\n",
    "# end\n",
    "\nprovisional,see annex,\n",
]


@pytest.mark.parametrize("below", BELOW)
def test_what_stands_below_the_rows_is_no_row(below, tmp_path):
    frame, said = read(tmp_path / "t.csv", f"day,x,site\n{ROWS}{below}")
    assert cells(frame)["x"] == ["1.5", "2.5", "3.5"]
    assert "left out" in said
    first = next(cell for line in below.splitlines() for cell in line.split(",") if cell)
    assert first.split(";")[0][:20] in said or "comments" in said


# last rows of "name,x,y" that are rows
LAST = [
    "Total,1,2\n",  # a company of that name, beside others
    "Source: own,1,2\n",
    "Meanwhile,1,2\n",
    "Berlin,,\n",
    ",,\n",
    "\nBerlin,5,6\n",
    "\n\nSum of all fears,3,9\n",
    "Note,1,2\n",
    "NA,1,2\n",
    "last,?,-\n",
]


@pytest.mark.parametrize("last", LAST)
def test_a_last_row_is_never_lost(last, tmp_path):
    frame, said = read(tmp_path / "t.csv", "name,x,y\nShell,2,3\nBP,5,6\nEni,7,7\n" + last)
    assert len(frame) == 4
    assert "left out" not in said
    kept = last.strip().startswith(("Total", "Source", "Sum"))
    assert ("is kept as a row" in said) == kept


@pytest.mark.parametrize(
    ("below", "count"),
    [
        ("Total,14,16\n", 3),
        ("Subtotal,14,16\nTotal,14,16\n", 3),
        ("Mean,4.667,5.333\nStd,2.5,2.1\nMax,7,7\n", 3),
        ("Average,4.6667,5.3333\n", 3),
        ("Max,4,4\nTotal,18,20\n", 4),  # somebody of that name
        ("Max,4,4\n", 4),
    ],
)
def test_statistics_among_names_are_known_by_their_values(below, count, tmp_path):
    frame, _ = read(tmp_path / "t.csv", "name,x,y\nAnn,2,3\nBob,5,6\nEva,7,7\n" + below)
    assert len(frame) == count


def test_a_total_among_names_is_known_by_its_sums(tmp_path):
    frame, said = read(tmp_path / "t.csv", "name,x,y\nShell,2,3\nBP,5,6\nEni,7,7\nTotal,14,16\n")
    assert list(frame["name"]) == ["Shell", "BP", "Eni"]
    assert "('Total; 14; 16')" in said


@pytest.mark.parametrize("count", [40, 3000, 20000])
def test_totals_of_long_tables_too(count, tmp_path):
    rows = "".join(f"shop {number},{number % 7},{number / 4}\n" for number in range(count))
    sums = sum(number % 7 for number in range(count)), sum(number / 4 for number in range(count))
    frame, _ = read(tmp_path / "t.csv", f"name,x,y\n{rows}Total,{sums[0]},{sums[1]}\n")
    assert len(frame) == count
    frame, said = read(tmp_path / "t.csv", f"name,x,y\n{rows}Total,{sums[0] + count},3\n")
    assert len(frame) == count + 1
    assert "kept" in said


def test_no_table_is_changed_by_how_long_it_is(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.lognormal(size=(20_000, 3))
    text = "a;b;c\n" + "".join(";".join(map(repr, row)) + "\n" for row in values.tolist())
    frame, _ = read(tmp_path / "t.csv", text.replace(".", ","))
    np.testing.assert_array_equal(frame.astype(float).to_numpy(), values)


def test_long_tables_may_hold_line_feeds(tmp_path):
    rows = 60_000
    text = "a,b\n" + "".join(f'{number},"x\n{number}, y"\n' for number in range(rows))
    frame, said = read(tmp_path / "t.csv", text)
    assert list(frame["a"].astype(int)) == list(range(rows))
    assert (frame["b"] == [f"x\n{number}, y" for number in range(rows)]).all()
    assert not said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n1,2,3\n4,5\n", "Received 3 in line 3: '1,2,3'"),
        ("a,b,c\n1,2,3\n1,2\n4,5,6\n", "Received 2 in line 3: '1,2'"),
        ("# x\n\na,b\n1,2\n\n1,2,3\n4,5\n", "in line 6: '1,2,3'"),
        ("t,a,b\n2024-01-01,1,2\n2024-01-02,1,2\n2024-01-03,1\n", "in line 4: '2024-01-03,1'"),
        ("n,a,b\nx,1,2\ny,1,2\nz,1\n", "in line 4: 'z,1'"),
        ("n,a,b\nx,1,2\ny,1,2\nz\n", "in line 4: 'z'"),
        ("n  a  b\nx  1  2\ny  1  2\nz  1\n", "in line 4"),
        ('a,b\n1,2\n"open,2\n3,4\n', "in line 3"),
        ("a,b,c\n1,2,3,4\n5,6,7,8\n", "has 3 ('a; b; c') where the rows have 4"),
        ("a,b\n1,2,3,4\n5,6,7,8\n", "has 2 cells ('a; b') where the rows below have 4"),
        ("a,b,c\n1,2\n3,4\n", "line 1 has 3 cells ('a; b; c') where the rows below have 2"),
        ("a,b\n1,2\nSource: x\n3,4\n5,6\n", "line 3: 'Source: x'"),
        ("one name\n1.5,2\n2.5,3\n", "has 1 ('one name') where the rows have 2 cells"),
        ("a;b\nTrue\nFalse\nTrue\n", "line 1 has 2 cells"),
        ("a,b,a\n1,2,3\n", "more than one column that is called a"),
        ("a, a\n1,2\n", "more than one column that is called a"),
        ("a,b\n1,\0\n", "zero bytes (line 2)"),
        ("a,b\n1,2\n" + "\0" * 50, "zero bytes (line 3)"),
    ],
)
def test_what_is_no_table_is_refused(content, message, tmp_path):
    with pytest.raises(InputError) as caught:
        read(tmp_path / "t.csv", content)
    assert message in str(caught.value)


def test_options_override(tmp_path):
    path = tmp_path / "t.csv"
    frame, said = read(path, "a;b\n1,5;2\n", sep=";", decimal=",")
    assert cells(frame) == {"a": ["1.5"], "b": ["2"]}
    assert not said
    frame, said = read(path, "a;b\n1.234;2\n5.678;3\n", decimal=",")
    assert list(frame["a"]) == ["1234", "5678"]
    frame, _ = read(path, "a;b\n1,234;2\n5,678;3\n", decimal=".")
    assert list(frame["a"]) == ["1,234", "5,678"]
    frame, _ = read(path, "a:b\n1:2\n", sep=":")
    assert list(frame.columns) == ["a", "b"]
    for word in ("tab", "\\t", "\t"):
        assert list(read(path, "a\tb\n1\t2\n", sep=word)[0].columns) == ["a", "b"]
    assert list(read(path, "a  b\n1 2\n", sep="space")[0].columns) == ["a", "b"]
    frame, said = read(path, "größe\n1\n".encode("cp1252"), encoding="cp1252")
    assert list(frame.columns) == ["größe"]
    assert not said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sep": ";"}, "`sep` .* ',' would give 2 columns"),
        ({"sep": "::"}, "`sep` must be"),
        ({"sep": "a"}, "`sep` must be"),
        ({"sep": ""}, "`sep` must be"),
        ({"decimal": ";"}, "`decimal` must be '.' or ','"),
        ({"encoding": "utf8000"}, "`encoding` must name"),
        ({"encoding": "hex"}, "`encoding` must name"),
        ({"encoding": "ascii"}, "Expected text in ascii.*line 2"),
        ({"na": (None,)}, "`na` must hold text"),
    ],
)
def test_wrong_options_are_refused(options, message, tmp_path):
    with pytest.raises(InputError, match=message):
        read(tmp_path / "t.csv", "a,b\n1,ä\n", **options)


def test_marks_of_missing_values(tmp_path):
    content = "a;b;c\n-999;x;?\n-999,00;unknown;1\n1,5;y;2\n-9990;z;3\n"
    frame, _ = read(tmp_path / "t.csv", content, na=("-999", "unknown", "?"))
    assert cells(frame) == {
        "a": [GAP, GAP, "1.5", "-9990"],
        "b": ["x", GAP, "y", "z"],
        "c": [GAP, "1", "2", "3"],
    }


WORDS = {
    "cp1252": "Stadt;Größe;Preis €;m³/h\nKöln;1;5 €;²\nMünchen;2;6 €;½\n",
    "cp1250": "Gdańsk;Łódź\nżółw;źle\n",
    "cp1251": "город;число\nМосква;5\nКазань;6\n",  # noqa: RUF001
    "cp932": "日付;値\n東京;5\n大阪;6\n",
    "cp949": "날짜;값\n서울;5\n부산;6\n",
    "gb18030": "日期;数值\n北京;5\n上海;6\n",
    "utf-16": "Stadt;Größe\nKöln;1\n",
    "utf-16-le": "Stadt;Größe\nKöln;1\n",
    "utf-16-be": "Stadt;Größe\nKöln;1\n",
    "utf-32": "Stadt;Größe\nKöln;1\n",
    "utf-8-sig": "Stadt;Größe\nKöln;1\n",
}


@pytest.mark.parametrize("encoding", WORDS)
def test_encodings(encoding, tmp_path):
    text = WORDS[encoding]
    frame, said = read(tmp_path / "t.csv", text.encode(encoding))
    names, *rows = [line.split(";") for line in text.splitlines()]
    assert list(frame.columns) == names
    assert frame.to_numpy().tolist() == rows
    assert (" encoding " in said) == (encoding != "utf-8-sig")
    told, said = read(tmp_path / "t.csv", text.encode(encoding), encoding=encoding, sep=";")
    pd.testing.assert_frame_equal(told, frame)
    assert not said


def test_two_encodings_in_one_file_are_refused(tmp_path):
    content = "stadt\n" + "Köln\n" * 5
    with pytest.raises(InputError, match=r"UTF-8.* line 7"):
        read(tmp_path / "t.csv", content.encode() + "Köln\n".encode("latin-1"))


@pytest.mark.parametrize("sep", [",", ";", "\t", "|"])
@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("name", ["t.csv", "t.txt"])
def test_what_pandas_writes_is_read(sep, decimal, name, tmp_path):
    frame = pd.DataFrame(
        {
            "x": [1.5, np.nan, -2e-7],
            "who": ["a;b", 'say "x, y|z"', "t\tu"],
            "n": [1, 20, 300],
            "all, of it": ["1", "b", None],
        }
    )
    frame.to_csv(tmp_path / name, sep=sep, decimal=decimal, index=False)
    again, _ = read(tmp_path / name, (tmp_path / name).read_bytes())
    np.testing.assert_array_equal(again["x"].astype(float), frame["x"])
    assert cells(again[["who", "all, of it"]]) == cells(frame[["who", "all, of it"]])
    assert list(again["n"]) == ["1", "20", "300"]
