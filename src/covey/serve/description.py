"""What a model reads and predicts, for programs and for the page: kinds, ranges, an example."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from covey import __version__
from covey.serve.model import Model
from covey.serve.questions import OUTPUTS, plain
from covey.table import NumericColumn
from covey.table.category_column import CategoricalColumn

TAIL = 0.005  # of what was observed of a target, left out of its range at each end


@dataclass(frozen=True)
class Description:
    """A model in plain values.

    Attributes:
        content: what `/schema` answers.
        example: a typical row: of each feature the median or the most frequent label.
    """

    content: Mapping[str, Any]
    example: Mapping[str, Any]

    @classmethod
    def of(cls, model: Model, name: str) -> Self:
        """Describe a model.

        Args:
            model: a fitted estimator.
            name: what it is called.
        """
        features = [_feature(column) for column in model.schema_.columns]
        example = {feature["name"]: feature["example"] for feature in features}
        figures = model.out_of_fold_evaluation_
        content = {
            "model": {
                "name": name,
                "family": model.family_,
                "members": model.members_,
                "rows": int(figures["of_rows"]),
                "out_of_fold_score": plain(np.array(model.out_of_fold_score_)),
                "calibrated_on": model.fitted_.calibration_set.method,
                "covey": __version__,
            },
            "features": features,
            "targets": _targets(model),
            "outputs": list(OUTPUTS),
            "example": example,
        }
        return cls(content, example)


def _feature(column: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": column.name,
        "kind": "label",
        "used": bool(column.output_names),
    }
    found |= {"missing_in_training": column.missing, "read_as": column.read_as}
    if isinstance(column, CategoricalColumn):
        labels = list(column.categories)
        more = {"labels": labels, "others": column.others, "example": labels[0] if labels else None}
        return found | more
    assert isinstance(column, NumericColumn)
    ends = (column.low, column.center, column.high)
    known = [value for value in ends if value is not None]
    typical = _typical(column)
    spread = 1.349 * column.scale
    whole = all(float(value).is_integer() for value in known) and abs(spread - round(spread)) < 1e-6
    more = {
        "kind": column.kind,
        "low": column.low,
        "high": column.high,
        "typical": typical,
        "whole": column.kind == "number" and whole,
        "example": typical,
    }
    if column.spelling.unit:
        more["unit"] = column.spelling.unit
    if column.kind != "number" or column.spelling.is_percentage:  # text is the sure way
        # dates and durations are numbers of days here, and text in rows
        more["example"] = as_text(column, typical)
        more["low_text"], more["high_text"] = (
            None if end is None else as_text(column, end) for end in (column.low, column.high)
        )
    return found | more


def _typical(column: NumericColumn) -> float:
    """The median; of dates without a time a day, since that of an even number may be at noon."""
    ends = (column.low, column.high)
    days = column.kind == "date" and all(e is not None and float(e).is_integer() for e in ends)
    return math.floor(column.center) if days else column.center


def as_text(column: Any, value: float) -> str:
    """A date, duration, time or percentage as a row has it."""
    return f"{column.text(value)}%" if column.kind == "number" else str(column.text(value))


def _targets(model: Model) -> list[dict[str, Any]]:
    """Names and ranges of the targets, those of held-out rows as they were observed."""
    fitted = model.fitted_
    values = fitted.calibration_set.values
    if fitted.transforms is not None:
        values = fitted.transforms.reported(values)
    bounded = np.zeros(len(model.targets_), dtype=bool)
    if fitted.transforms is not None:
        bounded = np.asarray(fitted.transforms.bounded)
    found = []
    for place, name in enumerate(model.targets_):
        seen = values[:, place][np.isfinite(values[:, place])]
        low, high = np.quantile(seen, [TAIL, 1 - TAIL]) if len(seen) else (np.nan, np.nan)
        entry = {"name": name, "low": plain(np.array(low)), "high": plain(np.array(high))}
        found.append({**entry, "never_below_0": bool(bounded[place])})
    return found
