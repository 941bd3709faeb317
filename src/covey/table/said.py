"""What somebody should know of how columns were read: one sentence for each kind of guess."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from covey.errors import warn
from covey.table.category_column import CategoricalColumn
from covey.table.cells import listed
from covey.table.columns import Column, Learned
from covey.table.date_column import DateColumn
from covey.table.number_column import PLURAL, NumericColumn
from covey.table.vocabulary import LETTER_UNITS, PERCENT, UNITS
from covey.table.words import Lost
from covey.types import Array

MOST_NAMED = 4  # columns in a sentence

# Names of columns whose whole numbers are labels more often than not.
_CODE_NAME = re.compile(
    r"(^|[^a-z])(id|code|zip ?code|zip|post ?code|plz|fips|sku|category|type|class|cluster|"
    r"station|store|shop|branch|dept|department|product|item|brand|vendor|supplier|customer|user|"
    r"patient|region|state|county|district|zone|origin|species|sector|industry|occupation|race|"
    r"gender|sex|marital|marital status|religion|site|machine|sensor|device|channel|route|ward|"
    r"operator|kind|method|status)([^a-z]?(id|code|no|nr|number|key))?$|[a-z](code|zip)$"
)
_LEAST_REPEATS_BY_NAME, _LEAST_REPEATS = 2, 5  # rows for each code
_LEAST_DIGITS, _LEAST_CODES = 5, 10  # of codes that their numbers alone give away


def say_of_training(learned: Sequence[Learned]) -> None:
    """Warn of what was guessed of the columns of a training table, or left out.

    Args:
        learned: its columns.
    """
    categories = [f for f in learned if isinstance(f.column, CategoricalColumn)]
    empty = [f.column.name for f in categories if not f.counts.keys() - {None}]
    unique = [f.column.name for f in categories if _never_repeats(f)]
    for names, why in (
        (empty, "without any value"),
        (unique, "of text that never repeats"),
    ):
        if names:
            warn(f"Columns of `X` {why} are left out: {listed(names)}.")
    say_lost((found.column, found.lost) for found in learned)
    say_doubts((found.column, found.doubt) for found in learned)
    _say_mostly([(found.column.name, found.mostly) for found in learned if found.mostly])
    _say_units([found.column for found in learned if isinstance(found.column, NumericColumn)])
    _say_rare([found for found in categories if found.counts])
    _say_codes(learned)


def say_lost(columns: Iterable[tuple[Column, Lost | None]]) -> None:
    """Warn of cells that are not what their column is, and count as missing.

    Args:
        columns: each with what was lost of it.
    """
    found: dict[str, list[tuple[str, Lost]]] = {}
    for column, lost in columns:
        if lost is not None and isinstance(column, NumericColumn):
            found.setdefault(column.kind, []).append((column.name, lost))
    for kind, each in found.items():
        name = each[0][0]
        warn(
            f"Cells that are no {PLURAL[kind]} count as missing: "
            f"{_few([lost.of(name) for name, lost in each])}. If such a column holds labels, say "
            f"categorical=[{name!r}]."
        )


def say_doubts(columns: Iterable[tuple[Column, str | None]]) -> None:
    """Warn of text that could mean something else as well.

    Args:
        columns: each with such a text, or None.
    """
    dates: list[tuple[DateColumn, str]] = []
    numbers: list[tuple[Column, str]] = []
    for column, text in columns:
        if text is None:
            continue
        if isinstance(column, DateColumn):
            dates.append((column, text))
        else:
            numbers.append((column, text))
    if dates:
        one = dates[0][0]
        first = one.dates.first
        other = "%m/%d/%Y" if first == "day" else "%d/%m/%Y"
        warn(
            f"No cell tells whether the day or the month comes first in "
            f"{_few([f'{c.name!r} (such as {t!r})' for c, t in dates])}: {one.name!r} is read "
            f"with the {first or 'month'} first. If that is wrong, say dates={{{one.name!r}: "
            f'"{other}"}}.'
        )
    if numbers:
        warn(
            "No cell tells whether the comma parts thousands or decimals in "
            f"{_few([f'{c.name!r} (such as {t!r})' for c, t in numbers])}: it is read as parting "
            "thousands. If that is wrong, write these numbers with a point."
        )


def say_lost_targets(said: Sequence[str]) -> None:
    """Warn of cells of targets that are no numbers, and count as not observed.

    Args:
        said: how many there are, for each target that has some.
    """
    if said:
        warn(
            f"Cells of targets that are no numbers count as not observed: {_few(said)}. If that is "
            "wrong, correct these cells."
        )


def say_doubtful_targets(targets: Sequence[tuple[str, str]]) -> None:
    """Warn of text of targets that could mean another number.

    Args:
        targets: the names of some, and such a text.
    """
    if targets:
        warn(
            "No cell tells whether the comma parts thousands or decimals in the targets "
            f"{_few([f'{name!r} (such as {text!r})' for name, text in targets])}: it is read as "
            "parting thousands. If that is wrong, write these numbers with a point."
        )


def say_units_of_targets(targets: Sequence[tuple[str, str]]) -> None:
    """Warn of targets whose text has a unit, in which they are predicted.

    Args:
        targets: the names of some, and what stands beside their numbers; money goes without saying.
    """
    units = {*UNITS, *LETTER_UNITS, *PERCENT}
    if found := [f"{name!r} (in {unit!r})" for name, unit in targets if unit in units]:
        warn(
            f"Targets of text with a unit are read as numbers: {_few(found)}. They are predicted "
            "in this unit, and numbers given later are taken to be in it."
        )


def say_new(said: Sequence[str], rows: int) -> None:
    """Warn of labels that training did not have.

    Args:
        said: how many there are, for each column that has some.
        rows: N, of the table.
    """
    of = "1 row" if rows == 1 else f"{rows:,} rows"
    warn(
        f"Of {of}, some have labels that training did not have: {_few(said)}. They count as none "
        "of those it had."
    )


def _say_mostly(columns: Sequence[tuple[str, Lost]]) -> None:
    if columns:
        warn(
            "Columns of numbers and much other text are read as labels; no numbers are "
            f"{_few([lost.of(name) for name, lost in columns])}. If it should be numbers, mark the "
            f"other cells as missing; if not, say categorical=[{columns[0][0]!r}]."
        )


def _say_units(columns: Sequence[NumericColumn]) -> None:
    found = [
        f"{column.name!r} (in {column.spelling.unit!r})"
        for column in columns
        if column.spelling.unit in UNITS or column.spelling.unit in LETTER_UNITS
    ]
    if found:
        names = [c.name for c in columns if c.spelling.unit in (*UNITS, *LETTER_UNITS)]
        warn(
            f"Text with a unit is read as numbers: {_few(found)}. If these are labels, say "
            f"categorical=[{names[0]!r}]."
        )


def _say_rare(categories: Sequence[Learned]) -> None:
    found = []
    for each in categories:
        column = each.column
        if isinstance(column, CategoricalColumn) and column.others:
            rows = sum(each.counts.values()) - each.counts[None]
            rare = rows - sum(each.counts[label] for label in column.categories)
            found.append(
                f"{column.name!r} has {len(column.categories) + column.others:,} labels, of which "
                f"{column.others:,} in {rare:,} rows ({rare / rows:.0%}) share one input"
            )
    if found:
        warn(f"Rare labels are not told apart: {_few(found)}.")


def _say_codes(learned: Sequence[Learned]) -> None:
    names = [
        found.column.name
        for found in learned
        if found.values is not None
        and isinstance(found.column, NumericColumn)
        and looks_like_codes(found.column, found.values)
    ]
    if names:
        few = listed(names[:MOST_NAMED]) + (" and more" if len(names) > MOST_NAMED else "")
        warn(
            f"Whole numbers that look like codes are read as numbers: {few}. If their size means "
            f"nothing, say categorical=[{names[0]!r}]."
        )


def looks_like_codes(column: NumericColumn, values: Array) -> bool:
    """Whether numbers look like labels: their name says so, or they have equally many digits.

    Args:
        column: of numbers.
        values: its N values, NaN where missing.
    """
    if column.kind != "number" or column.spelling.unit or column.low is None or column.low < 0:
        return False
    known = values[np.isfinite(values)]
    head = known[:1000]
    if (head != np.floor(head)).any() or (known != np.floor(known)).any():
        return False
    distinct = np.unique(known)
    if len(distinct) < 3 or len(known) < _LEAST_REPEATS_BY_NAME * len(distinct):
        return False
    words = re.sub(r"([a-z])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3 \2\4", column.name).lower()
    if _CODE_NAME.search(re.sub(r"[_-]", " ", words).strip()):
        return True
    if len(known) < _LEAST_REPEATS * len(distinct):
        return False
    digits = len(str(int(distinct[0])))
    return bool(
        len(str(int(distinct[-1]))) == digits >= _LEAST_DIGITS
        and len(distinct) >= _LEAST_CODES
        and len(distinct) < 0.1 * (distinct[-1] - distinct[0])
        and np.gcd.reduce(np.diff(distinct).astype(np.int64)) == 1
    )


def _never_repeats(found: Learned) -> bool:
    labels = found.counts.keys() - {None}
    return len(labels) > 1 and not found.column.output_names


def _few(said: Sequence[str]) -> str:
    more = len(said) - MOST_NAMED
    rest = f"; and {more} more such columns" if more > 0 else ""
    return "; ".join(said[:MOST_NAMED]) + rest
