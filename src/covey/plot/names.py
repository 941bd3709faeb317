"""Names of targets as text of a picture: short enough for their place, and still told apart."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence

MORE = "\N{HORIZONTAL ELLIPSIS}"


def short_names(names: Sequence[str], width: int, lines: int = 1) -> list[str]:
    """Names for a place of so many letters and lines.

    Args:
        names: all those that stand in one picture.
        width: letters of a line.
        lines: at most.

    Returns:
        As many texts. A name that fits is as it was; of others the middle is left out, or what they
        have in common if they would look alike; numbers come first where even that does not help.
    """
    found = [_shortened(name, width, lines) for name in names]
    if _alike(found):
        start = _common(names)
        end = _common([name[start:][::-1] for name in names])
        # as much of what is alike as there is room for, around what is not
        for room in range(width * lines, -1, -1):
            cut = min(start, (room + 1) // 2), min(end, room // 2)
            texts = [
                name if len(name) <= width else _around(name, start, end, cut) for name in names
            ]
            wrapped = [_wrapped(text, width) for text in texts]
            if all(len(text) <= lines for text in wrapped):
                found = ["\n".join(text) for text in wrapped]
                break
    if _alike(found):
        found = [
            _shortened(f"{number + 1}: {name}", width, lines) for number, name in enumerate(names)
        ]
    return [written(text) for text in found]


def short_name(name: str, width: int, lines: int = 1) -> str:
    """One name for a place of so many letters and lines."""
    return short_names([name], width, lines)[0]


def written(name: str) -> str:
    """A name as text of a picture: matplotlib would take what is between dollar signs for TeX."""
    try:
        from matplotlib import rcParams
    except ImportError:  # said where the axes are made
        return name
    return name.replace("$", r"\$") if rcParams["text.parse_math"] else name


def _shortened(name: str, width: int, lines: int) -> str:
    name = " ".join(name.split())
    for kept in range(width * lines, 2, -1):
        text = name
        if len(name) > kept:
            head = (kept + 1) // 2
            text = f"{name[: head - 1].rstrip()}{MORE}{name[len(name) - kept + head :].lstrip()}"
        found = _wrapped(text, width)
        if len(found) <= lines:
            return "\n".join(found)
    return name[:width]


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)


def _around(name: str, start: int, end: int, kept: tuple[int, int]) -> str:
    """A name whose common beginning and end are cut to so many letters each."""
    left, right = kept
    last = len(name) - end
    head = name[:start] if start <= left + 1 else f"{name[:left].rstrip()}{MORE}"
    tail = name[last:] if end <= right + 1 else f"{name[last : last + right].rstrip()}{MORE}"
    return f"{head}{name[start:last]}{tail}"


def _alike(found: list[str]) -> bool:
    return max(Counter(found).values(), default=0) > 1


def _common(names: Sequence[str]) -> int:
    """How many letters all names begin with."""
    letters = enumerate(zip(*names, strict=False))
    differ = (number for number, each in letters if len(set(each)) > 1)
    return next(differ, min(map(len, names)))
