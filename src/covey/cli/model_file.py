"""The file of a model that a command reads, and the types that the model may consist of."""

from __future__ import annotations

import argparse
from typing import Any


def add_model(command: argparse.ArgumentParser) -> None:
    """Add the argument that names the file of a model."""
    command.add_argument("model", help="a file that `covey fit` wrote")


def load_model(options: argparse.Namespace) -> Any:
    """Load the model that `add_model` and `add_trusted` name.

    Args:
        options: which hold those of both.

    Returns:
        The fitted estimator.

    Raises:
        ArtifactError: the file is none of a model, or holds types that are not trusted.
    """
    from covey.regressor import load

    return load(options.model, trusted=options.trusted)


def add_trusted(command: argparse.ArgumentParser) -> None:
    """Add the option that names types which loading may run."""
    command.add_argument(
        "--trusted",
        action="append",
        default=[],
        metavar="NAME",
        help="a type outside scikit-learn that the model's base may consist of: its code runs",
    )
