"""Whether regions hold what they promise: out of the box, and after `calibrate`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import covey
from benchmarks.quality.markdown import table
from benchmarks.quality.scores import LEVEL
from benchmarks.quality.tables import MOST_TEST_ROWS, read

TABLES = (
    "bias_correction",
    "bio_casp",
    "enb",
    "gas_turbine",
    "households",
    "nycflights13",
    "taxi",
    "tetuan_power",
)
MOST_TRAINING_ROWS, MOST_CALIBRATION_ROWS = 5_000, 2_000
NARROW = 0.5  # all standard deviations, in the model that is spoilt on purpose
WAYS = ("joint", "marginal", "conditional", "interval")
KINDS = {
    "model": "the model's own",
    "out_of_fold": "out of the box",
    "conformal": "calibrated",
    "narrow_model": "half as wide, its own",
    "narrow_conformal": "half as wide, calibrated",
}


def run(name: str, seed: int, **settings: Any) -> dict[str, Any]:
    """One split of one table: 70% to train on, 15% to calibrate on, 15% to test on.

    The marginal is of the first half of the targets (at least one), the conditional of the others
    given these; of one target in two, and of the other given it. "interval" is the mean coverage of
    the intervals of single targets.

    Args:
        name: of a table in `TABLES`.
        seed: of the split.
        settings: for `JointRegressor`, none by default.

    Returns:
        What is to be kept: coverages of the 90% regions by what they go by.
    """
    X, Y = read(name)
    complete = Y.notna().all(axis=1).to_numpy()
    X, Y = X[complete].reset_index(drop=True), Y[complete].to_numpy(np.float64)
    order = np.random.default_rng(seed).permutation(len(X))
    first, second = (np.array([0.7, 0.85]) * len(X)).astype(int)
    train = order[:first][:MOST_TRAINING_ROWS]
    calibration = order[first:second][:MOST_CALIBRATION_ROWS]
    test = order[second:][:MOST_TEST_ROWS]
    model = covey.JointRegressor(random_state=seed, verbose=0, **settings)
    model.fit(X.iloc[train], Y[train])
    found: dict[str, Any] = {
        "table": name,
        "seed": seed,
        "family": model.family_,
        "rows": len(train),
        "calibration_rows": len(calibration),
        "test_rows": len(test),
        "scales": [round(float(scale), 4) for scale in model.ensemble_.scales],
    }
    X_test, Y_test = X.iloc[test], Y[test]
    joint = model.predict_distribution(X_test)
    found["nll"] = float(-joint.log_prob(Y_test).mean() / Y.shape[1])
    found["model"] = _coverages(joint, Y_test, "model")
    found["out_of_fold"] = _coverages(joint, Y_test)
    model.calibrate(X.iloc[calibration], Y[calibration])
    found["conformal"] = _coverages(model.predict_distribution(X_test), Y_test)
    model.ensemble_.scales = NARROW * model.ensemble_.scales
    found["narrow_model"] = _coverages(model.predict_distribution(X_test), Y_test, "model")
    model.calibrate(X.iloc[calibration], Y[calibration])
    found["narrow_conformal"] = _coverages(model.predict_distribution(X_test), Y_test)
    return found


def _coverages(joint: Any, Y: np.ndarray, method: str = "auto") -> dict[str, float]:
    d = Y.shape[1]
    some, others = list(range(max(d // 2, 1))), list(range(max(d // 2, 1), d))
    told = np.where(np.arange(d) < len(some), Y, np.nan)
    lower, upper = joint.interval(LEVEL, method=method)
    regions = {
        "joint": joint.region(LEVEL, method=method).contains(Y),
        "marginal": joint.marginal(some).region(LEVEL, method=method).contains(Y[:, some]),
        "conditional": joint.conditional(told)
        .marginal(others)
        .region(LEVEL, method=method)
        .contains(Y[:, others]),
        "interval": (lower <= Y) & (upper >= Y),
    }
    return {name: float(np.mean(held)) for name, held in regions.items()}


def section(records: Mapping[tuple[str, str], list[dict[str, Any]]]) -> str:
    """What the page says of them."""
    found = {name: records.get(("regions", name), []) for name in TABLES}
    every = [record for several in found.values() for record in several]
    if not every:
        return ""
    lines = []
    for kind, title in KINDS.items():
        row = [title]
        for way in WAYS:
            each = [
                np.mean([r[kind][way] for r in several]) for several in found.values() if several
            ]
            row.append(f"{np.mean(each):.3f} ({min(each):.3f} to {max(each):.3f})")
        lines.append(row)
    off = {
        kind: np.sqrt(np.mean(np.concatenate([_off(r, kind) for r in every]) ** 2))
        for kind in ("conformal", "narrow_conformal")
    }
    return (
        "## Do regions hold what they promise?\n\n"
        f"{len(found)} tables, {len(every)} splits into 70/15/15% to train, calibrate and test (at "
        f"most {MOST_TRAINING_ROWS:,}, {MOST_CALIBRATION_ROWS:,} and\n{MOST_TEST_ROWS:,} rows). "
        "Coverage of 90% regions on the test part: mean over the tables, least and most of a\n"
        "table. *Marginal* is of half of the targets, *conditional* of the others given these, "
        "*interval* of single\ntargets. *Half as wide*: the same model with all standard "
        "deviations halved, to see what calibration\nmends. In units of the error that so many "
        "rows to calibrate and to test on have by chance, the calibrated\ncoverages are off by "
        f"{off['conformal']:.2f} (root mean square; 1 is expected), of the model half as wide by "
        f"{off['narrow_conformal']:.2f}.\n\n" + table(["regions", *WAYS], lines)
    )


def _off(record: Mapping[str, Any], kind: str) -> np.ndarray:
    """Coverage of regions less 0.9, in units of its standard error."""
    n, m = record["test_rows"], record["calibration_rows"]
    error = np.sqrt(LEVEL * (1 - LEVEL) * (1 / n + 1 / (m + 2)))
    return np.array([record[kind][way] - LEVEL for way in WAYS[:3]]) / error
