"""What a command prints beside its result."""

from __future__ import annotations

import argparse


def add_quiet(command: argparse._ActionsContainer, without: str) -> None:
    """Add the option that leaves out what is printed beside a result.

    Args:
        command: to add it to.
        without: what there is none of then.
    """
    command.add_argument("--quiet", action="store_true", help=without)
