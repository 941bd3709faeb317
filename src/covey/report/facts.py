"""What the page says of the table and the model, figures apart."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from covey import __version__
from covey.assess.shifts import FEW, shifts_of
from covey.assess.summary import (
    FEW_BLOCKS,
    REGIONS,
    TREES,
    caution_sentence,
    family_sentence,
    trees_sentence,
)
from covey.assess.verdict import too_many
from covey.distributions import Elliptical, Mixture, Transformed
from covey.errors import counted
from covey.report.model import Model
from covey.table import read_features
from covey.types import Array

REPEATED = 0.05  # share of rows with the features of another that is


def targets_of(joint: Elliptical | Mixture | Transformed, y: Array) -> list[dict[str, Any]]:
    """One entry for each target: its name, gaps, and what was observed and predicted."""
    found = []
    for i, name in enumerate(joint.targets):
        seen = y[~np.isnan(y[:, i]), i]
        found.append(
            {
                "name": name,
                "observed": len(seen),
                "missing": 1 - len(seen) / len(y),
                "mean": float(seen.mean()) if len(seen) else None,
                "spread": float(seen.std()) if len(seen) else None,
                "stddev": float(np.median(joint.stddev[:, i])),
            }
        )
    return found


def features_of(model: Model, X: Any) -> list[dict[str, Any]]:
    """One entry for each column that the model reads: its name, kind and gaps."""
    frame = _aligned(model, X)
    return [
        {"name": column.name, "kind": _kind(column), "missing": float(frame[name].isna().mean())}
        for name, column in zip(frame.columns, model.schema_.columns, strict=True)
    ]


def data_warnings(model: Model, X: Any, Y: Array, figures: Mapping[str, Any]) -> list[str]:
    """What about this table should make a reader careful.

    Args:
        model: the fitted estimator.
        X: its table of N rows.
        Y: targets, shape (N, D).
        figures: what `evaluate` returned.

    Returns:
        Sentences; none if nothing stands out.
    """
    notes = []
    frame = _aligned(model, X)
    if figures["rows"] < 200:
        verb = "is" if figures["rows"] == 1 else "are"
        rows = counted(figures["rows"], "row")
        notes.append(f"There {verb} only {rows} with a target to judge by.")
    if idle := len(Y) - figures["of_rows"]:
        verbs = ("holds", "does") if idle == 1 else ("hold", "do")
        notes.append(f"{idle:,} of {len(Y):,} rows {verbs[0]} no target and {verbs[1]} not count.")
    if figures["rows"] < figures["of_rows"]:
        notes.append(f"The figures are of {counted(figures['rows'], 'row')}, chosen evenly.")
    for i, name in enumerate(model.targets_):
        seen = int((~np.isnan(Y[:, i])).sum())
        if seen < FEW:
            where = counted(seen, "row")
            notes.append(f"Target {name} was observed in {where}: little can be said of it.")
        elif np.nanstd(Y[:, i]) == 0:
            notes.append(f"Target {name} has the same value in every row.")
    odd = figures["improbable"]
    if too_many(odd):
        notes.append(
            f"{odd['rows']} rows are farther from their prediction than one in 10,000 should be; "
            f"{odd['expected']:.2g} would be expected. They may be errors of measurement, or a "
            "kind of row that training did not have. See the most surprising rows."
        )
    for column in model.schema_.columns:
        if not column.output_names:
            notes.append(f"Feature {column.name} told nothing in training and is not used.")
    notes += shifts_of(model.schema_, frame)
    if (twice := int(frame.duplicated().sum())) > REPEATED * len(frame):
        verb = "repeats" if twice == 1 else "repeat"
        notes.append(f"{twice:,} of {len(frame):,} rows {verb} the features of another row.")
    return notes


def settings_of(model: Model, calibration: str) -> list[tuple[str, str]]:
    """What the model is and how it was fitted, as names and values."""
    architecture = model.ensemble_.architecture
    trained = model.out_of_fold_evaluation_["of_rows"]
    factors = zip(model.targets_, model.ensemble_.scales, strict=True)
    scales = ", ".join(f"{name} times {scale:.3g}" for name, scale in factors if scale != 1)
    found = [
        (
            "Family",
            family_sentence(
                model.family, model.family_, model.family_scores_, len(model.targets_)
            ).removeprefix("family "),
        ),
        *(
            ("Boosted trees", line.removeprefix(TREES))
            for line in trees_sentence(model.out_of_fold_evaluation_.get("trees", {}))
        ),
        *(
            ("Few blocks of rows", line.removeprefix(FEW_BLOCKS))
            for line in caution_sentence(
                model.out_of_fold_evaluation_.get("caution"), model.family_
            )
        ),
        ("Members", f"{counted(architecture.members, 'network')} of {_units(architecture)} units"),
        ("Judged while fitting on", f"{counted(trained, 'row')} that members held out in turn"),
        ("Out-of-fold score", f"{model.out_of_fold_score_:.4f} nats per row"),
        ("Regions are calibrated on", REGIONS[calibration]),
        ("Scale correction", f"standard deviations of {scales}" if scales else "none needed"),
    ]
    if model.fitted_.mean_model is not None:
        found.append(("Mean model", model.fitted_.mean_model.description))
    plain = {n: v for n, v in model.get_params(deep=False).items() if n not in ("base", "verbose")}
    found.append(("Parameters", ", ".join(f"{name}={value!r}" for name, value in plain.items())))
    return found


def versions() -> list[tuple[str, str]]:
    """What this page was made with."""
    found = [("Covey", __version__), ("Python", platform.python_version())]
    keras = sys.modules.get("keras")  # a fitted model predicts without it
    trained = () if keras is None else ("keras", keras.backend.backend())
    for package in (*trained, "numpy", "scipy", "scikit-learn", "pandas"):
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            found.append((package, "unknown"))
    return [*found, ("System", f"{platform.system()} {platform.machine()}, {sys.byteorder}-endian")]


def _aligned(model: Model, X: Any) -> Any:
    frame, named = read_features(X)
    return model.schema_.align(frame, named)


def _kind(column: Any) -> str:
    if hasattr(column, "categories"):
        return f"{len(column.categories)} categories"
    return str(column.kind)


def _units(architecture: Any) -> str:
    return "-".join(str(width) for width in architecture.hidden_units)
