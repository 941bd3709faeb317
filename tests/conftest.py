"""What several test files share."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings

from covey.errors import EngineError

with suppress(EngineError):  # the floors can be checked without an engine
    import covey.engine  # noqa: F401  # before any `import keras`, which would insist on tensorflow

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
