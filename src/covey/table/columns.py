"""What a column means: from its cells to a column of numbers, dates or categories.

Types decide first, and then text: what is nearly all numbers is numbers, what is nearly all dates
is dates. What the user says comes before both.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from covey.arguments.labels import row_name
from covey.errors import InputError
from covey.table.category_column import CategoricalColumn
from covey.table.cells import decode, refuse_holders, shown_cell
from covey.table.date_column import DateColumn, declared_spelling, numbers_as_dates, read_dates
from covey.table.dates import DateSpelling, read_durations, read_times
from covey.table.marked import marked_number
from covey.table.number_column import PLURAL, NumericColumn, numbers_from_manifest
from covey.table.spelling import (
    MOSTLY,
    NEARLY_ALL,
    NUMBER,
    NumberSpelling,
    as_words,
    doubtful_point,
    is_code,
    plain_column,
    read_words,
)
from covey.table.words import Lost, Reading, Words
from covey.types import Array

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

Column = NumericColumn | CategoricalColumn
EXACT = 2.0**53  # whole numbers are exact below it
LOOKED_AT = 200  # texts that tell whether a column could hold dates at all


@dataclass(frozen=True)
class Learned:
    """A column as training saw it, and what somebody should know of how it was read.

    Attributes:
        column: how later cells are read.
        values: of the cells, shape (N,), in the column's unit; None for categories.
        lost: cells that are not what the column is, and count as missing.
        doubt: a text that could mean something else as well.
        earlier: a text whose year of two digits is taken for one of the century before.
        merged: how many distinct whole numbers are too long to be told apart as numbers.
        mostly: cells that do not fit, in a column of text whose others are mostly of one kind.
        bare: cells without a percent sign in a column of percentages.
        mostly_kind: that kind, such as "number".
        marked: a text, if labels are numbers with marks of a few kinds, such as "5.1k".
        counts: of categories, how many rows have each label; None stands for missing.
    """

    column: Column
    values: Array | None = None
    lost: Lost | None = None
    doubt: str | None = None
    earlier: str | None = None
    merged: int = 0
    mostly: Lost | None = None
    bare: Lost | None = None
    mostly_kind: str = "number"
    marked: str | None = None
    counts: Counter[str | None] = field(default_factory=Counter)


def learn(name: str, cells: pd.Series, *, categorical: bool, dates: str | None) -> Learned:
    """Learn what a column of the training table means.

    Args:
        name: of the column.
        cells: N of them.
        categorical: whether the user says that they are labels.
        dates: if the user says that they are dates: their format, or "".

    Returns:
        The column; one of categories without a label if all cells are missing.

    Raises:
        InputError: cells hold other values, such as lists; or the user says of them what they
            cannot be.
    """
    import pandas as pd

    kind, values = decode(cells)
    category = isinstance(cells.dtype, pd.CategoricalDtype)
    if kind == "text" and not (categorical or category or dates is not None):
        plain = plain_column(cells, codes=False)
        if plain is not None:
            doubt = doubtful_point(cells.dropna().unique()) if np.nanmax(plain) < 1000 else None
            found = _with_values(NumericColumn, name, "number", Reading(plain, doubt=doubt))
            return replace(found, merged=merged(cells, plain))
    if kind == "text":
        refuse_holders(cells)
    if kind == "empty" or categorical:
        return _categories(name, cells)
    if dates is not None:
        return _declared_dates(name, cells, kind, dates)
    if kind in ("date", "time"):
        return _with_values(DateColumn, name, kind, Reading(values), dates=DateSpelling())
    if kind != "text":
        found = _with_values(NumericColumn, name, kind, Reading(values))
        return replace(found, merged=merged(cells, values)) if kind == "number" else found
    if category:  # of no other text than booleans, or every reader would have to know of it
        return _booleans(name, Words.of(cells)) or _categories(name, cells)
    words = Words.of(cells)
    return (
        _booleans(name, words)
        or _numbers(name, words)
        or _dates(name, words)
        or _labels(name, cells, words)
    )


def merged(cells: pd.Series, values: Array) -> int:
    """How many distinct whole numbers become fewer as float64, which has 53 bits of them.

    Args:
        cells: N of them, as they came.
        values: what they are as numbers, shape (N,), NaN where missing.

    Returns:
        0 if all of them can be told apart.
    """
    known = values[np.isfinite(values)]
    if not len(known) or np.abs(known).max() < EXACT or cells.dtype.kind == "f":
        return 0
    held = cells.map(str, na_action="ignore") if cells.dtype == object else cells
    whole = held[np.abs(values) >= EXACT].astype(str)
    distinct = whole[whole.str.fullmatch(r"[+-]?[0-9]+")].unique()
    return len(distinct) if len({float(text) for text in distinct}) < len(distinct) else 0


def read_numbers_in_text(column: pd.Series) -> tuple[Reading, NumberSpelling, Words]:
    """Read a column of text as numbers or booleans, whether it is nearly all of them or not.

    Args:
        column: N cells.

    Returns:
        What was made of the cells, how their numbers are written, and the text.
    """
    words = Words.of(column)
    if as_words(words.counts) is not None:
        reading = words.reading(read_words(words.texts))
        return replace(reading, lost=words.lost(reading.states)), NumberSpelling(), words
    reading, spelling = _by_spelling(words)
    return replace(reading, lost=words.lost(reading.states)), spelling, words


def column_from_manifest(entry: dict[str, Any]) -> Column:
    """Rebuild a column from what its `to_manifest` returned.

    Raises:
        KeyError: An attribute is lacking.
        ValueError: The kind is unknown to this version.
    """
    kind = entry["kind"]
    if kind == "text":
        return CategoricalColumn.from_manifest(entry)
    if kind not in PLURAL:
        raise ValueError(f"unknown kind of column {kind!r}")
    if kind in ("date", "time"):
        cycles, dates = tuple(entry.get("cycles", ())), DateSpelling(**entry.get("dates", {}))
        return DateColumn(**numbers_from_manifest(entry), cycles=cycles, dates=dates)
    return NumericColumn(**numbers_from_manifest(entry))


def _categories(name: str, cells: pd.Series) -> Learned:
    column, counts = CategoricalColumn.learn(name, cells)
    return Learned(column, counts=counts)


def _labels(name: str, cells: pd.Series, words: Words) -> Learned:
    """Text that is nothing else, and what much of it seems to be."""
    kind, mostly = _mostly(words)
    marked = None if mostly else marked_number(words.counts)
    found = _categories(name, cells)
    return replace(found, mostly=mostly, mostly_kind=kind, marked=marked)


def _with_values(
    column: type[NumericColumn], name: str, kind: str, reading: Reading, **spelling: Any
) -> Learned:
    if not np.isfinite(reading.values).any():  # nothing to learn, or refused for its infinity
        return Learned(CategoricalColumn(name, ()), reading.values)
    learned = getattr(column, "learn", column.fit)(name, kind, reading.values, **spelling)
    return Learned(learned, reading.values, reading.lost, reading.doubt, bare=reading.bare)


def _booleans(name: str, words: Words) -> Learned | None:
    if np.isfinite(words.numbers).any() or as_words(words.counts) is None:
        return None
    reading = words.reading(read_words(words.texts))
    reading = replace(reading, lost=words.lost(reading.states))
    return _with_values(NumericColumn, name, "number", reading)


def _numbers(name: str, words: Words) -> Learned | None:
    reading, spelling = _by_spelling(words)
    if not _serves(words, reading) or _codes(words, reading) or much_is_bare(words, reading):
        return None
    reading = replace(reading, lost=words.lost(reading.states))
    return _with_values(NumericColumn, name, "number", reading, spelling=spelling)


def _by_spelling(words: Words) -> tuple[Reading, NumberSpelling]:
    """Text read as numbers, and how these are written."""
    spelling, doubt = NumberSpelling.find(words.counts)
    reading = words.reading(*spelling.read(words.texts), doubt=doubt)
    bare = words.bare(spelling)
    if bare is not None and 2 * bare.count >= words.cells(reading.states, NUMBER):
        # 0.05 is no percentage because another cell is one
        spelling, bare = replace(spelling, unit=""), None
        reading = words.reading(*spelling.read(words.texts), doubt=doubt)
    return replace(reading, bare=bare), spelling


def much_is_bare(words: Words, reading: Reading) -> bool:
    """Whether so many numbers lack a percent sign that nobody knows what they mean.

    Args:
        words: a column of text.
        reading: what was made of it.
    """
    few = (1 - NEARLY_ALL) * words.cells(reading.states, NUMBER)
    return reading.bare is not None and reading.bare.count > few


def _dates(name: str, words: Words) -> Learned | None:
    found = _dated(words)
    if found is None or not _serves(words, found[1]):
        return None
    kind, reading, spelling = found
    reading = replace(reading, lost=words.lost(reading.states))
    if kind == "duration":
        return _with_values(NumericColumn, name, kind, reading)
    learned = _with_values(DateColumn, name, kind, reading, dates=spelling)
    return replace(learned, earlier=spelling.earlier(words.texts))


def _dated(words: Words) -> tuple[str, Reading, DateSpelling] | None:
    """Text that could be dates, times of day or durations: which, and what was made of it."""
    texts = words.texts
    if np.isfinite(words.numbers).any() or not texts:
        return None
    # of the texts, so that one mark in many cells counts once; and of the cells
    held = words.codes[words.codes >= 0]
    some = [[texts[i] for i in _spread(np.arange(len(texts)))], [texts[i] for i in _spread(held)]]
    for kind, read in (("time", read_times), ("duration", read_durations)):
        if any(np.isfinite(read(few)).mean() >= MOSTLY for few in some):
            return kind, words.reading(read(texts)), DateSpelling()
    if any(np.isfinite(DateSpelling.find(few)[0].read(few)).mean() >= MOSTLY for few in some):
        spelling, doubt = DateSpelling.find(texts)
        return "date", words.reading(spelling.read(texts), doubt=doubt), spelling
    return None


def _spread(places: NDArray[np.intp]) -> NDArray[np.intp]:
    """Some of M places, evenly spread."""
    return places[np.unique(np.linspace(0, len(places) - 1, LOOKED_AT).astype(int))]


def _declared_dates(name: str, cells: pd.Series, kind: str, form: str) -> Learned:
    """Read what the user says are dates."""
    spelling = DateSpelling("", form)
    if kind == "text":
        words, doubt = Words.of(cells), None
        if not form:
            spelling, doubt = DateSpelling.find(words.texts)
            if not np.isfinite(spelling.read(words.texts)).any():
                numbers = read_numbers_in_text(cells)[0].values
                if np.isfinite(numbers).any():
                    spelling = declared_spelling(numbers, name)
        reading = read_dates(words, spelling)
        reading = replace(reading, lost=words.lost(reading.states), doubt=doubt)
        known = cells.notna().to_numpy(dtype=bool) & np.isnan(reading.values)
        if words.share(reading.states) < MOSTLY:
            raise _no_dates(name, cells, int(np.flatnonzero(known)[0]), form)
        found = _with_values(DateColumn, name, "date", reading, dates=spelling)
        return replace(found, earlier=spelling.earlier(words.texts))
    values = decode(cells)[1]
    if kind == "number":
        spelling = spelling if form else declared_spelling(values, name)
        days = numbers_as_dates(values, spelling)
        if len(wrong := np.flatnonzero(np.isnan(days) & np.isfinite(values))):
            raise _no_dates(name, cells, int(wrong[0]), form)
        return _with_values(DateColumn, name, "date", Reading(days), dates=spelling)
    if kind not in ("date", "time"):
        raise _no_dates(name, cells, int(np.flatnonzero(cells.notna())[0]), form)
    return _with_values(DateColumn, name, kind, Reading(values), dates=DateSpelling())


def _no_dates(name: str, cells: pd.Series, row: int, form: str) -> InputError:
    how = f" of the format {form!r}" if form else ""
    return InputError(
        f"`dates` must name columns of dates. Received {shown_cell(cells, row)} in {name!r}, "
        f"{row_name(cells.index, row)}, which is none{how}. Give its format, such as "
        f'dates={{{name!r}: "%d/%m/%Y"}}, or leave the column out of `dates`.'
    )


def _serves(words: Words, reading: Reading) -> bool:
    """Whether nearly all cells that say anything are of the kind they were read as."""
    return words.cells(reading.states, NUMBER) > 0 and words.share(reading.states) >= NEARLY_ALL


def _codes(words: Words, reading: Reading) -> bool:
    return any(
        text.lstrip()[:1] == "0" and is_code(text)
        for text, state in zip(words.texts, reading.states, strict=True)
        if state == NUMBER
    )


def _mostly(words: Words) -> tuple[str, Lost | None]:
    """What most cells are, and those that are not; None of these if they are few, or codes."""
    reading, _ = _by_spelling(words)
    if _serves(words, reading) and much_is_bare(words, reading) and not _codes(words, reading):
        return "number", reading.bare
    kind = "number"
    if words.share(reading.states) < MOSTLY and (dated := _dated(words)):
        kind, reading, _ = dated
    if not MOSTLY <= words.share(reading.states) < NEARLY_ALL or _codes(words, reading):
        return kind, None
    return kind, words.lost(reading.states) if words.cells(reading.states, NUMBER) else None
