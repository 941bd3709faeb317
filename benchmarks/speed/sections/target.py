"""Seconds until the estimator's test likelihood is as good as a peer's in the end."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.quality.markdown import table
from benchmarks.speed.data import Law
from benchmarks.speed.plan import FEATURES, Plan, failed, figures, median, peak, text
from benchmarks.speed.processes import LIMIT, Method, Record

TITLE = "Seconds to the likelihood of a peer"
ROWS, TEST_ROWS, TARGETS = 10_000, 5_000, 5
VALIDATION = 0.15  # share of the training rows on which peers stop
LIMITS: dict[str, dict[str, Any]] = {
    **{f"`max_steps={n}`": {"max_steps": n} for n in (10, 25, 50, 100, 200, 400, 800)},
    **{
        f"`max_steps={n}, trees=False`": {"max_steps": n, "trees": False} for n in (10, 25, 50, 100)
    },
    **{f"`max_time={n}`": {"max_time": n} for n in (3, 4, 6, 8, 12)},
    "defaults": {},
}
QUICK_SETTINGS = {"family": "student_t", "max_steps": 20, "members": 2, "hidden_units": [8]}
QUICK_LIMITS: dict[str, dict[str, Any]] = {"`max_steps=20`": QUICK_SETTINGS}
XGBOOST = [(response, eta) for response in ("exp", "softplus") for eta in (0.1, 0.03)]
NOTE = """\
{rows:,} rows of {features} features and {targets} targets that are made: a nonlinear mean, and a
covariance whose sizes and correlations go by the row. NLL is of {test:,} further rows, in nats per
row; that of the truth is {truth:.3f}. Every fit is in a process of its own, compilation included,
imports not (they have a column). Figures are medians over seeds (here {rounds}), with each of which
everyone is fitted once. Peers as in the benchmark of quality, but NGBoost on all
rows, and each setting of XGBoostLSS by itself; a fit may take {minutes:.0f} minutes. *Covey until
then* is the quickest fit with an NLL at least as good as the peer's in the end, among
those with a smaller `max_steps`, with and without trees, or `max_time` ({limits})
and the defaults: its seconds, how many times as long the peer took, and its NLL. *Compiled before*
is the same for the second fit of a process, by `max_steps`.
"""


def run(plan: Plan) -> dict[str, Any]:
    rows, test = (300, 100) if plan.quick else (ROWS, TEST_ROWS)
    law = Law(FEATURES, TARGETS)
    (X, Y), (X_test, Y_test) = law.draw(rows, seed=0), law.draw(test, seed=1)
    path = plan.folder / "target.npz"
    held = np.random.default_rng(0).random(rows) < VALIDATION
    np.savez(path, X=X, Y=Y, X_test=X_test, Y_test=Y_test, validation=held)
    methods: dict[str, Record] = {}
    for seed in range(1 if plan.quick else min(plan.rounds, 3)):
        job = {"data": str(path), "seed": seed}
        # one fit of each: a process is not asked twice
        for name, method in _methods(job, plan.quick).items():
            found = plan.measure({name: method}, rounds=1, repetitions=1)[name]
            _add(methods.setdefault(name, {}), found)
            print(f"    {seed} {found['title']}: {found['timed']}", flush=True)
    return {"truth": law.nll(X_test, Y_test), "rows": rows, "test": test, "methods": methods}


def _methods(job: dict[str, Any], quick: bool) -> dict[str, Method]:
    found = {}
    if not quick:
        found["ngboost"] = Method("NGBoost MVN", "ngboost_fit.py", job, "trees")
        for response, eta in XGBOOST:
            own = {**job, "response": response, "eta": eta}
            found[f"xgboostlss-{response}-{eta}"] = Method(
                f"XGBoostLSS MVN, {response}, {eta}", "xgboostlss_fit.py", own, "xgboostlss"
            )
    for title, settings in (QUICK_LIMITS if quick else LIMITS).items():
        found[f"covey {title}"] = Method(title, "covey_fit.py", {**job, "settings": settings})
    return found


def _add(record: Record, found: Record) -> None:
    """Join the figures of another process to those that are there."""
    for key, value in found.items():
        if isinstance(value, list):
            record.setdefault(key, []).extend(value)
        else:
            record.setdefault(key, value)


def report(found: list[tuple[str, dict[str, Any]]]) -> str:
    if not found:
        return ""
    head = [
        "method",
        "NLL",
        "seconds of the fit",
        "Covey until then",
        "compiled before",
        "imports, s",
        "memory, MB (after imports)",
    ]
    lines = []
    for machine, record in found:
        lines.append([f"*{machine}*", *[""] * (len(head) - 1)])
        methods = record["methods"]
        for name, told in methods.items():
            if not name.startswith("covey"):
                until = [_until(methods, told, key) for key in ("fit_seconds", "again_seconds")]
                lines.append(_line(told, until))
        for name in methods.keys() & {"covey defaults"}:
            lines.append(_line(methods[name], ["", ""], "Covey, "))
    first = found[0][1]
    note = NOTE.format(
        rows=first["rows"],
        test=first["test"],
        features=FEATURES,
        targets=TARGETS,
        truth=first["truth"],
        rounds=max(len(told["timed"]) for told in first["methods"].values()),
        minutes=LIMIT / 60,
        limits=", ".join(
            dict.fromkeys(str(n) for each in LIMITS.values() for n in each.values() if n)
        ),
    )
    return f"{note}\n{table(head, lines)}"


def _line(record: Record, until: list[str], prefix: str = "") -> list[str]:
    return [
        prefix + record["title"],
        failed(record) or text(_nll(record), ".3f"),
        text(median(figures(record, "fit_seconds")), ".1f"),
        *until,
        text(median(figures(record, "import_seconds", "ready")), ".1f"),
        peak(record),
    ]


def _nll(record: Record) -> float:
    return median(figures(record, "nll"))


def _until(methods: dict[str, Record], peer: Record, key: str) -> str:
    """The quickest fit of Covey, with or without a limit, that is as good as a peer's."""
    good = [
        record
        for name, record in methods.items()
        if name.startswith("covey")
        and _nll(record) <= _nll(peer)
        # a second fit makes use of all the time there is
        and not (key == "again_seconds" and "max_time" in name)
    ]
    if np.isnan(_nll(peer)):
        return ""
    if not good:
        return "not reached"

    def seconds(record: Record) -> float:
        return median(figures(record, key))

    best = min(good, key=seconds)
    times = median(figures(peer, "fit_seconds")) / seconds(best)
    return f"{seconds(best):.1f} (x {times:.1f}; {best['title']}, {_nll(best):.3f})"
