"""From the cells of a table to the matrix that networks read: what `covey.table` does in NumPy.

The operations are the same, in the same order and precision, so that the numbers in single
precision at the end are the same ones: a tree goes another way for the smallest difference.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from covey.export.graph import ML, Graph
from covey.export.inputs import SECONDS, Feature, zeros
from covey.table.category_column import CategoricalColumn
from covey.table.cells import SECONDS as OF_A_DAY
from covey.table.date_column import MONDAY, PERIODS, ROUNDING, WAVES, WEEKDAY, DateColumn
from covey.table.soft_bound import EDGE
from covey.table.vocabulary import ABSENT
from covey.types import Array

NOT_THERE, UNKNOWN = -2, -1  # places of what has no matrix column


def matrices(graph: Graph, features: Sequence[Feature], reach: float) -> tuple[str, str]:
    """The matrix that networks and trees read, and the one that linear models read.

    Args:
        graph: to add to.
        features: with their inputs.
        reach: how far linear models follow numbers beyond those of training, in ranges of training.

    Returns:
        Two values of shape (N, F), in single precision; one twice where they are the same. A row
        with an infinite number, which Covey refuses, is NaN.
    """
    used = [feature for feature in features if feature.column.output_names]
    if not used:
        constant = zeros(graph, features)
        return constant, constant
    numbers = [feature for feature in used if not feature.is_label]
    parts: dict[str, str] = {}
    followed: dict[str, str] = {}
    order: list[str] = []
    if numbers:
        read = _Numbers(graph, numbers)
        order += [*read.scaled_names, *read.missing_names]
        parts["held"], followed["held"] = read.held(0.0), read.held(reach)
        parts["missing"] = read.missing()
    for feature in used:
        if feature.is_label:
            parts[feature.column.name] = _labels(graph, feature)
            order += feature.column.output_names
        elif isinstance(feature.column, DateColumn) and feature.column.cycles:
            names = feature.column.output_names
            parts[f"waves of {feature.column.name}"] = _waves(graph, feature)
            order += names[len(names) - 2 * sum(WAVES[one] for one in feature.column.cycles) :]
    parts = {name: part for name, part in parts.items() if part}
    wanted = [name for feature in features for name in feature.column.output_names]
    found = _in_order(graph, list(parts.values()), order, wanted)
    if followed.get("held") == parts.get("held"):
        return found, found
    further = list((parts | {"held": followed["held"]}).values())
    return found, _in_order(graph, further, order, wanted)


def _in_order(graph: Graph, parts: list[str], order: list[str], wanted: list[str]) -> str:
    """Parts of a matrix side by side, its columns in another order."""
    whole = graph.op("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]
    if order == wanted:
        return whole
    # names may come twice, if columns are called so; each is the next one of its name
    places: dict[str, list[int]] = {}
    for place, name in enumerate(order):
        places.setdefault(name, []).append(place)
    index = np.array([places[name].pop(0) for name in wanted], dtype=np.int64)
    return graph.op("Gather", whole, index, axis=1)


def _days(graph: Graph, feature: Feature) -> str:
    """The cells of a column of numbers, in its unit: days, for what is fed in seconds."""
    value = str(feature.value)
    if feature.column.kind in SECONDS:
        return graph.op("Div", value, np.float64(OF_A_DAY))
    return value


class _Numbers:
    """Columns of numbers, dates and durations side by side, as `PlainNumbers` has them."""

    def __init__(self, graph: Graph, features: Sequence[Feature]) -> None:
        self._graph = graph
        self._columns = [feature.column for feature in features]
        each = [_days(graph, feature) for feature in features]
        self._values = graph.op("Concat", *each, axis=1) if len(each) > 1 else each[0]
        self._absent = graph.op("IsNaN", self._values)
        self._scaled = [place for place, c in enumerate(self._columns) if c.scale]
        self._missing = [place for place, c in enumerate(self._columns) if c.missing]

    @property
    def scaled_names(self) -> list[str]:
        """Names of the matrix columns of numbers."""
        return [self._columns[place].name for place in self._scaled]

    @property
    def missing_names(self) -> list[str]:
        """Names of the matrix columns that say what is missing."""
        return [f"{self._columns[place].name} is missing" for place in self._missing]

    def missing(self) -> str:
        """1 where a number is missing, single precision; "" if none was in training."""
        if not self._missing:
            return ""
        return self._graph.single(self._some(self._absent, self._missing))

    def held(self, reach: float) -> str:
        """Numbers as `NumericColumn.scaled` has them, single precision; "" if none varied."""
        if not self._scaled:
            return ""
        graph, columns = self._graph, [self._columns[place] for place in self._scaled]
        values = self._some(self._values, self._scaled)
        absent = self._some(self._absent, self._scaled)
        low, high = self._ends(columns, 0.0)
        held = graph.clipped(values, low, high)
        # dates are never followed
        plain = np.array([type(column) is not DateColumn for column in columns])
        if reach and plain.any():
            under, over = np.array([column.limits for column in columns]).T
            beyond = graph.op(
                "Or", graph.op("Less", values, under), graph.op("Greater", values, over)
            )
            wide = self._ends(columns, reach)
            least, most = (np.where(plain, *pair) for pair in zip(wide, (low, high), strict=True))
            held = graph.op("Where", beyond, graph.clipped(values, least, most), held)
        center, scale = (
            np.array([getattr(column, name) for column in columns]) for name in ("center", "scale")
        )
        z = graph.op("Div", graph.op("Sub", held, center), scale)
        z = graph.clipped(z, np.float64(-1e100), np.float64(1e100))
        square = graph.squared(graph.op("Div", z, np.float64(EDGE)))
        root = graph.op("Sqrt", graph.op("Add", square, np.float64(1)))
        found = graph.op("Where", absent, np.float64(0), graph.op("Div", z, root))
        infinite = graph.op("IsInf", values)
        return graph.single(graph.op("Where", infinite, np.float64(np.nan), found))

    def _some(self, value: str, places: list[int]) -> str:
        if len(places) == len(self._columns):
            return value
        return self._graph.op("Gather", value, np.array(places, dtype=np.int64), axis=1)

    @staticmethod
    def _ends(columns: list[Any], reach: float) -> tuple[Array, Array]:
        """Where values end, with some ranges of training added at both."""
        found = []
        for column in columns:
            if column.low is None or column.high is None:
                found.append((-np.inf, np.inf))
                continue
            with np.errstate(over="ignore"):
                further = 2 * reach * (column.high / 2 - column.low / 2) if reach else 0.0
                found.append((column.low - further, column.high + further))
        low, high = np.array(found).T
        return low, high


def _waves(graph: Graph, feature: Feature) -> str:
    """What of a date returns by day, week and year, single precision; 0 where missing."""
    days = _days(graph, feature)
    absent = graph.op("IsNaN", days)
    parts = []
    for cycle in feature.column.cycles:
        phase = _phase(graph, cycle, days)
        for wave in range(1, WAVES[cycle] + 1):
            angle = graph.op("Mul", phase, np.float64(2 * np.pi * wave))
            # a cosine by a sine, since older versions of onnxruntime have no other in doubles
            ahead = graph.op("Add", angle, np.float64(np.pi / 2))
            parts += [graph.op("Sin", angle), graph.op("Sin", ahead)]
    whole = graph.op("Concat", *parts, axis=1)
    none = graph.op("Or", absent, graph.op("Less", graph.op("Abs", whole), np.float64(ROUNDING)))
    return graph.single(graph.op("Where", none, np.float64(0), whole))


def _phase(graph: Graph, cycle: str, days: str) -> str:
    """Where in a cycle dates are, in [0, 1)."""
    period = np.float64(PERIODS[cycle])
    if cycle == WEEKDAY:
        days = graph.op("Floor", graph.op("Add", days, np.float64(MONDAY)))
    rest = graph.op("Mod", days, period, fmod=1)  # of the sign of the number, as in C
    rest = graph.op(
        "Where",
        graph.op("Less", rest, np.float64(0)),
        graph.op("Add", rest, period),
        rest,
    )
    return graph.op("Div", rest, period)


def _labels(graph: Graph, feature: Feature) -> str:
    """Zeros and ones for labels, single precision."""
    column: CategoricalColumn = feature.column
    places = label_places(column)
    code = graph.op(
        "LabelEncoder",
        str(feature.value),
        domain=ML,
        keys_strings=list(places),
        values_int64s=list(places.values()),
        default_int64=len(column.categories) if column.others else UNKNOWN,
    )
    which = np.arange(len(column.output_names), dtype=np.int64)
    return graph.single(graph.op("Equal", code, which))


def label_places(column: CategoricalColumn) -> dict[str, int]:
    """The matrix column of each text that stands for a label, or for none.

    Args:
        column: of labels.

    Returns:
        For each label as it is written, with its accents apart, and, for a number, with ".0"; and
        for each text that means "missing"; its place, or a negative number if it has none.
    """
    import pandas as pd

    texts = list(ABSENT)
    for label in column.categories:
        texts += [label, label.strip(), f"{label}.0"]
        texts += [unicodedata.normalize("NFD", label), unicodedata.normalize("NFC", label)]
    texts = list(dict.fromkeys(texts))
    encoded, new = column.encoded(pd.Series(texts, dtype=object))
    known = np.ones(len(texts), dtype=bool)
    known[new] = False
    return {
        text: int(row.argmax()) if row.any() else NOT_THERE
        for text, row, one in zip(texts, encoded, known, strict=True)
        if one  # the others are what any unknown label is
    }
