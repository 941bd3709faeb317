"""Small bodies that unpack to much: refused before they are unpacked, in bounded memory."""

import io
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from covey.errors import InputError
from covey.serve.bodies import CSV, read_table
from covey.serve.refusal import Refusal
from covey.serve.typed_tables import Bounds

ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
BOUNDS = Bounds(rows=100_000, unpacked=2**28, names=frozenset({"a", "b"}))


def parquet(table, **how):
    sink = io.BytesIO()
    pq.write_table(table, sink, **how)
    return sink.getvalue()


def arrow(table, compression=None):
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


def repeated_text():
    """A text of 66 kB in each of 100,000 rows: 6.6 GB cell by cell."""
    indices = pa.array(np.zeros(100_000, np.int32))
    return pa.table({"a": pa.DictionaryArray.from_arrays(indices, ["x" * 66_000])})


def bits():
    """A dictionary of 40 million booleans, 5 MB, of which one is used."""
    values = pa.array(np.zeros(40_000_000, bool))
    return pa.table({"a": pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), values)})


def long_column():
    """Half a gigabyte of zeros."""
    return pa.table({"a": pa.array(["\0" * 2**20] * 512)})


def views():
    """100,000 views of one text of 66 kB."""
    view = np.array([66_000, int.from_bytes(b"xxxx", "little"), 0, 0], np.int32)
    buffers = [None, pa.py_buffer(np.tile(view, 100_000)), pa.py_buffer(b"x" * 66_000)]
    return pa.Array.from_buffers(pa.string_view(), 100_000, buffers)


def lied_about(body):
    """The same file, whose footer says that its column unpacks to less."""
    metadata = pq.read_metadata(io.BytesIO(body))
    size = metadata.row_group(0).column(0).total_uncompressed_size
    assert size > 2**28
    told = varint(2 * size)
    place = body.rindex(told)  # in the footer, behind all pages
    return (
        body[:place]
        + varint(2 * 2**27)[:-1].ljust(len(told) - 1, b"\x80")
        + b"\x01"
        + body[place + len(told) :]
    )


def varint(value):
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


