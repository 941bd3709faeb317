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
        below: Lines below the rows that were left out, as their cells.
    """

    facts: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    below: list[Sequence[str]] = field(default_factory=list)

    def add(self, fact: str, *options: str) -> None:
        """Add a fact.

        Args:
            fact: Part of a sentence.
            options: Names of the options that say otherwise.
        """
        self.facts.append(fact)
        self.options.extend(name for name in options if name not in self.options)

    def leave_out(self, lines: Sequence[Sequence[str]], where: str) -> None:
        """Add that lines are no rows.

        Args:
            lines: Their cells; nothing is added if there are none.
            where: Where they stand, such as "before the table".
        """
        if lines:
            count = len(lines)
            self.add(f"{count} line{'s' * (count > 1)} {where} left out ({quoted(lines[0])})")

    def leave_out_below(self, lines: Sequence[Sequence[str]]) -> None:
        """Add that lines after the last row are totals or notes.

        Args:
            lines: Their cells; nothing is added if there are none.
        """
        self.below.extend(lines)
        self.leave_out(lines, "after the last row")

    def keep(self, first: str) -> None:
        """Add that the last row is a row.

        Args:
            first: Its first cell, which looks like that of a total; "" if it does not.
        """
        if first:
            self.add(f"the last row begins with {first!r}, could be a total, and is kept as a row")

    def call_columns(self, width: int) -> list[str]:
        """Add that there is no line of names.

        Args:
            width: How many columns there are.

        Returns:
            What they are called.
        """
        names = [f"x{number}" for number in range(width)]
        called = names[0] if width == 1 else f"{names[0]} to {names[-1]}"
        self.add(f"no line of names found: the columns are called {called}")
        return names


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
