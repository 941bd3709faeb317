"""`covey export`: a model as an ONNX file."""

from __future__ import annotations

import argparse
from typing import Any

from covey.cli.model_file import add_model, add_trusted, load_model
from covey.cli.quiet import add_quiet
from covey.errors import InputError

SUFFIX = ".onnx"
EXAMPLES = """\
examples:
  covey export air.covey --output air.onnx
"""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "export",
        help="write a model as ONNX, for systems without Covey",
        description="Write a model as an ONNX file: one graph from the cells of a table to the\n"
        "mean and the covariance of every row. Needs covey[onnx].",
        epilog=EXAMPLES,
    )
    add_model(command)
    command.add_argument(
        "--output", required=True, metavar="FILE", help="the file to write, such as air.onnx"
    )
    add_quiet(command, "no word about inputs and outputs")
    add_trusted(command)
    command.set_defaults(call=call)


def call(options: argparse.Namespace) -> None:
    """Run the command."""
    from covey.arguments.destination import destination

    if not options.output.endswith(SUFFIX):
        raise InputError(
            f"--output takes a name that ends in {SUFFIX}, for example air.onnx. Received: "
            f"{options.output}"
        )
    destination(options.output)
    model = load_model(options)
    model.write_onnx(options.output)
    if not options.quiet:
        from covey.export.file import described

        print(f"{options.output}: {described(options.output)}")
