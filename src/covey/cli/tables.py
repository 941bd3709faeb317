"""Tables that commands read and write, and how somebody says what the text of a file means."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from covey.cli.columns import cells
from covey.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

STANDARD = "-"  # input or output
TABLE = ".csv, .tsv, .parquet, .feather, .jsonl or .xlsx; - is the standard input"


def add_reading(command: argparse.ArgumentParser) -> None:
    """Add the options that say how to read files."""
    group = command.add_argument_group("reading", "found out by itself; these say otherwise")
    group.add_argument("--sep", metavar="MARK", help="between cells: , or ; or tab, say")
    group.add_argument("--decimal", metavar="MARK", help="the decimal mark: . or ,")
    group.add_argument("--encoding", metavar="NAME", help="utf-8 or cp1252, say")
    group.add_argument(
        "--na",
        action="append",
        metavar="MARKS",
        help="further marks of a missing value, such as -999,?; may be repeated",
    )
    group.add_argument(
        "--sheet", metavar="NAME", help="of a workbook (default: the first that holds something)"
    )


def read(
    paths: str | Sequence[str], options: argparse.Namespace, model: Any = None
) -> pd.DataFrame:
    """Read one table from one or several files.

    Args:
        paths: names of files; - for the standard input.
        options: which hold those of `add_reading`.
        model: the fitted estimator that the table is for, if there is one.

    Returns:
        The table, of N rows.

    Raises:
        InputError: a file cannot be read.
    """
    from covey.files import read_table

    return read_table(
        [paths] if isinstance(paths, str) else list(paths),
        sep=options.sep,
        decimal=options.decimal,
        encoding=options.encoding,
        na=tuple(mark for word in options.na or () for mark in cells(word)),
        sheet=options.sheet,
        usual=None if model is None else model.schema_.decimal,
    )


def called(paths: str | Sequence[str]) -> str:
    """What messages call what was read."""
    names = [paths] if isinstance(paths, str) else list(paths)
    first = "the standard input" if names[0] == STANDARD else names[0]
    return first if len(names) == 1 else f"{first} and {len(names) - 1} more"


def check_output(path: str | None, inputs: Sequence[str]) -> None:
    """Check, before the work, that a table can be written.

    Args:
        path: of the file; None or - is the standard output.
        inputs: paths that it must not overwrite.

    Raises:
        InputError: it cannot.
    """
    from covey.files import writable

    if path is None or path == STANDARD:
        return
    writable(path)
    for each in inputs:
        if each != STANDARD and os.path.realpath(path) == os.path.realpath(each):
            raise InputError(f"--output would overwrite the input {each}.")


def write(frame: Any, path: str | None) -> None:
    """Write a table, to the standard output as CSV if no file is named."""
    from covey.files import write_table

    write_table(frame, STANDARD if path is None else path)
