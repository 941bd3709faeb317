"""Dates, times and durations as people write them."""

import json
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest

from covey.table import dates
from covey.table.cells import stamps_of
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


DAYS = pd.date_range("2024-01-01", periods=60)


@pytest.mark.parametrize("mark", "-./")
@pytest.mark.parametrize("days", [DAYS, DAYS[::-1], pd.date_range("1998-11-01", periods=900)])
def test_years_of_two_digits_may_come_first(mark, days):
    texts = days.strftime(f"%y{mark}%m{mark}%d").tolist()
    spelling, doubt = DateSpelling.find(texts)
    assert (spelling.first, doubt) == ("year", None)
    assert stamps(spelling.read(texts)) == [str(day) for day in days]
    timed = [f"{text} 14:30" for text in texts]
    assert stamps(DateSpelling.find(timed)[0].read(timed))[0] == str(days[0] + 14.5 * HOUR)


HOUR = pd.Timedelta(1, "h")


@pytest.mark.parametrize("form", ["%d-%m-%y", "%d.%m.%y", "%m/%d/%y"])
@pytest.mark.parametrize("days", [DAYS, pd.date_range("2021-11-01", periods=900)])
def test_years_of_two_digits_mostly_come_last(form, days):
    texts = days.strftime(form).tolist()
    spelling, doubt = DateSpelling.find(texts)
    assert doubt is None
    assert stamps(spelling.read(texts)) == [str(day) for day in days]


def test_where_no_cell_tells_the_order_of_time_does_and_it_is_said():
    days = pd.to_datetime(["2001-12-11", "2003-04-05", "2005-06-07", "2010-11-12"])
    spelling, doubt = DateSpelling.find(days.strftime("%y-%m-%d").tolist())
    assert (spelling.first, doubt) == ("year", "01-12-11")
    spelling, doubt = DateSpelling.find(["03-04-05", "11-10-12", "01-02-03"])
    assert (spelling.first, doubt) == ("month", "03-04-05")
    assert spelling.formats(doubt) == ("%d-%m-%y", "%y-%m-%d")
    # the day comes before the month in one text, and the year may come before both in any
    assert DateSpelling.find(["03-04-05", "25-10-12", "01-02-03"])[1] == "25-10-12"
    assert DateSpelling("day").formats("25-10-12") == ("%y-%m-%d",)
    assert DateSpelling("day").formats("01/02/2017 14:00") == ("%m/%d/%Y %H:%M",)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("13/02/45", "1945-02-13"),
        ("29-Feb-48", "1948-02-29"),
        ("13/02/24", "2024-02-13"),
        ("13/02/99", "1999-02-13"),
        ("13/02/2045", "2045-02-13"),
    ],
)
def test_years_of_two_digits_are_not_far_ahead(text, meant):
    spelling, _ = DateSpelling.find([text, "14/05/71"])
    assert stamps(spelling.read([text])) == [str(pd.Timestamp(meant))]
    assert spelling.earlier(["14/05/71", text]) == (text if meant < "1950" else None)
    # the same in all years to come
    later = DateSpelling(**json.loads(json.dumps(spelling.to_manifest())))
    assert stamps(later.read([text])) == [str(pd.Timestamp(meant))]
    assert stamps(DateSpelling(format="%d/%m/%y").read(["13/02/45"])) == ["2045-02-13 00:00:00"]


def test_years_that_pandas_has_no_nanoseconds_for():
    texts = ["1500-01-01", "9999-12-31", "31/12/9999", "1.2.1500"]
    days = DateSpelling("day").read(texts)
    start = np.datetime64("1970-01-01")
    meant = np.array(["1500-01-01", "9999-12-31", "9999-12-31", "1500-02-01"], dtype="M8[D]")
    np.testing.assert_array_equal(days, (meant - start) / np.timedelta64(1, "D"))
    with np.errstate(all="raise"):
        numbers = DateSpelling(format="s").read(["1e18", "-1e13", "-2e10"])
    assert np.isnan(numbers[:2]).all()
    assert stamps_of(numbers, "ms")[2] == np.datetime64(-20000000000, "s")


def test_texts_of_one_shape_are_looked_at_once(monkeypatch):
    form_of = dates._format
    days = pd.date_range("2001-01-01", periods=3000, freq="7h").to_series()
    forms = ("%d.%m.%y %H:%M", "%d/%m/%y", "%d/%m/%Y %H:%M:%S", "%d-%b-%y", "%d/%m/%y %I:%M %p")
    for form in forms:
        texts = days.dt.strftime(form).tolist()
        looked = Mock(wraps=form_of)
        monkeypatch.setattr(dates, "_format", looked)
        found = DateSpelling("day").read(texts)
        meant = pd.to_datetime(pd.Series(texts), format=form)
        assert stamps(found[:50]) == [str(day) for day in meant[:50]]
        since = (meant - pd.Timestamp("1970-01-01")) / pd.Timedelta("1D")
        np.testing.assert_allclose(found, since, rtol=0, atol=1e-9)
        assert looked.call_count < 30, form


def test_texts_of_one_shape_may_differ_in_what_they_are():
    texts = ["2017-12", "2017-13", "12/2017", "13/2017", "2017Q4", "2017Q5", "9017-12", "1017-12"]
    meant = ["2017-12-01", None, "2017-12-01", None, "2017-10-01", None, None, "1017-12-01"]
    days = [np.nan if day is None else np.datetime64(day, "D").astype(float) for day in meant]
    for order in (slice(None), slice(None, None, -1)):
        np.testing.assert_array_equal(DateSpelling("day").read(texts[order]), days[order])
