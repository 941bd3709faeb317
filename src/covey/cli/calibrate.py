"""`covey calibrate`: a model whose regions are guaranteed by fresh rows."""

from __future__ import annotations

import argparse
from typing import Any

from covey.cli.columns import as_cell, choose
from covey.cli.model_file import add_model, add_trusted, load_model
from covey.cli.quiet import add_quiet
from covey.cli.tables import STANDARD, add_reading, add_table, called, features_of, read
from covey.errors import InputError, counted

EXAMPLES = """\
examples:
  covey calibrate air.covey fresh.csv --output calibrated.covey
  covey predict calibrated.covey new.csv --columns mean,interval90
"""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "calibrate",
        help="guarantee the coverage of regions by fresh rows",
        description="Calibrate regions, intervals and quantiles of a model on rows that had no\n"
        "part in its training, so that their coverage is guaranteed for rows from the same\n"
        "source. Means and covariances do not change.",
        epilog=EXAMPLES,
    )
    add_model(command)
    add_table(command, "the fresh rows, with their targets")
    command.add_argument(
        "--output", required=True, metavar="MODEL", help="the file to write, which may be the same"
    )
    add_quiet(command, "no summary")
    add_reading(command)
    add_trusted(command)
    command.set_defaults(call=call)


def call(options: argparse.Namespace) -> None:
    """Run the command."""
    from covey.arguments.destination import destination
    from covey.files import TABLE_SUFFIXES

    if options.output == STANDARD or options.output.endswith(TABLE_SUFFIXES):
        raise InputError(
            f"--output takes the model, for example calibrated.covey. Received: {options.output}"
        )
    destination(options.output)
    model = load_model(options)
    table = read(options.table, options, model)
    of = called(options.table)
    targets = choose(list(table.columns), [as_cell(name) for name in model.targets_], "targets", of)
    model.calibrate(features_of(model, table, of), table[targets])
    model.save(options.output, trusted=options.trusted)
    if not options.quiet:
        rows = len(model.fitted_.calibration_set.joint)
        print(f"{options.output}: regions are calibrated on {counted(rows, 'row')} of {of}")
