"""The one place that imports Keras: `from covey.engine import keras`.

Keras decides on its engine while it is imported, and dies there when that engine is missing.
Here is found, before, an engine that is installed; or said, in a sentence, what to install.
What the user chose, by KERAS_BACKEND or by importing Keras first, always stands.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from covey.errors import EngineError

__all__ = ["ENGINES", "choose", "keras"]

ENGINES = ("jax", "tensorflow", "torch")


def choose(named: str | None, preferred: str, installed: Callable[[str], bool]) -> str:
    """Choose the engine that Keras runs on.

    Args:
        named: What KERAS_BACKEND says; None or "" when it says nothing.
        preferred: What Keras would take by itself.
        installed: Whether a package can be imported, by its name.

    Returns:
        `named` when there is one, else `preferred` when it is installed, else the first of
        `ENGINES` that is.

    Raises:
        EngineError: If `named` is not installed, or no engine is.
    """
    available = [engine for engine in ENGINES if installed(engine)]
    if named:
        if installed(named):
            return named
        raise EngineError(
            f"Expected KERAS_BACKEND to name an installed engine. Received: {named!r}, which is "
            f"not installed (installed: {', '.join(available) or 'none'}). "
            + (f"Unset it, set it to {' or '.join(map(repr, available))}, or " if available else "")
            + f'install one: `pip install "covey[{named if named in ENGINES else "jax"}]"`.'
        )
    if installed(preferred):
        return preferred
    if available:
        return available[0]
    raise EngineError(
        f"Expected an engine for Keras to run on, and none of {', '.join(ENGINES)} is installed: "
        'install one (`pip install "covey[jax]"`), or set KERAS_BACKEND to the engine you have.'
    )


def _installed(name: str) -> bool:
    try:
        spec = find_spec(name) if name.isidentifier() else None
    except ValueError:
        return False
    # A folder that happens to be called "torch" is found as well, without an origin.
    return spec is not None and spec.origin is not None


def _preferred() -> str:
    """Return what Keras takes when nobody tells it: the rule of its own configuration module."""
    home = os.environ.get("KERAS_HOME")
    if home is None:
        user = os.path.expanduser("~")
        home = os.path.join(user if os.access(user, os.W_OK) else "/tmp", ".keras")
    try:
        config = json.loads(Path(home, "keras.json").expanduser().read_text())
    except (OSError, ValueError):
        return "tensorflow"
    return str(config.get("backend", "tensorflow")) if isinstance(config, dict) else "tensorflow"


def _forget_remains() -> None:
    """Drop what a failed import of Keras leaves behind, such as its choice of an engine."""
    for name in [name for name in sys.modules if name.startswith("keras.")]:
        del sys.modules[name]


def _import_keras() -> Any:
    if sys.modules.get("keras") is not None:
        return importlib.import_module("keras")
    named = os.environ.get("KERAS_BACKEND")
    preferred = _preferred()
    engine = choose(named, preferred, _installed)
    if engine != (named or preferred):
        os.environ["KERAS_BACKEND"] = engine
    _forget_remains()
    try:
        return importlib.import_module("keras")
    except BaseException as error:
        _forget_remains()
        if named is None:
            os.environ.pop("KERAS_BACKEND", None)
        else:
            os.environ["KERAS_BACKEND"] = named
        if isinstance(error, ImportError):
            raise EngineError(
                f"Expected to import Keras on the engine {engine!r}. Received: {error}. "
                f'Install both: `pip install "covey[{engine if engine in ENGINES else "jax"}]"`.'
            ) from error
        raise


keras = _import_keras()
