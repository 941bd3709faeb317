"""Keras' operations, imported when the first of them is called.

Families can thus be read from files, and predict with NumPy, where no backend is installed.
"""

from importlib import import_module
from typing import Any

import numpy as np

from covey.backend import numpy_operations

__all__ = ["backend", "of", "ops"]


class _Later:
    """Stands for `keras.ops`, which needs a backend."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module("covey.backend.select").keras.ops, name)


ops = _Later()


def backend() -> str:
    """The name of the backend that Keras runs on."""
    return str(import_module("covey.backend.select").keras.config.backend())


def of(x: Any) -> Any:
    """The operations for numbers like these: NumPy's for its arrays, Keras' for all else."""
    return numpy_operations if isinstance(x, np.ndarray) else ops
