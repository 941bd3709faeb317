"""Columns of Arrow and Parquet as cells: what pyarrow reads, or a refusal."""

import datetime
import decimal
import io
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from covey import files
from covey.serve import arrow_cells, typed_tables
from covey.serve.bodies import read_table
from covey.serve.refusal import Refusal
from covey.serve.typed_tables import Bounds
from tests.serve.test_bombs import ARROW, BOUNDS, PARQUET, arrow, feather, parquet


def labelled(values, indices, kind=None):
    values = values if isinstance(values, pa.Array) else pa.array(values, kind)
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), values)


def cells(frame, name="a"):
    return frame[name].astype(object).where(frame[name].notna(), None).tolist()


@pytest.mark.parametrize(
    "values",
    [
        pa.array([5, 5, 7]),
        pa.array([5, None, 7]),
        pa.array([2**60 + 1, 5, 7]),
        pa.array([0.5, 0.5, None]),
        pa.array([True, False, True]),
        pa.array(["x", "x", None]),
        pa.array(["x", "a text of more than twelve letters", None]).cast(pa.string_view()),
        pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("2.25")]),
        pa.array([datetime.date(2024, 2, 3), None, datetime.date(2024, 2, 3)]),
    ],
    ids=lambda values: str(values.type),
)
def test_dictionaries_of_all_types_are_their_values(values):
    column = labelled(values, [0, 1, 2, None, 1])
    wanted = column.to_pylist()
    assert wanted == [*values.to_pylist(), None, values[1].as_py()]
    assert cells(read_table(arrow(pa.table({"a": column})), ARROW, BOUNDS)) == wanted


def test_pieces_of_a_column_may_have_their_own_dictionaries():
    pieces = [labelled(["x", "y"], [0, 1]), labelled(["y", "z", "x"], [2, 1, 0])]
    table = pa.table({"a": pa.chunked_array(pieces)})
    assert cells(read_table(arrow(table), ARROW, BOUNDS)) == ["x", "y", "x", "z", "y"]
    groups = parquet(table, row_group_size=2)
    assert cells(read_table(groups, PARQUET, BOUNDS)) == ["x", "y", "x", "z", "y"]


