"""One column of a table: what its cells are, and the matrix columns they become.

`decode` tells numbers, dates and durations from text. `NumericColumn` and `CategoricalColumn`
remember what training saw, and encode later cells in the same way.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import asdict, dataclass
from numbers import Complex, Number, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from covey.arguments.labels import row_name
from covey.arguments.numbers import culprit
from covey.errors import InputError, shown
from covey.types import Array, Groups, Mask

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "MAX_CATEGORIES",
    "CategoricalColumn",
    "NumericColumn",
    "clean",
    "column_from_manifest",
    "decode",
    "first_infinity",
    "kind_of",
    "label_counts",
    "listed",
    "refuse_infinity",
    "unclipped",
]

MAX_CATEGORIES = 64
EDGE = 3.0  # what encoded numbers stay below
FAR = 30.0  # encoded numbers are told apart up to here, in spreads
_IDENTIFIER_ROWS = 20
RARE, FEW = 1e-3, 0.01  # probability, and share of the rows, of what is worth a word

# What pandas' `infer_dtype` calls a column -> what it is here; anything else is "text".
_KINDS = (
    dict.fromkeys(("integer", "floating", "mixed-integer-float", "decimal", "boolean"), "number")
    | dict.fromkeys(("datetime64", "datetime", "date"), "date")
    | dict.fromkeys(("timedelta64", "timedelta"), "duration")
    | {"empty": "empty", "complex": "complex"}
)
_PLURAL = {"number": "numbers", "date": "dates", "duration": "durations"}
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def unclipped(encoded: Array) -> Array:
    """Undo the smooth bound of `NumericColumn.encode`: (x - center) / scale, in [-30, 30].

    Args:
        encoded: numbers in [-3, 3], of any shape.

    Returns:
        Array of the same shape.
    """
    most = FAR / np.sqrt(1.0 + (FAR / EDGE) ** 2)
    bounded = np.clip(encoded, -most, most)
    return np.asarray(bounded / np.sqrt(1.0 - (bounded / EDGE) ** 2))


@dataclass(frozen=True)
class NumericColumn:
    """What training saw in a column of numbers, dates or durations (the latter two in days).

    Attributes:
        name: Name of the column.
        center: Median, in the column's unit.
        scale: Interquartile range / 1.349 (the standard deviation if that is 0), in the column's
            unit; 0 if the column is constant, which leaves it out of the matrix.
        missing: Whether values were missing, which adds a column that says so.
        kind: "number", "date" or "duration".
        low: Smallest value, in the column's unit; None in files that were written without it.
        high: Largest value, likewise. Later values are taken as if they were between the two: what
            a network does beyond them, no row has ever checked.
        seen: How many values training saw.
    """

    name: str
    center: float
    scale: float
    missing: bool
    kind: str = "number"
    low: float | None = None
    high: float | None = None
    seen: int = 0

    @classmethod
    def fit(cls, name: str, kind: str, values: Array) -> Self:
        """Learn centre and scale from N values, NaN where missing, at least one of them finite."""
        finite = values[np.isfinite(values)]
        # Powers of two change no digit, and keep squares and differences of extreme values finite.
        exponent = math.frexp(float(np.abs(finite).max()))[1]
        unit = np.ldexp(finite, -exponent)
        low, center, high = np.percentile(unit, [25, 50, 75])
        with np.errstate(over="ignore", under="ignore"):
            scale = np.ldexp((high - low) / 1.349 or unit.std(), exponent)
        limits = np.finfo(np.float64)
        scale = np.clip(scale, limits.tiny, limits.max) if np.ptp(unit) > 0 else 0.0
        missing = len(finite) < len(values)
        seen = float(finite.min()), float(finite.max()), len(finite)
        return cls(name, float(np.ldexp(center, exponent)), float(scale), missing, kind, *seen)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the matrix columns it becomes: at most "name" and "name is missing"."""
        flag = (f"{self.name} is missing",) if self.missing else ()
        return (self.name, *flag) if self.scale else flag

    def encode(self, column: pd.Series) -> NDArray[np.float32]:
        """Turn N cells into shape (N, len(output_names)): (x - center) / scale, in [-3, 3]."""
        return self.scaled(self.read(column))

    def scaled(self, values: Array) -> NDArray[np.float32]:
        """Turn N values into shape (N, len(output_names)), as `encode` does."""
        absent = np.isnan(values)
        if self.low is not None:
            values = np.clip(values, self.low, self.high)
        parts = [absent] if self.missing else []
        if self.scale:
            with np.errstate(over="ignore"):
                # A value that has overflowed or would when squared ends up at 3 all the same.
                z = np.clip((values - self.center) / self.scale, -1e100, 1e100)
            parts.insert(0, np.where(absent, 0.0, z / np.sqrt(1.0 + (z / EDGE) ** 2)))
        matrix = np.empty((len(values), len(parts)), dtype=np.float32)
        for i, part in enumerate(parts):
            matrix[:, i] = part
        return matrix

    def to_manifest(self) -> dict[str, Any]:
        """Return the attributes as JSON values."""
        return asdict(self)

    def beyond(self, values: Array) -> Mask:
        """Which of N values are below, and which above all that training saw, shape (2, N)."""
        if self.low is None or self.high is None or not self.scale:
            return np.zeros((2, len(values)), dtype=bool)
        return np.stack([values < self.low, values > self.high])

    def beyond_in_words(self, values: Array) -> list[str]:
        """Say which of some values are beyond those of training, if chance does not explain it.

        If training rows and these were drawn alike, the c most extreme of all are among these with
        the probability below, whatever the distribution.

        Args:
            values: Array of shape (N,), NaN where missing.

        Returns:
            At most two parts of a sentence.
        """
        counts = self.beyond(values).sum(axis=1)
        if self.low is None or self.high is None or not counts.any():
            return []
        said, new = [], int(np.isfinite(values).sum())
        for count, end, sign, where in (
            (counts[0], self.low, -1, "below {}, the smallest in training"),
            (counts[1], self.high, 1, "above {}, the largest in training"),
        ):
            if not count:
                continue
            rank = np.arange(min(count, 1000))
            chance = np.prod((new - rank) / (self.seen + new - rank))
            # halves, since the difference of two numbers may be none
            far = np.nanmax(sign * (values / 2 - end / 2)) > self.high / 4 - self.low / 4
            if (chance < RARE and count >= FEW * new) or far:
                verb = "has" if count == 1 else "have"
                said.append(f"{count:,} {verb} {self.name!r} {where.format(self._text(end))}")
        return said

    def _text(self, value: float) -> str:
        import pandas as pd

        if self.kind == "date":
            return str(pd.Timestamp(0) + pd.Timedelta(value, "D"))
        if self.kind == "duration":
            return str(pd.Timedelta(value, "D"))
        return f"{value:.15g}" if value.is_integer() else f"{value:.6g}"

    def read(self, column: pd.Series) -> Array:
        """Return N values with NaN where missing; a CSV file may have turned them into text.

        Raises:
            InputError: A cell is infinite, or of another kind than in training.
        """
        values = self._decoded(column)
        refuse_infinity("X", {self.name: first_infinity(column, values)})
        return values

    def _decoded(self, column: pd.Series) -> Array:
        import pandas as pd

        kind, values = decode(column)
        if kind in (self.kind, "empty"):
            return values
        wrong = column.notna()
        if kind == "text":
            text = column.astype(object).map(str, na_action="ignore")
            if self.kind == "number":
                parsed = pd.to_numeric(text, errors="coerce")
            elif self.kind == "date":
                parsed = pd.to_datetime(text, errors="coerce", utc=True, format="ISO8601")
            else:
                parsed = pd.to_timedelta(text, errors="coerce")
            wrong &= parsed.isna()
            if not wrong.any():
                return decode(parsed)[1]
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"{self.name!r} held {_PLURAL[self.kind]} in training and must hold them again. "
            f"Received: {shown(column.iloc[row])} in {row_name(column.index, row)}. Convert it, or "
            "mark such cells as missing."
        )


