"""One column of text or categories: its labels, and the matrix columns they become."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from dataclasses import asdict, dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from covey.arguments.labels import row_name
from covey.errors import clipped, counted
from covey.table.cells import refuse_holders, shown_cell
from covey.table.vocabulary import ABSENT

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MAX_CATEGORIES = 64  # labels that may each have a column, however rare they are
MOST_CATEGORIES = 256  # if each of them has so many rows:
LEAST_ROWS = 10
IDENTIFIER_ROWS = 20
TEXT, NUMBERS, MERGED = "text", "numbers", "merged"
_FLOAT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_TYPED = "\0"  # before the label of a cell that is a number by its type


@dataclass(frozen=True)
class CategoricalColumn:
    """What training saw in a column of text or categories.

    Attributes:
        name: Name of the column.
        categories: Labels with a matrix column of their own, the most frequent first.
        missing: Whether values were missing, which adds a column that says so.
        labels: "numbers" if the labels may be numbers, so that 1, 1.0 and "1" are one; "text" if
            they are what was written, so that "042" and "42" are two; "merged" in files that were
            written before this was told apart: "042" and 42 are one.
        others: How many rarer labels training saw. They share a matrix column, "name=other", with
            labels that training did not have; if there were none, the latter are a row of zeros.
    """

    name: str
    categories: tuple[str, ...]
    missing: bool = False
    labels: str = NUMBERS
    others: int = 0

    @classmethod
    def learn(cls, name: str, column: pd.Series) -> tuple[Self, Counter[str | None]]:
        """Learn the labels of a column.

        Args:
            name: of the column.
            column: N cells.

        Returns:
            The column, and how many rows have each label; None stands for missing.
        """
        cells = _Cells(column)
        labels = NUMBERS if cells.are_numbers else TEXT
        counts = cells.counts(labels)
        return cls.fit(name, counts, labels), counts

    @classmethod
    def fit(cls, name: str, counts: Counter[str | None], labels: str = NUMBERS) -> Self:
        """Choose the categories from how many rows have each label, and None for missing."""
        ranked = sorted((-count, label) for label, count in counts.items() if label is not None)
        # One label alone says nothing; labels that never repeat tell rows apart, and no more.
        constant, unique = len(ranked) < 2, len(ranked) > IDENTIFIER_ROWS and ranked[0][0] == -1
        kept = [] if constant or unique else ranked
        if len(kept) > MAX_CATEGORIES:
            frequent = [pair for pair in kept[:MOST_CATEGORIES] if -pair[0] >= LEAST_ROWS]
            repeated = [pair for pair in kept[:MAX_CATEGORIES] if pair[0] < -1]
            kept = max(frequent, repeated, key=len)
        missing = bool(ranked) and counts[None] > 0
        others = len(ranked) - len(kept) if kept else 0
        return cls(name, tuple(label for _, label in kept), missing, labels, others)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the matrix columns: "name=label" each, "name=other" and "name is missing"."""
        flag = (f"{self.name} is missing",) if self.missing else ()
        return (*(f"{self.name}={label}" for label in self.categories), *self._rest, *flag)

    @property
    def _rest(self) -> tuple[str, ...]:
        return (f"{self.name}=other",) if self.others else ()

    @property
    def read_as(self) -> str:
        """What its cells are, for people."""
        return f"{len(self.categories)} labels" if self.categories else "labels"

    @property
    def details(self) -> str:
        """What labels training saw, for people."""
        shown = ", ".join(repr(clipped(label, 30)) for label in self.categories[:4])
        count = len(self.categories)
        if not count:
            return "nothing that could be learned from"
        more = f" and {count - 4} more" if count > 4 else ""
        rest = f"; {counted(self.others, 'rarer one')} as one" if self.others else ""
        return f"{shown}{more}{rest}"

    def encode(self, column: pd.Series) -> NDArray[np.float32]:
        """Turn N cells into 0s and 1s of shape (N, len(output_names))."""
        return self.encoded(column)[0]

    def encoded(self, column: pd.Series) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """Turn N cells into 0s and 1s.

        Args:
            column: N cells.

        Returns:
            Array of shape (N, len(output_names)), and the rows whose label has no column.

        Raises:
            InputError: A cell is a list, or holds other values in another way.
        """
        refuse_holders(column)
        place: dict[str | None, int] = {
            unicodedata.normalize("NFC", label): i for i, label in enumerate(self.categories)
        }
        for i, label in enumerate(self.categories):  # of a file that kept blanks around labels
            place.setdefault(unicodedata.normalize("NFC", label.strip()), i)
        rest = len(self.categories) if self.others else -1
        place[None] = len(self.categories) + len(self._rest) if self.missing else -2
        labels, codes = _Cells(column).labels(self.labels)
        places = np.array([place.get(label, -1) for label in labels])[codes]
        new = np.flatnonzero(places == -1)
        if self.others:
            places[new] = rest
        rows = np.flatnonzero(places >= 0)
        matrix = np.zeros((len(codes), len(self.output_names)), dtype=np.float32)
        matrix[rows, places[rows]] = 1.0
        return matrix, new

    def news(self, column: pd.Series, rows: NDArray[np.intp]) -> str:
        """Say which labels training did not have, if it had each of its labels told apart.

        Args:
            column: N cells.
            rows: those whose label has no column, as `encoded` finds them.

        Returns:
            How many there are, and the first; "" if there are none.
        """
        if not len(rows) or not self.categories or self.others:
            return ""
        first = int(rows[0])
        where = row_name(column.index, first)
        return f"{len(rows):,} in {self.name!r}, the first {shown_cell(column, first)} in {where}"

    def to_manifest(self) -> dict[str, Any]:
        """Return the kind, "text", and the attributes, those as in earlier files left out."""
        own = {**asdict(self), "categories": list(self.categories), "kind": "text"}
        earlier = {"labels": MERGED, "others": 0}
        return {name: own[name] for name in own if own[name] != earlier.get(name)}

    @classmethod
    def from_manifest(cls, entry: dict[str, Any]) -> Self:
        """Rebuild a column from what `to_manifest` returned.

        Raises:
            KeyError: An attribute is lacking.
        """
        labels, others = str(entry.get("labels", MERGED)), int(entry.get("others", 0))
        return cls(entry["name"], tuple(entry["categories"]), entry["missing"], labels, others)


