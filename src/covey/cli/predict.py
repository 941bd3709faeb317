"""`covey predict`: the rows of a table, as the figures that somebody asks for."""

from __future__ import annotations

import argparse
from typing import Any

from covey.cli.columns import SOME, add_names, cells, choose
from covey.cli.folder import is_folder, refuse_for_folders, score
from covey.cli.model_file import add_model, add_trusted, load_model
from covey.cli.tables import (
    add_reading,
    add_table,
    called,
    check_output,
    features_of,
    read,
    write,
)
from covey.errors import InputError

EXAMPLES = """\
examples:
  covey predict air.covey new.csv --output joint.csv
  covey predict air.covey new.csv --carry-over id --columns mean,std,interval90
  covey predict air.covey partly.csv --given CO,NOx --output joint.parquet
  covey predict air.covey new.csv --columns sample100 --random-state 0 > draws.csv
  some-command | covey predict air.covey - --columns quantiles > joint.csv
  covey predict air.covey 'days/*.parquet' --keep id,time --output scored/

an --output that is a folder (one that is there, ends in / or has no suffix) is for any number of
rows: files, folders and patterns go in, Parquet files that read as one table come out, with
_covey_manifest.json, which says which rows are in which. The same command again goes on where it
was. Rows that cannot be scored go to _covey_rejects.csv, with the reason. Folders called key=value
are columns. All paths may have a scheme, such as s3://bucket/days.

what --columns may name, and the columns it writes for a target CO:
  mean          mean_CO, in units of CO
  std           std_CO, the standard deviation
  cov           cov_CO_CO, cov_CO_NOx, ...: the upper triangle of the covariance matrix
  correlation   correlation_CO_NOx, ...: the same of the correlations, without the diagonal
  interval90    lower90_CO and upper90_CO, which hold 90% (calibrated; any level)
  quantile5     quantile05_CO, below which 5% lie (quantile0.05 is the same)
  quantiles     those of 5, 25, 50, 75 and 95%
  sample10      sample1_CO, sample1_NOx, ..., sample10_NOx: ten draws of all targets together
Without --columns: mean and cov, and what else the distribution needs to be read again, such as
degrees_of_freedom. A value that is given is written as its own mean, with variance 0.
After `fit --transform` the normal of this mean and covariance is not what the model says, and may
go below 0: write interval90, quantiles or sample10 then.
"""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "predict",
        help="predict the rows of a table",
        description="Predict all targets of every row: means and covariances, or what --columns\n"
        "names. Columns of the table that the model does not need may be there.",
        epilog=EXAMPLES,
    )
    add_model(command)
    add_table(command, "the rows to predict")
    command.add_argument(
        "--output",
        metavar="PATH",
        help="the file to write (default: -, CSV to the standard output), or a folder; see below",
    )
    command.add_argument(
        "--columns",
        action="append",
        metavar="WHAT,...",
        help="what to write, such as mean,std,interval90 (default: mean and cov); see below",
    )
    add_names(
        command,
        "--given",
        "targets that the table holds already, where observed: predict the others given these",
    )
    command.add_argument(
        *("--carry-over", "--keep"),
        action="append",
        metavar=SOME,
        help="columns of the table to write, too",
    )
    command.add_argument(
        "--random-state", type=int, metavar="SEED", help="the same seed gives the same samples"
    )
    bulk = command.add_argument_group("to a folder")
    bulk.add_argument(
        "--strict",
        action="store_true",
        help="stop at a row that cannot be scored; finished parts stay",
    )
    bulk.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="ray: on the machines of a Ray cluster (default: local, on this one)",
    )
    bulk.add_argument(
        "--address", help="of the Ray cluster (default: that of RAY_ADDRESS, or one started here)"
    )
    bulk.add_argument(
        "--part-rows", type=int, metavar="N", help="rows of a file of predictions (default: 262144)"
    )
    bulk.add_argument("--quiet", action="store_true", help="show no progress")
    add_reading(command)
    add_trusted(command)
    command.set_defaults(call=call)


def call(options: argparse.Namespace) -> None:
    """Run the command."""
    from covey.fitted.figures import Figures

    if is_folder(options.output):
        score(options)
        return
    refuse_for_folders(options)
    words = [cell for word in options.columns or () for cell in cells(word)]
    figures = Figures.named(words, options.random_state) if words else None
    check_output(options.output, options.table)
    model = load_model(options)
    table = read(options.table, options, model)
    names, of = list(table.columns), called(options.table)
    carried = choose(names, options.carry_over, "--carry-over", of)
    given = choose(names, options.given, "--given", of)
    if unknown := [name for name in given if name not in model.targets_]:
        raise InputError(
            f"`given` takes targets of the model: {', '.join(model.targets_)}. Received: {unknown}."
        )
    observed = table[given] if given else None
    features = features_of(model, table, of)
    joint = model.predict_distribution(features, given=observed, keep=True)
    found = joint.to_frame() if figures is None else figures.of(joint)
    if clash := [name for name in carried if name in found.columns]:
        raise InputError(f"--carry-over names columns that the predictions have too: {clash}.")
    write(table[carried].join(found), options.output)
