"""`covey predict ... --output FOLDER`: any number of rows, a part at a time."""

from __future__ import annotations

import argparse
import os
import sys

from covey.cli.columns import cells
from covey.cli.tables import STANDARD
from covey.errors import InputError, counted

SCHEME = "://"
ALONE = ("strict", "address", "part_rows")  # options that a file of predictions has not


def is_folder(path: str | None) -> bool:
    """Whether an output is a folder: one that is there, or whose name is that of one.

    Args:
        path: of the output; None or - for the standard output.
    """
    if path is None or path == STANDARD:
        return False
    if SCHEME in path or os.path.isdir(path) or path.endswith(("/", os.sep)):
        return True
    return not os.path.splitext(path)[1] and not os.path.isfile(path)


def refuse_for_folders(options: argparse.Namespace) -> None:
    """Refuse what only a folder of predictions can have.

    Args:
        options: of `covey predict`.

    Raises:
        InputError: such an option was given, or an input that is a folder or a pattern.
    """
    given = [f"--{name.replace('_', '-')}" for name in ALONE if getattr(options, name)]
    given += ["--engine ray"] if options.engine != "local" else []
    many = [
        path
        for path in options.table
        if SCHEME in path
        or os.path.isdir(path)
        or (not os.path.exists(path) and any(mark in path for mark in "*?["))
    ]
    if given or many:
        raise InputError(
            f"Expected a folder with --output, such as scored/, for {(given + many)[0]}. Received: "
            f"{options.output or 'the standard output'}."
        )


def score(options: argparse.Namespace) -> None:
    """Score files into a folder, and say what was done.

    Args:
        options: of `covey predict`.

    Raises:
        InputError: see `covey.bulk.score`.
    """
    from covey.bulk import score

    if STANDARD in options.table:
        raise InputError(
            "Expected files to score into a folder. Received: -, the standard input. Write it to a "
            "file first."
        )
    if options.sheet is not None:
        raise InputError("`sheet` is for one table. Leave it out, or name a file with --output.")
    words = {
        name: _words(getattr(options, name)) for name in ("columns", "given", "carry_over", "na")
    }
    found = score(
        options.model,
        options.table,
        options.output,
        columns=words["columns"],
        given=words["given"],
        keep=words["carry_over"],
        strict=options.strict,
        engine=options.engine,
        part_rows=options.part_rows,
        address=options.address,
        random_state=options.random_state,
        sep=options.sep,
        decimal=options.decimal,
        encoding=options.encoding,
        na=words["na"],
        trusted=options.trusted,
        verbose=int(not options.quiet),
    )
    if options.quiet:
        return
    before = f", {found.resumed} of them from before" if found.resumed else ""
    aside = f"; {found.rejected:,} set aside, see _covey_rejects.csv" if found.rejected else ""
    files = counted(found.parts, "file")
    rows = counted(found.rows, "row")
    print(f"covey: {rows} in {files}{before}{aside}: {found.output}", file=sys.stderr)


def _words(words: list[str] | None) -> list[str]:
    return [cell for word in words or () for cell in cells(word)]
