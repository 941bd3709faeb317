"""Files and folders, on this machine or elsewhere: what a path names, read and written whole."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from covey.arguments.destination import write_whole
from covey.errors import InputError, shown

NATIVE = ("s3", "gs", "gcs", "hdfs", "viewfs", "abfs", "abfss")  # which pyarrow knows itself
URL = re.compile(r"([A-Za-z][\w+.-]+)://")
MAGIC = re.compile(r"[*?[]")


@dataclass(frozen=True)
class Place:
    """A file or a folder.

    Attributes:
        name: as the user names it, for messages and manifests.
        path: on its file system.
        system: of pyarrow; None for this machine's own.
    """

    name: str
    path: str
    system: Any = None

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> Place:
        """What a path names.

        Args:
            path: of this machine, or with a scheme, such as "s3://bucket/folder".

        Raises:
            InputError: it is no path, or nothing knows its scheme.
        """
        try:
            typed = os.fsdecode(path)
        except TypeError:
            raise InputError(
                f"Expected the path of a file or folder. Received: {shown(path)}."
            ) from None
        if not typed:
            raise InputError("Expected the path of a file or folder. Received: an empty text.")
        found = URL.match(typed)
        if found is None:
            return cls(typed, os.path.abspath(typed))
        if found[1] == "file":
            return cls(typed, os.path.abspath(typed.removeprefix("file://")))
        return cls(typed, *_remote(typed, found[1]))

    @property
    def files(self) -> Any:
        """The file system, of pyarrow."""
        from pyarrow.fs import LocalFileSystem

        return LocalFileSystem() if self.system is None else self.system

    def __truediv__(self, name: str) -> Place:
        """A file in this folder."""
        return Place(
            f"{self.name.rstrip('/')}/{name}", f"{self.path.rstrip('/')}/{name}", self.system
        )

    @property
    def kind(self) -> str:
        """What is there: "file", "folder" or "" for nothing."""
        from pyarrow.fs import FileType

        with saying(self.name):
            found = self.files.get_file_info(self.path).type
        return {FileType.File: "file", FileType.Directory: "folder"}.get(found, "")

    def below(self) -> list[Place]:
        """All files in this folder and those in it, in order of their paths."""
        from pyarrow.fs import FileSelector, FileType

        with saying(self.name):
            found = self.files.get_file_info(
                FileSelector(self.path, recursive=True, allow_not_found=True)
            )
        start, root = self.path.rstrip("/"), self.name.rstrip("/")
        paths = sorted(each.path for each in found if each.type == FileType.File)
        # some systems give paths without the slash that they begin with
        rests = [path[path.find(start.lstrip("/")) + len(start.lstrip("/")) :] for path in paths]
        return [Place(root + rest, start + rest, self.system) for rest in rests]

    def matching(self) -> list[Place]:
        """All files that a pattern matches: *, ? and [...], and ** for folders at any depth."""
        parts = self.path.split("/")
        plain = next(number for number, part in enumerate(parts) if MAGIC.search(part))
        base = "/".join(parts[:plain]) or "/"
        name = self.name[: len(self.name) - len("/".join(parts[plain:]))].rstrip("/")
        pattern = re.compile(_pattern("/".join(parts[plain:])))
        start = len(base.rstrip("/")) + 1
        root = Place(name or ("." if not self.name.startswith("/") else "/"), base, self.system)
        found = [each for each in root.below() if pattern.fullmatch(each.path[start:])]
        if name or self.name.startswith("/"):
            return found
        return [Place(each.name.removeprefix("./"), each.path, each.system) for each in found]

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """A file of pyarrow to read from, at any place."""
        with saying(self.name), self.files.open_input_file(self.path) as file:
            yield file

    def bytes_of(self, start: int, end: int) -> bytes:
        """Bytes from one place in the file to another."""
        with self.opened() as file:
            file.seek(start)
            return bytes(file.read(end - start))

    def state(self) -> tuple[int, int | None]:
        """Size in bytes, and nanoseconds of the last change or None if the system does not say."""
        with saying(self.name):
            found = self.files.get_file_info(self.path)
        return int(found.size or 0), found.mtime_ns

    def write(self, content: Any) -> None:
        """Write a file, as a whole or not at all.

        Args:
            content: its bytes, or a buffer of pyarrow.
        """
        if self.system is None:
            write_whole(self.path, lambda stream: stream.write(content), "a part")
            return
        # object stores show a file when all of it is there
        with saying(self.name), self.system.open_output_stream(self.path) as stream:
            stream.write(content)

    def create(self) -> None:
        """Create the folder, and those that it is in."""
        with saying(self.name):
            self.files.create_dir(self.path, recursive=True)

    def delete(self) -> None:
        """Delete the file."""
        with saying(self.name):
            self.files.delete_file(self.path)


def is_pattern(path: str) -> bool:
    """Whether a path is a pattern of several files."""
    return MAGIC.search(URL.sub("", path)) is not None


@contextmanager
def saying(name: str) -> Iterator[None]:
    """A context in which what a file system says is an error about one file.

    Args:
        name: of the file.

    Raises:
        InputError: the system says something.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        raise InputError(
            f"Expected a file or folder that can be read and written. Received: {name}: {reason}. "
            "Check the path, and who may use it."
        ) from error


def _remote(typed: str, scheme: str) -> tuple[str, Any]:
    """The path of something elsewhere, and its file system."""
    from pyarrow import ArrowException
    from pyarrow.fs import FileSystem, FSSpecHandler, PyFileSystem

    if scheme in NATIVE:
        try:
            system, path = FileSystem.from_uri(typed.replace("gcs://", "gs://"))
        except (ArrowException, OSError, ValueError) as error:
            raise InputError(
                f"Expected a path that can be reached. Received: {typed}: {error}. Check it, and "
                "your credentials."
            ) from error
        return path, system
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise InputError(
            f"Paths of {scheme}:// need fsspec. Received: {typed}. Install it: "
            'pip install "covey[remote]".'
        ) from None
    try:
        system, path = url_to_fs(typed)
    except (ImportError, ValueError, OSError) as error:
        raise InputError(
            f"Expected a path of a kind that fsspec knows. Received: {typed}: {error}."
        ) from error
    return path, PyFileSystem(FSSpecHandler(system))


def _pattern(text: str) -> str:
    """A pattern of paths as a regular expression."""
    found = ""
    for piece in re.split(r"(\*\*/|\*\*|\*|\?|\[[^]]*\])", text):
        if piece == "**/":
            found += "(?:[^/]+/)*"
        elif piece == "**":
            found += ".*"
        elif piece == "*":
            found += "[^/]*"
        elif piece == "?":
            found += "[^/]"
        elif piece.startswith("["):
            found += "[" + piece[1:-1].replace("!", "^", 1) + "]"
        else:
            found += re.escape(piece)
    return found
