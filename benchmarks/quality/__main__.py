"""`python -m benchmarks.quality`: methods on data sets, published protocols, and the page."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.quality import (
    ablations,
    environments,
    gaps,
    later,
    protocol_a,
    protocol_b,
    regions,
    report,
    runner,
    seconds,
    tables,
)
from benchmarks.quality.methods import METHODS
from tests.surroundings import surround

QUICK = {"rows": 1000, "settings": ("members=2", "max_steps=200")}


def main() -> None:
    options = _parser().parse_args()
    if options.command == "environments":
        environments.make(options.names)
    elif options.command == "report":
        report.write()
        print(f"wrote {report.PAGE.relative_to(tables.ROOT)}")
    elif options.command == "run":
        if options.quick:
            surround()
            _quick()
        else:
            _tables(options)
    elif options.command == "ablations":
        for change in options.changes if _data() else ():
            for table in options.sets:
                _cell(
                    runner.result_path(runner.RESULTS, "ablations", f"{table}-{change}", 0),
                    lambda table=table, change=change: ablations.run(table, change),
                    options.again,
                )
    elif options.command == "seconds":
        for case in seconds.CASES:
            path = runner.result_path(runner.RESULTS, "seconds", case, 0)
            _cell(path, lambda case=case: seconds.run(case), options.again)
    elif options.command == "protocol-a":
        for repetition in range(*options.repetitions):
            for n in options.sizes:
                _cell(
                    runner.result_path(runner.RESULTS, "protocol_a", str(n), repetition),
                    lambda n=n, r=repetition: protocol_a.run(n, r),
                    options.again,
                )
    elif options.command == "gaps":
        for seed in range(*options.seeds) if _data() else ():
            for kind, names, compute in (
                ("gaps_deleted", gaps.DELETED, gaps.run),
                ("gaps_own", gaps.OWN, gaps.run_own),
            ):
                for name, way in product(names, gaps.WAYS):
                    if kind == "gaps_deleted" or way in ("gaps", "complete-rows"):
                        _cell(
                            runner.result_path(runner.RESULTS, kind, f"{name}-{way}", seed),
                            lambda c=compute, n=name, s=seed, w=way: c(n, s, w),
                            options.again,
                        )
    elif options.command == "regions":
        for seed, name in product(range(*options.seeds), options.sets) if _data() else ():
            _cell(
                runner.result_path(runner.RESULTS, "regions", name, seed),
                lambda name=name, seed=seed: regions.run(name, seed),
                options.again,
            )
    elif options.command == "later":
        for seed, name, method in (
            product(range(*options.seeds), options.sets, options.methods) if _data() else ()
        ):
            _cell(
                runner.result_path(runner.RESULTS, "later", f"{name}-{method}", seed),
                lambda name=name, method=method, seed=seed: later.run(name, method, seed),
                options.again,
            )
    elif _data():
        for seed, name in product(range(*options.seeds), options.sets):
            if options.missing:
                _cell(
                    runner.result_path(runner.RESULTS, "protocol_b_missing", name, seed),
                    lambda name=name, seed=seed: protocol_b.run_missing(name, seed),
                    options.again,
                )
                continue
            _cells(
                {
                    shape: runner.result_path(runner.RESULTS, f"protocol_b_{shape}", name, seed)
                    for shape in protocol_b.SHAPES
                },
                lambda name=name, seed=seed: protocol_b.run(name, seed),
                options.again,
            )


def _tables(options: argparse.Namespace) -> None:
    if not _data():
        return
    for seed in range(*options.seeds):
        for table in options.sets:
            split = None
            for name in options.methods:
                path = runner.result_path(runner.RESULTS, table, name, seed)
                if path.exists() and not options.again:
                    continue
                split = tables.split(table, seed) if split is None else split
                if split.Y_train.shape[1] > METHODS[name].most_targets:
                    continue
                record = runner.run(
                    METHODS[name],
                    name,
                    split,
                    threads=options.threads,
                    limit=options.limit,
                    keep_seconds=options.keep_seconds,
                )
                print(_line(record), flush=True)


def _quick() -> None:
    """Two small tables and two methods, in a folder that goes away: does everything still run?

    And one table each by protocol B and in the order of its rows.
    """
    names = ("enb", "mpg") if _data(quiet=True) else tables.BUNDLED
    with tempfile.TemporaryDirectory() as folder:
        for table in names:
            split = tables.split(table, 0, most_rows=QUICK["rows"])
            for name in ("ridge", "covey"):
                record = runner.run(
                    METHODS[name], name, split, Path(folder), settings=QUICK["settings"]
                )
                print(_line(record), flush=True)
                if "failure" in record:
                    raise SystemExit(1)
        few: dict[str, Any] = {"members": 2, "max_steps": 50}
        pair = tables.BUNDLED[1]
        for kind, cell, compute in (
            (
                "protocol_b_density",
                pair,
                lambda: protocol_b.run(pair, 0, ("density",), **few)["density"],
            ),
            ("later", f"{pair}-covey", lambda: later.run(pair, "covey", **few)),
        ):
            path = runner.result_path(Path(folder), kind, cell, 0)
            _cell(path, compute, False)
            if not path.exists():
                raise SystemExit(1)
        print(f"{len(report.page(Path(folder)).splitlines())} lines of a report")


def _cell(path: Path, compute: Callable[[], dict[str, Any]], again: bool) -> None:
    """Compute what is not there yet; one that fails says so, and the others go on."""
    _cells({"": path}, lambda: {"": compute()}, again)


def _cells(
    paths: dict[str, Path], compute: Callable[[], dict[str, dict[str, Any]]], again: bool
) -> None:
    """The same for several that are computed together, each under its key."""
    if all(path.exists() for path in paths.values()) and not again:
        return
    started = time.perf_counter()
    try:
        records = compute()
    except Exception as error:
        stem = next(iter(paths.values())).stem
        print(f"{stem}  failed: {type(error).__name__}: {error}", flush=True)
        return
    for key, path in paths.items():
        record = records[key]
        record["seconds"] = round(time.perf_counter() - started, 1)
        record["revision"] = runner.revision()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=1) + "\n")
        print(json.dumps(record), flush=True)


def _line(record: dict[str, Any]) -> str:
    head = f"{record['table']:20} {record['method']:16} {record['seed']}"
    if "failure" in record:
        return f"{head}  failed: {record['failure']}"
    found = record["scores"]
    mixture = f" (mixture {record['mixture']['nll']:.3f})" if "mixture" in record else ""
    density = f"{found['nll']:8.3f} nats per target{mixture}" if "nll" in found else "samples"
    return (
        f"{head}  {density}, energy {found['energy']:.3f}, rmse {found['rmse']:.3f}, "
        f"{record['fit_seconds']:.1f} s {record.get('note', '')}"
    )


def _data(*, quiet: bool = False) -> bool:
    found = (tables.data_folder() / "manifest.json").exists()
    if not found and not quiet:
        print("The folder of data sets is absent: set COVEY_DATA to where manifest.json lies.")
    return found


def _span(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last or first) + 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("environments", help="make the peers' environments")
    make.add_argument("names", nargs="*", help="all by default")
    commands.add_parser("report", help="write docs/benchmarks.md from the results")
    run = commands.add_parser("run", help="methods on data sets")
    run.add_argument("--sets", type=_list, default=[*tables.GENERAL, *tables.APART])
    run.add_argument("--methods", type=_list, default=list(METHODS))
    run.add_argument("--threads", type=int, default=1)
    run.add_argument("--limit", type=float, default=runner.LIMIT, help="seconds for one cell")
    run.add_argument("--quick", action="store_true", help="two small tables, nothing is kept")
    run.add_argument(
        "--keep-seconds", action="store_true", help="scores anew, beside other work; old seconds"
    )
    run.add_argument("--seeds", type=_span, default=(0, 3), help="one number or first-last")
    a = commands.add_parser("protocol-a", help="the simulation of O'Malley et al.")
    a.add_argument("--repetitions", type=_span, default=(0, 10))
    a.add_argument(
        "--sizes", type=lambda s: [int(n) for n in s.split(",")], default=protocol_a.SIZES
    )
    b = commands.add_parser("protocol-b", help="the conformal volumes of Braun et al.")
    b.add_argument("--seeds", type=_span, default=(0, 10))
    b.add_argument("--sets", type=_list, default=list(protocol_b.TITLES))
    b.add_argument("--missing", action="store_true", help="targets missing in training too")
    g = commands.add_parser("later", help="rows that come after those of training")
    g.add_argument("--seeds", type=_span, default=(0, 1))
    g.add_argument("--sets", type=_list, default=list(later.TABLES))
    g.add_argument("--methods", type=_list, default=["covey", "lightgbm"])
    e = commands.add_parser("gaps", help="what gaps in the targets cost")
    e.add_argument("--seeds", type=_span, default=(0, 3))
    f = commands.add_parser("regions", help="whether regions hold what they promise")
    f.add_argument("--seeds", type=_span, default=(0, 5))
    f.add_argument("--sets", type=_list, default=list(regions.TABLES))
    c = commands.add_parser("ablations", help="one change of the recipe at a time")
    c.add_argument("--changes", type=_list, default=list(ablations.CHANGES))
    c.add_argument("--sets", type=_list, default=list(ablations.TABLES))
    d = commands.add_parser("seconds", help="how long a default fit takes; leave the machine alone")
    for command in (run, a, b, c, d, e, f, g):
        command.add_argument("--again", action="store_true", help="also what is there already")
    return parser


def _list(text: str) -> list[str]:
    return text.split(",")


if __name__ == "__main__":
    main()
