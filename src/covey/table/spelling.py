"""Numbers, booleans and missing values as people write them in text.

One column has one decimal mark and one unit, found from all of its cells. Numbers whose cells
could be read in two ways are read in the one that more cells speak for, and this is said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from covey.table.vocabulary import (
    ABSENT,
    BOOLEANS,
    LETTER_UNITS,
    MARKS,
    MONEY_CODES,
    MONEY_PREFIXES,
    MONEY_SIGNS,
    MONEY_WORDS,
    PERCENT,
    UNITS,
)
from covey.types import Array, Mask

if TYPE_CHECKING:
    import pandas as pd

OTHER_OF = {".": ",", ",": "."}  # decimal marks
NEARLY_ALL = 0.9  # share of the cells that are numbers, or dates, for the column to be read so
MOSTLY = 0.5  # and from which on somebody should know that it is not

NUMBER, NOTHING, MARK, OTHER = range(4)  # what a text is: see `NumberSpelling.read`

_MONEY = rf"(?:[A-Z]{{0,3}}[{MONEY_SIGNS}]|{'|'.join(MONEY_CODES)})"
_CURRENCY = {**MONEY_WORDS, **MONEY_PREFIXES}
_WORD_BEFORE = rf"(?:{'|'.join(_CURRENCY)})(?:\.|(?=\s))"
_WORD_AFTER = rf"(?:{'|'.join(MONEY_WORDS)})\.?"
_BESIDE = "|".join(map(re.escape, UNITS))
_NUMBER = re.compile(
    rf"(?P<sign>[+-]?)(?:\s*(?P<before>{_MONEY}|{_WORD_BEFORE}))?\s*(?P<sign2>[+-]?)"
    r"(?P<body>[0-9](?:[0-9.,']| (?=[0-9]))*|[.,][0-9]+)(?P<power>[eE][+-]?[0-9]+)?"
    r"(?P<whole>(?<=[0-9][.,])-{1,2})?"  # "100,-" is 100 and no cents
    rf"(?P<after>\s*(?:[{PERCENT}]|{_MONEY}|{_WORD_AFTER}|{_BESIDE})|\s+[{''.join(LETTER_UNITS)}])?"
    r"\s*(?P<trailing>-)?"
)
_INFINITY = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_BOUND = re.compile(r"[<>\u2264\u2265~]=?\s*(?=[-+.,0-9])")  # "<0.5": below what can be measured
_SPACES = dict.fromkeys(map(ord, "\u00a0\u202f\u2009\u2007\u2002\u2003\t"), " ")
_DIGITS_OF_OTHERS = {zero + i: str(i) for zero in (0xFF10, 0x0660, 0x06F0) for i in range(10)}
_PLAIN = {
    **_SPACES,
    0x2212: "-",
    0x2013: "-",
    **_DIGITS_OF_OTHERS,
    0x2019: "'",
    0x02BC: "'",
    0xFF05: "%",
}
_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?:([.,' ])[0-9]{3})(?:\1[0-9]{3})*")
_INDIAN = re.compile(r"[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}")
_DIGITS = re.compile(r"[0-9]*")
_PROGRAMS = r"^[+-]?([0-9]+(\.[0-9]+)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_PROGRAMS_NO_CODES = r"^([+-]?([1-9][0-9]*|0)|[+-]?[0-9]*\.[0-9]+)([eE][+-]?[0-9]+)?$"
# plain numbers whose point cannot part thousands
_SURE = (
    r"^[+-]?([0-9]*\.([0-9]{1,2}|[0-9]{4,})|0[0-9]*\.[0-9]{3}|[0-9]{4,}\.[0-9]{3}|\.[0-9]+)"
    r"([eE][+-]?[0-9]+)?$"
)
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")
_BELOW_THOUSANDS = re.compile(r"[+-]?(0|[1-9][0-9]{0,2})")
_CODE = re.compile(r"0[0-9]+")


@dataclass(frozen=True)
class _Number:
    """A number in text: what it is with either decimal mark, and the unit beside it."""

    readings: tuple[tuple[str, str], ...]  # decimal mark, number as Python writes it
    unit: str
    uncertain: bool  # a mark may be a decimal mark, or part thousands

    @property
    def is_bare(self) -> bool:
        """Whether it has no unit and would need one: 0 is the same in any."""
        return not self.unit and float(self.readings[0][1]) != 0.0


@dataclass(frozen=True)
class NumberSpelling:
    """How the numbers of one column are written.

    Attributes:
        decimal: the decimal mark, "." or ",".
        unit: what stands beside each number, such as "%" or "kg"; or "".
        groups: whether the other mark parts thousands.
    """

    decimal: str = "."
    unit: str = ""
    groups: bool = False

    @classmethod
    def find(cls, counts: Mapping[str, int]) -> tuple[Self, str | None]:
        """Find how numbers are written that speak for themselves as a column.

        Args:
            counts: how many cells hold each text.

        Returns:
            The spelling under which most of the cells are numbers; and, if it is uncertain, a text
            for which another one would do as well.
        """
        units: dict[str, int] = {}
        votes = {".": 0, ",": 0}
        uncertain, groups = {".": "", ",": ""}, {".": False, ",": False}
        texts = np.array(list(counts), dtype=object)
        plain = _are_plain(texts)
        if plain.any():
            cells = np.array(list(counts.values()))
            units[""] = int(cells[plain].sum())
            votes["."] = int(cells[_matches(texts, _SURE)].sum())
            groups[","] = bool(_matches(texts, f"^{_THOUSANDS.pattern}$").any())
        may_be = ~plain & ~_never_numbers(texts)
        for text in texts[may_be]:
            number, count = _number(text), counts[text]
            if number is None:
                continue
            units[number.unit] = units.get(number.unit, 0) + count
            marks = [mark for mark, _ in number.readings]
            for mark in marks:
                groups[mark] |= OTHER_OF[mark] in text
            if len(marks) == 1:
                votes[marks[0]] += count
            elif number.uncertain:
                mark = "," if "," in text else "."
                uncertain[mark] = uncertain[mark] or text
        decimal = "," if votes[","] > votes["."] else "."
        doubt = None
        # "1.234" is how programs write a number; "1,234" is how people write two of them.
        if uncertain[","] and not votes["."] and not votes[","]:
            doubt = uncertain[","]
        if doubt is None and not votes["."] and not votes[","]:
            doubt = doubtful_point(texts[plain | may_be].tolist())
        total = sum(units.values())
        unit = max(units, key=lambda name: units[name], default="")
        if not unit or units[unit] < NEARLY_ALL * total:
            signs = [name for name in units if name and _is_sign(name)]
            unit = signs[0] if len(signs) == 1 and set(units) <= {"", *signs} else ""
        return cls(decimal, unit, groups[decimal]), doubt

    def read(self, texts: Sequence[str]) -> tuple[Array, NDArray[np.int8]]:
        """Read texts as numbers.

        Args:
            texts: N of them.

        Returns:
            The numbers, shape (N,), NaN where there is none; and what each text is, shape (N,):
            `NUMBER`, `NOTHING` (a missing value as programs write it), `MARK` (as people do, or a
            bound such as "<0.5"), or `OTHER`.
        """
        values = np.full(len(texts), np.nan)
        states = np.full(len(texts), OTHER, dtype=np.int8)
        cells = np.empty(len(texts), dtype=object)
        cells[:] = texts
        rows = np.arange(len(texts))
        if self.decimal == "." and (not self.unit or _is_sign(self.unit)):
            plain = _are_plain(cells)
            values[plain] = _cast(cells[plain])
            states[plain] = NUMBER
            rows = np.flatnonzero(~plain)
        rows = rows[~_never_numbers(cells[rows])]
        for row in rows.tolist():
            text = texts[row]
            found = readings(text, self)
            if self.decimal in found:
                values[row], states[row] = found[self.decimal], NUMBER
            elif _number(text) is None:
                states[row] = state(text)
        return values, states

    @property
    def is_percentage(self) -> bool:
        """Whether numbers are percentages, so that 0.05 without the sign may mean 5%."""
        return bool(self.unit) and self.unit in PERCENT

    def bare(self, texts: Sequence[str]) -> Mask:
        """Which of N texts are numbers but 0 that lack the sign of percentages, shape (N,)."""
        if not self.is_percentage:
            return np.zeros(len(texts), dtype=bool)
        numbers = map(_number, texts)
        return np.array([n is not None and n.is_bare for n in numbers], dtype=bool)

    def to_manifest(self) -> dict[str, str]:
        """The attributes that are not as usual, as JSON has them."""
        usual = vars(NumberSpelling())
        return {name: value for name, value in vars(self).items() if value != usual[name]}

    @property
    def sentence(self) -> str:
        """What is worth a word of it, such as "with the decimal mark ','"; or ""."""
        parts = []
        if self.decimal != ".":
            parts.append(f"with the decimal mark {self.decimal!r}")
        if self.unit:
            parts.append(f"in {self.unit!r}")
        return ", ".join(parts)


def plain_column(column: pd.Series, *, codes: bool) -> Array | None:
    """A whole column of text whose numbers are as programs write them, which is quickly seen.

    Args:
        column: N cells.
        codes: whether digits that begin with 0 are numbers too.

    Returns:
        Values of shape (N,), NaN where missing; None if any cell has to be looked at.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        cells = pa.array(column, type=pa.large_string(), from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None
    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    absent = pc.is_in(cells, value_set=pa.array(sorted(ABSENT), type=pa.large_string()))
    cells = pc.if_else(absent, pa.scalar(None, type=pa.large_string()), cells)
    if cells.null_count == len(cells):
        return None
    pattern = _PROGRAMS if codes else _PROGRAMS_NO_CODES
    if not pc.all(pc.match_substring_regex(cells, pattern=pattern)).as_py():
        return None
    return np.asarray(pc.cast(cells, pa.float64()).to_numpy(zero_copy_only=False))


def _are_plain(texts: NDArray[Any]) -> Mask:
    """Which of N texts are numbers as programs write them, shape (N,)."""
    return _matches(texts, _PROGRAMS)


def _never_numbers(texts: NDArray[Any]) -> Mask:
    """Which of N texts are `OTHER` at a glance, as dates and times are, shape (N,)."""
    return _matches(texts, r":|[0-9][/-][0-9]") & ~_matches(texts, r"^\s*0000")  # a missing date


def _matches(texts: NDArray[Any], pattern: str) -> Mask:
    import pyarrow as pa
    import pyarrow.compute as pc

    array = pa.array(texts, type=pa.large_string())
    return np.asarray(pc.match_substring_regex(array, pattern=pattern).to_numpy(False))


def _cast(texts: NDArray[Any]) -> Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = pc.cast(pa.array(texts, type=pa.large_string()), pa.float64())
    return np.asarray(numbers.to_numpy(zero_copy_only=False))


def is_code(text: str) -> bool:
    """Whether text is digits that begin with 0, such as a postcode."""
    return _CODE.fullmatch(text.strip()) is not None


def doubtful_point(texts: Sequence[str]) -> str | None:
    """A text whose point may part thousands, such as "2.607" beside "806".

    Args:
        texts: the distinct ones of a column, numbers or not.

    Returns:
        The first of them, if each number with a point has three digits behind it, and all others
        are whole and below 1000, as people write thousands in much of Europe; else None.
    """
    first, whole = None, False
    for text in texts:
        text = text.strip()
        if _THOUSANDS.fullmatch(text):
            first = first or text
        elif _BELOW_THOUSANDS.fullmatch(text):
            whole = True
        elif _number(text) is not None:
            return None
    return first if whole else None


def as_words(counts: Mapping[str, int]) -> tuple[str, str] | None:
    """The pair of words, such as ("no", "yes"), that a column consists of, perhaps beside 0 and 1.

    Args:
        counts: how many cells hold each text.

    Returns:
        The words for 0 and 1 in small letters; or None, also if only one of the two is held.
    """
    if len(counts) > 200:
        return None
    held = {text.strip().lower() for text in counts if state(text) == OTHER}
    for pair in BOOLEANS:
        sides = [held & {word, digit} for word, digit in zip(pair, "01", strict=True)]
        if all(sides) and held <= {*pair, "0", "1"} and held & set(pair):
            return pair
    return None


def read_words(texts: Sequence[str]) -> Array:
    """Booleans in words as 0 and 1, shape (N,); NaN for what is none."""
    place = {word: value for pair in (*BOOLEANS, ("0", "1")) for value, word in enumerate(pair)}
    return np.array([place.get(text.strip().lower(), np.nan) for text in texts], dtype=np.float64)


@lru_cache(maxsize=2**16)
def _number(text: str) -> _Number | None:
    text = text.translate(_PLAIN).strip()
    negative = len(text) > 2 and text[0] == "(" and text[-1] == ")"
    found = _NUMBER.fullmatch(text[1:-1].strip() if negative else text)
    if found is None:
        if _INFINITY.fullmatch(text):
            return _Number(((".", text), (",", text)), "", False)
        return None
    signs = [part for part in (found["sign"], found["sign2"], found["trailing"]) if part]
    if len(signs) + negative > 1 or (found["before"] and found["after"]):
        return None
    sign = "-" if negative or "-" in signs else ""
    body = found["body"].strip()
    pairs = _readings(body)
    if found["whole"]:
        body, end = body[:-1], body[-1]
        pairs = [p for p in _readings(body) if body.isdigit() or (p[0] == end and end not in body)]
    readings = tuple((mark, f"{sign}{digits}{found['power'] or ''}") for mark, digits in pairs)
    if not readings:
        return None
    unit = found["before"] or (found["after"] or "").strip()
    unit = _CURRENCY.get(unit.removesuffix("."), unit)
    return _Number(readings, unit, len(readings) == 2 and not body.isdigit())


def _readings(body: str) -> list[tuple[str, str]]:
    found = []
    for decimal, thousands in ((".", ","), (",", ".")):
        whole, _, part = body.partition(decimal)
        if not _DIGITS.fullmatch(part) or not (whole or part):
            continue
        if not _DIGITS.fullmatch(whole):
            grouped = _GROUPED.fullmatch(whole)
            indian = thousands == "," and _INDIAN.fullmatch(whole)
            if not indian and (grouped is None or grouped[1] == decimal):
                continue
            whole = re.sub(r"[.,' ]", "", whole)
        found.append((decimal, f"{whole}.{part}" if part else whole))
    return found


def readings(text: str, spelling: NumberSpelling) -> dict[str, float]:
    """What a text is as a number by each decimal mark: none if it is no number of the unit."""
    number = _number(text)
    if number is None or not (
        number.unit == spelling.unit or (not number.unit and _is_sign(spelling.unit))
    ):
        return {}
    return {mark: float(digits) for mark, digits in number.readings}


def state(text: str) -> int:
    """`NOTHING`, `MARK` or `OTHER`, for text that is no number: see `NumberSpelling.read`."""
    text = text.translate(_SPACES).strip()
    if text in ABSENT:
        return NOTHING
    bound = _BOUND.match(text)
    if text.lower() in MARKS or (bound is not None and _number(text[bound.end() :]) is not None):
        return MARK
    return OTHER


def _is_sign(unit: str) -> bool:
    """Whether a unit is left out before a number as often as not: a percentage, or a currency."""
    if not unit or unit in PERCENT or unit in _CURRENCY.values():
        return bool(unit)
    return re.fullmatch(_MONEY, unit) is not None


def spelling_from_manifest(entry: Mapping[str, Any]) -> NumberSpelling:
    """Rebuild a spelling from what `to_manifest` returned."""
    decimal, unit = str(entry.get("decimal", ".")), str(entry.get("unit", ""))
    return NumberSpelling(decimal, unit, bool(entry.get("groups", False)))
