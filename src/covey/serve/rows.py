"""Rows as clients send them, as a table that a model reads; and which of them it cannot read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from covey.errors import InputError, clipped, counted, shown
from covey.serve.refusal import MOST_ROWS, Faults, Refusal
from covey.table import FeatureSchema, NumericColumn
from covey.table.beyond import ABOVE, BELOW, MISSING, Beyond, beyond
from covey.table.category_column import CategoricalColumn
from covey.table.cells import stamps_of
from covey.table.number_column import is_plain
from covey.table.vocabulary import ABSENT
from covey.types import Array

if TYPE_CHECKING:
    import pandas as pd

CELLS = (str, int, float)  # and booleans, which are integers
MOST_NOTES = 50
NEVER = "missing, and never was in training"
ANY_FLOAT = 2**1023  # larger whole numbers have no float


def from_records(records: Sequence[Any], schema: FeatureSchema, most: int) -> pd.DataFrame:
    """A table out of rows as JSON has them.

    Args:
        records: N objects, each with a value for every feature: a number, a text, a boolean or None
            (missing). What else they have is left alone.
        schema: the features.
        most: how many rows are allowed.

    Returns:
        The table, of shape (N, F), in the order of the schema; numbers as float64.

    Raises:
        Refusal: 413 for too many rows; 422 for none, or for rows that lack a feature or hold what
            is no cell.
    """
    check_count(len(records), most)
    names = schema.names
    bad = Faults()
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for number, record in enumerate(records):
        if not isinstance(record, Mapping):
            reason = f"expected an object of features and values. Received: {shown(record)}."
            bad.add(number, None, reason)
            continue
        for name in names:
            cell = record.get(name, ...)
            if (wrong := _wrong(cell)) is not None:
                bad.add(number, name, wrong)
            columns[name].append(cell)
    bad.check()
    return _frame(columns, schema)


def from_columns(columns: Mapping[str, Sequence[Any]], schema: FeatureSchema) -> pd.DataFrame:
    """A table out of its columns, as protocols of tensors have them.

    Args:
        columns: for each feature N values, as in `from_records`.
        schema: the features.

    Raises:
        Refusal: 422 if a feature is lacking, or a value is no cell.
    """
    if lacking := [name for name in schema.names if name not in columns]:
        raise Refusal(422, _lacking(lacking))
    bad = Faults()
    for name in schema.names:
        for number, cell in enumerate(columns[name]):
            if (reason := _wrong(cell)) is not None:
                bad.add(number, name, reason)
    bad.check()
    return _frame({name: list(columns[name]) for name in schema.names}, schema)


def with_cells(targets: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Observed targets as columns of a table, as protocols have them that know but columns.

    Args:
        targets: for some targets N values each: a number, text or None (not observed).

    Raises:
        Refusal: 422 for true and false, which are no numbers, and for what is no cell.
    """
    bad = Faults()
    for name, cells in targets.items():
        for number, cell in enumerate(cells):
            wrong = _wrong(cell)
            if isinstance(cell, bool):
                wrong = f"expected a number or null for a target. Received: {shown(cell)}."
            if wrong is not None:
                bad.add(number, name, wrong)
    bad.check()
    return {name: _series(list(cells)) for name, cells in targets.items()}


def from_table(frame: pd.DataFrame, schema: FeatureSchema, most: int) -> pd.DataFrame:
    """The features of a table from a file.

    Args:
        frame: N rows; further columns are left out.
        schema: the features.
        most: how many rows are allowed.

    Raises:
        Refusal: 413 for too many rows; 422 for none, or if a feature is lacking.
    """
    check_count(len(frame), most)
    present = {str(name): name for name in frame.columns}
    if lacking := [name for name in schema.names if name not in present]:
        raise Refusal(422, _lacking(lacking))
    found = frame[[present[name] for name in schema.names]]
    return found.set_axis(list(schema.names), axis=1).reset_index(drop=True)


