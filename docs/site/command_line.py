"""The reference of the command line: what `--help` says, as a page."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from unittest.mock import patch

from covey.cli import commands

WIDTH = 90  # of the help, in letters


def page() -> str:
    """The text of the page."""
    with patch.dict(os.environ, {"COLUMNS": str(WIDTH + 2), "NO_COLOR": "1"}):
        return "\n".join(_lines())


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command, by its name; "" is that of all."""
    top = commands.parser()
    (chosen,) = [each for each in top._actions if isinstance(each, argparse._SubParsersAction)]
    return {"": top, **chosen.choices}


def _lines() -> Iterator[str]:
    yield from ("# Command line: every command and option", "")
    yield "What `covey --help` and the help of each command say. How they are used together is on"
    yield from ("[a page of its own](../how-to/command-line.md).", "")
    for name, parser in parsers().items():
        yield from (
            f"## covey {name}".rstrip(),
            "",
            "````text",
            f"$ covey {name}".rstrip() + " --help",
        )
        yield from (parser.format_help().rstrip(), "````", "")
