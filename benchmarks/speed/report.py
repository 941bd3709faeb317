"""The part on speed of `docs/benchmarks.md`, from the figures that are kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import page
from benchmarks.speed import machine
from benchmarks.speed.sections import SECTIONS

PART = "speed"
RESULTS = Path(__file__).parent / "results"
HEAD = """\
## Speed

Written by `python -m benchmarks.speed report` from the figures in `benchmarks/speed/results/`,
which `python -m benchmarks.speed run` takes. Every method runs in a process of its own, peers in
environments of their own, and the processes take turns: A B C, A B C, ... All that is compared was
taken in one run, with all cores of the machine; cells are medians.
"""


def write(results: Path | None = None) -> None:
    """Write this part of the page and keep the others."""
    whole = page.PAGE.read_text() if page.PAGE.exists() else ""
    page.PAGE.write_text(page.with_part(whole, PART, part(results)))


def part(results: Path | None = None) -> str:
    """The part as Markdown."""
    records = _read(RESULTS if results is None else results)
    if not records:
        return ""
    pieces = [HEAD]
    for name, section in SECTIONS.items():
        found = [(title, told["record"]) for section, title, told in records if section == name]
        if found:
            pieces.append(f"### {section.TITLE}\n\n{section.report(found)}")
    return "\n".join([*pieces, _facts(records)])


def _read(results: Path) -> list[tuple[str, str, dict[str, Any]]]:
    found = []
    for path in sorted(results.glob("*/*.json")):
        told = json.loads(path.read_text())
        found.append((path.stem, machine.title(told["machine"]), told))
    return found


def _facts(records: list[tuple[str, str, dict[str, Any]]]) -> str:
    """Machines, versions, and how busy they were."""
    lines = ["### Machines and versions\n"]
    for title in dict.fromkeys(title for _, title, _ in records):
        own = [told for _, one, told in records if one == title]
        versions: dict[str, set[str]] = {}
        for told in own:
            for facts in _all_facts(told["record"]):
                for name, version in facts.get("versions", {}).items():
                    versions.setdefault(name, set()).add(version)
        named = ", ".join(f"{name} {'/'.join(sorted(v))}" for name, v in sorted(versions.items()))
        revisions = ", ".join(sorted({told["revision"] for told in own if told["revision"]}))
        load = max(told["machine"]["load_at_start"] for told in own)
        memory = own[0]["machine"]["memory_gb"]
        lines.append(
            f"* *{title}*, {memory} GB; {named}. Covey's revision {revisions}; other work on the "
            f"machine when a section began: a load of at most {load:.1f}.\n"
        )
    return "\n".join(lines)


def _all_facts(told: Any) -> list[dict[str, Any]]:
    """What processes said of themselves, wherever a section keeps it."""
    if not isinstance(told, dict):
        return []
    if isinstance(told.get("facts"), dict):
        return [told["facts"]]
    return [facts for value in told.values() for facts in _all_facts(value)]
