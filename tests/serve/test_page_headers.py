"""Headers of pages of Parquet that say one thing to one reader and another to the next."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from covey.serve.bodies import read_table
from covey.serve.parquet_pages import DELTA_BYTE_ARRAY, pages
from covey.serve.refusal import Refusal
from covey.serve.typed_tables import Bounds

PARQUET = "application/vnd.apache.parquet"
# In Thrift's compact protocol: a byte of (step to the field's number << 4 | type), then the value;
# 5 is a number of 32 bits, 6 one of 64, 12 a struct, 0 its end. Numbers are doubled.
BODY = b"pages"
KIND, UNPACKED, PACKED = b"\x15\x00", b"\x15\x0e", b"\x15\x0a"
V1 = b"\x2c\x15\x02\x15\x0e\x00"  # field 5: 1 value, in encoding 7
HONEST = KIND + UNPACKED + PACKED + V1 + b"\x00"


def test_an_honest_header_is_read():
    assert pages(HONEST + BODY, 0, len(HONEST + BODY)) == [(7, DELTA_BYTE_ARRAY)]


@pytest.mark.parametrize(
    "header",
    [
        KIND + UNPACKED + PACKED + b"\x06\x04\x02" + V1.replace(b"\x2c", b"\x3c") + b"\x00",
        KIND + UNPACKED + PACKED + b"\x05\x84\x80\x08\x02" + b"\x05\x0a" + V1[1:] + b"\x00",
        KIND + b"\x16\x0e" + PACKED + V1 + b"\x00",
        KIND + b"\x15\x8e\x80\x80\x80\x20" + PACKED + V1 + b"\x00",
        KIND + UNPACKED + PACKED + V1[:3] + b"\x15\x0e\x06\x04\x00\x00" + b"\x00",
        KIND + UNPACKED + PACKED + V1[:3] + b"\x16\x0e\x00" + b"\x00",
        KIND + UNPACKED + PACKED + b"\x2c\x15\x02\x00" + b"\x00",
        KIND + UNPACKED + PACKED + b"\x2c\x15\x02\x15\x00\x00" + b"\x3c\x15\x02\x35\x0e\x00\x00",
        UNPACKED.replace(b"\x15", b"\x25") + PACKED + V1 + b"\x00",
        b"\x15\x06" + UNPACKED + PACKED + V1 + b"\x00",
        KIND + UNPACKED + PACKED + b"\x00",
    ],
    ids=[
        "the size again, of 64 bits",
        "the size again, by a number beyond 16 bits",
        "the size of 64 bits",
        "the size beyond 32 bits",
        "the encoding again, of 64 bits",
        "the encoding of 64 bits",
        "no encoding",
        "values of both kinds",
        "no kind",
        "the values of the other kind",
        "no values",
    ],
)
def test_a_header_that_can_be_read_in_two_ways_is_refused(header):
    with pytest.raises(ValueError, match="a page"):
        pages(header + BODY, 0, len(header + BODY))


def test_an_encoding_is_not_hidden_by_a_second_field():
    text = ["x" * 1000] * 1000
    sink = io.BytesIO()
    plain = {"compression": "none", "use_dictionary": False}
    how = plain | {"column_encoding": {"a": "DELTA_BYTE_ARRAY"}}
    pq.write_table(pa.table({"a": text}), sink, **how)
    # within the values: 1 value of 3 bytes less of the statistics for a second, wider encoding
    honest = b"\x15\x0e\x15\x06\x15\x06\x1c\x36\x00\x28\xe8\x07xxx"
    hidden = b"\x15\x0e\x15\x06\x15\x06\x06\x04\x00\x3c\x36\x00\x28\xe5\x07"
    assert honest in sink.getvalue()
    body = sink.getvalue().replace(honest, hidden)
    assert pq.read_table(io.BytesIO(body), use_threads=False)["a"].to_pylist() == text
    bounds = Bounds(rows=1000, unpacked=2**19, names=frozenset({"a"}))
    with pytest.raises(Refusal, match="twice") as refused:
        read_table(body, PARQUET, bounds)
    assert refused.value.status == 400


def test_an_old_writer_says_0_where_there_is_no_dictionary():
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": [1.5, 2.5]}), sink, use_dictionary=False)
    body = sink.getvalue()
    length = int.from_bytes(body[-8:-4], "little")
    footer = body[-8 - length : -8]
    # field 9, where pages begin; then 11, where the dictionary does; then 12 one step on
    assert footer.count(b"\x26\x08\x3c") == 1
    footer = footer.replace(b"\x26\x08\x3c", b"\x26\x08\x26\x00\x1c")
    old = body[: -8 - length] + footer + len(footer).to_bytes(4, "little") + b"PAR1"
    assert pq.read_metadata(io.BytesIO(old)).row_group(0).column(0).dictionary_page_offset == 0
    assert pq.read_table(io.BytesIO(old))["a"].to_pylist() == [1.5, 2.5]
    found = read_table(old, PARQUET, Bounds(rows=10, unpacked=2**19, names=frozenset({"a"})))
    assert found["a"].tolist() == [1.5, 2.5]
