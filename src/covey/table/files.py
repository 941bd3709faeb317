"""Tables from and to files: CSV and Parquet, by the suffix of the name; and text to files."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from covey.arguments.destination import destination, write_whole
from covey.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["TABLE_SUFFIXES", "read_table", "writable", "write_table", "write_text"]

TABLE_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".parquet", ".pq")


def read_table(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table whose kind its suffix says.

    Args:
        path: File that ends in .csv, .csv.gz, .tsv, .parquet or .pq. Text is UTF-8, with the column
            names in the first line; "", NA, NaN and null are missing values.

    Returns:
        The table, of shape (N, F), rows numbered from 0.

    Raises:
        InputError: The file is missing, a folder, empty, damaged, or of an unknown kind.
    """
    import pandas as pd

    file = Path(path)
    suffix = _suffix(file, TABLE_SUFFIXES)
    if not file.is_file():
        found = "a folder" if file.is_dir() else "no such file"
        raise InputError(f"Expected a table to read. Received: {found}, {file}. Check the path.")
    if file.stat().st_size == 0:
        raise InputError(f"Expected a table. Received: an empty file, {file}. Write it again.")
    try:
        if suffix in (".parquet", ".pq"):
            frame = pd.read_parquet(file)
            # pandas hides columns of the file in the index, where no other program would.
            frame = frame.reset_index(drop=not any(frame.index.names))
        else:
            sep = "\t" if suffix == ".tsv" else ","
            # pandas renames a name that comes twice, and nobody would know which column is meant
            head = pd.read_csv(
                file, sep=sep, header=None, nrows=1, dtype=str, keep_default_na=False
            )
            if repeated := sorted(set(head.loc[0, head.loc[0].duplicated()]) - {""}):
                raise ValueError(f"more than one column is called {', '.join(repeated)}")
            # By default pandas guesses the type of a column anew in each part of a long file.
            frame = pd.read_csv(file, sep=sep, low_memory=False)
            if not isinstance(frame.index, pd.RangeIndex):
                raise ValueError("the rows have more fields than the first line has names")
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"Expected a {suffix} table. Received: {file}, which cannot be read as one: {error}. "
            "Check its content, or rename it if the suffix is wrong."
        ) from error
    return frame


def write_table(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table in the kind its suffix says, all of it or nothing; the index is left out.

    Args:
        frame: Table of shape (N, F).
        path: File that ends in .csv, .csv.gz, .tsv, .parquet or .pq, in a folder that exists. A
            file of that name is replaced.

    Raises:
        InputError: The file cannot be written, or its kind cannot hold the table.
    """
    file = writable(path)
    suffix = _suffix(file, TABLE_SUFFIXES)

    def write(stream: BinaryIO) -> None:
        try:
            if suffix in (".parquet", ".pq"):
                frame.to_parquet(stream, index=False)
                return
            frame.to_csv(
                stream,
                sep="\t" if suffix == ".tsv" else ",",
                index=False,
                # No time stamp, so that the same table gives the same bytes.
                compression={"method": "gzip", "mtime": 0} if suffix == ".csv.gz" else None,
            )
        except (ValueError, TypeError) as error:
            raise InputError(
                f"Expected a table that a {suffix} file can hold, for {file}. Received: {error}. "
                "Rename or convert the columns."
            ) from error

    write_whole(path, write, "a table")


def write_text(text: str, path: str | os.PathLike[str]) -> None:
    """Write text, all of it or nothing.

    Args:
        text: What to write, as UTF-8.
        path: File in a folder that exists. A file of that name is replaced.

    Raises:
        InputError: The file cannot be written.
    """
    content = text.encode("utf-8")
    write_whole(path, lambda stream: stream.write(content), "text")


def writable(path: str | os.PathLike[str], suffixes: Sequence[str] = TABLE_SUFFIXES) -> Path:
    """Check that a file of some kind can be written, before the work whose result it is to hold.

    Args:
        path: File to be written.
        suffixes: Endings that its name may have.

    Returns:
        The path.

    Raises:
        InputError: The suffix is unknown, the folder is missing or closed to this user, or the path
            is a folder.
    """
    file = Path(path)
    _suffix(file, suffixes)
    destination(path)
    return file


def _suffix(file: Path, suffixes: Sequence[str]) -> str:
    for suffix in suffixes:
        if file.name.lower().endswith(suffix):
            return suffix
    raise InputError(
        f"Expected a file name that ends in {', '.join(suffixes)}. Received: {file.name!r}. "
        "Rename it, or convert the file."
    )
