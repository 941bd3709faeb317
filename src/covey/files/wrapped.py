"""Text files whose lines some program quoted whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from covey.files.cells import kind
from covey.files.dialect import SEPARATORS

if TYPE_CHECKING:
    from covey.files.notes import Notes

__all__ = ["unwrapped"]

LINE = re.compile(r'"((?:[^"]|"")*)"[ \t]*')
FEWEST = 2  # lines


def unwrapped(text: str, notes: Notes) -> str:
    """Take the quotes off lines that are quoted whole.

    Args:
        text: The text of a file.
        notes: That quotes are taken off is added to them.

    Returns:
        The text; as it was, unless every line is one quoted cell that holds cells.
    """
    if not text.startswith('"'):
        return text
    lines = text.split("\n")
    filled = [line for line in lines if line.strip()]
    found = [LINE.fullmatch(line) for line in filled[:200]]
    inner = [each[1] for each in found if each]
    if len(inner) < max(len(found), FEWEST) or not any(_cuts(sep, inner) for sep in SEPARATORS):
        return text
    if not all(LINE.fullmatch(line) for line in filled):
        return text
    notes.add("quotes around whole lines taken off")
    # quotes are doubled within quotes
    bare = [line.strip()[1:-1].replace('""', '"') if line.strip() else line for line in lines]
    return "\n".join(bare)


def _cuts(sep: str, lines: list[str]) -> bool:
    """Whether a separator cuts all lines into as many cells, some of them numbers."""
    rows = [re.sub(r'"[^"]*"', "x", line.replace('""', '"')).split(sep) for line in lines]
    widths = {len(row) for row in rows}
    if len(widths) > 1 or widths == {1}:
        return False
    return all(any(kind(cell) == "number" for cell in row) for row in rows[1:]) and all(
        kind(cell) == "text" for cell in rows[0]
    )
