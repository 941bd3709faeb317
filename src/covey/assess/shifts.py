"""Which features of a table are not what they were in training, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from covey.table import FeatureSchema, NumericColumn

if TYPE_CHECKING:
    import pandas as pd

GAPPY = 0.2  # share of missing values that is worth a word
DRIFT = 1.0  # spreads by which a median may move before it is
FEW = 30  # observations, to say anything of a column


def shifts_of(schema: FeatureSchema, frame: pd.DataFrame) -> list[str]:
    """Which features are not what they were in training.

    Args:
        schema: what training saw.
        frame: N rows with the columns of training, from `schema.align`.

    Returns:
        Sentences; none if nothing stands out.
    """
    notes = []
    for name, column in zip(frame.columns, schema.columns, strict=True):
        if not column.output_names:
            continue
        values = frame[name]
        missing = float(values.isna().mean())
        if missing > GAPPY:
            extra = "" if column.missing else ", and never in training"
            notes.append(f"Feature {column.name} is missing in {missing:.0%} of the rows{extra}.")
        if isinstance(column, NumericColumn) and column.kind == "number" and column.scale > 0:
            numbers = column.read(values).values
            numbers = numbers[~np.isnan(numbers)]
            if len(numbers) >= FEW:
                moved = (np.median(numbers) - column.center) / column.scale
                if abs(moved) > DRIFT:
                    way = "above" if moved > 0 else "below"
                    notes.append(
                        f"Feature {column.name} is typically {abs(moved):.1f} spreads {way} what "
                        "it was in training: predictions here reach beyond what was learned."
                    )
    return notes
