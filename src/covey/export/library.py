"""The package `onnx`, imported when it is first needed."""

from __future__ import annotations

from types import ModuleType

from covey.errors import InputError


def onnx() -> ModuleType:
    """The package, with its `helper` and `numpy_helper`.

    Raises:
        InputError: it is not installed.
    """
    try:
        import onnx as library
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise InputError(
            "An ONNX file needs the package onnx, which is not installed. Run pip install "
            f'"covey[onnx]". The error was: {error}'
        ) from error
    return library
