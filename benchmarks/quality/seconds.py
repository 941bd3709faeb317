"""How long a fit takes with default settings, and whether `max_time` is kept."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

FEATURES, TARGETS = 20, 5
# title of each case: rows, `max_time` in seconds
CASES: dict[str, tuple[int, float | None]] = {
    "small": (300, None),
    "large": (10_000, None),
    "small-limited": (300, 8.0),
    "large-limited": (10_000, 20.0),
}
BOUNDS = {"small": 15.0, "large": 60.0}  # what a user may expect on two cores


def simulate(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Smooth means, and a noise whose size goes by the first feature."""
    r = np.random.default_rng(0)
    X = r.normal(size=(rows, FEATURES))
    A, B = r.normal(size=(2, FEATURES, TARGETS)) / np.sqrt(FEATURES)
    mixing = np.tril(r.normal(size=(TARGETS, TARGETS)))
    noise = np.exp(0.3 * X[:, :1]) * (r.normal(size=(rows, TARGETS)) @ mixing)
    return X, np.sin(2 * X @ A) + X @ B + 0.3 * noise


def run(case: str) -> dict[str, Any]:
    """Time one fit, compilation included."""
    import covey
    import covey.members.candidates  # Keras too: importing is not fitting

    rows, limit = CASES[case]
    X, Y = simulate(rows)
    started = time.perf_counter()
    model = covey.JointRegressor(random_state=0, verbose=0, max_time=limit).fit(X, Y)
    return {
        "case": case,
        "rows": rows,
        "features": FEATURES,
        "targets": TARGETS,
        "max_time": limit,
        "fit_seconds": round(time.perf_counter() - started, 1),
        "score": model.out_of_fold_score_,
    }
