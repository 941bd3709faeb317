"""What the pages of a Parquet file say of their size, read without unpacking any of them.

References:
    Apache Parquet, "File Format" and `parquet.thrift`; Apache Thrift, "Thrift Compact protocol
    encoding".
"""

from __future__ import annotations

from typing import Any

DELTA_BYTE_ARRAY = 7  # text that repeats the text before it, so that a page may hold any amount
MOST_PAGES = 100_000
TRUE, FALSE, BYTE, I32, DOUBLE, BINARY, STRUCT = 1, 2, 3, 5, 7, 8, 12  # types of fields
KIND, UNPACKED, PACKED = 1, 2, 3  # fields of a page
VALUES = {0: (5, 2), 3: (8, 4)}  # by kinds of pages: the field of their values, its encoding
DEEP = 8  # structs within structs; pages have two
Fields = dict[int, tuple[int, Any]]  # type and value of each, by their numbers


def pages(body: bytes, start: int, end: int) -> list[tuple[int, int | None]]:
    """The pages of one column in one group of rows.

    Args:
        body: the file.
        start: where the first page begins.
        end: where the last page ends.

    Returns:
        For each page how many bytes it unpacks to, and how its values are encoded (None for a page
        without values).

    Raises:
        ValueError: there are no pages, or there are too many.
    """
    found = []
    at = start
    while at < end:
        header, at = _struct(body, at)
        packed, unpacked = _number(header, PACKED), _number(header, UNPACKED)
        found.append((unpacked, _encoding(header)))
        at += packed
        if len(found) > MOST_PAGES:
            raise ValueError(f"a column of more than {MOST_PAGES:,} pages")
    return found


def _encoding(header: Fields) -> int | None:
    """How the values of a page are encoded; None if it has none."""
    if all(place in header for place, _ in VALUES.values()):
        raise ValueError("a page of two kinds")
    kind = _number(header, KIND)
    if kind not in VALUES:
        return None
    place, encoding = VALUES[kind]
    form, values = header.get(place, (0, None))
    if form != STRUCT:
        raise ValueError("a page without its values")
    return _number(values, encoding)


def _number(fields: Fields, place: int) -> int:
    """A whole number of 32 bits: what has another type is passed over by other readers."""
    kind, value = fields.get(place, (0, None))
    if kind != I32 or not 0 <= value < 2**31:
        raise ValueError("a page without a size, kind or encoding")
    return int(value)


def _struct(data: bytes, at: int, deep: int = 0) -> tuple[Fields, int]:
    """The fields of a struct, and its end."""
    found: Fields = {}
    field = 0
    while True:
        head = _byte(data, at)
        at += 1
        if head == 0:
            return found, at
        kind = head & 15
        if head >> 4:
            field += head >> 4
        else:
            field, at = _whole(data, at)
        # other readers take the last of two, and numbers of 16 bits
        if field in found or not 0 < field < 2**15:
            raise ValueError("a page that has a field twice, or one without a number")
        value, at = _value(data, at, kind, deep)
        found[field] = kind, value


def _value(data: bytes, at: int, kind: int, deep: int) -> tuple[Any, int]:
    if deep > DEEP:
        raise ValueError("structs nested too deeply")
    if kind in (TRUE, FALSE):
        return kind == TRUE, at
    if BYTE < kind < DOUBLE:
        return _whole(data, at)
    if kind == STRUCT:
        return _struct(data, at, deep + 1)
    if kind in (BYTE, DOUBLE):
        return None, at + (1 if kind == BYTE else 8)
    if kind == BINARY:
        length, at = _varint(data, at)
        return None, at + length
    raise ValueError("a page with a header of another form")  # headers of pages hold no lists


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise ValueError("a header without an end")
    return data[at]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    found = shift = 0
    while True:
        part = _byte(data, at)
        at += 1
        found |= (part & 127) << shift
        if part < 128:
            return found, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of too many bytes")


def _whole(data: bytes, at: int) -> tuple[int, int]:
    found, at = _varint(data, at)
    return (found >> 1) ^ -(found & 1), at
