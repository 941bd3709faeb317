"""Rows that come later than those of training: what was claimed, and what came true.

Complete rows in the order of the file: the first 80% to train (of these the latest 10,000), the
next 4,000 to judge. Covey is told nothing of the order, or by "covey-time" that rows are in it;
LightGBM's covariance is that of residuals of contiguous blocks, and its rounds are those that are
best on them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import covey
from benchmarks.quality import runner
from benchmarks.quality.markdown import table
from benchmarks.quality.methods import METHODS, Method
from benchmarks.quality.scores import LEVEL
from benchmarks.quality.tables import VALIDATION, Split, read

TABLES = {
    "tetuan_power": "ten minutes a row",
    "gas_turbine": "an hour a row",
    "airquality": "an hour a row",
    "beijing_air": "an hour a row, station by station: these rows are of one",
    "rf1": "an hour a row",
    "bias_correction": "a day of a station a row",
}
SHARE, MOST_TRAINING_ROWS, MOST_JUDGED_ROWS = 0.8, 10_000, 4_000
LEAST_INSIDE = 0.85
TITLES = {
    "covey": "Covey",
    "covey-time": "Covey, told by `time=`",
    "lightgbm": "LightGBM, covariance of blocks",
}


def split(name: str, seed: int = 0) -> Split:
    """The rows to train and to judge on, in their order; the latest of training to stop on.

    LightGBM does not stop on these here: its rounds come from blocks.
    """
    X, Y = read(name)
    complete = Y.notna().all(axis=1).to_numpy()
    X, targets = X[complete].reset_index(drop=True), Y[complete].to_numpy(np.float64)
    cut = int(SHARE * len(X))
    train = np.arange(max(cut - MOST_TRAINING_ROWS, 0), cut)
    judged = np.arange(cut, min(cut + MOST_JUDGED_ROWS, len(X)))
    validation = np.arange(len(train)) >= (1 - VALIDATION) * len(train)
    return Split(
        name, seed, X.iloc[train], targets[train], X.iloc[judged], targets[judged], validation
    )


def run(name: str, method: str, seed: int = 0, **settings: Any) -> dict[str, Any]:
    """One method on one table.

    Args:
        name: of a table in `TABLES`, or another whose rows are in the order of time.
        method: one of `TITLES`.
        seed: of the method; the rows are always the same.
        settings: for `JointRegressor`, none by default.

    Returns:
        What is to be kept: claimed and true (nats per target), inside (share in the 90% region).

    Raises:
        RuntimeError: a peer failed.
    """
    rows = split(name, seed)
    judge = _peer if method == "lightgbm" else _covey
    return {
        "table": name,
        "method": method,
        "seed": seed,
        "rows": len(rows.Y_train),
        "judged_rows": len(rows.Y_test),
        "targets": rows.Y_train.shape[1],
        **judge(rows, method, settings),
    }


def _covey(rows: Split, method: str, settings: dict[str, Any]) -> dict[str, Any]:
    times = {"time": np.arange(len(rows.Y_train))} if method == "covey-time" else {}
    model = covey.JointRegressor(random_state=rows.seed, verbose=0, **settings)
    model.fit(rows.X_train, rows.Y_train, **times)
    joint = model.predict_distribution(rows.X_test)
    d = rows.Y_train.shape[1]
    scale = rows.Y_train.std(axis=0)
    unit = float(np.mean(np.log(np.where(scale > 0, scale, 1.0))))
    order = model.out_of_fold_evaluation_.get("order") or {}
    return {
        "claimed": -float(model.out_of_fold_score_) / d - unit,
        "true": -float(joint.log_prob(rows.Y_test).mean()) / d - unit,
        "inside": float(joint.region(LEVEL).contains(rows.Y_test).mean()),
        "family": model.family_,
        "order": order.get("because", ""),
    }


def _peer(rows: Split, method: str, settings: dict[str, Any]) -> dict[str, Any]:
    peer = METHODS[method]
    peer = Method(peer.title, peer.environment, peer.script, ("blocks",))
    with tempfile.TemporaryDirectory() as folder:
        record = runner.run(peer, method, rows, Path(folder), threads=1)
    if "failure" in record:
        raise RuntimeError(record["failure"])
    found = record["scores"]
    return {"claimed": record["claimed"], "true": found["nll"], "inside": found["coverage"]}


def section(records: Mapping[tuple[str, str], list[dict[str, Any]]]) -> str:
    """What the page says of them."""
    found = {
        (name, method): several
        for (folder, stem), several in records.items()
        if folder == "later"
        for name, method in [(several[0]["table"], several[0]["method"])]
    }
    methods = [m for m in TITLES if any(key[1] == m for key in found)]
    lines, margins, inside = [], {}, {}
    for name in dict.fromkeys([*TABLES, *(name for name, _ in found)]):
        some = next((found[name, m][0] for m in methods if (name, m) in found), None)
        if some is None:
            continue
        cells = [f"`{name}`", f"{some['rows']:,}, {some['judged_rows']:,} x {some['targets']}"]
        for method in methods:
            cells += _cells(found.get((name, method), []))
        if (name, "covey") in found:
            inside[name] = _mean(found[name, "covey"], "inside")
            if (name, "lightgbm") in found:
                margins[name] = _mean(found[name, "lightgbm"], "true") - _mean(
                    found[name, "covey"], "true"
                )
        lines.append([*cells, f"{margins[name]:+.2f}" if name in margins else ""])
    if not lines:
        return ""
    head = ["data", "rows to train, to judge x D"]
    for method in methods:
        head += [f"{TITLES[method]}: claimed", "came true", "inside 90%"]
    text = (
        "## Rows that come later\n\n"
        "Complete rows in the order of the file: the first 80% to train (the latest 10,000 of "
        "these), the next 4,000 to judge.\nNats per target, lower is better. *Claimed* is the "
        "out-of-fold score of the fit itself. Covey sees to the order by\nitself; LightGBM's "
        "covariance is that of residuals of contiguous blocks, its rounds\nthose that are best on "
        "them. Margin: what came true of LightGBM minus of Covey.\n\n"
        + table([*head, "margin"], lines)
    )
    if margins:
        lost = [f"`{name}` ({m:+.2f})" for name, m in margins.items() if m < 0]
        text += (
            f"\nCovey is behind on {len(lost)} of {len(margins)}"
            + (f": {', '.join(lost)}" if lost else "")
            + "."
        )
    if inside:
        low = [f"`{name}` ({share:.2f})" for name, share in inside.items() if share < LEAST_INSIDE]
        text += (
            f" Its 90% regions hold less than {LEAST_INSIDE:.0%} on {len(low)} of {len(inside)}"
            + (f": {', '.join(low)}" if low else "")
            + ".\n"
        )
    return text


def _cells(found: list[dict[str, Any]]) -> list[str]:
    if not found:
        return ["", "", ""]
    return [f"{_mean(found, key):.2f}" for key in ("claimed", "true", "inside")]


def _mean(found: list[dict[str, Any]], key: str) -> float:
    return float(np.mean([record[key] for record in found]))
