"""Dates, times of day and durations as people write them in text.

One column has one order of day and month, found from all of its cells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from covey.table.cells import DAY, days_of
from covey.types import Array

if TYPE_CHECKING:
    import pandas as pd

UNITS = ("D", "h", "min", "s", "ms", "us", "ns")  # of numbers that count from 1970
DAY_FIRST, MONTH_FIRST, YEAR_FIRST = "day", "month", "year"
AHEAD = 10  # years from now: what two digits put beyond is of the century before
CENTURY = 36525.0  # days, of any hundred years that hold the year 2000
FIRST_DAY, LAST_DAY = -719162.0, 2932897.0  # of the years 1 to 9999, which a calendar has

_YEAR = r"(?:[12][0-9]{3}|9999)"  # the last one stands for "never" in databases
_NAME = r"(?P<name>[A-Za-z]{3,9})\.?"
_DATES = (
    # year first, whole or without a day
    (rf"{_YEAR}(?P<s>[-/.])[0-9]{{1,2}}(?P=s)[0-9]{{1,2}}", "%Y{s}%m{s}%d"),
    (rf"{_YEAR}(?P<s>[-/.])(?:0[1-9]|1[0-2])", "%Y{s}%m"),
    (rf"(?:0?[1-9]|1[0-2])(?P<s>[-/]){_YEAR}", "%m{s}%Y"),
    # two numbers whose order the column tells, then the year
    (rf"[0-9]{{1,2}}(?P<s>[-/.])[0-9]{{1,2}}(?P=s){_YEAR}", "{a}{s}{b}{s}%Y"),
    (r"[0-9]{1,2}(?P<s>[-/.])[0-9]{1,2}(?P=s)[0-9]{2}", "{x}{s}{y}{s}{z}"),
    # the month by its name
    (rf"[0-9]{{1,2}}(?P<s>[ -/.]){_NAME}(?P=s){_YEAR}", "%d{s}{n}{s}%Y"),
    (rf"[0-9]{{1,2}}(?P<s>[ -/.]){_NAME}(?P=s)[0-9]{{2}}", "%d{s}{n}{s}%y"),
    (rf"{_NAME}(?P<s>[ -])[0-9]{{1,2}}, ?{_YEAR}", "{n}{s}%d, %Y"),
    (rf"{_NAME}(?P<s>[ -])[0-9]{{1,2}}(?P=s){_YEAR}", "{n}{s}%d{s}%Y"),
    (rf"{_NAME}(?P<s>[ -]){_YEAR}", "{n}{s}%Y"),
)
_TIME = re.compile(
    r"(?P<hour>[0-9]{1,2}):[0-9]{2}(?P<second>:[0-9]{2}(?P<part>[.,][0-9]{1,9})?)?"
    r"(?P<half> ?[APap]\.?[Mm]\.?)?"
)
_ZONE = r"(?: ?(?P<zone>Z|z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))"
_AFTER = rf"(?:(?:T| |, )(?P<time>[0-9:., APMapm]+?){_ZONE}?)?"
_PATTERNS = tuple(
    (re.compile(rf"(?:[A-Za-z]{{3,9}},? )?{date}{_AFTER}"), form) for date, form in _DATES
)
_YEAR_ALONE = rf"(^|[^0-9])({_YEAR})($|[^0-9])"
_MONTH_SHAPE = re.compile("(\x01[-/.]00|(^|[^-/.0])00?[-/]\x01)([^-/.0]|$)")
_QUARTER = re.compile(rf"({_YEAR})[- ]?[Qq]([1-4])")
_DURATION = re.compile(r"[+-]?[0-9]+ days?( [+-]?[0-9]{1,2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?)?")
_LONG = re.compile(r"([0-9]+) days?(?: ([0-9]{1,2}):([0-9]{2}):([0-9]{2}(?:\.[0-9]+)?))?")
_HOURS = re.compile(r"[+-]?[0-9]{1,4}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?")
_CLOCK = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
_ISO = rf"^{_YEAR}-[0-9]{{2}}-[0-9]{{2}}([T ]{_CLOCK})?$"


TWO_NUMBERS = re.compile(
    rf"\s*(?:[A-Za-z]+,? )?([0-9]{{1,2}})([-/.])([0-9]{{1,2}})\2({_YEAR}|[0-9]{{2}})(?![0-9.])"
)
ORDERS = {
    DAY_FIRST: ("%d", "%m", "%y"),
    MONTH_FIRST: ("%m", "%d", "%y"),
    YEAR_FIRST: ("%y", "%m", "%d"),
}


@dataclass(frozen=True)
class DateSpelling:
    """How the dates of one column are written.

    Attributes:
        first: "day" or "month": which comes first where both are numbers; "year" if a year of two
            digits comes first, then the month; "" if no cell tells.
        format: of `strptime`, or a unit of numbers that count from 1970, such as "s"; "" if it is
            found from each cell.
        until: the last year that two digits may be; 0 for that of `strptime`, 2068.
    """

    first: str = ""
    format: str = ""
    until: int = 0

    @classmethod
    def find(cls, texts: Sequence[str]) -> tuple[Self, str | None]:
        """Find which comes first: the day, the month, or a year of two digits.

        Args:
            texts: the cells of a column, in the order of the rows.

        Returns:
            The spelling; and, if no cell tells, a text that could be read both ways.
        """
        distinct = list(dict.fromkeys(texts))
        short = [text for text in distinct if not re.search(_YEAR, text)]
        until = 0
        if any("%y" in (_format(text, DAY_FIRST) or "") for text in short):
            until = date.today().year + AHEAD
        year_first, doubt = _year_first(distinct)
        if year_first:
            return cls(YEAR_FIRST, until=until), doubt
        first, unsure = _day_or_month(distinct)
        if doubt and not unsure:  # a text that leaves no other doubt
            sure = (t for t in distinct if (two := TWO_NUMBERS.match(t)) and int(two[1]) > 12)
            doubt = next(sure, doubt)
        return cls(first, until=until), doubt or unsure

    def earlier(self, texts: Sequence[str]) -> str | None:
        """The first text whose year of two digits is of an earlier century than `strptime` has it.

        Args:
            texts: N of them.

        Returns:
            The text; None if there is none.
        """
        if not self.until:
            return None
        moved = np.flatnonzero(self.read(texts) < replace(self, until=0).read(texts))
        return texts[int(moved[0])] if len(moved) else None

    def formats(self, text: str) -> tuple[str, ...]:
        """The formats of `strptime` by which text would be read in another order than this.

        Args:
            text: a date.

        Returns:
            At most two of them.
        """
        orders = (DAY_FIRST, MONTH_FIRST, YEAR_FIRST)
        found = {order: DateSpelling(order) for order in orders if order != (self.first or "month")}
        own = _format(text.strip(), self.first or MONTH_FIRST)
        forms = {
            form: None
            for order, other in found.items()
            if np.isfinite(other.read([text])).all()
            and (form := _format(text.strip(), order)) not in (None, own)
        }
        return tuple(str(form) for form in forms)

    def read(self, texts: Sequence[str]) -> Array:
        """Read texts as dates.

        Args:
            texts: N of them.

        Returns:
            Days since 1970, in UTC where a text says how far it is from there, shape (N,); NaN for
            what is no date.
        """
        import pandas as pd

        cells = pd.Series(list(texts), dtype="str").str.strip()
        cells = cells.str.replace("Sept ", "Sep ").str.replace("Sept-", "Sep-")
        if self.format:
            return self._read_declared(cells)
        days = np.full(len(cells), np.nan)
        plain = cells.str.match(_ISO).to_numpy(dtype=bool)
        if plain.any():
            days[plain] = _days(cells[plain], "ISO8601")
        rest = np.flatnonzero(~plain)
        for form, which in _by_format(cells.iloc[rest], self.first or MONTH_FIRST).items():
            which = rest[which]
            if not form:
                days[which] = _quarters(cells.iloc[which])
                continue
            found = _days(_tidied(cells.iloc[which], form), form)
            if self.until and "%y" in form:
                start = np.datetime64(f"{self.until + 1}-01-01")
                found -= CENTURY * (found >= (start - np.datetime64(0, "D")) / DAY)
            days[which] = found
        return days

    def _read_declared(self, cells: pd.Series) -> Array:
        import pandas as pd

        if self.format in UNITS:
            numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64)
            return from_epoch(numbers, self.format)
        return _days(cells, self.format)

    def to_manifest(self) -> dict[str, Any]:
        """The attributes that are not empty, as JSON has them."""
        return {name: value for name, value in vars(self).items() if value}


def from_epoch(numbers: Array, unit: str) -> Array:
    """Numbers that count from 1970 in a unit, in days; NaN before the year 1 and after 9999."""
    of_a_day = {"D": 1.0, "h": 24.0, "min": 1440.0, "s": 86400.0, "ms": 864e5, "us": 864e8}
    days = np.asarray(numbers / of_a_day.get(unit, 864e11))
    return np.where((days >= FIRST_DAY) & (days < LAST_DAY), days, np.nan)


def read_times(texts: Sequence[str]) -> Array:
    """Times of day such as "14:30", as a share of the day, shape (N,); NaN for what is none."""
    return np.array([_time_of_day(text.strip()) for text in texts], dtype=np.float64)


def read_durations(texts: Sequence[str]) -> Array:
    """Durations such as "2 days 03:00:00" or "72:15:00", in days, shape (N,); NaN else."""
    import pandas as pd

    held = [
        text if _DURATION.fullmatch(text.strip()) or _HOURS.fullmatch(text.strip()) else None
        for text in texts
    ]
    found = pd.to_timedelta(pd.Series(held, dtype=object), errors="coerce")
    days = np.array(found.to_numpy(dtype="timedelta64[us]") / DAY)
    for row in np.flatnonzero(np.isnan(days)).tolist():  # pandas knows none beyond 292 years
        if long := _LONG.fullmatch((held[row] or "").strip()):
            hours, minutes, seconds = (float(part or 0) for part in long.groups()[1:])
            days[row] = float(long[1]) + (3600 * hours + 60 * minutes + seconds) / 86400
    return days


def _time_of_day(text: str) -> float:
    found = _TIME.fullmatch(text)
    if found is None:
        return float("nan")
    parts = re.sub(r"[^0-9:.]", "", text.replace(",", ".").rstrip("apmAPM. ")).split(":")
    hour, minute, second = int(parts[0]), int(parts[1]), float(parts[2]) if len(parts) > 2 else 0.0
    if found["half"]:
        if not 1 <= hour <= 12:
            return float("nan")
        hour = hour % 12 + (12 if "p" in found["half"].lower() else 0)
    if hour > 23 or minute > 59 or second >= 60:
        return float("nan")
    return (3600 * hour + 60 * minute + second) / 86400


def _quarters(cells: pd.Series) -> Array:
    """Quarters of years such as "2017Q3", in days since 1970; NaN for what is none."""
    days = np.full(len(cells), np.nan)
    for row in np.flatnonzero(cells.str.contains("[Qq]")).tolist():
        if quarter := _QUARTER.fullmatch(cells.iloc[row]):
            start = np.datetime64(f"{quarter[1]}-{3 * int(quarter[2]) - 2:02d}-01")
            days[row] = (start - np.datetime64(0, "D")) / DAY
    return days


def _by_format(cells: pd.Series, first: str) -> dict[str, NDArray[np.intp]]:
    """Rows of N texts by their format of `strptime`, "" for those that have none.

    Texts of one shape, the same but for their digits, have one format: it is found once.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    if not len(cells):
        return {}
    shapes = pa.array(cells, type=pa.large_string())
    shapes = pc.replace_substring_regex(shapes, _YEAR_ALONE, "\\1\x01\\3")
    codes, distinct = pd.factorize(
        pc.replace_substring_regex(shapes, "[0-9]", "0").to_numpy(zero_copy_only=False)
    )
    order = np.argsort(codes, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(codes, minlength=len(distinct)))[:-1])
    found: dict[str, list[NDArray[np.intp]]] = {}
    for shape, rows in zip(distinct, parts, strict=True):
        # a year and one number is a month only if that is at most 12
        each = np.split(rows, len(rows)) if _MONTH_SHAPE.search(shape) else [rows]
        for some in each:
            form = _format(cells.iloc[int(some[0])], first) or ""
            found.setdefault(form, []).append(some)
    return {form: np.concatenate(parts) for form, parts in found.items()}


