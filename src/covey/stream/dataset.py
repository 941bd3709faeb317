"""Parquet files as one long table, read in pieces and in any order."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np

from covey.errors import InputError, counted
from covey.stream.paths import find_files
from covey.table.periods import know_periods
from covey.types import Rows

SLICE = 2**15  # rows that are handed on at once
READ = 2**12  # rows that are decoded at once, from each open row group
BUFFER = 2**16  # bytes of a column that are read at once
OPEN = 2**28  # bytes that row groups which are open at the same time may take
MOST_OPEN = 32  # of them
PAGE = 2_400_000  # bytes that a column of an open row group takes at most: a dictionary and a page
AGAIN = "Write the file again, or leave it out."


@dataclass(frozen=True)
class Piece:
    """A row group of a file.

    Attributes:
        file: number of the file.
        group: number of the row group in it.
        first: number of its first row in the whole table.
        rows: how many it has.
        open_bytes: what it takes to have it open, in bytes of memory.
    """

    file: int
    group: int
    first: int
    rows: int
    open_bytes: int


@dataclass(frozen=True)
class ParquetTable:
    """Files with the same columns, taken for one table.

    Rows are numbered through all files, in the order of their names.

    Attributes:
        files: their paths.
        kinds: the kind of each column that they have: "number", "date", "duration", "text" or, of a
            column without a single value, "empty".
        pieces: row groups that have rows, in order.
    """

    files: tuple[str, ...]
    kinds: dict[str, str]
    pieces: tuple[Piece, ...]

    @classmethod
    def open(cls, paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> Self:
        """Read what the files say of themselves, and no row yet.

        Args:
            paths: as `find_files` takes them.

        Returns:
            The table.

        Raises:
            InputError: a file is missing, damaged, or has other columns than the first one; or
                there are no rows. The message names the file.
        """
        files = find_files(paths)
        kinds: dict[str, str] = {}
        pieces: list[Piece] = []
        first = 0
        for number, path in enumerate(files):
            with reading(path), _opened(path) as file:
                own, metadata = _kinds_of(path, file.schema_arrow), file.metadata
                kinds = _agreed(kinds, own, path, files[0]) if kinds else own
                for group in range(metadata.num_row_groups):
                    described = metadata.row_group(group)
                    if described.num_rows:
                        open_bytes = _open_bytes(described)
                        pieces.append(Piece(number, group, first, described.num_rows, open_bytes))
                        first += described.num_rows
        if not pieces:
            raise InputError(
                f"Expected rows in {files[0]}"
                + (f" and {counted(len(files) - 1, 'more file')}" if len(files) > 1 else "")
                + ". Received none."
            )
        return cls(files, kinds, tuple(pieces))

    def __len__(self) -> int:
        return self.pieces[-1].first + self.pieces[-1].rows

    @property
    def fingerprint(self) -> str:
        """Text that changes when the files do: their names, sizes and row groups are in it."""
        files = [[os.path.basename(path), os.path.getsize(path)] for path in self.files]
        layout = [[piece.file, piece.rows] for piece in self.pieces]
        about = json.dumps([files, sorted(self.kinds.items()), layout])
        return hashlib.sha256(about.encode()).hexdigest()

    def check_columns(self, names: Sequence[str], role: str) -> None:
        """Refuse names of columns that the files do not have, or that come twice.

        Args:
            names: of columns.
            role: which argument named them, for the message.

        Raises:
            InputError: a column is lacking or repeated.
        """
        if lacking := [name for name in names if name not in self.kinds]:
            raise InputError(
                f"`{role}` must name columns of the files. Received {lacking}. {self.files[0]} "
                f"has: {', '.join(self.kinds)}."
            )
        if len(set(names)) < len(names):
            raise InputError(f"`{role}` must name each column once. Received: {list(names)}.")

    def scan(self, columns: Sequence[str]) -> Iterator[tuple[Rows, Any]]:
        """Read all rows once, about in order.

        Args:
            columns: names of the columns that are wanted.

        Yields:
            Numbers of N rows, shape (N,), and the rows as a `pyarrow.Table`.

        Raises:
            InputError: a file cannot be read.
        """
        for together in self._rounds(self.pieces, SLICE):
            yield from self._read(together, columns, 0)

    def middle(self, columns: Sequence[str], count: int) -> Iterator[tuple[Rows, Any]]:
        """Read rows that stand together, from about the middle of the table.

        Args:
            columns: names of the columns that are wanted.
            count: how many rows; fewer if there are fewer.

        Yields:
            Numbers of N rows, shape (N,), and the rows as a `pyarrow.Table`.

        Raises:
            InputError: a file cannot be read.
        """
        import pyarrow as pa

        start = max(len(self) - count, 0) // 2
        # from the beginning of a row group, since what stands before a row in it must be read too
        begun = [piece for piece in self.pieces if piece.first <= start]
        for piece in self.pieces[len(begun) - 1 :]:
            wanted = min(piece.rows, count)
            parts = _Reader(self.files[piece.file], piece, columns).take(wanted)
            numbers = np.arange(piece.first, piece.first + wanted)
            yield numbers, pa.concat_tables(parts, promote_options="permissive")
            count -= wanted
            if not count:
                return

    def shuffled(
        self, columns: Sequence[str], seed: int, number: int, skip: int = 0
    ) -> Iterator[tuple[Rows, Any]]:
        """Read all rows with row groups in random order, several at a time.

        Each slice holds rows of all row groups that are open, in proportion to their sizes, so that
        what stands together in a file is spread over as many rows as these groups have.

        Args:
            columns: names of the columns that are wanted.
            seed: of the order.
            number: of the pass; each has an order of its own.
            skip: rows of the pass to pass over. Most of them are not even read.

        Yields:
            Numbers of N rows, shape (N,), and the rows as a `pyarrow.Table`.

        Raises:
            InputError: a file cannot be read.
        """
        order = np.random.default_rng([seed, number]).permutation(len(self.pieces))
        for together in self._rounds([self.pieces[place] for place in order]):
            rows = sum(piece.rows for piece in together)
            if skip >= rows:
                skip -= rows
                continue
            yield from self._read(together, columns, skip)
            skip = 0

    def _rounds(self, pieces: Sequence[Piece], enough: float = np.inf) -> Iterator[list[Piece]]:
        """Yield row groups to open at the same time: as many as memory allows, or `enough` rows."""
        together: list[Piece] = []
        used = rows = 0
        for piece in pieces:
            full = used + piece.open_bytes > OPEN and len(together) > 1
            if full or len(together) == MOST_OPEN or rows >= enough:
                yield together
                together, used, rows = [], 0, 0
            together.append(piece)
            used += piece.open_bytes
            rows += piece.rows
        yield together

    def _read(
        self, together: Sequence[Piece], columns: Sequence[str], skip: int
    ) -> Iterator[tuple[Rows, Any]]:
        import pyarrow as pa

        readers = [_Reader(self.files[piece.file], piece, columns) for piece in together]
        count = -(-sum(piece.rows for piece in together) // SLICE)
        for number in range(count):
            parts, numbers = [], []
            for piece, reader in zip(together, readers, strict=True):
                start, end = (piece.rows * at // count for at in (number, number + 1))
                parts += reader.take(end - start)
                numbers.append(np.arange(piece.first + start, piece.first + end))
            joined = np.concatenate(numbers)
            if skip >= len(joined):
                skip -= len(joined)
                continue
            table = pa.concat_tables(parts, promote_options="permissive")
            yield joined[skip:], table.slice(skip)
            skip = 0


class _Reader:
    """A row group from its beginning to its end, a few rows at a time."""

    def __init__(self, path: str, piece: Piece, columns: Sequence[str]) -> None:
        self.path = path
        self.batches = _batches(path, piece.group, list(columns))
        self.left: Any = None

    def take(self, count: int) -> list[Any]:
        """The next `count` rows, as tables one after the other."""
        parts = []
        while count:
            if self.left is None:
                with reading(self.path):
                    self.left = next(self.batches, None)
                if self.left is None:
                    raise InputError(
                        f"Expected more rows in {self.path}: it lost some since it was opened. "
                        "Leave files as they are while they are read."
                    )
            part = self.left.slice(0, count)
            parts.append(part)
            count -= len(part)
            self.left = self.left.slice(len(part)) if len(part) < len(self.left) else None
        return parts


def _batches(path: str, group: int, columns: list[str]) -> Iterator[Any]:
    import pyarrow as pa

    with _opened(path) as file:
        for batch in file.iter_batches(READ, row_groups=[group], columns=columns):
            yield pa.Table.from_batches([batch]).select(columns)


@contextmanager
def reading(path: str) -> Iterator[None]:
    """A context in which any failure to read is one of this file, and the error names it.

    Args:
        path: the file, for the message.

    Raises:
        InputError: it cannot be read.
    """
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if not str(path).lower().endswith((".parquet", ".pq")):
            raise InputError(
                f"Rows are streamed from Parquet alone. Received: {path}. Write it as Parquet, as "
                "by pandas.DataFrame.to_parquet, or fit it in memory."
            ) from error
        raise InputError(
            f"Expected a Parquet file. Received: {path}, which cannot be read as one: "
            f"{' '.join(str(error).split())}. {AGAIN}"
        ) from error


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    """A file whose columns are read a little at a time: row groups may be larger than memory."""
    from pyarrow.parquet import ParquetFile

    know_periods()
    if os.path.getsize(path) == 0:
        raise InputError(f"Expected a Parquet file. Received: an empty file, {path}. {AGAIN}")
    metadata = _metadata(path, os.stat(path).st_mtime_ns)
    with ParquetFile(path, metadata=metadata, buffer_size=BUFFER, pre_buffer=False) as file:
        yield file


@lru_cache(maxsize=MOST_OPEN)
def _metadata(path: str, changed: int) -> Any:
    """The footer of a file, kept since it may be long, and each row group is opened alone."""
    from pyarrow.parquet import read_metadata

    return read_metadata(path)


def _open_bytes(group: Any) -> int:
    columns = (group.column(number) for number in range(group.num_columns))
    return sum(min(3 * column.total_uncompressed_size, PAGE) for column in columns)


def _kinds_of(path: str, schema: Any) -> dict[str, str]:
    """The kind of each column, in the order of the file."""
    names = [name for name in schema.names if not name.startswith("__index_level_")]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(
            f"Expected columns of different names in {path}. Received more than one "
            f"{', '.join(map(repr, repeated))}. Rename them."
        )
    return {name: _kind_of(schema.field(name).type) for name in names}


def _kind_of(kind: Any) -> str:
    from pyarrow import types

    if types.is_null(kind):
        return "empty"
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        return "number"
    if types.is_decimal(kind):
        return "number"
    if types.is_timestamp(kind) or types.is_date(kind):
        return "date"
    if types.is_duration(kind):
        return "duration"
    if types.is_time(kind):
        return "time"
    plain = (types.is_string, types.is_large_string, types.is_string_view, types.is_dictionary)
    if any(check(kind) for check in plain):
        return "text"
    return str(kind)  # lists, structures, bytes: of no use, but only if they are asked for


def _agreed(kinds: dict[str, str], own: dict[str, str], path: str, first: str) -> dict[str, str]:
    """The kinds of the columns of two files, or an error if they differ."""
    lacking, new = [n for n in kinds if n not in own], [n for n in own if n not in kinds]
    if lacking or new:
        raise InputError(
            f"Expected the same columns in all files. Received {path} "
            + " and ".join(
                f"{word} {', '.join(map(repr, names))}"
                for word, names in (("without", lacking), ("with", new))
                if names
            )
            + f", unlike {first}. Name the files that belong together."
        )
    for name, kind in kinds.items():
        if own[name] != kind and "empty" not in (own[name], kind):
            raise InputError(
                f"Expected the same kind of column in all files. Received {name!r} as {own[name]} "
                f"in {path}, and as {kind} before. Write the file again with the right type."
            )
    return {name: own[name] if kind == "empty" else kind for name, kind in kinds.items()}
