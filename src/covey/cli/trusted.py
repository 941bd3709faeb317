"""Types that a model with a base of somebody's own may consist of."""

from __future__ import annotations

import argparse


def add_trusted(command: argparse.ArgumentParser) -> None:
    """Add the option that names types which loading may run."""
    command.add_argument(
        "--trusted",
        action="append",
        default=[],
        metavar="NAME",
        help="a type outside scikit-learn that the model's base may consist of: its code runs",
    )
