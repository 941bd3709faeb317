"""The page `docs/benchmarks.md`, which two benchmarks write: each keeps what the other wrote."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def part(text: str, name: str) -> str:
    """What lies between the markers of a part, or "" if it is not there."""
    begin, end = _markers(name)
    _, found, rest = text.partition(begin)
    return rest.partition(end)[0].strip("\n") if found else ""


def with_part(text: str, name: str, content: str) -> str:
    """The text with that content between the markers of a part; at the end if it is new."""
    begin, end = _markers(name)
    before, found, rest = text.partition(begin)
    after = rest.partition(end)[2].strip("\n") if found else ""
    if not content:
        pieces = [before, after]
    else:
        pieces = [before, f"{begin}\n\n{content.strip()}\n\n{end}", after]
    return "\n\n".join(piece.strip("\n") for piece in pieces if piece.strip("\n")) + "\n"


def keeping(name: str, text: str) -> str:
    """A new text of the page, with that part as it is now."""
    return with_part(text, name, part(PAGE.read_text(), name) if PAGE.exists() else "")


def _markers(name: str) -> tuple[str, str]:
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
