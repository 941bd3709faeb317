"""Rows per second of training and of prediction with Keras blocks, beside the floor and peers."""

from __future__ import annotations

from typing import Any

from benchmarks.quality.markdown import table
from benchmarks.speed.plan import Plan, failed, figures, median, peak, ratio, text
from benchmarks.speed.processes import Method, Record

TITLE = "Training and prediction with Keras blocks"
# name: title, and what a job of it is; `passes` is how often all rows are predicted in a timing
SIZES: dict[str, tuple[str, dict[str, Any]]] = {
    "question": (
        "6 features, 24-12 units, D = 5, batches of 100",
        {"hidden": [24, 12], "targets": 5, "batch": 100, "rows": 10_000, "epochs": 10},
    ),
    "wide": (
        "6 features, 256-256-256 units, D = 5, batches of 1,024",
        {"hidden": [256] * 3, "targets": 5, "batch": 1024, "rows": 20_480, "epochs": 5},
    ),
    "many": (
        "6 features, 256-256-256 units, D = 30, batches of 1,024",
        {"hidden": [256] * 3, "targets": 30, "batch": 1024, "rows": 20_480, "epochs": 3},
    ),
}
PASSES = 5
QUICK = {"hidden": [24, 12], "targets": 5, "batch": 100, "rows": 500, "epochs": 1}
# A way to train is a function of `WAYS` in workers/keras_model.py: its name, and its title here.
WAYS = {
    "fit": "`model.fit`",
    "steps": "`model.fit`, `steps_per_execution=32`",
    "covey": "`covey.fit`",
}
HEADS = {"normal": "Covey", "floor": "floor", "wide": "floor, wide targets"}  # of keras_model.py
NOTE = """\
Data that are made, the same rows for everyone; Adam at 0.001; a first epoch, in which all is
compiled, and one more of everything are not counted. *Floor* is the same network, its output as
wide, trained with plain MSE on the same targets, filled up with zeros inside the loss; with *wide
targets* the zeros are part of the data, as one would write it. The columns *beside* compare times
of training, the median of the ratios of neighbouring turns: Covey with the floors trained in the
same way, and everyone with `covey.fit`. Prediction is of means and covariances,
as arrays in NumPy (Covey's in float64, the peers' in float32), {at_once:,} rows at a time; of the
floor, of its outputs. *Compilation* is by how many seconds the first epoch was slower, building the
model included. Memory is the most that the process ever held, in MB, and what of it came after the
imports. The loop in torch is as bare as can be: no loader, no checks of arguments.
"""


def methods(job: dict[str, Any], *, quick: bool = False) -> dict[str, Method]:
    """Covey and the floor in each way, and the peers."""
    found = {}
    for way, title in WAYS.items():
        if quick and way == "steps":  # long to compile, and Keras' own
            continue
        for head, name in HEADS.items():
            if head == "wide" and (quick or way == "steps"):
                continue
            own = {**job, "head": head, "way": way}
            found[f"{head}-{way}"] = Method(f"{name}, {title}", "keras_model.py", own)
    if not quick:
        script, tfp = "tfp_model.py", "tf-keras + TFP"
        found |= {
            "tfp": Method(tfp, script, {**job, "xla": False}, "tfp"),
            "tfp-xla": Method(f"{tfp}, XLA", script, {**job, "xla": True}, "tfp"),
            "tfp-xla-steps": Method(
                f"{tfp}, XLA, `steps_per_execution=32`",
                script,
                {**job, "xla": True, "steps": 32},
                "tfp",
            ),
            "torch": Method("a loop in torch", "torch_model.py", job, "mapie"),
            "torch-one": Method(
                "a loop in torch, one thread", "torch_model.py", {**job, "threads": 1}, "mapie"
            ),
        }
    return found


def run(plan: Plan) -> dict[str, Any]:
    sizes = {"question": ("", QUICK)} if plan.quick else SIZES
    record = {}
    for name, (_, size) in sizes.items():
        print(f"  {name}", flush=True)
        job = {**size, "passes": PASSES, "data": plan.data(size["rows"], size["targets"])}
        record[name] = {
            "size": {**size, "passes": PASSES},
            "methods": plan.measure(methods(job, quick=plan.quick)),
        }
    return record


def report(found: list[tuple[str, dict[str, Any]]]) -> str:
    parts = [NOTE.format(at_once=1024)]
    head = [
        "method",
        "training, rows/s",
        "beside the floor",
        "beside the wide floor",
        "beside `covey.fit`",
        "prediction, rows/s",
        "compilation, s",
        "memory, MB (after imports)",
    ]
    for name, (title, _) in SIZES.items():
        lines = []
        for machine, record in found:
            if name in record:
                size, records = record[name]["size"], record[name]["methods"]
                lines.append([f"*{machine}*", *[""] * (len(head) - 1)])
                lines += [_line(size, records, method) for method in records]
        if lines:
            if not any(_accelerated(record) for _, record in found):
                lines.append(["*an accelerator: not measured yet*", *[""] * (len(head) - 1)])
            parts.append(f"**{title}**\n\n" + table(head, lines))
    return "\n".join(parts)


def _line(size: dict[str, Any], records: dict[str, Record], method: str) -> list[str]:
    record = records[method]
    trained = figures(record, "train_seconds")
    predicted = figures(record, "predict_seconds")
    first = figures(record, "first_train_seconds", "ready")
    head, _, way = method.partition("-")
    floors = [
        text(ratio(trained, figures(records.get(f"{other}-{way}"), "train_seconds")))
        if head == "normal"
        else ""
        for other in ("floor", "wide")
    ]
    compilation = max(median(first) - median(trained) / size["epochs"], 0)  # NaN stays NaN
    beside = ratio(trained, figures(records.get("normal-covey"), "train_seconds"))
    return [
        record["title"],
        failed(record) or text(size["rows"] * size["epochs"] / median(trained), ",.0f"),
        *floors,
        text(beside),
        text(size["rows"] * size["passes"] / median(predicted), ",.0f"),
        text(compilation, ".1f"),
        peak(record),
    ]


def _accelerated(record: dict[str, Any]) -> bool:
    everyone = (r for size in record.values() for r in size["methods"].values())
    return any(r.get("facts", {}).get("device", "cpu") != "cpu" for r in everyone)
