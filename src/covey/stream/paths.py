"""Which files are meant: files, folders and patterns."""

from __future__ import annotations

import filecmp
import glob
import os
from collections.abc import Iterable
from pathlib import Path

from covey.errors import InputError, warn

SUFFIXES = (".parquet", ".pq")
END = 4096  # bytes at the end of a Parquet file that tell most files apart


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
    return _once(paths)[0]


def say_repeats(paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> None:
    """Warn of a file that is named more than once, through links too, and of copies of files.

    The former are read once, the rows of the latter count twice.

    Args:
        paths: as for `find_files`.

    Raises:
        InputError: as for `find_files`.
    """
    files, again = _once(paths)
    if again:
        more = f", and {len(again) - 1} more" if len(again) > 1 else ""
        warn(f"Files that are named more than once are read once: {again[0]}{more}.")
    if copies := _copies(files):
        (copy, of), more = copies[0], f", and {len(copies) - 1} more" if len(copies) > 1 else ""
        warn(
            f"Files that are copies of others count twice: {copy}, the same byte by byte as {of}"
            f"{more}. Leave out what is there by mistake."
        )


def _once(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
) -> tuple[tuple[str, ...], list[str]]:
    """Files, sorted, each once; and those that were named again."""
    given = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    if not given:
        raise InputError("Expected at least one Parquet file. Received none; name some.")
    found: dict[tuple[int, int], str] = {}
    again: list[str] = []
    for path in given:
        for file in _files_of(os.fspath(path)):
            state = os.stat(file)
            key = state.st_dev, state.st_ino
            if key in found:
                again.append(file)
            else:
                found[key] = file
    return tuple(sorted(found.values())), again


def _copies(files: tuple[str, ...]) -> list[tuple[str, str]]:
    """Files that hold the same bytes as one before, each with that one."""
    alike: dict[tuple[int, bytes], list[str]] = {}
    copies = []
    for path in files:
        size = os.path.getsize(path)
        if not size:
            continue
        try:
            with open(path, "rb") as file:
                file.seek(max(0, size - END))
                others = alike.setdefault((size, file.read()), [])
            same = (other for other in others if filecmp.cmp(path, other, shallow=False))
            twin = next(same, None)
        except OSError:
            continue  # whoever reads it says so better
        if twin is None:
            others.append(path)
        else:
            copies.append((path, twin))
    return copies


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
