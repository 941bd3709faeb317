"""Dates, times and durations as people write them."""

import numpy as np
import pandas as pd
import pytest

from covey.table.dates import DateSpelling, read_durations, read_times


def stamps(days):
    return [
        None if np.isnan(day) else str((pd.Timestamp(0) + pd.Timedelta(day, "D")).round("ms"))
        for day in days
    ]


COLUMNS = {
    "ISO": (
        [
            "2017-12-01",
            "2017-12-01T14:00:00Z",
            "2017-12-01 14:00",
            "2017-12",
            "2017-12-01 14:00+02:00",
        ],
        ["12-01 00:00", "12-01 14:00", "12-01 14:00", "12-01 00:00", "12-01 12:00"],
    ),
    "year first": (["2017/12/05", "2017.12.5", "2017-1-31"], ["12-05", "12-05", "01-31"]),
    "day first": (
        ["01/12/2017", "13/12/2017", "2/1/2017 14:00"],
        ["12-01", "12-13", "01-02 14:00"],
    ),
    "month first": (
        ["12/31/2017 14:00", "01/02/2017", "1/2/17 2:30 PM", "1/2/2017 12:00:00 am"],
        ["12-31 14:00", "01-02", "01-02 14:30", "01-02"],
    ),
    "months": (["12/2017", "1-2017", "03/2017"], ["12-01", "01-01", "03-01"]),
    "points": (["1.2.2017", "03.04.17", "5.6.2017, 07:30"], ["02-01", "04-03", "06-05 07:30"]),
    "dashes": (["01-12-2017", "31-12-2017"], ["12-01", "12-31"]),
    "names": (
        [
            "1 Dec 2017",
            "02-Dec-17",
            "December 3, 2017",
            "Dec 4 2017",
            "Dec-2017",
            "5 September 2017",
        ],
        ["12-01", "12-02", "12-03", "12-04", "12-01", "09-05"],
    ),
    "mail": (
        ["Fri, 1 Dec 2017 10:00:00 GMT", "Sat, 02 Dec 2017 10:00:00 +0100"],
        ["12-01 10:00", "12-02 09:00"],
    ),
    "quarters": (["2017Q3", "2017-Q4", "2017 q1"], ["07-01", "10-01", "01-01"]),
    "parts of seconds": (
        ["2017-12-01 00:00:00.5", "13/12/2017 00:00:00.25"],
        ["12-01 00:00:00.500", "12-13 00:00:00.250"],
    ),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_dates_are_read_as_they_were_meant(kind):
    texts, meant = COLUMNS[kind]
    spelling, doubt = DateSpelling.find(texts)
    assert doubt is None
    assert stamps(spelling.read(texts)) == [str(pd.Timestamp(f"2017-{day}")) for day in meant]
    for text, day in zip(texts, meant, strict=True):  # a later row alone reads the same
        assert stamps(spelling.read([text])) == [str(pd.Timestamp(f"2017-{day}"))]


@pytest.mark.parametrize(
    "text",
    [
        "2017",
        "20171201",
        "Dec",
        "Sat",
        "3-4",
        "192.168.1.1",
        "1.2.3",
        "Level 3 2017",
        "31/31/2017",
        "2017-13-01",
        "2017-02-30",
        "Foo 3 2017",
        "12:30",
        "1/2",
        "555-1234",
        "3 Men 2017",
    ],
)
def test_what_is_no_date(text):
    assert stamps(DateSpelling.find([text])[0].read([text])) == [None]


def test_the_order_of_rows_tells_what_no_cell_does():
    by_month = [f"{month:02d}/{day:02d}/2017" for month in (1, 2, 3) for day in range(1, 13)]
    by_day = [f"{day:02d}/{month:02d}/2017" for month in (1, 2, 3) for day in range(1, 13)]
    assert DateSpelling.find(by_month) == (DateSpelling("month"), "01/02/2017")
    assert DateSpelling.find(by_day) == (DateSpelling("day"), "02/01/2017")
    mixed = np.random.default_rng(0).permutation(by_day).tolist()
    assert DateSpelling.find(mixed)[0].first == "month"
    assert DateSpelling.find(["05/05/2017", "06/06/2017"])[1] is None  # either is right


@pytest.mark.parametrize(
    ("form", "text", "meant"),
    [
        ("%d/%m/%Y", "01/12/2017", "2017-12-01"),
        ("%Y%m%d", "20171201", "2017-12-01"),
        ("s", "1512086400", "2017-12-01"),
        ("ms", "1512086400000", "2017-12-01"),
        ("D", "17501", "2017-12-01"),
        ("%H.%M on %d.%m.%y", "14.30 on 01.12.17", "2017-12-01 14:30"),
    ],
)
def test_formats_that_are_declared(form, text, meant):
    found = stamps(DateSpelling(format=form).read([text, "x"]))
    assert found == [str(pd.Timestamp(meant)), None]


def test_times_of_day():
    found = read_times(["14:30", "2:30 PM", "23:59:59.5", "12:00 am", "0:00", "24:00", "9:75", "x"])
    meant = np.array([14.5, 14.5, 24 - 0.5 / 3600, 0, 0, np.nan, np.nan, np.nan])
    np.testing.assert_allclose(found * 24, meant, rtol=1e-14)


def test_durations():
    found = read_durations(["2 days 03:00:00", "72:15:00", "1 day", "-1 days +23:00:00", "x", "3"])
    meant = np.array([51, 72.25, 24, -1, np.nan, np.nan])
    np.testing.assert_allclose(found * 24, meant, rtol=1e-14)
