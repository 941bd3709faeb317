"""What `import covey` does for a Keras that is imported later: a backend, and Covey's layers.

Keras reads KERAS_BACKEND while it is imported, and fails if that backend is missing. It loads a
saved model only if the classes that the file names were registered. Both are seen to at the moment
when Keras arrives, so that `import covey` need not import it.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

from covey.backend import forks
from covey.errors import EngineError

TYPE_CHECKING = False  # that of `typing`, whose import takes longer than all that is here
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

__all__ = ["ENGINES", "choose", "installed", "preferred", "registered", "watch"]

ENGINES = ("jax", "tensorflow", "torch")

# What Keras calls a class in a file, and the module of Covey that it is in.
CLASSES = {
    "covey>DistributionHead": "layers",
    "covey>LowRankNormal": "families.low_rank",
    "covey>MemberAdamW": "members.optimizer",
    "covey>MemberHead": "members.layers",
    "covey>MemberDense": "members.layers",
    "covey>NegativeLogLikelihood": "losses",
    "covey>Mixture": "families.mixture",
    "covey>Normal": "families.normal",
    "covey>PiecewiseLinear": "members.layers",
    "covey>StudentT": "families.student_t",
    "covey>WhitenedLikelihood": "members.loss",
}


def choose(named: str | None, preferred: str, installed: Callable[[str], bool]) -> str:
    """Choose the backend that Keras runs on.

    Args:
        named: What KERAS_BACKEND says; None or "" when it says nothing.
        preferred: What Keras would take by itself.
        installed: Whether a package can be imported, by its name.

    Returns:
        `named` when there is one, else `preferred` when it is installed, else the first of
        `ENGINES` that is.

    Raises:
        EngineError: If `named` is not installed, or no backend is.
    """
    available = [backend for backend in ENGINES if installed(backend)]
    if named:
        if installed(named):
            return named
        raise EngineError(
            f"Expected KERAS_BACKEND to name an installed backend. Received: {named!r}, which is "
            f"not installed (installed: {', '.join(available) or 'none'}). "
            + (f"Unset it, set it to {' or '.join(map(repr, available))}, or " if available else "")
            + f'install one: `pip install "covey[{named if named in ENGINES else "jax"}]"`.'
        )
    if installed(preferred):
        return preferred
    if available:
        return available[0]
    raise EngineError(
        f"Expected a backend for Keras to run on, and none of {', '.join(ENGINES)} is installed: "
        'install one (`pip install "covey[jax]"`), or set KERAS_BACKEND to the backend you have.'
    )


def installed(name: str) -> bool:
    """Whether a package can be imported."""
    from importlib.util import find_spec

    try:
        spec = find_spec(name) if name.isidentifier() else None
    except ValueError:
        return False
    # A folder that happens to be called "torch" is found as well, without an origin.
    return spec is not None and spec.origin is not None


def preferred() -> str:
    """Return what Keras takes when nobody tells it: the rule of its own configuration module."""
    import json

    home = os.environ.get("KERAS_HOME")
    if home is None:
        user = os.path.expanduser("~")
        home = os.path.join(user if os.access(user, os.W_OK) else "/tmp", ".keras")
    try:
        with open(os.path.expanduser(os.path.join(home, "keras.json")), "rb") as file:
            config = json.load(file)
    except (OSError, ValueError):
        return "tensorflow"
    return str(config.get("backend", "tensorflow")) if isinstance(config, dict) else "tensorflow"


def watch() -> None:
    """From now on, see to the backend and to Covey's classes when Keras is imported.

    And notice when this process is copied after jax was at work in it.
    """
    forks.watch()
    if not any(isinstance(finder, _Watch) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Watch())
    keras = sys.modules.get("keras")
    if keras is not None:
        _announce(keras)


_waiting: list[Any] = []  # classes that were there before Keras


def registered(cls: Any) -> Any:
    """Enter a class in the register of Keras, as one of Covey's: now, or when Keras arrives."""
    keras = sys.modules.get("keras")
    if hasattr(keras, "saving"):
        _register(keras, cls)
    else:
        _waiting.append(cls)
    return cls


def _register(keras: Any, cls: Any) -> None:
    keras.saving.register_keras_serializable(package="covey")(cls)


class _Watch:
    """Finds Keras where the others find it, and does what is to be done around its import."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "keras":
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                break
        else:
            return None
        loader: Any = spec.loader
        load = getattr(loader, "exec_module", None)
        if load is not None:  # a folder without a file has no loader that could do anything

            def exec_module(module: ModuleType) -> None:
                del loader.exec_module
                before = _name_a_backend()
                try:
                    load(module)
                except BaseException:
                    _restore(before)
                    raise
                _announce(module)

            loader.exec_module = exec_module
        return spec


def _name_a_backend() -> str | None:
    """Set KERAS_BACKEND where Keras would fail without it; returns what it was."""
    named = os.environ.get("KERAS_BACKEND")
    if not named:
        like = preferred()
        try:
            backend = choose(named, like, installed)
        except EngineError:
            return named  # it is not for Covey to end an import of Keras; Keras does
        if backend != like:
            os.environ["KERAS_BACKEND"] = backend
    return named


def _restore(named: str | None) -> None:
    if named is None:
        os.environ.pop("KERAS_BACKEND", None)
    else:
        os.environ["KERAS_BACKEND"] = named


class _Later:
    """Stands for a class in Keras' register until a file names it, which imports the class."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self.__name__ = module, name

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._known()(*arguments, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._known(), name)

    def _known(self) -> Any:
        return getattr(import_module(f"covey.{self._module}"), self.__name__)


def _announce(keras: Any) -> None:
    """Enter Covey's classes in the register of Keras, where they are not in it already."""
    if not hasattr(keras, "saving"):  # something else of that name
        return
    register = keras.saving.get_custom_objects()
    for name, module in CLASSES.items():
        register.setdefault(name, _Later(module, name.partition(">")[2]))
    while _waiting:
        _register(keras, _waiting.pop())
