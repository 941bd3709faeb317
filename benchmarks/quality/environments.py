"""The peers' environments: one for each file of pinned versions in `environments/`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.quality.methods import ENVIRONMENTS

PINS = Path(__file__).parent / "environments"


def make(names: list[str] | None = None) -> None:
    """Create the environments that are not there yet."""
    for pins in sorted(PINS.glob("*.txt")):
        home = ENVIRONMENTS / pins.stem
        if (names and pins.stem not in names) or (home / "done").exists():
            continue
        print(f"{pins.stem}: {sum(1 for line in pins.open() if '==' in line)} packages", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(home / "bin" / "pip"), "install", "-q"]
        # each file is complete: no peer pulls another build of torch, gigabytes for graphics cards
        subprocess.run([*pip, "--no-deps", *pins.read_text().split()], check=True)
        (home / "done").touch()
