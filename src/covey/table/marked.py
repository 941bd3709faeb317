"""Labels that look like numbers with marks, which nobody meant as labels."""

from __future__ import annotations

import re
from collections.abc import Mapping

from covey.table.vocabulary import MONEY_SIGNS

FEW_MARKS, MANY_LABELS, MOST_MARKED = 3, 20, 0.9
# a number, but no code such as "042" or "1.2.3"
_NUMBER = re.compile(r"(?<![0-9A-Za-z.,])(0|[1-9][0-9]*)([.,][0-9]+)?(?![0-9.,]*[0-9])")
_BEFORE = rf"[-+~\u2248<>\u2264\u2265'\"({MONEY_SIGNS}\s]*"
_RANGE, _CODE, _WORDS = r"#[-/:#]", r"#[A-Za-z]", r"[A-Za-z]{2,}[^A-Za-z]+[A-Za-z]{2,}"


def marked_number(counts: Mapping[str, int]) -> str | None:
    """A text of a column that looks like numbers with marks: "5.1k", "~0.5", "0.5 (0.1)".

    Args:
        counts: how many cells hold each text.

    Returns:
        The first of them, if there are many and what they have beside numbers is nearly always one
        of a few things; None else, also for codes such as "12B", ranges such as "10-15", and
        addresses.
    """
    if len(counts) <= MANY_LABELS:
        return None
    frames: dict[str, int] = {}
    first = None
    for text, count in counts.items():
        frame = _NUMBER.sub("#", text.strip())
        if not re.match(rf"{_BEFORE}#", frame) or re.search(r"[0-9]", frame):
            continue
        if re.search(_RANGE, frame) or re.search(_WORDS, frame):
            continue
        if re.fullmatch(_CODE, frame) and text.strip()[:-1].isdigit():
            continue
        first = first or text
        frames[frame] = frames.get(frame, 0) + count
    most = sorted(frames.values())[-FEW_MARKS:]
    return first if sum(most) >= MOST_MARKED * sum(counts.values()) else None
