"""What the messages of an Arrow stream say of their size, read without unpacking any of them.

References:
    Apache Arrow, "Serialization and Interprocess Communication (IPC)" and `Message.fbs`;
    FlatBuffers, "FlatBuffer Internals".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

MOST_MESSAGES = 10_000
DICTIONARY, RECORDS = 2, 3  # kinds of messages that have data
HEADER_KIND, HEADER = 1, 2  # fields of a message
NUMBER, DATA, DELTA = 0, 1, 2  # fields of a dictionary: which one, its records, if it is added to
LENGTH, NODES, BUFFERS, COMPRESSION = 0, 1, 2, 3  # fields of records
EACH = 8  # bytes that an entry of a dictionary takes at least, whatever its type
PACKED = 8  # bytes before a packed buffer, which say how long it is unpacked


@dataclass(frozen=True)
class Sizes:
    """How much a stream holds.

    Attributes:
        rows: how many there are.
        unpacked: bytes of all buffers, unpacked. A dictionary that is added to counts again as a
            whole each time, as it is put together again.
        pieces: into how many the rows are divided.
        end: where the stream ends, in bytes from its start.
    """

    rows: int
    unpacked: int
    pieces: int
    end: int


def sizes(stream: Any) -> Sizes:
    """How much a stream holds.

    Args:
        stream: its bytes, a buffer of pyarrow.

    Raises:
        ValueError: a message is none, there are too many, or the stream has no end.
    """
    import pyarrow as pa

    source = pa.BufferReader(stream)
    rows = unpacked = pieces = last = 0
    dictionaries: dict[int, int] = {}
    for count, message in enumerate(pa.ipc.MessageReader.open_stream(source)):
        if count > MOST_MESSAGES:
            raise ValueError(f"a stream of more than {MOST_MESSAGES:,} messages")
        try:
            length, size = _message(bytes(message.metadata), message.body, dictionaries)
        except (struct.error, IndexError, OverflowError) as error:
            raise ValueError(f"a damaged message ({error})") from None
        rows += length
        unpacked += size
        pieces += message.type == "record batch"
        last = source.tell()
    if source.tell() == last:
        raise ValueError("a stream without its end, so that rows may be missing; close its writer")
    return Sizes(rows, unpacked, pieces, source.tell())


def _message(data: bytes, body: Any, dictionaries: dict[int, int]) -> tuple[int, int]:
    """Rows of a message, none for that of a dictionary; and bytes that it has, unpacked."""
    (root,) = struct.unpack_from("<I", data)
    kind_at, table_at = _field(data, root, HEADER_KIND), _field(data, root, HEADER)
    kind = data[kind_at] if kind_at else 0
    if kind not in (DICTIONARY, RECORDS) or not table_at:
        return 0, 0
    table = _target(data, table_at)
    if kind == RECORDS:
        return _records(data, table, body)
    records = _target(data, _field(data, table, DATA))
    entries, size = _records(data, records, body)
    size += EACH * max(entries, _longest(data, records))
    number_at, delta_at = _field(data, table, NUMBER), _field(data, table, DELTA)
    number = struct.unpack_from("<q", data, number_at)[0] if number_at else 0
    if delta_at and data[delta_at]:
        size += dictionaries.get(number, 0)
    dictionaries[number] = size
    return 0, size


def _longest(data: bytes, table: int) -> int:
    """Entries of the longest column of records, which may differ from what the records say."""
    nodes_at = _field(data, table, NODES)
    if not nodes_at:
        return 0
    vector = _target(data, nodes_at)
    (count,) = struct.unpack_from("<I", data, vector)
    starts = range(vector + 4, vector + 4 + 16 * count, 16)
    return max((struct.unpack_from("<q", data, start)[0] for start in starts), default=0)


def _records(data: bytes, table: int, body: Any) -> tuple[int, int]:
    """Rows of records, and bytes of their buffers, unpacked."""
    length_at = _field(data, table, LENGTH)
    length = struct.unpack_from("<q", data, length_at)[0] if length_at else 0
    if length < 0:
        raise ValueError("a message of fewer than no rows")
    packed = bool(_field(data, table, COMPRESSION))
    size = 0
    if buffers_at := _field(data, table, BUFFERS):
        vector = _target(data, buffers_at)
        (count,) = struct.unpack_from("<I", data, vector)
        for number in range(count):
            offset, long = struct.unpack_from("<qq", data, vector + 4 + 16 * number)
            if packed and long >= PACKED:
                (unpacked,) = struct.unpack("<q", bytes(body.slice(offset, PACKED)))
                long = long if unpacked == -1 else unpacked  # -1: left as it was
            if long < 0:
                raise ValueError("a buffer of fewer than no bytes")
            size += long
    return length, size


def _field(data: bytes, table: int, number: int) -> int:
    """Where a field of a table is; 0 if it has none."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    place = 4 + 2 * number
    if vtable < 0 or place + 2 > struct.unpack_from("<H", data, vtable)[0]:
        return 0
    (offset,) = struct.unpack_from("<H", data, vtable + place)
    return table + offset if offset else 0


def _target(data: bytes, at: int) -> int:
    """What a field points to."""
    if not at:
        raise ValueError("a message that lacks a part")
    return int(at + struct.unpack_from("<I", data, at)[0])
