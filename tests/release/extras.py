"""Each extra alone in an empty environment: it does its smallest job, and the base does without.

A job is a script of `jobs/` that runs outside the tree with the installed package. It gets a folder
with a saved model and a table, and ends with an error if anything is amiss.
"""

import subprocess
import sys
import time
from pathlib import Path

from tests.release import environment

JOBS = Path(__file__).parent / "jobs"
BASE = "base"  # no extra at all
TRAINS = ("jax", "tensorflow", "torch")
TOOLS = ("check", "docs", "notebook", "test")  # of those who develop Covey
# Tried by name alone: they are large, and have tests in environments of their own.
LARGE = ("tensorflow", "torch", "ray")


def job_of(extra: str) -> Path:
    """The script that tries an extra."""
    return JOBS / f"{'train' if extra in TRAINS else extra}.py"


def known() -> list[str]:
    """The extras that have a job, and the base."""
    others = {path.stem for path in JOBS.glob("*.py")} - {"train", BASE}
    return [BASE, *sorted(others), *TRAINS]


def try_each(folder: Path, wheel: Path, root: Path, chosen: list[str]) -> None:
    """Try extras one after the other.

    Args:
        folder: to work in, outside the tree.
        wheel: to be installed.
        root: of the tree, for pins and for the saved model.
        chosen: names of extras; all but the large ones if there are none.
    """
    unknown = sorted(set(chosen) - set(known()))
    if unknown:
        sys.exit(f"Expected some of {', '.join(known())}. Received: {', '.join(unknown)}.")
    for extra in chosen or [name for name in known() if name not in LARGE]:
        started = time.monotonic()
        pins = root / "constraints.txt"
        place = folder / extra
        python = environment.create(place, wheel, "" if extra == BASE else extra, pins)
        work = folder / f"work-{extra}"
        work.mkdir()
        command = [python, job_of(extra), root / "tests" / "data" / "small.covey"]
        # isolated, but for what the job's own folder would add to the path
        ended = subprocess.run([command[0], "-I", *command[1:]], cwd=work, env=environment.bare())
        if ended.returncode:
            sys.exit(f"covey[{extra}] fails alone; its environment is left in {place}.")
        print(f"covey[{extra}]: good, {time.monotonic() - started:.0f} s", flush=True)
