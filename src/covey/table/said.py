"""What somebody should know of how columns were read: one sentence for each kind of guess."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from covey.errors import counted, warn
from covey.table.category_column import CategoricalColumn
from covey.table.cells import listed
from covey.table.columns import Column, Learned
from covey.table.date_column import DateColumn
from covey.table.number_column import PLURAL, NumericColumn
from covey.table.spelling import OTHER, state
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
    empty = [f.column.name for f in categories if _is_empty(f)]
    unique = [f.column.name for f in categories if _never_repeats(f)]
    for names, why in (
        (empty, "without any value"),
        (unique, "of text that never repeats"),
    ):
        if names:
            warn(f"Columns of `X` {why} are left out: {listed(names)}.")
    say_lost((found.column, found.lost) for found in learned)
    say_doubts((found.column, found.doubt) for found in learned)
    say_bare([(found.column.name, found.bare) for found in learned if found.bare])
    _say_centuries(learned)
    _say_mostly(learned)
    _say_marked([(f.column.name, f.marked) for f in learned if f.marked])
    say_merged([(f.column.name, f.merged) for f in learned if f.merged])
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
            f"Cells that do not fit among the {PLURAL[kind]} of their column count as missing: "
            f"{named([lost.of(name) for name, lost in each])}. If such a column holds labels, say "
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
        one, example = dates[0]
        forms = one.dates.formats(example)
        parts = (
            "the day, the month or the year" if "%y" in "".join(forms) else "the day or the month"
        )
        said = " or ".join(f'dates={{{one.name!r}: "{form}"}}' for form in forms)
        warn(
            f"No cell tells whether {parts} comes first in "
            f"{named([f'{c.name!r} (such as {t!r})' for c, t in dates])}: {one.name!r} is read "
            f"with the {one.dates.first or 'month'} first. If that is wrong, say {said}."
        )
    _say_marks("", [(column.name, text) for column, text in numbers])


def _say_marks(where: str, columns: Sequence[tuple[str, str]]) -> None:
    """Warn of numbers whose one mark may part thousands or decimals."""
    for mark, shown, read, how in (
        (",", "comma", "thousands", "with a point"),
        (".", "point", "decimals", "without it"),
    ):
        found = [f"{name!r} (such as {text!r})" for name, text in columns if mark in text]
        if found:
            warn(
                f"No cell tells whether the {shown} parts thousands or decimals in {where}"
                f"{named(found)}: it is read as parting {read}. If that is wrong, write these "
                f"numbers {how}."
            )


def say_bare(columns: Sequence[tuple[str, Lost]]) -> None:
    """Warn of numbers without a percent sign in columns of percentages.

    Args:
        columns: the names of some, each with these cells.
    """
    if columns:
        warn(
            "Numbers without the percent sign of their column are read as if they had it: "
            f"{named([cells.of(name) for name, cells in columns])}. If they are shares, such as "
            "0.05 for 5%, write them as percentages."
        )


def say_lost_targets(said: Sequence[str]) -> None:
    """Warn of cells of targets that are no numbers, and count as not observed.

    Args:
        said: how many there are, for each target that has some.
    """
    if said:
        warn(
            "Cells that do not fit among the numbers of their target count as not observed: "
            f"{named(said)}. If that is wrong, correct these cells."
        )


def say_doubtful_targets(targets: Sequence[tuple[str, str]]) -> None:
    """Warn of text of targets that could mean another number.

    Args:
        targets: the names of some, and such a text.
    """
    _say_marks("the targets ", targets)


def say_doubtful_weights(columns: Sequence[tuple[str, str]]) -> None:
    """Warn of text of weights that could mean another number.

    Args:
        columns: the names of some, and such a text.
    """
    _say_marks("the weights ", columns)


def say_long_targets(names: Sequence[str]) -> None:
    """Warn of targets of whole numbers that are too long to be told apart as numbers.

    Args:
        names: of some.
    """
    if names:
        warn(
            f"Whole numbers beyond 2**53 cannot all be told apart in the targets {listed(names)}. "
            "If their differences matter, subtract the smallest one first."
        )


def say_units_of_targets(targets: Sequence[tuple[str, str]]) -> None:
    """Warn of targets whose text has a unit, in which they are predicted.

    Args:
        targets: the names of some, and what stands beside their numbers; money goes without saying.
    """
    units = {*UNITS, *LETTER_UNITS, *PERCENT}
    if found := [f"{name!r} (in {unit!r})" for name, unit in targets if unit in units]:
        warn(
            f"Targets of text with a unit are read as numbers: {named(found)}. They are predicted "
            "in this unit, and numbers given later are taken to be in it."
        )


def say_merged(columns: Sequence[tuple[str, int]]) -> None:
    """Warn of whole numbers that are too long to be told apart as numbers.

    Args:
        columns: name of each that has some, and how many distinct ones.
    """
    if columns:
        said = [f"{name!r} ({counted(count, 'distinct one')})" for name, count in columns]
        warn(
            "Whole numbers beyond 2**53 cannot all be told apart as numbers: "
            f"{named(said)}. If they are labels, say categorical=[{columns[0][0]!r}]; if their "
            "differences matter, subtract the smallest one first."
        )


def _say_centuries(learned: Sequence[Learned]) -> None:
    found = [
        (f.column.name, f.earlier, f.column.dates)
        for f in learned
        if f.earlier and isinstance(f.column, DateColumn)
    ]
    if found:
        name, _, dates = found[0]
        few = named([f"{name!r} (such as {text!r})" for name, text, _ in found])
        warn(
            f"Years of two digits are taken for {dates.until - 99} to {dates.until} in {few}. If "
            f"{name!r} has later ones, write its years with four digits."
        )


def _say_mostly(learned: Sequence[Learned]) -> None:
    kinds: dict[str, list[tuple[str, Lost]]] = {}
    for found in learned:
        if found.mostly:
            kinds.setdefault(found.mostly_kind, []).append((found.column.name, found.mostly))
    for kind, columns in kinds.items():
        one_way = "write all of them in one way (one decimal mark, one unit), and "
        warn(
            f"Columns that are {PLURAL[kind]} in most rows are read as labels, since other cells "
            f"do not fit: {named([lost.of(name) for name, lost in columns])}. If it should be "
            f"{PLURAL[kind]}, {one_way if kind == 'number' else ''}mark other cells as missing; "
            f"if not, say categorical=[{columns[0][0]!r}]."
        )


def _say_marked(columns: Sequence[tuple[str, str]]) -> None:
    if columns:
        few = named([f"{name!r} (such as {text!r})" for name, text in columns])
        warn(
            f"Text that looks like numbers with marks is read as labels: {few}. If it should be "
            "numbers, write them alone, in one unit; if not, say "
            f"categorical=[{columns[0][0]!r}]."
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
            f"Text with a unit is read as numbers: {named(found)}. If these are labels, say "
            f"categorical=[{names[0]!r}]."
        )


def _say_rare(categories: Sequence[Learned]) -> None:
    found = []
    for each in categories:
        column = each.column
        if isinstance(column, CategoricalColumn) and column.others:
            rows = sum(each.counts.values()) - each.counts[None]
            rare = rows - sum(each.counts[label] for label in column.categories)
            share = "has" if column.others == 1 else "share"
            found.append(
                f"{column.name!r} has {len(column.categories) + column.others:,} labels, of which "
                f"{column.others:,} in {counted(rare, 'row')} ({rare / rows:.0%}) {share} one input"
            )
    if found:
        warn(f"Rare labels are not told apart: {named(found)}.")


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


def _is_empty(found: Learned) -> bool:
    """Whether all cells are missing, or say that they are."""
    labels = [label for label in found.counts if label is not None]
    return not found.column.output_names and all(state(label) != OTHER for label in labels)


def _never_repeats(found: Learned) -> bool:
    labels = found.counts.keys() - {None}
    return len(labels) > 1 and not found.column.output_names and not _is_empty(found)


def named(said: Sequence[str]) -> str:
    """What is said of columns in one sentence, of the first of them."""
    more = len(said) - MOST_NAMED
    rest = f"; and {counted(more, 'more such column')}" if more > 0 else ""
    return "; ".join(said[:MOST_NAMED]) + rest
