"""The one place that imports Keras: `from covey.backend.select import keras`.

Keras decides on its backend while it is imported, and fails if that backend is missing. So an
installed one is chosen first; if there is none, an error says what to install.
What the user chose, by KERAS_BACKEND or by importing Keras first, always stands.
"""

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

from covey.backend.arrival import ENGINES, choose, installed, preferred
from covey.errors import EngineError

__all__ = ["ENGINES", "check_can_train", "choose", "keras"]


def _forget_remains() -> None:
    """Drop what a failed import of Keras leaves behind, such as its choice of a backend."""
    for name in [name for name in sys.modules if name.startswith("keras.")]:
        del sys.modules[name]


def _import_keras() -> Any:
    if sys.modules.get("keras") is not None:
        return importlib.import_module("keras")
    named = os.environ.get("KERAS_BACKEND")
    like = preferred()
    backend = choose(named, like, installed)
    if backend != (named or like):
        os.environ["KERAS_BACKEND"] = backend
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
                f"Expected to import Keras on the backend {backend!r}. Received: {error}. "
                f'Install both: `pip install "covey[{backend if backend in ENGINES else "jax"}]"`.'
            ) from error
        raise


if TYPE_CHECKING:
    import keras
else:
    keras = _import_keras()


def check_can_train() -> None:
    """Refuse a backend of Keras' that can only predict, before anything is done on it.

    Raises:
        EngineError: Keras runs on a backend without gradients, such as numpy or openvino.
    """
    running = keras.config.backend()
    if running in ENGINES:
        return
    available = [backend for backend in ENGINES if installed(backend)]
    where = f"KERAS_BACKEND={running}" if os.environ.get("KERAS_BACKEND") else "Keras' own choice"
    advice = (
        f"Set KERAS_BACKEND={available[0]} and start Python again"
        if available
        else 'Install one: `pip install "covey[jax]"`'
    )
    raise EngineError(
        f"Expected a backend that can train: {', '.join(ENGINES)}. Received: {running!r} ({where}),"
        f" which can only predict. {advice}; a model that was fitted predicts on any."
    )
