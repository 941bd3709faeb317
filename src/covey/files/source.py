"""The bytes of a file, unpacked, and what kind of table they are: by content, not by suffix."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sys
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from covey.errors import InputError, shown

__all__ = ["STDIN", "Source", "open_source", "source_of"]

STDIN = "-"
JSON = (".json", ".jsonl", ".ndjson")
# How a file begins -> what it is, and what somebody can do who wants to read it.
FOREIGN = (
    (b"\xd0\xcf\x11\xe0", "a workbook of an old Excel (.xls)", "Save it as .xlsx or .csv"),
    (b"%PDF", "a PDF document", "Save the table as .csv"),
    (b"SQLite format 3", "an SQLite database", "Write the table to a .csv or .parquet file"),
    (b"\x89HDF", "an HDF5 file", "Write the table to a .parquet file"),
    (b"\x80\x04", "a pickle, which may hold code", "Write the table to a .parquet file"),
    (b"\x80\x05", "a pickle, which may hold code", "Write the table to a .parquet file"),
    (b"RDX", "data of R", "Write the table by write.csv"),
    (b"$FL2", "an SPSS file", "Save it as .csv"),
    (b"<stata_dta>", "a Stata file", "Save it as .csv"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd", "Unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive", "Unpack it first"),
    (b"Rar!", "a RAR archive", "Unpack it first"),
    (b"\x89PNG", "a picture", "Pass the file of the table"),
    (b"\xff\xd8\xff", "a picture", "Pass the file of the table"),
    (b"\x93NUMPY", "an array of NumPy", "Write the table to a .csv or .parquet file"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file", "Fetch it: git lfs pull"),
    (b"@relation", "an ARFF file", "Save it as .csv"),
)
MARKUP = (
    ((b"<!doctype html", b"<html", b"<head", b"<body", b"<table", b"<script"), "an HTML page"),
    ((b"<?xml", b"<!doctype"), "an XML document"),
)


@dataclass(frozen=True)
class Source:
    """A file as it was read: its name as the user typed it, its bytes and their kind.

    Attributes:
        name: What messages call it.
        suffix: The end of its name in small letters, without that of packing; "" for none.
        content: Its bytes, unpacked.
        kind: "parquet", "feather", "xlsx", "json" or "text".
    """

    name: str
    suffix: str
    content: bytes
    kind: str


def open_source(path: str | os.PathLike[str]) -> Source:
    """Read the bytes of a table.

    Args:
        path: File; or "-", the standard input.

    Returns:
        Its bytes, and what they are.

    Raises:
        InputError: There is no such file, it is a folder, empty or damaged, or no table that Covey
            can read.
    """
    try:
        typed = os.fsdecode(path)
    except TypeError:
        raise InputError(f"Expected the path of a table. Received: {shown(path)}.") from None
    if typed == STDIN:
        return source_of("the standard input", _standard_input(), typed)
    return source_of(typed, _bytes_of(typed), typed)


def source_of(name: str, content: bytes, path: str) -> Source:
    """Unpack the bytes of a table, and tell what they are.

    Args:
        name: What messages call it.
        content: Its bytes, perhaps packed.
        path: Its path, whose end may say what it is.

    Returns:
        Its bytes, and what they are.

    Raises:
        InputError: It is empty or damaged, or no table that Covey can read.
    """
    try:
        content = _unpacked(name, content)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise InputError(
            f"Expected a table. Received: {name}, which cannot be read: it is packed and damaged "
            f"({error}). Fetch or pack it again."
        ) from None
    if not content.strip():
        raise InputError(f"Expected a table. Received: an empty file, {name}. Write it again.")
    suffix = _suffix(path)
    return Source(name, suffix, content, _kind(name, content, suffix))


def _standard_input() -> bytes:
    stream = getattr(sys.stdin, "buffer", None)
    return sys.stdin.read().encode() if stream is None else stream.read()


def _bytes_of(typed: str) -> bytes:
    file = Path(typed)
    try:
        if not file.exists() or file.is_dir():
            found = "a folder" if file.is_dir() else "no such file"
            raise InputError(
                f"Expected a table to read. Received: {found}, {file}. Check the path."
            )
        return file.read_bytes()
    except InputError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"Expected a table to read. Received: {typed!r}: {reason}. Check the path and who may "
            "read it."
        ) from None


def _unpacked(name: str, content: bytes) -> bytes:
    if content.startswith(b"\x1f\x8b"):
        return gzip.decompress(content)
    if content.startswith(b"BZh"):
        return bz2.decompress(content)
    if content.startswith(b"\xfd7zXZ"):
        return lzma.decompress(content)
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _only_member(name, content, archive)
    return content


def _only_member(name: str, content: bytes, archive: zipfile.ZipFile) -> bytes:
    members = [
        each
        for each in archive.namelist()
        if not each.endswith("/") and not each.startswith(("__MACOSX/", "."))
    ]
    if "xl/workbook.xml" in members:
        return content
    if any(each.startswith("xl/") for each in members):
        raise InputError(
            f"Expected a table. Received: {name}, a binary workbook of Excel (.xlsb). Save it as "
            ".xlsx or .csv."
        )
    if "mimetype" in members and b"opendocument" in archive.read("mimetype"):
        raise InputError(
            f"Expected a table. Received: {name}, an OpenDocument file. Save it as .xlsx or .csv."
        )
    if any(each.endswith(".npy") for each in members):
        raise InputError(
            f"Expected a table. Received: {name}, arrays of NumPy. Write the table to a .csv or "
            ".parquet file."
        )
    if len(members) != 1:
        raise InputError(
            f"Expected one table in {name}. Received an archive of {len(members)} files: "
            f"{shown(members)}. Unpack it, and pass the one that you mean."
        )
    try:
        return archive.read(members[0])
    except RuntimeError as error:  # a password
        raise InputError(
            f"Expected a table. Received: {name}, which cannot be unpacked: {error}. Unpack it "
            "first."
        ) from None


def _suffix(typed: str) -> str:
    name = os.path.basename(typed).lower()
    for packing in (".gz", ".zip", ".bz2", ".xz"):
        name = name.removesuffix(packing)
    return os.path.splitext(name)[1]


def _kind(name: str, content: bytes, suffix: str) -> str:
    if content.startswith(b"PAR1"):
        if not content.endswith((b"PAR1", b"PARE")):
            raise InputError(
                f"Expected a table. Received: {name}, a Parquet file that cannot be read as one: "
                "its end is lacking. Write or fetch it again."
            )
        return "parquet"
    if content.startswith((b"ARROW1", b"FEA1", b"\xff\xff\xff\xff")):
        return "feather"
    if content.startswith(b"PK\x03\x04"):
        return "xlsx"
    for magic, what, advice in FOREIGN:
        if content[: len(magic)].lower() == magic.lower():
            raise InputError(f"Expected a table. Received: {name}, {what}. {advice}.")
    head = content[:1000].removeprefix(b"\xef\xbb\xbf").lstrip()
    for starts, what in MARKUP:
        if head.lower().startswith(starts):
            raise InputError(
                f"Expected a table. Received: {name}, {what}, not the table itself. Fetch the file "
                "again by the link to its raw content, or save the table as .csv or .xlsx."
            )
    if head[:1] in (b"{", b"[") and (suffix in JSON or _is_json(head)):
        return "json"
    return "text"


def _is_json(head: bytes) -> bool:
    """Whether what begins with a bracket goes on as JSON: a line of names may be "[s],[m]"."""
    after = head[1:].lstrip()[:1]
    return after in ((b'"', b"}") if head[:1] == b"{" else (b"{", b"[", b"]", b'"'))
