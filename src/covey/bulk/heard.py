"""Warnings of workers elsewhere, which nobody would see there."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from covey.errors import CoveyWarning, warn


@contextmanager
def hearing() -> Iterator[list[str]]:
    """A context in which what Covey warns of is kept.

    Yields:
        What was heard, complete when the context ends.
    """
    said: list[str] = []
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", CoveyWarning)
        yield said
    said += [str(each.message) for each in heard if issubclass(each.category, CoveyWarning)]


def say_new(messages: list[str], told: set[str]) -> None:
    """Warn here of what was heard elsewhere, once of each kind.

    Args:
        messages: what was heard.
        told: kinds that were said before; those of now are added.
    """
    for message in messages:
        kind = re.sub(r"\d[\d,.:]*|\(such as .*?\)", "#", message)  # but for numbers and examples
        if kind not in told:
            told.add(kind)
            warn(message)