def _format(text: str, first: str) -> str | None:
    """The format of `strptime` of one text, if what is first is; None if it is no date."""
    for pattern, form in _PATTERNS:
        found = pattern.fullmatch(text)
        if found is None:
            continue
        groups = found.groupdict()
        one, two = ("%m", "%d") if first == MONTH_FIRST else ("%d", "%m")
        x, y, z = ORDERS[first]
        name = groups.get("name")
        if name is not None and name[:3].lower() not in _MONTHS:
            return None
        form = form.format(
            **{"s": groups.get("s"), "a": one, "b": two, "x": x, "y": y, "z": z},
            n="%b" if len(name or "") <= 3 else "%B",
        )
        if weekday := re.match(r"([A-Za-z]{3,9})(,?) (?=[0-9A-Z])", text):
            if weekday[1][:3].lower() in _WEEKDAYS:
                form = f"{'%a' if len(weekday[1]) == 3 else '%A'}{weekday[2]} {form}"
            elif name is None or weekday[1] != name:
                return None
        return form + _time_format(groups)
    return None


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _time_format(groups: Mapping[str, Any]) -> str:
    if groups["time"] is None:
        return ""
    time = _TIME.fullmatch(groups["time"])
    if time is None:
        return " nothing"  # which no text has
    half = time["half"]
    form = f" {'%I' if half else '%H'}:%M"
    form += ":%S" if time["second"] else ""
    form += ".%f" if time["part"] else ""
    form += " %p" if half else ""
    return form + (" %z" if groups["zone"] else "")


