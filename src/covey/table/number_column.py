"""One column of numbers, or of durations: what training saw, and the matrix column it becomes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from covey.arguments.labels import row_name
from covey.errors import InputError
from covey.table.cells import (
    decode,
    first_infinity,
    refuse_holders,
    refuse_infinity,
    shown_cell,
    stamps_of,
)
from covey.table.dates import read_durations
from covey.table.other_mark import LaterNumbers, Span, alone, read_later, two_numbers
from covey.table.soft_bound import clipped
from covey.table.spelling import (
    NEARLY_ALL,
    NUMBER,
    OTHER,
    NumberSpelling,
    plain_column,
    read_words,
    spelling_from_manifest,
)
from covey.table.words import Lost, Reading, Words, some
from covey.types import Array, Mask

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

SLACK = 2.0**-23  # of the largest number, within which two are the same
PLAIN = NumberSpelling()
RARE, FEW = 1e-3, 0.01  # probability, and share of the rows, of what is worth a word
PLURAL = {"number": "numbers", "date": "dates", "duration": "durations", "time": "times of day"}


@dataclass(frozen=True)
class NumericColumn:
    """What training saw in a column of numbers or durations (in days).

    Attributes:
        name: Name of the column.
        center: Median, in the column's unit.
        scale: Interquartile range / 1.349 (the standard deviation if that is 0), in the column's
            unit; 0 if the column is constant, which leaves it out of the matrix.
        missing: Whether values were missing, which adds a column that says so.
        kind: "number" or "duration"; "date" or "time" in a `DateColumn`.
        low: Smallest value, in the column's unit; None in files that were written without it.
        high: Largest value, likewise. Later values are taken as if they were between the two: what
            a network does beyond them, no row has ever checked.
        seen: How many values training saw.
        spelling: How text has these numbers.
    """

    name: str
    center: float
    scale: float
    missing: bool
    kind: str = "number"
    low: float | None = None
    high: float | None = None
    seen: int = 0
    spelling: NumberSpelling = PLAIN

    @classmethod
    def fit(cls, name: str, kind: str, values: Array, **more: Any) -> Self:
        """Learn centre and scale from values.

        Args:
            name: of the column.
            kind: "number", "date", "duration" or "time".
            values: N of them, NaN where missing, at least one of them finite; dates, durations and
                times of day in days.
            more: attributes that values do not tell.

        Returns:
            The column.
        """
        finite = values[np.isfinite(values)]
        # Powers of two change no digit, and keep squares and differences of extreme values finite.
        exponent = math.frexp(float(np.abs(finite).max()))[1]
        unit = np.ldexp(finite, -exponent)
        low, center, high = np.percentile(unit, [25, 50, 75])
        with np.errstate(over="ignore", under="ignore"):
            scale = np.ldexp((high - low) / 1.349 or unit.std(), exponent)
        limits = np.finfo(np.float64)
        scale = np.clip(scale, limits.tiny, limits.max) if np.ptp(unit) > 0 else 0.0
        missing = len(finite) < len(values)
        seen = float(finite.min()), float(finite.max()), len(finite)
        return cls(
            name, float(np.ldexp(center, exponent)), float(scale), missing, kind, *seen, **more
        )

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the matrix columns it becomes: at most "name" and "name is missing"."""
        flag = (f"{self.name} is missing",) if self.missing else ()
        return (self.name, *flag) if self.scale else flag

    def encode(self, column: pd.Series) -> NDArray[np.float32]:
        """Turn N cells into shape (N, len(output_names)): (x - center) / scale, in [-3, 3]."""
        return self.scaled(self.read(column).values)

    def scaled(self, values: Array, reach: float = 0.0) -> NDArray[np.float32]:
        """Turn N values into shape (N, len(output_names)), as `encode` does.

        Args:
            values: N of them, in the column's unit, NaN where missing.
            reach: how far beyond those of training a value is followed, in ranges of training.
        """
        absent = np.isnan(values)
        if self.low is not None and self.high is not None:
            with np.errstate(over="ignore"):
                further = 2 * reach * (self.high / 2 - self.low / 2) if reach else 0.0
                values = np.clip(values, self.low - further, self.high + further)
        parts = [absent] if self.missing else []
        if self.scale:
            parts.insert(0, np.where(absent, 0.0, clipped(values, self.center, self.scale)))
        matrix = np.empty((len(values), len(parts)), dtype=np.float32)
        for i, part in enumerate(parts):
            matrix[:, i] = part
        return matrix

    def to_manifest(self) -> dict[str, Any]:
        """Return the attributes as JSON values, the spelling only if it is not as usual."""
        spelling = self.spelling.to_manifest()
        own = {part.name: getattr(self, part.name) for part in fields(NumericColumn)}
        return {**own, "spelling": spelling} if spelling else without(own, "spelling")

    def beyond(self, values: Array) -> Mask:
        """Which of N values are below, and which above all that training saw, shape (2, N)."""
        under, over = self.limits
        return np.stack([values < under, values > over])

    @property
    def limits(self) -> tuple[float, float]:
        """What is below the first, or above the second, is beyond all that training saw."""
        if self.low is None or self.high is None or not self.scale:
            return -math.inf, math.inf
        # a file of float32, or of its digits, has the same number a little beside
        slack = min(SLACK * max(abs(self.low), abs(self.high)), self.high / 2 - self.low / 2)
        return self.low - slack, self.high + slack

    def beyond_in_words(self, values: Array) -> list[str]:
        """Say which of some values are beyond those of training, if chance does not explain it.

        If training rows and these were drawn alike, the c most extreme of all are among these with
        the probability below, whatever the distribution.

        Args:
            values: Array of shape (N,), NaN where missing.

        Returns:
            At most two parts of a sentence.
        """
        counts = self.beyond(values).sum(axis=1)
        if self.low is None or self.high is None or not counts.any():
            return []
        said, new = [], int(np.isfinite(values).sum())
        for count, end, sign, where in (
            (counts[0], self.low, -1, "below {}, the smallest in training"),
            (counts[1], self.high, 1, "above {}, the largest in training"),
        ):
            if not count:
                continue
            rank = np.arange(min(count, 1000))
            chance = np.prod((new - rank) / (self.seen + new - rank))
            # halves, since the difference of two numbers may be none
            far = np.nanmax(sign * (values / 2 - end / 2)) > self.high / 4 - self.low / 4
            if (chance < RARE and count >= FEW * new) or far:
                verb = "has" if count == 1 else "have"
                said.append(f"{count:,} {verb} {self.name!r} {where.format(self.text(end))}")
        return said

    @property
    def read_as(self) -> str:
        """What its cells are, for people, such as "numbers"."""
        return PLURAL[self.kind]

    @property
    def details(self) -> str:
        """What values training saw, for people."""
        if self.low is None or self.high is None:
            return f"about {self.text(self.center)}"
        if not self.scale:
            return f"{self.text(self.center)} in each row"
        how = f" ({self.spelling.sentence})" if self.spelling.sentence else ""
        return f"{self.text(self.low)} to {self.text(self.high)}{how}"

    def text(self, value: float) -> str:
        """A value of the column, for people."""
        import pandas as pd

        if self.kind == "date":
            stamp = str(stamps_of(np.array(value), "ms"))
            return stamp.replace("T", " ").removesuffix(".000").removesuffix(" 00:00:00")
        if self.kind == "time":
            return str((pd.Timestamp(0) + pd.Timedelta(value, "D")).round("s").time())
        if self.kind == "duration":
            return str(pd.Timedelta(round(value * 864e5), "ms").as_unit("ms"))
        return f"{value:.15g}" if value.is_integer() else f"{value:.6g}"

    def read(self, column: pd.Series, *, training: bool = False) -> Reading:
        """Read later cells as those of training were.

        Args:
            column: N cells, also of text.
            training: whether they are a part of the training table, which as a whole was found to
                be nearly all of this kind: what is not may stand together.

        Returns:
            N values, in the column's unit, NaN where missing; and what of the cells was lost.

        Raises:
            InputError: A cell is infinite, or cells are of another kind than in training.
        """
        kind, values = decode(column)
        found = Reading(values)
        if kind == "text" and (plain := self._plain(column)) is not None:
            found = Reading(plain)
        elif kind == "text":
            refuse_holders(column)
            words = Words.of(column)
            found = self._read_text(words, training=training)
            if found.unclear:
                text, row = words.texts[found.unclear[0]], words.row(found.unclear[0])
                raise InputError(two_numbers(self.spelling, text, repr(self.name), row))
            lost = words.lost(found.states)
            unlike = lost is not None and words.share(found.states) < NEARLY_ALL
            if unlike and not training:
                raise self._wrong(words.first(found.states, (OTHER,)), column)
            found = replace(found, lost=lost, bare=words.bare(self.spelling))
        elif kind not in (self.kind, "empty"):
            found = self._of_another_kind(kind, values, column)
        elif self.spelling.is_percentage:
            found = replace(found, bare=some(column, np.isfinite(values) & (values != 0.0)))
        if found.bare is not None and not training:
            self._refuse_shares(found.bare, found.values)
        refuse_infinity("X", {self.name: first_infinity(column, found.values)})
        return found

    def misfits(self, column: pd.Series) -> Mask:
        """Tell cells that `read` would not take for what they are, each by itself.

        Args:
            column: N cells, also of text.

        Returns:
            Which of them are infinite, or neither missing nor of the kind of the column; (N,).
        """
        kind, values = decode(column)
        if kind == "text" and (plain := self._plain(column)) is not None:
            return np.isinf(plain)
        if kind == "text":
            refuse_holders(column)
            words = Words.of(column)
            found = self._read_text(words, training=False)
            other = np.isin(found.states, (OTHER,)) | self._depend(words.texts)
            return np.asarray(np.append(other, False)[words.codes] | np.isinf(found.values))
        if kind not in (self.kind, "empty"):
            try:
                values = self._of_another_kind(kind, values, column).values
            except InputError:
                return column.notna().to_numpy(dtype=bool)
        return np.isinf(values)

    @property
    def held(self) -> str:
        """What cells must be that are judged each by itself, for people."""
        how = f", with {self.spelling.decimal!r} for decimals" if self._parts_by_point else ""
        return f"held {PLURAL[self.kind]} in training{how}"

    @property
    def span(self) -> Span:
        """The smallest and the largest number of training, where known."""
        return self.low, self.high

    @property
    def _parts_by_point(self) -> bool:
        """Whether a point may part thousands, as people write them, or decimals, as programs do."""
        return self.kind == "number" and self.spelling.decimal == ","

    def by_itself(self, text: str) -> str:
        """The text of a cell as it means the same beside any others.

        Raises:
            InputError: Other cells would have to tell what it means.
        """
        found = alone(self.spelling, text, self.span) if self.kind == "number" else text
        if found is None:
            raise InputError(two_numbers(self.spelling, text, repr(self.name)))
        return found

    def _plain(self, column: pd.Series) -> Array | None:
        """The values of text as programs write numbers; None if it has to be looked at."""
        usual = self.kind == "number" and self.spelling.decimal == "." and not self.spelling.unit
        return plain_column(column, codes=True) if usual else None

    def _depend(self, texts: Sequence[str]) -> Mask:
        """Which of N texts mean one thing or another by what stands in other rows, shape (N,)."""
        if not self._parts_by_point:
            return np.zeros(len(texts), dtype=bool)
        return np.array([alone(self.spelling, t, self.span) is None for t in texts], dtype=bool)

    def _read_text(self, words: Words, *, training: bool) -> Reading:
        texts = words.texts
        if self.kind == "duration":
            return words.reading(read_durations(texts))
        if training:
            values, states = self.spelling.read(texts)
            later = LaterNumbers(values, states)
        else:
            later = read_later(self.spelling, texts, self.span)
        values, states = later.values, later.states
        if {self.low, self.high} <= {0.0, 1.0, None} and not self.spelling.unit:
            boolean = read_words(texts)
            values = np.where(np.isnan(values), boolean, values)
            states = np.where(np.isnan(boolean), states, NUMBER)
        found = words.reading(values, states, doubt=later.doubt)
        return replace(found, other=later.other, unclear=later.unclear)

    def _refuse_shares(self, bare: Lost, values: Array) -> None:
        """Refuse numbers that are none of the percentages of training, but shares such as 0.05."""
        known = np.abs(values[np.isfinite(values) & (values != 0.0)])
        if self.low is None or self.high is None or bare.count < len(known):
            return
        most = max(abs(self.low), abs(self.high))
        if known.max() <= 1.0 < most:
            raise InputError(
                f"{self.name!r} held percentages in training, from {self.text(self.low)} to "
                f"{self.text(self.high)}, and must hold them again. Received: {bare.first} in "
                f"{bare.row}, and no number above 1, so that these may be shares, 0.05 for 5%. "
                f'Write them with the sign, "5%", or as shares in training too.'
            )

    def _of_another_kind(self, kind: str, values: Array, column: pd.Series) -> Reading:
        raise self._wrong(int(np.flatnonzero(column.notna())[0]), column)

    def _wrong(self, row: int, column: pd.Series) -> InputError:
        cell = column.iloc[row]
        unit = NumberSpelling.find({cell: 1})[0].unit if isinstance(cell, str) else ""
        how, what = "", "Convert it, or mark such cells as missing."
        if self.kind == "number" and unit != self.spelling.unit and self.low is not None:
            how = f", {self.details}," if self.scale else ""
            beside = f"with {self.spelling.unit!r}" if self.spelling.unit else f"without {unit!r}"
            what = f"Write the column as training had it, {beside}, or mark such cells as missing."
        return InputError(
            f"{self.name!r} held {PLURAL[self.kind]} in training{how} and must hold them again. "
            f"Received: {shown_cell(column, row)} in {row_name(column.index, row)}. {what}"
        )


def is_plain(column: Any) -> bool:
    """Whether a column was of numbers, and later numbers mean what they say."""
    return (
        type(column) is NumericColumn
        and column.kind == "number"
        and not column.spelling.is_percentage
    )


def without(entry: dict[str, Any], *names: str) -> dict[str, Any]:
    """A mapping without some of its names."""
    return {name: value for name, value in entry.items() if name not in names}


def numbers_from_manifest(entry: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a column of numbers, from what its `to_manifest` returned.

    Raises:
        KeyError: One is lacking.
    """
    return {
        "name": entry["name"],
        "center": float(entry["center"]),
        "scale": float(entry["scale"]),
        "missing": entry["missing"],
        "kind": entry["kind"],
        **{end: None if entry.get(end) is None else float(entry[end]) for end in ("low", "high")},
        "seen": int(entry.get("seen", 0)),
        "spelling": spelling_from_manifest(entry.get("spelling", {})),
    }