def test_a_dictionary_that_is_added_to_counts_each_time_it_is_put_together():
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    batches = [
        pa.record_batch({"a": labelled([float(n) for n in range(size)], [size - 1])})
        for size in range(1000, 100_001, 1000)
    ]
    with pa.ipc.new_stream(sink, batches[0].schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    assert len(sink.getvalue()) < 2**20
    wanted = [float(size - 1) for size in range(1000, 100_001, 1000)]
    # for each value it and room for it, and an index in each piece
    whole = sum(2 * 8 * size for size in range(1000, 100_001, 1000)) + 4 * 100
    bounds = Bounds(100, whole, frozenset({"a"}))
    assert cells(read_table(sink.getvalue(), ARROW, bounds)) == wanted
    with pytest.raises(Refusal, match="unpacked") as refused:
        read_table(sink.getvalue(), ARROW, Bounds(100, whole - 1, frozenset({"a"})))
    assert refused.value.status == 413


def test_indices_beyond_their_dictionary_are_refused():
    body = arrow(pa.table({"a": labelled(["x", "y"], [0, 1, 0, 1])}))
    indices = np.array([0, 1, 0, 1], np.int32).tobytes()
    assert body.count(indices) == 1
    for wrong in (2, -1, 2**30):
        changed = body.replace(indices, np.array([0, 1, wrong, 1], np.int32).tobytes())
        with pytest.raises(Refusal, match="cannot be read") as refused:
            read_table(changed, ARROW, BOUNDS)
        assert refused.value.status == 400


@pytest.mark.parametrize(("name", "status"), [("a", 422), ("not read", 413)])
def test_a_dictionary_of_nothing_is_refused_whatever_its_length(name, status):
    number = 1_234_567
    body = arrow(pa.table({name: labelled(pa.nulls(number), [0]), "b": [1.0]}), "zstd")
    told = struct.pack("<q", number)
    places = [at for at in range(len(body)) if body[at : at + 8] == told]
    assert len(places) == 3  # of the records, of their column, of its gaps
    for place in places[:2]:
        longer = body[:place] + struct.pack("<q", 2**36) + body[place + 8 :]
        with pytest.raises(Refusal, match="Received") as refused:
            read_table(longer, ARROW, BOUNDS)
        assert refused.value.status in (status, 413)
    with pytest.raises(Refusal, match="null") as refused:
        read_table(arrow(pa.table({"a": labelled(pa.nulls(3), [0])})), ARROW, BOUNDS)
    assert refused.value.status == 422


def test_a_dictionary_that_many_pieces_share_is_looked_at_once(monkeypatch):
    looked = []
    lengths = arrow_cells._lengths
    monkeypatch.setattr(arrow_cells, "_lengths", lambda c: looked.append(len(c)) or lengths(c))
    batch = pa.record_batch({"a": labelled([""] * 1000, [0, 999])})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        for _ in range(50):
            writer.write_batch(batch)
    assert cells(read_table(sink.getvalue(), ARROW, BOUNDS)) == [""] * 100
    assert looked == [1000]


def test_what_does_not_fit_into_memory_is_too_much(monkeypatch):
    for error in (MemoryError(), pa.ArrowMemoryError("malloc of size 1")):

        def fails(table, error=error):
            raise error

        monkeypatch.setattr(typed_tables, "_to_pandas", fails)
        with pytest.raises(Refusal, match="memory") as refused:
            read_table(arrow(pa.table({"a": [1.0]})), ARROW, BOUNDS)
        assert refused.value.status == 413


@pytest.mark.parametrize(("kind", "write"), [(ARROW, arrow), (PARQUET, parquet)])
def test_a_row_that_looks_like_a_total_is_kept(kind, write):
    table = pa.table({"a": ["u", "v", "w", "u", "v", "Total"], "b": [1.0, 2.0, 3.0, 4.0, 5.0, 15]})
    found = read_table(write(table), kind, BOUNDS)
    assert found.to_dict("list") == table.to_pydict()
    assert found.index.tolist() == list(range(6))


PERIOD = """
import io, sys
import pyarrow.parquet as pq
from covey.serve.typed_tables import Bounds, read_typed

body = sys.stdin.buffer.read()
first = pq.read_schema(io.BytesIO(body)).field("a").type
print(first, read_typed(body, "parquet", Bounds(9, 999, frozenset("a")))["a"].astype(str).tolist())
"""


def test_periods_are_dates_also_in_a_process_that_has_not_met_them():
    frame = pd.DataFrame({"a": pd.period_range("2024-01", periods=3, freq="M")})
    table = pa.Table.from_pandas(frame, preserve_index=False)
    assert cells(read_table(arrow(table), ARROW, BOUNDS)) == frame["a"].tolist()
    found = subprocess.run(
        [sys.executable, "-c", PERIOD],
        input=parquet(table),
        capture_output=True,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    # pyarrow takes them for whole numbers at first
    assert found.stdout.decode().split("\n")[0] == "int64 ['2024-01', '2024-02', '2024-03']"


@pytest.mark.parametrize("about", ['{"freq": "no such"}', '{"freq": null}', "[]", "[" * 100_000])
def test_periods_of_nonsense_are_refused(about):
    told = {"ARROW:extension:name": "pandas.period", "ARROW:extension:metadata": about}
    schema = pa.schema([pa.field("a", pa.int64(), metadata=told)])
    with pytest.raises(Refusal, match="cannot be read") as refused:
        read_table(arrow(pa.table([[1, 2]], schema=schema)), ARROW, BOUNDS)
    assert refused.value.status == 400


@pytest.mark.parametrize("name", ["arrow.json", "arrow.opaque", "somebody.else"])
def test_columns_with_another_meaning_are_refused_whether_pyarrow_knows_it_or_not(name):
    storage = pa.string() if name == "arrow.json" else pa.int64()
    about = '{"type_name": "x", "vendor_name": "y"}' if name == "arrow.opaque" else ""
    told = {"ARROW:extension:name": name, "ARROW:extension:metadata": about}
    schema = pa.schema([pa.field("a", storage, metadata=told), pa.field("b", pa.int64())])
    table = pa.table([pa.array([1, 2]).cast(storage), [3, 4]], schema=schema)
    for kind, body in ((ARROW, arrow(table)), (PARQUET, parquet(table))):
        with pytest.raises(Refusal, match=f"'a'.*{name}") as refused:
            read_table(body, kind, BOUNDS)
        assert refused.value.status == 422
        only = Bounds(rows=10, unpacked=1000, names=frozenset("b"))
        assert cells(read_table(body, kind, only), "b") == [3, 4]


def test_booleans_of_a_byte_are_booleans():
    told = {"ARROW:extension:name": "arrow.bool8", "ARROW:extension:metadata": ""}
    schema = pa.schema([pa.field("a", pa.int8(), metadata=told)])
    table = pa.table([pa.array([0, 1, None, -3], pa.int8())], schema=schema)
    for kind, body in ((ARROW, arrow(table)), (PARQUET, parquet(table))):
        found = cells(read_table(body, kind, BOUNDS))
        assert found == [False, True, None, True]
        assert all(cell is None or isinstance(cell, bool) for cell in found)


def test_bytes_after_a_table_are_refused_and_a_stream_that_breaks_off():
    one = arrow(pa.table({"a": [1.0, 0.0]}))
    two = arrow(pa.table({"a": [3.0]}))
    assert one.endswith(b"\xff\xff\xff\xff\0\0\0\0")  # the end of a stream
    assert cells(read_table(one, ARROW, BOUNDS)) == [1.0, 0.0]
    for body, match in (
        (one + two, "after its end"),
        (one + b"\0" * 8, "after its end"),
        (one[:-8], "without its end"),
        (one[:-8] + two, "cannot be read"),
    ):
        with pytest.raises(Refusal, match=match) as refused:
            read_table(body, ARROW, BOUNDS)
        assert refused.value.status == 400


def test_a_stream_of_the_oldest_form_has_another_end():
    sink = io.BytesIO()
    table = pa.table({"a": [1.0, 0.0]})
    options = pa.ipc.IpcWriteOptions(use_legacy_format=True)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    body = sink.getvalue()
    assert cells(read_table(body, ARROW, BOUNDS)) == [1.0, 0.0]
    with pytest.raises(Refusal, match="without its end"):
        read_table(body[:-4], ARROW, BOUNDS)  # it ends with four zeros still


def test_an_arrow_file_is_read_as_its_footer_has_it():
    kind = "application/vnd.apache.arrow.file"
    table = pa.table({"a": pa.chunked_array([[1.0, 2.0], [3.0]])})
    body = feather(table)
    assert cells(read_table(body, kind, BOUNDS)) == [1.0, 2.0, 3.0]
    one = feather(table.slice(0, 2))
    length = int.from_bytes(one[-10:-6], "little")
    footer = one[-10 - length :]  # of the first batch only
    own = int.from_bytes(body[-10:-6], "little")
    less = body[: -10 - own] + footer
    assert pa.ipc.open_file(less).read_all()["a"].to_pylist() == [1.0, 2.0]
    more = one[: -len(footer)] + arrow(pa.table({"a": [3.0]})) + footer
    assert pa.ipc.open_file(more).read_all()["a"].to_pylist() == [1.0, 2.0]
    for wrong, match in ((less, "footer has 1"), (more, "after its end"), (body[:-1], "read")):
        with pytest.raises(Refusal, match=match) as refused:
            read_table(wrong, kind, BOUNDS)
        assert refused.value.status == 400


def nameless(case):
    """Tables of pandas and of others with columns that have no name."""
    x, y = [1.5, 2.0, 2.0], [3.5, 4.0, 5.0]
    if case == "plain":
        return pa.table([x, y], names=["a", ""])
    if case == "taken":
        return pa.table([x, y, x], names=["a", "", "Unnamed: 1"])
    if case == "level":
        return pa.table([x, y], names=["a", "__index_level_0__"])
    index = {
        "index": pd.Index(x),
        "named index": pd.Index(x, name="b"),
        "range": pd.RangeIndex(3, name="b"),
        "two levels": pd.MultiIndex.from_arrays([x, ["u", "v", "w"]]),
    }
    return pa.Table.from_pandas(pd.DataFrame({"a": x, "": y}, index=index[case]))


CASES = ["plain", "taken", "level", "index", "named index", "range", "two levels"]


@pytest.mark.filterwarnings("ignore::covey.errors.CoveyWarning")
@pytest.mark.parametrize("case", CASES)
def test_columns_without_a_name_are_called_as_in_files(case, tmp_path):
    table = nameless(case)
    (tmp_path / "t.parquet").write_bytes(parquet(table))
    wanted = files.read_table(tmp_path / "t.parquet")
    assert any(name.startswith("Unnamed: ") for name in wanted)
    bounds = Bounds(rows=10, unpacked=10_000, names=frozenset(wanted.columns))
    for kind, body in ((ARROW, arrow(table)), (PARQUET, parquet(table))):
        found = read_table(body, kind, bounds)
        stored = [name for name in wanted if name in found]
        assert set(wanted) - set(stored) <= ({"b"} if case == "range" else set())  # is in no column
        assert found[stored].to_dict("list") == wanted[stored].to_dict("list")


@pytest.mark.parametrize("about", ["[", "[]", '{"index_columns": 3}', '{"index_columns": [[], 1]}'])
def test_what_pandas_says_of_its_index_need_not_make_sense(about):
    table = pa.table({"a": [1.0]}).replace_schema_metadata({"pandas": about})
    assert cells(read_table(arrow(table), ARROW, BOUNDS)) == [1.0]