def observed(values: Any, targets: tuple[str, ...], count: int, role: str) -> Array:
    """Observed targets as JSON has them.

    Args:
        values: an object of some targets and numbers, for all rows; or one for each row; None for
            nothing.
        targets: D names.
        count: N, how many rows there are.
        role: what messages call it.

    Returns:
        Array of shape (N, D), in target units; NaN where not observed.

    Raises:
        Refusal: 422, with the row and the target.
    """
    found = np.full((count, len(targets)), np.nan)
    if values is None:
        return found
    each = [values] * min(count, 1) if isinstance(values, Mapping) else values
    if not isinstance(each, list) or len(each) not in (
        {1, count} if each is not values else {count}
    ):
        raise Refusal(
            422,
            f"Expected `{role}` to be an object of targets and numbers, or a list of {count}, one "
            f"for each row. Received: {shown(values)}.",
        )
    bad = Faults()
    known = clipped(", ".join(map(repr, targets)))
    for number, one in enumerate(each):
        if not isinstance(one, Mapping):
            reason = f"expected an object of targets and numbers. Received: {shown(one)}."
            bad.add(number, None, reason)
            continue
        for name, value in one.items():
            if name not in targets:
                bad.add(number, name, f"no target of this model; there are {known}.")
            elif value is not None:
                number_like = isinstance(value, int | float) and not isinstance(value, bool)
                if not number_like or _wrong(value) is not None:
                    reason = f"expected a finite number or null. Received: {shown(value)}."
                    bad.add(number, name, reason)
                else:
                    found[number, targets.index(name)] = value
    bad.check()
    if isinstance(values, Mapping):
        found[:] = found[:1]
    return found


def check_count(count: int, most: int) -> None:
    """Refuse no rows, and too many."""
    if not count:
        raise Refusal(422, "Expected one row or more. Received none.")
    if count > most:
        raise Refusal(
            413,
            f"Expected at most {counted(most, 'row')} in a request. Received {count:,}. Send "
            "them in "
            "several requests.",
        )


def problems(frame: pd.DataFrame, schema: FeatureSchema) -> Faults:
    """The cells that are not what their column was in training.

    A fit forgives a few of them in a long column, and takes them for missing. Here each is
    somebody's own row.

    Args:
        frame: table of N rows, with the columns of the schema in order.
        schema: the features.

    Returns:
        Such cells, of each column the first; none if all rows can be used.
    """
    found = Faults()
    for column in schema.columns:
        cells = frame[column.name]
        if is_plain(column) and cells.dtype.kind == "f" and not np.isinf(cells.to_numpy()).any():
            continue
        bad = _unreadable(column, cells)
        for row, reason in islice(bad, MOST_ROWS):
            found.add(row, column.name, reason)
        if next(bad, None) is not None:  # to look at each takes long
            found.leave_off()
    return found


def _unreadable(column: Any, cells: pd.Series) -> Iterator[tuple[int, str]]:
    """Rows of a column whose cell cannot be used, and why; found by halves where reading fails."""
    parts = [(0, cells)]
    while parts:
        start, part = parts.pop()
        try:
            values = _values(column, part) if isinstance(column, NumericColumn) else None
            if values is None:
                column.encode(part)
                continue
        except InputError as error:
            if len(part) == 1:
                yield start, str(error)
                continue
            middle = len(part) // 2
            parts += [(start + middle, part.iloc[middle:]), (start, part.iloc[:middle])]
            continue
        for row in np.flatnonzero(np.isnan(values)).tolist():
            cell = part.iloc[row]
            if not is_absent(cell):
                reason = f"expected what training had here, {column.read_as}. Received: "
                yield start + row, f"{reason}{shown(cell)}."


def canonical(frame: pd.DataFrame, schema: FeatureSchema) -> tuple[pd.DataFrame, bool]:
    """The same cells as numbers and dates, so that what they mean does not depend on other rows.

    Args:
        frame: table of N rows without `problems`.
        schema: the features.

    Returns:
        The table, and whether it may be put below others: text of percentages or durations, say,
        may not, as a column of text is read as a whole.
    """
    changed: dict[str, Any] = {}
    apart = False
    for column in schema.columns:
        cells = frame[column.name]
        if not isinstance(column, NumericColumn) or cells.dtype.kind == "f":
            continue
        if is_plain(column):
            changed[column.name] = column.read(cells).values
        elif column.kind == "date":
            changed[column.name] = stamps_of(column.read(cells).values, "us")
        else:
            apart = True
    return (frame.assign(**changed) if changed else frame), not apart


def _values(column: NumericColumn, cells: Any) -> Array:
    return column.read(cells).values


