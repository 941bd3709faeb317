"""`covey fit`: a table in, a model file out."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import signal
import sys
from typing import Any

from covey.arguments.family import CHOICES
from covey.cli.columns import add_names, add_sample_weight
from covey.cli.parameters import LATER, TREES, estimator
from covey.cli.quiet import add_quiet
from covey.cli.roles import Roles
from covey.cli.tables import STANDARD, add_reading, add_table, called, read
from covey.cli.words import in_options
from covey.errors import InputError, counted

INTERRUPTED = 130
PARQUET = (".parquet", ".pq")

EXAMPLES = """\
examples:
  covey fit air.csv --targets CO,NOx,NO2 --output air.covey
  covey fit 2024.csv 2025.csv --targets CO --targets NOx --drop id --output air.covey
  covey fit concrete.csv --targets '"strength (MPa, megapascals)",slump' --output c.covey
  covey fit sales.csv --sep ';' --decimal , --categorical zipcode --dates day \\
      --targets price,volume --output sales.covey
  covey fit air.csv --targets CO,NOx --time day --output air.covey
  covey fit air.csv --targets CO,NOx --groups station --params quick.toml --output air.covey
  covey fit big/*.parquet --targets CO,NOx --output air.covey

Names of columns: separated by commas, or the option repeated. A name that holds a comma is quoted
within a list, or stands alone. Ctrl-C ends the training and writes the best model so far, with exit
status 130; a second one ends at once. A file of --params holds parameters of JointRegressor:

  max_steps = 2000
  hidden_units = [64, 64]
"""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "fit",
        help="train a model on a table",
        description="Train a model on a table. Several files are one table. Parquet files that\n"
        "are several, or in a folder, need not fit into memory: their rows are streamed, and\n"
        "MODEL.checkpoint keeps the progress until the model is written.",
        epilog=EXAMPLES,
    )
    add_table(command, "the training rows", "; or folders of Parquet")
    add_names(command, "--targets", "the columns to predict", required=True)
    command.add_argument("--output", required=True, metavar="MODEL", help="the file to write")
    _add_columns(command)
    add_reading(command)
    _add_training(command)
    command.set_defaults(call=call)


def _add_columns(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("columns")
    add_names(group, "--features", "the columns to predict from (default: all others)")
    add_names(group, "--drop", "columns to leave out")
    add_names(group, "--categorical", "columns whose values are names, such as postcodes")
    group.add_argument(
        "--dates",
        action="append",
        metavar="A[=FORMAT],...",
        help="columns of dates, with their format if need be: day=%%d/%%m/%%Y",
    )
    add_sample_weight(group)
    group.add_argument(
        "--groups",
        metavar="COLUMN",
        help="the column of group labels: a group is held out as a whole, with any --cv",
    )
    group.add_argument(
        "--time",
        metavar="COLUMN",
        help="the column of dates or numbers along which the last fifth is held out: no network "
        "trains on a row that is later than one that it is judged by",
    )


def _add_training(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("training")
    group.add_argument(
        "--cv",
        choices=("shuffled", "blocks", LATER),
        help="hold out rows at random, whole blocks of neighbours, or the last fifth (default: "
        "blocks if rows depend on their neighbours)",
    )
    group.add_argument(
        "--family",
        choices=CHOICES,
        help="distribution of the targets (default: the better one on held-out rows; low_rank from "
        "100 targets on)",
    )
    group.add_argument(
        "--transform",
        action="append",
        metavar="NAME",
        help="predict functions of the targets, for targets that are never below 0: auto, or "
        "log1p, say, or for some of them: CO=log1p",
    )
    group.add_argument(
        "--trees",
        choices=tuple(TREES),
        help="give boosted trees a share in the means (default: auto, where they help)",
    )
    group.add_argument(
        "--members",
        type=int,
        help="networks and folds (default: 10 for 50 to 999 rows of up to 16 targets that are held "
        "out one by one, and 5 otherwise)",
    )
    group.add_argument(
        "--max-time", type=float, metavar="SECONDS", help="stop training after so long"
    )
    group.add_argument(
        "--random-state", type=int, metavar="SEED", help="the same seed gives the same model"
    )
    group.add_argument(
        "--params", metavar="FILE", help="further parameters of JointRegressor, in TOML"
    )
    group.add_argument(
        "--stream", action="store_true", help="stream the rows of a single Parquet file too"
    )
    group.add_argument(
        "--resume",
        action="store_true",
        help="continue from MODEL.checkpoint, if an interrupted fit left one (streamed rows only)",
    )
    add_quiet(group, "no progress, no summary")


def call(options: argparse.Namespace) -> int:
    """Run the command."""
    from covey.arguments.destination import destination
    from covey.files import TABLE_SUFFIXES

    if options.output == STANDARD or options.output.endswith(TABLE_SUFFIXES):
        raise InputError(
            f"--output takes the model, for example air.covey. Received: {options.output}"
        )
    destination(options.output)
    model = estimator(options)
    stream = options.stream or are_streamed(options.table)
    if options.resume and not stream:
        raise InputError(
            "--resume is for rows that are streamed. Received one file: add --stream, or leave "
            "--resume out."
        )
    verdict = io.StringIO()  # for the end, when the file is there
    with contextlib.redirect_stdout(verdict):
        rows = (_fit_streamed if stream else _fit_in_memory)(model, options)
    model.save(options.output)
    if not options.quiet:
        count, columns = len(model.targets_), model.n_features_in_
        print(
            f"{options.output}: {counted(count, 'target')} from {counted(columns, 'column')}, "
            f"{counted(rows, 'row')}; out-of-fold score {model.out_of_fold_score_:.3f} nats per row"
        )
        print(in_options(verdict.getvalue()), end="")
    if model.fitted_.interrupted:
        print(f"covey: interrupted; {options.output} holds the best so far", file=sys.stderr)
        return INTERRUPTED
    return 0


def are_streamed(paths: list[str]) -> bool:
    """Whether files are streamed unasked: several of Parquet, a folder, a pattern."""
    if any(os.path.isdir(path) for path in paths):
        return True
    if not all(path.lower().endswith(PARQUET) for path in paths):
        return False
    pattern = any(mark in paths[0] for mark in "*?[") and not os.path.exists(paths[0])
    return len(paths) > 1 or pattern


def _fit_in_memory(model: Any, options: argparse.Namespace) -> int:
    table = read(options.table, options)
    roles = Roles.named(list(table.columns), options, called(options.table))
    _declare(model, roles)
    model.fit(
        table[roles.features],
        table[roles.targets],
        sample_weight=None if roles.sample_weight is None else table[roles.sample_weight],
        groups=None if roles.groups is None else table[roles.groups],
        **({} if roles.time is None else {"time": table[roles.time]}),
    )
    return len(table)


def _fit_streamed(model: Any, options: argparse.Namespace) -> int:
    from covey.stream.dataset import ParquetTable

    if options.time is not None:
        raise InputError(
            "--time is for tables in memory. Received files whose rows are streamed: name one "
            "file, or use --cv blocks."
        )
    for option, value in {"--na": options.na, "--sheet": options.sheet}.items():
        if value is not None:
            raise InputError(
                f"{option} is for tables in memory. Received it with files whose rows are "
                "streamed: name one file, or leave the option out."
            )
    table = ParquetTable.open(options.table)
    roles = Roles.named(list(table.kinds), options, called(options.table))
    _declare(model, roles)
    checkpoint = f"{options.output}.checkpoint"
    # a polite kill is as good as Ctrl-C: both leave the checkpoint
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        model.fit_files(
            options.table,
            roles.targets,
            features=roles.features,
            sample_weight=roles.sample_weight,
            groups=roles.groups,
            checkpoint=checkpoint,
            resume=options.resume,
        )
    except KeyboardInterrupt:
        if os.path.exists(checkpoint):
            print(f"covey: {checkpoint} keeps the progress: --resume", file=sys.stderr)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
    return len(table)


def _declare(model: Any, roles: Roles) -> None:
    """Tell the estimator what columns mean, where options say so."""
    if roles.categorical:
        model.set_params(categorical=tuple(roles.categorical))
    if roles.dates:
        formats = any(form is not None for form in roles.dates.values())
        model.set_params(dates=roles.dates if formats else tuple(roles.dates))
