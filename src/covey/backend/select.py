"""The one place that imports Keras: `from covey.backend.select import keras`.

Keras decides on its engine while it is imported, and dies there when that engine is missing.
Here is found, before, an engine that is installed; or said, in a sentence, what to install.
What the user chose, by KERAS_BACKEND or by importing Keras first, always stands.
"""

import importlib
import os
import sys
from typing import Any

from covey.backend.arrival import ENGINES, choose, installed, preferred
from covey.errors import EngineError

__all__ = ["ENGINES", "check_can_train", "choose", "keras"]


def _forget_remains() -> None:
    """Drop what a failed import of Keras leaves behind, such as its choice of an engine."""
    for name in [name for name in sys.modules if name.startswith("keras.")]:
        del sys.modules[name]


def _import_keras() -> Any:
    if sys.modules.get("keras") is not None:
        return importlib.import_module("keras")
    named = os.environ.get("KERAS_BACKEND")
    like = preferred()
    engine = choose(named, like, installed)
    if engine != (named or like):
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


def check_can_train() -> None:
    """Refuse an engine of Keras' that can only predict, before anything is done on it.

    Raises:
        EngineError: Keras runs on an engine without gradients, such as numpy or openvino.
    """
    running = keras.config.backend()
    if running in ENGINES:
        return
    available = [engine for engine in ENGINES if installed(engine)]
    where = f"KERAS_BACKEND={running}" if os.environ.get("KERAS_BACKEND") else "Keras' own choice"
    advice = (
        f"Set KERAS_BACKEND={available[0]} and start Python again"
        if available
        else 'Install one: `pip install "covey[jax]"`'
    )
    raise EngineError(
        f"Expected an engine that can train: {', '.join(ENGINES)}. Received: {running!r} ({where}),"
        f" which can only predict. {advice}; a model that was fitted predicts on any."
    )
