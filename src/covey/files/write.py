"""Tables to files, by the suffix of the name; and text to files."""

from __future__ import annotations

import io
import json
import math
import os
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from covey.arguments.destination import destination, write_whole
from covey.errors import InputError
from covey.files.source import STDIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["TABLE_SUFFIXES", "writable", "write_table", "write_text"]

PARQUET, FEATHER = (".parquet", ".pq"), (".feather", ".arrow")
LINES, TSV = (".jsonl", ".ndjson"), (".tsv", ".tsv.gz")
TABLE_SUFFIXES = (
    *(".csv", ".csv.gz", ".csv.zip", *TSV),
    *(*PARQUET, *FEATHER, *LINES, ".xlsx"),
)


def write_table(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table in the kind its suffix says, all of it or nothing; the index is left out.

    Args:
        frame: Table of shape (N, F).
        path: File that ends in one of `TABLE_SUFFIXES`, in a folder that exists; a file of that
            name is replaced. "-" is the standard output, which gets CSV.

    Raises:
        InputError: The file cannot be written, or its kind cannot hold the table.
    """
    if path == STDIN:
        text = frame.to_csv(index=False, lineterminator="\n")
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    file = writable(path)
    suffix = _suffix(file, TABLE_SUFFIXES)

    def write(stream: BinaryIO) -> None:
        try:
            _fill(stream, frame, suffix, file)
        except InputError:
            raise
        except (ValueError, TypeError, NotImplementedError) as error:
            raise InputError(
                f"Expected a table that a {suffix} file can hold, for {file}. Received: {error}. "
                "Rename or convert the columns."
            ) from error

    write_whole(path, write, "a table")


def _fill(stream: BinaryIO, frame: pd.DataFrame, suffix: str, file: Path) -> None:
    if suffix in PARQUET:
        frame.to_parquet(stream, index=False)
    elif suffix in FEATHER:
        frame.reset_index(drop=True).to_feather(stream)
    elif suffix in LINES:
        for line in _lines(frame):
            stream.write(line.encode("utf-8"))
    elif suffix == ".xlsx":
        from covey.files.workbook import need_openpyxl

        need_openpyxl()
        content = io.BytesIO()  # what it needs to seek in
        frame.to_excel(content, index=False, engine="openpyxl")
        stream.write(content.getvalue())
    elif suffix == ".csv.zip":
        # No time stamp, so that the same table gives the same bytes.
        member = zipfile.ZipInfo(file.name.removesuffix(".zip"))
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(
                member, frame.to_csv(index=False, lineterminator="\n"), zipfile.ZIP_DEFLATED
            )
    else:
        frame.to_csv(
            stream,
            sep="\t" if suffix in TSV else ",",
            index=False,
            lineterminator="\n",
            compression={"method": "gzip", "mtime": 0} if suffix.endswith(".gz") else None,
        )


def _lines(frame: pd.DataFrame) -> Any:
    """One JSON record for each row, with every digit; null where a value is missing."""
    names = [str(name) for name in frame.columns]
    columns = [_plain(frame.iloc[:, number]) for number in range(len(names))]
    for row in zip(*columns, strict=True):
        record = dict(zip(names, row, strict=True))
        yield json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(column: pd.Series[Any]) -> list[Any]:
    """The cells of a column as JSON has them."""
    cells = column.astype(object).where(column.notna(), None).tolist()
    return [_plain_cell(cell) for cell in cells]


def _plain_cell(cell: Any) -> Any:
    if cell is None or isinstance(cell, bool | int | str):
        return cell
    if isinstance(cell, float):
        if math.isinf(cell):
            raise ValueError("infinity, which JSON has not")
        return cell
    if hasattr(cell, "item"):
        return _plain_cell(cell.item())
    return cell.isoformat() if hasattr(cell, "isoformat") else str(cell)


def write_text(text: str, path: str | os.PathLike[str]) -> None:
    """Write text, all of it or nothing.

    Args:
        text: What to write, as UTF-8.
        path: File in a folder that exists. A file of that name is replaced.

    Raises:
        InputError: The file cannot be written.
    """
    content = text.encode("utf-8")
    write_whole(path, lambda stream: stream.write(content), "text")


def writable(path: str | os.PathLike[str], suffixes: Sequence[str] = TABLE_SUFFIXES) -> Path:
    """Check that a file of some kind can be written, before the work whose result it is to hold.

    Args:
        path: File to be written; "-" is the standard output, which takes tables.
        suffixes: Endings that its name may have.

    Returns:
        The path.

    Raises:
        InputError: The suffix is unknown, the folder is missing or closed to this user, or the path
            is a folder.
    """
    if path == STDIN and ".csv" in suffixes:
        return Path(STDIN)
    file = Path(path)
    _suffix(file, suffixes)
    destination(path)
    return file


def _suffix(file: Path, suffixes: Sequence[str]) -> str:
    for suffix in suffixes:
        if file.name.lower().endswith(suffix):
            return suffix
    raise InputError(
        f"Expected a file name that ends in {', '.join(suffixes)}. Received: {file.name!r}. "
        "Rename it, or convert the file."
    )
