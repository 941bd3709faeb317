"""What somebody should know of how the columns of a later table were read."""

from __future__ import annotations

from collections.abc import Sequence

from covey.errors import counted, warn
from covey.table.number_column import NumericColumn
from covey.table.other_mark import NAMES, OtherMark
from covey.table.said import MOST_NAMED, named, say_bare, say_doubts, say_lost
from covey.table.spelling import OTHER_OF
from covey.table.words import Reading


def say_of_reading(column: NumericColumn, reading: Reading) -> None:
    """Warn of what was lost of the cells of a column, or guessed.

    Args:
        column: what training saw.
        reading: of the later cells.
    """
    say_lost([(column, reading.lost)])
    say_doubts([(column, reading.doubt)])
    say_bare([(column.name, reading.bare)] if reading.bare else [])
    say_other_mark([(column.name, reading.other)] if reading.other else [], column.spelling.decimal)


def say_other_mark(columns: Sequence[tuple[str, OtherMark]], mark: str, where: str = "") -> None:
    """Warn of numbers that are read by another decimal mark than that of training.

    Args:
        columns: the names of some, each with such a number.
        mark: of training.
        where: what the columns are, for the message.
    """
    if columns:
        warn(
            f"Numbers with a {NAMES[OTHER_OF[mark]]} for decimals, where training had a "
            f"{NAMES[mark]}: {where}{named([found.of(name) for name, found in columns])}. If that "
            "is wrong, write them without thousands, or as numbers."
        )


def say_new(said: Sequence[str], rows: int) -> None:
    """Warn of labels that training did not have.

    Args:
        said: how many there are, for each column that has some.
        rows: N, of the table.
    """
    warn(
        f"Of {counted(rows, 'row')}, some have labels that training did not have: {named(said)}. "
        "They count as none of those it had."
    )


def say_far(said: Sequence[str], rows: int, *, followed: bool) -> None:
    """Warn of numbers beyond those of training.

    Args:
        said: how many there are, for each end of a range that some are beyond.
        rows: N, of the table.
        followed: whether the linear part of a model follows them.
    """
    left = len(said) - MOST_NAMED
    more = f"; and {counted(left, 'more such end')}" if left > 0 else ""
    how = "; the linear part of the model alone goes on, for three more ranges" if followed else ""
    warn(
        f"Of {counted(rows, 'row')}, {'; '.join(said[:MOST_NAMED])}{more}. Each such number is "
        f"taken for the nearest that training saw{how}."
    )
