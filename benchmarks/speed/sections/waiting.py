"""How long a user waits for a first row, for a first fit, and for the fits after it."""

from __future__ import annotations

from typing import Any

from benchmarks.quality.markdown import table
from benchmarks.speed.plan import Plan, figures, median, text
from benchmarks.speed.processes import Method

TITLE = "Waiting: the first row, the first fit, and the next"
ROWS = (300, 300, 301, 330, 360)  # of fits, one after the other
FEATURES, TARGETS, SEARCHED = 20, 5, 240
LIMIT = 3600.0
NOTE = """\
Default settings, {features} features, {targets} targets, new processes each. *First row*: from the
start of Python until a saved model is loaded and the mean and covariance of one row are there; no
backend is imported. *First fit* of {first} rows, imports apart, with an empty and with a filled
cache of compiled code; then further fits in the same process, of as many rows and of others.
*Search*: `GridSearchCV` over 2 learning rates and 2 weight decays, 5 folds of {searched} rows.
"""


def run(plan: Plan) -> dict[str, Any]:
    job: dict[str, Any] = {
        "rows": list(ROWS),
        "features": FEATURES,
        "targets": TARGETS,
        "searched": SEARCHED,
        "fitted": 1000,
        "options": {},
    }
    if plan.quick:
        quick = {"members": 2, "max_steps": 10, "hidden_units": [4], "trees": False}
        job |= {"rows": [30, 31], "searched": 20, "fitted": 40, "options": quick}
    method = Method("Covey", "waiting.py", job)
    rounds = min(plan.rounds, 1)
    measured = plan.measure(
        {"covey": method}, rounds=rounds, repetitions=plan.repetitions, limit=LIMIT
    )
    return {**job, **measured}


def report(found: list[tuple[str, dict[str, Any]]]) -> str:
    head = [
        "machine",
        "first row, s",
        "one more row, ms",
        f"first fit of {ROWS[0]} rows, s",
        "with a filled cache, s",
        "second fit, s",
        "others to the second",
        "search, s",
    ]
    lines = []
    for machine, record in found:
        told = record["covey"]
        if not told.get("timed"):
            lines.append([machine, f"failed: {told.get('failure', '')}", *[""] * (len(head) - 2)])
            continue
        fits = figures(told, "fit_seconds")
        second = median(each[1] for each in fits)
        others = [
            f"{rows}: {median(each[number] / each[1] for each in fits):.2f}"
            for number, rows in enumerate(record["rows"])
            if number > 1
        ]
        lines.append(
            [
                machine,
                text(median(figures(told, "first_row_seconds")), ".2f"),
                text(1000 * median(figures(told, "further_row_seconds")), ".1f"),
                text(median(each[0] for each in fits), ".1f"),
                text(median(figures(told, "filled_seconds")), ".1f"),
                text(second, ".1f"),
                ", ".join(others),
                text(median(figures(told, "search_seconds")), ".0f"),
            ]
        )
    note = NOTE.format(features=FEATURES, targets=TARGETS, first=ROWS[0], searched=SEARCHED)
    return f"{note}\n{table(head, lines)}" if lines else ""
