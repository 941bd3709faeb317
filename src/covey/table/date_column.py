"""One column of dates or times of day: time itself, and what returns by day, week and year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from covey.errors import InputError
from covey.table.cells import decode
from covey.table.dates import (
    MONTH_FIRST,
    ORDERS,
    TWO_NUMBERS,
    UNITS,
    DateSpelling,
    from_epoch,
    read_times,
)
from covey.table.number_column import NumericColumn
from covey.table.words import Reading, Words
from covey.types import Array, Mask

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

HOUR, WEEKDAY, SEASON = "hour", "weekday", "season"
PERIODS = {HOUR: 1.0, WEEKDAY: 7.0, SEASON: 365.2425}  # days
RECOGNISED = DateSpelling()
MONDAY = 3.0  # 1970 began on a Thursday
LEAST = {HOUR: 2.0, WEEKDAY: 2.0, SEASON: 0.9}  # periods that the data must span
PARTS = {HOUR: 1440, WEEKDAY: 7, SEASON: 12}  # of a period, that the data must have two of
ROUNDING = 1e-12  # of sines and cosines that are 0
WAVES = {HOUR: 2, WEEKDAY: 2, SEASON: 1}  # sines and cosines of each


@dataclass(frozen=True)
class DateColumn(NumericColumn):
    """What training saw in a column of dates or of times of day, all in days.

    Attributes:
        cycles: which of "hour", "weekday" and "season" the matrix has, besides time itself.
        dates: how text has these dates.
    """

    cycles: tuple[str, ...] = ()
    dates: DateSpelling = RECOGNISED

    @classmethod
    def learn(cls, name: str, kind: str, values: Array, dates: DateSpelling) -> Self:
        """Learn a column of dates, and what of it returns.

        Args:
            name: of the column.
            kind: "date" or "time".
            values: N of them, in days, NaN where missing, at least one of them finite.
            dates: how text has them.
        """
        return cls.fit(name, kind, values, cycles=_cycles(kind, values), dates=dates)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the matrix columns: time, whether it is missing, and two for each wave."""
        waves = [
            f"{self.name} {cycle} {shape}{'' if wave == 1 else wave}"
            for cycle in self.cycles
            for wave in range(1, WAVES[cycle] + 1)
            for shape in ("sin", "cos")
        ]
        return (*super().output_names, *waves)

    @property
    def details(self) -> str:
        """From when to when, and what of it returns, for people."""
        cycles = f"; by {', '.join(self.cycles)} too" if self.cycles else ""
        how = ""
        if self.dates.format:
            how = f" (as {self.dates.format!r})"
        elif self.dates.first:
            how = f" (the {self.dates.first} first)"
        return f"{super().details}{how}{cycles}"

    def scaled(self, values: Array, reach: float = 0.0) -> NDArray[np.float32]:
        """Turn N values into shape (N, len(output_names)): 0 in all waves where missing.

        Later dates are the rule, and no line goes on for ever: they are not followed.
        """
        parts = [super().scaled(values)]
        for cycle in self.cycles:
            phase = _phase(cycle, values)
            for wave in range(1, WAVES[cycle] + 1):
                angle = 2 * np.pi * wave * phase
                pair = np.nan_to_num(np.stack([np.sin(angle), np.cos(angle)], axis=1))
                pair[np.abs(pair) < ROUNDING] = 0  # one noon, however it is computed
                parts.append(pair.astype(np.float32))
        return np.concatenate(parts, axis=1) if self.cycles else parts[0]

    def to_manifest(self) -> dict[str, Any]:
        """Return the attributes as JSON values."""
        own = {**super().to_manifest(), "cycles": list(self.cycles)}
        return {**own, "dates": spelling} if (spelling := self.dates.to_manifest()) else own

    @property
    def _has_order(self) -> bool:
        """Whether training told if the day or the month comes first."""
        return self.kind == "time" or bool(self.dates.first or self.dates.format)

    @property
    def held(self) -> str:
        """What cells must be that are judged each by itself, for people."""
        alone = (
            "" if self._has_order else ", none of which could be read with day and month swapped"
        )
        return f"{super().held}{alone}"

    def _depend(self, texts: Sequence[str]) -> Mask:
        if self._has_order:
            return super()._depend(texts)
        found = np.zeros(len(texts), dtype=bool)
        some = [
            number
            for number, text in enumerate(texts)
            if (two := TWO_NUMBERS.match(text)) and (two[2] != "." or len(two[4]) == 2)
        ]  # with points and a whole year, the day comes first
        if some:
            days = np.stack([DateSpelling(o).read([texts[n] for n in some]) for o in ORDERS])
            found[some] = ~(days == days[0]).all(axis=0)  # NaN is no day in one of the orders
        return found

    def _read_text(self, words: Words, *, training: bool) -> Reading:
        if self.kind == "time":
            return words.reading(read_times(words.texts))
        dates, doubt = self.dates, None
        if not self._has_order:  # training held dates that have but one reading
            dates, doubt = DateSpelling.find(words.texts)
            if doubt is not None:  # one row is in no order
                dates = replace(dates, first=MONTH_FIRST)
            dates = replace(dates, until=self.dates.until or dates.until)
        return replace(read_dates(words, dates), doubt=doubt)

    def _of_another_kind(self, kind: str, values: Array, column: pd.Series) -> Reading:
        if self.kind == "date" and self.dates.format and kind == "number":
            return Reading(numbers_as_dates(values, self.dates))
        return super()._of_another_kind(kind, values, column)


