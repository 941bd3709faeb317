"""What several test files share."""

import gc
import os
import shutil
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings

from covey.errors import EngineError

# Before a backend is imported, and handed on to the processes that tests start: more than half of
# all time goes into compiling. What is set in the environment already stands.
COMPILED = Path(__file__).parents[1] / ".pytest_cache" / "compiled"
LARGEST_CACHE = 2**30  # bytes
LARGE = 1_200_000  # of a process, in kilobytes
SURROUNDINGS = {
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
for name, value in SURROUNDINGS.items():
    os.environ.setdefault(name, value)
# The older way to fuse loops compiles in half the time. XLA ends a process for a flag that it does
# not know, so it is told of this one where jax is of the version with which it was tried.
with suppress(PackageNotFoundError):
    pins = Path(__file__).parents[1] / "constraints.txt"
    if f"jaxlib=={version('jaxlib')}" in pins.read_text(encoding="utf-8").split():
        os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false")

with suppress(EngineError):  # the floors can be checked without an engine
    import covey.backend.select  # noqa: F401  # before any `import keras`, which would insist on tensorflow

# A first call compiles, and a slow machine is not a bug.
settings.register_profile("covey", deadline=None)
settings.load_profile("covey")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Real data sets, beside the checkout where it has them; Covey ships one of them only."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the data sets in ../shared/data are not on this machine")
    return folder


def pytest_configure(config) -> None:
    """Start with an empty cache once it has grown large: it is never tidied."""
    if hasattr(config, "workerinput") or not COMPILED.is_dir():
        return
    if sum(file.stat().st_size for file in COMPILED.iterdir()) > LARGEST_CACHE:
        shutil.rmtree(COMPILED)


@pytest.fixture(scope="module", autouse=True)
def _forget_what_was_compiled():
    """Files share little of what they compile, and all of it would be kept: 5 GB in the end."""
    yield
    with suppress(ImportError):
        import resource

        large = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > LARGE
        if large and "jax" in sys.modules:
            sys.modules["jax"].clear_caches()
            gc.collect()


class Clock:
    """Goes on by a quarter of a second whenever it is read, however long anything takes."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 0.25
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    """The clock by which fits keep `max_time`, the same on every machine."""
    clock = Clock()
    for module in ("covey.regressor", "covey.members.loop"):
        monkeypatch.setattr(f"{module}.time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


@pytest.fixture(scope="module")
def few_steps():
    """Where a command says how long to train, it ends after some 50 steps, on any machine."""
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        yield


def shorten(patch) -> None:
    """Have trainings end after some 50 steps."""
    patch.setattr("covey.members.recipe.LEAST_STEPS", 50)
    patch.setattr("covey.members.recipe.STEPS_PER_ROW", 0.0)
