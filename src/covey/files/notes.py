"""What was recognised in a file beyond the plain, to be said in one line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from covey.errors import clipped, warn

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Notes", "quoted", "say"]


@dataclass
class Notes:
    """What was recognised in one file.

    Attributes:
        facts: How it was read and what was left out, as parts of a sentence.
        options: Names of the options that say otherwise.
    """

    facts: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)

    def add(self, fact: str, *options: str) -> None:
        """Add a fact.

        Args:
            fact: Part of a sentence.
            options: Names of the options that say otherwise.
        """
        self.facts.append(fact)
        self.options.extend(name for name in options if name not in self.options)


def say(read: Sequence[tuple[str, Notes]]) -> None:
    """Say in one warning how files were read, if there is anything to say.

    Args:
        read: Their names, and what was recognised in each.
    """
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, notes in read:
        if notes.facts:
            alike.setdefault(tuple(notes.facts), []).append(name)
    if not alike:
        return
    sentences = [
        f"{clipped(', '.join(names))}: {', '.join(facts)}." for facts, names in alike.items()
    ]
    options = list(dict.fromkeys(name for _, notes in read for name in notes.options))
    if options:
        listed = ", ".join(f"--{name}" for name in options)
        sentences.append(f"Say otherwise with {listed}.")
    warn(" ".join(sentences))


def quoted(cells: Sequence[str], most: int = 40) -> str:
    """A line as a message shows it.

    Args:
        cells: Its cells.
        most: How many letters to show.

    Returns:
        The cells that hold something, in quotes.
    """
    text = " ".join("; ".join(cell for cell in cells if cell).split())
    return f"'{text}'" if len(text) <= most else f"'{text[:most]}...'"
