"""Objects whose attributes nobody sets."""

from __future__ import annotations


class Immutable:
    """What builds such an object fills its `__dict__`."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"A {type(self).__name__} is immutable: cannot set {name!r}.")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"A {type(self).__name__} is immutable: cannot delete {name!r}.")
