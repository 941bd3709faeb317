"""What gaps in the targets cost, and what they would cost if rows with gaps were dropped."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

import covey
from benchmarks.quality.markdown import table
from benchmarks.quality.scores import scores
from benchmarks.quality.tables import MOST_TEST_ROWS, MOST_TRAINING_ROWS, Split, read, split

# complete tables with holes made in them
DELETED = ("airquality", "bias_correction", "gas_turbine", "households", "tetuan_power")
SHARE = 0.3  # of the target cells that are deleted
OWN = ("airquality", "beijing_air", "communities_crime")  # tables with gaps of their own
WAYS = ("all", "gaps", "fewer-rows", "complete-rows")


def run(name: str, seed: int, way: str, **settings: Any) -> dict[str, Any]:
    """One way to train on one table; the test rows are complete.

    Args:
        name: of a table in `DELETED`.
        seed: of the split, and of the holes.
        way: "all" cells; with "gaps", 30% of the cells deleted at random; on "fewer-rows", all
            complete, with as many cells in total; or on the "complete-rows" that are left.
        settings: for `JointRegressor`, none by default.

    Returns:
        What is to be kept: the held-out score, and on how many rows and cells it rests.
    """
    rows = split(name, seed)
    Y = np.array(rows.Y_train)
    X = rows.X_train
    if way == "fewer-rows":
        kept = round((1 - SHARE) * len(Y))
        X, Y = X[:kept], Y[:kept]
    elif way != "all":
        Y[np.random.default_rng([seed, 1]).random(Y.shape) < SHARE] = np.nan
    if way == "complete-rows":
        whole = ~np.isnan(Y).any(axis=1)
        X, Y = X[whole], Y[whole]
    return {"table": name, "seed": seed, "way": way, **_fitted(X, Y, rows, settings)}


def run_own(name: str, seed: int, way: str, **settings: Any) -> dict[str, Any]:
    """A table with its own gaps: on all rows with a target, or the complete ones alone.

    The test rows are complete, and the same for both ways.
    """
    X, Y = read(name)
    Y = Y.to_numpy(np.float64)
    complete = ~np.isnan(Y).any(axis=1)
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(X))
    whole = order[complete[order]]
    test = whole[: min(len(whole) // 10, MOST_TEST_ROWS)]
    kept = complete if way == "complete-rows" else ~np.isnan(Y).all(axis=1)
    train = order[kept[order] & ~np.isin(order, test)][:MOST_TRAINING_ROWS]
    rows = Split(name, seed, X.iloc[train], Y[train], X.iloc[test], Y[test], np.zeros(0, bool))
    found = _fitted(rows.X_train, rows.Y_train, rows, settings)
    return {"table": name, "seed": seed, "way": way, **found}


def _fitted(
    X: pd.DataFrame, Y: np.ndarray, rows: Split, settings: dict[str, Any]
) -> dict[str, Any]:
    started = time.perf_counter()
    model = covey.JointRegressor(random_state=rows.seed, verbose=0, **settings).fit(X, Y)
    seconds = time.perf_counter() - started
    joint = model.predict_distribution(rows.X_test)
    spread = np.nanstd(rows.Y_train, axis=0)  # the same for every way: of the observed cells
    return {
        "nll": scores(joint.to_arrays(), rows.Y_test, np.stack([-spread, spread]))["nll"],
        "family": model.family_,
        "rows": len(Y),
        "cells": float(np.mean(~np.isnan(Y))),
        "complete": float(np.mean(~np.isnan(Y).any(axis=1))),
        "fit_seconds": round(seconds, 1),
    }


def section(records: Mapping[tuple[str, str], list[dict[str, Any]]]) -> str:
    """What the page says of them."""
    parts = []
    for kind, names, text in (
        (
            "gaps_deleted",
            DELETED,
            "30% of the target cells of a complete training part deleted at random; *fewer rows* "
            "are\ncomplete rows with as many cells in total. Test rows are complete. *Worse by* is "
            "beside all cells,\non the same splits. What is lost with 30% of what was measured "
            "depends on how much a table still\nteaches: the bar is what as many cells in complete "
            "rows lose.",
        ),
        (
            "gaps_own",
            OWN,
            "Tables with gaps of their own, on the complete rows and on all rows with a target\n"
            "(at most 10,000 each).",
        ),
    ):
        lines = []
        for name in names:
            whole = {r["seed"]: r["nll"] for r in records.get((kind, f"{name}-all"), [])}
            for way in WAYS:
                if found := records.get((kind, f"{name}-{way}")):
                    worse = [r["nll"] - whole[r["seed"]] for r in found if r["seed"] in whole]
                    lines.append(
                        [
                            name,
                            way.replace("-", " "),
                            f"{found[0]['rows']:,}",
                            f"{np.mean([r['cells'] for r in found]):.0%}",
                            f"{np.mean([r['complete'] for r in found]):.0%}",
                            f"{np.mean([r['nll'] for r in found]):.3f}",
                            f"{np.mean(worse):+.3f}" if worse and way != "all" else "",
                            str(len(found)),
                        ]
                    )
        if lines:
            head = ["data", "trained on", "rows", "cells there", "complete rows", "nats per target"]
            parts.append(f"{text}\n\n{table([*head, 'worse by', 'splits'], lines)}")
    return "\n".join(["## Gaps in the targets\n", *parts]) if parts else ""
