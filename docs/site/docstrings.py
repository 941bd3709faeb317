"""Google docstrings as Markdown: what a section says becomes a list of fields."""

import re
from textwrap import dedent

FIELD = re.compile(r"(\*{0,2}[A-Za-z_][\w, ]*?):\s+(.*)", re.S)
SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises", "References", "Example")
_SECTION = re.compile(rf"^({'|'.join(SECTIONS)}):$", re.M)


def to_markdown(docstring: str) -> str:
    """A cleaned docstring, `inspect.getdoc`'s, as Markdown with the field lists of Sphinx."""
    pieces = _SECTION.split(docstring)
    found = [prose(pieces[0])]
    for name, body in zip(pieces[1::2], pieces[2::2], strict=True):
        # What follows a section without indentation is prose again.
        lines = body.strip("\n").splitlines()
        end = next((i for i, line in enumerate(lines) if line and line[0] != " "), len(lines))
        found.append(_section(name, dedent("\n".join(lines[:end])).strip()))
        found.append(prose("\n".join(lines[end:])))
    return "\n\n".join(piece for piece in found if piece.strip())


def items(body: str) -> list[str]:
    """The items of a section: a line that is not indented begins one."""
    found: list[list[str]] = []
    for line in body.splitlines():
        if line and not line.startswith(" "):
            found.append([line])
        elif found:
            found[-1].append(line.strip())
    return [" ".join(part for part in item if part) for item in found]


def prose(text: str) -> str:
    """Text whose indented blocks are formulas, which Markdown must not run together."""
    return text.strip()


def _section(name: str, body: str) -> str:
    if name == "Example":
        return f"**Example**\n\n```pycon\n{re.sub('  # doctest:.*', '', body)}\n```"
    if name == "References":
        return "**References**\n\n" + "\n".join(f"* {_one_line(i)}" for i in _references(body))
    if name in ("Returns", "Yields"):
        return f":{name.lower()}: {_one_line(body)}"
    word = {"Args": "param", "Attributes": "ivar", "Raises": "raises"}[name]
    fields = []
    for item in items(body):
        match = FIELD.match(item)
        assert match, f"an item of {name} without a name: {item!r}"
        fields.append(f":{word} {match[1].replace('*', '')}: {_one_line(match[2])}")
    return "\n".join(fields)


def _references(body: str) -> list[str]:
    """Each ends with a full stop at the end of a line."""
    found, lines = [], []
    for line in body.splitlines():
        lines.append(line.strip())
        if line.endswith("."):
            found.append(" ".join(lines))
            lines = []
    return [*found, " ".join(lines)] if lines else found


def _one_line(text: str) -> str:
    return " ".join(text.split())
