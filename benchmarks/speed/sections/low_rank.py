"""Time per training step of the low-rank normal, as the number of targets grows."""

from __future__ import annotations

from typing import Any

from benchmarks.quality.markdown import table
from benchmarks.speed.plan import Plan, failed, figures, median, peak, ratio, text
from benchmarks.speed.processes import Method, Record

TITLE = "Low-rank covariances of many targets"
TARGETS = (100, 200, 500, 1000, 2000)
FULL = 200  # most targets of which the full covariance is timed too
RANK, BATCH, ROWS, HIDDEN = 10, 100, 2000, [128, 128]
NOTE = """\
A network of 6 features and 128-128 units that ends in
`DistributionHead(LowRankNormal(D, {rank}))`, `model.fit` with batches of {batch}; milliseconds of a
training step. *Floor* is the same network, as wide, with plain MSE; up to {full} targets, *full*
is `Normal(D)`.
"""


def run(plan: Plan) -> dict[str, Any]:
    record = {}
    for targets in (20,) if plan.quick else TARGETS:
        rows = 200 if plan.quick else ROWS
        job = {
            "data": plan.data(rows, targets),
            "hidden": HIDDEN,
            "batch": BATCH,
            "epochs": 1 if plan.quick else 2,
            "passes": 0,
            "covariance": False,
            "way": "fit",
        }
        low = {**job, "rank": RANK}
        methods = {"low": Method("low rank", "keras_model.py", {**low, "head": "normal"})}
        if not plan.quick:
            methods["floor"] = Method("floor", "keras_model.py", {**low, "head": "floor"})
            if targets <= FULL:
                methods["full"] = Method("full", "keras_model.py", {**job, "head": "normal"})
        print(f"  D = {targets}", flush=True)
        steps = -(-rows // BATCH) * job["epochs"]
        record[str(targets)] = {"steps": steps, "methods": plan.measure(methods)}
    return record


def report(found: list[tuple[str, dict[str, Any]]]) -> str:
    head = ["D", "what", "a step, ms", "beside the floor", "memory, MB"]
    lines = []
    for machine, record in found:
        lines.append([f"*{machine}*", *[""] * (len(head) - 1)])
        for targets, told in record.items():
            lines += [_line(targets, told, name) for name in told["methods"]]
    return (
        f"{NOTE.format(rank=RANK, batch=BATCH, full=FULL)}\n{table(head, lines)}" if lines else ""
    )


def _line(targets: str, told: dict[str, Any], name: str) -> list[str]:
    record: Record = told["methods"][name]
    seconds = figures(record, "train_seconds")
    floor = figures(told["methods"].get("floor"), "train_seconds")
    return [
        f"{int(targets):,}",
        record["title"],
        failed(record) or text(1000 * median(seconds) / told["steps"]),
        text(ratio(seconds, floor)) if name == "low" else "",
        peak(record),
    ]
