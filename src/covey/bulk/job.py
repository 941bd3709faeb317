"""One part of a run: read, predicted, and written as a whole. Each stands by itself, anywhere."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from covey.bulk.layouts import Layout
from covey.bulk.manifest import KEY, REJECTED
from covey.bulk.parquet_rows import ParquetRows
from covey.bulk.parts import Part
from covey.bulk.places import Place
from covey.bulk.predictor import Predictor, features_of
from covey.bulk.rejects import Reject, as_csv, by_trying, unreadable
from covey.errors import InputError, clipped
from covey.files.verdicts import FOOT
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
            size = self.predictor.block
            tables = [table.slice(start, size) for start in range(0, len(table), size)]
        else:
            tables = self._read_parquet(part, own)
        first, blocks = part.first, []
        end = layout.rows - len(layout.foot)  # behind the last row that is none of a footer
        for table in tables:
            numbers = np.arange(first, min(first + len(table), end))
            if len(numbers):
                blocks.append(Block(self._with_keys(table[: len(numbers)], part), numbers))
            first += len(table)
        foot = [
            Reject(row, FOOT.format(layout.foot[row - end]))
            for row in range(max(part.first, end), part.first + part.rows)
        ]
        return Read(blocks, foot, part.rows)

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
        size = self.predictor.block
        blocks = [
            Block(
                self._with_keys(table.slice(start, size), part),
                part.first + places[start : start + size],
            )
            for start in range(0, len(table), size)
        ]
        rejects = [Reject(part.first + row, reason) for row, reason in chunk.broken]
        return Read(blocks, rejects, chunk.rows)

    def _read_parquet(self, part: Part, own: list[str]) -> list[Any]:
        """Rows of a Parquet file; where an earlier part ended, without finding the place again."""
        assert part.rows is not None
        if self._reader is None or not self._reader.reaches(part):
            self._reader = ParquetRows(part, own)
        tables = self._reader.read(part, self.predictor.block)
        if part.last:
            self._reader.close()
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
        for block in read.blocks:
            scored, further = self._score(part, block)
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

    def _score(self, part: Part, block: Block) -> tuple[list[Any], list[Reject]]:
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

        def predict(some: slice) -> pd.DataFrame:
            figures = predictor.seeded(part.input.number, int(rows[some.start]))
            return predictor.predict(model, features.iloc[some], frame.iloc[some], figures)

        done, further = by_trying(predict, rows)
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
        import pyarrow as pa

        predictions = pa.Table.from_pandas(self.predictor.nothing, preserve_index=False)
        columns = {name: pa.array([], kind) for name, kind in self.kept.items()}
        columns |= {name: predictions.column(name) for name in predictions.column_names}
        return pa.table(columns)


def _arrow(frame: pd.DataFrame, part: Part) -> Any:
    import pyarrow as pa

    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except pa.ArrowException as error:
        raise InputError(
            f"Expected columns of one kind each. Received: {part.input.place.name}: "
            f"{clipped(str(error))}. Write it as CSV or Parquet."
        ) from error
