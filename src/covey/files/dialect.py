"""How the cells of a text file are separated and quoted."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from covey.errors import InputError
from covey.files.cells import kind

__all__ = [
    "BLANKS",
    "NONE",
    "Dialect",
    "Record",
    "find_dialect",
    "given_dialect",
    "long_cells",
    "records",
    "tabbed",
]

BLANKS = " "  # as a separator: any run of blanks and tabs
NONE = "\x1f"  # in a table of one column
SEPARATORS = (",", ";", "\t", "|")
SELDOM = ("^", "~", "\x01")  # where they cut every line alike
WORDS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": BLANKS, r"\s+": BLANKS}


@dataclass(frozen=True)
class Dialect:
    """How cells are separated and quoted.

    Attributes:
        sep: One letter between cells; a blank stands for any run of blanks.
        quote: What encloses cells that hold the separator.
        escape: What stands before a quote within quotes, where quotes are not doubled.
        blank_before_quote: Whether a quoted cell may follow a blank.
    """

    sep: str
    quote: str = '"'
    escape: str | None = None
    blank_before_quote: bool = False


@dataclass(frozen=True)
class Record:
    """One record of a text file.

    Attributes:
        cells: Its cells, without blanks around; none if the line is empty.
        line: Number of its first line, from 0.
        end: Number of the line after its last.
    """

    cells: list[str]
    line: int
    end: int

    @property
    def filled(self) -> int:
        """How many cells hold something."""
        return sum(map(bool, self.cells))


def given_dialect(sep: str) -> Dialect:
    """The dialect that a user says.

    Args:
        sep: One letter, or a word for it: "tab", "space".

    Returns:
        The dialect.

    Raises:
        InputError: It is no separator.
    """
    letter = WORDS.get(sep.lower(), sep) if isinstance(sep, str) else ""
    if len(letter) != 1 or letter.isalnum() or letter in "\"'\n\r.-+_":
        raise InputError(
            "`sep` must be what separates the cells: one letter such as ',' or ';', or 'tab' or "
            f"'space'. Received: {sep!r}."
        )
    return Dialect(letter)


@contextmanager
def long_cells() -> Iterator[None]:
    """Let the reader of CSV take cells of any length: a swallowed table is a long one."""
    usual = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(usual)


def records(text: str, dialect: Dialect) -> list[Record]:
    """Take lines apart.

    Args:
        text: Whole lines, ended by line feeds.
        dialect: How their cells are separated.

    Returns:
        One record for each line, or for several where a quoted cell holds line feeds.
    """
    found = []
    lines = io.StringIO(tabbed(text) if dialect.sep == BLANKS else text, newline="\n")
    reader = csv.reader(
        lines,
        delimiter="\t" if dialect.sep == BLANKS else dialect.sep,
        quotechar=dialect.quote,
        doublequote=dialect.escape is None,
        escapechar=dialect.escape,
        skipinitialspace=dialect.blank_before_quote,
    )
    line = 0
    for cells in reader:
        found.append(Record([cell.strip() for cell in cells], line, reader.line_num))
        line = reader.line_num
    return found


def tabbed(text: str) -> str:
    """Put one tab for each run of blanks outside of quotes.

    Args:
        text: Lines whose cells are separated by blanks.

    Returns:
        As many lines, whose cells are separated by tabs.
    """
    text = "\n".join(line.strip(" \t") for line in text.split("\n"))
    if '"' not in text:
        return re.sub(r"[ \t]+", "\t", text)
    return re.sub(r'("[^"\n]*")|[ \t]+', lambda found: found[1] or "\t", text)


def find_dialect(sample: str) -> Dialect:
    """The dialect in which the beginning of a file is most like a table.

    Args:
        sample: Whole lines, without comments.

    Returns:
        The dialect; its separator is `NONE` where the lines hold one cell each.
    """
    candidates = [Dialect(sep) for sep in SEPARATORS if sep in sample]
    lines = [line for line in sample.splitlines() if line.strip()]
    candidates += [Dialect(sep) for sep in SELDOM if _cuts_alike(sep, lines)]
    for each in list(candidates):
        if f'{each.sep} "' in sample:
            candidates.append(Dialect(each.sep, blank_before_quote=True))
        if '\\"' in sample:
            # of two that serve as well: "say \"hi\"" is more often meant so than not
            candidates.insert(0, Dialect(each.sep, escape="\\"))
        if '"' not in sample and re.search(rf"(?m)(^|{re.escape(each.sep)})'[^'\n]*'", sample):
            candidates.append(Dialect(each.sep, quote="'"))
    scored = [(_score(sample, each), each) for each in candidates]
    scored.append((_score_single(sample), Dialect(NONE)))
    # a quote behind a backslash that does not end its cell tells more than the shape
    inner = re.search(r'\\"[^",;|\t\n]', sample) is not None
    best, dialect = max(scored, key=lambda pair: (pair[0], inner and pair[1].escape is not None))
    if (best < 0.5 or dialect.sep == NONE) and re.search(r"\S[ \t]+\S", sample):
        in_blanks = Dialect(BLANKS)
        if _score(sample, in_blanks) > best + 0.1:
            return in_blanks
    return dialect


def _cuts_alike(sep: str, lines: list[str]) -> bool:
    """Whether a letter comes as often in every line, and at no beginning or end of a name."""
    counts = {line.count(sep) for line in lines}
    return len(lines) > 1 and len(counts) == 1 and 0 not in counts and all(lines[0].split(sep))


def width_of(found: list[Record]) -> int:
    """How many cells the rows of a table have.

    Args:
        found: The records of a file, with what is above and below the table.

    Returns:
        The width of most records, where wide ones count for more: titles are narrow.
    """
    widths = Counter(len(each.cells) for each in found if each.filled)
    return max(widths, key=lambda width: (widths[width] * min(width, 4), width), default=0)


def _score(sample: str, dialect: Dialect) -> float:
    """How much like a table the lines are, from 0 to 1."""
    try:
        found = [each for each in records(sample, dialect) if any(each.cells)]
    except csv.Error:
        return 0.0
    width = width_of(found)
    rows = [each.cells for each in found if len(each.cells) == width]
    if width < 2 or not rows:
        return 0.0
    worth = [_worth(cell) for row in rows[:200] for cell in row]
    share = sum(worth) / len(worth)
    first = found[0].cells
    # "1,5" below one name is a number, not a row name and a value
    pairs = width == 2 and dialect.sep == ","
    if len(first) == width - 1 and _are_names(first, rows) and not (pairs and any(rows[0][1:])):
        return (len(rows) + 1) / len(found) * share
    if len(first) != width and any(kind(cell) in ("number", "date") for cell in rows[0]):
        share *= 0.3  # values below a line of another width: the names are lacking
    return len(rows) / len(found) * share


def _are_names(first: list[str], rows: list[list[str]]) -> bool:
    """Whether a line is one name short because rows begin with a label or end with a separator."""
    labels = [row[0] for row in rows]
    return all(kind(cell) == "text" for cell in first) and (
        not any(row[-1] for row in rows)
        or labels == [str(number) for number in range(1, len(rows) + 1)]
        or (len(set(labels)) == len(rows) and all(kind(label) == "text" for label in labels))
    )


def _score_single(sample: str) -> float:
    cells = [line.strip() for line in sample.splitlines() if line.strip()][:200]
    if not cells:
        return 0.0
    quoted = re.fullmatch('"[^"]*"', cells[0])
    if any(sep in cells[0] for sep in SEPARATORS) and kind(cells[0]) != "number" and not quoted:
        return 0.0  # several names
    worth = [_worth_alone(cell) for cell in cells]
    return sum(worth) / max(len(worth), 1)


def _worth_alone(cell: str) -> float:
    """How much a line looks as if it were one cell."""
    if re.fullmatch('"[^"]*"', cell):
        return 0.6
    if any(sep in cell for sep in SEPARATORS):
        return 0.5 if kind(cell) == "number" else 0.0
    return 0.2 if "  " in cell else 0.6


def _worth(cell: str) -> float:
    """How much a cell looks as if nothing separated its parts."""
    if "\t" in cell:
        return 0.0
    if ";" in cell or "|" in cell:
        return 0.1
    if kind(cell) != "text":
        return 1.0
    if "  " in cell:
        return 0.2
    return 0.4 if "," in cell else 0.7
