"""Columns of Arrow: which hold cells of a table, and what these are without dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

BOOLEANS, PERIODS = "arrow.bool8", "pandas.period"  # types of extensions that hold cells
Check = Callable[[int, int, int], None]


def extension_of(field: Any) -> str | None:
    """The name of the extension that gives a column another meaning, whether it is known or not."""
    import pyarrow as pa

    if isinstance(field.type, pa.BaseExtensionType):
        return str(field.type.extension_name)
    name = (field.metadata or {}).get(b"ARROW:extension:name")
    return None if name is None else name.decode("utf-8", "replace")


def is_cell(kind: Any) -> bool:
    """Whether a column of a type holds numbers, text, booleans or times."""
    import pyarrow as pa

    kind = _storage_type(kind)
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
        if pa.types.is_null(kind):  # nothing, of any number, which no byte stands for
            return False
    plain = pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind)
    return bool(plain or is_text(kind))


def is_text(kind: Any) -> bool:
    """Whether a column of a type holds text, or bytes that may be text."""
    import pyarrow as pa

    one_of = ("string", "large_string", "string_view", "binary", "large_binary", "binary_view")
    return any(getattr(pa.types, f"is_{name}")(kind) for name in one_of)


def unpacked(table: Any, check: Check) -> Any:
    """A sound table without dictionaries.

    Args:
        table: of pyarrow.
        check: refuses too many rows, columns, or bytes of text.

    Raises:
        Refusal: its text, cell by cell, is too much.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    known: dict[Any, tuple[Any, Any, Any]] = {}
    size = 0
    for number, field in enumerate(table.schema):
        chunks = [_storage(chunk) for chunk in table.column(number).chunks]
        if pa.types.is_dictionary(field.type):
            found = [_dictionary(chunk.dictionary, known, check) for chunk in chunks]
            for chunk, (_, _, lengths) in zip(chunks, found, strict=True):
                chunk.indices.validate(full=True)
                if lengths is not None:
                    size += pc.sum(lengths.take(chunk.indices)).as_py() or 0
            check(len(table), len(table.columns), size)
            plain = [
                kept.take(chunk.indices) for chunk, (_, kept, _) in zip(chunks, found, strict=True)
            ]
            kind = plain[0].type if plain else field.type.value_type
            table = table.set_column(number, field.name, pa.chunked_array(plain, kind))
            continue
        for chunk in chunks:
            chunk.validate(full=True)
            if is_text(chunk.type):
                size += pc.sum(_lengths(chunk)).as_py() or 0
        check(len(table), len(table.columns), size)
        if extension_of(field) == BOOLEANS:
            whole = pa.chunked_array(chunks, _storage_type(field.type))
            table = table.set_column(number, field.name, whole.cast(pa.bool_()))
    return table


def _storage(chunk: Any) -> Any:
    import pyarrow as pa

    return chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk


def _storage_type(kind: Any) -> Any:
    import pyarrow as pa

    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _dictionary(values: Any, known: dict[Any, Any], check: Check) -> tuple[Any, Any, Any]:
    """The entries of a dictionary, as they are and as they can be taken, and lengths of text.

    A dictionary that many pieces of a column share is looked at once.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    places = tuple(part.address if part else 0 for part in values.buffers())
    key = (str(values.type), values.offset, len(values), places)
    if key not in known:
        values.validate(full=True)
        lengths = _lengths(values) if is_text(values.type) else None
        kept = values
        if values.type in (pa.string_view(), pa.binary_view()):  # may be of one text, many times
            check(0, 0, pc.sum(lengths).as_py() or 0)
            kept = values.cast(pa.string())
        known[key] = values, kept, lengths  # as long as it is there nothing else has its place
    found: tuple[Any, Any, Any] = known[key]
    return found


def _lengths(cells: Any) -> Any:
    """Bytes of each text, as whole numbers of 64 bits."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if cells.type in (pa.string_view(), pa.binary_view()):  # of which pyarrow tells no lengths
        views = np.frombuffer(cells.buffers()[1], np.int32, 4 * (len(cells) + cells.offset))
        lengths = views.reshape(-1, 4)[cells.offset :, 0].astype(np.int64)
        return pa.array(np.where(cells.is_valid().to_numpy(zero_copy_only=False), lengths, 0))
    return pc.binary_length(cells).cast(pa.int64())
