"""Targets that come as text: how training wrote them, by which later text is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from covey.arguments.labels import row_name
from covey.errors import InputError, shown
from covey.table.cells import decode, refuse_holders
from covey.table.columns import much_is_bare, read_numbers_in_text
from covey.table.other_mark import UNKNOWN, LaterNumbers, Span, read_later, two_numbers
from covey.table.said import say_bare
from covey.table.said_later import say_other_mark
from covey.table.spelling import (
    NEARLY_ALL,
    NUMBER,
    OTHER,
    NumberSpelling,
    as_words,
    read_words,
    spelling_from_manifest,
)
from covey.table.words import Lost, Reading, Words, some

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TargetText:
    """How training wrote one target. Later text of it is read the same way.

    Attributes:
        spelling: of its numbers; None if they were no text, and have no unit.
        words: whether it was booleans in words, such as "no" and "yes".
        span: the smallest and the largest number of training, where known.
    """

    spelling: NumberSpelling | None = None
    words: bool = False
    span: Span = UNKNOWN

    @classmethod
    def learn(cls, name: str, column: pd.Series, role: str = "Y") -> tuple[Reading, Self]:
        """Read a target of text that speaks for itself.

        Args:
            name: of the target.
            column: N cells.
            role: name of the argument, for messages.

        Returns:
            What was made of the cells, and how they are written.

        Raises:
            InputError: much of the text is no numbers.
        """
        refuse_holders(column, role)
        reading, spelling, words = read_numbers_in_text(column)
        _check_bare(name, words, reading, spelling, role)
        row = _first_other(reading, words)
        if row is not None:
            raise _no_number(name, column, row, role)
        known = reading.values[np.isfinite(reading.values)]
        span = (float(known.min()), float(known.max())) if len(known) else UNKNOWN
        return reading, cls(spelling, as_words(words.counts) is not None, span)

    def read(self, name: str, column: pd.Series, role: str) -> Reading:
        """Read later text as that of training was.

        Args:
            name: of the target.
            column: N cells.
            role: name of the argument, for messages.

        Returns:
            What was made of the cells.

        Raises:
            InputError: much of the text is no numbers, or they are written in another way or unit.
        """
        refuse_holders(column, role)
        reading, found, words = read_numbers_in_text(column)
        if as_words(words.counts) is not None and (self.words or self.spelling is None):
            return reading
        spelling = replace(found, unit="") if self.spelling is None else self.spelling
        if self.spelling is None:  # this text speaks for itself
            later = LaterNumbers(*spelling.read(words.texts), doubt=reading.doubt)
        else:
            later = read_later(spelling, words.texts, self.span)
        if later.unclear:
            text, where = words.texts[later.unclear[0]], words.row(later.unclear[0])
            raise InputError(two_numbers(spelling, text, f"{name!r} of `{role}`", where))
        values, states = later.values, later.states
        if later.other:
            say_other_mark([(name, later.other)], spelling.decimal, "the target ")
        if self.words:
            boolean = read_words(words.texts)
            values = np.where(np.isnan(values), boolean, values)
            states = np.where(np.isnan(boolean), states, NUMBER).astype(np.int8)
        reading = words.reading(values, states, doubt=later.doubt)
        reading = replace(reading, bare=words.bare(spelling))
        row = _first_other(reading, words)
        if row is None and reading.bare is not None:
            if much_is_bare(words, reading):
                row = reading.bare.place
            else:
                say_bare([(name, reading.bare)])
        if row is None:
            return replace(reading, lost=words.lost(reading.states))
        alone = NumberSpelling.find({str(column.iloc[row]): 1})[0]  # a number, of whatever kind
        if alone.read([str(column.iloc[row])])[1][0] != NUMBER:
            raise _no_number(name, column, row, role)
        raise InputError(
            f"`{role}` must hold {name!r} as training did: numbers "
            f"{spelling.sentence or 'without a unit'}. Received {shown(column.iloc[row])} in "
            f"{row_name(column.index, row)}. Convert the column to numbers in the unit of training."
        )

    @property
    def is_percentage(self) -> bool:
        """Whether training wrote percentages, so that 0.05 may mean 5% or 0.05%."""
        return self.spelling is not None and self.spelling.is_percentage

    def shares(self, column: pd.Series) -> Lost | None:
        """Later numbers by their type that may be shares, where training wrote percentages.

        Args:
            column: N numbers.

        Returns:
            Those that are not 0; None if one is above 1, where all of them are taken to be in per
            cent, as the fit said.
        """
        if not self.is_percentage:
            return None
        values = np.abs(decode(column)[1])
        held = np.isfinite(values) & (values != 0.0)
        return some(column, held) if held.any() and values[held].max() <= 1.0 else None

    def to_manifest(self) -> dict[str, Any]:
        """The attributes as JSON has them."""
        if self.spelling is None:
            return {}
        spelling = self.spelling.to_manifest()
        groups = {"groups": True} if spelling.pop("groups", False) else {}
        span = {} if self.span == UNKNOWN else {"span": list(self.span)}
        # an earlier Covey leaves alone what follows
        return {"spelling": spelling, "words": self.words, **groups, **span}

    @classmethod
    def from_manifest(cls, entry: Mapping[str, Any]) -> Self:
        """Rebuild from what `to_manifest` returned."""
        if "spelling" not in entry:
            return cls()
        groups = entry.get("groups", False)
        found = spelling_from_manifest({**entry["spelling"], "groups": groups})
        span = entry.get("span")
        known = UNKNOWN if span is None else (float(span[0]), float(span[1]))
        return cls(found, bool(entry["words"]), known)


def _check_bare(
    name: str, words: Words, reading: Reading, spelling: NumberSpelling, role: str
) -> None:
    """Say which numbers lack a percent sign; refuse them if there are many."""
    if reading.bare is None:
        return
    if much_is_bare(words, reading):
        raise InputError(
            f"`{role}` must hold numbers of one kind. Received percentages and others without "
            f"{spelling.unit!r}: {reading.bare.of(name)}. Write all of them with the sign, or none."
        )
    say_bare([(name, reading.bare)])


def _first_other(reading: Reading, words: Words) -> int | None:
    """The first row whose text is no number, if there are too many to count as missing."""
    known = words.cells(reading.states, NUMBER, OTHER)
    if not known or words.share(reading.states) >= NEARLY_ALL:
        return None
    return words.first(reading.states, (OTHER,))


def _no_number(name: str, column: pd.Series, row: int, role: str) -> InputError:
    return InputError(
        f"`{role}` must hold numbers. Received {shown(column.iloc[row])} in "
        f"{row_name(column.index, row)}, column {name!r}. Convert the column to numbers, or leave "
        "it out."
    )
