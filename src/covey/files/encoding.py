"""From the bytes of a text file to its text."""

from __future__ import annotations

import codecs
import re

from covey.errors import InputError
from covey.files.advice import ENCODING
from covey.files.alphabets import likeliest

__all__ = ["decode"]

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
SAMPLE = 1 << 20  # bytes that an encoding is guessed from


def decode(name: str, content: bytes, encoding: str | None) -> tuple[str, str]:
    """Turn bytes into text.

    Args:
        name: What messages call the file.
        content: Its bytes.
        encoding: What the user says; None to recognise it.

    Returns:
        The text, and the encoding where it is not UTF-8 and was recognised; else "".

    Raises:
        InputError: The encoding is unknown or wrong, or the file is no text.
    """
    if encoding is not None:
        return _as_told(name, content, encoding), ""
    for mark, codec, called in MARKS:
        if content.startswith(mark):
            try:
                return content.decode(codec), "" if called == "UTF-8" else called
            except UnicodeDecodeError as error:
                raise _damaged(name, content, error, called) from None
    if b"\0" in content[:SAMPLE]:
        return _without_mark(name, content)
    try:
        return content.decode("utf-8"), ""
    except UnicodeDecodeError as error:
        good = error.start
    if good > 0 and _is_utf8_with_faults(content):
        with_fault = UnicodeDecodeError("utf-8", content, good, good + 1, "no UTF-8")
        raise _damaged(name, content, with_fault, "UTF-8")
    guessed = _guess(content)
    try:
        return content.decode(guessed), guessed
    except UnicodeDecodeError:
        return content.decode("latin-1"), "latin-1"


def _as_told(name: str, content: bytes, encoding: str) -> str:
    try:
        codec = codecs.lookup(encoding)
        "".encode(encoding)  # a LookupError where it is one of bytes to bytes
    except (LookupError, TypeError, ValueError):
        raise InputError(
            "`encoding` must name an encoding of text, for example utf-8, cp1252 or utf-16. "
            f"Received: {encoding!r}."
        ) from None
    try:
        text = content.decode("utf-8-sig" if codec.name == "utf-8" else codec.name)
    except UnicodeDecodeError as error:
        raise _damaged(name, content, error, encoding) from None
    return text.removeprefix("\ufeff")


def _damaged(name: str, content: bytes, error: UnicodeDecodeError, called: str) -> InputError:
    line = content.count(b"\n", 0, error.start) + 1
    return InputError(
        f"Expected text in {called}. Received: {name}, whose line {line} is not "
        f"({content[error.start : error.start + 4]!r}). {ENCODING}"
    )


def _without_mark(name: str, content: bytes) -> tuple[str, str]:
    """Text with zero bytes: UTF-16 without its mark, or a damaged file."""
    sample = content[: SAMPLE // 2 * 2]
    even, odd = sample[::2], sample[1::2]
    for codec, zeros, letters in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if zeros.count(0) > 0.5 * len(zeros) and not letters.count(0):
            try:
                return content.decode(codec), codec.upper()
            except UnicodeDecodeError as error:
                raise _damaged(name, content, error, codec.upper()) from None
    raise zero_bytes(name, content.count(b"\n", 0, content.index(b"\0")) + 1)


def zero_bytes(name: str, line: int) -> InputError:
    """The error for a file with zero bytes.

    Args:
        name: What messages call the file.
        line: Number of the line of the first one, from 1.

    Returns:
        The error.
    """
    return InputError(
        f"Expected a table. Received: {name}, which holds zero bytes (line {line}): it is damaged, "
        "was cut short while it was written, or is no text. Write or fetch it again."
    )


def _is_utf8_with_faults(content: bytes) -> bool:
    """Whether half of what is beyond ASCII is good UTF-8: a file that two programs wrote."""
    sample = content[:SAMPLE]
    text = sample.decode("utf-8", errors="replace")
    bad = text.count("\ufffd")
    good = sum(1 for letter in re.findall(r"[^\x00-\x7f]", text) if letter != "\ufffd")
    # by chance, letters of another encoding are seldom good UTF-8
    return good >= bad


def _guess(content: bytes) -> str:
    sample = content[:SAMPLE]
    # what holds no signs but ASCII says nothing
    lines = b"\n".join(line for line in sample.splitlines() if not line.isascii())
    if len(lines) > 1 << 16:
        lines = lines[: 1 << 16].rpartition(b"\n")[0] or lines  # no letter is cut in two
    if found := likeliest(lines):
        return found
    from charset_normalizer import from_bytes

    best = from_bytes(lines, cp_exclusion=["utf_16", "utf_16_le", "utf_16_be", "utf_32"]).best()
    return "cp1252" if best is None else str(best.encoding).replace("_", "-")
