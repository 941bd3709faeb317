"""`predict_distribution` beside the bare forward pass of the same members."""

from __future__ import annotations

from typing import Any

from benchmarks.quality.markdown import table
from benchmarks.speed.plan import Plan, failed, figures, median, peak, ratio, text
from benchmarks.speed.processes import Method, Record

TITLE = "`predict_distribution` beside the bare forward pass"
# title: hidden units, D, family
CASES: dict[str, tuple[list[int], int, str]] = {
    "24-12, D = 5, normal": ([24, 12], 5, "normal"),
    "256-256-256, D = 5, normal": ([256] * 3, 5, "normal"),
    "256-256-256, D = 5, Student-t": ([256] * 3, 5, "student_t"),
    "256-256-256, D = 30, normal": ([256] * 3, 30, "normal"),
}
QUICK_CASES: dict[str, tuple[list[int], int, str]] = {"tiny": ([8], 2, "student_t")}
MEMBERS, ROWS, PASSES = 5, 10_000, 3
WAYS = {
    "distribution": "`predict_distribution`, mean and covariance",
    "bare-256": "Keras' `predict`, 256 rows at a time",
    "bare-4096": "Keras' `predict`, 4,096 rows at a time",
}
NOTE = """\
{members} members, {rows:,} rows. `predict_distribution` reads the table, scales it, runs the
members, joins their distributions into one per row and gives means and covariances in target
units; the bare pass is Keras' `predict` of the same members in one network on a matrix that is
ready. Times are beside the faster of the two bare passes.
"""


def run(plan: Plan) -> dict[str, Any]:
    rows, passes = (300, 1) if plan.quick else (ROWS, PASSES)
    record = {}
    for case, (hidden, targets, family) in (QUICK_CASES if plan.quick else CASES).items():
        job = {
            "data": plan.data(rows, targets),
            "hidden": hidden,
            "family": family,
            "members": MEMBERS,
            "fitted": 200 if plan.quick else 2000,
            "max_steps": 20,
            "passes": passes,
        }
        methods = {
            way: Method(title, "ensemble_predict.py", {**job, "way": way})
            for way, title in WAYS.items()
            if not plan.quick or way == "distribution"
        }
        print(f"  {case}", flush=True)
        record[case] = {"size": {"rows": rows, "passes": passes}, "methods": plan.measure(methods)}
    return record


def report(found: list[tuple[str, dict[str, Any]]]) -> str:
    head = ["network", "what", "rows/s", "beside the bare pass", "memory, MB"]
    lines = []
    for machine, record in found:
        lines.append([f"*{machine}*", *[""] * (len(head) - 1)])
        for case, told in record.items():
            lines += [_line(case, told["size"], told["methods"], way) for way in told["methods"]]
    return f"{NOTE.format(members=MEMBERS, rows=ROWS)}\n{table(head, lines)}" if lines else ""


def _line(case: str, size: dict[str, int], methods: dict[str, Record], way: str) -> list[str]:
    record = methods[way]
    seconds = figures(record, "predict_seconds")
    bare = [figures(methods.get(name), "predict_seconds") for name in methods if "bare" in name]
    beside = [ratio(seconds, one) for one in bare if one]
    return [
        case,
        record["title"],
        failed(record) or text(size["rows"] * size["passes"] / median(seconds), ",.0f"),
        text(max(beside)) if way == "distribution" and beside else "",
        peak(record),
    ]
