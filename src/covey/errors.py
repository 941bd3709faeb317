"""The exceptions and warnings Covey raises on purpose.

```
Exception
└── CoveyError              everything below, for one `except`
    ├── InputError          data or an argument that cannot be used (also a ValueError)
    ├── ArtifactError       a file that is not a usable Covey model (also a ValueError)
    └── EngineError         Keras has no backend that can do this here (also an ImportError)
UserWarning
└── CoveyWarning            the work goes on, but somebody should know
```

Every message says what was expected, what came and what to do. An estimator that was not fitted
raises scikit-learn's own `NotFittedError`.
"""

import os
import reprlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any

__all__ = [
    "ArtifactError",
    "CoveyError",
    "CoveyWarning",
    "EngineError",
    "InputError",
]


def __dir__() -> list[str]:
    return __all__


_OWN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")
_PARTS = ("site-packages", "dist-packages")  # of the paths of what is installed
# Those who call Covey on behalf of somebody else, wherever they lie.
_BETWEEN = {
    "concurrent",
    "contextlib",
    "functools",
    "importlib",
    "joblib",
    "keras",
    "sklearn",
    "threading",
}


class CoveyError(Exception):
    """Base of every exception that Covey raises on purpose."""


class InputError(CoveyError, ValueError):
    """Data or an argument that cannot be used as it is."""


class ArtifactError(CoveyError, ValueError):
    """A file that is not a Covey model, is damaged, or was written by a newer Covey."""


class EngineError(CoveyError, ImportError):
    """Keras is missing; or its backend is, or cannot train, or cannot work in a forked process."""


class CoveyWarning(UserWarning):
    """The work goes on, but its result has a property somebody should know of."""


_UNHEARD: ContextVar[bool] = ContextVar("unheard", default=False)


@contextmanager
def without_warnings() -> Iterator[None]:
    """Say none of Covey's warnings in this thread; those of other threads are said all the same.

    `warnings.catch_warnings` would silence them, too.
    """
    before = _UNHEARD.set(True)
    try:
        yield
    finally:
        _UNHEARD.reset(before)


def warn(message: str, category: type[Warning] = CoveyWarning) -> None:
    """Warn at the user's line that called Covey, also through a pipeline or a search.

    Python would show a warning once for each line of code, so that in a loop over models only the
    first would be heard of. A caller that warns only once has to remember that it did.

    Args:
        message: what somebody should know.
        category: of the warning.
    """
    if _UNHEARD.get():
        return
    frames: list[FrameType] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    outside = [f for f in frames if not f.f_code.co_filename.startswith(_OWN)] or frames[-1:]
    users = [f for f in outside if _top(f.f_globals) not in _BETWEEN] or outside
    # an installed library, a search or a report say, that was called from a script or a notebook
    users = [f for f in users if not _is_installed(f)] or users
    place = users[0]
    warnings.warn_explicit(
        message,
        category,
        place.f_code.co_filename,
        place.f_lineno,
        str(place.f_globals.get("__name__", "<unknown>")),
        {},
    )


def shown(value: Any) -> str:
    """What a message shows of a value: its repr, unless that is long.

    Args:
        value: anything that came from a user.

    Returns:
        One line of at most 200 letters. Tables and arrays are told by their shape, and of what
        holds others a few are shown.
    """
    return clipped(_Shown().repr(value))


def clipped(text: str, most: int = 200) -> str:
    """One line of so many letters at most."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 4]} ..."


def counted(count: int, noun: str) -> str:
    """A number of things in words, such as "1 row" or "1,200 rows".

    Args:
        count: how many there are.
        noun: what one of them is called; its plural ends in s.
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


class _Shown(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 100
        self.maxlevel = 3
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = 4

    def repr1(self, x: Any, level: int) -> str:
        shape = None if isinstance(x, type) else getattr(x, "shape", None)
        if isinstance(shape, tuple) and shape:
            return f"<{type(x).__name__} of shape {shape}>"
        return super().repr1(x, level)


def _is_installed(frame: FrameType) -> bool:
    return any(part in frame.f_code.co_filename.split(os.sep) for part in _PARTS)


def _top(names: dict[str, object]) -> str:
    return str(names.get("__name__", "")).partition(".")[0]
