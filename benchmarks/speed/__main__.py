"""`python -m benchmarks.speed`: time Covey, the floor and peers, and write what came of it."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from benchmarks import page
from benchmarks.quality.runner import revision
from benchmarks.speed import machine, report
from benchmarks.speed.plan import Plan
from benchmarks.speed.sections import SECTIONS
from tests.surroundings import surround


def main() -> None:
    options = _parser().parse_args()
    if options.command == "report":
        report.write()
        print(f"wrote docs/{page.PAGE.name}")
    elif options.quick:
        surround()
        quick(options.only or list(SECTIONS))
    else:
        measure(options)


def measure(options: argparse.Namespace) -> None:
    """Run sections, keep their figures, print and write the page."""
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(Path(folder), rounds=options.rounds, repetitions=options.repetitions)
        for name in options.only or SECTIONS:
            run(name, plan, options.results)
    print(report.part(options.results))
    if options.results == report.RESULTS:
        report.write()


def quick(names: list[str]) -> None:
    """The tiny form of sections, in a folder that goes away: does everything still run?"""
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(Path(folder), quick=True, rounds=1, repetitions=1)
        results = Path(folder, "results")
        failures = [words for name in names for words in _failures(run(name, plan, results))]
        print(f"{len(report.part(results).splitlines())} lines of a report")
    if failures:
        raise SystemExit("\n".join(failures))


def run(name: str, plan: Plan, results: Path) -> dict[str, object]:
    """Run one section and write its figures."""
    print(name, flush=True)
    facts, begun = machine.facts(), time.monotonic()
    record = SECTIONS[name].run(plan)
    told = {
        "machine": facts,
        "revision": revision(),
        "seconds": round(time.monotonic() - begun, 1),
        "record": record,
    }
    path = results / machine.name(facts) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=1) + "\n")
    print(f"  {told['seconds']} s", flush=True)
    return record


def _failures(told: object) -> list[str]:
    if not isinstance(told, dict):
        return []
    if "failure" in told:
        return [f"{told['title']}: {told['failure']}"]
    return [words for value in told.values() for words in _failures(value)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    measuring = commands.add_parser("run", help="time everything; leave the machine alone")
    measuring.add_argument("--only", nargs="+", choices=SECTIONS, metavar="SECTION")
    measuring.add_argument("--rounds", type=int, default=3, help="processes of each method")
    measuring.add_argument("--repetitions", type=int, default=5, help="timings in each process")
    measuring.add_argument(
        "--results", type=Path, default=report.RESULTS, help="another folder, and no page"
    )
    measuring.add_argument("--quick", action="store_true", help="tiny, Covey and the floor alone")
    commands.add_parser("report", help="write the speed part of docs/benchmarks.md")
    return parser


if __name__ == "__main__":
    main()
