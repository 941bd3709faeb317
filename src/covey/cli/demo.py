"""`covey demo`: the main job on bundled real data."""

from __future__ import annotations

import argparse
from typing import Any

from covey.cli.quiet import add_quiet


def add(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "demo",
        help="run the main job on bundled real data",
        description="Predict five gas concentrations jointly, on bundled real data.\n"
        "With covey[report] air-quality-report.html and air-quality.png go beside the predictions.",
        epilog="example:\n  covey demo --output joint.csv",
    )
    command.add_argument(
        "--output",
        default="air-quality-predictions.csv",
        metavar="TABLE",
        help="the file to write (default: %(default)s)",
    )
    add_quiet(command, "no progress bar")
    command.set_defaults(call=call)


def call(options: argparse.Namespace) -> None:
    """Run the command."""
    from covey.demo import run

    run(options.output, verbose=0 if options.quiet else 1)