def _tidied(cells: pd.Series, form: str) -> pd.Series:
    """Dates of one format, with one blank before time, half and zone, as `_format` has them."""
    if ":" in form and cells.str.contains(r"[T,] ?[0-9]{1,2}:", regex=True).any():
        time = r"([0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?)"
        cells = cells.str.replace(rf"(?:T|, | ){time}", r" \1", regex=True)
    if "%f" in form:
        cells = cells.str.replace(r"(:[0-9]{2}),([0-9])", r"\1.\2", regex=True)
    if "%p" in form and not cells.str.contains(r"[0-9] [AP]M(?: |$)", regex=True).all():
        cells = cells.str.replace(r" ?([APap])\.?[Mm]\.?(?=$| )", r" \1M", regex=True)
    if "%z" in form:
        cells = cells.str.replace(r"(?<=[0-9M]) ?(?:Z|z|UTC|GMT)$", " +0000", regex=True)
        zone = r"(:[0-9.]+(?: [APap]M)?) ?([+-][0-9]{2}):?([0-9]{2})$"
        cells = cells.str.replace(zone, r"\1 \2\3", regex=True)
    if "%b" in form.lower():
        cells = cells.str.replace(r"([A-Za-z]{3,9})\.", r"\1", regex=True)
    return cells


def _days(cells: pd.Series, form: str) -> Array:
    import pandas as pd

    return days_of(pd.to_datetime(cells, format=form, errors="coerce", utc=True))


