"""Where things run only to see whether they do: less is optimised, and what is compiled is kept.

More than half of the time of tests, of pages and of benchmarks in their tiny form goes into
compiling. They share one folder of what was compiled, so their surroundings must be the same.
"""

from __future__ import annotations

import os
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMPILED = ROOT / ".pytest_cache" / "compiled"
VARIABLES = {
    "JAX_COMPILATION_CACHE_DIR": str(COMPILED),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",  # less is not worth a file
    # a quarter less work, as most of what is compiled runs for a moment; `make test-all` lets it be
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    # a sixth of the time of a fit goes into noting which line of Python each operation came from
    "JAX_TRACEBACK_IN_LOCATIONS_LIMIT": "0",
    "JAX_TRACEBACK_FILTERING": "off",
    # each of the processes that share the cores keeps to one; threads that wait for each other spin
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def surround() -> None:
    """Set the variables, for this process and those that it starts; before jax is imported.

    What is set in the environment already stands.
    """
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
    # The older way to fuse loops compiles in half the time. XLA ends a process for a flag that it
    # does not know, so it is told of this one where jax is of the version with which it was tried.
    with suppress(PackageNotFoundError):
        pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
        if f"jaxlib=={version('jaxlib')}" in pins:
            os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false")
