"""What several test files share."""

import gc
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings

from covey.errors import EngineError
from tests.surroundings import COMPILED, surround

LARGEST_CACHE = 2**30  # bytes
LARGE = 1_200_000_000  # bytes of a process
GROWN = 300_000_000  # bytes since it was last made smaller

surround()  # before a backend is imported
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


def held() -> int:
    """Bytes of memory that this process holds, as Linux tells them; 0 elsewhere."""
    with suppress(OSError):
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    return 0


ENOUGH = [LARGE]


@pytest.fixture(scope="module", autouse=True)
def _forget_what_was_compiled():
    """Files share little of what they compile, and all of it would be kept: 5 GB in the end.

    To forget takes a third of a second, and not all memory comes back: it waits for more to grow.
    """
    yield
    if held() > ENOUGH[0] and "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
        gc.collect()
        ENOUGH[0] = max(LARGE, held() + GROWN)


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
