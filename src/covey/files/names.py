"""Names of columns as files have them, and columns that hold row labels or nothing."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from covey.errors import InputError, counted, shown
from covey.files.cells import kind

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pandas as pd

    from covey.files.notes import Notes

__all__ = ["finish", "named", "refuse_repeated", "tidy"]

# What pandas calls columns without a name, and index levels in Parquet files.
UNNAMED = re.compile(r"Unnamed: \d+(\.\d+)*(_level_\d+)?|__index_level_\d+__")


def tidy(name: str) -> str:
    """A name without blanks around and line feeds within.

    Args:
        name: As the file has it.

    Returns:
        The name.
    """
    return re.sub(r"\s*[\r\n]\s*", " ", name).strip()


def refuse_repeated(file: str, names: Sequence[Any]) -> None:
    """Refuse a table of which several columns have one name.

    Args:
        file: The file, for the message.
        names: Of its columns; any may have none, "".

    Raises:
        InputError: Several have.
    """
    counts = Counter(name for name in names if name != "")
    if repeated := [name for name, count in counts.items() if count > 1]:
        raise InputError(
            f"Expected a name for each column of {file}. Received more than one column that is "
            f"called {', '.join(map(str, repeated[:5]))}. Rename them."
        )


def named(names: Sequence[str], start: int = 0) -> list[str]:
    """The names that `finish` gives to columns of which it leaves out none.

    Args:
        names: As a file has them; "" for a column without one.
        start: How many columns are before them.

    Returns:
        A name for each.
    """
    taken = set(names)
    found = []
    for number, name in enumerate(names, start):
        if name == "" or (name.startswith("__") and UNNAMED.fullmatch(name)):
            name = _by_place(number, taken)
            taken.add(name)
        found.append(name)
    return found


def _by_place(number: int, taken: Collection[str]) -> str:
    """What a column without a name is called."""
    name = f"Unnamed: {number}"
    while name in taken:
        name += ".1"
    return name


def finish(file: str, columns: Sequence[tuple[str, Any]], notes: Notes) -> pd.DataFrame:
    """Put columns together: without those that hold row labels, or neither name nor value.

    Args:
        file: What messages call the file.
        columns: Name and Series of each column, in order; "" for one without a name.
        notes: What is left out is added to them.

    Returns:
        The table, rows numbered from 0.

    Raises:
        InputError: Several columns have one name, or no column is left.
    """
    import pandas as pd

    kept: dict[str, Any] = {}
    given = [name for name, _ in columns]
    refuse_repeated(file, given)
    empty: list[str] = []
    for number, (name, column) in enumerate(columns):
        unnamed = name == "" or (isinstance(name, str) and UNNAMED.fullmatch(name) is not None)
        if unnamed and name == "" and column.isna().all():
            empty.append(name)
            continue
        if unnamed and not kept and len(columns) > 1 and (label := _labels(column)):
            called = f" {name!r}" if name else ""
            notes.add(f"the first column{called} left out, which holds {label}: name it to use it")
            continue
        if name == "" or (unnamed and name.startswith("__")):
            name = _by_place(number, {*given, *kept})
            notes.add(f"column {number + 1} has no name and is called {name!r}")
        kept[name] = column
    if empty and len(empty) < len(columns) and any(len(column) for _, column in columns):
        notes.add(f"{counted(len(empty), 'column')} without name or values left out")
    if not kept:
        raise InputError(
            f"Expected a table. Received: {file}, which holds no columns with a name. "
            f"{shown([name for name, _ in columns])}"
        )
    return pd.DataFrame({name: column.reset_index(drop=True) for name, column in kept.items()})


def _labels(column: Any) -> str:
    """What a column without a name holds, if that is but labels of the rows; else ""."""
    import pandas as pd

    if len(column) == 0:
        return "row numbers"
    if column.isna().any() or column.duplicated().any():
        return ""
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_float_dtype(column):
        return ""
    if pd.api.types.is_integer_dtype(column):
        return "row numbers"
    if not all(isinstance(each, str) for each in column):
        return ""
    kinds = Counter(kind(each) for each in column)
    if set(kinds) == {"number"} and column.str.fullmatch(r"\d+").all():
        return "row numbers"
    return "row names" if kinds["text"] > 0.5 * len(column) else ""
