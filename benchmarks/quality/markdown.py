"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable


def row(cells: Iterable[str]) -> str:
    """One line of a table."""
    return "| " + " | ".join(cells) + " |"


def table(head: list[str], lines: Iterable[Iterable[str]]) -> str:
    """A head, and a line for each row of cells."""
    return "\n".join([row(head), row(["---"] * len(head)), *map(row, lines)]) + "\n"
