"""The inputs of a graph: one for each column of the table that the model reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from covey.export.graph import Graph
from covey.table import FeatureSchema
from covey.table.category_column import CategoricalColumn

MATRIX = "X"  # the one input of a model whose training table was an array of numbers
SECONDS = {"date": "seconds since 1970-01-01 UTC", "time": "seconds since midnight"}
SECONDS["duration"] = "seconds"


@dataclass(frozen=True)
class Feature:
    """A column of the training table, and where a graph takes its cells from.

    Attributes:
        column: how the table is read.
        input: name of the input; None for a column from which nothing could be learned.
        value: name of its cells inside the graph, shape (N, 1), or None likewise.
    """

    column: Any
    input: str | None = None
    value: str | None = None

    @property
    def is_label(self) -> bool:
        """Whether its cells are text."""
        return isinstance(self.column, CategoricalColumn)

    @property
    def described(self) -> dict[str, Any]:
        """What somebody who feeds the graph has to know, as JSON values."""
        column = self.column
        found: dict[str, Any] = {
            "name": column.name,
            "input": self.input,
            "kind": "label" if self.is_label else column.kind,
            "missing": bool(column.missing),
        }
        if self.is_label:
            found["categories"] = list(column.categories)
            found["rarer_labels"] = column.others
            return found
        unit = SECONDS.get(column.kind) or column.spelling.unit
        found |= {"unit": unit} if unit else {}
        # dates are fed in seconds, and held in days
        times = 86400.0 if column.kind in SECONDS else 1.0
        ends = {"low": column.low, "high": column.high}
        found |= {name: end * times for name, end in ends.items() if end is not None}
        return found


def add_inputs(graph: Graph, schema: FeatureSchema, taken: Sequence[str]) -> list[Feature]:
    """Add the inputs that a schema needs.

    Args:
        graph: to add to.
        schema: of the training table.
        taken: names that inputs cannot have, such as those of the outputs.

    Returns:
        The F columns of the training table in order, with their inputs.
    """
    columns = schema.columns
    labels = any(isinstance(column, CategoricalColumn) for column in columns)
    if not schema.named and not labels:
        graph.input(MATRIX, float, len(columns))
        return [
            Feature(column, MATRIX, graph.last(MATRIX, place, place + 1))
            for place, column in enumerate(columns)
        ]
    used = [column for column in columns if column.output_names] or columns[:1]
    names: set[str] = set(taken)
    found = []
    for column in columns:
        if not any(column is one for one in used):
            found.append(Feature(column))
            continue
        name = column.name
        while not name or name.startswith("/") or name in names:
            name = f"X:{name}"
        names.add(name)
        kind = str if isinstance(column, CategoricalColumn) else float
        graph.input(name, kind, 1)
        found.append(Feature(column, name, name))
    return found


def zeros(graph: Graph, features: Sequence[Feature]) -> str:
    """A constant column for a model that has nothing to go by, shape (N, 1), single precision."""
    first = next(feature.value for feature in features if feature.value is not None)
    size = graph.op("Shape", first)
    value = graph.tensor(np.zeros(1, dtype=np.float32))
    return graph.op("ConstantOfShape", size, value=value)
