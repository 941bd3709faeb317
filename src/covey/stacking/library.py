"""LightGBM, imported when it is first needed."""

from __future__ import annotations

from types import ModuleType

from covey.errors import EngineError


def lightgbm() -> ModuleType:
    """The library.

    Raises:
        EngineError: it is not installed, or lacks a library of the system.
    """
    try:
        import lightgbm as library
    except (ImportError, OSError) as error:  # OSError where OpenMP is lacking
        raise EngineError(
            "Boosted trees need LightGBM, which cannot be loaded here. The error was: "
            f"{error}. Install it (pip install lightgbm; on macOS also brew install libomp), or "
            "use trees=False."
        ) from error
    return library
