"""`covey info`: what a model file holds."""

from __future__ import annotations

import argparse
from typing import Any

from covey.cli.model_file import add_model


def add(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "info",
        help="say what a model file holds",
        description="Say what a model file holds.",
        epilog="example:\n  covey info air.covey",
    )
    add_model(command)
    command.set_defaults(call=call)


def call(options: argparse.Namespace) -> None:
    """Run the command."""
    from covey.archive.describe import describe

    found = describe(options.model)
    width = max(map(len, found))
    for name, value in found.items():
        print(f"{name:<{width}}  {value}")
