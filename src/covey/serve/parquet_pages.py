"""What the pages of a Parquet file say of their size, read without unpacking any of them.

References:
    Apache Parquet, "File Format" and `parquet.thrift`; Apache Thrift, "Thrift Compact protocol
    encoding".
"""

from __future__ import annotations

from typing import Any

DELTA_BYTE_ARRAY = 7  # text that repeats the text before it, so that a page may hold any amount
MOST_PAGES = 100_000
TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
DEEP = 8  # structs within structs; pages have two


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
        packed, unpacked = header.get(3), header.get(2)
        if (
            not isinstance(packed, int)
            or not isinstance(unpacked, int)
            or min(packed, unpacked) < 0
        ):
            raise ValueError("a page without a size")
        own = header.get(5), header.get(8)
        places = [each.get(place) for each, place in zip(own, (2, 4), strict=True) if each]
        found.append((unpacked, places[0] if places else None))
        at += packed
        if len(found) > MOST_PAGES:
            raise ValueError(f"a column of more than {MOST_PAGES:,} pages")
    return found


def _struct(data: bytes, at: int, deep: int = 0) -> tuple[dict[int, Any], int]:
    """The whole numbers and structs of a struct, by the numbers of their fields, and its end."""
    found: dict[int, Any] = {}
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
        found[field], at = _value(data, at, kind, deep)


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
