"""One file for a manifest and arrays: JSON and `.npy` in a zip, hashed, atomic, versioned.

```
manifest.json       format, format_version, covey_version, manifest (the caller's), arrays
arrays/<name>.npy   one per array; `arrays` in manifest.json holds its sha256, dtype and shape
```

A file is data, never code: nothing is pickled, so that a file from a stranger is safe to read. (An
array may hold bytes of another library, which this module does not interpret.) Members of the zip
are not compressed: weights hardly compress, equal content gives equal bytes with any version of
zlib, and no member can unpack to more than the size of the file.
"""

import hashlib
import json
import math
import os
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from covey import __version__
from covey.arguments.destination import destination, write_whole
from covey.errors import ArtifactError, InputError, shown
from covey.types import Snapshot

__all__ = ["read", "write"]

_FORMAT = "covey"
_FORMAT_VERSION = 1
_MANIFEST = "manifest.json"
_KINDS = "biufcSUMm"
_AGAIN = "Copy or download the file again, or save the model again."


def write(
    path: str | os.PathLike[str], manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Write a manifest and arrays to one file; the file is there as a whole or not at all.

    Equal content gives equal bytes. A failure leaves an existing file at `path` as it was.

    Args:
        path: where to write. The folder must exist; a link is followed.
        manifest: JSON values under text keys; the order of the keys is not kept.
        arrays: arrays of any shape, of numbers, booleans, dates or fixed-width text. A "/" in a
            name makes a folder in the archive.

    Raises:
        InputError: the file cannot be written, because the disk is full or the folder is not
            writable, for example; `manifest` is not JSON; or an array or its name cannot be
            stored. Nothing is written then.
    """
    destination(path)
    members = _members(manifest, arrays)

    def fill(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, content in members.items():
                entry = zipfile.ZipInfo(name)  # dated 1980, so that equal content gives equal bytes
                entry.create_system, entry.external_attr = 3, 0o644 << 16
                archive.writestr(entry, content)

    write_whole(path, fill, "a Covey file")


def read(path: str | os.PathLike[str]) -> Snapshot:
    """Read back what `write` wrote. Safe on a file from a stranger.

    Args:
        path: the file.

    Returns:
        The manifest and the arrays, each array new, writeable and in C order.

    Raises:
        FileNotFoundError: nothing is there.
        ArtifactError: the file cannot be read, is not Covey's, is damaged or truncated, or
            comes from a newer format.
        InputError: `path` is no path, or an empty one.
    """
    try:
        typed = os.fsdecode(path)
    except TypeError:
        raise InputError(f"Expected the path of a Covey file. Received: {shown(path)}.") from None
    if not typed:
        raise InputError(
            "Expected the path of a Covey file. Received: an empty text; pass the name of a file."
        )
    source = Path(typed)
    try:
        if not source.exists():
            raise FileNotFoundError(
                f"Expected a Covey file at '{source}', and nothing is there. Check the path; "
                f"relative paths start at '{Path.cwd()}'."
            )
        if not source.is_file():
            raise ArtifactError(
                f"Expected a Covey file. Received: '{source}', which is not a file."
            )
        opened = source.open("rb")
    except OSError as error:
        if error.strerror is None:  # one of those raised above
            raise
        raise ArtifactError(
            f"Expected a Covey file that can be read. Received: '{source}': {error.strerror}. "
            "Change its permissions, or copy it."
        ) from None
    with opened as file:
        try:
            return _unpack(source, file)
        except ArtifactError:
            raise
        except Exception as error:
            # zipfile, json and NumPy answer damaged bytes with a dozen kinds of exception.
            raise _damaged(source, f"{type(error).__name__}: {error}") from error


def _members(manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> dict[str, bytes]:
    contents = {}
    entries = {}
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        _check(name, array.dtype)
        buffer = BytesIO()
        np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
        contents[_member(name)] = buffer.getvalue()
        entries[name] = {
            "dtype": array.dtype.str,
            "shape": list(array.shape),
            "sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
        }
    header = {
        "format": _FORMAT,
        "format_version": _FORMAT_VERSION,
        "covey_version": __version__,
        "manifest": dict(manifest),
        "arrays": entries,
    }
    try:
        text = json.dumps(header, sort_keys=True, indent=1, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"Expected a manifest of JSON values: text, finite numbers, true, false, null, lists "
            f"and mappings. Received: {error}. Put numbers that may be NaN into an array."
        ) from error
    return {_MANIFEST: text.encode(), **contents}


def _member(name: str) -> str:
    return f"arrays/{name}.npy"


def _check(name: str, dtype: np.dtype[Any]) -> None:
    if dtype.kind not in _KINDS or not dtype.itemsize:
        raise InputError(
            f"Expected array '{name}' to hold numbers, booleans, dates or fixed-width text. "
            f"Received: dtype {dtype}. Convert it, or put it into the manifest."
        )
    if not _is_storable(name):
        raise InputError(
            f"Expected printable array names, with '/' between parts. Received: {name!r}."
        )


def _is_storable(name: str) -> bool:
    """Whether an array may be called so: no name leads out of the archive, were it unpacked."""
    return name.isprintable() and "\\" not in name and not {"", ".", ".."} & set(name.split("/"))


def _unpack(source: Path, file: BinaryIO) -> Snapshot:
    beginning = file.read(4)
    if not zipfile.is_zipfile(file):
        if beginning == b"PK\x03\x04":
            raise _damaged(source, "the end of the archive is missing, so it was cut short")
        raise _foreign(source, "no zip archive" if beginning else "an empty file")
    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if _MANIFEST not in archive.namelist():
            raise _foreign(source, f"a zip archive without {_MANIFEST}")
        # Overlapping members could still add up to many times the file.
        if sum(member.file_size for member in members) > size:
            raise _damaged(source, "its members claim more bytes than the file has")
        header = _header(source, archive)
        _check_members(source, members, header["arrays"])
        arrays = {
            name: _array(source, name, entry, archive.read(_member(name)))
            for name, entry in header["arrays"].items()
        }
    return Snapshot(dict(header["manifest"]), arrays)


def _header(source: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    content = archive.read(_MANIFEST)
    try:
        header = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _damaged(source, f"{_MANIFEST} is not JSON: {error}") from error
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise _foreign(source, f"a zip archive with the {_MANIFEST} of something else")
    version = header["format_version"]
    if type(version) is not int or version < 1:
        raise _damaged(source, f"its format version is {version!r}")
    if version > _FORMAT_VERSION:
        raise ArtifactError(
            f"Expected a file of format {_FORMAT_VERSION} or older. Received: '{source}', of "
            f"format {version}, written by Covey {header.get('covey_version')!s:.40}; this is "
            f"Covey {__version__}. Upgrade: `pip install --upgrade covey`."
        )
    return header


def _check_members(
    source: Path, members: list[zipfile.ZipInfo], entries: Mapping[str, Any]
) -> None:
    names = [member.filename for member in members]
    expected = {_MANIFEST, *map(_member, entries)}
    if missing := sorted(expected.difference(names)):
        raise _damaged(source, f"it lacks {', '.join(missing)}")
    if bad := sorted(name for name in entries if not _is_storable(name)):
        raise _damaged(source, f"it calls an array {shown(bad[0])}, as Covey never does")
    if len(names) > len(expected):
        raise _damaged(source, "it holds members that its manifest does not list")
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise _damaged(source, "it was compressed, which Covey never does")


def _array(source: Path, name: str, entry: Mapping[str, Any], content: bytes) -> NDArray[Any]:
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise _damaged(source, f"the bytes of array '{name}' do not match their sha256")
    buffer = BytesIO(content)
    layout = np.lib.format.read_magic(buffer)
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(buffer)
    start = buffer.tell()
    # Before NumPy allocates: a header may promise any shape, and `np.load` would believe it.
    if (
        layout != (1, 0)
        or fortran_order
        or dtype.kind not in _KINDS
        or [dtype.str, list(shape)] != [entry["dtype"], entry["shape"]]
        or math.prod(shape) * dtype.itemsize != len(content) - start
    ):
        raise _damaged(source, f"array '{name}' is not of the dtype, shape and size it declares")
    return np.ndarray(shape, dtype, content, start).copy()


def _foreign(source: Path, received: str) -> ArtifactError:
    return ArtifactError(
        f"Expected a Covey file. Received: '{source}', {received}. Pass a file that Covey saved."
    )


def _damaged(source: Path, reason: str) -> ArtifactError:
    return ArtifactError(
        f"Expected a whole Covey file. Received: '{source}', which is damaged: {reason}. {_AGAIN}"
    )