def read_dates(words: Words, dates: DateSpelling) -> Reading:
    """Read a column of text as dates.

    Args:
        words: the column.
        dates: how they are written. If neither a format nor an order of day and month is known,
            the column itself has to tell.
    """
    doubt = None
    if not dates.format and not dates.first:
        found, doubt = DateSpelling.find(words.texts)
        dates = replace(found, until=dates.until or found.until)
    typed = None
    if dates.format:
        typed = numbers_as_dates(words.numbers, dates)
    return words.reading(dates.read(words.texts), doubt=doubt, typed=typed)


def days_in(column: pd.Series, dates: DateSpelling) -> Array:
    """The dates of a column that is known to hold dates.

    Args:
        column: N cells.
        dates: how text, or numbers, have them.

    Returns:
        Days since 1970, shape (N,), NaN for what is none.
    """
    kind, values = decode(column)
    if kind == "text":
        return read_dates(Words.of(column), dates).values
    return numbers_as_dates(values, dates) if kind == "number" and dates.format else values


def numbers_as_dates(values: Array, dates: DateSpelling) -> Array:
    """Numbers that were declared to be dates, in days.

    Args:
        values: N of them, NaN where missing.
        dates: a unit, or a format of `strptime` by which their digits go.

    Returns:
        Array of shape (N,), NaN where there is no such date.
    """
    if dates.format in UNITS:
        return from_epoch(values, dates.format)
    distinct, place = np.unique(values, return_inverse=True)
    texts = ["" if np.isnan(v) else str(int(v)) if v.is_integer() else str(v) for v in distinct]
    return dates.read(texts)[place]


def declared_spelling(values: Array, name: str) -> DateSpelling:
    """How numbers are dates that were declared without a format: as 20171201, or refused.

    Args:
        values: numbers, NaN where missing.
        name: of the column.

    Raises:
        InputError: they are not written as year, month and day in eight digits.
    """
    known = values[np.isfinite(values)]
    form = DateSpelling("", "%Y%m%d")
    if np.isfinite(numbers_as_dates(known, form)).all() and known.min() > 1e7:
        return form
    raise InputError(
        f"Expected to know how the numbers of {name!r} are dates. Received such as {known[0]:.15g}."
        f' Say it, for example dates={{{name!r}: "s"}} for seconds since 1970 (or '
        f'{", ".join(repr(unit) for unit in UNITS)}), or dates={{{name!r}: "%Y"}} for years.'
    )


def _cycles(kind: str, values: Array) -> tuple[str, ...]:
    """What returns often enough in the data to be learned."""
    if kind == "time":
        return (HOUR,)
    known = values[np.isfinite(values)]
    span = np.ptp(known)
    found = []
    for cycle, period in PERIODS.items():
        parts = np.floor(_phase(cycle, known) * PARTS[cycle] + 0.5) % PARTS[cycle]
        if span >= LEAST[cycle] * period and len(np.unique(parts)) > 1:
            found.append(cycle)
    return tuple(found)


def _phase(cycle: str, values: Array) -> Array:
    """Where in a cycle dates are, in [0, 1)."""
    if cycle == WEEKDAY:
        return np.asarray(np.floor(values + MONDAY) % 7 / 7)
    return np.asarray(values % PERIODS[cycle] / PERIODS[cycle])
