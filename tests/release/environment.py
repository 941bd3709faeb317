"""Empty environments with a wheel in them."""

import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path


def create(folder: Path, wheel: Path, extra: str, pins: Path) -> Path:
    """Install a wheel into a new environment.

    Args:
        folder: of the environment.
        wheel: to be installed.
        extra: its extras, separated by commas; may be empty.
        pins: file of the versions to take.

    Returns:
        The Python of the environment.
    """
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    install(python, wheel, extra, pins)
    return python


def install(python: Path, wheel: Path, extra: str, pins: Path) -> None:
    """Install a wheel and some of its extras."""
    what = f"{wheel}[{extra}]" if extra else str(wheel)
    options = ["-q", "--disable-pip-version-check", "-c", str(pins)]
    subprocess.run([python, "-m", "pip", "install", *options, what], check=True)


def bare() -> dict[str, str]:
    """What a new terminal has: no path to a source tree, and no chosen backend."""
    left_out = ("PYTHON", "KERAS", "COVEY", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)}


def run_tests(python: Path, tree: Path, tests: Sequence[str], options: Sequence[str] = ()) -> None:
    """Run tests in a tree without sources, and end if one fails."""
    workers = ["-n", str(min(os.cpu_count() or 1, 4)), "--dist", "worksteal"]
    # Named always: only it fails where another covey than the installed one was imported.
    chosen = ["tests/release/test_installed.py", *tests] if tests else []
    command = [python, "-m", "pytest", "-q", *workers, *options, *chosen]
    ended = subprocess.run(command, cwd=tree, env=bare())
    if ended.returncode:
        sys.exit(f"Tests failed; what was installed is left in {tree.parent}.")
