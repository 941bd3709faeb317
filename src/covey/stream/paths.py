"""Which files are meant: files, folders and patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from covey.errors import InputError

SUFFIXES = (".parquet", ".pq")


def find_files(paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> tuple[str, ...]:
    """Find the Parquet files that are meant.

    Args:
        paths: one or several of: a file; a folder, for all .parquet and .pq files in it and the
            folders in it, except names that begin with "." or "_"; a pattern with "*", "?" or
            "[...]", as a shell takes it ("**" for folders at any depth).

    Returns:
        Paths of files, sorted, each once, whatever the order they were named in.

    Raises:
        InputError: there is no such file, or none at all.
    """
    given = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    if not given:
        raise InputError("Expected at least one Parquet file. Received none; name some.")
    found: dict[str, str] = {}
    for path in given:
        for file in _files_of(os.fspath(path)):
            found.setdefault(os.path.realpath(file), file)
    return tuple(sorted(found.values()))


def _files_of(path: str) -> list[str]:
    if os.path.isfile(path):
        return [path]
    if os.path.isdir(path):
        inside = [
            os.fspath(file)
            for file in Path(path).rglob("*")
            if file.name.lower().endswith(SUFFIXES)
            and not any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
            and file.is_file()
        ]
        if not inside:
            raise InputError(
                f"Expected Parquet files in the folder {path}. Received none whose name ends in "
                f"{' or '.join(SUFFIXES)}."
            )
        return inside
    if glob.has_magic(path):
        if matching := [file for file in glob.glob(path, recursive=True) if os.path.isfile(file)]:
            return matching
        raise InputError(f"Expected Parquet files. Received: {path}, which no file matches.")
    raise InputError(f"Expected Parquet files. Received: no such file, {path}. Check the path.")
