"""Tables from files, whatever wrote them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from covey.errors import InputError, shown
from covey.files.notes import Notes, say
from covey.files.source import STDIN, Source, open_source, source_of

if TYPE_CHECKING:
    import pandas as pd

    from covey.files.text import TextOptions

__all__ = ["Earlier", "read_source", "read_table"]

CALLED = {
    "parquet": ("a Parquet file", (".parquet", ".pq")),
    "feather": ("an Arrow file", (".feather", ".arrow", ".arrows", ".ipc")),
    "xlsx": ("an Excel workbook", (".xlsx", ".xlsm")),
    "json": ("JSON records", (".json", ".jsonl", ".ndjson")),
}


@dataclass(frozen=True)
class Earlier:
    """What earlier files were like, such as those of training.

    Attributes:
        decimal: Their decimal mark. It counts where a file does not tell its own, as one of a
            single "1.200".
        percentages: Names of columns that they had as text such as "5%". Cells of a workbook that
            show 5%, and hold 0.05, come as this text too.
        with_commas: Names of columns whose numbers keep their decimal comma, since theirs did.
    """

    decimal: str | None = None
    percentages: Collection[str] = ()
    with_commas: Collection[str] = ()


def read_table(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    sep: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    na: Iterable[str] = (),
    sheet: str | None = None,
    earlier: Earlier | None = None,
) -> pd.DataFrame:
    """Read a table: CSV and other text, Parquet, Feather, JSON records or a workbook of Excel.

    What a file is, its content says. In text, the separator, the decimal mark, the encoding, and
    lines above and below the table are recognised. Cells of text files come back as text, numbers
    with a decimal comma in canonical form ("1.234,5" as "1234.5"); other kinds keep their types.

    Args:
        paths: File, or several that make up one table: they have the same columns, in any order.
            Text may be packed (.gz, .zip). "-" is the standard input.
        sep: What separates the cells of text: one letter, "tab" or "space".
        decimal: Decimal mark of text, "." or ",".
        encoding: Encoding of text, for example "cp1252".
        na: Cells that mean "missing", besides empty ones, NA, NaN, null and the like.
        sheet: Name of the sheet of a workbook; the first that holds anything by default.
        earlier: What earlier files were like, such as those of training.

    Returns:
        The table, of shape (N, F), rows numbered from 0. `attrs["covey.decimal"]` is the decimal
        mark that its text had.

    A `CoveyWarning` says in one line what was recognised beyond commas, points and UTF-8, and what
    was left out.

    Raises:
        InputError: A file is missing, damaged, of an unknown kind or no table, or its columns are
            not those of the first one; or an option is wrong.
    """
    from covey.files.numerals import check_decimal
    from covey.files.text import TextOptions

    check_decimal(decimal)
    if sheet is not None and not isinstance(sheet, str):
        raise InputError(f"`sheet` must be the name of a sheet, as text. Received: {shown(sheet)}.")
    marks = _marks(na)
    earlier = earlier or Earlier()
    options = TextOptions(
        sep, decimal, encoding, marks, earlier.decimal, as_written=earlier.with_commas
    )
    listed: list[Any] = (
        list(paths)
        if isinstance(paths, Iterable) and not isinstance(paths, str | bytes | os.PathLike)
        else [paths]
    )
    if not listed:
        raise InputError("Expected at least one file to read. Received none.")
    if sum(1 for each in listed if each == STDIN) > 1:
        raise InputError("Expected the standard input once. Received '-' more than once.")
    frames, read = [], []
    known: dict[bytes, str] = {}  # by what they hold
    for path in listed:
        source, notes = open_source(path), Notes()
        digest = hashlib.sha256(source.content).digest()
        if (twin := known.get(digest)) is not None:
            _check_twin(source.name, twin, notes)
        known[digest] = source.name
        if sheet is not None and source.kind != "xlsx":
            raise InputError(
                f"`sheet` is for workbooks. Received it with {source.name}, which is none. Leave "
                "it out, or read the workbooks alone."
            )
        if source.kind == "xlsx":
            frames.append(_of_workbook(source, options, sheet, earlier.percentages, notes))
        else:
            frames.append(_read(source, options, notes))
        read.append((source.name, notes))
        if len(frames) > 1:
            _check_columns(frames[0], read[0][0], frames[-1], source.name)
    say(read)
    if len(frames) == 1:
        return frames[0]
    import pandas as pd

    names = list(frames[0].columns)
    return pd.concat([frame[names] for frame in frames], ignore_index=True)


def read_source(
    name: str, content: bytes, options: TextOptions, percentages: Collection[str] = ()
) -> pd.DataFrame:
    """Read one table from the bytes of its file, as `read_table` does from the file.

    Args:
        name: Path of the file.
        content: Its bytes.
        options: What the user says of text.
        percentages: As in `read_table`.

    Returns:
        The table, of shape (N, F).

    Raises:
        InputError: It is damaged, or no table.
    """
    source, notes = source_of(name, content, name), Notes()
    if source.kind == "xlsx":
        frame = _of_workbook(source, options, None, percentages, notes)
    else:
        frame = _read(source, options, notes)
    say([(name, notes)])
    return frame


def _marks(na: Iterable[str]) -> tuple[str, ...]:
    if isinstance(na, str):
        return (na,)
    marks = tuple(na)
    if not all(isinstance(mark, str) for mark in marks):
        raise InputError(f"`na` must hold text as the cells do. Received: {shown(marks)}.")
    return marks


def _read(source: Source, options: Any, notes: Notes) -> pd.DataFrame:
    from covey.files.text import read_text
    from covey.files.typed import read_arrow, read_json, without_marks

    if source.kind == "text":
        if any(source.suffix in suffixes for _, suffixes in CALLED.values()):
            notes.add("read as what it is, text")
        return read_text(source, options, notes)
    _say_kind(source, notes)
    if source.kind == "json":
        frame = read_json(source, options.encoding, notes)
    else:
        frame = read_arrow(source, notes)
    return without_marks(frame, options.na)


def _of_workbook(
    source: Source, options: Any, sheet: str | None, percentages: Collection[str], notes: Notes
) -> pd.DataFrame:
    from covey.files.typed import without_marks
    from covey.files.workbook import read_workbook

    _say_kind(source, notes)
    return without_marks(read_workbook(source, sheet, percentages, notes), options.na)


def _say_kind(source: Source, notes: Notes) -> None:
    """Note that a file is of another kind than its name says."""
    called, suffixes = CALLED[source.kind]
    if source.suffix not in (*suffixes, ""):
        notes.add(f"read as what it is, {called}")


def _check_twin(name: str, twin: str, notes: Notes) -> None:
    """Refuse a file that is given twice, and say if one is a copy of another."""
    # through links and other spellings too
    if os.path.exists(name) and os.path.exists(twin) and os.path.samefile(name, twin):
        raise InputError(
            f"Expected each file once. Received {name} twice: its rows would count twice, for "
            "training and for testing. Leave it out once."
        )
    notes.add(f"the same, byte by byte, as {twin}: its rows count twice")


def _check_columns(first: pd.DataFrame, first_name: str, other: pd.DataFrame, name: str) -> None:
    """Refuse a file whose columns are not those of the first."""
    lacking = [each for each in first.columns if each not in set(other.columns)]
    more = [each for each in other.columns if each not in set(first.columns)]
    if lacking or more:
        parts = [f"it lacks {shown(lacking)}"] if lacking else []
        parts += [f"it alone has {shown(more)}"] if more else []
        raise InputError(
            f"Expected the columns of {first_name} in each file. Received {name}: "
            f"{' and '.join(parts)}. Rename the columns, or leave the file out."
        )
