"""What jax compiled, kept for the next process: where Covey owns the process, as on a command line.

A program that imports Covey decides for itself: it sets JAX_COMPILATION_CACHE_DIR, or not.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

FOLDER = "JAX_COMPILATION_CACHE_DIR"
LEAST_SECONDS = "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"
LOCATIONS = "JAX_TRACEBACK_IN_LOCATIONS_LIMIT"
LARGEST = 2**28  # bytes, above which the folder is begun anew


def keep_compiled() -> None:
    """From now on, keep what is compiled in the user's cache folder; nothing where it cannot be.

    What the environment says already stands. It must be called before jax is imported.
    """
    if FOLDER in os.environ or "jax" in sys.modules:
        return
    try:
        folder = _folder()
        if folder.is_dir() and sum(file.stat().st_size for file in folder.iterdir()) > LARGEST:
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # no home is known, or nothing may be written there
        return
    if os.access(folder, os.W_OK):
        os.environ[FOLDER] = str(folder)
        os.environ.setdefault(LEAST_SECONDS, "0")
        # which line of Python each operation came from: a sixth of the time of a short fit
        os.environ.setdefault(LOCATIONS, "0")


def _folder() -> Path:
    """A folder for this jax on processors like this one: others may not know its instructions."""
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    try:
        jax = version("jaxlib")
    except PackageNotFoundError:
        jax = ""
    like = hashlib.sha256(f"{jax} {platform.machine()} {_instructions()}".encode()).hexdigest()
    return root / "covey" / f"compiled-{like[:16]}"


def _instructions() -> str:
    """What the processor can do, as far as the system says it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")