def _day_or_month(texts: Sequence[str]) -> tuple[str, str | None]:
    """Which comes first, "" without a date; and, if no cell tells, a text that may be both."""
    first = second = 0
    doubt = None
    for text in texts:
        numbers = TWO_NUMBERS.match(text)
        if numbers is None:
            continue
        one, two = int(numbers[1]), int(numbers[3])
        first, second = first + (one > 12), second + (two > 12)
        if numbers[2] == "." or one == two:  # with points nobody writes the month first
            first += numbers[2] == "."
            continue
        doubt = doubt or text
    if doubt is None and not first:
        return "", None
    if first or second:
        return DAY_FIRST if first >= second else MONTH_FIRST, None
    return _by_order(texts, (MONTH_FIRST, DAY_FIRST)), doubt


def _year_first(texts: Sequence[str]) -> tuple[bool, str | None]:
    """Whether years of two digits come first; and, if no cell tells, a text that may be both.

    Days are up to 31 in any column of some length, and years are few.
    """
    dates = [(text, found) for text in texts if (found := TWO_NUMBERS.match(text))]
    if not dates or any(len(found[4]) > 2 for _, found in dates):
        return False, None
    parts = np.array([[int(found[i]) for i in (1, 3, 4)] for _, found in dates])
    padded = np.array([len(found[1]) == 2 for _, found in dates])
    no_day = (parts == 0) | (parts > 31)
    leading = int(no_day[:, 0].sum())
    last = int((no_day[:, 2] | (parts[:, 1] > 12) | ~padded).sum())
    if leading or last:
        return leading > last, None
    ends = len(np.unique(parts[:, 0])), len(np.unique(parts[:, 2]))
    if max(ends) >= 2 * min(ends):
        return ends[0] < ends[1], None
    return _by_order([text for text, _ in dates], tuple(ORDERS)) == YEAR_FIRST, dates[0][0]


def _by_order(texts: Sequence[str], orders: Sequence[str]) -> str:
    """The order of day, month and year in which rows stand in the order of time, if one does."""
    back = {}
    for first in orders:
        days = DateSpelling(first).read(texts)
        steps = np.diff(days[np.isfinite(days)])
        back[first] = min(int((steps < 0).sum()), int((steps > 0).sum()))
    return min((MONTH_FIRST, *orders), key=lambda first: back.get(first, len(texts)))
