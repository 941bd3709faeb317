"""Paths of files to write: checked before the work, and written as a whole or not at all.

Errors name the path that the user typed, never that of the temporary file.
"""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from covey.errors import InputError, shown

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["destination", "write_whole"]

FULL = "Make room, or choose another place"
CLOSED = "Its folder takes no files of yours: choose another, or change its permissions"
GONE = "Its folder takes no files, or is there no more: choose another, or create it"
ADVICE = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EACCES: CLOSED,
    errno.EPERM: CLOSED,
    errno.EROFS: "Its folder can only be read from: choose another",
    errno.ENOENT: GONE,
    errno.ENOTDIR: GONE,
}


def destination(path: str | os.PathLike[str]) -> Path:
    """Check that a file can be written, before the work whose result it is to hold.

    Args:
        path: File to be written, as the user named it; a link is followed.

    Returns:
        The file itself, at the end of all links.

    Raises:
        InputError: It is no path, its folder is missing or closed to this user, or something other
            than a file is there.
    """
    try:
        typed = os.fsdecode(path)
    except TypeError:
        raise InputError(
            f"Expected the path of a file to write. Received: {shown(path)}."
        ) from None
    if not typed:
        raise InputError(
            "Expected the path of a file to write. Received: an empty text; pass the "
            "name of a file."
        )
    if "\0" in typed:
        raise InputError(
            f"Expected to write a file to {typed!r}. Received: a null byte in its name. Choose "
            "another name."
        )
    try:
        file = Path(os.path.realpath(typed))
        if not file.parent.is_dir():
            raise InputError(
                f"Expected a folder to write {file.name} to. Received: {typed}, and there is no "
                f"folder {file.parent}. Create it first."
            )
        if not os.access(file.parent, os.W_OK | os.X_OK):
            raise InputError(
                f"Expected a folder to write {file.name} to. Received: {typed}, whose folder is "
                "closed to you. Choose another, or change its permissions."
            )
        if file.exists() and not file.is_file():
            what = "a folder" if file.is_dir() else "a device"
            raise InputError(
                f"Expected a file to write. Received: {what}, {typed}. Add a file name."
            )
    except InputError:
        raise
    except (OSError, ValueError) as error:  # such as a name too long
        raise _refusal("a file", typed, error, "Choose another name") from None
    return file


def write_whole(
    path: str | os.PathLike[str],
    fill: Callable[[BinaryIO], Any],
    what: str = "a file",
) -> None:
    """Write a file; it is there as a whole or not at all, and one that was there stays if not.

    Args:
        path: File to be written, as the user named it. The folder must exist; a link is followed.
        fill: Writes the content to a stream.
        what: The content, for messages.

    Raises:
        InputError: The file cannot be written; nothing is left behind then.
    """
    file = destination(path)
    temporary = file.with_name(f".covey-{secrets.token_hex(8)}.tmp")
    try:
        # A plain `open` honours the umask; the private mode of `tempfile` would outlive the rename.
        with temporary.open("xb") as stream:
            fill(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, file)
    except OSError as error:
        advice = ADVICE.get(error.errno or 0, "Choose another place")
        raise _refusal(what, os.fsdecode(path), error, advice) from None
    finally:
        with suppress(OSError):  # an error before this one is the one to report
            temporary.unlink(missing_ok=True)


def _refusal(what: str, typed: str, error: Exception, advice: str) -> InputError:
    reason = getattr(error, "strerror", None) or str(error)  # without the name of the file
    return InputError(f"Expected to write {what} to {typed!r}. Received: {reason}. {advice}.")
