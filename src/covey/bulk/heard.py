"""Warnings of a run: each part has its own, and they are said once, at the end."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from covey.errors import CoveyWarning, warn

MOST = 8  # kinds of warnings that are said


@contextmanager
def hearing() -> Iterator[list[str]]:
    """A context in which what Covey warns of is kept, each kind once.

    Yields:
        What was heard, complete when the context ends.
    """
    found: dict[str, str] = {}
    said: list[str] = []
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        yield said
    for each in heard:
        if issubclass(each.category, CoveyWarning):
            found.setdefault(_kind(str(each.message)), str(each.message))
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    said += found.values()


def say_heard(records: Sequence[dict[str, Any]]) -> None:
    """Say what parts warned of, each kind once, with the number of parts.

    Args:
        records: what each part says of itself.
    """
    found: dict[str, list[str]] = {}
    for record in records:
        for message in record.get("warnings", ()):
            found.setdefault(_kind(message), []).append(f"In {record['part']}: {message}")
    for messages in list(found.values())[:MOST]:
        others = len(messages) - 1
        parts = "1 other part" if others == 1 else f"{others:,} other parts"
        warn(f"{messages[0]} Likewise in {parts}." if others else messages[0])
    if len(found) > MOST:
        warn(f"There are {len(found) - MOST:,} other kinds of warnings; see the manifest.")


def _kind(message: str) -> str:
    """What is the same in warnings that differ by numbers and examples."""
    return re.sub(r"\d[\d,.:]*|\(such as .*?\)", "#", message)
