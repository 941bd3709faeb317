"""All rows of a text file at once, as columns of text."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any

from covey.files.dialect import Dialect, records
from covey.table.vocabulary import ABSENT

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["parse", "without_missing"]


def parse(body: str, dialect: Dialect, width: int) -> tuple[list[Any], list[str]]:
    """Take the rows of a table apart.

    Args:
        body: Its lines, without the names.
        dialect: How their cells are separated.
        width: How many cells a row has.

    Returns:
        Its columns, arrays of text of pyarrow without blanks around the cells, null where a cell is
        empty; and the text of the records that have more or fewer cells.

    Raises:
        ValueError: The text cannot be taken apart.
    """
    import pyarrow as pa

    if not body.strip():
        return [pa.chunked_array([], type=pa.string())] * width, []
    if dialect.blank_before_quote:
        columns, others = _parse_slowly(body, dialect, width)
    else:
        columns, others = _parse(body, dialect, width)
    return _trimmed(columns, body, dialect), others


def _parse(body: str, dialect: Dialect, width: int) -> tuple[list[Any], list[str]]:
    import pyarrow as pa
    import pyarrow.csv as pc

    others: list[str] = []

    def skip(row: Any) -> str:
        others.append(row.text)
        return "skip"

    names = [str(number) for number in range(width)]
    content = body.encode("utf-8", "surrogatepass")
    # a block must hold the longest record
    longest = max(map(len, content[: 1 << 20].split(b"\n")))
    table = pc.read_csv(
        pa.BufferReader(content),
        read_options=pc.ReadOptions(column_names=names, block_size=max(1 << 20, 8 * longest)),
        parse_options=pc.ParseOptions(
            delimiter=dialect.sep,
            quote_char=dialect.quote,
            double_quote=dialect.escape is None,
            escape_char=dialect.escape or False,
            newlines_in_values=dialect.quote in body,
            ignore_empty_lines=width > 1,
            invalid_row_handler=skip,
        ),
        convert_options=pc.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=True,
            null_values=[""],
        ),
    )
    return table.columns, others


def _parse_slowly(body: str, dialect: Dialect, width: int) -> tuple[list[Any], list[str]]:
    import pyarrow as pa

    try:
        found = [each for each in records(body, dialect) if each.cells or width == 1]
    except csv.Error as error:
        raise ValueError(str(error)) from error
    lines = body.split("\n")
    others = ["\n".join(lines[row.line : row.end]) for row in found if len(row.cells) != width]
    rows = [row.cells for row in found if len(row.cells) == width]
    columns = [
        pa.chunked_array([pa.array([row[number] or None for row in rows], type=pa.string())])
        for number in range(width)
    ]
    return columns, others


def _trimmed(columns: list[Any], body: str, dialect: Dialect) -> list[Any]:
    """Cells without blanks around, and null where nothing is left."""
    import pyarrow.compute as pc

    sep = dialect.sep
    if not any(each in body for each in (" ", "\u00a0", "\t\n", "\n\t", f"{sep}\t")):
        return columns
    blank = (f"{sep} ", f" {sep}", " \n", "\n ", '" ', ' "', "\t\n", "\n\t", f"{sep}\t", "\u00a0")
    if not body.startswith(" ") and not body.endswith(" ") and not any(b in body for b in blank):
        return columns
    trimmed = [pc.utf8_trim_whitespace(column) for column in columns]
    return [pc.if_else(pc.equal(column, ""), None, column) for column in trimmed]


def without_missing(column: Any, marks: Sequence[str]) -> Any:
    """Null where a cell means that its value is missing.

    Args:
        column: Array of text of pyarrow.
        marks: What means "missing" besides the usual.

    Returns:
        An array of the same length.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = pc.is_in(column, pa.array([*ABSENT, *marks]))
    for mark in marks:
        if pattern := _of_value(mark):
            missing = pc.or_(
                missing, pc.fill_null(pc.match_substring_regex(column, pattern), False)
            )
    return pc.if_else(missing, None, column) if pc.any(missing).as_py() else column


def _of_value(mark: str) -> str:
    """A pattern of the same number, however many zeros follow: -999 and -999.00."""
    if not re.fullmatch(r"[-+]?\d+([.,]\d+)?", mark):
        return ""
    whole, _, fraction = mark.replace(",", ".").partition(".")
    fraction = fraction.rstrip("0")
    rest = rf"[.,]{fraction}0*" if fraction else r"(?:[.,]0*)?"
    return f"^{re.escape(whole)}{rest}$"