def notes(
    frame: pd.DataFrame, schema: FeatureSchema, parts: Sequence[slice]
) -> list[list[dict[str, Any]]]:
    """Cells that a model reads otherwise than somebody may think.

    Args:
        frame: table of N rows without `problems`.
        schema: the features.
        parts: the rows of each request.

    Returns:
        For each part and each of the first such cells in it its `row`, counted in the part,
        `column` and `reason`: a label that training did not have, a number beyond those of
        training, or a gap where training had none.
    """
    found: list[list[dict[str, Any]]] = [[] for _ in parts]
    for each in beyond(schema, frame, named=True):
        bounds = np.searchsorted(each.rows, [(part.start, part.stop) for part in parts])
        for noted, part, (first, end) in zip(found, parts, bounds.tolist(), strict=True):
            if first == end:
                continue
            some = each.only(slice(first, min(end, first + MOST_NOTES)))
            noted += [
                {"row": row - part.start, "column": each.column.name, "reason": reason}
                for row, reason in zip(some.rows.tolist(), _reasons(some), strict=True)
            ]
    return [sorted(noted, key=lambda note: note["row"])[:MOST_NOTES] for noted in found]


def _reasons(found: Beyond) -> Iterator[str]:
    """Why each cell is read otherwise than somebody may think."""
    column = found.column
    if isinstance(column, CategoricalColumn):
        for cell, what in zip(found.cells, found.what, strict=True):
            given = f"{shown(cell)} is no label that training had often enough"
            yield f"{NEVER if what == MISSING else given}; it counts as unknown"
        return
    words = {BELOW: "smallest", ABOVE: "largest"}
    for what, value, instead in zip(found.what, found.values, found.taken_for, strict=True):
        end = instead if isinstance(instead, str) else column.text(instead)
        if what == MISSING:
            yield f"{NEVER}; it counts as {end}"
            continue
        yield (
            f"{column.text(float(value))} is {what} {end}, the {words[what]} in training; the "
            "prediction is not checked beyond"
        )


def _frame(columns: dict[str, list[Any]], schema: FeatureSchema) -> pd.DataFrame:
    """A table of cells each of which means the same alone.

    Raises:
        Refusal: 422 if other cells would have to tell which of two numbers a text is.
    """
    import pandas as pd

    bad = Faults()
    for column in schema.columns:
        if not isinstance(column, NumericColumn):
            continue
        cells = columns[column.name]
        for number, cell in enumerate(cells):
            if type(cell) is str and ("." in cell or "," in cell):
                try:
                    cells[number] = column.by_itself(cell)
                except InputError as error:
                    bad.add(number, column.name, str(error))
    bad.check()
    return pd.DataFrame({name: _series(cells) for name, cells in columns.items()})


def _series(cells: list[Any]) -> Any:
    """Numbers as float64, so that nothing has to be found out of them; all else as it is."""
    import pandas as pd

    if all(cell is None or type(cell) in (int, float) for cell in cells):
        if any(type(cell) is int and abs(cell) >= 2**53 for cell in cells):
            return pd.Series(cells, dtype=object)  # a long label
        return np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64)
    return pd.Series(cells, dtype=object)


def _wrong(cell: Any) -> str | None:
    """Why a value of JSON is no cell; None if it is one."""
    if cell is None:
        return None
    if cell is ...:
        return "this feature is lacking; send null where its value is not known."
    if not isinstance(cell, CELLS):
        return f"expected a number, text, true, false or null. Received: {shown(cell)}."
    if isinstance(cell, float) and not math.isfinite(cell):
        return f"expected a finite number, or null if it is not known. Received: {cell}."
    if isinstance(cell, int) and abs(cell) > ANY_FLOAT:
        return "expected a number that fits into 64 bits. Received: a longer one."
    return None


def is_absent(cell: Any) -> bool:
    """Whether a cell says that a value is missing."""
    import pandas as pd

    return bool(pd.isna(cell)) or (isinstance(cell, str) and cell.strip() in ABSENT)


def _lacking(names: list[str]) -> str:
    return (
        "Expected all features of the model. Received rows without "
        f"{clipped(', '.join(map(repr, names)))}. Add what is lacking, without values if these are "
        "not known."
    )
