"""`fit_files` beside `fit` on the same rows, and a fit that is killed beside one that is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.quality.markdown import table
from benchmarks.speed.data import Law
from benchmarks.speed.plan import Plan, failed, figures, median, peak, ratio, text
from benchmarks.speed.processes import Method, Record

TITLE = "Rows that are streamed"
ROWS, FILES, GROUP = 5_000_000, 8, 125_000
FEATURES, TARGETS, TEST_ROWS = 20, 5, 5_000
STEPS, BATCH = 4000, 256
LIMIT = 3600.0
WAYS = {"streamed": "`fit_files`", "memory": "`fit`", "resumed": "`fit_files`, killed and resumed"}
NOTE = """\
{rows:,} rows of {features} features and {targets} targets that are made, as {files} Parquet files
with row groups of {group:,}; five members, a Student-t, {steps:,} steps with batches of {batch}.
*Rows a second* are those that each member sees while it trains, looks at the held-out rows
included, compilation not; *seconds* are those of the whole fit, with what comes before the training
(two passes over the files; or reading them, and ridge regression on all rows) and after it. The
third fit was killed without warning in the middle, and resumed by another process. NLL is of
{test:,} further rows, in nats per row.
"""


def run(plan: Plan) -> dict[str, Any]:
    rows, steps = (3000, 40) if plan.quick else (ROWS, STEPS)
    job = written(plan.folder / "streaming", rows) | {"max_steps": steps, "batch": BATCH}
    job["looks"] = looks_of(job, rows)
    if plan.quick:
        job["settings"] = {"members": 2, "hidden_units": [8]}
    ways = ["streamed"] if plan.quick else list(WAYS)
    methods = {}
    # one fit of each way: a process of which the memory counts is not asked twice
    for way in ways:
        method = Method(WAYS[way], "streaming.py", {**job, "way": way})
        methods |= plan.measure({way: method}, rounds=1, repetitions=1, limit=LIMIT)
        print(f"    {way}: {methods[way]['timed']}, {methods[way]['peak_mb']} MB", flush=True)
    return {"rows": rows, "steps": steps, "methods": methods}


def written(folder: Path, rows: int) -> dict[str, Any]:
    """Make the files, a part at a time, and rows to test on; where they are, and their columns."""
    law = Law(FEATURES, TARGETS)
    features = [f"x{number}" for number in range(FEATURES)]
    targets = [f"y{number}" for number in range(TARGETS)]
    (folder / "rows").mkdir(parents=True, exist_ok=True)
    group = min(GROUP, rows // FILES)
    for number in range(FILES):
        writer = None
        for part in range(rows // FILES // group):
            columns = np.concatenate(law.draw(group, seed=1 + FILES * part + number), axis=1)
            named = dict(zip(features + targets, columns.T, strict=True))
            own = pa.table({name: np.ascontiguousarray(column) for name, column in named.items()})
            writer = writer or pq.ParquetWriter(folder / "rows" / f"{number}.parquet", own.schema)
            writer.write_table(own)
        writer.close()
    X, Y = law.draw(TEST_ROWS, seed=0)
    np.savez(folder / "test.npz", X=X, Y=Y)
    paths = {"files": str(folder / "rows"), "test": str(folder / "test.npz")}
    return {**paths, "features": features, "targets": targets}


def looks_of(job: dict[str, Any], rows: int) -> int:
    """How often training looks at the held-out rows."""
    from covey.members.validation import MOST_SCORED

    steps = job["max_steps"]
    least = 10 * min(MOST_SCORED, rows // 5) // (3 * job["batch"])
    return -(-steps // max(min(steps // 100, 50), least, 1))


def report(found: list[tuple[str, dict[str, Any]]]) -> str:
    head = ["way", "rows a second", "beside `fit`", "seconds", "memory, MB (after imports)", "NLL"]
    lines = []
    for machine, record in found:
        lines.append([f"*{machine}*", *[""] * (len(head) - 1)])
        methods = record["methods"]
        lines += [_line(told, methods.get("memory")) for told in methods.values()]
    if not lines:
        return ""
    note = NOTE.format(
        rows=found[0][1]["rows"],
        steps=found[0][1]["steps"],
        features=FEATURES,
        targets=TARGETS,
        files=FILES,
        group=GROUP,
        batch=BATCH,
        test=TEST_ROWS,
    )
    return f"{note}\n{table(head, lines)}"


def _line(record: Record, memory: Record | None) -> list[str]:
    rates = figures(record, "rows_per_second")
    return [
        record["title"],
        failed(record) or text(median(rates), ",.0f"),
        text(ratio(rates, figures(memory, "rows_per_second"))),
        text(median(figures(record, "fit_seconds")), ".0f"),
        peak(record),
        text(median(figures(record, "nll")), ".4f"),
    ]
