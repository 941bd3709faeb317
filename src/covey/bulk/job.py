"""One part of a run: read, predicted, and written as a whole. Each stands by itself, anywhere."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from covey.bulk.manifest import KEY, REJECTED
from covey.bulk.parts import READ, Layout, Part, parquet
from covey.bulk.places import Place
from covey.bulk.predictor import BLOCK, Predictor, features_of
from covey.bulk.rejects import Reject, as_csv, by_trying, unreadable
from covey.errors import InputError, clipped
from covey.types import Rows

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Block:
    """Rows of a part.

    Attributes:
        table: of pyarrow, N rows of what is needed.
        rows: their numbers in the file, shape (N,).
    """

    table: Any
    rows: Rows


@dataclass(frozen=True)
class Read:
    """A part that was read.

    Attributes:
        blocks: its rows.
        rejects: rows that are not whole.
        rows: how many there are, whole or not.
    """

    blocks: list[Block]
    rejects: list[Reject]
    rows: int


@dataclass
class Job:
    """What all parts of a run have in common.

    Attributes:
        predictor: the model and what to write of it.
        output: the folder.
        run: fingerprint of the run.
        kept: types of pyarrow of the columns to keep, by name.
        strict: whether a row that cannot be scored is an error.
        keys: for each key of folders, whether its values are whole numbers.
    """

    predictor: Predictor
    output: Place
    run: str
    kept: dict[str, Any]
    strict: bool
    keys: dict[str, bool]
    _reader: Any = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_reader": None}

    def read(self, part: Part, layout: Layout) -> Read:
        """Read the rows of a part.

        Args:
            part: which.
            layout: of its file.

        Returns:
            The rows, in order.

        Raises:
            InputError: the file cannot be read, or was changed.
        """
        part.input.check()
        names = self.predictor.needed(
            self.predictor.loaded(), list({**layout.columns, **self.keys})
        )
        own = [name for name in names if name in layout.columns]
        if layout.text is not None:
            return self._read_text(part, layout, own)
        assert part.rows is not None
        if layout.frame is not None:
            table = _arrow(layout.frame.iloc[part.first : part.first + part.rows][own], part)
            tables = [table.slice(start, BLOCK) for start in range(0, len(table), BLOCK)]
        else:
            tables = self._read_parquet(part, own)
        first, blocks = part.first, []
        for table in tables:
            numbers = np.arange(first, first + len(table))
            blocks.append(Block(self._with_keys(table, part), numbers))
            first += len(table)
        return Read(blocks, [], part.rows)

    def _read_text(self, part: Part, layout: Layout, own: list[str]) -> Read:
        import pyarrow as pa

        assert layout.text is not None
        chunk = layout.text.chunk(part.input.place.bytes_of, part.start, part.end, own)
        table = pa.table({name: chunk.columns[name] for name in own}) if own else None
        if table is None:
            raise InputError(
                f"Expected columns that are needed. Received: {part.input.place.name}."
            )
        places = np.arange(len(table)) if chunk.places is None else np.array(chunk.places, int)
        if len(places) != len(table):
            raise InputError(
                f"Expected rows that can be told apart. Received: {part.input.place.name} from "
                f"byte {part.start:,} on, in which lines and rows do not agree. Complete its "
                "quotes, or write it as Parquet."
            )
        blocks = [
            Block(
                self._with_keys(table.slice(start, BLOCK), part),
                part.first + places[start : start + BLOCK],
            )
            for start in range(0, len(table), BLOCK)
        ]
        rejects = [Reject(part.first + row, reason) for row, reason in chunk.broken]
        return Read(blocks, rejects, chunk.rows)

    def _read_parquet(self, part: Part, own: list[str]) -> list[Any]:
        """Rows of a Parquet file; where the last part ended, without finding the place again."""
        import pyarrow as pa

        assert part.rows is not None
        key = part.input.number, part.first
        if self._reader is None or self._reader[0] != key:
            self._reader = (key, _Rows(part, own))
        rows = self._reader[1]
        wanted = part.rows
        tables = []
        while wanted:
            pieces = rows.take(min(wanted, BLOCK))
            tables.append(pa.concat_tables(pieces))
            wanted -= len(tables[-1])
        self._reader = ((part.input.number, part.first + part.rows), rows)
        if part.last:
            rows.close()
            self._reader = None
        return tables

    def _with_keys(self, table: Any, part: Part) -> Any:
        """A table with what the names of folders say, where it has no such columns itself."""
        import pyarrow as pa

        for name, whole in self.keys.items():
            if name in table.column_names:
                continue
            value = part.input.keys[name]
            kind = pa.int64() if whole else pa.string()
            cell = pa.scalar(None if value is None else int(value) if whole else value, kind)
            table = table.append_column(name, pa.repeat(cell, len(table)))
        return table

    def write(self, part: Part, read: Read) -> dict[str, Any]:
        """Predict the rows of a part and write them; rejects first, and the part last of all.

        Args:
            part: which.
            read: its rows.

        Returns:
            What the part says of itself.

        Raises:
            InputError: a row cannot be scored and the run is strict, or nothing can be written.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        rejects = list(read.rejects)
        self._check_strict(part, rejects)
        tables = []
        for number, block in enumerate(read.blocks):
            scored, further = self._score(part, number, block)
            rejects += further
            self._check_strict(part, further)
            tables += scored
        if not tables:
            tables = [self._nothing()]
        record = {
            **part.about,
            "part": part.name,
            "rows": read.rows,
            "rejected": len(rejects),
            "run": self.run,
        }
        table = pa.concat_tables(tables, promote_options="permissive")
        table = table.replace_schema_metadata({KEY: json.dumps(record)})
        content = pa.BufferOutputStream()
        pq.write_table(table, content)
        if rejects:
            rejects.sort(key=lambda each: each.row)
            folder = self.output / REJECTED
            folder.create()
            (folder / f"{part.name}.csv").write(as_csv(part.input.place.name, rejects))
        part.input.check()
        (self.output / part.name).write(content.getvalue())
        del tables, table, content
        pa.default_memory_pool().release_unused()  # else the process grows for a while
        return record

    def _check_strict(self, part: Part, rejects: list[Reject]) -> None:
        if self.strict and rejects:
            first = min(rejects, key=lambda each: each.row)
            raise InputError(
                f"Expected rows that can all be scored. Received: {part.input.place.name}, row "
                f"{first.row} (from 0): {first.reason} Correct it, or score without `strict`, "
                "which sets such rows aside. Finished parts are kept."
            )

    def _score(self, part: Part, number: int, block: Block) -> tuple[list[Any], list[Reject]]:
        """Predictions of a block, and its rows that have none."""
        model, predictor = self.predictor.loaded(), self.predictor
        frame = block.table.to_pandas(ignore_metadata=True).set_axis(block.rows)
        rejects: list[Reject] = []
        features = features_of(model, frame.drop(columns=self._beside(model, frame)))
        good, unread = unreadable(model, features, 0)
        table, rows = block.table, block.rows
        if unread:
            rejects = [Reject(int(rows[each.row]), each.reason) for each in unread]
            chosen = np.flatnonzero(good)
            table, rows = table.take(chosen), rows[chosen]
            frame, features = frame.iloc[chosen], features.iloc[chosen]
        if not len(rows):
            return [], rejects
        figures = predictor.seeded(part.input.number, int(rows[0]))
        done, further = by_trying(
            lambda some: predictor.predict(model, features.iloc[some], frame.iloc[some], figures),
            rows,
        )
        scored = [self._joined(table.slice(some.start, len(f)), f, part) for some, f in done]
        return scored, rejects + further

    def _beside(self, model: Any, frame: pd.DataFrame) -> list[str]:
        """Keys of folders, which a model without names of columns does not count."""
        named = getattr(model, "feature_names_in_", None) is not None
        return [] if named else [name for name in self.keys if name in frame.columns]

    def _joined(self, table: Any, found: pd.DataFrame, part: Part) -> Any:
        """The columns to keep, then the predictions."""
        import pyarrow as pa

        columns = {}
        for name, kind in self.kept.items():
            column = table.column(name)
            try:
                columns[name] = column if column.type == kind else column.cast(kind)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise InputError(
                    f"Expected {name!r} of one type in all files. Received {column.type} in "
                    f"{part.input.place.name}, and {kind} before: {clipped(str(error))}. Leave it "
                    "out of what is kept, or write it again."
                ) from error
        predictions = pa.Table.from_pandas(found, preserve_index=False)
        for name in predictions.column_names:
            columns[name] = predictions.column(name)
        return pa.table(columns)

    def _nothing(self) -> Any:
        """A table of no rows with the right columns."""
        import pandas as pd
        import pyarrow as pa

        model = self.predictor.loaded()
        names = getattr(model, "feature_names_in_", None)
        empty = np.full((1, model.n_features_in_), np.nan)  # a row without values
        features = empty if names is None else pd.DataFrame(empty, columns=list(names))
        joint = model.predict_distribution(features)
        figures = self.predictor.figures
        found = joint.to_frame() if figures is None else figures.of(joint)
        predictions = pa.Table.from_pandas(found, preserve_index=False).slice(0, 0)
        columns = {name: pa.array([], kind) for name, kind in self.kept.items()}
        columns |= {name: predictions.column(name) for name in predictions.column_names}
        return pa.table(columns)


