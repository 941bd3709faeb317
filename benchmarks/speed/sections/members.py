"""Time per training step: five and ten members beside one."""

from __future__ import annotations

from typing import Any

from benchmarks.quality.markdown import table
from benchmarks.speed.plan import Plan, failed, figures, median, peak, ratio, text
from benchmarks.speed.processes import Method, Record

TITLE = "Five and ten members beside one"
SHAPES = {"128-128-128": [128] * 3, "24-12": [24, 12]}
MEMBERS = (1, 5, 10)
ROWS, TARGETS, STEPS = 10_000, 5, 600
NOTE = """\
`JointRegressor` on {rows:,} rows of 6 features and {targets} targets, a Student-t; milliseconds of
a training step of all members (each with batches of its own), looks at the held-out rows included,
compilation not.
"""


def run(plan: Plan) -> dict[str, Any]:
    shapes = {"24-12": [24, 12]} if plan.quick else SHAPES
    rows, steps = (200, 40) if plan.quick else (ROWS, STEPS)
    record = {}
    for shape, hidden in shapes.items():
        job = {"data": plan.data(rows, TARGETS), "hidden": hidden, "max_steps": steps}
        methods = {
            str(k): Method(f"{k} members" if k > 1 else "1 member", "member_steps.py", own)
            for k in (MEMBERS[1:2] if plan.quick else MEMBERS)
            if (own := {**job, "members": k})
        }
        print(f"  {shape}", flush=True)
        record[shape] = plan.measure(methods, repetitions=min(plan.repetitions, 3))
    return record


def report(found: list[tuple[str, dict[str, Any]]]) -> str:
    head = ["hidden units", "members", "a step, ms", "beside one member", "memory, MB"]
    lines = []
    for machine, record in found:
        lines.append([f"*{machine}*", *[""] * (len(head) - 1)])
        for shape, methods in record.items():
            lines += [_line(shape, members, methods) for members in methods]
    return f"{NOTE.format(rows=ROWS, targets=TARGETS)}\n{table(head, lines)}" if lines else ""


def _line(shape: str, members: str, methods: dict[str, Record]) -> list[str]:
    record = methods[members]
    steps = figures(record, "step_ms")
    return [
        shape,
        members,
        failed(record) or text(median(steps)),
        text(ratio(steps, figures(methods.get("1"), "step_ms"))),
        peak(record),
    ]