class _Cells:
    """The cells of a column: each distinct one as text, and whether it was a number."""

    def __init__(self, column: pd.Series) -> None:
        import pandas as pd

        if column.dtype == object:
            # as texts, since Python takes 1 and True for the same
            column = column.map(_marked, na_action="ignore")
        self.codes, cells = pd.factorize(column)
        self.cells = [_marked(cell) for cell in cells]

    @property
    def are_numbers(self) -> bool:
        """Whether text that looks like a number may be taken for one, and no two become one."""
        texts = [cell for cell in self.cells if _FLOAT.fullmatch(cell)]
        labels = [number_label(text) for text in texts]
        return None not in labels and len(set(labels)) == len(labels)

    def labels(self, how: str) -> tuple[list[str | None], NDArray[np.intp]]:
        """The labels, the last one None for missing; and which each row has."""
        found: list[str | None] = []
        for cell in self.cells:
            if cell.startswith(_TYPED):
                found.append(cell[1:])
            elif cell.strip() in ABSENT:
                found.append(None)
            elif how == TEXT:
                found.append(cell.strip())
            elif how == NUMBERS:
                found.append(number_label(cell.strip()) or cell.strip())
            else:
                found.append(_merged(cell))
        return [*found, None], np.where(self.codes < 0, len(found), self.codes)

    def counts(self, how: str) -> Counter[str | None]:
        """How many rows have each label; None stands for missing."""
        labels, codes = self.labels(how)
        counts: Counter[str | None] = Counter()
        for label, count in zip(labels, np.bincount(codes, minlength=len(labels)), strict=True):
            counts[label] += int(count)
        return counts


def _marked(cell: Any) -> str:
    """A cell as text, with a mark if it is a number by its type."""
    if isinstance(cell, str):  # an accent is a letter's own, or a sign of its own, by the system
        return cell if cell.isascii() else unicodedata.normalize("NFC", cell)
    if isinstance(cell, bool | np.bool_):
        return str(bool(cell))
    if isinstance(cell, Integral):
        return f"{_TYPED}{int(cell)}"
    if isinstance(cell, Real) or hasattr(cell, "as_tuple"):  # a Decimal
        number = float(cell)
        if number.is_integer():
            return f"{_TYPED}{int(number)}"
        return _TYPED + (str(cell) if isinstance(cell, np.floating) else repr(number))
    return str(cell).removesuffix(" 00:00:00")  # of a date


def _merged(text: str) -> str:
    """One spelling for 1, 1.0, "1" and "01", as columns of earlier files have their labels."""
    if len(text) > 40 or not _FLOAT.fullmatch(text):
        return text
    if text.lstrip("+-").isdigit():
        return str(int(text))
    number = float(text)
    if not math.isfinite(number):
        return text
    return str(int(number)) if number.is_integer() else str(number)


def number_label(text: str) -> str | None:
    """One spelling for 1 and 1.0, if text is a number as Python or a CSV file of it has it.

    Args:
        text: of a cell.

    Returns:
        Such as "1", "-2.5"; None for text that is no number, or that another spelling would change,
        such as "042" and "1.50".
    """
    if len(text) > 40 or not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?", text):
        return None
    if re.fullmatch(r"-?(0|[1-9][0-9]*)", text):
        return "0" if text == "-0" else text
    number = float(text)
    if repr(number) != text:
        return None
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else text
