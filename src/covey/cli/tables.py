"""Tables that commands read and write, and how somebody says what the text of a file means."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from covey.cli.columns import cells, offer
from covey.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

STANDARD = "-"  # input or output
TABLE = ".csv, .tsv, .parquet, .feather, .jsonl or .xlsx; - is the standard input"


def add_table(command: argparse.ArgumentParser, rows: str, more: str = "") -> None:
    """Add the argument that names the files of a table.

    Args:
        command: to add it to.
        rows: what the table holds, for the help.
        more: what else may be named.
    """
    command.add_argument("table", nargs="+", help=f"{rows}, in files: {TABLE}{more}")


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
    from covey.files import Earlier, read_table

    return read_table(
        [paths] if isinstance(paths, str) else list(paths),
        sep=options.sep,
        decimal=options.decimal,
        encoding=options.encoding,
        na=tuple(mark for word in options.na or () for mark in cells(word)),
        sheet=options.sheet,
        earlier=None
        if model is None
        else Earlier(model.schema_.decimal, model.fitted_.percentages, model.fitted_.with_commas),
    )


def called(paths: str | Sequence[str]) -> str:
    """What messages call what was read."""
    names = [paths] if isinstance(paths, str) else list(paths)
    first = "the standard input" if names[0] == STANDARD else names[0]
    return first if len(names) == 1 else f"{first} and {len(names) - 1} more"


def features_of(model: Any, table: Any, of: str) -> Any:
    """The columns that a model reads, where it knows their names; else all but its targets.

    What else is in a table is nobody's mistake: identifiers, comments, the targets themselves.

    Args:
        model: a fitted estimator.
        table: of N rows.
        of: what has the columns, for messages.

    Returns:
        A table of N rows.

    Raises:
        InputError: a column that the model reads is lacking.
    """
    known = getattr(model, "feature_names_in_", None)
    if known is not None:
        present = {str(name): name for name in table.columns}
        if lacking := [name for name in known if name not in present]:
            raise InputError(
                f"Expected in {of} all columns that training had. Received a table without "
                f"{', '.join(map(repr, lacking))}.{offer(lacking, list(present))} Add what is "
                "lacking, without values if these are unknown."
            )
        return table[[present[name] for name in known]]
    return table.drop(columns=[name for name in model.targets_ if name in table.columns])


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