BOMBS = {
    "parquet, one text in all rows": (
        PARQUET,
        lambda: parquet(repeated_text(), compression="zstd"),
    ),
    "parquet, zeros": (PARQUET, lambda: parquet(long_column(), compression="zstd")),
    "parquet, zeros, though its footer says less": (
        PARQUET,
        lambda: lied_about(parquet(long_column(), compression="gzip", use_dictionary=False)),
    ),
    "parquet, text by what is before it": (
        PARQUET,
        lambda: parquet(
            pa.table({"a": ["x" * 50_000] * 1000}),
            use_dictionary=False,
            column_encoding={"a": "DELTA_BYTE_ARRAY"},
        ),
    ),
    "arrow, zeros": (ARROW, lambda: arrow(long_column(), "zstd")),
    "arrow, one text in all rows": (ARROW, lambda: arrow(repeated_text(), "lz4")),
    "arrow, a dictionary of bits": (ARROW, lambda: arrow(bits(), "zstd")),
    "arrow, views of one text": (ARROW, lambda: arrow(pa.table({"a": views()}), "zstd")),
    "csv of many columns": (CSV, lambda: b"a" + b",a" * 8_000_000 + b"\n1\n"),
    "csv of many columns between blanks": (CSV, lambda: b"a" + b" a" * 8_000_000 + b"\r1\r"),
    "csv of many lines of an old Mac": (CSV, lambda: b"a\r" * 8_000_000),
}
SCRIPT = """
import pickle, re, sys
from tests.serve.test_bombs import *

def peak():
    # of this process alone: what getrusage counts begins with the peak of the parent
    return int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])

bombs = pickle.load(sys.stdin.buffer)
small = pa.table({"a": [1.0], "b": [2.0]})
for kind, body in ((CSV, b"a,b\\n1,2\\n"), (ARROW, arrow(small)), (PARQUET, parquet(small))):
    read_table(body, kind, BOUNDS)
before = peak()
for name, (kind, body) in bombs.items():
    try:
        read_table(body, kind, BOUNDS)
    except Refusal as refusal:
        print(name, refusal.status, refusal, peak() - before, sep="|")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are in /proc of Linux")
def test_bombs_are_refused_without_their_memory():
    bombs = {name: (kind, make()) for name, (kind, make) in BOMBS.items()}
    assert max(len(body) for _, body in bombs.values()) < 32 * 2**20
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=pickle.dumps(bombs),
        capture_output=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    lines = [line.split("|") for line in found.stdout.decode().splitlines()]
    assert [name for name, *_ in lines] == list(BOMBS)
    for name, status, message, grown in lines:
        assert status == "413", (name, message)
        assert "Expected" in message
        assert "Received" in message
        assert int(grown) < 100_000, (name, grown)  # kB; each of the first holds 500 MB and more


@pytest.mark.parametrize(
    ("kind", "write"),
    [
        (PARQUET, parquet),
        (PARQUET, lambda table: parquet(table, row_group_size=7, compression="zstd")),
        (PARQUET, lambda table: parquet(table, data_page_version="2.0", use_dictionary=False)),
        (ARROW, arrow),
        (ARROW, lambda table: arrow(table, "zstd")),
        ("application/vnd.apache.arrow.file", lambda table: feather(table)),
    ],
)
def test_columns_of_all_types_are_read_as_they_are(kind, write):
    whole = pa.array([2**60 + 1, None, 3] * 7)
    columns = {
        "float": pa.array([0.5, None, 1.5] * 7),
        "whole": whole,
        "text": pa.array(["x", None, "yy"] * 7),
        "large": pa.array(["x", None, "yy"] * 7, pa.large_string()),
        "label": pa.array(["x", None, "yy"] * 7).dictionary_encode(),
        "bytes": pa.array([b"x", None, b"yy"] * 7),
        "true": pa.array([True, None, False] * 7),
        "when": pa.array([0, None, 10**15] * 7, pa.timestamp("us")),
        "a.b": pa.array([1, 2, 3] * 7),
        "a": pa.array([3, 2, 1] * 7),
        "not read": pa.array([[1], None, [2, 3]] * 7),
    }
    bounds = Bounds(100, 2**20, frozenset(columns) - {"not read"})
    found = read_table(write(pa.table(columns)), kind, bounds)
    assert list(found) == [name for name in columns if name != "not read"]
    for name, column in columns.items():
        if name == "not read":
            continue
        wanted = [cell.decode() if isinstance(cell, bytes) else cell for cell in column.to_pylist()]
        got = found[name].astype(object).where(found[name].notna(), None).tolist()
        assert got == wanted, name


def feather(table):
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def test_what_is_no_cell_is_refused_by_name():
    table = pa.table({"a": [[1, 2]], "b": [1.0]})
    for kind, body in ((PARQUET, parquet(table)), (ARROW, arrow(table))):
        with pytest.raises(Refusal, match=r"'a'.*list") as refused:
            read_table(body, kind, BOUNDS)
        assert refused.value.status == 422


def test_damaged_bytes_are_refused_whatever_they_are():
    good = [
        (PARQUET, parquet(pa.table({"a": [1.0, 2.0], "b": ["x", "y"]}))),
        (ARROW, arrow(pa.table({"a": [1.0, 2.0], "b": ["x", "y"]}), "zstd")),
    ]
    random = np.random.default_rng(0)
    refused = 0
    for kind, body in good:
        for _ in range(500):
            changed = bytearray(body)
            for place in random.integers(0, len(body), 3):
                changed[place] = random.integers(0, 256)
            try:
                read_table(bytes(changed), kind, BOUNDS)
            except (Refusal, InputError):
                refused += 1
    assert refused > 100