class _Rows:
    """Rows of a Parquet file from some row on."""

    def __init__(self, part: Part, columns: list[str]) -> None:
        self.name = part.input.place.name
        self.batches = _batches(part, columns)
        self.left: Any = None

    def close(self) -> None:
        """Let go of the file."""
        self.batches.close()
        self.left = None

    def take(self, count: int) -> list[Any]:
        """The next rows, as tables one after the other."""
        import pyarrow as pa

        parts = []
        while count:
            try:
                self.left = next(self.batches, None) if self.left is None else self.left
            except (pa.ArrowException, OSError) as error:
                raise InputError(
                    f"Expected a Parquet file. Received: {self.name}, which "
                    f"cannot be read as one: {clipped(str(error))}. Write the file again."
                ) from error
            if self.left is None:
                raise InputError(
                    f"Expected more rows in {self.name}: it lost some since it "
                    "was opened. Leave files as they are while they are scored."
                )
            part = self.left.slice(0, count)
            parts.append(part)
            count -= len(part)
            self.left = self.left.slice(len(part)) if len(part) < len(self.left) else None
        return parts


def _batches(part: Part, columns: list[str]) -> Generator[Any, None, None]:
    """The rows from the first of a part to the end of its file, some at a time."""
    import pyarrow as pa

    with parquet(part.input) as file:
        groups = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
        begins = np.cumsum([0, *groups])
        start = max(int(np.searchsorted(begins, part.first, side="right")) - 1, 0)
        skip = part.first - int(begins[start])
        for group in range(start, len(groups)):
            for batch in file.iter_batches(READ, row_groups=[group], columns=columns):
                if skip >= len(batch):
                    skip -= len(batch)
                    continue
                yield pa.Table.from_batches([batch]).select(columns).slice(skip)
                skip = 0


def _arrow(frame: pd.DataFrame, part: Part) -> Any:
    import pyarrow as pa

    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except pa.ArrowException as error:
        raise InputError(
            f"Expected columns of one kind each. Received: {part.input.place.name}: "
            f"{clipped(str(error))}. Write it as CSV or Parquet."
        ) from error
