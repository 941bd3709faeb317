"""The fenced blocks of a page of Markdown."""

import re
from dataclasses import dataclass, field
from textwrap import dedent

NO_RUN = "<!-- no-run -->"


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: the word after the opening fence, if any.
        line: number of the opening fence, from 1.
        code: what is in it, without the indentation of the fence.
        run: whether it may run: the line before the fence does not forbid it.
        end: number of the closing fence.
        indent: of the fence.
    """

    language: str
    line: int
    code: str
    run: bool
    end: int = field(default=0, compare=False)
    indent: str = field(default="", compare=False)


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page; a fence may be indented, as in a list."""
    found = []
    fence, before = None, ""
    for number, line in enumerate(text.splitlines(), 1):
        opening = re.fullmatch(r"(\s*)(`{3,})\s*(\w*).*", line)
        if fence is None and opening:
            indent, fence, language, start = opening[1], opening[2], opening[3], number
            code: list[str] = []
        elif fence is not None and line.strip() == fence:
            body = dedent("\n".join(code)) + "\n"
            found.append(Block(language, start, body, before != NO_RUN, number, indent))
            fence, before = None, ""
        elif fence is not None:
            code.append(line)
        elif line.strip():
            before = line.strip()
    assert fence is None, f"the block that starts in line {start} never ends"
    return found