@dataclass(frozen=True)
class CategoricalColumn:
    """What training saw in a column of text or categories.

    Attributes:
        name: Name of the column.
        categories: Labels with a matrix column of their own, the most frequent first. Any other
            label is a row of zeros.
        missing: Whether values were missing, which adds a column that says so.
    """

    name: str
    categories: tuple[str, ...]
    missing: bool = False

    @classmethod
    def fit(cls, name: str, counts: Counter[str | None]) -> Self:
        """Choose the categories from how many rows have each label, and None for missing."""
        ranked = sorted((-count, label) for label, count in counts.items() if label is not None)
        # One label alone says nothing; labels that never repeat tell rows apart, and no more.
        constant, unique = len(ranked) < 2, len(ranked) > _IDENTIFIER_ROWS and ranked[0][0] == -1
        kept = [] if constant or unique else ranked[:MAX_CATEGORIES]
        missing = bool(ranked) and counts[None] > 0
        return cls(name, tuple(label for _, label in kept), missing)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the matrix columns it becomes: "name=label" each, and "name is missing"."""
        flag = (f"{self.name} is missing",) if self.missing else ()
        return (*(f"{self.name}={label}" for label in self.categories), *flag)

    def encode(self, column: pd.Series) -> NDArray[np.float32]:
        """Turn N cells into 0s and 1s of shape (N, len(output_names))."""
        place: dict[str | None, int] = {label: i for i, label in enumerate(self.categories)}
        if self.missing:
            place[None] = len(self.categories)
        labels, codes = _labels(column)
        places = np.array([place.get(label, -1) for label in labels])[codes]
        rows = np.flatnonzero(places >= 0)
        matrix = np.zeros((len(codes), len(self.output_names)), dtype=np.float32)
        matrix[rows, places[rows]] = 1.0
        return matrix

    def to_manifest(self) -> dict[str, Any]:
        """Return the attributes and the kind, "text", as JSON values."""
        return {**asdict(self), "categories": list(self.categories), "kind": "text"}


def column_from_manifest(entry: dict[str, Any]) -> NumericColumn | CategoricalColumn:
    """Rebuild a column from what its `to_manifest` returned.

    Raises:
        KeyError: An attribute is lacking.
        ValueError: The kind is unknown to this version.
    """
    name, kind, missing = entry["name"], entry["kind"], entry["missing"]
    if kind == "text":
        return CategoricalColumn(name, tuple(entry["categories"]), missing)
    if kind not in _PLURAL:
        raise ValueError(f"unknown kind of column {kind!r}")
    low, high = (None if entry.get(end) is None else float(entry[end]) for end in ("low", "high"))
    center, scale, seen = float(entry["center"]), float(entry["scale"]), int(entry.get("seen", 0))
    return NumericColumn(name, center, scale, missing, kind, low, high, seen)


def clean(column: pd.Series) -> pd.Series:
    """Take empty text as missing: a CSV file cannot tell the two apart."""
    if kind_of(column) != "text":
        return column
    blank = np.array([isinstance(cell, str) and not cell for cell in column])
    return column.mask(blank) if blank.any() else column


def kind_of(column: pd.Series) -> str:
    """Return "number", "date", "duration", "complex", "text", or "empty" for all missing."""
    from pandas.api.types import infer_dtype

    inferred = infer_dtype(column, skipna=True)
    if inferred in ("mixed", "mixed-integer"):
        cells = column.dropna()
        if all(isinstance(cell, Number | np.bool_) for cell in cells):
            imaginary = any(isinstance(c, Complex) and not isinstance(c, Real) for c in cells)
            return "complex" if imaginary else "number"
    return _KINDS.get(inferred, "text")


def decode(column: pd.Series) -> tuple[str, Array]:
    """Return the kind of N cells, and their values of shape (N,), NaN where missing or text."""
    import pandas as pd

    kind, day = kind_of(column), np.timedelta64(1, "D")
    values: Array = np.full(len(column), np.nan)
    try:
        if kind == "number":
            values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        elif kind == "date":
            dates = pd.to_datetime(column, utc=True).to_numpy(dtype="datetime64[us]")
            values = (dates - np.datetime64(0, "us")) / day
        elif kind == "duration":
            values = pd.to_timedelta(column).to_numpy(dtype="timedelta64[us]") / day
    except (OverflowError, ValueError) as error:
        raise InputError(
            f"Cells of {column.name!r} must fit into float64. Received: "
            f"{culprit(column) or error}. Clip or drop them."
        ) from error
    return "empty" if kind != "text" and np.isnan(values).all() else kind, values


def label_counts(column: pd.Series) -> Counter[str | None]:
    """Count the rows that have each label; None stands for missing."""
    labels, codes = _labels(column)
    counts: Counter[str | None] = Counter()
    for label, count in zip(labels, np.bincount(codes, minlength=len(labels)), strict=True):
        counts[label] += int(count)
    return counts


def _labels(column: pd.Series) -> tuple[list[str | None], Groups]:
    """Return the labels of a column, the last one None for missing; and which each row has."""
    import pandas as pd

    if column.dtype == object:
        # As texts, since Python takes 1 and True for the same, and cannot hash a list.
        column = column.map(str, na_action="ignore")
    codes, cells = pd.factorize(column)
    labels: list[str | None] = [_label(str(cell)) for cell in cells]
    return [*labels, None], np.where(codes < 0, len(labels), codes)


def _label(text: str) -> str:
    """Return one spelling for 1, 1.0, "1" and "01": a CSV file may turn each into another."""
    if len(text) > 40 or not _NUMBER.fullmatch(text):
        return text
    if text.lstrip("+-").isdigit():
        return str(int(text))
    number = float(text)
    if not math.isfinite(number):
        return text
    return str(int(number)) if number.is_integer() else str(number)


def first_infinity(column: pd.Series, values: Array) -> str | None:
    """The first row of a column whose value is infinite, for a message; None if there is none."""
    rows = np.flatnonzero(np.isinf(values))
    return row_name(column.index, int(rows[0])) if len(rows) else None


def refuse_infinity(role: str, rows: Mapping[str, str | None]) -> None:
    """Raise an InputError if any column holds infinity.

    Args:
        role: "X" or "Y".
        rows: for each column the first row with infinity, as `first_infinity` gives it, or None.

    Raises:
        InputError: some row is named.
    """
    if found := [f"{name!r} ({row})" for name, row in rows.items() if row]:
        raise InputError(
            f"`{role}` must hold finite numbers. Received infinity in {', '.join(found)}. Take the "
            "logarithm, clip the values, or mark the cells as missing, whichever they mean."
        )


def listed(names: Iterable[str]) -> str:
    """Return names for a message: 'a', 'b'."""
    return ", ".join(repr(name) for name in names)
