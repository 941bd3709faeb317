"""Which files are to be scored, what they are, and how it is seen that they are still the same."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from covey.bulk.places import Place, is_pattern
from covey.errors import InputError
from covey.files.chunks import is_plain

SUFFIXES = (
    *(".parquet", ".pq", ".csv", ".tsv", ".tab", ".txt", ".feather", ".arrow"),
    *(".json", ".jsonl", ".ndjson", ".xlsx", ".csv.gz", ".tsv.gz", ".txt.gz", ".csv.zip"),
)
NOTHING = "__HIVE_DEFAULT_PARTITION__"
END = 1 << 16  # bytes at either end of a file that tell most files apart
WHOLE = 1 << 28  # bytes of a file that has to be read at once


@dataclass(frozen=True)
class Input:
    """A file to score.

    Attributes:
        number: its place among all files.
        place: where it is.
        kind: "parquet"; "text", which is read a stretch at a time; or "whole", of which all is read
            at once.
        size: in bytes.
        changed: nanoseconds of the last change, or None.
        ends: hash of its first and last bytes.
        keys: values of the folders that are called key=value, by key; None for no value.
    """

    number: int
    place: Place
    kind: str
    size: int
    changed: int | None
    ends: str
    keys: dict[str, str | None]

    @property
    def identity(self) -> dict[str, Any]:
        """What tells that this is the same file, as JSON has it."""
        name, size = self.place.name, self.size
        return {"file": name, "size": size, "changed": self.changed, "ends": self.ends}

    def check(self) -> None:
        """Refuse a file that changed since the run began.

        Raises:
            InputError: its size or the time of its last change is another one.
        """
        if self.place.state() != (self.size, self.changed):
            raise InputError(
                f"Expected files that stay as they are while they are scored. Received: "
                f"{self.place.name}, which was changed. Score into another folder."
            )


def find_inputs(inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[Input]:
    """Find the files that are meant.

    Args:
        inputs: one or several of: a file; a folder, for all tables in it and the folders in it,
            except names that begin with "." or "_"; a pattern with "*", "?" or "[...]". On this
            machine, or with a scheme such as "s3://".

    Returns:
        The files, each once, in the order in which they were named, and those of a folder or
        pattern by their names.

    Raises:
        InputError: there is no such file, or none at all, or one is empty or too large to be read.
    """
    named: list[Any] = [inputs] if isinstance(inputs, str | os.PathLike) else list(inputs)
    if not named:
        raise InputError("Expected at least one file to score. Received none; name some.")
    places: dict[str, Place] = {}
    for each in named:
        for place in _places(Place.of(each)):
            places.setdefault(place.path, place)
    found = [_input(number, place) for number, place in enumerate(places.values())]
    return _with_same_keys(found)


def _places(place: Place) -> list[Place]:
    kind = place.kind
    if kind == "file":
        return [place]
    if kind == "folder":
        start = len(place.path.rstrip("/")) + 1
        inside = [
            each
            for each in place.below()
            if each.path.lower().endswith(SUFFIXES)
            and not any(part.startswith((".", "_")) for part in each.path[start:].split("/"))
        ]
        if not inside:
            raise InputError(
                f"Expected tables in the folder {place.name}. Received none whose name ends in "
                ".parquet, .csv or the like."
            )
        return inside
    if is_pattern(place.name):
        if matching := place.matching():
            return matching
        raise InputError(f"Expected files to score. Received: {place.name}, which no file matches.")
    raise InputError(
        f"Expected files to score. Received: no such file, {place.name}. Check the path."
    )


def _input(number: int, place: Place) -> Input:
    size, changed = place.state()
    if not size:
        raise InputError(
            f"Expected a table. Received: an empty file, {place.name}. Write it again."
        )
    with place.opened() as file:
        first = bytes(file.read(min(size, END)))
        file.seek(max(0, size - END))
        ends = hashlib.sha256(first + bytes(file.read(END))).hexdigest()
    return Input(number, place, _kind(place, first, size), size, changed, ends, _keys(place.name))


def _kind(place: Place, first: bytes, size: int) -> str:
    if first.startswith(b"PAR1"):
        return "parquet"
    name = place.path.lower()
    tables = (".feather", ".arrow", ".json", ".jsonl", ".ndjson", ".xlsx")
    begins = (b"ARROW1", b"\xff\xff\xff\xff", b"{", b"[{")
    if is_plain(first) and not name.endswith(tables) and not first.lstrip().startswith(begins):
        return "text"
    if size > WHOLE:
        raise InputError(
            "Files of this size are scored a part at a time, which takes Parquet, or CSV that is "
            f"not packed. Received: {place.name}, of {size:,} bytes. Unpack it, or write it as "
            "Parquet."
        )
    return "whole"


def _keys(path: str) -> dict[str, str | None]:
    """What the names of folders say, such as year=2024."""
    found: dict[str, str | None] = {}
    for part in path.replace(os.sep, "/").split("/")[:-1]:
        key, equals, value = part.partition("=")
        if equals and key:
            found[unquote(key)] = None if value == NOTHING else unquote(value)
    return found


def _with_same_keys(inputs: list[Input]) -> list[Input]:
    first = inputs[0]
    for each in inputs[1:]:
        if each.keys.keys() != first.keys.keys():
            raise InputError(
                "Expected the same keys in the names of all folders. Received: "
                f"{each.place.name} with {list(each.keys) or 'none'}, and {first.place.name} with "
                f"{list(first.keys) or 'none'}. Score them into folders of their own."
            )
    return inputs
