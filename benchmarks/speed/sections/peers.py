"""What users of several packages wait for, with the same tables."""

from __future__ import annotations

from typing import Any

from benchmarks.quality.markdown import table
from benchmarks.speed.plan import Plan, failed, figures, median, peak, text
from benchmarks.speed.processes import Method

TITLE = "Small fits, one row and a million rows, beside the peers"
ROWS, FEATURES, TARGETS, SEARCHED, SINGLE = 300, 6, 5, 240, 50
# package: title, environment, rows that are predicted (as many as a few minutes allow)
PEERS: dict[str, tuple[str, str | None, int]] = {
    "covey": ("Covey, defaults", None, 1_000_000),
    "lightgbm": ("LightGBM + constant covariance", "lightgbm", 1_000_000),
    "ngboost": ("NGBoost MVN", "trees", 100_000),
    "xgboostlss": ("XGBoostLSS MVN", "xgboostlss", 100_000),
    "treeffuser": ("treeffuser, 200 samples of a row", "treeffuser", 200),
}
NOTE = """\
{features} features, {targets} targets, a sine and correlated noise; settings as in the benchmark of
quality (of XGBoostLSS one of four, "exp" and 0.1). *First fit* is of {rows} rows in a new process,
compilation included and imports not; *next* is another fit of them. *Five folds* are the fits of a
cross-validation of {searched} rows. *One row* is its mean and covariance (or its samples) from the
model of {rows} rows, the median of {single}; *rows a second* are those of {many:,} rows, of fewer
where a package takes minutes for them.
"""


def run(plan: Plan) -> dict[str, Any]:
    record = {}
    for name, (title, environment, many) in PEERS.items():
        job: dict[str, Any] = {
            "package": name,
            "rows": ROWS,
            "features": FEATURES,
            "targets": TARGETS,
            "searched": SEARCHED,
            "many": many,
            "single": SINGLE,
            "options": {},
        }
        if plan.quick:
            if environment is not None:
                continue
            tiny = {"members": 2, "max_steps": 10, "hidden_units": [4], "trees": False}
            job |= {"rows": 40, "searched": 50, "many": 200, "single": 3, "options": tiny}
        method = Method(title, "peers.py", job, environment)
        record |= plan.measure({name: method}, rounds=min(plan.rounds, 3), repetitions=1)
    return record


def report(found: list[tuple[str, dict[str, Any]]]) -> str:
    head = [
        "method",
        "imports, s",
        f"first fit of {ROWS} rows, s",
        "next fit, s",
        "five folds, s",
        "one row, ms",
        "rows a second",
        "memory, MB (after imports)",
    ]
    lines = []
    for machine, record in found:
        lines.append([f"*{machine}*", *[""] * (len(head) - 1)])
        for told in record.values():
            ready = [figures(told, key, "ready") for key in ("package_seconds", "first_seconds")]
            imports, first = (median(values) for values in ready)
            lines.append(
                [
                    told["title"],
                    failed(told) or text(imports, ".1f"),
                    text(first, ".1f"),
                    text(median(figures(told, "fit_seconds")), ".1f"),
                    text(median(figures(told, "folds_seconds")), ".1f"),
                    text(1000 * median(figures(told, "row_seconds")), ".1f"),
                    text(median(figures(told, "rows_per_second")), ",.0f"),
                    peak(told),
                ]
            )
    note = NOTE.format(
        rows=ROWS,
        features=FEATURES,
        targets=TARGETS,
        searched=SEARCHED,
        single=SINGLE,
        many=PEERS["covey"][2],
    )
    return f"{note}\n{table(head, lines)}" if lines else ""
