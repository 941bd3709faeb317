"""Names of columns as people type them: several in one word, quoted, repeated, nearly right."""

from __future__ import annotations

import argparse
import csv
import shlex
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from covey.errors import InputError, clipped

SOME = "A,B,..."


def add_names(
    command: argparse._ActionsContainer, option: str, text: str, *, required: bool = False
) -> None:
    """Add an option that takes names of columns, and may be given several times.

    Args:
        command: to add it to.
        option: such as "--targets".
        text: its help.
        required: whether it must be given.
    """
    if required:
        command.add_argument(option, action="append", metavar=SOME, help=text, required=True)
    else:
        command.add_argument(option, action="append", metavar=SOME, help=text)


def add_sample_weight(command: argparse._ActionsContainer) -> None:
    """Add the option that names the column of weights."""
    command.add_argument(
        "--sample-weight", metavar="COLUMN", help="the column that holds the weight of each row"
    )


def cells(word: str) -> list[str]:
    """The cells of one line of CSV: separated by commas, quoted where one holds a comma.

    Args:
        word: what somebody typed.

    Returns:
        Cells without blanks around them.

    Raises:
        InputError: a cell is empty.
    """
    found = [cell.strip() for cell in next(csv.reader([word], skipinitialspace=True), [])]
    if not found or not all(found):
        raise InputError(f"Expected names separated by commas. Received: {word!r}.")
    return found


def quoted(name: str) -> str:
    """A name as it can be typed in a shell, within a list too."""
    return shlex.quote(as_cell(name) if "," in name else name)


def as_cell(name: str) -> str:
    """A name as a cell of CSV, which holds whatever the name does."""
    return '"' + name.replace('"', '""') + '"'


def choose(columns: Sequence[str], words: Iterable[str] | None, option: str, of: str) -> list[str]:
    """The columns that an option names.

    A word that is the name of a column is that column, commas and all; others are lines of CSV.

    Args:
        columns: all there are.
        words: what was given with the option, each time; None for nothing.
        option: its name, for messages.
        of: what has the columns, for messages.

    Returns:
        Names of columns, each once, in the order in which they were given.

    Raises:
        InputError: there is no such column; close ones are offered.
    """
    # headers may have blanks around their names, which nobody types
    stripped = {str(column).strip(): column for column in reversed(columns)}
    known = {**stripped, **{str(column): column for column in columns}}
    found, lacking = [], []
    for word in words or ():
        for name in [word] if word in known else cells(word):
            if name in known:
                found.append(known[name])
            else:
                lacking.append(name)
    if lacking:
        named = list(dict.fromkeys(str(column).strip() for column in columns))
        raise InputError(_unknown(lacking, named, option, of))
    return list(dict.fromkeys(found))


def choose_one(columns: Sequence[str], word: str | None, option: str, of: str) -> str | None:
    """The one column that an option names, or None.

    Args:
        columns: all there are.
        word: what was given with the option; None for nothing.
        option: its name, for messages.
        of: what has the columns, for messages.

    Raises:
        InputError: there is no such column, or several were named.
    """
    if word is None:
        return None
    found = choose(columns, [word], option, of)
    if len(found) > 1:
        raise InputError(f"Expected one column with {option}. Received: {', '.join(found)}.")
    return found[0]


def offer(lacking: Sequence[str], columns: Sequence[str]) -> str:
    """A question whether columns with close names were meant, or nothing.

    Args:
        lacking: names that are not there.
        columns: names that are.
    """
    lower = {column.lower(): column for column in columns}
    close = {}
    for name in lacking:
        longer = [column for column in columns if "," in column and name in column]
        near = [lower[each] for each in get_close_matches(name.lower(), lower, n=2)]
        close[name] = list(dict.fromkeys([*near, *longer]))[:2]
    offers = list(dict.fromkeys(column for near in close.values() for column in near))
    if not offers:
        return ""
    return f" Did you mean {' or '.join(quoted(column) for column in offers[:4])}?"


def _unknown(lacking: Sequence[str], columns: list[str], option: str, of: str) -> str:
    said = ", ".join(repr(name) for name in lacking)
    text = f"Expected names of columns of {of} with {option}. Received: {said}."
    text += offer(lacking, columns)
    present = ", ".join(quoted(column) for column in columns)
    return f"{text} There are: {clipped(present, 600)}."
