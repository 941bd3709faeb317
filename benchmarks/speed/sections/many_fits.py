"""Many fits of one shape in a process: compilations, and memory that stays."""

from __future__ import annotations

from typing import Any

from benchmarks.quality.markdown import table
from benchmarks.speed.plan import Plan, median, peak, text
from benchmarks.speed.processes import Method

TITLE = "Many fits in one process"
FITS, ROWS, STEPS = 200, 60, 20
SETTLED = 20  # fits after which memory should not grow
LIMIT = 3600.0
NOTE = """\
{fits} fits and predictions of one shape ({rows} rows of 3 features, 2 targets, 2 members, {steps}
steps) in one process, new data each: how often the backend compiled something, how long a fit
takes, and the memory of the process, in MB.
"""


def run(plan: Plan) -> dict[str, Any]:
    job = {"fits": FITS, "rows": ROWS, "max_steps": STEPS, "family": "auto"}
    if plan.quick:
        job |= {"fits": 2, "family": "student_t"}
    method = Method("Covey", "many_fits.py", job)
    return {**job, **plan.measure({"covey": method}, rounds=1, repetitions=1, limit=LIMIT)}


def report(found: list[tuple[str, dict[str, Any]]]) -> str:
    head = [
        "machine",
        "fits",
        "compilations of the first",
        "of all others",
        "seconds of the first",
        "of the others, median",
        f"memory after {SETTLED}",
        "after all",
        "growth",
        "at most (after imports)",
    ]
    lines = []
    for machine, record in found:
        told = record["covey"]
        if not told["timed"]:
            lines.append([machine, f"failed: {told.get('failure', '')}", *[""] * (len(head) - 2)])
            continue
        (timed,) = told["timed"]
        first, *others = timed["compilations"]
        memory, seconds = timed["memory_mb"], timed["seconds"]
        settled = memory[min(SETTLED, len(memory)) - 1]
        lines.append(
            [
                machine,
                str(record["fits"]),
                "" if first is None else str(first),
                "" if first is None else str(sum(others)),
                text(seconds[0], ".1f"),
                text(median(seconds[1:])),
                text(settled, ".0f"),
                text(memory[-1], ".0f"),
                f"{memory[-1] - settled:+.0f} MB, {memory[-1] / settled - 1:+.0%}",
                peak(told),
            ]
        )
    note = NOTE.format(fits=FITS, rows=ROWS, steps=STEPS)
    return f"{note}\n{table(head, lines)}" if lines else ""
