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
        # each file is complete; a peer's own demand for a build of torch with gigabytes of libraries
        # for graphics cards is left unheard
        subprocess.run([*pip, "--no-deps", *pins.read_text().split()], check=True)
        (home / "done").touch()
